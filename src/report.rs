//! The report: plain results of one run, with the names that machines read.
//!
//! What this version cannot know is `null`, never invented. One file a rendering: `report/text.rs`
//! for a person, the serialised struct for machines.

use serde::Deserialize;
use serde::Serialize;

use crate::cpu::Cpus;
use crate::plan::Plan;
use crate::plan::Transport;
use crate::stats::Counts;
use crate::stats::LatencyTotal;

mod histogram_log;
mod latencies;
mod limit;
mod live_text;
mod load_text;
pub mod plan_text;
mod objectives;
mod producers;
mod rate;
mod series;
pub mod text;
mod verdict;

pub use histogram_log::HistogramFile;
pub use histogram_log::HistogramLog;
pub use latencies::Histograms;
pub use latencies::Latencies;
pub use latencies::Percentiles;
pub use latencies::histogram_text;
pub use limit::Case;
pub use limit::Finding;
pub use limit::Outcome;
pub use limit::Spent;
pub use live_text::LiveLine;
pub use objectives::Abandoned;
pub use objectives::Patience;
pub use objectives::Reached;
pub use producers::ProducerEnd;
pub use rate::RateReached;
pub use series::POINTS_MAX;
pub use series::Point;
pub use series::PointLatency;
pub use series::Series;
pub use verdict::Verdict;

use verdict::judge;

/// The version of the report's format: raised when a name changes its meaning or goes. One that
/// comes raises nothing: who reads a report leaves out what it does not know.
pub const FORMAT_VERSION: u32 = 1;

/// What `--report -` puts before the JSON, so that a line of a log can be told to be one.
pub const LINE_MARK: &str = "producer-load-report ";

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// What was meant.
    pub plan: Plan,
    /// Where it ran.
    pub environment: Environment,
    /// When it began and how long it took.
    pub time: Time,
    /// What became of the records.
    pub totals: Totals,
    /// How fast.
    pub rate: RateReached,
    /// How long records took.
    pub latency: Latencies,
    /// All of that, to be merged with other runs'.
    pub histograms: Histograms,
    /// The run second by second.
    pub series: Series,
    /// What it cost.
    pub cpu: Cpu,
    /// What it waited for.
    pub waits: Waits,
    /// What was lost on the way and brought back; `null` where the transport does not say.
    pub losses: Option<Losses>,
    /// What it held.
    pub memory: Memory,
    /// How far each producer came.
    pub producers: Vec<ProducerEnd>,
    /// What to think of it.
    pub verdict: Verdict,
}

/// Where a run took place.
#[derive(Clone, Debug, Serialize)]
pub struct Environment {
    /// The program's version.
    pub version: &'static str,
    /// Whether this is a debug build, whose cost says nothing.
    pub debug_build: bool,
    /// The host's (in Kubernetes the pod's) name.
    pub host: String,
    /// The kernel's release.
    pub kernel: String,
    /// What the CPUs call themselves; `null` where the kernel does not say.
    pub cpu_model: Option<String>,
    /// The CPUs that the affinity allows.
    pub cpus_allowed: usize,
    /// The quota in CPUs.
    pub cpu_quota: Option<f64>,
    /// Where the records went.
    pub service_url: String,
    /// Whether that was the embedded broker, which shares this process's CPU.
    pub embedded_broker: bool,
}

/// When a run took place.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Time {
    /// The start, in milliseconds since 1970.
    pub started_wall_ms: u64,
    /// From the start to the end of the schedule or the last receipt, whichever came later.
    pub elapsed_ns: u64,
    /// Whether a signal ended it.
    pub stopped_by_signal: bool,
}

/// What became of the records: `scheduled = acknowledged + failed + unknown + dropped`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Totals {
    /// Their turn came.
    pub scheduled: u64,
    /// Given to the connection at least once.
    pub sent: u64,
    /// Given to it again; `null` where the transport does not say.
    pub resent: Option<u64>,
    /// Confirmed by the broker.
    pub acknowledged: u64,
    /// Refused for good.
    pub failed: u64,
    /// Never answered.
    pub unknown: u64,
    /// Due and never sent.
    pub dropped: u64,
    /// The first record of a run that went on where an earlier one had stopped.
    pub resumed_from: Option<u64>,
    /// How many of those whose turn came belong to the warm-up; `null`: there was none.
    pub warmup: Option<u64>,
    /// AVRO bytes sent.
    pub payload_bytes: u64,
    /// Bytes of the frames that were written; `null` where the transport does not say.
    pub wire_bytes: Option<u64>,
}

impl Totals {
    fn of(measured: &Measured) -> Self {
        let counted = &measured.counted;
        let is_framed = measured.plan.transport == Transport::Framed;
        Self {
            scheduled: counted.scheduled,
            sent: counted.sent,
            resent: is_framed.then_some(counted.resent),
            acknowledged: counted.acknowledged,
            failed: counted.failed,
            unknown: counted.unknown,
            dropped: counted.dropped,
            resumed_from: measured.resumed_from,
            warmup: (measured.plan.load.warmup_ns > 0).then_some(counted.warmup),
            payload_bytes: counted.payload_bytes,
            wire_bytes: is_framed.then_some(counted.wire_bytes),
        }
    }
}

/// What the run waited for. In the `client` transport only the buffers are known.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Waits {
    /// How often a lane found all its buffers in flight: back-pressure.
    pub buffers: u64,
    /// How long lanes waited for one.
    pub buffers_ns: u64,
    /// How often a socket was full.
    pub sockets: u64,
    /// How long the publisher waited for one to take more.
    pub sockets_ns: u64,
    /// How long the publisher had nothing to do but to wait for receipts.
    pub receipts_ns: u64,
}

impl Waits {
    const fn of(counted: &Counts) -> Self {
        Self {
            buffers: counted.buffer_waits,
            buffers_ns: counted.buffer_wait_ns,
            sockets: counted.socket_waits,
            sockets_ns: counted.socket_wait_ns,
            receipts_ns: counted.receipt_wait_ns,
        }
    }
}

/// What was lost on the way and brought back.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Losses {
    /// Connections: closed by the other side, failed or silent.
    pub connections: u64,
    /// Producers: with their connection, or closed by the broker.
    pub producers: u64,
}

/// What a run cost.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Cpu {
    /// CPU time of the process, user and system, for each acknowledged record.
    pub process_ns_per_record: Option<f64>,
    /// CPU time of all lanes, in nanoseconds.
    pub lanes_ns: u64,
    /// CPU time of the publisher's thread, in nanoseconds, from its start to its end.
    pub publisher_ns: u64,
    /// Periods in which the quota ran out; `null` where no control group counts them.
    pub throttled_periods: Option<u64>,
    /// How long threads stood still for it, summed.
    pub throttled_ns: Option<u64>,
}

impl Cpu {
    #[expect(clippy::cast_precision_loss, reason = "a ratio for display")]
    fn of(measured: &Measured) -> Self {
        let (times, throttling) = (&measured.spent, measured.spent.throttling);
        let confirmed = measured.counted.confirmed();
        let per_record = times.process_cpu_ns as f64 / confirmed as f64;
        Self {
            process_ns_per_record: (confirmed > 0).then_some(per_record),
            lanes_ns: times.lanes.cpu_ns,
            publisher_ns: times.publisher.cpu_ns,
            throttled_periods: throttling.map(|throttling| throttling.periods),
            throttled_ns: throttling.map(|throttling| throttling.ns),
        }
    }
}

/// What a run held.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Memory {
    /// The most that was resident.
    pub rss_bytes_max: Option<u64>,
}

/// What `run` measured, from which the report is made.
#[derive(Debug)]
pub struct Measured {
    /// What was meant.
    pub plan: Plan,
    /// Where the records went.
    pub service_url: String,
    /// The host's name.
    pub host: String,
    /// The kernel's release.
    pub kernel: String,
    /// What the CPUs call themselves.
    pub cpu_model: Option<String>,
    /// The CPUs that were ours.
    pub cpus: Cpus,
    /// The start, in milliseconds since 1970.
    pub started_wall_ms: u64,
    /// Where an earlier run had stopped, if this one went on from there.
    pub resumed_from: Option<u64>,
    /// How far into the whole run that was, in nanoseconds.
    pub resumed_ns: u64,
    /// From the start to the end of the schedule, in nanoseconds.
    pub schedule_ns: u64,
    /// Whether a signal ended it.
    pub stopped_by_signal: bool,
    /// Why it was given up before its end, if it was.
    pub abandoned: Option<Abandoned>,
    /// Every counter.
    pub counted: Counts,
    /// Both latencies.
    pub latency: LatencyTotal,
    /// The run second by second.
    pub series: Series,
    /// What was used from the end of the warm-up to the end.
    pub spent: Spent,
    /// Why the log of histograms is not whole, if it was asked for and is not.
    pub histogram_log_failure: Option<String>,
    /// How much more the wall clock went on than the monotonic one, in milliseconds.
    pub clock_step_ms: i64,
    /// The most that was resident.
    pub rss_bytes_max: Option<u64>,
    /// How far each producer came.
    pub producers: Vec<ProducerEnd>,
    /// Why the run failed, if it did.
    pub failure: Option<String>,
}

impl Report {
    /// Makes the report of what was measured.
    #[must_use]
    pub fn new(measured: Measured) -> Self {
        let counted = measured.counted;
        let ended_ns = measured.schedule_ns.max(counted.last_receipt_ns);
        let elapsed_ns = ended_ns.saturating_sub(measured.resumed_ns).max(1);
        let from_ns = measured.plan.load.warmup_ns.max(measured.resumed_ns);
        let measured_ns = ended_ns.saturating_sub(from_ns).max(1);
        let rate = RateReached::of(&measured, measured_ns);
        let is_framed = measured.plan.transport == Transport::Framed;
        let (totals, cpu) = (Totals::of(&measured), Cpu::of(&measured));
        let verdict = judge(&measured, rate);
        Self {
            format_version: FORMAT_VERSION,
            environment: Environment {
                version: env!("CARGO_PKG_VERSION"),
                debug_build: cfg!(debug_assertions),
                kernel: measured.kernel,
                host: measured.host,
                cpu_model: measured.cpu_model,
                cpus_allowed: measured.cpus.allowed.len(),
                cpu_quota: measured.cpus.quota,
                service_url: measured.service_url,
                embedded_broker: measured.plan.service_url.is_none(),
            },
            time: Time {
                started_wall_ms: measured.started_wall_ms,
                elapsed_ns,
                stopped_by_signal: measured.stopped_by_signal,
            },
            totals,
            waits: Waits::of(&counted),
            losses: is_framed.then_some(Losses {
                connections: counted.connections_lost,
                producers: counted.producers_lost,
            }),
            latency: Latencies::of(&measured.latency),
            histograms: Histograms::of(&measured.latency),
            series: measured.series,
            cpu,
            memory: Memory { rss_bytes_max: measured.rss_bytes_max },
            producers: measured.producers,
            verdict,
            rate,
            plan: measured.plan,
        }
    }

    /// Returns the report as one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| format!(r#"{{"error":"{error}"}}"#))
    }
}

#[cfg(test)]
#[path = "report/tests.rs"]
pub(crate) mod tests;
