//! The one-way signal that ends a schedule: set once, seen by every thread, also in its sleep.
//!
//! Twofold. A thread that only sleeps waits at a condition variable, which takes one system call: a
//! channel would spin and yield for microseconds first, at every deadline of a lane. A thread that
//! waits for something else too selects on a channel that never carries anything: dropping its only
//! sender wakes every receiver.

use std::convert::Infallible;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;
use crossbeam_channel::TryRecvError;
use parking_lot::Condvar;
use parking_lot::Mutex;

use crate::clock::Moment;

/// Where sleepers wait.
#[derive(Debug, Default)]
struct Bed {
    is_set: Mutex<bool>,
    woken: Condvar,
}

/// Sets the stop.
#[derive(Debug)]
pub struct StopHandle {
    sender: Mutex<Option<Sender<Infallible>>>,
    bed: Arc<Bed>,
}

impl StopHandle {
    /// Sets the stop; later calls change nothing.
    pub fn set(&self) {
        self.sender.lock().take();
        *self.bed.is_set.lock() = true;
        self.bed.woken.notify_all();
    }
}

/// Sees the stop.
#[derive(Clone, Debug)]
pub struct Stop {
    receiver: Receiver<Infallible>,
    bed: Arc<Bed>,
}

impl Stop {
    /// Returns whether the stop is set (a few nanoseconds).
    #[must_use]
    pub fn is_set(&self) -> bool {
        matches!(self.receiver.try_recv(), Err(TryRecvError::Disconnected))
    }

    /// Sleeps until `moment` or until the stop is set; returns whether it is set.
    #[must_use]
    pub fn sleep_until(&self, moment: Moment) -> bool {
        let mut is_set = self.bed.is_set.lock();
        while !*is_set {
            if self.bed.woken.wait_until(&mut is_set, moment.instant()).timed_out() {
                break;
            }
        }
        *is_set
    }

    /// Returns the channel that is disconnected when the stop is set, to select on.
    #[must_use]
    pub const fn receiver(&self) -> &Receiver<Infallible> {
        &self.receiver
    }
}

/// Makes a stop that is not set.
#[must_use]
pub fn stop() -> (StopHandle, Stop) {
    let (sender, receiver) = crossbeam_channel::bounded(0);
    let bed = Arc::new(Bed::default());
    (StopHandle { sender: Mutex::new(Some(sender)), bed: Arc::clone(&bed) }, Stop { receiver, bed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_sleeper_wakes_when_the_stop_is_set() {
        let (handle, stop) = stop();
        assert!(!stop.is_set());
        assert!(!stop.sleep_until(clock::now().plus_ns(1_000_000)));
        let sleeper = std::thread::spawn({
            let stop = stop.clone();
            move || stop.sleep_until(clock::now().plus_ns(60_000_000_000))
        });
        handle.set();
        handle.set();
        assert!(sleeper.join().unwrap());
        assert!(stop.is_set());
    }
}
