//! Rare events of a given number, spread over a run whose length nobody knows.
//!
//! Each comes at a random place within a span, and each span is twice as long as the one before: a
//! short run meets the first ones, and the last ones of many lie far apart.

use fastrand::Rng;

/// So many events to come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needles {
    left: u64,
    span: u64,
    /// What passes before the next one.
    wait: u64,
}

impl Needles {
    /// Makes that many, the first of them within `span`.
    pub(super) fn new(left: u64, span: u64, chance: &mut Rng) -> Self {
        Self { left, span, wait: chance.u64(..span) }
    }

    /// Lets `count` things pass and returns which of them is struck, if one is.
    pub(super) fn strike(&mut self, count: u64, chance: &mut Rng) -> Option<u64> {
        let struck = self.wait;
        if self.left == 0 || !self.wait_for(count) {
            return None;
        }
        self.left -= 1;
        self.span = self.span.saturating_mul(2);
        self.wait = chance.u64(..self.span);
        Some(struck)
    }

    /// Lets `count` things pass that must not be struck; tells whether one was due.
    pub(super) fn wait_for(&mut self, count: u64) -> bool {
        let is_due = self.wait < count;
        self.wait = self.wait.saturating_sub(count);
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_strike_in_growing_spans_wherever_the_borders_are() {
        let places = |step: u64| {
            let mut chance = Rng::with_seed(3);
            let mut needles = Needles::new(8, 100, &mut chance);
            let steps = 0..40_000 / step;
            let struck = |at: u64| needles.strike(step, &mut chance).map(|place| at * step + place);
            steps.filter_map(struck).collect::<Vec<u64>>()
        };
        let singly = places(1);
        assert_eq!(singly.len(), 8);
        assert!(singly[0] < 100 && singly.is_sorted(), "{singly:?}");
        assert!(singly.windows(2).zip(1..).all(|(pair, n)| pair[1] - pair[0] <= 100 << n));
        assert_eq!(places(10).len(), 8);
    }

    #[test]
    fn what_must_not_be_struck_is_made_up_for_at_once() {
        let mut chance = Rng::with_seed(3);
        let mut needles = Needles::new(1, 100, &mut chance);
        assert!(needles.wait_for(100));
        assert_eq!(needles.strike(0, &mut chance), None);
        assert_eq!(needles.strike(5, &mut chance), Some(0));
        assert_eq!(needles.strike(u64::MAX, &mut chance), None, "it was the only one");
    }
}
