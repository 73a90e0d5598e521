//! The one-way signal that ends a schedule: set once, seen by every thread, also in its sleep.
//!
//! Built on a channel that never carries anything: dropping the only sender wakes every receiver,
//! so a sleeping thread waits for its deadline and for the stop in one call.

use std::convert::Infallible;

use crossbeam_channel::Receiver;
use crossbeam_channel::RecvTimeoutError;
use crossbeam_channel::Sender;
use crossbeam_channel::TryRecvError;
use parking_lot::Mutex;

use crate::clock::Moment;

/// Sets the stop.
#[derive(Debug)]
pub struct StopHandle {
    sender: Mutex<Option<Sender<Infallible>>>,
}

impl StopHandle {
    /// Sets the stop; later calls change nothing.
    pub fn set(&self) {
        self.sender.lock().take();
    }
}

/// Sees the stop.
#[derive(Clone, Debug)]
pub struct Stop {
    receiver: Receiver<Infallible>,
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
        match self.receiver.recv_deadline(moment.instant()) {
            Ok(never) => match never {},
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        }
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
    (StopHandle { sender: Mutex::new(Some(sender)) }, Stop { receiver })
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
