//! How long a thread waits: also while it does, so that a wait without an end shows in every second
//! of it.

use super::Counter;
use crate::clock::Moment;

/// The waits of one thread for one thing.
#[derive(Debug, Default)]
pub struct Wait {
    times: Counter,
    over_ns: Counter,
    /// When the one began that goes on; 0: none does.
    since_ns: Counter,
}

impl Wait {
    /// Begins one.
    pub fn begin(&self, now: Moment) {
        self.since_ns.set(now.ns());
    }

    /// Ends the one that was begun.
    pub fn end(&self, now: Moment) {
        self.times.add(1);
        self.over_ns.add(now.ns().saturating_sub(self.since_ns.get()));
        self.since_ns.set(0);
    }

    /// Returns how many are over.
    #[must_use]
    pub fn times(&self) -> u64 {
        self.times.get()
    }

    /// Returns how long all of them were until now, in nanoseconds.
    #[must_use]
    pub fn ns(&self, now: Moment) -> u64 {
        // In this order: one that ends meanwhile is left out once, and not counted twice.
        let over_ns = self.over_ns.get();
        match self.since_ns.get() {
            0 => over_ns,
            since_ns => over_ns + now.ns().saturating_sub(since_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_wait_counts_while_it_goes_on() {
        let (wait, now) = (Wait::default(), clock::now());
        wait.begin(now);
        assert_eq!((wait.times(), wait.ns(now.plus_ns(70))), (0, 70));
        wait.end(now.plus_ns(100));
        assert_eq!((wait.times(), wait.ns(now.plus_ns(500))), (1, 100));
        wait.begin(now.plus_ns(600));
        assert_eq!((wait.times(), wait.ns(now.plus_ns(605))), (1, 105));
    }
}
