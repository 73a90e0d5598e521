//! How much and how long: one of `--rate`, `--per-core-rate` and `--stages`, and one end.

use std::time::Duration;

use serde::Serialize;

use super::Objective;
use super::Objectives;
use super::PlanError;
use super::nanoseconds;
use crate::cpu::Cpus;
use crate::schedule::Schedule;
use crate::schedule::Stage;
use crate::schedule::Stages;
use crate::units::Rate;

/// Records a second where nothing was typed: those of the replaced system.
const RATE: Rate = Rate::PerSecondMillionths(1_000_000_000);

/// The share of the target that may be missing.
const TOLERANCE: f64 = 0.01;

/// The highest finite rate.
const MILLIONTHS_MAX: f64 = 1e15;

/// What was typed of the load, each `None` where nothing was.
#[derive(Clone, Debug, Default)]
pub struct LoadSettings {
    /// `--rate`.
    pub rate: Option<Rate>,
    /// `--per-core-rate`.
    pub per_core_rate: Option<Rate>,
    /// `--stages`.
    pub stages: Option<Stages>,
    /// `--duration`; without any end: until a signal.
    pub duration: Option<Duration>,
    /// `--num-messages`.
    pub records: Option<u64>,
    /// `--warmup`.
    pub warmup: Option<Duration>,
    /// `--tolerance`, a share.
    pub tolerance: Option<f64>,
    /// `--slo`.
    pub objectives: Option<Objectives>,
    /// `--abort-on-slo`.
    pub abort_on_slo: bool,
}

/// The load that is meant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Load {
    /// Records a second; of several stages the highest rate.
    pub rate: Rate,
    /// Where the rate comes from, if from a rate for each CPU.
    pub per_core: Option<PerCore>,
    /// What the load is made of, one after the other.
    pub stages: Vec<Stage>,
    /// How long, in nanoseconds; `None`: until a signal, or until the last record.
    pub duration_ns: Option<u64>,
    /// Records of the whole run, where the plan knows.
    pub records: Option<u64>,
    /// How long records are left out of rate, latency and CPU, in nanoseconds.
    pub warmup_ns: u64,
    /// The share of the target that may be missing before it counts as missed.
    pub tolerance: f64,
    /// What the run has to reach.
    pub objectives: Vec<Objective>,
    /// Whether it stops when one of these is broken.
    pub abort_on_slo: bool,
}

/// A rate for each CPU that is ours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PerCore {
    /// Records a second and CPU.
    pub rate: Rate,
    /// CPUs that are ours, by affinity and quota.
    pub cpus: f64,
    /// CPUs that the affinity allows.
    pub allowed: usize,
    /// The quota in CPUs.
    pub quota: Option<f64>,
}

impl Load {
    pub(super) fn resolve(typed: &LoadSettings, cpus: &Cpus) -> Result<Self, PlanError> {
        refuse_contradictions(typed)?;
        let per_core = typed.per_core_rate.map(|rate| PerCore {
            rate,
            cpus: cpus.available(),
            allowed: cpus.allowed.len(),
            quota: cpus.quota,
        });
        let duration_ns = typed.duration.map(nanoseconds);
        let (rate, stages) = match (&typed.stages, per_core) {
            (Some(stages), _) => (stages.rate_max(), stages.list().to_vec()),
            (None, per_core) => {
                let rate = per_core.map_or(Ok(typed.rate.unwrap_or(RATE)), PerCore::product)?;
                let duration_ns = duration_ns.unwrap_or(u64::MAX);
                (rate, vec![Stage { duration_ns, pace: rate.into() }])
            }
        };
        let schedule = Schedule::of(&stages, typed.records);
        let duration_ns = (schedule.end_ns() < u64::MAX).then(|| schedule.end_ns());
        let records = schedule.count();
        let warmup_ns = typed.warmup.map_or(0, nanoseconds);
        let is_all_warmup = duration_ns.is_some_and(|duration_ns| warmup_ns >= duration_ns)
            || records.is_some() && schedule.due_before(warmup_ns) == records;
        let has_target = schedule.paced_until_ns() > warmup_ns;
        if typed.tolerance.is_some() && !has_target {
            let why = "at maximum rate there is no target that could be missed";
            return Err(PlanError::NoEffect { flag: "--tolerance", why });
        }
        if warmup_ns > 0 && is_all_warmup {
            let why = "the run ends before it does, and nothing would be measured";
            return Err(PlanError::NoEffect { flag: "--warmup", why });
        }
        let tolerance = typed.tolerance.unwrap_or(TOLERANCE);
        let objectives = typed.objectives.clone().map_or_else(Vec::new, |given| given.0);
        if !has_target && objectives.iter().any(Objective::needs_target) {
            let why = "at maximum rate there is neither a response time nor a target rate";
            return Err(PlanError::NoEffect { flag: "an objective (--slo)", why });
        }
        let abort_on_slo = typed.abort_on_slo;
        if abort_on_slo && objectives.is_empty() {
            let why = "there is no objective that could be broken; give some by --slo";
            return Err(PlanError::NoEffect { flag: "--abort-on-slo", why });
        }
        Ok(Self {
            rate,
            per_core,
            stages,
            duration_ns,
            records,
            warmup_ns,
            tolerance,
            objectives,
            abort_on_slo,
        })
    }

    /// Returns the schedule.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        Schedule::of(&self.stages, self.records)
    }

    /// Returns whether records have due times from the first one on.
    #[must_use]
    pub fn is_paced(&self) -> bool {
        self.schedule().paced_until_ns() > 0
    }

    /// Returns whether the run ends by itself.
    #[must_use]
    pub const fn has_end(&self) -> bool {
        self.duration_ns.is_some() || self.records.is_some()
    }
}

impl PerCore {
    /// Returns the rate of all CPUs together.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a CPU is known to three digits, a rate is at most 10^15 millionths"
    )]
    fn product(self) -> Result<Rate, PlanError> {
        let Rate::PerSecondMillionths(rate) = self.rate else {
            let why = "max is as fast as it goes on whatever CPUs there are; say --rate max";
            return Err(PlanError::NoEffect { flag: "--per-core-rate", why });
        };
        let product = (rate as f64 * self.cpus).round();
        Ok(Rate::PerSecondMillionths(product.clamp(1.0, MILLIONTHS_MAX) as u64))
    }
}

/// Refuses two flags that say the same thing differently.
fn refuse_contradictions(typed: &LoadSettings) -> Result<(), PlanError> {
    let rate = ("--rate", typed.rate.is_some());
    let per_core = ("--per-core-rate", typed.per_core_rate.is_some());
    let stages = ("--stages", typed.stages.is_some());
    let duration = ("--duration", typed.duration.is_some());
    let records = ("--num-messages", typed.records.is_some());
    for ((one, one_is_given), (other, other_is_given), both) in [
        (rate, stages, "say how fast the load is"),
        (rate, per_core, "say how fast the load is"),
        (per_core, stages, "say how fast the load is"),
        (duration, stages, "say how long the run lasts"),
        (records, stages, "say where the run ends"),
        (records, duration, "say where the run ends"),
    ] {
        if one_is_given && other_is_given {
            return Err(PlanError::Contradiction { one, other, both });
        }
    }
    Ok(())
}
