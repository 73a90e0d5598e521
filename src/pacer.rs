//! Waiting for a moment: sleep until shortly before it, then spin.
//!
//! A sleep ends late, by what the kernel takes to wake a thread; that is measured at the start, and
//! the last stretch before a deadline is spun away. The spin is bounded, so that pacing costs at
//! most 0.2 % of a CPU however many deadlines a second there are.

use std::time::Duration;

use crate::clock;
use crate::clock::Moment;
use crate::stop::Stop;

/// The share of a CPU that spinning may cost, as one part in so many.
const SPIN_SHARE: u64 = 500;

/// The most that a sleep is trusted to be late: beyond that the machine was busy, not slow to wake.
const OVERSLEEP_NS_MAX: u64 = 200_000;

/// Sleeps that are measured at the start, and how long each is meant to be.
const PROBES: usize = 9;
const PROBE_NS: u64 = 100_000;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The moment came, and was noticed so much later.
    Until {
        /// How much later, in nanoseconds.
        late_ns: u64,
    },
    /// The moment was over before.
    Over,
    /// The run was stopped first.
    Stopped,
}

/// Waits on one thread.
#[derive(Clone, Debug)]
pub struct Pacer {
    stop: Stop,
    spin_ns: u64,
}

impl Pacer {
    /// Measures the sleep of this thread and bounds the spin for this many deadlines a second.
    ///
    /// Takes about two milliseconds. `may_spin` is false under a quota below one CPU, where every
    /// spun nanosecond is taken from the work.
    #[must_use]
    pub fn calibrate(stop: Stop, deadlines_per_second: u64, may_spin: bool) -> Self {
        ask_for_punctual_sleeps();
        if !may_spin {
            return Self { stop, spin_ns: 0 };
        }
        let bound = 1_000_000_000 / SPIN_SHARE / deadlines_per_second.max(1);
        let mut oversleeps = [0; PROBES];
        for oversleep in &mut oversleeps {
            let until = clock::now().plus_ns(PROBE_NS);
            if stop.sleep_until(until) {
                break;
            }
            *oversleep = clock::now().ns_since(until);
        }
        oversleeps.sort_unstable();
        let spin_ns = oversleeps[PROBES / 2].min(OVERSLEEP_NS_MAX).min(bound);
        Self { stop, spin_ns }
    }

    /// Waits until `moment`, or until the run is stopped.
    #[must_use]
    pub fn wait_until(&self, moment: Moment) -> Waited {
        let left = moment.ns_since(clock::now());
        if left == 0 {
            return if self.stop.is_set() { Waited::Stopped } else { Waited::Over };
        }
        if left > self.spin_ns {
            let asleep = left - self.spin_ns;
            if self.stop.sleep_until(clock::now().plus_ns(asleep)) {
                return Waited::Stopped;
            }
        } else if self.stop.is_set() {
            return Waited::Stopped;
        }
        loop {
            let now = clock::now();
            if now >= moment {
                return Waited::Until { late_ns: now.ns_since(moment) };
            }
            std::hint::spin_loop();
        }
    }
}

/// Sleeps until `moment`, whatever happens; for the last stretch after a stop.
pub fn sleep_through(moment: Moment) {
    std::thread::sleep(Duration::from_nanos(moment.ns_since(clock::now())));
}

/// Asks the kernel not to round this thread's sleeps up by its default slack of 50 us.
fn ask_for_punctual_sleeps() {
    // Refused in some sandboxes: sleeps are then as late as the calibration finds them.
    rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1)).ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop;

    #[test]
    fn a_wait_never_ends_early() {
        let (_handle, stop) = stop::stop();
        for may_spin in [true, false] {
            let pacer = Pacer::calibrate(stop.clone(), 100, may_spin);
            for ns in [0, 1_000, 50_000, 1_000_000, 5_000_000] {
                let moment = clock::now().plus_ns(ns);
                assert_ne!(pacer.wait_until(moment), Waited::Stopped);
                assert!(clock::now() >= moment);
            }
        }
    }

    #[test]
    fn only_what_was_waited_for_says_how_late_it_was() {
        let (_handle, stop) = stop::stop();
        let pacer = Pacer::calibrate(stop, 100, true);
        let moment = clock::now();
        assert_eq!(pacer.wait_until(moment), Waited::Over);
        let waited = pacer.wait_until(clock::now().plus_ns(2_000_000));
        assert!(matches!(waited, Waited::Until { .. }), "{waited:?}");
    }

    #[test]
    fn the_spin_is_bounded_by_its_share() {
        let (_handle, stop) = stop::stop();
        assert!(Pacer::calibrate(stop.clone(), 100_000, true).spin_ns <= 20);
        assert_eq!(Pacer::calibrate(stop, 1, false).spin_ns, 0);
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let (handle, stop) = stop::stop();
        let pacer = Pacer::calibrate(stop, 1, true);
        handle.set();
        assert_eq!(pacer.wait_until(clock::now().plus_ns(60_000_000_000)), Waited::Stopped);
    }
}
