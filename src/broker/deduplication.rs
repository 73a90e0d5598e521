//! Deduplication: what every producer name has sent to a topic so far, so that a batch that comes
//! again is dropped and a producer that comes back is told where it stopped.
//!
//! As in Pulsar's `MessageDeduplication`, a batch whose first record is not above the highest that
//! the topic has of that name is a repeated one; its receipt names no place.

use std::collections::HashMap;

/// Names that are remembered; batches under further ones are not deduplicated.
const NAMES_MAX: usize = 100_000;

/// The highest sequence id by topic and producer name.
#[derive(Debug, Default)]
pub(super) struct Deduplication {
    is_on: bool,
    highest: HashMap<(usize, String), u64>,
}

impl Deduplication {
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on, highest: HashMap::new() }
    }

    /// Returns the highest sequence id that a topic has of a name.
    pub(super) fn highest(&self, topic: usize, name: &str) -> Option<u64> {
        self.highest.get(&(topic, name.to_owned())).copied().filter(|_| self.is_on)
    }

    /// Returns whether a batch that begins with this sequence id is there already.
    pub(super) fn has(&self, topic: usize, name: &str, first: u64) -> bool {
        self.highest(topic, name).is_some_and(|highest| first <= highest)
    }

    /// Notes a batch that was taken.
    pub(super) fn note(&mut self, topic: usize, name: &str, last: u64) {
        if self.is_on {
            let is_full = self.highest.len() >= NAMES_MAX;
            let known = self.highest.get_mut(&(topic, name.to_owned()));
            match known {
                Some(highest) => *highest = last.max(*highest),
                None if is_full => {}
                None => {
                    self.highest.insert((topic, name.to_owned()), last);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_known_by_topic_and_name_and_only_if_asked_for() {
        let mut on = Deduplication::new(true);
        assert_eq!(on.highest(0, "p"), None);
        on.note(0, "p", 9);
        assert!(on.has(0, "p", 0) && on.has(0, "p", 9) && !on.has(0, "p", 10));
        assert!(!on.has(1, "p", 0) && !on.has(0, "q", 0));
        on.note(0, "p", 5);
        assert_eq!(on.highest(0, "p"), Some(9));
        let mut off = Deduplication::new(false);
        off.note(0, "p", 9);
        assert!(!off.has(0, "p", 0));
    }
}
