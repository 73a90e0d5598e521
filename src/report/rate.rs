//! How fast records were acknowledged, and which of them have a target: where the last stage is at
//! maximum rate, those of the stages before it.

use serde::Deserialize;
use serde::Serialize;

use super::Measured;

/// How fast records were acknowledged.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct RateReached {
    /// What was due after the warm-up, of the stages with a rate; `null` at maximum rate.
    pub target_per_second: Option<f64>,
    /// Reached, over [`super::Time::elapsed_ns`] without the warm-up.
    pub achieved_per_second: f64,
    /// Reached of the target: over the stages with a rate, and for as long as their receipts came
    /// later; `null` at maximum rate.
    pub paced_per_second: Option<f64>,
}

/// The part of a run that has a target, after the warm-up.
pub(super) struct Paced {
    /// Records that had their turn.
    pub(super) due: u64,
    /// Records that were confirmed.
    pub(super) confirmed: u64,
    /// From when to when they were due.
    from_ns: u64,
    pub(super) until_ns: u64,
    /// How long after that the last receipt came.
    pub(super) late_ns: u64,
}

impl Paced {
    /// Finds it; `None`: all that is measured goes as fast as it can.
    pub(super) fn of(measured: &Measured) -> Option<Self> {
        let (load, counted) = (&measured.plan.load, &measured.counted);
        let (from_ns, until_ns) =
            (load.warmup_ns.max(measured.resumed_ns), load.schedule().paced_until_ns());
        let until_ns = Some(until_ns).filter(|&until_ns| until_ns > from_ns)?;
        let until_ns = until_ns.min(measured.schedule_ns);
        Some(Self {
            due: (counted.scheduled - counted.warmup).saturating_sub(counted.unpaced),
            confirmed: counted.confirmed().saturating_sub(counted.unpaced_acknowledged),
            from_ns,
            until_ns,
            late_ns: counted.paced_receipt_ns.saturating_sub(until_ns),
        })
    }

    /// Returns how many records a second were due.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for display")]
    fn target_per_second(&self, measured: &Measured) -> Option<f64> {
        let schedule = measured.plan.load.schedule();
        let before = schedule.due_before(self.from_ns)?;
        let due = schedule.due_before(self.until_ns)?.saturating_sub(before);
        Some(due as f64 * 1e9 / self.until_ns.saturating_sub(self.from_ns).max(1) as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio for display")]
    fn per_second(&self) -> f64 {
        let lasted_ns = (self.until_ns + self.late_ns).saturating_sub(self.from_ns);
        self.confirmed as f64 * 1e9 / lasted_ns.max(1) as f64
    }
}

impl RateReached {
    #[expect(clippy::cast_precision_loss, reason = "a ratio for display")]
    pub(super) fn of(measured: &Measured, measured_ns: u64) -> Self {
        let paced = Paced::of(measured);
        Self {
            target_per_second: paced.as_ref().and_then(|it| it.target_per_second(measured)),
            achieved_per_second: measured.counted.confirmed() as f64 * 1e9 / measured_ns as f64,
            paced_per_second: paced.as_ref().map(Paced::per_second),
        }
    }

    /// Returns what share of the target was reached, if there was one.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let target = self.target_per_second.filter(|&target| target > 0.0)?;
        Some(self.beside_target() / target)
    }

    /// Returns what is to be held against the target; reports of earlier versions have one rate.
    #[must_use]
    pub fn beside_target(&self) -> f64 {
        self.paced_per_second.unwrap_or(self.achieved_per_second)
    }
}
