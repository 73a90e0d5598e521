//! The steps to a producer or reader: what each is called, what came out of it, why it failed.

use crate::units;

/// One step on the way to a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Host name to addresses.
    Resolve,
    /// TCP, and the broker's greeting.
    Connect,
    /// The credentials, which go with the greeting.
    Authenticate,
    /// How many partitions, and which broker serves the topic.
    LookUp,
    /// The schema, which goes with the producer.
    RegisterSchema,
    /// A producer.
    CreateProducer,
    /// A reader.
    Subscribe,
}

impl Step {
    /// Returns what the step does, as in "refused to …".
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Resolve => "resolve the host",
            Self::Connect => "connect",
            Self::Authenticate => "authenticate",
            Self::LookUp => "look up the topic",
            Self::RegisterSchema => "register the schema",
            Self::CreateProducer => "create a producer",
            Self::Subscribe => "subscribe",
        }
    }
}

/// A step that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Which.
    pub step: Step,
    /// What came out.
    pub detail: String,
    /// How long it took, with all attempts; `None` for a step that goes with another one's answer.
    pub took_ns: Option<u64>,
}

impl Taken {
    /// Notes a step that went with another one's answer.
    pub(super) fn within(step: Step, detail: impl Into<String>) -> Self {
        Self { step, detail: detail.into(), took_ns: None }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers, or not yet.
    #[error("cannot {} at {address}: {reason} (tried for {}); {hint}",
        step.what(), units::duration_text(*tried_ns))]
    Unreachable {
        /// The step that failed.
        step: Step,
        /// Host and port.
        address: String,
        /// What the last attempt said.
        reason: String,
        /// How long was tried.
        tried_ns: u64,
        /// What to do about it.
        hint: &'static str,
    },
    /// The broker said no.
    #[error("the broker at {address} refused to {}: {words} ({kind}); {hint}", step.what())]
    Refused {
        /// The step that failed.
        step: Step,
        /// Host and port.
        address: String,
        /// Pulsar's name of the error.
        kind: &'static str,
        /// The broker's own words.
        words: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// Something is wrong on this side, or between the two, that waiting does not mend.
    #[error("cannot {} at {address}: {reason}; {hint}", step.what())]
    Wrong {
        /// The step that failed.
        step: Step,
        /// Host and port.
        address: String,
        /// What is wrong.
        reason: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A signal came first.
    #[error("interrupted while trying to {}", step.what())]
    Interrupted {
        /// The step that was under way.
        step: Step,
    },
}
