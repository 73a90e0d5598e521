//! What a run has used and waited for by now, read at two moments to judge what lies between.

use crate::clock;
use crate::clock::Moment;
use crate::cpu::Cgroup;
use crate::cpu::ThreadTime;
use crate::cpu::Throttling;
use crate::report::Spent;
use crate::stats::Stats;

/// Sums since the start of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Moment,
    process_cpu_ns: u64,
    lanes: ThreadTime,
    publisher: ThreadTime,
    throttling: Option<Throttling>,
    buffer_wait_ns: u64,
    socket_wait_ns: u64,
    receipt_wait_ns: u64,
}

impl Sample {
    /// Reads everything, of threads those that live.
    pub(super) fn now(stats: &Stats, cgroup: &Cgroup) -> Self {
        let counted = stats.counts();
        Self {
            at: clock::now(),
            process_cpu_ns: clock::process_cpu_ns(),
            lanes: ThreadTime::of_threads("lane-"),
            publisher: ThreadTime::of_threads("publisher"),
            throttling: cgroup.throttling(),
            buffer_wait_ns: counted.buffer_wait_ns,
            socket_wait_ns: counted.socket_wait_ns,
            receipt_wait_ns: counted.receipt_wait_ns,
        }
    }

    /// Reads everything, of threads what they counted when they ended.
    pub(super) fn at_the_end(stats: &Stats, cgroup: &Cgroup) -> Self {
        let counted = stats.counts();
        let (lanes, publisher) = (counted.lane_time, counted.publisher_time);
        Self { lanes, publisher, ..Self::now(stats, cgroup) }
    }

    /// Returns what was used since `earlier`.
    pub(super) fn since(self, earlier: Self) -> Spent {
        let throttled_before = earlier.throttling.unwrap_or_default();
        Spent {
            elapsed_ns: self.at.ns_since(earlier.at),
            process_cpu_ns: self.process_cpu_ns.saturating_sub(earlier.process_cpu_ns),
            lanes: self.lanes.since(earlier.lanes),
            publisher: self.publisher.since(earlier.publisher),
            throttling: self.throttling.map(|throttling| throttling.since(throttled_before)),
            buffer_wait_ns: self.buffer_wait_ns.saturating_sub(earlier.buffer_wait_ns),
            socket_wait_ns: self.socket_wait_ns.saturating_sub(earlier.socket_wait_ns),
            receipt_wait_ns: self.receipt_wait_ns.saturating_sub(earlier.receipt_wait_ns),
        }
    }
}
