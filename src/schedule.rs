//! The schedule: a pure function from a record's index to the time when it is due.
//!
//! Times are nanoseconds since the run's start. The rate integrated from the start to a moment says
//! how many records are due by then, and record `i` is due when that sum reaches `i`, rounded down
//! to a nanosecond. The sum runs on from stage to stage with its fraction, in integers alone, so
//! that no rate and no border loses a part of a record. A ramp is walked in steps of a millisecond,
//! each at the rate of its middle: the integral of a straight line over a step is exactly that, so
//! the sum at every step's end is the ramp's own, and within a step a record is due at one rate, as
//! everywhere else. [`Cursor`] walks one stream's indices.

use std::sync::Arc;
use std::time::Duration;

use crate::units::Rate;

mod cursor;
mod leg;
mod stages;

pub use cursor::Cursor;
pub use stages::Pace;
pub use stages::Stage;
pub use stages::StageError;
pub use stages::Stages;

use leg::Leg;
use leg::UNIT;

/// When records are due, and when the last one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    parts: Arc<[Part]>,
    end_ns: u64,
    /// The first index that is not due any more; `u64::MAX` where only time ends it.
    end_index: u64,
    /// Whether the run ends with that, and not only time as we can count it.
    is_counted: bool,
}

/// A stage in its place: what was due before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    start_ns: u64,
    end_ns: u64,
    pace: Pace,
    /// Records due before the stage, and the fraction of one more in parts of [`UNIT`].
    whole: u64,
    fraction: u128,
}

impl Part {
    /// Returns the first index that is due in the stage or later.
    const fn first(&self) -> u64 {
        self.whole.saturating_add((self.fraction > 0) as u64)
    }

    /// Returns what is due before the end of the stage, as [`Part::whole`] and
    /// [`Part::fraction`].
    fn after(&self) -> (u64, u128) {
        let Pace::Paced { from, to } = self.pace else { return (self.whole, self.fraction) };
        // Twice the mean rate; steady stages without an end are counted to the end of time.
        let twice = u128::from(from) + u128::from(to);
        let sum = self.fraction + u128::from(self.end_ns - self.start_ns) * twice;
        (self.whole.saturating_add(narrow(sum / UNIT)), sum % UNIT)
    }
}

impl Schedule {
    /// Makes the schedule of a constant rate, for `duration` or without an end.
    #[must_use]
    pub fn new(rate: Rate, duration: Option<Duration>) -> Self {
        let duration_ns = duration.map_or(u64::MAX, |d| narrow(d.as_nanos()));
        Self::of(&[Stage { duration_ns, pace: rate.into() }], None)
    }

    /// Makes the schedule of stages one after the other, for so many records at most.
    #[must_use]
    pub fn of(stages: &[Stage], records: Option<u64>) -> Self {
        let mut parts: Vec<Part> = Vec::with_capacity(stages.len());
        let (mut start_ns, mut before) = (0_u64, (0, 0));
        for stage in stages {
            let end_ns = start_ns.saturating_add(stage.duration_ns);
            let (whole, fraction) = before;
            parts.push(Part { start_ns, end_ns, pace: stage.pace, whole, fraction });
            before = parts[parts.len() - 1].after();
            start_ns = end_ns;
        }
        let is_max = parts.last().is_some_and(|part| part.pace == Pace::Max);
        let due = if is_max { u64::MAX } else { before.0.saturating_add(u64::from(before.1 > 0)) };
        let mut schedule = Self {
            parts: parts.into(),
            end_ns: start_ns,
            end_index: due,
            is_counted: !is_max && start_ns < u64::MAX,
        };
        if let Some(records) = records.filter(|&records| records < due) {
            if schedule.parts.iter().all(|p| p.pace != Pace::Max) {
                schedule.end_ns = schedule.due_ns(records);
            }
            schedule.end_index = records;
            schedule.is_counted = true;
        }
        schedule
    }

    /// Returns when the schedule ends; `u64::MAX` when it does not, or when only the number of
    /// records ends it.
    #[must_use]
    pub const fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// Returns until when records have a due time: at maximum rate, which is always last, nothing
    /// is ever due.
    #[must_use]
    pub fn paced_until_ns(&self) -> u64 {
        let max = self.parts.iter().find(|part| part.pace == Pace::Max);
        max.map_or(u64::MAX, |part| part.start_ns)
    }

    /// Returns when record `index` is due; at maximum rate when that stage begins.
    #[must_use]
    pub fn due_ns(&self, index: u64) -> u64 {
        self.leg(index).due_ns
    }

    /// Returns how many records are due before `ns`; `None` where that lies at maximum rate.
    #[must_use]
    pub fn due_before(&self, ns: u64) -> Option<u64> {
        let ns = ns.min(self.end_ns);
        let place = self.parts.partition_point(|part| part.start_ns < ns).saturating_sub(1);
        let count = leg::due_before(self.parts.get(place)?, ns)?;
        Some(count.min(self.end_index))
    }

    /// Returns how many records the whole run has; `None` without an end, or when only time ends a
    /// stage at maximum rate.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        self.is_counted.then_some(self.end_index)
    }

    /// Returns a cursor over the indices `first`, `first + stride`, …
    #[must_use]
    pub fn cursor(&self, first: u64, stride: u64) -> Cursor {
        Cursor::new(self.clone(), first, stride)
    }

    /// Returns the stretch of one rate that an index lies in.
    fn leg(&self, index: u64) -> Leg {
        if index >= self.end_index {
            return Leg::over(self.end_ns);
        }
        let next = self.parts.partition_point(|part| part.first() <= index);
        let end = self.parts.get(next).map_or(u64::MAX, Part::first).min(self.end_index);
        match self.parts.get(next.saturating_sub(1)) {
            Some(part) => Leg::of(part, index, end),
            None => Leg::over(self.end_ns),
        }
    }
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
