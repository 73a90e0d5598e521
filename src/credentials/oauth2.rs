//! Credentials of `OAuth2`'s client credentials grant (RFC 6749, section 4.4), with the parameters
//! that Java's `AuthenticationOAuth2` takes: whom to ask for a token, and what to say there.

use std::fs;
use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::file_of;

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
    /// Where else than usually the issuer's metadata are.
    well_known_metadata_path: Option<String>,
}

/// How long Java waits; here an answer has its time, whatever these say.
const NOT_FOLLOWED: [&str; 2] = ["connectTimeout", "readTimeout"];

/// Where an issuer's metadata stand, behind its URL (`OpenID` Connect Discovery, section 4).
const METADATA: &str = "/.well-known/openid-configuration";

/// What any other path of them begins with.
const WELL_KNOWN: &str = "/.well-known/";

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
        let mut typed: Value = serde_json::from_str(parameters).ok()?;
        for key in NOT_FOLLOWED {
            typed.as_object_mut()?.remove(key);
        }
        let read: Self = serde_json::from_value(typed).ok()?;
        let is_web = ["http://", "https://"].iter().any(|it| read.issuer_url.starts_with(it));
        let has_metadata = read.metadata_path().is_none_or(|path| path.starts_with(WELL_KNOWN));
        (is_web
            && has_metadata
            && read.kind == GRANT
            && (read.inline().is_some() || read.path().is_some()))
        .then_some(read)
    }

    fn metadata_path(&self) -> Option<&str> {
        self.well_known_metadata_path.as_deref().filter(|path| !path.is_empty())
    }

    /// Returns where the issuer's metadata are: a path that was given goes before the issuer's own
    /// (RFC 8414, section 3.1).
    #[must_use]
    pub fn metadata_url(&self) -> String {
        let issuer = self.issuer_url.trim_end_matches('/');
        let Some(path) = self.metadata_path() else { return issuer.to_owned() + METADATA };
        let host = issuer.find("://").map_or(0, |at| at + 3);
        let own = issuer[host..].find('/').map_or(issuer.len(), |at| host + at);
        format!("{}{path}{}", &issuer[..own], &issuer[own..])
    }

    /// Returns the file that the client is in.
    fn path(&self) -> Option<String> {
        let uri = self.private_key.strip_prefix("file:");
        let path = uri.map_or_else(|| self.private_key.clone(), file_of);
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
            None => fs::read_to_string(&path).map_err(|error| unreadable(&error))?,
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
        let timeouts = r#","connectTimeout":"PT10S","readTimeout":"PT30S""#;
        assert!(read("file:///key", timeouts).is_some());
    }

    #[test]
    fn metadata_are_where_java_looks_for_them() {
        let url = |issuer: &str, path: &str| {
            let path = format!(r#""wellKnownMetadataPath":"{path}""#);
            let parameters = format!(r#"{{"privateKey":"/k","issuerUrl":"{issuer}",{path}}}"#);
            OAuth2::read(&parameters).map(|read| read.metadata_url())
        };
        let (issuer, own) =
            ("http://localhost/path/oauth", "/.well-known/oauth-authorization-server");
        for (issuer, path, expected) in [
            (issuer, "", format!("{issuer}{METADATA}")),
            (issuer, own, format!("http://localhost{own}/path/oauth")),
            ("http://localhost/", own, format!("http://localhost{own}")),
        ] {
            assert_eq!(url(issuer, path), Some(expected));
        }
        assert_eq!(url(issuer, "/custom-path"), None);
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
