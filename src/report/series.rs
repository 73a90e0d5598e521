//! The run second by second, in so many points at most: when there is room for no more, pairs are
//! merged and a point covers twice the time, so that a run of a month takes no more than an hour's.

use hdrhistogram::Counter;
use hdrhistogram::Histogram;
use serde::Deserialize;
use serde::Serialize;

/// The most points: an hour by the second.
pub const POINTS_MAX: usize = 3_600;

const SECOND_NS: u64 = 1_000_000_000;

/// What became of the records and what it cost, interval by interval from the start on. A receipt
/// is counted where it came, whenever its record was due.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Series {
    /// What a point covers, in nanoseconds: seconds, in a power of two.
    pub interval_ns: u64,
    /// One an interval; the last may cover less.
    pub points: Vec<Point>,
    /// How many seconds the last point has; 0: it is complete.
    #[serde(skip)]
    seconds_in_last: u64,
}

/// An interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Point {
    /// Records whose turn came.
    pub scheduled: u64,
    /// Confirmed by the broker.
    pub acknowledged: u64,
    /// Refused for good.
    pub failed: u64,
    /// Never answered.
    pub unknown: u64,
    /// Due and never sent.
    pub dropped: u64,
    /// Given to the connection again; 0 where the transport does not say.
    pub resent: u64,
    /// Due to receipt; `null` where nothing was measured.
    pub response: Option<PointLatency>,
    /// Send to receipt; `null` where nothing was measured.
    pub service: Option<PointLatency>,
    /// Records sent and not answered at the end of the interval.
    pub in_flight: u64,
    /// CPU time of the process.
    pub cpu_ns: u64,
    /// How long threads stood still for the quota, summed; `null` where no control group counts it.
    pub throttled_ns: Option<u64>,
    /// Periods in which the quota ran out.
    pub throttled_periods: Option<u64>,
    /// How long lanes waited for empty buffers.
    pub buffer_wait_ns: u64,
}

/// A latency in an interval. Where intervals were merged, the percentiles are the larger ones: no
/// percentile of both together is above that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct PointLatency {
    /// Records that it was measured of.
    pub count: u64,
    /// Half were faster, or as fast.
    pub p50_ns: u64,
    /// 99 % were.
    pub p99_ns: u64,
    /// The slowest.
    pub max_ns: u64,
}

impl Default for Series {
    fn default() -> Self {
        Self { interval_ns: SECOND_NS, points: Vec::with_capacity(POINTS_MAX), seconds_in_last: 0 }
    }
}

impl Series {
    /// Makes a series of points that are complete.
    #[must_use]
    pub const fn of(interval_ns: u64, points: Vec<Point>) -> Self {
        Self { interval_ns, points, seconds_in_last: 0 }
    }

    /// Appends a second.
    pub fn push(&mut self, second: Point) {
        if self.seconds_in_last == 0 {
            if self.points.len() == POINTS_MAX {
                self.merge_pairs();
            }
            self.points.push(second);
        } else if let Some(last) = self.points.last_mut() {
            *last = last.merged(second);
        }
        self.seconds_in_last = (self.seconds_in_last + 1) % (self.interval_ns / SECOND_NS);
    }

    fn merge_pairs(&mut self) {
        let pairs = self.points.len() / 2;
        for pair in 0..pairs {
            self.points[pair] = self.points[2 * pair].merged(self.points[2 * pair + 1]);
        }
        self.points.truncate(pairs);
        self.interval_ns *= 2;
    }
}

impl Point {
    /// Returns this interval and the next one as one.
    #[must_use]
    pub fn merged(self, next: Self) -> Self {
        let both = |one: Option<u64>, other| one.zip(other).map(|(one, other)| one + other);
        Self {
            scheduled: self.scheduled + next.scheduled,
            acknowledged: self.acknowledged + next.acknowledged,
            failed: self.failed + next.failed,
            unknown: self.unknown + next.unknown,
            dropped: self.dropped + next.dropped,
            resent: self.resent + next.resent,
            response: PointLatency::merged(self.response, next.response),
            service: PointLatency::merged(self.service, next.service),
            in_flight: next.in_flight,
            cpu_ns: self.cpu_ns + next.cpu_ns,
            throttled_ns: both(self.throttled_ns, next.throttled_ns),
            throttled_periods: both(self.throttled_periods, next.throttled_periods),
            buffer_wait_ns: self.buffer_wait_ns + next.buffer_wait_ns,
        }
    }
}

impl Point {
    /// Returns what two runs did in the same interval.
    #[must_use]
    pub fn together(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one + other),
            _ => one.or(other),
        };
        Self {
            in_flight: self.in_flight + other.in_flight,
            throttled_ns: sum(self.throttled_ns, other.throttled_ns),
            throttled_periods: sum(self.throttled_periods, other.throttled_periods),
            ..self.merged(other)
        }
    }
}

impl PointLatency {
    /// Summarises what was measured; `None`: nothing was.
    #[must_use]
    pub fn of<C: Counter>(histogram: &Histogram<C>) -> Option<Self> {
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            p50_ns: histogram.value_at_quantile(0.5),
            p99_ns: histogram.value_at_quantile(0.99),
            max_ns: histogram.max(),
        })
    }

    fn merged(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
        Some(Self {
            count: one.count + other.count,
            p50_ns: one.p50_ns.max(other.p50_ns),
            p99_ns: one.p99_ns.max(other.p99_ns),
            max_ns: one.max_ns.max(other.max_ns),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second `number` of a run, every figure of it another one.
    fn second(number: u64) -> Point {
        let of = |factor: u64| number * factor % 1_009;
        let latency = |factor| PointLatency {
            count: of(factor),
            p50_ns: of(factor + 1),
            p99_ns: of(factor + 1) + of(factor + 2),
            max_ns: of(factor + 1) + 2 * of(factor + 2),
        };
        Point {
            scheduled: of(3),
            acknowledged: of(5),
            failed: of(7),
            unknown: of(11),
            dropped: of(13),
            resent: of(17),
            response: (!number.is_multiple_of(5)).then(|| latency(19)),
            service: (!number.is_multiple_of(3)).then(|| latency(29)),
            in_flight: of(37),
            cpu_ns: of(41),
            throttled_ns: Some(of(43)),
            throttled_periods: Some(of(47)),
            buffer_wait_ns: of(53),
        }
    }

    /// What a point over these seconds has to be, each figure computed by itself.
    fn expected(numbers: std::ops::Range<u64>) -> Point {
        let seconds: Vec<Point> = numbers.map(second).collect();
        let sum = |of: fn(&Point) -> u64| seconds.iter().map(of).sum::<u64>();
        let latency = |of: fn(&Point) -> Option<PointLatency>| {
            let of: Vec<PointLatency> = seconds.iter().filter_map(of).collect();
            let max = |of_one: fn(&PointLatency) -> u64| of.iter().map(of_one).max();
            Some(PointLatency {
                count: of.iter().map(|it| it.count).sum(),
                p50_ns: max(|it| it.p50_ns)?,
                p99_ns: max(|it| it.p99_ns)?,
                max_ns: max(|it| it.max_ns)?,
            })
        };
        Point {
            scheduled: sum(|it| it.scheduled),
            acknowledged: sum(|it| it.acknowledged),
            failed: sum(|it| it.failed),
            unknown: sum(|it| it.unknown),
            dropped: sum(|it| it.dropped),
            resent: sum(|it| it.resent),
            response: latency(|it| it.response),
            service: latency(|it| it.service),
            in_flight: seconds[seconds.len() - 1].in_flight,
            cpu_ns: sum(|it| it.cpu_ns),
            throttled_ns: Some(sum(|it| it.throttled_ns.unwrap())),
            throttled_periods: Some(sum(|it| it.throttled_periods.unwrap())),
            buffer_wait_ns: sum(|it| it.buffer_wait_ns),
        }
    }

    fn series(seconds: u64) -> Series {
        let mut series = Series::default();
        for number in 0..seconds {
            series.push(second(number));
        }
        series
    }

    #[test]
    fn a_month_fits_and_every_point_is_the_sum_of_its_seconds() {
        const MONTH: u64 = 30 * 24 * 3_600;
        for (seconds, interval, points) in [
            (0, 1, 0),
            (1, 1, 1),
            (3_600, 1, 3_600),
            (3_601, 2, 1_801),
            (7_200, 2, 3_600),
            (7_201, 4, 1_801),
            (MONTH, 1_024, 2_532),
        ] {
            let series = series(seconds);
            assert_eq!(series.interval_ns, interval * SECOND_NS, "{seconds}");
            assert_eq!(series.points.len(), points, "{seconds}");
            for (place, point) in (0..).zip(&series.points) {
                let numbers = place * interval..((place + 1) * interval).min(seconds);
                assert_eq!(*point, expected(numbers), "{place} of {seconds}");
            }
        }
    }

    #[test]
    fn a_percentile_of_merged_intervals_is_never_below_that_of_all_their_records() {
        let mut all = Histogram::<u64>::new(3).unwrap();
        let mut merged = None;
        for interval in 1..=40_u64 {
            let mut one = Histogram::<u64>::new(3).unwrap();
            for ns in (0..1_000 * (interval % 7 + 1)).map(|it| it * it % (interval * 9_973)) {
                one.record(ns).unwrap();
                all.record(ns).unwrap();
            }
            merged = PointLatency::merged(merged, PointLatency::of(&one));
            let (merged, exact) = (merged.unwrap(), PointLatency::of(&all).unwrap());
            assert!(merged.p50_ns >= exact.p50_ns && merged.p99_ns >= exact.p99_ns);
            assert_eq!((merged.count, merged.max_ns), (exact.count, exact.max_ns));
        }
    }

    #[test]
    fn a_run_takes_no_more_memory_than_it_did_at_first() {
        let (mut series, before) = (Series::default(), Series::default().points.capacity());
        for number in 0..20_000 {
            series.push(second(number));
        }
        assert_eq!(series.points.capacity(), before);
    }
}
