//! Why a plan cannot be carried out, though every value of it could be read.

use crate::units::Shard;

/// A plan that cannot be carried out, though every value of it could be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// A pod without a URL would load itself and nobody would notice.
    #[error(
        "there is no service URL, and the embedded broker is not used inside Kubernetes: \
         set PULSAR_URL or --service-url, such as \
         pulsar://pulsar-proxy.pulsar.svc.cluster.local:6650"
    )]
    ServiceUrlMissing,
    /// A check has nothing to check.
    #[error("check needs a cluster: set PULSAR_URL or --service-url, such as pulsar://HOST:6650")]
    NothingToCheck,
    /// Some shard would have no source.
    #[error("--shard {shard} leaves a shard without a source: raise --sources above {sources}")]
    ShardEmpty {
        /// The shard asked for.
        shard: Shard,
        /// How many sources there are.
        sources: u64,
    },
    /// More lanes than streams: some lane would have nothing to send.
    #[error("--lanes {lanes} is more than --num-producers {streams}: raise that or lower this")]
    LaneIdle {
        /// Lanes asked for.
        lanes: u32,
        /// Streams asked for.
        streams: u32,
    },
    /// A flag that was given and could change nothing.
    #[error("{flag} has no effect: {why}")]
    NoEffect {
        /// The flag.
        flag: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// Too many of something.
    #[error("{flag} {value} is more than {max}")]
    TooMany {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: u32,
        /// What is accepted.
        max: u32,
    },
}
