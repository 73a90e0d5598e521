//! What each second brought: read once, from the counters and from what was measured, for the log,
//! for the series and for the log of histograms.

use crate::clock;
use crate::clock::Moment;
use crate::cpu::Cgroup;
use crate::cpu::Throttling;
use crate::report::HistogramLog;
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
    /// When the first second began.
    start: Moment,
    histograms: Option<HistogramLog<'a>>,
    histograms_failure: Option<String>,
}

/// How the seconds of a run ended.
pub(super) struct LastSecond {
    /// What came since the second before, if anything came.
    pub(super) second: Option<Second>,
    /// All of them.
    pub(super) series: Series,
    /// Why the log of histograms is not whole, if it is not.
    pub(super) histograms_failure: Option<String>,
}

/// What was counted by a moment.
#[derive(Clone, Copy)]
struct Reading {
    at: Moment,
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
        Self { at: clock::now(), counts, cpu_ns, throttling: cgroup.throttling() }
    }
}

impl<'a> Seconds<'a> {
    /// Begins now, with the first second at `start`.
    pub(super) fn new(
        stats: &'a Stats,
        cgroup: &'a Cgroup,
        start: Moment,
        histograms: Option<HistogramLog<'a>>,
    ) -> Self {
        let last = Reading { at: start, ..Reading::now(stats, cgroup) };
        let (latency, series) = (Latency::default(), Series::default());
        Self { stats, cgroup, last, latency, series, start, histograms, histograms_failure: None }
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
        self.log_histograms(before.at, now.at);
        Second { before: before.counts, counts: now.counts, point }
    }

    /// Ends the run: what came since the last second is one by itself, if anything came.
    pub(super) fn end(mut self) -> LastSecond {
        let counted = self.stats.counts().fates();
        let second = (counted != self.last.counts.fates()).then(|| self.take());
        let Self { series, histograms_failure, .. } = self;
        LastSecond { second, series, histograms_failure }
    }

    /// Logs what was measured; after a failure nothing more, so that the log has no hole.
    fn log_histograms(&mut self, from: Moment, until: Moment) {
        let Some(log) = &mut self.histograms else { return };
        let [from_ns, until_ns] = [from, until].map(|moment| moment.ns_since(self.start));
        if let Err(error) = log.write(&self.latency, from_ns, until_ns) {
            log::error!("the histogram file cannot be written any more: {error}");
            self.histograms_failure = Some(error.to_string());
            self.histograms = None;
        }
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
