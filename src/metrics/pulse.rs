//! Whether loops turn: each has a number that moves while it does.

use std::collections::BTreeMap;

use crate::clock::Moment;

/// A loop whose number stands still for so long, though it has no reason to rest, does not turn.
/// Under the smallest quotas a turn takes seconds.
pub(super) const STILL_NS: u64 = 15_000_000_000;

/// One look at one loop.
#[derive(Clone, Debug)]
pub(super) struct Beat {
    /// The loop's thread.
    pub(super) name: String,
    /// What moves.
    pub(super) turns: u64,
    /// Whether it waits for what comes from outside, or for a time that is still to come.
    pub(super) rests: bool,
}

/// What was seen at earlier looks.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// By name the number, and when it was first seen so.
    seen: BTreeMap<String, (u64, Moment)>,
}

impl Pulse {
    /// Looks at every loop.
    ///
    /// # Errors
    /// Says which stand still.
    pub(super) fn check(&mut self, now: Moment, beats: &[Beat]) -> Result<(), String> {
        let mut still = Vec::new();
        for beat in beats {
            let seen = self.seen.entry(beat.name.clone()).or_insert((beat.turns, now));
            if beat.rests || seen.0 != beat.turns {
                *seen = (beat.turns, now);
            } else if now.ns_since(seen.1) >= STILL_NS {
                let seconds = now.ns_since(seen.1) / 1_000_000_000;
                still.push(format!("{} has not turned for {seconds} s", beat.name));
            }
        }
        if still.is_empty() { Ok(()) } else { Err(still.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_loop_that_stands_still_is_named_until_it_moves() {
        let mut pulse = Pulse::default();
        let start = clock::now();
        let mut look = |ns: u64, turns: [u64; 2], rests: bool| {
            let beat = |name: &str, turns| Beat { name: name.to_owned(), turns, rests };
            pulse.check(start.plus_ns(ns), &[beat("a", turns[0]), beat("b", turns[1])])
        };
        assert_eq!(look(0, [1, 1], false), Ok(()));
        assert_eq!(look(STILL_NS - 1, [1, 2], false), Ok(()));
        assert_eq!(look(STILL_NS, [1, 2], false), Err("a has not turned for 15 s".to_owned()));
        assert_eq!(look(STILL_NS + 1, [2, 2], false), Ok(()));
        assert_eq!(look(3 * STILL_NS, [2, 2], true), Ok(()));
        assert!(look(5 * STILL_NS, [2, 2], false).is_err());
    }
}
