//! Credentials of `OAuth2`'s client credentials grant (RFC 6749, section 4.4), with the parameters
//! that Java's `AuthenticationOAuth2` takes: whom to ask for a token, and what to say there.

use std::fs;
use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

/// The one grant that needs nobody at a keyboard.
const GRANT: &str = "client_credentials";

/// Whom to ask for a token, and for what.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OAuth2 {
    /// The kind of grant.
    #[serde(rename = "type", default = "grant")]
    kind: String,
    /// Where client id and secret are: `file:///PATH`, or `data:application/json;base64,…`.
    private_key: String,
    /// Whose metadata say where tokens are given, `https://HOST/PATH`.
    pub issuer_url: String,
    /// Whom the token is for; many issuers want to be told.
    pub audience: Option<String>,
    /// What it is to allow.
    pub scope: Option<String>,
    /// The certificates of the authorities to trust, PEM; `None`: those that browsers trust.
    #[serde(rename = "trustCertsFilePath")]
    pub authorities_file: Option<String>,
}

fn grant() -> String {
    GRANT.to_owned()
}

/// Who we are to the issuer. It is never shown.
#[derive(Deserialize)]
pub struct Client {
    /// The name.
    #[serde(rename = "client_id")]
    pub id: String,
    /// The secret.
    #[serde(rename = "client_secret")]
    pub secret: String,
}

impl OAuth2 {
    /// Reads the parameters; `None`: they are not understood.
    pub(super) fn read(parameters: &str) -> Option<Self> {
        let read: Self = serde_json::from_str(parameters).ok()?;
        let is_web = ["http://", "https://"].iter().any(|it| read.issuer_url.starts_with(it));
        (is_web && read.kind == GRANT && (read.inline().is_some() || read.path().is_some()))
            .then_some(read)
    }

    /// Returns the file that the client is in.
    fn path(&self) -> Option<&str> {
        // file:///path, file:/path, /path
        let path = self.private_key.strip_prefix("file:").unwrap_or(&self.private_key);
        let path = path.strip_prefix("//").unwrap_or(path);
        path.starts_with('/').then_some(path)
    }

    /// Returns the client's JSON where it stands in the parameters themselves.
    fn inline(&self) -> Option<String> {
        let data = self.private_key.strip_prefix("data:application/json;base64,")?;
        String::from_utf8(BASE64_STANDARD.decode(data).ok()?).ok()
    }

    /// Reads who we are, anew each time: the file may change while the program runs.
    ///
    /// # Errors
    /// When the file cannot be read or has no client in it; the error names it and no secret.
    pub fn client(&self) -> io::Result<Client> {
        let path = self.path().unwrap_or_default();
        let unreadable = |error: &dyn ToString| {
            let error = error.to_string();
            io::Error::other(format!("the client in file {path} cannot be read: {error}"))
        };
        let text = match self.inline() {
            Some(text) => text,
            None => fs::read_to_string(path).map_err(|error| unreadable(&error))?,
        };
        // What serde says may quote the file.
        let what = "it has to be JSON with client_id and client_secret";
        serde_json::from_str(&text).map_err(|_| match self.inline() {
            Some(_) => io::Error::other(format!("the client in privateKey cannot be read: {what}")),
            None => unreadable(&what),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = r#""issuerUrl":"https://issuer.example/""#;

    fn read(private_key: &str, others: &str) -> Option<OAuth2> {
        OAuth2::read(&format!(r#"{{"privateKey":"{private_key}",{ISSUER}{others}}}"#))
    }

    #[test]
    fn a_client_is_read_from_wherever_java_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        let text = r#"{"type":"client_credentials","client_id":"me","client_secret":"s","x":1}"#;
        fs::write(&path, text).unwrap();
        let (path, inline) = (path.to_str().unwrap(), BASE64_STANDARD.encode(text));
        for private_key in [
            format!("file://{path}"),
            format!("file:{path}"),
            path.to_owned(),
            format!("data:application/json;base64,{inline}"),
        ] {
            let client = read(&private_key, "").unwrap().client().unwrap();
            assert_eq!((&*client.id, &*client.secret), ("me", "s"), "{private_key}");
        }
        let all = r#","type":"client_credentials","audience":"a","scope":"s",
                  "trustCertsFilePath":"ca.pem""#;
        let all = read("file:///key", all).unwrap();
        assert_eq!((all.audience.as_deref(), all.scope.as_deref()), (Some("a"), Some("s")));
        assert_eq!(all.authorities_file.as_deref(), Some("ca.pem"));
    }

    #[test]
    fn what_would_have_no_effect_is_not_understood() {
        for (private_key, others) in [
            ("file:///key", r#","type":"password""#),
            ("file:///key", r#","certFile":"client.pem""#),
            ("https://elsewhere/key", ""),
            ("data:application/json;base64,?", ""),
        ] {
            assert!(read(private_key, others).is_none(), "{private_key} {others}");
        }
        assert!(OAuth2::read(r#"{"privateKey":"file:///k","issuerUrl":"issuer"}"#).is_none());
    }

    #[test]
    fn a_client_that_cannot_be_read_is_not_quoted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), r#"{"client_secret":"s3cr3t","client_id":}"#).unwrap();
        let path = file.path().to_str().unwrap();
        let said = read(path, "").unwrap().client().err().unwrap().to_string();
        assert!(said.contains(path) && said.contains("client_id") && !said.contains("s3cr3t"));
        let inline = BASE64_STANDARD.encode(r#"{"client_secret":"s3cr3t"}"#);
        let inline = format!("data:application/json;base64,{inline}");
        let said = read(&inline, "").unwrap().client().err().unwrap().to_string();
        assert!(said.contains("privateKey") && !said.contains("s3cr3t"), "{said}");
        let missing = read("file:///no/such/key", "").unwrap().client().err().unwrap();
        assert!(missing.to_string().contains("/no/such/key"), "{missing}");
    }
}
