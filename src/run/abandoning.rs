//! Gives a run up when an objective is broken: judged once a second after the warm-up, over all
//! that was measured so far.

use crate::plan::Plan;
use crate::report::Abandoned;
use crate::report::Patience;
use crate::report::Reached;
use crate::stats::Counts;
use crate::stats::Stats;

/// How long a receipt may take before a record that was due counts as late for the rate: what is
/// on its way is not missing.
const ON_THE_WAY_NS: u64 = 500_000_000;

/// The judgement of a run that is to be given up.
pub(super) struct Abandoning<'a> {
    plan: &'a Plan,
    patience: Patience,
    /// From when on records are measured, in nanoseconds since the start.
    from_ns: u64,
    /// What was counted when the warm-up ended; `None`: it did not yet.
    warmup: Option<Counts>,
}

impl<'a> Abandoning<'a> {
    /// Begins at the start of a run, or so far into it.
    pub(super) fn new(plan: &'a Plan, resumed_ns: u64) -> Self {
        let from_ns = plan.load.warmup_ns.max(resumed_ns);
        let warmup = (plan.load.warmup_ns == 0).then(Counts::default);
        Self { plan, patience: Patience::default(), from_ns, warmup }
    }

    /// Notes what was counted when the warm-up ended.
    pub(super) fn warmed_up(&mut self, counts: Counts) {
        self.warmup = Some(counts);
    }

    /// Judges the run by the end of a second; returns why it is to be given up, if it is.
    #[expect(clippy::cast_precision_loss, reason = "shares of what was counted")]
    pub(super) fn judge(
        &mut self,
        elapsed_ns: u64,
        counts: &Counts,
        stats: &Stats,
    ) -> Option<Abandoned> {
        let load = &self.plan.load;
        let before = self.warmup.as_ref().filter(|_| load.abort_on_slo)?;
        let lost = |counts: &Counts| counts.failed + counts.unknown + counts.dropped;
        let scheduled = (counts.scheduled - counts.warmup).max(1);
        let schedule = load.schedule();
        let due = |ns: u64| schedule.due_before(ns.min(schedule.paced_until_ns()));
        let due = due(elapsed_ns.saturating_sub(ON_THE_WAY_NS)).zip(due(self.from_ns));
        let due = due.map(|(now, before)| now.saturating_sub(before)).filter(|&due| due > 0);
        let paced = counts.confirmed().saturating_sub(counts.unpaced_acknowledged);
        let latency = stats.latency_total.lock();
        let reached = Reached {
            latency: &latency,
            errors: (lost(counts) - lost(before)) as f64 / scheduled as f64,
            rate: due.map_or(f64::NAN, |due| paced as f64 / due as f64),
        };
        let broken = self.patience.broken(&load.objectives, &reached)?;
        Some(Abandoned { objective: broken.text().to_owned(), after_ns: elapsed_ns })
    }
}
