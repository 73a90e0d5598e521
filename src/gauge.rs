//! What a record costs on this machine: short runs against a sink in this process.
//!
//! A pod pays for its lanes and its publisher; the sink stands for brokers, which have machines of
//! their own. The threads' own CPU times tell them apart. Each run's plan is resolved under the
//! quota that a pod would have, and so has a pod's lanes, pinning and waits; no quota is in force
//! meanwhile, because time without a CPU costs no CPU. Runs as fast as they go say what a record
//! costs at the least; but pods hold a rate, and wake up for their batches: that is measured at a
//! low rate and at half of the highest that the pod's CPU and this machine allow. Of three runs the
//! median counts. A pod with more CPUs than this machine has is measured with as many lanes as run
//! here.

use std::io;
use std::net::TcpListener;
use std::num::NonZeroU64;
use std::time::Duration;

use crate::broker;
use crate::broker::BrokerConfig;
use crate::broker::BrokerError;
use crate::broker::BrokerHandle;
use crate::capacity::Cost;
use crate::capacity::Line;
use crate::capacity::Origin;
use crate::clock;
use crate::cpu::Cpus;
use crate::plan::LoadSettings;
use crate::plan::Plan;
use crate::plan::PlanError;
use crate::plan::Settings;
use crate::plan::Surroundings;
use crate::run;
use crate::run::Outside;
use crate::run::RunError;
use crate::units::Rate;
use crate::units::grouped;

/// Runs at the highest rate, and at the paced one; the median of an odd number is one of them.
const RUNS: usize = 3;

/// How long each lasts, and at most where it is late: seven of them end within half a minute.
const RUN: Duration = Duration::from_secs(3);
const LASTS_NS_MAX: u64 = 4_000_000_000;

/// The low rate is that of the replaced system's pods.
const LOW_RATE: f64 = 1_000.0;
const LOW_RATE_MILLIONTHS: u64 = 1_000_000_000;

/// The paced rate is so much of the highest.
const PACED: f64 = 0.5;

/// The sink checks one checksum in so many.
const CHECK_EVERY: NonZeroU64 = NonZeroU64::new(100).expect("it is above 0");

/// A batch that is filled and one that is on its way: with fewer a lane stands still.
const BATCHES_MIN: u64 = 2;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum GaugeError {
    /// The settings contradict each other.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The sink cannot start.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// There is no port for it.
    #[error("the sink cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// A run could not begin.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A run failed.
    #[error("a run to measure with failed: {0}")]
    Failed(String),
    /// A signal came.
    #[error("stopped before everything was measured")]
    Stopped,
}

/// Measures what a record of these settings costs in a pod with so many CPUs. Where the rate of a
/// CPU is given, that counts, and bytes and memory alone are measured.
///
/// # Errors
/// When a run cannot begin or fails, or a signal ends it.
pub fn measure(
    settings: &Settings,
    cpus: f64,
    given: Option<f64>,
    here: &Surroundings,
    outside: &Outside,
) -> Result<Cost, GaugeError> {
    let sink_config =
        BrokerConfig { sink_check_every: Some(CHECK_EVERY), ..BrokerConfig::default() };
    let sink = broker::start(TcpListener::bind(("127.0.0.1", 0))?, sink_config)?;
    let service_url = Some(sink.service_url().parse().map_err(io::Error::other)?);
    let settings = Settings { service_url, ..settings.clone() };
    let quota = here.cpus.quota.map_or(cpus, |quota| quota.min(cpus));
    let in_pod =
        Surroundings { cpus: Cpus { quota: Some(quota), ..here.cpus.clone() }, ..here.clone() };
    let gauge = Gauge { settings, in_pod, sink, outside };
    let low = gauge.run(Rate::PerSecondMillionths(LOW_RATE_MILLIONTHS))?;
    let runs = if given.is_some() { 1 } else { RUNS };
    let (fastest, _) = gauge.median(Rate::Max, runs)?;
    let lanes = lanes_of(cpus);
    let by_cpu = quota.min(gauge.in_pod.cpus.available()) * 1e9 / fastest.cpu_ns();
    let paced_rate = PACED * fastest.rate_max(fastest.lanes).min(by_cpu).min(fastest.reached);
    let (paced, spread) = gauge.median(rate_of(paced_rate), runs)?;
    let line =
        |of: fn(&Reading) -> f64| Line::through((LOW_RATE, of(&low)), (paced_rate, of(&paced)));
    let cpu_ns = line(Reading::cpu_ns);
    let given_ns = given.map(|rate| 1e9 / rate);
    Ok(Cost {
        cpu_ns: given_ns.map_or(cpu_ns, |per_record| Line { per_record, ..cpu_ns }),
        cpu_ns_fastest: given_ns.unwrap_or_else(|| fastest.cpu_ns()),
        wire_bytes: line(|reading| reading.wire_bytes),
        threads_rate_max: given.is_none().then(|| fastest.rate_max(lanes)),
        lanes,
        lanes_measured: fastest.lanes.min(lanes),
        memory_idle_bytes: low.memory_bytes,
        window_bytes: u64::from(lanes) * fastest.lane_bytes,
        window_bytes_min: u64::from(lanes) * BATCHES_MIN * fastest.batch_bytes,
        origin: given.map_or(Origin::Measured { runs, spread }, |_| Origin::Given),
    })
}

/// Returns a rate that can be asked for, in whole records.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
fn rate_of(per_second: f64) -> Rate {
    Rate::PerSecondMillionths(per_second.clamp(2.0 * LOW_RATE, 1e9) as u64 * 1_000_000)
}

/// Returns how many lanes a pod with so many CPUs has at the most.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
fn lanes_of(cpus: f64) -> u32 {
    (cpus as u32).max(1)
}

/// What runs are made with.
struct Gauge<'a> {
    settings: Settings,
    in_pod: Surroundings,
    sink: BrokerHandle,
    outside: &'a Outside,
}

/// What one run told, each figure for a record unless it says otherwise.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// CPU time of all lanes, in nanoseconds.
    lane_ns: f64,
    /// CPU time of the publisher, in nanoseconds.
    publisher_ns: f64,
    /// Bytes that were written.
    wire_bytes: f64,
    /// The most that the process ever held, in bytes.
    memory_bytes: u64,
    /// Memory for the batches of a lane, in bytes.
    lane_bytes: u64,
    /// Bytes of a batch at most.
    batch_bytes: u64,
    /// Generator threads.
    lanes: u32,
    /// Records a second that were acknowledged.
    reached: f64,
}

impl Reading {
    fn cpu_ns(&self) -> f64 {
        self.lane_ns + self.publisher_ns
    }

    /// Returns the rate at which so many lanes or the publisher have no time left.
    fn rate_max(&self, lanes: u32) -> f64 {
        (f64::from(lanes) * 1e9 / self.lane_ns).min(1e9 / self.publisher_ns)
    }
}

impl Gauge<'_> {
    /// Runs so often; returns the run of the median CPU time, and how far apart the cheapest and
    /// the dearest are, as a share of that.
    fn median(&self, rate: Rate, runs: usize) -> Result<(Reading, f64), GaugeError> {
        let readings: Result<Vec<_>, _> = (0..runs).map(|_| self.run(rate)).collect();
        let mut readings = readings?;
        readings.sort_by(|a: &Reading, b| a.cpu_ns().total_cmp(&b.cpu_ns()));
        let (median, dearest) = (readings[runs / 2], readings[runs - 1]);
        Ok((median, (dearest.cpu_ns() - readings[0].cpu_ns()) / median.cpu_ns()))
    }

    /// Runs once.
    #[expect(clippy::cast_precision_loss, reason = "a mean over all records of a run")]
    fn run(&self, rate: Rate) -> Result<Reading, GaugeError> {
        let load =
            LoadSettings { rate: Some(rate), duration: Some(RUN), ..LoadSettings::default() };
        let mut settings = Settings { load, ..self.settings.clone() };
        let rate_text = match rate {
            Rate::Max => {
                // Nothing waits for the end of a window there, which is a pod's own business.
                settings.batching.window = None;
                "as fast as it goes".to_owned()
            }
            Rate::PerSecondMillionths(rate) => {
                format!("at {} messages a second", grouped(rate / 1_000_000))
            }
        };
        let plan = Plan::resolve(settings, &self.in_pod)?;
        let (batching, lanes) = (plan.batching, plan.lanes);
        log::info!("measuring {rate_text} for {} s", RUN.as_secs());
        let before = self.sink.counts();
        let until = clock::now().plus_ns(LASTS_NS_MAX);
        let outside = Outside { until: Some(until), ..self.outside.clone() };
        let report = run::run(plan, self.in_pod.clone(), &outside, None)?;
        if report.time.stopped_by_signal {
            return Err(GaugeError::Stopped);
        }
        let records = report.totals.acknowledged;
        if records == 0 || report.verdict.code == 1 {
            return Err(GaugeError::Failed(report.verdict.text));
        }
        let of_record = |sum: u64| sum as f64 / records as f64;
        // The `client` transport does not say what it writes: then what came counts, which lacks
        // the heads of batches.
        let came = self.sink.counts().entry_bytes() - before.entry_bytes();
        Ok(Reading {
            lane_ns: of_record(report.cpu.lanes_ns),
            publisher_ns: of_record(report.cpu.publisher_ns),
            wire_bytes: of_record(report.totals.wire_bytes.unwrap_or(came)),
            memory_bytes: report.memory.rss_bytes_max.unwrap_or_default(),
            lane_bytes: batching.lane_bytes_max as u64,
            batch_bytes: batching.bytes_max as u64,
            lanes,
            reached: report.rate.achieved_per_second,
        })
    }
}
