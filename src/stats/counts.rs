//! Every counter of a run read once, and what follows from them.

use crate::cpu::ThreadTime;

/// The counters of all threads, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records whose turn came.
    pub scheduled: u64,
    /// Records given to the connection at least once.
    pub sent: u64,
    /// Records given to it again.
    pub resent: u64,
    /// Records that the broker confirmed.
    pub acknowledged: u64,
    /// Records that the broker refused for good.
    pub failed: u64,
    /// Records that were never answered.
    pub unknown: u64,
    /// Records that were due and never sent.
    pub dropped: u64,
    /// AVRO bytes of the records sent.
    pub payload_bytes: u64,
    /// When the last receipt came, in nanoseconds since the run's start.
    pub last_receipt_ns: u64,
    /// How often a lane had to wait for an empty buffer.
    pub buffer_waits: u64,
    /// How long lanes waited for them, in nanoseconds.
    pub buffer_wait_ns: u64,
    /// Bytes of the frames that were written; 0 where the transport does not know.
    pub wire_bytes: u64,
    /// Connections that were lost.
    pub connections_lost: u64,
    /// Producers that were lost.
    pub producers_lost: u64,
    /// Producers that came back.
    pub producers_back: u64,
    /// How often a socket was full.
    pub socket_waits: u64,
    /// How long, in nanoseconds.
    pub socket_wait_ns: u64,
    /// How long there was nothing to do but to wait for receipts, in nanoseconds.
    pub receipt_wait_ns: u64,
    /// Records of the warm-up among those whose turn came.
    pub warmup: u64,
    /// Records that an earlier run has sent.
    pub skipped: u64,
    /// Records without a due time among those whose turn came after the warm-up.
    pub unpaced: u64,
    /// Those of them that the broker confirmed.
    pub unpaced_acknowledged: u64,
    /// When the last receipt of a record with a due time came.
    pub paced_receipt_ns: u64,
    /// Records of the warm-up among those that the broker confirmed.
    pub warmup_acknowledged: u64,
    /// The time of all lanes, counted when they end.
    pub lane_time: ThreadTime,
    /// The time of the publisher's thread, counted when it ends.
    pub publisher_time: ThreadTime,
}

impl Counts {
    /// Returns how many producers are lost and not back.
    #[must_use]
    pub const fn producers_away(&self) -> u64 {
        self.producers_lost.saturating_sub(self.producers_back)
    }

    /// Returns how many records the broker confirmed after the warm-up.
    #[must_use]
    pub const fn confirmed(&self) -> u64 {
        self.acknowledged.saturating_sub(self.warmup_acknowledged)
    }

    /// Returns how many records were sent and have no answer. Counters are read one after the
    /// other, so a receipt may come in between.
    #[must_use]
    pub const fn unanswered(&self) -> u64 {
        self.sent.saturating_sub(self.acknowledged + self.failed + self.unknown)
    }

    /// Returns how many records need nothing any more: they came to an end, in this run or before.
    #[must_use]
    pub const fn done(&self) -> u64 {
        self.skipped + self.acknowledged + self.failed + self.unknown + self.dropped
    }

    /// Returns how many records had their turn, and how many came to each end.
    #[must_use]
    pub const fn fates(&self) -> [u64; 5] {
        [self.scheduled, self.acknowledged, self.failed, self.unknown, self.dropped]
    }

    /// Returns whether every record that was scheduled has an end, and only one.
    #[must_use]
    pub const fn add_up(&self) -> bool {
        self.scheduled == self.acknowledged + self.failed + self.unknown + self.dropped
    }
}
