//! Why one attempt failed, told apart by what can be done about it.

use std::fmt;
use std::io;

use pulsar::Error;
use pulsar::error::ConnectionError;
use pulsar::error::ProducerError;
use pulsar::error::ServiceDiscoveryError;
use pulsar::proto::ServerError;

use super::LinkError;
use super::Step;
use super::tls;

/// Why one attempt failed.
#[derive(Debug)]
pub enum Cause {
    /// The broker answered with an error.
    Refused {
        /// Pulsar's kind of error.
        kind: ServerError,
        /// The broker's own words.
        words: String,
    },
    /// Something that trying again does not mend, such as a certificate that is not trusted.
    Wrong {
        /// What is wrong.
        reason: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// No answer came, or none that is understood.
    Trouble {
        /// What happened.
        reason: String,
        /// What to do about it.
        hint: &'static str,
    },
}

const SILENCE: &str = "no answer came";
const REACH: &str =
    "is the broker running, is the port right, does a firewall or network policy block it?";
const RESOLVE: &str = "check the host name in --service-url";
const CREDENTIALS: &str = "check the file or variable in --auth-params";
const SPEAK: &str =
    "is this Pulsar's binary port (usually 6650), not its web port, and not one for pulsar+ssl://?";

impl Cause {
    pub(super) fn unresolved(error: &io::Error) -> Self {
        Self::Trouble { reason: error.to_string(), hint: RESOLVE }
    }

    pub(super) fn unreadable(error: &io::Error) -> Self {
        Self::Trouble { reason: error.to_string(), hint: CREDENTIALS }
    }

    pub(super) fn silence(step: Step) -> Self {
        let hint = if step == Step::Resolve { RESOLVE } else { SPEAK };
        Self::Trouble { reason: SILENCE.to_owned(), hint }
    }

    /// Returns whether nobody answered at all.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Trouble { reason, .. } if reason == SILENCE)
    }

    /// Returns the broker's kind of error, if it was one of the broker's.
    pub(super) const fn kind(&self) -> Option<ServerError> {
        match self {
            Self::Refused { kind, .. } => Some(*kind),
            Self::Wrong { .. } | Self::Trouble { .. } => None,
        }
    }

    /// Reads an error that the broker sent.
    pub(crate) fn refused(code: i32, words: String) -> Self {
        let kind = ServerError::try_from(code).unwrap_or(ServerError::UnknownError);
        Self::Refused { kind, words: one_line(Some(words)) }
    }

    pub(super) fn wrong(reason: impl fmt::Display, hint: &'static str) -> Self {
        Self::Wrong { reason: reason.to_string(), hint }
    }

    pub(super) fn trouble(reason: impl fmt::Display) -> Self {
        Self::Trouble { reason: reason.to_string(), hint: REACH }
    }

    /// Returns whether trying again may help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Trouble { .. } => true,
            Self::Wrong { .. } => false,
            Self::Refused { .. } if self.wants_encryption() => false,
            Self::Refused { kind, .. } => matches!(
                kind,
                ServerError::ServiceNotReady
                    | ServerError::ProducerBusy
                    | ServerError::TooManyRequests
                    | ServerError::MetadataError
                    | ServerError::ProducerBlockedQuotaExceededError
                    | ServerError::ProducerBlockedQuotaExceededException
            ),
        }
    }

    /// Returns whether a producer that cannot be created again for this reason never can.
    ///
    /// Unlike at the start, when a mistake is likelier than an accident, what is not known to be
    /// final passes: a cluster that restarts gives many reasons.
    #[must_use]
    pub fn ends_a_run(&self) -> bool {
        match self {
            Self::Trouble { .. } => false,
            Self::Wrong { .. } => true,
            Self::Refused { .. } if self.wants_encryption() => true,
            Self::Refused { kind, .. } => matches!(
                kind,
                ServerError::AuthenticationError
                    | ServerError::AuthorizationError
                    | ServerError::IncompatibleSchema
                    | ServerError::InvalidTopicName
                    | ServerError::NotAllowedError
                    | ServerError::ProducerFenced
                    | ServerError::TopicNotFound
                    | ServerError::TopicTerminatedError
                    | ServerError::UnsupportedVersionError
            ),
        }
    }

    /// Returns whether only encrypted messages are taken, which none of ours is: the topic's policy
    /// goes by the same kind as trouble with the metadata store (`ServerCnx.handleProducer` and
    /// `Producer.checkAndStartPublish` in Pulsar).
    fn wants_encryption(&self) -> bool {
        let Self::Refused { kind: ServerError::MetadataError, words } = self else { return false };
        words.contains("Encryption is required") || words.contains("must be encrypted")
    }

    /// Returns whether a batch that got this answer is refused for good: not stored, never to be.
    ///
    /// Some say only that the broker does not know, and a wrong checksum that the bytes were spoilt
    /// on their way: then it is to be sent again, as by the Java client.
    #[must_use]
    pub fn is_final_refusal(&self) -> bool {
        let Self::Refused { kind, .. } = self else { return false };
        let is_unknown = matches!(
            kind,
            ServerError::ChecksumError | ServerError::PersistenceError | ServerError::UnknownError
        );
        !is_unknown && !self.is_passing()
    }

    /// Returns whether a batch that got this answer is the last one that the topic ever takes.
    #[must_use]
    pub fn ends_a_topic(&self) -> bool {
        matches!(self, Self::Refused { kind: ServerError::TopicTerminatedError, .. })
            || self.wants_encryption()
    }

    /// Returns what the user can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        let (kind, words) = match self {
            Self::Trouble { hint, .. } | Self::Wrong { hint, .. } => return hint,
            Self::Refused { kind, words } => (kind, words),
        };
        match kind {
            ServerError::AuthenticationError => "check the credentials",
            ServerError::AuthorizationError => "grant this role the right to produce",
            ServerError::TopicNotFound => {
                "create the topic and its namespace, or allow automatic creation"
            }
            ServerError::IncompatibleSchema if words.contains("auto updating is disabled") => {
                "register this schema first, or let the namespace take new ones"
            }
            ServerError::IncompatibleSchema => {
                "another schema is registered for this topic: choose another --topic or delete it"
            }
            ServerError::TopicTerminatedError => "a terminated topic takes nothing: choose another",
            ServerError::ProducerBusy => {
                "another producer uses this name: choose another --producer-name, or end it"
            }
            ServerError::ProducerBlockedQuotaExceededError
            | ServerError::ProducerBlockedQuotaExceededException => {
                "the topic's backlog quota is full: consume it or raise the quota"
            }
            ServerError::NotAllowedError if words.contains("maximum message size") => {
                "make batches smaller (--batch-max-bytes), or raise the topic's maxMessageSize"
            }
            ServerError::MetadataError if self.wants_encryption() => {
                "the topic takes encrypted messages alone, which are not made: choose another"
            }
            ServerError::ServiceNotReady if words.contains("cannot be validated") => {
                "the proxy may not connect to that broker: see brokerProxyAllowedTargetPorts"
            }
            ServerError::ServiceNotReady if words.ends_with(" listener") => {
                "check --listener-name against the brokers' advertisedListeners"
            }
            ServerError::ServiceNotReady => "the broker does not serve this topic (yet)",
            _ => "the broker's log says more",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { kind, words } => write!(f, "{words} ({})", kind.as_str_name()),
            Self::Trouble { reason, .. } | Self::Wrong { reason, .. } => f.write_str(reason),
        }
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        tls::cause(&error).unwrap_or_else(|| Self::trouble(error))
    }
}

impl From<LinkError> for Cause {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Network(error) => error.into(),
            LinkError::Refused(cause) | LinkError::Final(cause) => cause,
            LinkError::Closed | LinkError::Malformed(_) => {
                Self::Trouble { reason: error.to_string(), hint: SPEAK }
            }
            LinkError::Silent(_) => Self::trouble(error),
        }
    }
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        match error {
            Error::Connection(error)
            | Error::Producer(ProducerError::Connection(error))
            | Error::ServiceDiscovery(ServiceDiscoveryError::Connection(error)) => error.into(),
            Error::ServiceDiscovery(ServiceDiscoveryError::Query(Some(kind), words)) => {
                Self::Refused { kind, words: one_line(words) }
            }
            Error::Producer(ProducerError::Batch(error)) => Self::from_shared(&error),
            other => Self::trouble(other),
        }
    }
}

impl Cause {
    /// Reads an error that several records share.
    fn from_shared(error: &Error) -> Self {
        match error {
            Error::Producer(ProducerError::Connection(ConnectionError::PulsarError(
                Some(kind),
                words,
            )))
            | Error::Connection(ConnectionError::PulsarError(Some(kind), words)) => {
                Self::Refused { kind: *kind, words: one_line(words.clone()) }
            }
            other => Self::trouble(other),
        }
    }
}

impl From<ConnectionError> for Cause {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::PulsarError(Some(kind), words) => {
                Self::Refused { kind, words: one_line(words) }
            }
            ConnectionError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                Self::Trouble { reason: "no answer came in time".to_owned(), hint: SPEAK }
            }
            ConnectionError::NotFound => {
                Self::Trouble { reason: "the host is unknown".to_owned(), hint: RESOLVE }
            }
            other => Self::trouble(other),
        }
    }
}

/// Keeps of the broker's words what a reader wants: the first line, as some answer with a whole
/// Java stack trace, without the names of Java's exceptions and without a cause that says the same
/// again.
fn one_line(words: Option<String>) -> String {
    let words = words.map(without_address).unwrap_or_default();
    let line = words.lines().next().unwrap_or_default();
    let mut causes: Vec<&str> = line.split(" caused by ").map(without_exception).collect();
    causes.dedup();
    let told = causes.join(" caused by ");
    if told.is_empty() { "without a word".to_owned() } else { told }
}

/// Returns what the broker said where a proxy passes it on in JSON, beside addresses of its own.
fn without_address(words: String) -> String {
    let passed_on = serde_json::from_str::<serde_json::Value>(&words).ok();
    let words_of = |passed_on: serde_json::Value| Some(passed_on["errorMsg"].as_str()?.to_owned());
    passed_on.and_then(words_of).unwrap_or(words)
}

/// Returns the text behind a class name such as `java.io.IOException: `.
fn without_exception(text: &str) -> &str {
    let is_class = |name: &str| {
        let last = name.rsplit_once('.').map_or("", |(_, last)| last);
        last.starts_with(char::is_uppercase) && !name.contains(char::is_whitespace)
    };
    match text.split_once(": ") {
        Some((name, rest)) if is_class(name) => rest.trim(),
        _ => text.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: ServerError, words: &str) -> Cause {
        ConnectionError::PulsarError(Some(kind), Some(words.to_owned())).into()
    }

    #[test]
    fn what_passes_is_told_apart_from_what_stays() {
        assert!(refused(ServerError::ProducerBusy, "taken").is_passing());
        assert!(!refused(ServerError::IncompatibleSchema, "no").is_passing());
        assert!(Cause::from(Error::Connection(ConnectionError::Disconnected)).is_passing());
    }

    #[test]
    fn a_topic_that_wants_encryption_never_takes_anything() {
        let asked = refused(ServerError::MetadataError, "Encryption is required in a/b/c");
        assert!(asked.ends_a_run() && !asked.is_passing());
        let sent = refused(ServerError::MetadataError, "Messages must be encrypted");
        assert!(
            sent.is_final_refusal() && sent.ends_a_topic() && sent.hint().contains("encrypted")
        );
        let store = refused(ServerError::MetadataError, "the metadata store is away");
        assert!(!store.ends_a_run() && store.is_passing() && !store.is_final_refusal());
    }

    #[test]
    fn what_the_broker_does_not_know_is_not_refused() {
        assert!(refused(ServerError::NotAllowedError, "too large").is_final_refusal());
        for kind in
            [ServerError::PersistenceError, ServerError::ChecksumError, ServerError::UnknownError]
        {
            assert!(!refused(kind, "busy").is_final_refusal(), "{kind:?}");
        }
        assert!(!refused(ServerError::ServiceNotReady, "moving").is_final_refusal());
        assert!(!Cause::silence(Step::Connect).is_final_refusal());
    }

    #[test]
    fn the_brokers_words_are_kept_without_its_stack() {
        let cause = refused(ServerError::TopicNotFound, "Topic not found\n\tat java.lang.Thread");
        assert_eq!(cause.to_string(), "Topic not found (TopicNotFound)");
        assert!(cause.hint().contains("create the topic"));
        let class =
            "org.apache.pulsar.broker.service.schema.exceptions.IncompatibleSchemaException";
        let why = "Schema not found and schema auto updating is disabled.";
        let words = format!("{class}: {why} caused by {class}: {why}");
        let cause = refused(ServerError::IncompatibleSchema, &words);
        assert_eq!(cause.to_string(), format!("{why} (IncompatibleSchema)"));
        let words = format!("{class}: no caused by java.io.IOException: disk: full");
        let cause = refused(ServerError::IncompatibleSchema, &words);
        assert_eq!(cause.to_string(), "no caused by disk: full (IncompatibleSchema)");
        let words = r#"{"errorMsg":"java.lang.Exception: no", "remote":"127.0.0.1:6650"}"#;
        let cause = refused(ServerError::AuthorizationError, words);
        assert_eq!(cause.to_string(), "no (AuthorizationError)");
        let cause = refused(ServerError::TopicNotFound, "");
        assert_eq!(cause.to_string(), "without a word (TopicNotFound)");
    }
}
