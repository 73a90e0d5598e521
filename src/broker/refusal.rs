//! Why the broker says no, in the protocol's code and in words.

use pulsar::message::proto::ServerError;

use super::entry::EntryError;
use super::names::NAME_BYTES_MAX;

/// A request or a SEND that is refused; the connection lives on.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Refusal {
    #[error(
        "this is no topic name; write persistent://tenant/namespace/topic in at most \
         {NAME_BYTES_MAX} bytes"
    )]
    TopicName,
    #[error("the topic has {partitions} partitions; produce to one of them")]
    Partitioned { partitions: u32 },
    #[error("the topic has only {partitions} partitions, they count from 0")]
    PartitionMissing { partitions: u32 },
    #[error("the embedded broker keeps at most {topics} topics")]
    TopicsMax { topics: usize },
    #[error("the embedded broker has at most {producers} producers at a time")]
    ProducersMax { producers: usize },
    #[error("the embedded broker has no more room for schemas")]
    SchemasMax,
    #[error("a producer's name has at most {NAME_BYTES_MAX} bytes")]
    NameTooLong,
    #[error("a producer with the name '{name}' is already connected to the topic")]
    NameTaken { name: String },
    #[error("the producer id {producer_id} is in use on this connection")]
    IdTaken { producer_id: u64 },
    #[error("there is no such producer on this connection")]
    ProducerMissing,
    #[error("the topic has no such schema")]
    SchemaMissing,
    #[error("malformed batch: {0}")]
    Malformed(#[from] EntryError),
    #[error("the entry is not persisted, as the fault send-error wishes")]
    NotPersisted,
    #[error("not supported by the embedded broker")]
    Unsupported,
}

impl Refusal {
    /// Returns the protocol's code. Clients decide by it whether to try again: `NotAllowedError` is
    /// the one that none of them repeats.
    pub(super) const fn code(&self) -> ServerError {
        match self {
            Self::TopicName => ServerError::InvalidTopicName,
            Self::NameTaken { .. } => ServerError::ProducerBusy,
            Self::SchemaMissing => ServerError::TopicNotFound,
            Self::NotPersisted => ServerError::PersistenceError,
            _ => ServerError::NotAllowedError,
        }
    }
}
