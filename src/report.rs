//! The report: plain results of one run, with the names that machines read.
//!
//! What this version cannot know is `null`, never invented. One file a rendering: `report/text.rs`
//! for a person, the serialised struct for machines.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::cpu::Cpus;
use crate::cpu::Throttling;
use crate::plan::Plan;
use crate::plan::Transport;
use crate::stats::Counts;
use crate::stats::Latency;
use crate::units;

pub mod plan_text;
pub mod text;

/// The version of the report's format: raised when a name changes its meaning or goes.
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
    /// What it cost.
    pub cpu: Cpu,
    /// What it waited for.
    pub waits: Waits,
    /// What was lost on the way and brought back; `null` where the transport does not say.
    pub losses: Option<Losses>,
    /// What it held.
    pub memory: Memory,
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
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Time {
    /// The start, in milliseconds since 1970.
    pub started_wall_ms: u64,
    /// From the start to the end of the schedule or the last receipt, whichever came later.
    pub elapsed_ns: u64,
    /// Whether a signal ended it.
    pub stopped_by_signal: bool,
}

/// What became of the records: `scheduled = acknowledged + failed + unknown + dropped`.
#[derive(Clone, Copy, Debug, Serialize)]
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
    /// How many of them belong to the warm-up.
    pub warmup: Option<u64>,
    /// AVRO bytes sent.
    pub payload_bytes: u64,
    /// Bytes of the frames that were written; `null` where the transport does not say.
    pub wire_bytes: Option<u64>,
}

/// What the run waited for. In the `client` transport only the buffers are known.
#[derive(Clone, Copy, Debug, Serialize)]
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

/// What was lost on the way and brought back.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Losses {
    /// Connections: closed by the other side, failed or silent.
    pub connections: u64,
    /// Producers: with their connection, or closed by the broker.
    pub producers: u64,
}

/// How fast records were acknowledged.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RateReached {
    /// Asked for; `null` at maximum rate.
    pub target_per_second: Option<f64>,
    /// Reached, over [`Time::elapsed_ns`].
    pub achieved_per_second: f64,
}

/// How long records took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latencies {
    /// Due to receipt; `null` at maximum rate, where nothing is due.
    pub response: Option<Percentiles>,
    /// Send to receipt.
    pub service: Option<Percentiles>,
}

/// Percentiles of a latency, in nanoseconds, 3 significant digits.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    /// Half were faster.
    pub p50_ns: u64,
    /// 99 % were faster.
    pub p99_ns: u64,
    /// 99.9 % were faster.
    pub p999_ns: u64,
    /// The slowest.
    pub max_ns: u64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        (!histogram.is_empty()).then(|| Self {
            p50_ns: histogram.value_at_quantile(0.50),
            p99_ns: histogram.value_at_quantile(0.99),
            p999_ns: histogram.value_at_quantile(0.999),
            max_ns: histogram.max(),
        })
    }
}

/// What a run cost.
#[derive(Clone, Copy, Debug, Serialize)]
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

/// What a run held.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    /// The most that was resident.
    pub rss_bytes_max: Option<u64>,
}

/// What to think of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The exit code.
    pub code: u8,
    /// What was the limit; not judged yet.
    pub limit: Option<String>,
    /// One line.
    pub text: String,
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
    /// The CPUs that were ours.
    pub cpus: Cpus,
    /// The start, in milliseconds since 1970.
    pub started_wall_ms: u64,
    /// From the start to the end of the schedule, in nanoseconds.
    pub schedule_ns: u64,
    /// Whether a signal ended it.
    pub stopped_by_signal: bool,
    /// Every counter.
    pub counted: Counts,
    /// Both latencies.
    pub latency: Latency,
    /// CPU time of the process from start to end, in nanoseconds.
    pub process_cpu_ns: u64,
    /// What the quota took from start to end.
    pub throttling: Option<Throttling>,
    /// The most that was resident.
    pub rss_bytes_max: Option<u64>,
    /// Why the run failed, if it did.
    pub failure: Option<String>,
}

impl Report {
    /// Makes the report of what was measured.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "ratios for display")]
    pub fn new(measured: Measured) -> Self {
        let counted = measured.counted;
        let elapsed_ns = measured.schedule_ns.max(counted.last_receipt_ns).max(1);
        let rate = RateReached {
            target_per_second: measured.plan.rate.per_second(),
            achieved_per_second: counted.acknowledged as f64 * 1e9 / elapsed_ns as f64,
        };
        let is_framed = measured.plan.transport == Transport::Framed;
        let per_record = measured.process_cpu_ns as f64 / counted.acknowledged as f64;
        Self {
            format_version: FORMAT_VERSION,
            environment: Environment {
                version: env!("CARGO_PKG_VERSION"),
                debug_build: cfg!(debug_assertions),
                kernel: measured.kernel,
                host: measured.host,
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
            totals: Totals {
                scheduled: counted.scheduled,
                sent: counted.sent,
                resent: is_framed.then_some(counted.resent),
                acknowledged: counted.acknowledged,
                failed: counted.failed,
                unknown: counted.unknown,
                dropped: counted.dropped,
                warmup: None,
                payload_bytes: counted.payload_bytes,
                wire_bytes: is_framed.then_some(counted.wire_bytes),
            },
            waits: Waits {
                buffers: counted.buffer_waits,
                buffers_ns: counted.buffer_wait_ns,
                sockets: counted.socket_waits,
                sockets_ns: counted.socket_wait_ns,
                receipts_ns: counted.receipt_wait_ns,
            },
            losses: is_framed.then_some(Losses {
                connections: counted.connections_lost,
                producers: counted.producers_lost,
            }),
            latency: Latencies {
                response: Percentiles::of(&measured.latency.response),
                service: Percentiles::of(&measured.latency.service),
            },
            cpu: Cpu {
                process_ns_per_record: (counted.acknowledged > 0).then_some(per_record),
                lanes_ns: counted.lane_cpu_ns,
                publisher_ns: counted.publisher_cpu_ns,
                throttled_periods: measured.throttling.map(|throttling| throttling.periods),
                throttled_ns: measured.throttling.map(|throttling| throttling.ns),
            },
            memory: Memory { rss_bytes_max: measured.rss_bytes_max },
            verdict: judge(
                &measured.plan,
                &counted,
                rate,
                measured.failure,
                measured.stopped_by_signal,
            ),
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

/// Decides the exit code and says why in one line.
fn judge(
    plan: &Plan,
    counted: &Counts,
    rate: RateReached,
    failure: Option<String>,
    stopped_by_signal: bool,
) -> Verdict {
    let (code, text) = if let Some(failure) = failure {
        (1, failure)
    } else if !counted.add_up() {
        (1, broken_identity(counted))
    } else if counted.failed > 0 {
        (1, format!("the broker refused {} records for good", units::grouped(counted.failed)))
    } else if stopped_by_signal && plan.duration_ns.is_some() {
        (105, "stopped from outside before the end".to_owned())
    } else {
        (0, finished(counted, rate))
    };
    Verdict { code, limit: None, text }
}

fn broken_identity(counted: &Counts) -> String {
    format!(
        "the accounting is broken: {} scheduled, but {} acknowledged + {} failed + {} unknown + {} \
         dropped; this is a bug, please report it",
        counted.scheduled, counted.acknowledged, counted.failed, counted.unknown, counted.dropped
    )
}

fn finished(counted: &Counts, rate: RateReached) -> String {
    let share = rate.target_per_second.map_or_else(String::new, |target| {
        format!(", {:.2} % of the target", 100.0 * rate.achieved_per_second / target)
    });
    let lost = counted.unknown + counted.dropped;
    let rest = match lost {
        0 => "every record has its receipt".to_owned(),
        n => format!("{} records have no receipt", units::grouped(n)),
    };
    format!("{rest}{share}")
}

#[cfg(test)]
#[path = "report/tests.rs"]
mod tests;
