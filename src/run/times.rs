//! How much CPU time the process, its lanes and its publisher have used by now.

use crate::clock;
use crate::cpu::ThreadTime;
use crate::report::CpuTimes;
use crate::stats::Stats;

/// CPU time since the start of each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    process_cpu_ns: u64,
    lanes: ThreadTime,
    publisher: ThreadTime,
}

impl Times {
    /// Reads the process and the threads that live.
    pub(super) fn now() -> Self {
        Self {
            process_cpu_ns: clock::process_cpu_ns(),
            lanes: ThreadTime::of_threads("lane-"),
            publisher: ThreadTime::of_threads("publisher"),
        }
    }

    /// Reads the process, and what the threads counted when they ended.
    pub(super) fn at_the_end(stats: &Stats) -> Self {
        let counted = stats.counts();
        Self {
            process_cpu_ns: clock::process_cpu_ns(),
            lanes: counted.lane_time,
            publisher: counted.publisher_time,
        }
    }

    /// Returns what was used since `earlier`.
    pub(super) const fn since(self, earlier: Self) -> CpuTimes {
        CpuTimes {
            process_cpu_ns: self.process_cpu_ns.saturating_sub(earlier.process_cpu_ns),
            lanes: self.lanes.since(earlier.lanes),
            publisher: self.publisher.since(earlier.publisher),
        }
    }
}
