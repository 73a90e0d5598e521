//! Where a run stands at the end of a second: how many records are late, and whether that is a lot.

use crate::report::Outcome;
use crate::schedule::Schedule;

/// A record that became due no longer ago may be on its way: as in the verdict, and besides a batch
/// leaves up to a window after its first record.
const ON_THE_WAY_NS: u64 = 500_000_000;

/// What there was by a moment of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The moment, in nanoseconds since the start.
    pub(super) until_ns: u64,
    /// How long a lane gathers records.
    pub(super) window_ns: u64,
    /// When the last lane ended, if all have.
    pub(super) lanes_ended_ns: Option<u64>,
    /// Records that had their turn, or had it in an earlier run.
    pub(super) scheduled: u64,
    /// Those of them that came to an end.
    pub(super) done: u64,
}

impl Place {
    /// Returns how many records were due and have no end.
    pub(super) fn behind(&self, schedule: &Schedule) -> u64 {
        self.due(schedule, self.until_ns).saturating_sub(self.done)
    }

    /// Compares what was due a while ago with what has its end: that holds at every rate, after a
    /// stage that was faster, and after the end.
    pub(super) fn outcome(&self, schedule: &Schedule) -> Outcome {
        let paced_until_ns = schedule.paced_until_ns();
        let due_ns = self.until_ns.saturating_sub(ON_THE_WAY_NS.saturating_add(self.window_ns));
        if paced_until_ns > 0 && self.due(schedule, due_ns) > self.done {
            Outcome::Missed
        } else if self.until_ns > paced_until_ns && self.lanes_ended_ns.is_none() {
            Outcome::NoTarget
        } else {
            Outcome::Held
        }
    }

    /// Returns how many records were due before a moment. Once the lanes have ended it is what they
    /// took on: of a run that was cut short the rest never comes to be due.
    fn due(&self, schedule: &Schedule, ns: u64) -> u64 {
        if self.lanes_ended_ns.is_some_and(|ended_ns| ended_ns <= ns) {
            return self.scheduled;
        }
        schedule.due_before(ns.min(schedule.paced_until_ns())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Stages;

    const SECOND_NS: u64 = 1_000_000_000;

    /// Judges a run at the end of a second with so many records done.
    fn outcome(stages: &str, second: u64, done: u64) -> Outcome {
        let schedule = Schedule::of(stages.parse::<Stages>().unwrap().list(), None);
        place(second, done).outcome(&schedule)
    }

    fn place(second: u64, done: u64) -> Place {
        let until_ns = second * SECOND_NS;
        Place { until_ns, window_ns: 1_000_000, lanes_ended_ns: None, scheduled: 9_000, done }
    }

    #[test]
    fn a_run_is_behind_with_what_was_due_half_a_second_ago() {
        assert_eq!(outcome("9s@1k", 1, 499), Outcome::Held);
        assert_eq!(outcome("9s@1k", 1, 498), Outcome::Missed);
        assert_eq!(outcome("9s@1k", 4, 3_499), Outcome::Held);
        assert_eq!(outcome("9s@1k", 4, 3_400), Outcome::Missed);
        // Records are due at 0 s and 10 s: the last one only now.
        assert_eq!(outcome("99s@0.1", 1, 1), Outcome::Held);
        assert_eq!(outcome("99s@0.1", 9, 1), Outcome::Held);
        assert_eq!(outcome("99s@0.1", 10, 1), Outcome::Held);
        assert_eq!(outcome("99s@0.1", 11, 1), Outcome::Missed);
        assert_eq!(outcome("99s@0.1", 11, 2), Outcome::Held);
    }

    #[test]
    fn it_stays_behind_until_the_backlog_of_a_faster_stage_is_gone() {
        for slow in ["9s@0", "9s@10", "9s@max"] {
            let stages = format!("2s@1k,{slow}");
            assert_eq!(outcome(&stages, 4, 1_400), Outcome::Missed, "{slow}");
        }
        assert_eq!(outcome("2s@1k,9s@0", 4, 2_000), Outcome::Held);
        assert_eq!(outcome("2s@1k,9s@max", 4, 2_000), Outcome::NoTarget);
        assert_eq!(outcome("9s@max", 4, 0), Outcome::NoTarget);
    }

    #[test]
    fn after_the_end_it_is_behind_with_all_that_was_taken_on() {
        let schedule = Schedule::of("9s@1k".parse::<Stages>().unwrap().list(), None);
        let ended =
            |second, done| Place { lanes_ended_ns: Some(9_000_000_000), ..place(second, done) };
        assert_eq!(ended(11, 8_999).outcome(&schedule), Outcome::Missed);
        assert_eq!(ended(11, 8_999).behind(&schedule), 1);
        assert_eq!(ended(11, 9_000).outcome(&schedule), Outcome::Held);
        // A signal ended it after five seconds.
        let cut =
            Place { lanes_ended_ns: Some(5_000_000_000), scheduled: 5_004, ..place(7, 5_004) };
        assert_eq!((cut.outcome(&schedule), cut.behind(&schedule)), (Outcome::Held, 0));
    }
}
