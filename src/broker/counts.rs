//! What the broker counted: plain numbers that a test or a report compares with its own.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

/// Everything counted since the broker started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BrokerCounts {
    /// Connections accepted.
    pub connections: u64,
    /// Connections turned away because too many were open.
    pub connections_refused: u64,
    /// Checksums computed and compared, wrong ones included. A sink leaves most of them out.
    pub checksums_checked: u64,
    /// Frames whose checksum was wrong; each ended its connection.
    pub checksum_errors: u64,
    /// Frames too large, unreadable or out of turn; each ended its connection.
    pub frames_refused: u64,
    /// SENDs refused because their records did not add up.
    pub malformed_batches: u64,
    /// How often each fault struck, by name; those that only slow receipts down are not counted.
    pub faults: BTreeMap<&'static str, u64>,
    /// Producers created, re-created ones included.
    pub producers_created: u64,
    /// Counts of each topic (each partition is one), by full name.
    pub topics: BTreeMap<String, TopicCounts>,
}

impl BrokerCounts {
    /// Returns the records that all topics took.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.topics.values().map(|topic| topic.records).sum()
    }

    /// Returns the bytes that came to all topics, without the heads of batches.
    #[must_use]
    pub fn entry_bytes(&self) -> u64 {
        self.topics.values().map(|topic| topic.entry_bytes).sum()
    }
}

/// What one topic took. A receipt may still be on its way, or be lost with its connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TopicCounts {
    /// SENDs taken, batches and single records alike.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// The records' own bytes, without headers. A compressed batch is not opened, nor is any batch
    /// by a sink: it counts with the bytes that came.
    pub payload_bytes: u64,
    /// The bytes that came: the records' headers included, compressed where they are compressed.
    pub entry_bytes: u64,
    /// Batches that were dropped because they had come before.
    pub repeated_batches: u64,
    /// Batches that were overwritten before a subscription had read them, counted for each that
    /// missed them, and not before it reads on.
    pub overrun_batches: u64,
    /// When the first and the last of its SENDs were taken.
    #[serde(skip)]
    pub taken: Option<(Instant, Instant)>,
    /// The text of the newest schema; partitions share their topic's.
    pub schema: Option<String>,
    /// The names of the live producers, in order.
    pub producers: Vec<String>,
}
