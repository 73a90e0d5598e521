//! Topic names and service URLs, as Pulsar writes them.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::Serializer;

/// Says why a topic name or service URL would be refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    /// Nothing was given.
    #[error("it is empty; leave the flag and its variable away to use the default")]
    Empty,
    /// The name before `://` is not one of a topic's.
    #[error("a topic starts with persistent:// or non-persistent://, not {scheme}://")]
    TopicScheme {
        /// What stood there.
        scheme: String,
    },
    /// Not `name` and not `tenant/namespace/name`.
    #[error("a topic is NAME or TENANT/NAMESPACE/NAME, this one has {parts} parts")]
    TopicParts {
        /// How many parts there were.
        parts: usize,
    },
    /// A part is empty or has a character that Pulsar refuses.
    #[error("'{part}' is no {kind}: use letters, digits and - = : . _")]
    TopicPart {
        /// The part.
        part: String,
        /// Tenant, namespace or topic name.
        kind: &'static str,
    },
    /// Another protocol.
    #[error("a service URL starts with pulsar:// or pulsar+ssl://, not '{scheme}'; {hint}")]
    UrlScheme {
        /// What stood there.
        scheme: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A user, perhaps with a password, which is not repeated.
    #[error(
        "a service URL has no user and no password before its host; \
         give credentials by --auth-plugin and --auth-params"
    )]
    UrlUser,
    /// No host, or a port that is none.
    #[error("'{address}' is not HOST or HOST:PORT")]
    UrlAddress {
        /// What stood there.
        address: String,
    },
}

/// A full topic name: `persistent://tenant/namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Topic(String);

impl Topic {
    /// Returns the full name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of topic `number` of several with this name.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        Self(format!("{}-{number}", self.0))
    }

    /// Returns the full name of partition `partition` of `count`; 0: the topic is not partitioned.
    #[must_use]
    pub fn partition(&self, partition: u32, count: u32) -> String {
        if count == 0 { self.0.clone() } else { format!("{}-partition-{partition}", self.0) }
    }
}

impl Default for Topic {
    /// Returns the topic of the replaced system.
    fn default() -> Self {
        Self("persistent://public/default/event-stream-data".to_owned())
    }
}

impl FromStr for Topic {
    type Err = AddressError;

    /// Reads a name as the Java client's `TopicName` does; short names are in `public/default`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.trim().is_empty() {
            return Err(AddressError::Empty);
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("persistent", text));
        if !matches!(scheme, "persistent" | "non-persistent") {
            return Err(AddressError::TopicScheme { scheme: scheme.to_owned() });
        }
        let parts: Vec<&str> = rest.split('/').collect();
        let (tenant, namespace, name) = match parts[..] {
            [name] if !text.contains("://") => ("public", "default", name),
            [tenant, namespace, name] => (tenant, namespace, name),
            _ => return Err(AddressError::TopicParts { parts: parts.len() }),
        };
        let kinds = [(tenant, "tenant"), (namespace, "namespace"), (name, "topic name")];
        for (part, kind) in kinds {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-=:._".contains(c);
            if part.is_empty() || !part.chars().all(allowed) {
                return Err(AddressError::TopicPart { part: part.to_owned(), kind });
            }
        }
        Ok(Self(format!("{scheme}://{tenant}/{namespace}/{name}")))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The port of Pulsar's binary protocol, where a URL names none.
const PORT: u16 = 6650;

/// The same by TLS.
const PORT_TLS: u16 = 6651;

/// Where the cluster is: `pulsar://HOST:PORT` or `pulsar+ssl://HOST:PORT`, hosts with commas
/// between them where it has several doors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUrl {
    is_tls: bool,
    endpoints: Vec<Endpoint>,
}

/// One host and port to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address; one of IPv6 is in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// Returns the host without the brackets of an IPv6 address.
    #[must_use]
    pub fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    fn read(text: &str, port: u16) -> Result<Self, AddressError> {
        let (host, port) = match text.rsplit_once(':') {
            // In brackets an address has colons of its own.
            Some((host, typed)) if !typed.ends_with(']') => (host, typed.parse::<u16>().ok()),
            _ => (text, Some(port)),
        };
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
        match port.filter(|&port| port > 0) {
            Some(port) if !host.is_empty() && host.chars().all(is_host) => {
                Ok(Self { host: host.to_owned(), port })
            }
            _ => Err(AddressError::UrlAddress { address: text.to_owned() }),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl ServiceUrl {
    /// Returns whether connections are made by TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Returns the doors of the cluster: at least one.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Returns the URL of one door.
    #[must_use]
    pub fn of(&self, endpoint: &Endpoint) -> String {
        format!("{}{endpoint}", self.scheme())
    }

    const fn scheme(&self) -> &'static str {
        if self.is_tls { "pulsar+ssl://" } else { "pulsar://" }
    }
}

impl FromStr for ServiceUrl {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.contains('@') {
            return Err(AddressError::UrlUser);
        }
        let (scheme, hosts) = text.split_once("://").unwrap_or(("", text));
        let hint = match scheme {
            "pulsar" | "pulsar+ssl" => "",
            "http" | "https" => "that is the admin address; the broker's is usually on port 6650",
            _ => "write pulsar://HOST:6650",
        };
        if !hint.is_empty() {
            return Err(AddressError::UrlScheme { scheme: scheme.to_owned(), hint });
        }
        let is_tls = scheme == "pulsar+ssl";
        let port = if is_tls { PORT_TLS } else { PORT };
        let hosts = hosts.trim_end_matches('/').split(',');
        let endpoints = hosts.map(|host| Endpoint::read(host.trim(), port));
        Ok(Self { is_tls, endpoints: endpoints.collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme())?;
        for (number, endpoint) in self.endpoints.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(f, "{comma}{endpoint}")?;
        }
        Ok(())
    }
}

impl Serialize for ServiceUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_full_names() {
        let full = |text: &str| text.parse::<Topic>().map(|topic| topic.0);
        assert_eq!(full("events"), Ok("persistent://public/default/events".into()));
        assert_eq!(full("a/b/c"), Ok("persistent://a/b/c".into()));
        assert_eq!(full("non-persistent://a/b/c"), Ok("non-persistent://a/b/c".into()));
        let topic: Topic = "events".parse().unwrap();
        assert_eq!(topic.partition(3, 4), "persistent://public/default/events-partition-3");
        assert_eq!(topic.partition(0, 0), "persistent://public/default/events");
    }

    #[test]
    fn what_pulsar_would_refuse_is_refused_with_the_reason() {
        let said = |text: &str| text.parse::<Topic>().unwrap_err().to_string();
        assert!(said("kafka://a/b/c").contains("persistent://"));
        assert!(said("persistent://a/b").contains("2 parts"));
        assert!(said("persistent://a/b/c/d").contains("4 parts"));
        assert!(said("persistent://a//c").contains("namespace"));
        assert!(said("my topic").contains("'my topic' is no topic name"));
        assert!(said("").contains("empty"));
    }

    #[test]
    fn service_urls_are_checked() {
        let said = |text: &str| {
            text.parse::<ServiceUrl>().map(|url| url.to_string()).map_err(|error| error.to_string())
        };
        for (typed, meant) in [
            ("pulsar://localhost:6650/", "pulsar://localhost:6650"),
            ("pulsar://broker", "pulsar://broker:6650"),
            ("pulsar://[::1]", "pulsar://[::1]:6650"),
            ("pulsar://[::1]:6655", "pulsar://[::1]:6655"),
            ("pulsar+ssl://broker", "pulsar+ssl://broker:6651"),
            ("pulsar://a:1,b, c:3", "pulsar://a:1,b:6650,c:3"),
        ] {
            assert_eq!(said(typed).as_deref(), Ok(meant));
        }
        let url: ServiceUrl = "pulsar+ssl://[::1],b:7".parse().unwrap();
        assert!(url.is_tls());
        assert_eq!(url.endpoints()[0].bare_host(), "::1");
        assert_eq!(url.of(&url.endpoints()[1]), "pulsar+ssl://b:7");
        assert!(said("pulsar://a,,b").unwrap_err().contains("HOST"));
        assert!(said("http://localhost:8080").unwrap_err().contains("admin address"));
        assert!(said("localhost:6650").unwrap_err().contains("pulsar://HOST:6650"));
        assert!(said("pulsar://").unwrap_err().contains("HOST"));
        assert!(said("pulsar://host:port").is_err());
        for url in ["pulsar://me:s3cr3t@host:6650", "me:s3cr3t@host", "pulsar://me:s3,cr3t@host"] {
            let said = said(url).unwrap_err();
            assert!(said.contains("--auth-params") && !said.contains("s3"), "{said}");
        }
        assert!(said("pulsar://host:0").is_err());
        assert!(said("").is_err());
    }
}
