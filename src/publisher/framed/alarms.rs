//! When there is something to do though nothing happens.

use crate::clock::Moment;

/// How many times within the send timeout batches are looked at.
const LOOKS_WITHIN_TIMEOUT: u64 = 16;

/// The next time of each thing that is done every so often.
pub(super) struct Alarms {
    keep_alive_ns: u64,
    ask: Moment,
    look_ns: u64,
    /// `None`: no batch can wait too long.
    expire: Option<Moment>,
}

impl Alarms {
    pub(super) fn new(now: Moment, keep_alive_ns: u64, send_timeout_ns: u64) -> Self {
        let look_ns = (send_timeout_ns / LOOKS_WITHIN_TIMEOUT).max(1);
        let expire = (send_timeout_ns > 0).then(|| now.plus_ns(look_ns));
        Self { ask: now.plus_ns(keep_alive_ns), expire, keep_alive_ns, look_ns }
    }

    /// Returns when the next one goes off.
    pub(super) fn next(&self) -> Moment {
        self.expire.map_or(self.ask, |expire| expire.min(self.ask))
    }

    /// Returns whether it is time to ask the brokers whether they are there; once each time.
    pub(super) fn ask(&mut self, now: Moment) -> bool {
        let is_time = now >= self.ask;
        if is_time {
            self.ask = now.plus_ns(self.keep_alive_ns);
        }
        is_time
    }

    /// Returns whether it is time to look for batches that have waited too long; once each time.
    pub(super) fn expire(&mut self, now: Moment) -> bool {
        let is_time = self.expire.is_some_and(|expire| now >= expire);
        if is_time {
            self.expire = Some(now.plus_ns(self.look_ns));
        }
        is_time
    }
}
