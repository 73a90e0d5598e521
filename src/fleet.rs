//! Several runs that were one: the reports of a fleet's pods as the report of the fleet.
//!
//! Reports are taken one at a time and let go, so that hundreds take no more memory than their sums
//! and a line for each. Counts are added, histograms bucket by bucket, which gives what one
//! histogram would hold that had measured everything; percentiles are taken from the sum, never
//! averaged.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::Value;

use crate::past;
use crate::past::Past;
use crate::past::PastError;
use crate::report::Histograms;
use crate::report::Latencies;
use crate::report::Losses;
use crate::stats::LatencyTotal;
use crate::units;

mod aligned;
mod text;
mod verdict;

use aligned::Aligned;

/// What has to be the same in all plans of a fleet.
const SHARED: [&str; 18] = [
    "digest",
    "events",
    "topic",
    "topics",
    "routing",
    "transport",
    "stages",
    "tolerance",
    "objectives",
    "abort_on_slo",
    "max_lag_ns",
    "per_core",
    "duration_ns",
    "records",
    "warmup_ns",
    "sources_total",
    "resume",
    "batching",
];

/// Differences that are told; the others are counted.
const DIFFERENCES_MAX: usize = 4;

/// Reports that are not those of one fleet.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// One cannot be used.
    #[error(transparent)]
    Past(#[from] PastError),
    /// Two runs did not mean to do the same.
    #[error("{one} and {other} do not belong together: {}", few(differences))]
    Differ {
        /// The first report.
        one: String,
        /// The one that differs.
        other: String,
        /// What differs, and how.
        differences: Vec<String>,
    },
    /// Two runs were not a fleet at any time.
    #[error(
        "{one} and {other} do not belong together: the one had ended {} before the other began, \
         and rates that were reached one after the other do not add up",
        units::duration_text(gap_ms * 1_000_000)
    )]
    Apart {
        /// The run that was first.
        one: String,
        /// The later one.
        other: String,
        /// What was between them.
        gap_ms: u64,
    },
    /// Two runs sent the same records.
    #[error("{one} and {other} overlap: both are {what}")]
    Overlap {
        /// The earlier report.
        one: String,
        /// The later one.
        other: String,
        /// What both are.
        what: String,
    },
    /// A report of a fleet.
    #[error("{name} is the report of a fleet already; merge the reports of its pods")]
    Merged {
        /// Its name.
        name: String,
    },
    /// Nothing was given.
    #[error("there is no report")]
    Empty,
}

/// A run of the fleet.
#[derive(Clone, Debug, Serialize)]
struct Pod {
    /// Where its report was read.
    report: String,
    host: String,
    producer_name: String,
    shard: u64,
    started_wall_ms: u64,
    achieved_per_second: f64,
    code: u8,
    limit: String,
    text: String,
    #[serde(skip)]
    evidence: String,
    #[serde(skip)]
    mend: Option<String>,
    #[serde(skip)]
    seed: Value,
    #[serde(skip)]
    ended_wall_ms: u64,
}

/// The report of a fleet in the making.
#[derive(Default)]
pub struct Fleet {
    /// The first report, which the others are held against and added to.
    sum: Option<Past>,
    latency: LatencyTotal,
    series: Aligned,
    pods: Vec<Pod>,
    /// What makes measurements doubtful, and of how many.
    doubts: BTreeMap<String, u64>,
    /// Whether runs had service URLs of their own: brokers of one cluster, it may be.
    has_several_urls: bool,
    /// CPU time after the warm-up, and the records that it went into.
    cpu: (f64, f64),
}

impl Fleet {
    /// Adds a report.
    ///
    /// # Errors
    /// When it does not belong to those before it. The fleet is of no use then.
    pub fn add(&mut self, past: Past) -> Result<(), FleetError> {
        if past.fleet.is_some() {
            return Err(FleetError::Merged { name: past.name });
        }
        let pod = Pod::of(&past);
        if let Some(first) = &self.sum {
            belongs(first, &past)?;
            let url = |past: &Past| past.environment["service_url"].clone();
            self.has_several_urls |= url(first) != url(&past);
        }
        if let Some(other) = self.pods.iter().find(|other| other.overlaps(&pod, &past)) {
            let (one, other) = (other.report.clone(), past.name);
            let what = pod.identity(shards(&past.plan));
            return Err(FleetError::Overlap { one, other, what });
        }
        if let Some(apart) = self.pods.iter().find_map(|other| other.apart(&pod)) {
            return Err(apart);
        }
        let measured = self.add_latency(&past)?;
        if let Some(ns) = past.cpu.process_ns_per_record {
            self.cpu = (self.cpu.0 + ns * measured, self.cpu.1 + measured);
        }
        self.series.add(past.time.started_wall_ms, &past.series);
        self.pods.push(pod);
        for doubt in &past.verdict.warnings {
            *self.doubts.entry(doubt.clone()).or_default() += 1;
        }
        match &mut self.sum {
            None => self.sum = Some(past),
            Some(sum) => add_figures(sum, past),
        }
        Ok(())
    }

    /// Adds histograms; returns how many records were measured.
    #[expect(clippy::cast_precision_loss, reason = "a weight")]
    fn add_latency(&mut self, past: &Past) -> Result<f64, PastError> {
        let (texts, total) = (&past.histograms, &mut self.latency);
        let mut measured = 0;
        for (text, sum) in [
            (&texts.response, &mut total.response),
            (&texts.pacing, &mut total.pacing),
            (&texts.service, &mut total.service),
        ] {
            let histogram = past.histogram(text.as_ref())?;
            measured = histogram.as_ref().map_or(0, Histogram::len);
            if let Some(Err(error)) = histogram.map(|histogram| sum.add(&histogram)) {
                let why = format!("a histogram: {error}");
                return Err(PastError::Foreign { name: past.name.clone(), why });
            }
        }
        total.saturated += past.latency.saturated;
        Ok(measured as f64)
    }

    /// Returns the fleet's report.
    ///
    /// # Errors
    /// When there was none to make it of.
    pub fn report(self) -> Result<Past, FleetError> {
        let mut report = self.sum.ok_or(FleetError::Empty)?;
        let (count, pods) = (shards(&report.plan), self.pods.len() as u64);
        let missing = missing(&self.pods, count);
        report.verdict = verdict::of(&report, &self.pods, &missing);
        report.verdict.warnings.extend(self.doubts.into_iter().map(|(doubt, many)| match pods {
            1 => doubt,
            _ => format!("{} of {}: {doubt}", units::grouped(many), units::counted(pods, "pod")),
        }));
        report.latency = Latencies::of(&self.latency);
        report.histograms = Histograms::of(&self.latency);
        let per_record = self.cpu.0 / self.cpu.1;
        report.cpu.process_ns_per_record = (self.cpu.1 > 0.0).then_some(per_record);
        let started_ms = self.pods.iter().map(|pod| pod.started_wall_ms);
        let from = started_ms.clone().min().unwrap_or_default();
        let last_start = started_ms.max().unwrap_or_default();
        report.time.started_wall_ms = from;
        let ended_ms = self.pods.iter().map(|pod| pod.ended_wall_ms).max().unwrap_or_default();
        report.time.elapsed_ns = (ended_ms.saturating_sub(from) * 1_000_000).max(1);
        report.series = self.series.series();
        if let Some(host) = report.environment.get_mut("host") {
            let first = host.as_str().unwrap_or_default();
            *host = match self.pods.len() {
                1 => first.to_owned(),
                more => format!("{first} and {} more", more - 1),
            }
            .into();
        }
        if self.has_several_urls {
            report.environment["service_url"] = "several".into();
        }
        report.fleet = Some(serde_json::json!({
            "reports": self.pods.len(),
            "shards": count,
            "shards_missing": missing,
            "start_spread_ms": last_start - from,
            "pods": self.pods,
        }));
        Ok(report)
    }
}

/// Renders the report of a fleet for a person.
#[must_use]
pub fn render(report: &Past) -> String {
    text::render(report)
}

impl Pod {
    fn of(past: &Past) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            report: past.name.clone(),
            host: past.host().to_owned(),
            producer_name: text(&past.plan["producer_name"]),
            shard: past.plan["shard"]["index"].as_u64().unwrap_or_default(),
            started_wall_ms: past.time.started_wall_ms,
            achieved_per_second: past.rate.achieved_per_second,
            code: past.verdict.code,
            limit: past.verdict.limit.clone(),
            text: past.verdict.text.clone(),
            evidence: past.verdict.evidence.clone(),
            mend: past.verdict.mend.clone(),
            seed: past.plan["seed"].clone(),
            ended_wall_ms: past.time.started_wall_ms + past.time.elapsed_ns.div_ceil(1_000_000),
        }
    }

    /// Returns whether both sent the same records: the same shard of several, or, where each draws
    /// from all sources, under the same name or from the same seed.
    fn overlaps(&self, other: &Self, past: &Past) -> bool {
        match shards(&past.plan) {
            0 | 1 => self.producer_name == other.producer_name || self.seed == other.seed,
            _ => self.shard == other.shard,
        }
    }

    /// Returns why both were no fleet at any time, if they were not.
    fn apart(&self, other: &Self) -> Option<FleetError> {
        let (first, last) = if self.started_wall_ms <= other.started_wall_ms {
            (self, other)
        } else {
            (other, self)
        };
        let gap_ms = last.started_wall_ms.checked_sub(first.ended_wall_ms)?;
        let (one, other) = (first.report.clone(), last.report.clone());
        Some(FleetError::Apart { one, other, gap_ms })
    }

    fn identity(&self, shards: u64) -> String {
        match shards {
            0 | 1 => format!("producer {} with seed {}", self.producer_name, self.seed),
            _ => format!("shard {}/{shards}", self.shard),
        }
    }
}

fn shards(plan: &Value) -> u64 {
    plan["shard"]["count"].as_u64().unwrap_or(1)
}

/// Returns the shards that no report is of.
fn missing(pods: &[Pod], count: u64) -> Vec<u64> {
    if count < 2 {
        return Vec::new();
    }
    (0..count).filter(|shard| pods.iter().all(|pod| pod.shard != *shard)).collect()
}

/// Refuses a report whose run did not mean to do the same as the first.
fn belongs(first: &Past, past: &Past) -> Result<(), FleetError> {
    let mut differences = Vec::new();
    for name in SHARED {
        differences.extend(past::differences(name, &first.plan[name], &past.plan[name]));
    }
    // Memory is dealt out to the lanes, of which there are as many as CPUs.
    differences.retain(|it| !it.starts_with("batching.lane_"));
    let (one, other) = (shards(&first.plan), shards(&past.plan));
    if one != other {
        differences.push(format!("the number of shards is {one} and {other}"));
    }
    if differences.is_empty() {
        return Ok(());
    }
    let (one, other) = (first.name.clone(), past.name.clone());
    Err(FleetError::Differ { one, other, differences })
}

/// Lists differences as far as a line has room.
fn few(differences: &[String]) -> String {
    let few = differences[..differences.len().min(DIFFERENCES_MAX)].join("; ");
    match differences.len().saturating_sub(DIFFERENCES_MAX) {
        0 => few,
        more => format!("{few}; and {more} more"),
    }
}

/// Adds what one only has to add up.
fn add_figures(sum: &mut Past, past: Past) {
    let both = |one: Option<u64>, other: Option<u64>| Some(one? + other?);
    let either = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        _ => one.or(other),
    };
    let (totals, more) = (&mut sum.totals, past.totals);
    totals.scheduled += more.scheduled;
    totals.sent += more.sent;
    totals.resent = both(totals.resent, more.resent);
    totals.acknowledged += more.acknowledged;
    totals.failed += more.failed;
    totals.unknown += more.unknown;
    totals.dropped += more.dropped;
    // Each shard has its own.
    totals.resumed_from = None;
    totals.warmup = both(totals.warmup, more.warmup);
    totals.payload_bytes += more.payload_bytes;
    totals.wire_bytes = both(totals.wire_bytes, more.wire_bytes);
    let (rate, more) = (&mut sum.rate, past.rate);
    rate.achieved_per_second += more.achieved_per_second;
    let targets = rate.target_per_second.zip(more.target_per_second);
    rate.target_per_second = targets.map(|(one, other)| one + other);
    let paced = rate.paced_per_second.zip(more.paced_per_second);
    rate.paced_per_second = paced.map(|(one, other)| one + other);
    let (cpu, more) = (&mut sum.cpu, past.cpu);
    cpu.lanes_ns += more.lanes_ns;
    cpu.publisher_ns += more.publisher_ns;
    cpu.throttled_periods = either(cpu.throttled_periods, more.throttled_periods);
    cpu.throttled_ns = either(cpu.throttled_ns, more.throttled_ns);
    let (waits, more) = (&mut sum.waits, past.waits);
    waits.buffers += more.buffers;
    waits.buffers_ns += more.buffers_ns;
    waits.sockets += more.sockets;
    waits.sockets_ns += more.sockets_ns;
    waits.receipts_ns += more.receipts_ns;
    sum.losses = sum.losses.zip(past.losses).map(|(one, other)| Losses {
        connections: one.connections + other.connections,
        producers: one.producers + other.producers,
    });
    // The one that had most: pods have a limit each.
    sum.memory.rss_bytes_max = sum.memory.rss_bytes_max.max(past.memory.rss_bytes_max);
    sum.time.stopped_by_signal |= past.time.stopped_by_signal;
    sum.producers.extend(past.producers);
    for objective in past.verdict.objectives_failed {
        if !sum.verdict.objectives_failed.contains(&objective) {
            sum.verdict.objectives_failed.push(objective);
        }
    }
}

#[cfg(test)]
#[path = "fleet/tests.rs"]
mod tests;
