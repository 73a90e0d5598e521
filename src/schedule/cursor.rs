//! A stream's walk through the schedule: an addition a record, with the exact remainder in hand (as
//! Bresenham drew lines), and a division where a leg ends.

use super::Schedule;
use super::narrow;

/// One stream's place in the schedule: the next index, and when it is due.
#[derive(Clone, Debug)]
pub struct Cursor {
    schedule: Schedule,
    stride: u64,
    index: u64,
    /// `u64::MAX` past the schedule's end.
    due_ns: u64,
    /// What `due_ns` lacks to the exact time, in units of 1 / `divisor` ns.
    remainder: u128,
    step_ns: u64,
    step_remainder: u128,
    divisor: u128,
    /// The first index behind the stretch of this rate.
    leg_end: u64,
}

impl Cursor {
    pub(super) fn new(schedule: Schedule, first: u64, stride: u64) -> Self {
        let mut cursor = Self {
            schedule,
            stride,
            index: first,
            due_ns: 0,
            remainder: 0,
            step_ns: 0,
            step_remainder: 0,
            divisor: 0,
            leg_end: 0,
        };
        cursor.enter_leg();
        cursor
    }

    /// Returns the next index, which stands at `due_ns`.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Returns when the next index is due, `None` past the schedule's end.
    #[must_use]
    pub const fn due_ns(&self) -> Option<u64> {
        if self.due_ns < u64::MAX { Some(self.due_ns) } else { None }
    }

    /// Moves to the stream's next index.
    pub fn advance(&mut self) {
        self.index += self.stride;
        if self.index >= self.leg_end {
            return self.enter_leg();
        }
        // Within a leg every due time fits: it ends before the last nanosecond that can be counted.
        self.due_ns += self.step_ns;
        self.remainder += self.step_remainder;
        if self.remainder >= self.divisor {
            self.remainder -= self.divisor;
            self.due_ns += 1;
        }
    }

    /// Takes up the rate of the leg that the index lies in.
    #[cold]
    fn enter_leg(&mut self) {
        let leg = self.schedule.leg(self.index);
        let is_over = self.index >= self.schedule.end_index;
        let step = u128::from(self.stride) * leg.unit;
        self.due_ns = if is_over { u64::MAX } else { leg.due_ns };
        self.remainder = leg.remainder;
        self.divisor = leg.divisor;
        // A step of more than 584 years leads out of any leg.
        self.step_ns = narrow(step / leg.divisor);
        self.step_remainder = step % leg.divisor;
        self.leg_end = leg.end;
    }
}
