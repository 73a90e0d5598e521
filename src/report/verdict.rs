//! The verdict: the program's judgement of its own measurement, and its exit code.

use serde::Serialize;

use super::Measured;
use super::RateReached;
use super::limit::Case;
use super::limit::Outcome;
use super::objectives::Abandoned;
use super::objectives::Reached;
use super::rate::Paced;
use crate::plan::Load;
use crate::schedule::Pace;
use crate::stats::Counts;
use crate::units;

/// A run is not judged by its last round trip: what has its receipt so soon after the schedule's
/// end is in time, however short the run.
const SETTLE_NS: u64 = 500_000_000;

/// A wall clock that ran so differently from the monotonic one was set.
const CLOCK_STEP_MS: u64 = 100;

/// A broker whose last receipt is no older than this when a run ends was slow, not silent.
const SLOW_NS: u64 = 1_000_000_000;

/// The target was missed.
pub(super) const MISSED: u8 = 98;

/// An objective was not reached.
const OBJECTIVE_FAILED: u8 = 99;

/// What to think of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The exit code.
    pub code: u8,
    /// `held`, or what was the limit: `quota`, `stolen CPU`, `lane CPU`, `publisher CPU`, `window`,
    /// `hand-over` or `errors`.
    pub limit: &'static str,
    /// How that shows.
    pub evidence: String,
    /// What helps; `null` where nothing is to be done.
    pub mend: Option<&'static str>,
    /// What makes the measurement itself doubtful.
    pub warnings: Vec<String>,
    /// The objectives that were not reached, each as it was typed.
    pub objectives_failed: Vec<String>,
    /// The objective for which the run was stopped before its end, and when.
    pub abandoned: Option<Abandoned>,
    /// One line.
    pub text: String,
}

/// Judges a run.
pub(super) fn judge(measured: &Measured, rate: RateReached) -> Verdict {
    let counted = &measured.counted;
    let outcome = outcome(measured);
    // Of a broker that answers, what is unanswered waits for its turn; it is no error.
    let waiting = if is_answering(measured) { counted.unknown } else { 0 };
    let case = Case {
        spent: measured.spent,
        outcome,
        lanes: measured.plan.lanes,
        cpus: measured.cpus.available(),
        has_embedded_broker: measured.plan.service_url.is_none(),
        errors: counted.failed + counted.unknown - waiting,
        resent: counted.resent,
        waiting,
        due: counted.scheduled - counted.warmup,
        away: counted.producers_away(),
    };
    let finding = case.finding();
    let objectives_failed = objectives_failed(measured, rate);
    let (code, text) = if let Some(failure) = &measured.failure {
        (1, failure.clone())
    } else if !counted.add_up() {
        (1, broken_identity(counted))
    } else if counted.failed > 0 {
        (1, format!("the broker refused {} for good", units::counted(counted.failed, "record")))
    } else if measured.stopped_by_signal && measured.plan.load.has_end() {
        (105, "stopped from outside before the end".to_owned())
    } else if !objectives_failed.is_empty() {
        let early = measured.abandoned.as_ref().map_or_else(String::new, |abandoned| {
            format!("stopped after {}, ", units::duration_text(abandoned.after_ns))
        });
        (OBJECTIVE_FAILED, format!("{early}not reached: {}", objectives_failed.join(", ")))
    } else if counted.scheduled > 0 && counted.scheduled == counted.warmup {
        (MISSED, "nothing was measured: the warm-up was not over".to_owned())
    } else if outcome == Outcome::Missed {
        (MISSED, finished(counted, rate))
    } else {
        (0, finished(counted, rate))
    };
    Verdict {
        code,
        limit: finding.limit,
        evidence: finding.evidence,
        mend: Some(finding.mend).filter(|mend| !mend.is_empty()),
        warnings: warnings(measured),
        objectives_failed,
        abandoned: measured.abandoned.clone(),
        text,
    }
}

/// Returns whether receipts came until the end.
fn is_answering(measured: &Measured) -> bool {
    let began_ns = measured.plan.load.warmup_ns.max(measured.resumed_ns);
    let ended_ns = began_ns + measured.spent.elapsed_ns;
    measured.counted.last_receipt_ns + SLOW_NS >= ended_ns
}

/// Compares a run with its target: so many records, and in time. At maximum rate there is none to
/// be missed, and yet what was taken on is to have its receipt.
fn outcome(measured: &Measured) -> Outcome {
    let (load, counted) = (&measured.plan.load, &measured.counted);
    let is_short = |due: u64, confirmed: u64| {
        let mut missing = due.saturating_sub(confirmed);
        if measured.stopped_by_signal || measured.abandoned.is_some() {
            // What became due while the stop took hold was not to be sent any more.
            missing -= missing.min(counted.dropped).min(due_meanwhile(load));
        }
        missing > tolerated(load, due)
    };
    let is_all_short = is_short(counted.scheduled - counted.warmup, counted.confirmed());
    let Some(paced) = Paced::of(measured) else {
        return if is_all_short { Outcome::Missed } else { Outcome::NoTarget };
    };
    let lasted_ns = paced.until_ns.saturating_sub(measured.resumed_ns);
    let is_late = paced.late_ns > tolerated(load, lasted_ns).max(SETTLE_NS);
    if is_all_short || is_short(paced.due, paced.confirmed) || is_late {
        Outcome::Missed
    } else {
        Outcome::Held
    }
}

/// Returns how much may be missing of so much.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of what was counted"
)]
fn tolerated(load: &Load, all: u64) -> u64 {
    (all as f64 * load.tolerance) as u64
}

/// Returns how many records may come to be due while a stop takes hold, at the highest rate.
fn due_meanwhile(load: &Load) -> u64 {
    let rates = load.stages.iter().map(|stage| match stage.pace {
        Pace::Paced { from, to } => from.max(to),
        Pace::Max => 0,
    });
    let millionths = rates.max().unwrap_or_default();
    (millionths / 1_000_000).saturating_mul(SETTLE_NS) / 1_000_000_000
}

/// Returns the objectives that were not reached, the one for which the run was given up among them
/// whatever came while it ended.
#[expect(clippy::cast_precision_loss, reason = "values are compared with bounds of three digits")]
fn objectives_failed(measured: &Measured, rate: RateReached) -> Vec<String> {
    let due = measured.counted.scheduled - measured.counted.warmup;
    let reached = Reached {
        latency: &measured.latency,
        errors: 1.0 - measured.counted.confirmed() as f64 / due.max(1) as f64,
        rate: rate.share().unwrap_or(f64::NAN),
    };
    let given_up = measured.abandoned.as_ref().map(|abandoned| abandoned.objective.as_str());
    let objectives = measured.plan.load.objectives.iter();
    let failed = objectives.filter(|it| reached.misses(it) || given_up == Some(it.text()));
    failed.map(|objective| objective.text().to_owned()).collect()
}

/// Says what makes the measurement itself doubtful.
fn warnings(measured: &Measured) -> Vec<String> {
    let mut warnings = Vec::new();
    if cfg!(debug_assertions) {
        warnings.push("a debug build: its cost and its limits say nothing".to_owned());
    }
    if measured.clock_step_ms.unsigned_abs() > CLOCK_STEP_MS {
        let step = measured.clock_step_ms;
        warnings.push(format!("the clock was set by {step} ms: event times are off by that"));
    }
    if let Some(failure) = &measured.histogram_log_failure {
        warnings.push(format!("the histogram file is not whole: {failure}"));
    }
    warnings
}

fn broken_identity(counted: &Counts) -> String {
    format!(
        "the accounting is broken: {} scheduled, but {} acknowledged + {} failed + {} unknown + {} \
         dropped; this is a bug, please report it",
        counted.scheduled, counted.acknowledged, counted.failed, counted.unknown, counted.dropped
    )
}

fn finished(counted: &Counts, rate: RateReached) -> String {
    let share = rate.share();
    let share =
        share.map_or_else(String::new, |share| format!(", {:.2} % of the target", 100.0 * share));
    let lost = counted.unknown + counted.dropped;
    let rest = match lost {
        0 => "every record has its receipt".to_owned(),
        1 => "1 record has no receipt".to_owned(),
        n => format!("{} have no receipt", units::counted(n, "record")),
    };
    format!("{rest}{share}")
}
