//! The verdict: the program's judgement of its own measurement, and its exit code.

use serde::Serialize;

use super::RateReached;
use crate::plan::Plan;
use crate::stats::Counts;
use crate::units;

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

/// Decides the exit code and says why in one line.
pub(super) fn judge(
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
    } else if stopped_by_signal && plan.load.has_end() {
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
