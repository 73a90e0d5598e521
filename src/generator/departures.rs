//! Sealed batches that wait for their time, and the one place where a lane hands over and counts.

use std::collections::VecDeque;

use crate::batch::Batch;
use crate::clock;
use crate::clock::Moment;
use crate::handover::LaneEnd;
use crate::handover::NoBuffer;
use crate::pacer;
use crate::pacer::Pacer;
use crate::pacer::Waited;
use crate::stats::LaneCounters;
use crate::stats::Measuring;
use crate::stats::Stats;
use crate::stop::Stop;

use super::Ended;

/// A lane's way out: batches leave in the order of their due times.
pub(super) struct Departures<'a> {
    pub(super) end: LaneEnd,
    pub(super) pacer: Pacer,
    pub(super) start: Moment,
    pub(super) stop: Stop,
    pub(super) counters: &'a LaneCounters,
    pub(super) stats: &'a Stats,
    pub(super) measuring: Measuring,
    /// Sealed batches, the one that is due first in front.
    pub(super) waiting: VecDeque<Box<Batch>>,
}

impl Departures<'_> {
    /// Returns how far the run is, in nanoseconds; 0 before its start.
    pub(super) fn elapsed_ns(&self) -> u64 {
        clock::now().ns_since(self.start)
    }

    /// Lays a sealed batch out for its time. Of equal times the earlier sealed leaves first, which
    /// keeps each producer's order.
    pub(super) fn push(&mut self, batch: Box<Batch>) {
        let place = self.waiting.partition_point(|b| b.last_due_ns <= batch.last_due_ns);
        self.waiting.insert(place, batch);
    }

    /// Returns when the next batch leaves.
    pub(super) fn earliest_ns(&self) -> Option<u64> {
        self.waiting.front().map(|batch| batch.last_due_ns)
    }

    /// Waits until the next batch is due and hands it over.
    pub(super) fn release_next(&mut self) -> Result<(), Ended> {
        let Some(due_ns) = self.earliest_ns() else {
            return Ok(());
        };
        self.counters.rests_until_ns.set(due_ns);
        let waited = self.pacer.wait_until(self.start.plus_ns(due_ns));
        self.counters.rests_until_ns.set(0);
        match waited {
            Waited::Stopped => return Err(Ended::Stopped),
            Waited::Until { late_ns } if due_ns >= self.measuring.from_ns => {
                self.stats.latency.lock().record_pacing(late_ns);
            }
            Waited::Until { .. } | Waited::Over => {}
        }
        self.waiting.pop_front().map_or(Ok(()), |batch| self.hand_over(batch))
    }

    /// Hands over every batch whose first record is due by `until_ns`, still not before its last
    /// one is, which is at most a batch window later. Batches that were built ahead of their time
    /// are forgotten: their records never came to be due.
    pub(super) fn release_begun(&mut self, until_ns: u64) {
        while let Some(batch) = self.waiting.pop_front() {
            if batch.first_due_ns <= until_ns {
                pacer::sleep_through(self.start.plus_ns(batch.last_due_ns));
                // With the publisher gone, the batch has been counted as dropped: nothing else to
                // do.
                self.hand_over(batch).ok();
            }
        }
    }

    fn hand_over(&self, batch: Box<Batch>) -> Result<(), Ended> {
        let records = batch.len() as u64;
        self.counters.scheduled.add(records);
        let warmup = match self.measuring.from_ns {
            0 => 0,
            _ => self.measuring.warmup(&batch, self.elapsed_ns()) as u64,
        };
        self.counters.warmup.add(warmup);
        if !self.measuring.is_paced(&batch) {
            self.counters.unpaced.add(records - warmup);
        }
        self.end.hand_over(batch).map_err(|_| {
            self.counters.dropped.add(records);
            Ended::PublisherGone
        })
    }

    /// Counts a record that was due then and will never be built. Its lag is a response time, where
    /// it is longer than `known_ns`: a run must not look faster for what it left out.
    pub(super) fn count_late(&self, due_ns: u64, now_ns: u64, known_ns: u64) {
        self.counters.scheduled.add(1);
        self.counters.dropped.add(1);
        let lag_ns = now_ns.saturating_sub(due_ns);
        if due_ns < self.measuring.from_ns {
            self.counters.warmup.add(1);
        } else if lag_ns >= known_ns {
            self.stats.latency.lock().record_response(lag_ns, 1);
        }
    }

    /// Takes an empty buffer if there is one.
    pub(super) fn try_take(&mut self) -> Result<Box<Batch>, NoBuffer> {
        self.end.try_take()
    }

    /// Waits for an empty buffer, and counts the wait: this is back-pressure.
    pub(super) fn take(&mut self) -> Result<Box<Batch>, Ended> {
        self.counters.buffer_wait.begin(clock::now());
        self.counters.rests_until_ns.set(u64::MAX);
        let taken = self.end.take(&self.stop);
        self.counters.rests_until_ns.set(0);
        self.counters.buffer_wait.end(clock::now());
        taken.map_err(|reason| match reason {
            NoBuffer::PublisherGone => Ended::PublisherGone,
            NoBuffer::NoneFree | NoBuffer::Stopped => Ended::Stopped,
        })
    }
}
