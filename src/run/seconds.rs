//! What each second brought: read once, from the counters and from what was measured, for the log,
//! for the series and for the log of histograms.

use crate::clock::Moment;
use crate::cpu::Cgroup;
use crate::report::HistogramLog;
use crate::report::Point;
use crate::report::PointLatency;
use crate::report::Series;
use crate::report::Spent;
use crate::run::Sample;
use crate::stats::Counts;
use crate::stats::Latency;
use crate::stats::Stats;

/// The seconds of a run so far.
pub(super) struct Seconds<'a> {
    pub(super) stats: &'a Stats,
    cgroup: &'a Cgroup,
    /// What was counted and used by the end of the last second.
    last: (Counts, Sample),
    last_at: Moment,
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

/// One second.
#[derive(Clone, Copy)]
pub(super) struct Second {
    /// What was counted by its end.
    pub(super) counts: Counts,
    /// What it brought.
    pub(super) point: Point,
    /// What it used and waited for.
    pub(super) spent: Spent,
}

impl<'a> Seconds<'a> {
    /// Begins with what had been used before, and with the first second at `start`.
    pub(super) fn new(
        stats: &'a Stats,
        cgroup: &'a Cgroup,
        before: Sample,
        start: Moment,
        histograms: Option<HistogramLog<'a>>,
    ) -> Self {
        Self {
            stats,
            cgroup,
            last: (Counts::default(), before),
            last_at: start,
            latency: Latency::default(),
            series: Series::default(),
            start,
            histograms,
            histograms_failure: None,
        }
    }

    /// Reads what was used by now.
    pub(super) fn sample(&self) -> Sample {
        Sample::now(self.stats, self.cgroup)
    }

    /// Ends a second now, and begins the next.
    pub(super) fn take(&mut self) -> Second {
        let (counts, sample) = (self.stats.counts(), self.sample());
        let (before, sample_before) = std::mem::replace(&mut self.last, (counts, sample));
        let spent = sample.since(sample_before);
        self.stats.take_latency(&mut self.latency);
        let point = Point {
            response: PointLatency::of(&self.latency.response),
            service: PointLatency::of(&self.latency.service),
            ..point(&before, &counts, &spent)
        };
        self.series.push(point);
        let begun = std::mem::replace(&mut self.last_at, sample.at);
        self.log_histograms(begun, sample.at);
        Second { counts, point, spent }
    }

    /// Ends the run: what came since the last second is one by itself, if anything came.
    pub(super) fn end(mut self) -> LastSecond {
        let counted = self.stats.counts().fates();
        let second = (counted != self.last.0.fates()).then(|| self.take());
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

/// Returns what was counted between two moments, but for latencies.
fn point(before: &Counts, now: &Counts, spent: &Spent) -> Point {
    Point {
        scheduled: now.scheduled - before.scheduled,
        acknowledged: now.acknowledged - before.acknowledged,
        failed: now.failed - before.failed,
        unknown: now.unknown - before.unknown,
        dropped: now.dropped - before.dropped,
        resent: now.resent - before.resent,
        in_flight: now.unanswered(),
        cpu_ns: spent.process_cpu_ns,
        throttled_ns: spent.throttling.map(|throttling| throttling.ns),
        throttled_periods: spent.throttling.map(|throttling| throttling.periods),
        buffer_wait_ns: spent.buffer_wait_ns,
        ..Point::default()
    }
}
