//! Credentials, with the plugin names and parameters that Pulsar's users know. What is secret is
//! read when it is needed, and shown nowhere: not in a log, a plan, a report or an error.

use std::env::VarError;
use std::fmt;
use std::fs;
use std::io;

use serde::Serialize;
use serde::Serializer;

use crate::trust::ClientCertificate;

mod oauth2;

pub use oauth2::Client;
pub use oauth2::OAuth2;

/// Java's name of the token plugin.
const TOKEN_CLASS: &str = "org.apache.pulsar.client.impl.auth.AuthenticationToken";

/// Java's name of the basic plugin.
const BASIC_CLASS: &str = "org.apache.pulsar.client.impl.auth.AuthenticationBasic";

/// Java's name of the plugin that has the broker take the certificate as proof.
const TLS_CLASS: &str = "org.apache.pulsar.client.impl.auth.AuthenticationTls";

/// Java's name of the plugin that asks an issuer for tokens.
const OAUTH2_CLASS: &str = "org.apache.pulsar.client.impl.auth.oauth2.AuthenticationOAuth2";

/// What proves to the broker who is there.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A token (JWT), from this place.
    Token(Place),
    /// A name and password, sent as `NAME:PASSWORD`.
    Basic(String),
    /// The certificate that TLS shows; nothing else is sent.
    Tls(ClientCertificate),
    /// A token (JWT) that an issuer gives.
    OAuth2(OAuth2),
}

/// Where a secret is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// It was typed.
    Literal(String),
    /// In a file, which may change while the program runs.
    File(String),
    /// In an environment variable.
    Variable(String),
}

/// Credentials that cannot be used. No variant has a secret in it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CredentialsError {
    /// A plugin that this version does not know.
    #[error(
        "there is no plugin '{plugin}'; known are token, oauth2, basic, tls, or their names in Java"
    )]
    PluginUnknown {
        /// The plugin.
        plugin: String,
    },
    /// Parameters without a plugin.
    #[error("--auth-params need an --auth-plugin: token, oauth2, basic or tls")]
    PluginMissing,
    /// A plugin without its parameters.
    #[error("--auth-plugin {plugin} needs --auth-params, such as {example}")]
    ParametersMissing {
        /// The plugin.
        plugin: &'static str,
        /// What they look like.
        example: &'static str,
    },
    /// Parameters that the plugin does not understand.
    #[error("the --auth-params of {plugin} are not understood; they look like {example}")]
    ParametersUnreadable {
        /// The plugin.
        plugin: &'static str,
        /// What they look like.
        example: &'static str,
    },
    /// A certificate without its key, or the other way round.
    #[error("a certificate and its key go together: give --tls-cert-file and --tls-key-file")]
    HalfACertificate,
}

/// Returns what is a plugin's name in what was given for one: parameters may have been, or a token.
fn name_in(given: &str) -> String {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "._$-".contains(c);
    let end = given.find(|c| !is_of_name(c)).unwrap_or(given.len());
    // As every JWT begins.
    let end = if given.starts_with("eyJ") { 0 } else { end };
    let rest = if end < given.len() { "…" } else { "" };
    format!("{}{rest}", &given[..end])
}

/// Returns the file of a URI of one, `file:///PATH` or `file:/PATH`, of which the scheme was taken.
/// What is no escape stays.
fn file_of(uri: &str) -> String {
    let path = uri.strip_prefix("//").unwrap_or(uri);
    let (mut bytes, mut rest) = (Vec::new(), path.as_bytes());
    while let Some((&first, behind)) = rest.split_first() {
        let hex =
            behind.get(..2).filter(|hex| first == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        let byte = hex.and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

const TOKEN_EXAMPLE: &str = "token:eyJ…, file:///run/secrets/token or env:PULSAR_TOKEN";
const BASIC_EXAMPLE: &str = r#"{"userId":"NAME","password":"…"}"#;
const TLS_EXAMPLE: &str = "tlsCertFile:client.pem,tlsKeyFile:client-key.pem";
const OAUTH2_EXAMPLE: &str =
    r#"{"privateKey":"file:///key.json","issuerUrl":"https://…","audience":"…","scope":"…"}"#;

impl Credentials {
    /// Reads what was typed; `own` is the certificate of a plugin tls without parameters.
    ///
    /// # Errors
    /// Names the plugin and what its parameters look like, never the parameters.
    pub fn read(
        plugin: Option<&str>,
        parameters: Option<&str>,
        own: Option<&ClientCertificate>,
    ) -> Result<Option<Self>, CredentialsError> {
        let Some(plugin) = plugin else {
            return match parameters {
                None => Ok(None),
                Some(_) => Err(CredentialsError::PluginMissing),
            };
        };
        match plugin {
            "token" | TOKEN_CLASS => Self::token(parameters).map(Some),
            "basic" | BASIC_CLASS => Self::basic(parameters).map(Some),
            "oauth2" | OAUTH2_CLASS => Self::oauth2(parameters).map(Some),
            "tls" | TLS_CLASS => Self::tls(parameters, own).map(Some),
            other => Err(CredentialsError::PluginUnknown { plugin: name_in(other) }),
        }
    }

    fn token(parameters: Option<&str>) -> Result<Self, CredentialsError> {
        let (plugin, example) = ("token", TOKEN_EXAMPLE);
        let typed = parameters.map(str::trim).filter(|typed| !typed.is_empty());
        let typed = typed.ok_or(CredentialsError::ParametersMissing { plugin, example })?;
        let place = if let Some(token) = typed.strip_prefix("token:") {
            Place::Literal(token.to_owned())
        } else if let Some(path) = typed.strip_prefix("file:") {
            Place::File(file_of(path))
        } else if let Some(name) = typed.strip_prefix("env:") {
            Place::Variable(name.to_owned())
        } else if typed.contains(':') {
            // JSON, as Java's AuthenticationToken reads it, or nothing that is known.
            let read = serde_json::from_str::<serde_json::Value>(typed).unwrap_or_default();
            let unreadable = CredentialsError::ParametersUnreadable { plugin, example };
            Place::Literal(read["token"].as_str().ok_or(unreadable)?.to_owned())
        } else {
            Place::Literal(typed.to_owned())
        };
        Ok(Self::Token(place))
    }

    fn basic(parameters: Option<&str>) -> Result<Self, CredentialsError> {
        let (plugin, example) = ("basic", BASIC_EXAMPLE);
        let typed = parameters.filter(|typed| !typed.trim().is_empty());
        let typed = typed.ok_or(CredentialsError::ParametersMissing { plugin, example })?;
        let unreadable = || CredentialsError::ParametersUnreadable { plugin, example };
        let read: serde_json::Value = serde_json::from_str(typed).map_err(|_| unreadable())?;
        match (read["userId"].as_str(), read["password"].as_str()) {
            (Some(name), Some(password)) => Ok(Self::Basic(format!("{name}:{password}"))),
            _ => Err(unreadable()),
        }
    }

    fn oauth2(parameters: Option<&str>) -> Result<Self, CredentialsError> {
        let (plugin, example) = ("oauth2", OAUTH2_EXAMPLE);
        let typed = parameters.filter(|typed| !typed.trim().is_empty());
        let typed = typed.ok_or(CredentialsError::ParametersMissing { plugin, example })?;
        let read = OAuth2::read(typed);
        let unreadable = CredentialsError::ParametersUnreadable { plugin, example };
        read.map(Self::OAuth2).ok_or(unreadable)
    }

    /// Reads the parameters as Java's `AuthenticationTls.configure` does: JSON, or pairs with
    /// commas between them.
    fn tls(
        parameters: Option<&str>,
        own: Option<&ClientCertificate>,
    ) -> Result<Self, CredentialsError> {
        let (plugin, example) = ("tls", TLS_EXAMPLE);
        let typed = parameters.map(str::trim).filter(|typed| !typed.is_empty());
        let Some(typed) = typed else {
            let missing = CredentialsError::ParametersMissing { plugin, example };
            return own.cloned().map(Self::Tls).ok_or(missing);
        };
        let value = |name: &str| match serde_json::from_str::<serde_json::Value>(typed) {
            Ok(read) => read[name].as_str().map(str::to_owned),
            Err(_) => typed
                .split(',')
                .filter_map(|pair| pair.split_once(':'))
                .find(|(key, _)| key.trim() == name)
                .map(|(_, value)| value.trim().to_owned()),
        };
        match (value("tlsCertFile"), value("tlsKeyFile")) {
            (Some(certificate_file), Some(key_file)) => {
                Ok(Self::Tls(ClientCertificate { certificate_file, key_file }))
            }
            _ => Err(CredentialsError::ParametersUnreadable { plugin, example }),
        }
    }

    /// Returns the certificate that is the proof.
    #[must_use]
    pub const fn certificate(&self) -> Option<&ClientCertificate> {
        match self {
            Self::Tls(certificate) => Some(certificate),
            Self::Token(_) | Self::Basic(_) | Self::OAuth2(_) => None,
        }
    }

    /// Returns the method's name in the protocol, which is no secret.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Token(_) | Self::OAuth2(_) => "token",
            Self::Basic(_) => "basic",
            Self::Tls(_) => "tls",
        }
    }

    /// Returns what a user calls them.
    #[must_use]
    pub const fn plugin(&self) -> &'static str {
        match self {
            Self::OAuth2(_) => "oauth2",
            Self::Token(_) | Self::Basic(_) | Self::Tls(_) => self.method(),
        }
    }

    /// Returns what is sent to the broker, read anew each time; nothing where it has to be asked
    /// for.
    ///
    /// # Errors
    /// When the file or variable cannot be read; the error names it.
    pub fn secret(&self) -> io::Result<Vec<u8>> {
        let named = |what: String, error: io::Error| {
            io::Error::new(error.kind(), format!("the token in {what} cannot be read: {error}"))
        };
        let secret = match self {
            Self::Token(Place::Literal(token)) | Self::Basic(token) => token.clone(),
            Self::Tls(_) | Self::OAuth2(_) => String::new(),
            Self::Token(Place::File(path)) => {
                fs::read_to_string(path).map_err(|error| named(format!("file {path}"), error))?
            }
            Self::Token(Place::Variable(name)) => std::env::var(name).map_err(|error| {
                // Of a variable with other bytes than text the bytes would be told.
                let why = match error {
                    VarError::NotPresent => "it is not set",
                    VarError::NotUnicode(_) => "it is not text",
                };
                named(format!("variable {name}"), io::Error::other(why))
            })?,
        };
        Ok(secret.trim().as_bytes().to_vec())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.plugin())
    }
}

impl Serialize for Credentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.plugin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(plugin: &str, parameters: &str) -> Result<Credentials, CredentialsError> {
        Credentials::read(Some(plugin), Some(parameters), None).map(Option::unwrap)
    }

    #[test]
    fn names_and_parameters_are_those_that_users_know() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "from-file\n").unwrap();
        let path = file.path().display();
        for (plugin, parameters, secret) in [
            ("token", "token:abc".to_owned(), "abc"),
            ("token", "abc".to_owned(), "abc"),
            (TOKEN_CLASS, r#"{"token":"abc"}"#.to_owned(), "abc"),
            (TOKEN_CLASS, format!("file://{path}"), "from-file"),
            ("token", format!("file:{path}"), "from-file"),
            (
                "token",
                format!("file://{}", path.to_string().replace("tmp", "%74m%70")),
                "from-file",
            ),
            ("token", "env:CARGO_PKG_NAME".to_owned(), "producer-load"),
            (BASIC_CLASS, r#"{"userId":"me","password":"pw"}"#.to_owned(), "me:pw"),
        ] {
            let credentials = read(plugin, &parameters).unwrap();
            assert_eq!(credentials.secret().unwrap(), secret.as_bytes(), "{parameters}");
        }
        assert_eq!(Credentials::read(None, None, None), Ok(None));
    }

    #[test]
    fn a_certificate_is_named_as_in_java_or_by_its_own_flags() {
        let own = ClientCertificate { certificate_file: "c".into(), key_file: "k".into() };
        for typed in ["tlsCertFile:c,tlsKeyFile:k", r#"{"tlsCertFile":"c","tlsKeyFile":"k"}"#] {
            assert_eq!(read(TLS_CLASS, typed), Ok(Credentials::Tls(own.clone())), "{typed}");
        }
        let from_flags = Credentials::read(Some("tls"), None, Some(&own));
        assert_eq!(from_flags, Ok(Some(Credentials::Tls(own.clone()))));
        assert_eq!(Credentials::Tls(own).secret().unwrap(), b"");
        let said = Credentials::read(Some("tls"), None, None).unwrap_err().to_string();
        assert!(said.contains("tlsCertFile:"), "{said}");
        assert!(read("tls", "tlsCertFile:c").is_err());
    }

    #[test]
    fn no_secret_is_shown() {
        let secret = "s3cr3t-value";
        let token = read("token", &format!("token:{secret}")).unwrap();
        let shown = format!("{token:?} {}", serde_json::to_string(&token).unwrap());
        assert_eq!(shown, "token \"token\"");
        let known =
            format!(r#"{{"privateKey":"file:///{secret}","issuerUrl":"https://{secret}"}}"#);
        let asked = read(OAUTH2_CLASS, &known).unwrap();
        let shown = format!("{asked:?} {}", serde_json::to_string(&asked).unwrap());
        assert_eq!((&*shown, asked.method()), ("oauth2 \"oauth2\"", "token"));
        for (plugin, parameters) in [
            ("basic", secret.to_owned()),
            ("oauth2", format!(r#"{{"privateKey":"{secret}"}}"#)),
            ("token", format!("tok:{secret}")),
            ("token", format!(r#"{{"tokens":"{secret}"}}"#)),
            ("sasl", secret.into()),
            (&format!("token:{secret}"), String::new()),
            (&format!(r#"{{"token":"{secret}"}}"#), String::new()),
            (&format!("eyJ{secret}"), String::new()),
        ] {
            let said = read(plugin, &parameters).unwrap_err().to_string();
            assert!(!said.contains(secret), "{said}");
        }
        let unknown = read("com.example.Some-Plugin", "").unwrap_err().to_string();
        assert!(unknown.contains("no plugin 'com.example.Some-Plugin'"), "{unknown}");
        assert_eq!((&*file_of("///a%20b%2F%zz%4"), &*file_of("/%ff")), ("/a b/%zz%4", "/%ff"));
        let missing = read("token", "file:///no/such/file").unwrap().secret().unwrap_err();
        assert!(missing.to_string().contains("/no/such/file"), "{missing}");
        let missing = read("token", "env:NO_SUCH_VARIABLE").unwrap().secret().unwrap_err();
        let said = "the token in variable NO_SUCH_VARIABLE cannot be read: it is not set";
        assert_eq!(missing.to_string(), said);
    }
}
