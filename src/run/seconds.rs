//! What each second brought: read once, from the counters and from what was measured, for the log
//! and for the series.

use crate::clock;
use crate::cpu::Cgroup;
use crate::cpu::Throttling;
use crate::report::Point;
use crate::report::PointLatency;
use crate::report::Series;
use crate::stats::Counts;
use crate::stats::Latency;
use crate::stats::Stats;

/// The seconds of a run so far.
pub(super) struct Seconds<'a> {
    pub(super) stats: &'a Stats,
    cgroup: &'a Cgroup,
    last: Reading,
    /// What was measured in the last second; its room is used for the next one.
    latency: Latency,
    series: Series,
}

/// What was counted by a moment.
#[derive(Clone, Copy)]
struct Reading {
    counts: Counts,
    cpu_ns: u64,
    throttling: Option<Throttling>,
}

/// One second.
#[derive(Clone, Copy)]
pub(super) struct Second {
    /// What was counted before it.
    pub(super) before: Counts,
    /// What was counted by its end.
    pub(super) counts: Counts,
    /// What it brought.
    pub(super) point: Point,
}

impl Reading {
    fn now(stats: &Stats, cgroup: &Cgroup) -> Self {
        let (counts, cpu_ns) = (stats.counts(), clock::process_cpu_ns());
        Self { counts, cpu_ns, throttling: cgroup.throttling() }
    }
}

impl<'a> Seconds<'a> {
    /// Begins now.
    pub(super) fn new(stats: &'a Stats, cgroup: &'a Cgroup) -> Self {
        let last = Reading::now(stats, cgroup);
        Self { stats, cgroup, last, latency: Latency::default(), series: Series::default() }
    }

    /// Ends a second now, and begins the next.
    pub(super) fn take(&mut self) -> Second {
        let now = Reading::now(self.stats, self.cgroup);
        let before = std::mem::replace(&mut self.last, now);
        self.stats.take_latency(&mut self.latency);
        let point = Point {
            response: PointLatency::of(&self.latency.response),
            service: PointLatency::of(&self.latency.service),
            ..now.since(&before)
        };
        self.series.push(point);
        Second { before: before.counts, counts: now.counts, point }
    }

    /// Ends the run: what came since the last second is one by itself, if anything came.
    pub(super) fn end(mut self) -> (Option<Second>, Series) {
        let counted = self.stats.counts().fates();
        let last = (counted != self.last.counts.fates()).then(|| self.take());
        (last, self.series)
    }
}

impl Reading {
    /// Returns what was counted since `earlier`.
    fn since(&self, earlier: &Self) -> Point {
        let (now, before) = (&self.counts, &earlier.counts);
        let throttled =
            |throttling: Throttling| throttling.since(earlier.throttling.unwrap_or_default());
        let throttled = self.throttling.map(throttled);
        Point {
            scheduled: now.scheduled - before.scheduled,
            acknowledged: now.acknowledged - before.acknowledged,
            failed: now.failed - before.failed,
            unknown: now.unknown - before.unknown,
            dropped: now.dropped - before.dropped,
            resent: now.resent - before.resent,
            in_flight: now.unanswered(),
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            throttled_ns: throttled.map(|throttled| throttled.ns),
            throttled_periods: throttled.map(|throttled| throttled.periods),
            buffer_wait_ns: now.buffer_wait_ns - before.buffer_wait_ns,
            ..Point::default()
        }
    }
}
