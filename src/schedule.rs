//! The schedule: a pure function from a record's index to the time when it is due.
//!
//! Times are nanoseconds since the run's start. Index `i` at `r` records a second is due at
//! `floor(i / r)`, computed in 128 bits from the index and never as a sum of rounded steps, so that
//! no rate loses a remainder and no run drifts. [`Cursor`] walks one stream's indices with the
//! exact remainder in hand (as Bresenham drew lines), which costs an addition instead of a
//! division.

use std::time::Duration;

use crate::units::Rate;

/// Nanoseconds a second, times the millionths in which a rate is held.
const NS_MILLIONTHS: u128 = 1_000_000_000_000_000;

/// When records are due, and when the last one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    rate: Rate,
    end_ns: u64,
}

impl Schedule {
    /// Makes the schedule of a constant rate, for `duration` or without an end.
    #[must_use]
    pub fn new(rate: Rate, duration: Option<Duration>) -> Self {
        let end_ns = duration.map_or(u64::MAX, |d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX));
        Self { rate, end_ns }
    }

    /// Returns when the schedule ends; `u64::MAX` when it does not.
    #[must_use]
    pub const fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// Returns whether records have a due time; at maximum rate nothing is ever due.
    #[must_use]
    pub const fn is_paced(&self) -> bool {
        matches!(self.rate, Rate::PerSecondMillionths(_))
    }

    /// Returns when record `index` is due; 0 at maximum rate.
    #[must_use]
    pub fn due_ns(&self, index: u64) -> u64 {
        match self.rate {
            Rate::PerSecondMillionths(millionths) => {
                let due = u128::from(index) * NS_MILLIONTHS / u128::from(millionths);
                u64::try_from(due).unwrap_or(u64::MAX)
            }
            Rate::Max => 0,
        }
    }

    /// Returns how many records are due before `ns`; `None` at maximum rate.
    #[must_use]
    pub fn due_before(&self, ns: u64) -> Option<u64> {
        match self.rate {
            Rate::PerSecondMillionths(millionths) => {
                let count = (u128::from(ns) * u128::from(millionths)).div_ceil(NS_MILLIONTHS);
                Some(u64::try_from(count).unwrap_or(u64::MAX))
            }
            Rate::Max => None,
        }
    }

    /// Returns how many records the whole run has; `None` without an end or at maximum rate.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        if self.end_ns == u64::MAX { None } else { self.due_before(self.end_ns) }
    }

    /// Returns a cursor over the indices `first`, `first + stride`, …
    #[must_use]
    pub fn cursor(&self, first: u64, stride: u64) -> Cursor {
        Cursor::new(*self, first, stride)
    }
}

/// One stream's place in the schedule: the next index, and when it is due.
#[derive(Clone, Debug)]
pub struct Cursor {
    schedule: Schedule,
    stride: u64,
    index: u64,
    due_ns: u64,
    /// What `due_ns` lacks to the exact time, in units of 1 / `divisor` ns.
    remainder: u128,
    step_ns: u64,
    step_remainder: u128,
    divisor: u128,
}

impl Cursor {
    fn new(schedule: Schedule, first: u64, stride: u64) -> Self {
        let divisor = match schedule.rate {
            Rate::PerSecondMillionths(millionths) => u128::from(millionths),
            Rate::Max => u128::MAX,
        };
        // A step of more than 584 years is due never; saturating keeps it so.
        let step = u128::from(stride) * NS_MILLIONTHS;
        let mut cursor = Self {
            schedule,
            stride,
            index: first,
            due_ns: 0,
            remainder: 0,
            step_ns: u64::try_from(step / divisor).unwrap_or(u64::MAX),
            step_remainder: if schedule.is_paced() { step % divisor } else { 0 },
            divisor,
        };
        cursor.seek(first);
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
        if self.due_ns < self.schedule.end_ns { Some(self.due_ns) } else { None }
    }

    /// Moves to the stream's next index.
    pub const fn advance(&mut self) {
        self.index += self.stride;
        self.due_ns = self.due_ns.saturating_add(self.step_ns);
        self.remainder += self.step_remainder;
        if self.remainder >= self.divisor {
            self.remainder -= self.divisor;
            self.due_ns = self.due_ns.saturating_add(1);
        }
    }

    fn seek(&mut self, index: u64) {
        self.index = index;
        self.due_ns = self.schedule.due_ns(index);
        if self.schedule.is_paced() {
            self.remainder = u128::from(index) * NS_MILLIONTHS % self.divisor;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paced(millionths: u64, seconds: u64) -> Schedule {
        Schedule::new(Rate::PerSecondMillionths(millionths), Some(Duration::from_secs(seconds)))
    }

    #[test]
    fn a_thousand_a_second_for_ten_seconds_are_ten_thousand() {
        let schedule = paced(1_000_000_000, 10);
        assert_eq!(schedule.count(), Some(10_000));
        assert_eq!(schedule.due_ns(0), 0);
        assert_eq!(schedule.due_ns(9_999), 9_999_000_000);
    }

    #[test]
    fn due_and_count_are_inverse_over_small_domains() {
        for millionths in [1, 3, 7, 100_000, 333_333, 1_000_000, 7_777_777, 123_456_789] {
            let schedule = paced(millionths, 1_000_000);
            for index in 0..2_000 {
                let due = schedule.due_ns(index);
                assert!(schedule.due_before(due).unwrap() <= index, "{millionths} {index}");
                assert!(schedule.due_before(due + 1).unwrap() > index, "{millionths} {index}");
            }
        }
    }

    #[test]
    fn a_million_million_records_do_not_overflow() {
        let schedule = paced(1_000_000_000_000, 1_000_000);
        assert_eq!(schedule.count(), Some(1_000_000_000_000));
        assert_eq!(schedule.due_ns(1_000_000_000_000), 1_000_000_000_000_000);
    }

    #[test]
    fn at_maximum_rate_every_record_is_due_at_once() {
        let schedule = Schedule::new(Rate::Max, Some(Duration::from_secs(1)));
        let mut cursor = schedule.cursor(2, 4);
        cursor.advance();
        assert_eq!((cursor.index(), cursor.due_ns()), (6, Some(0)));
        assert_eq!(schedule.count(), None);
    }

    proptest! {
        /// Walking a stream gives the same due times as asking for each index.
        #[test]
        fn a_cursor_never_drifts(millionths in 1_u64..2_000_000_000_000, streams in 1_u64..20,
                                 stream in 0_u64..20, first in 0_u64..1_000_000_000) {
            let schedule = paced(millionths, 100_000_000);
            let first = first * streams + stream % streams;
            let mut cursor = schedule.cursor(first, streams);
            for step in 0..200 {
                let index = first + step * streams;
                prop_assert_eq!(cursor.index(), index);
                let due = schedule.due_ns(index);
                prop_assert_eq!(cursor.due_ns(), (due < schedule.end_ns()).then_some(due));
                cursor.advance();
            }
        }

        /// Streams together own every index of the run, once.
        #[test]
        fn streams_deal_out_the_whole_run(millionths in 1_u64..5_000_000_000, streams in 1_u64..9) {
            let schedule = paced(millionths, 1);
            let mut count = 0;
            for stream in 0..streams {
                let mut cursor = schedule.cursor(stream, streams);
                while cursor.due_ns().is_some() {
                    count += 1;
                    cursor.advance();
                }
            }
            prop_assert_eq!(Some(count), schedule.count());
        }
    }
}
