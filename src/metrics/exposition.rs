//! The metrics: a table, each with how it is read, and its rendering as Prometheus text.
//!
//! Names are `producer_load_`, what, unit, and of counters `_total`; units are seconds and bytes.
//! What is not known, such as due records at maximum rate, is left out.

use std::fmt;

use hdrhistogram::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::NoLabelSet;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use prometheus_client::registry::Unit;

use crate::clock;
use crate::clock::Moment;
use crate::cpu::ThreadTime;
use crate::cpu::Throttling;
use crate::memory;
use crate::stats::Counts;

use super::Shown;

/// What every name begins with.
const PREFIX: &str = "producer_load";

/// Upper bounds of the buckets of every histogram, in seconds.
const BOUNDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// Every metric, in the order in which they are shown; behind them comes `producer_load_run_info`.
pub const METRICS: &[Metric] = &[
    counter("records_due", None, "Records that were due by now; none at maximum rate.", |it| {
        it.due.map(float)
    }),
    counter("records_scheduled", None, "Records whose turn came: handed over or dropped.", |it| {
        Some(float(it.counts.scheduled))
    }),
    counter("records_sent", None, "Records given to the connection at least once.", |it| {
        Some(float(it.counts.sent))
    }),
    counter("records_resent", None, "Records given to it again.", |it| {
        Some(float(it.counts.resent))
    }),
    counter("records_acknowledged", None, "Records that the broker confirmed.", |it| {
        Some(float(it.counts.acknowledged))
    }),
    counter("records_failed", None, "Records that the broker refused for good.", |it| {
        Some(float(it.counts.failed))
    }),
    counter("records_unknown", None, "Records that were never answered.", |it| {
        Some(float(it.counts.unknown))
    }),
    counter("records_dropped", None, "Records that were due and never sent.", |it| {
        Some(float(it.counts.dropped))
    }),
    gauge("records_in_flight", None, "Records sent and not answered yet.", |it| {
        Some(float(it.in_flight()))
    }),
    gauge("records_behind", None, "Records due that have no fate; none at maximum rate.", |it| {
        Some(float(it.due?.saturating_sub(it.ended())))
    }),
    counter("payload", Some(Unit::Bytes), "Bytes of the records sent, without headers.", |it| {
        Some(float(it.counts.payload_bytes))
    }),
    counter("wire", Some(Unit::Bytes), "Bytes of the frames that were written.", |it| {
        Some(float(it.counts.wire_bytes))
    }),
    gauge("producers", None, "Producers of this process.", |it| Some(float(it.producers))),
    gauge("producers_away", None, "Producers that were lost and are not back.", |it| {
        Some(float(it.counts.producers_away()))
    }),
    counter("connections_lost", None, "Connections that were lost.", |it| {
        Some(float(it.counts.connections_lost))
    }),
    counter("producers_lost", None, "Producers that were lost.", |it| {
        Some(float(it.counts.producers_lost))
    }),
    counter("buffer_waits", None, "How often a lane found all buffers in flight.", |it| {
        Some(float(it.counts.buffer_waits))
    }),
    counter("buffer_wait", Some(Unit::Seconds), "How long lanes waited for buffers.", |it| {
        Some(seconds(it.counts.buffer_wait_ns))
    }),
    counter("socket_wait", Some(Unit::Seconds), "How long sockets were full.", |it| {
        Some(seconds(it.counts.socket_wait_ns))
    }),
    counter("receipt_wait", Some(Unit::Seconds), "How long only receipts were missing.", |it| {
        Some(seconds(it.counts.receipt_wait_ns))
    }),
    counter("cpu", Some(Unit::Seconds), "CPU time of the process, user and system.", |it| {
        Some(seconds(it.process_cpu_ns))
    }),
    counter("lane_cpu", Some(Unit::Seconds), "CPU time of all lanes.", |it| {
        Some(seconds(it.lanes.cpu_ns))
    }),
    counter("publisher_cpu", Some(Unit::Seconds), "CPU time of the publisher.", |it| {
        Some(seconds(it.publisher.cpu_ns))
    }),
    counter("cpu_delay", Some(Unit::Seconds), "Time in which threads wanted a CPU.", |it| {
        Some(seconds(it.lanes.delay_ns + it.publisher.delay_ns))
    }),
    counter("throttled_periods", None, "Periods in which the CPU quota ran out.", |it| {
        it.throttling.map(|it| float(it.periods))
    }),
    counter("throttled", Some(Unit::Seconds), "Time that threads stood still for it.", |it| {
        it.throttling.map(|it| seconds(it.ns))
    }),
    gauge("cpus", None, "CPUs that are ours by affinity and quota.", |it| Some(it.cpus)),
    gauge("lanes", None, "Generator threads.", |it| Some(float(it.lane_count))),
    gauge("resident_memory", Some(Unit::Bytes), "Resident memory.", |it| it.rss_bytes.map(float)),
    histogram("response", "Due to receipt; none at maximum rate.", |it| &it.response),
    histogram("service", "Send to receipt.", |it| &it.service),
    histogram("pacing", "How late the pacer let batches go.", |it| &it.pacing),
];

/// One metric of the table.
#[derive(Debug)]
pub struct Metric {
    name: &'static str,
    unit: Option<Unit>,
    /// What it says.
    pub help: &'static str,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Counter(fn(&Reading) -> Option<f64>),
    Gauge(fn(&Reading) -> Option<f64>),
    Histogram(fn(&Reading) -> &Buckets),
}

const fn counter(
    name: &'static str,
    unit: Option<Unit>,
    help: &'static str,
    read: fn(&Reading) -> Option<f64>,
) -> Metric {
    Metric { name, unit, help, value: Value::Counter(read) }
}

const fn gauge(
    name: &'static str,
    unit: Option<Unit>,
    help: &'static str,
    read: fn(&Reading) -> Option<f64>,
) -> Metric {
    Metric { name, unit, help, value: Value::Gauge(read) }
}

const fn histogram(
    name: &'static str,
    help: &'static str,
    read: fn(&Reading) -> &Buckets,
) -> Metric {
    Metric { name, unit: Some(Unit::Seconds), help, value: Value::Histogram(read) }
}

impl Metric {
    /// Returns the name that Prometheus sees.
    #[must_use]
    pub fn full_name(&self) -> String {
        let unit = self.unit.as_ref().map_or(String::new(), |unit| format!("_{}", unit.as_str()));
        let suffix = if matches!(self.value, Value::Counter(_)) { "_total" } else { "" };
        format!("{PREFIX}_{}{unit}{suffix}", self.name)
    }

    /// Returns `counter`, `gauge` or `histogram`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Counter(_) => "counter",
            Value::Gauge(_) => "gauge",
            Value::Histogram(_) => "histogram",
        }
    }

    fn encode(&self, reading: &Reading, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (kind, value) = match self.value {
            Value::Counter(read) => (MetricType::Counter, read(reading)),
            Value::Gauge(read) => (MetricType::Gauge, read(reading)),
            Value::Histogram(_) => (MetricType::Histogram, Some(0.0)),
        };
        let Some(value) = value else { return Ok(()) };
        let unit = self.unit.as_ref();
        let mut encoder = encoder.encode_descriptor(self.name, self.help, unit, kind)?;
        match self.value {
            Value::Counter(_) => encoder.encode_counter::<NoLabelSet, _, f64>(&value, None),
            Value::Gauge(_) => encoder.encode_gauge(&value),
            Value::Histogram(read) => {
                let Buckets { sum, count, counts } = read(reading);
                encoder.encode_histogram::<NoLabelSet>(*sum, *count, counts, None)
            }
        }
    }
}

/// Renders every metric of a run.
pub(super) fn render(shown: &Shown, now: Moment) -> String {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Reading::take(shown, now)));
    let mut text = String::new();
    match prometheus_text::encode(&mut text, &registry) {
        Ok(()) => text,
        // Writing to a string does not fail.
        Err(fmt::Error) => String::new(),
    }
}

/// What was read for one answer.
#[derive(Debug)]
struct Reading {
    labels: Vec<(&'static str, String)>,
    counts: Counts,
    due: Option<u64>,
    producers: u64,
    process_cpu_ns: u64,
    lanes: ThreadTime,
    publisher: ThreadTime,
    throttling: Option<Throttling>,
    cpus: f64,
    lane_count: u64,
    rss_bytes: Option<u64>,
    response: Buckets,
    service: Buckets,
    pacing: Buckets,
}

impl Reading {
    fn take(shown: &Shown, now: Moment) -> Self {
        let Shown { labels, stats, schedule, start, resumed_ns, .. } = shown;
        let due = schedule
            .due_before(now.ns_since(*start))
            .zip(schedule.due_before(*resumed_ns))
            .map(|(due, before)| due.saturating_sub(before));
        let counts = stats.counts();
        // What the last second added is not in it yet; no hot thread waits for this lock.
        let latency = stats.latency_total.lock();
        Self {
            labels: labels.clone(),
            due,
            producers: shown.producers(),
            process_cpu_ns: clock::process_cpu_ns(),
            lanes: of_threads("lane-", counts.lane_time),
            publisher: of_threads("publisher", counts.publisher_time),
            throttling: shown.cgroup.throttling(),
            cpus: shown.cpus,
            lane_count: stats.lanes.len() as u64,
            rss_bytes: memory::rss_bytes(),
            response: Buckets::of(&latency.response),
            service: Buckets::of(&latency.service),
            pacing: Buckets::of(&latency.pacing),
            counts,
        }
    }

    const fn ended(&self) -> u64 {
        let counts = &self.counts;
        counts.acknowledged + counts.failed + counts.unknown + counts.dropped
    }

    const fn in_flight(&self) -> u64 {
        let counts = &self.counts;
        counts.sent.saturating_sub(counts.acknowledged + counts.failed + counts.unknown)
    }
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        METRICS.iter().try_for_each(|metric| metric.encode(self, &mut encoder))?;
        let help = "What runs, as labels; always 1.";
        encoder.encode_descriptor("run", help, None, MetricType::Info)?.encode_info(&self.labels)
    }
}

/// Returns the time of threads that live, or what they counted when they ended.
fn of_threads(prefix: &str, ended: ThreadTime) -> ThreadTime {
    let living = ThreadTime::of_threads(prefix);
    ThreadTime {
        cpu_ns: living.cpu_ns.max(ended.cpu_ns),
        delay_ns: living.delay_ns.max(ended.delay_ns),
    }
}

/// A histogram's buckets as Prometheus has them.
#[derive(Debug)]
struct Buckets {
    /// Of all values, in seconds. The histogram tells them apart by three digits.
    sum: f64,
    count: u64,
    /// By upper bound in seconds, how many values are in the bucket.
    counts: Vec<(f64, u64)>,
}

impl Buckets {
    /// Counts a histogram of nanoseconds.
    fn of(histogram: &Histogram<u64>) -> Self {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let mut counts: Vec<(f64, u64)> = bounds.map(|bound| (bound, 0)).collect();
        let mut sum = 0.0;
        for step in histogram.iter_recorded() {
            let (value, count) = (step.value_iterated_to(), step.count_since_last_iteration());
            let lowest = seconds(histogram.lowest_equivalent(value));
            let place = BOUNDS.partition_point(|&bound| bound < lowest);
            counts[place].1 += count;
            sum += seconds(histogram.median_equivalent(value)) * float(count);
        }
        Self { sum, count: histogram.len(), counts }
    }
}

fn seconds(ns: u64) -> f64 {
    float(ns) / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has only floating-point numbers")]
const fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cpu::Cgroup;
    use crate::schedule::Schedule;
    use crate::stats::Stats;

    /// A run of 1,000 records a second with one lane and two producers.
    pub(crate) fn shown() -> Shown {
        Shown {
            labels: vec![("domain", "a \"b\" \\ c".to_owned())],
            stats: Arc::new(Stats::new(1).with_producers([0; 2].into_iter())),
            schedule: Schedule::new("1000".parse().unwrap(), None),
            start: clock::now(),
            resumed_ns: 0,
            cgroup: Cgroup::find(std::path::Path::new("/nowhere"), ""),
            cpus: 0.25,
        }
    }

    /// Returns the value of the sample with this name and these labels.
    fn value(text: &str, sample: &str) -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{sample} ")))?;
        Some(line.parse().unwrap())
    }

    #[test]
    fn what_was_counted_is_shown_with_conventional_names() {
        let shown = shown();
        let stats = &shown.stats;
        stats.lanes[0].scheduled.add(700);
        stats.lanes[0].dropped.add(100);
        stats.publisher.sent.add(600);
        stats.publisher.acknowledged.add(450);
        stats.publisher.failed.add(50);
        stats.publisher.receipt_wait.begin(shown.start);
        stats.publisher.receipt_wait.end(shown.start.plus_ns(2_500_000_000));
        stats.latency_total.lock().response.record_n(5_000_000, 3).unwrap();
        stats.latency_total.lock().response.record(90_000_000_000).unwrap();
        let text = render(&shown, shown.start.plus_ns(900_000_000));
        for (sample, expected) in [
            ("producer_load_records_due_total", 900.0),
            ("producer_load_records_scheduled_total", 700.0),
            ("producer_load_records_acknowledged_total", 450.0),
            ("producer_load_records_in_flight", 100.0),
            ("producer_load_records_behind", 300.0),
            ("producer_load_receipt_wait_seconds_total", 2.5),
            ("producer_load_cpus", 0.25),
            ("producer_load_producers", 2.0),
            ("producer_load_response_seconds_bucket{le=\"0.0025\"}", 0.0),
            ("producer_load_response_seconds_bucket{le=\"0.005\"}", 3.0),
            ("producer_load_response_seconds_bucket{le=\"60\"}", 3.0),
            ("producer_load_response_seconds_bucket{le=\"+Inf\"}", 4.0),
            ("producer_load_response_seconds_count", 4.0),
            ("producer_load_run_info{domain=\"a \\\"b\\\" \\\\ c\"}", 1.0),
        ] {
            assert_eq!(value(&text, sample), Some(expected), "{sample}: {text}");
        }
        let sum = value(&text, "producer_load_response_seconds_sum").unwrap();
        assert!((sum - 90.015).abs() < 0.1, "{sum}");
        // No control group counts throttling here, so nothing is said of it.
        assert_eq!(value(&text, "producer_load_throttled_seconds_total"), None);
    }

    #[test]
    fn names_are_conventional_and_none_is_taken_twice() {
        let names: Vec<String> = METRICS.iter().map(Metric::full_name).collect();
        for (metric, name) in METRICS.iter().zip(&names) {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind() == "counter", "{name}");
            assert!(!name.contains("_ns") && !name.contains("_ms"), "{name}");
            assert!(metric.help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn at_maximum_rate_nothing_is_due() {
        let shown = Shown { schedule: Schedule::new("max".parse().unwrap(), None), ..shown() };
        let text = render(&shown, shown.start.plus_ns(900_000_000));
        assert!(!text.contains("records_due") && !text.contains("records_behind"), "{text}");
        assert_eq!(value(&text, "producer_load_response_seconds_count"), Some(0.0));
    }
}
