//! Why the broker says no, in the protocol's code and in words.

use pulsar::message::proto::ServerError;
use pulsar::message::proto::command_subscribe::SubType;

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
    #[error("the topic has {partitions} partitions; name one of them")]
    Partitioned { partitions: u32 },
    #[error("the topic has only {partitions} partitions, they count from 0")]
    PartitionMissing { partitions: u32 },
    #[error("the embedded broker keeps at most {topics} topics")]
    TopicsMax { topics: usize },
    #[error("the embedded broker has at most {producers} producers at a time")]
    ProducersMax { producers: usize },
    #[error("the embedded broker has no more room for schemas")]
    SchemasMax,
    #[error("the name of a producer, consumer or subscription has at most {NAME_BYTES_MAX} bytes")]
    NameTooLong,
    #[error("a producer with the name '{name}' is already connected to the topic")]
    NameTaken { name: String },
    #[error("the producer id {producer_id} is in use on this connection")]
    IdTaken { producer_id: u64 },
    #[error("there is no such producer on this connection")]
    ProducerMissing,
    #[error("there is no such topic")]
    TopicMissing,
    #[error("this broker keeps nothing to read: it is a sink, or serves its own process alone")]
    NothingKept,
    // The words of the next five are the real broker's, so that clients and people know them.
    #[error("Exclusive consumer is already connected")]
    ConsumerBusy,
    #[error(
        "Subscription is of different type. Active subscription type of '{active:?}' is different \
         than the connecting consumer's type '{wished:?}'."
    )]
    SubscriptionKind { active: SubType, wished: SubType },
    #[error("Unconnected or shared consumer attempting to unsubscribe")]
    SubscriptionShared,
    #[error("Consumer not found")]
    ConsumerMissing,
    #[error("Message id and message publish time were not present")]
    SeekNowhere,
    #[error("a subscription of this name is there, and only one of the two is durable")]
    SubscriptionDurability,
    #[error("the embedded broker has at most {consumers} consumers at a time")]
    ConsumersMax { consumers: usize },
    #[error("the embedded broker has at most {subscriptions} subscriptions a topic")]
    SubscriptionsMax { subscriptions: usize },
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
            Self::SchemaMissing | Self::TopicMissing => ServerError::TopicNotFound,
            Self::ConsumerBusy | Self::SubscriptionKind { .. } => ServerError::ConsumerBusy,
            Self::SubscriptionShared | Self::ConsumerMissing | Self::SeekNowhere => {
                ServerError::MetadataError
            }
            Self::NotPersisted => ServerError::PersistenceError,
            _ => ServerError::NotAllowedError,
        }
    }
}
