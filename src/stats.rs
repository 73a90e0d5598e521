//! What is counted: each number by the thread where the thing happens, none as a difference.
//!
//! Lanes and publisher only add; `run` only reads. `scheduled = acknowledged + failed + unknown +
//! dropped` must hold at the end, which the report checks instead of assuming.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use crate::batch::Batch;
use crate::clock;
use crate::cpu::ThreadTime;

mod counts;
mod latency_total;
mod responses;
mod wait;

pub use counts::Counts;
pub use latency_total::LatencyTotal;
pub use wait::Wait;

use responses::Responses;

/// The longest latency that is told apart from longer ones: one hour, in nanoseconds.
pub const LATENCY_NS_MAX: u64 = 3_600_000_000_000;

/// A number that one thread adds to and others read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Sets the number, for those that say how things stand and not how much there was.
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// Raises the number to `n` where it is lower.
    pub fn raise_to(&self, n: u64) {
        self.0.fetch_max(n, Relaxed);
    }

    /// Reads the sum so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What a lane counts.
#[derive(Debug, Default)]
pub struct LaneCounters {
    /// Records whose turn came: handed over or dropped.
    pub scheduled: Counter,
    /// Records that were due and never handed over.
    pub dropped: Counter,
    /// Records of the warm-up among those whose turn came.
    pub warmup: Counter,
    /// Records without a due time among those whose turn came after the warm-up.
    pub unpaced: Counter,
    /// Records of its streams that an earlier run has sent: they have no turn.
    pub skipped: Counter,
    /// The lane's waits for empty buffers.
    pub buffer_wait: Wait,
    /// Until when it waits for the next batch to be due, in nanoseconds since the run's start;
    /// `u64::MAX`: for a buffer, or for ever; 0: it works.
    pub rests_until_ns: Counter,
    /// The CPU time of the lane's thread, in nanoseconds.
    pub cpu_ns: Counter,
    /// How long it could have run and had no CPU, in nanoseconds.
    pub delay_ns: Counter,
}

/// What the publisher counts.
#[derive(Debug, Default)]
pub struct PublisherCounters {
    /// Records given to the connection at least once.
    pub sent: Counter,
    /// Records given to it again, because what became of them before is not known.
    pub resent: Counter,
    /// Records that the broker confirmed.
    pub acknowledged: Counter,
    /// Records of the warm-up among them.
    pub warmup_acknowledged: Counter,
    /// Records without a due time among those that were confirmed after the warm-up.
    pub unpaced_acknowledged: Counter,
    /// Records that the broker refused for good.
    pub failed: Counter,
    /// Records that were given to the connection and never answered.
    pub unknown: Counter,
    /// Records handed over but never given to the connection, because the run ended first.
    pub dropped: Counter,
    /// AVRO bytes of the records sent.
    pub payload_bytes: Counter,
    /// When the last receipt came, in nanoseconds since the run's start.
    pub last_receipt_ns: Counter,
    /// The longest response time of a record that has its receipt.
    pub response_ns_max: Counter,
    /// When the last one of a record with a due time came.
    pub paced_receipt_ns: Counter,
    /// Bytes of the frames that were written, where the transport knows.
    pub wire_bytes: Counter,
    /// Connections that were lost.
    pub connections_lost: Counter,
    /// Producers that were lost: with their connection, or closed by the broker.
    pub producers_lost: Counter,
    /// Producers that came back.
    pub producers_back: Counter,
    /// Moves on while the publisher's runtime turns.
    pub turns: Counter,
    /// Waits for room in a socket.
    pub socket_wait: Wait,
    /// Waits with nothing to do but to wait for receipts.
    pub receipt_wait: Wait,
    /// The CPU time of the publisher's thread, in nanoseconds.
    pub cpu_ns: Counter,
    /// How long it could have run and had no CPU, in nanoseconds.
    pub delay_ns: Counter,
}

/// How long records took since that was last asked, in nanoseconds, 3 significant digits. Counted
/// in 32 bits: so many records of one bucket do not come between two looks.
#[derive(Clone, Debug)]
pub struct Latency {
    /// Due to receipt. Empty at maximum rate, where nothing is due.
    pub response: Histogram<u32>,
    /// Send to receipt.
    pub service: Histogram<u32>,
    /// A batch's time to leave to the moment when the pacer let it, where it had to be waited for.
    pub pacing: Histogram<u32>,
    /// Values beyond the longest that is told apart; they stand in the histograms as that.
    pub saturated: u64,
    /// What [`Latency::response`] lacks until [`Latency::settle`].
    responses: Responses,
}

impl Latency {
    /// Enters the response times of records that were due then, ascending, and confirmed now. They
    /// stand in the histogram after [`Latency::settle`].
    pub fn record_responses(&mut self, due_ns: &[u64], now_ns: u64) {
        let is_too_long = |due_ns: &u64| now_ns.saturating_sub(*due_ns) > LATENCY_NS_MAX;
        let (too_long, others) = due_ns.split_at(due_ns.partition_point(is_too_long));
        for due_ns in too_long {
            self.record_response(now_ns - due_ns, 1);
        }
        self.responses.count(others, now_ns);
    }

    /// Brings the histograms up to date.
    pub fn settle(&mut self) {
        self.responses.settle(&mut self.response);
    }

    /// Enters so many equal response times.
    pub fn record_response(&mut self, ns: u64, many: u64) {
        Self::record(&mut self.response, &mut self.saturated, ns, many);
    }

    /// Enters so many equal service times.
    pub fn record_service(&mut self, ns: u64, many: u64) {
        Self::record(&mut self.service, &mut self.saturated, ns, many);
    }

    /// Enters how late the pacer let a batch go.
    pub fn record_pacing(&mut self, ns: u64) {
        Self::record(&mut self.pacing, &mut self.saturated, ns, 1);
    }

    fn record(histogram: &mut Histogram<u32>, saturated: &mut u64, ns: u64, many: u64) {
        let count = u32::try_from(many).unwrap_or(u32::MAX);
        if histogram.record_n(ns, count).is_err() {
            histogram.saturating_record_n(ns, count);
            *saturated += many;
        }
    }

    /// Forgets everything. What is empty is not touched, so that it takes no memory.
    fn clear(&mut self) {
        for histogram in [&mut self.response, &mut self.service, &mut self.pacing] {
            if !histogram.is_empty() {
                histogram.reset();
            }
        }
        self.saturated = 0;
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            response: histogram(),
            service: histogram(),
            pacing: histogram(),
            saturated: 0,
            responses: Responses::default(),
        }
    }
}

fn histogram<C: hdrhistogram::Counter>() -> Histogram<C> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("constant, valid bounds")
}

/// Which records are measured. Those due before belong to the warm-up: they count in the totals
/// alone. At maximum rate nothing is due, and what was sent before belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct Measuring {
    /// From when on records are measured, in nanoseconds since the run's start.
    pub from_ns: u64,
    /// Until when records have due times.
    pub paced_until_ns: u64,
}

impl Measuring {
    /// Returns whether a batch's records have due times; of one batch all have or none has.
    #[must_use]
    pub const fn is_paced(&self, batch: &Batch) -> bool {
        batch.last_due_ns < self.paced_until_ns
    }

    /// Returns how many records of a batch that left at this moment belong to the warm-up; they are
    /// its first ones.
    #[must_use]
    pub fn warmup(&self, batch: &Batch, left_ns: u64) -> usize {
        let (first_ns, last_ns) = if self.is_paced(batch) {
            (batch.first_due_ns, batch.last_due_ns)
        } else {
            (left_ns, left_ns)
        };
        if first_ns >= self.from_ns {
            0
        } else if last_ns < self.from_ns {
            batch.len()
        } else {
            batch.due_ns.partition_point(|&due_ns| due_ns < self.from_ns)
        }
    }
}

/// Every counter of a run.
#[derive(Debug, Default)]
pub struct Stats {
    /// A set a lane.
    pub lanes: Vec<LaneCounters>,
    /// The publisher's set.
    pub publisher: PublisherCounters,
    /// The latencies that were measured since [`Stats::take_latency`].
    pub latency: Mutex<Latency>,
    /// All that were measured before.
    pub latency_total: Mutex<LatencyTotal>,
    /// One a producer: the index behind the last one that was given to the connection; 0: none was.
    pub ends: Vec<Counter>,
}

impl Stats {
    /// Makes the counters of a run with this many lanes.
    #[must_use]
    pub fn new(lanes: u32) -> Self {
        Self { lanes: (0..lanes).map(|_| LaneCounters::default()).collect(), ..Self::default() }
    }

    /// Adds a producer for each of these ends: the indices behind what earlier runs have sent.
    #[must_use]
    pub fn with_producers(self, ends: impl Iterator<Item = u64>) -> Self {
        Self { ends: ends.map(|end| Counter(end.into())).collect(), ..self }
    }

    /// Takes the latencies that were measured since the last call, and adds them to the total. Who
    /// measures is held up for a swap alone: `taken` is emptied and filled by it.
    pub fn take_latency(&self, taken: &mut Latency) {
        taken.clear();
        std::mem::swap(&mut *self.latency.lock(), taken);
        taken.settle();
        self.latency_total.lock().add(taken);
    }

    /// Reads every counter once.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let lanes = |read: fn(&LaneCounters) -> &Counter| {
            self.lanes.iter().map(|lane| read(lane).get()).sum::<u64>()
        };
        let (publisher, now) = (&self.publisher, clock::now());
        Counts {
            scheduled: lanes(|lane| &lane.scheduled),
            sent: publisher.sent.get(),
            resent: publisher.resent.get(),
            acknowledged: publisher.acknowledged.get(),
            failed: publisher.failed.get(),
            unknown: publisher.unknown.get(),
            dropped: lanes(|lane| &lane.dropped) + publisher.dropped.get(),
            payload_bytes: publisher.payload_bytes.get(),
            last_receipt_ns: publisher.last_receipt_ns.get(),
            buffer_waits: self.lanes.iter().map(|lane| lane.buffer_wait.times()).sum(),
            buffer_wait_ns: self.lanes.iter().map(|lane| lane.buffer_wait.ns(now)).sum(),
            wire_bytes: publisher.wire_bytes.get(),
            connections_lost: publisher.connections_lost.get(),
            producers_lost: publisher.producers_lost.get(),
            producers_back: publisher.producers_back.get(),
            socket_waits: publisher.socket_wait.times(),
            socket_wait_ns: publisher.socket_wait.ns(now),
            receipt_wait_ns: publisher.receipt_wait.ns(now),
            warmup: lanes(|lane| &lane.warmup),
            skipped: lanes(|lane| &lane.skipped),
            unpaced: lanes(|lane| &lane.unpaced),
            unpaced_acknowledged: publisher.unpaced_acknowledged.get(),
            paced_receipt_ns: publisher.paced_receipt_ns.get(),
            warmup_acknowledged: publisher.warmup_acknowledged.get(),
            lane_time: ThreadTime {
                cpu_ns: lanes(|lane| &lane.cpu_ns),
                delay_ns: lanes(|lane| &lane.delay_ns),
            },
            publisher_time: ThreadTime {
                cpu_ns: publisher.cpu_ns.get(),
                delay_ns: publisher.delay_ns.get(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_enter_what_each_record_by_itself_would() {
        let due_ns: Vec<u64> = (0..2_000).map(|index| 5_000 + index * 731).collect();
        for now_ns in [0, 6_000, 100_000, 1_466_731, 40_000_000, 90_000_000_000] {
            let (mut batches, mut singly) = (Latency::default(), Latency::default());
            for batch in due_ns.chunks(700) {
                batches.record_responses(batch, now_ns);
                batches.settle();
            }
            for due_ns in &due_ns {
                singly.record_response(now_ns.saturating_sub(*due_ns), 1);
            }
            assert_eq!(batches.response, singly.response, "{now_ns}");
        }
    }

    #[test]
    fn what_is_longer_than_the_longest_is_kept_as_that_and_counted() {
        let mut latency = Latency::default();
        latency.record_responses(&[0, 1, LATENCY_NS_MAX], 2 * LATENCY_NS_MAX);
        latency.settle();
        assert_eq!((latency.saturated, latency.response.len()), (2, 3));
        assert!(latency.response.max() >= LATENCY_NS_MAX);
    }

    #[test]
    fn a_record_without_an_end_breaks_the_identity() {
        let stats = Stats::new(2);
        stats.lanes[0].scheduled.add(6);
        stats.lanes[1].scheduled.add(4);
        stats.lanes[1].dropped.add(1);
        stats.publisher.acknowledged.add(5);
        stats.publisher.failed.add(1);
        stats.publisher.unknown.add(2);
        assert!(!stats.counts().add_up());
        stats.publisher.dropped.add(1);
        assert!(stats.counts().add_up());
        stats.publisher.acknowledged.add(1);
        assert!(!stats.counts().add_up());
    }
}
