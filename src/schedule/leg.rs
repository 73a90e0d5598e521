//! Legs: stretches of a stage at one rate, and where in them a record is due.
//!
//! A steady stage is one leg, a ramp has one a millisecond. All sums are integers of 128 bits:
//! rates are millionths below 2^50, a ramp has fewer than 2^35 steps (`StageError::RampTooLong`).

use super::Pace;
use super::Part;
use super::narrow;

/// Parts of a record that the records of every stage are counted in: nanoseconds a second, times
/// millionths of a rate, times two because a ramp's mean is half a sum.
pub(super) const UNIT: u128 = 2_000_000_000_000_000;

/// How long a step of a ramp is.
pub(super) const STEP_NS: u64 = 1_000_000;

/// An index within a stretch of one rate: records are `unit / divisor` nanoseconds apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg {
    /// When the index is due.
    pub(super) due_ns: u64,
    /// What that lacks to the exact time, in units of 1 / `divisor` ns.
    pub(super) remainder: u128,
    pub(super) divisor: u128,
    pub(super) unit: u128,
    /// The first index behind the leg.
    pub(super) end: u64,
}

impl Leg {
    /// Makes the leg behind a schedule's end, which never ends.
    pub(super) const fn over(end_ns: u64) -> Self {
        Self { due_ns: end_ns, remainder: 0, divisor: u128::MAX, unit: 0, end: u64::MAX }
    }

    /// Makes the leg of an index of this stage, which ends before index `end`.
    pub(super) fn of(part: &Part, index: u64, end: u64) -> Self {
        match part.pace {
            Pace::Max => Self { end, ..Self::over(part.start_ns) },
            Pace::Paced { from, to } if from == to => {
                let beyond = u128::from(index - part.whole) * UNIT - part.fraction;
                Self::new(part.start_ns, beyond, 2 * u128::from(from), UNIT, end)
            }
            Pace::Paced { from, to } => Ramp::new(part, from, to).leg(index, end),
        }
    }

    fn new(start_ns: u64, beyond: u128, divisor: u128, unit: u128, end: u64) -> Self {
        let due_ns = start_ns.saturating_add(narrow(beyond / divisor));
        Self { due_ns, remainder: beyond % divisor, divisor, unit, end }
    }
}

/// Returns how many records are due before `ns`, which lies in this stage; `None` at maximum rate.
pub(super) fn due_before(part: &Part, ns: u64) -> Option<u64> {
    let elapsed_ns = ns - part.start_ns;
    let count = match part.pace {
        Pace::Max if elapsed_ns > 0 => return None,
        Pace::Max => part.first().into(),
        Pace::Paced { from, to } if from == to => {
            let sum = part.fraction + u128::from(elapsed_ns) * 2 * u128::from(from);
            u128::from(part.whole) + sum.div_ceil(UNIT)
        }
        Pace::Paced { from, to } => {
            let ramp = Ramp::new(part, from, to);
            let step = (elapsed_ns / STEP_NS).min(ramp.steps - 1);
            let (whole, rest) = ramp.before(step);
            let sum = rest + ramp.rate(step) * u128::from(elapsed_ns - step * STEP_NS);
            u128::from(whole) + sum.div_ceil(ramp.unit)
        }
    };
    Some(narrow(count))
}

/// A stage whose rate goes from one to another in a straight line.
struct Ramp<'a> {
    part: &'a Part,
    from: i128,
    /// What the rate gains over the whole ramp.
    gain: i128,
    steps: u64,
    /// What a record is counted in: [`UNIT`] times the steps, so that the rate of every step is an
    /// integer of it a nanosecond.
    unit: u128,
}

impl<'a> Ramp<'a> {
    fn new(part: &'a Part, from: u64, to: u64) -> Self {
        let steps = (part.end_ns - part.start_ns) / STEP_NS;
        let gain = i128::from(to) - i128::from(from);
        Self { part, from: from.into(), gain, steps, unit: UNIT * u128::from(steps) }
    }

    /// Returns the rate of a step's middle.
    const fn rate(&self, step: u64) -> u128 {
        (2 * self.steps as i128 * self.from + self.gain * (2 * step as i128 + 1)).unsigned_abs()
    }

    /// Returns what is due before a step: whole records, and the rest in `unit`.
    fn before(&self, step: u64) -> (u64, u128) {
        let (steps, step) = (i128::from(self.steps), i128::from(step));
        // The sum of the rates of the steps before, each of which lasts `STEP_NS`.
        let sum = (2 * steps * self.from * step + self.gain * step * step).unsigned_abs();
        let a_record = self.unit / u128::from(STEP_NS);
        let rest =
            self.part.fraction * u128::from(self.steps) + sum % a_record * u128::from(STEP_NS);
        let whole = u128::from(self.part.whole) + sum / a_record + rest / self.unit;
        (narrow(whole), rest % self.unit)
    }

    /// Returns the first index that is due in a step or later.
    fn first(&self, step: u64) -> u64 {
        let (whole, rest) = self.before(step);
        whole + u64::from(rest > 0)
    }

    fn leg(&self, index: u64, end: u64) -> Leg {
        let mut step = self.guess(index);
        while step > 0 && self.first(step) > index {
            step -= 1;
        }
        while step + 1 < self.steps && self.first(step + 1) <= index {
            step += 1;
        }
        let (whole, rest) = self.before(step);
        let beyond = u128::from(index - whole) * self.unit - rest;
        let start_ns = self.part.start_ns + step * STEP_NS;
        Leg::new(start_ns, beyond, self.rate(step), self.unit, self.first(step + 1).min(end))
    }

    /// Guesses in which step an index is due, by the root of the ramp's quadratic in floating
    /// point. It decides where the search begins, never what it finds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a guess"
    )]
    fn guess(&self, index: u64) -> u64 {
        let records = (index - self.part.whole) as f64 - self.part.fraction as f64 / UNIT as f64;
        let (from, gain, steps) =
            (self.from as f64 / 1e9, self.gain as f64 / 1e9, self.steps as f64);
        let slope = gain / steps;
        let root = (from * from + 2.0 * slope * records).max(0.0).sqrt();
        ((2.0 * records / (from + root).max(f64::MIN_POSITIVE)) as u64).min(self.steps - 1)
    }
}
