//! A batch on its way from hand-over to receipt: whatever happens, its records are counted once.

use std::sync::Arc;

use crate::batch::Batch;
use crate::clock;
use crate::clock::Moment;
use crate::handover::Returns;
use crate::stats::Measuring;
use crate::stats::Stats;

/// What every batch's fate is counted into.
#[derive(Clone)]
pub(super) struct Accounting {
    pub(super) stats: Arc<Stats>,
    pub(super) returns: Returns,
    pub(super) start: Moment,
    pub(super) measuring: Measuring,
}

/// Owns a batch until its fate is known. Dropped without one, its records count as dropped when
/// they were never sent, and as unknown when they were.
pub(super) struct Outstanding {
    /// `None` once its fate is counted.
    batch: Option<Box<Batch>>,
    taken_at: Moment,
    sent_at: Option<Moment>,
    /// Whether it is to be sent though it was sent before.
    is_again: bool,
    accounting: Accounting,
}

impl Outstanding {
    /// Takes a batch that was handed over.
    pub(super) fn new(batch: Box<Batch>, taken_at: Moment, accounting: Accounting) -> Self {
        Self { batch: Some(batch), taken_at, sent_at: None, is_again: false, accounting }
    }

    /// Returns the number of the batch's producer.
    pub(super) fn producer(&self) -> Option<usize> {
        self.batch().map(|batch| batch.producer as usize)
    }

    /// Returns how long ago it was handed over.
    pub(super) fn waited_ns(&self, now: Moment) -> u64 {
        now.ns_since(self.taken_at)
    }

    /// Returns whether it was sent.
    pub(super) const fn is_sent(&self) -> bool {
        self.sent_at.is_some()
    }

    /// Notes that whoever got it may have lost it: if it was sent, it is to be sent again.
    pub(super) const fn send_again(&mut self) {
        self.is_again = self.is_sent();
    }

    /// Returns the batch.
    pub(super) fn batch(&self) -> Option<&Batch> {
        self.batch.as_deref()
    }

    /// Counts the batch as sent from now on, and returns it to be written.
    pub(super) fn send(&mut self) -> Option<&Batch> {
        self.sent_at(clock::now());
        self.batch()
    }

    /// Counts the batch as sent from this moment on, if it is not yet, or as sent again.
    pub(super) fn sent_at(&mut self, moment: Moment) {
        let Some(batch) = &self.batch else { return };
        let publisher = &self.accounting.stats.publisher;
        if self.sent_at.is_none() {
            self.sent_at = Some(moment);
            publisher.sent.add(batch.len() as u64);
            publisher.payload_bytes.add(batch.payload_bytes);
            if let Some(end) = self.accounting.stats.ends.get(batch.producer as usize) {
                end.raise_to(batch.last_index.saturating_add(1));
            }
        } else if std::mem::take(&mut self.is_again) {
            publisher.resent.add(batch.len() as u64);
        }
    }

    /// Counts the bytes of the frame that was written.
    pub(super) fn count_wire_bytes(&self, bytes: usize) {
        self.accounting.stats.publisher.wire_bytes.add(bytes as u64);
    }

    /// Counts every record as confirmed now, with both its latencies.
    pub(super) fn acknowledged(mut self) {
        let (Some(batch), Some(sent_at)) = (self.batch.take(), self.sent_at) else {
            return;
        };
        let now = clock::now();
        let elapsed_ns = now.ns_since(self.accounting.start);
        let Accounting { stats, measuring, start, .. } = &self.accounting;
        let warmup = measuring.warmup(&batch, sent_at.ns_since(*start));
        let measured = (batch.len() - warmup) as u64;
        if measured > 0 {
            let mut latency = stats.latency.lock();
            latency.record_service(now.ns_since(sent_at), measured);
            if measuring.is_paced(&batch) {
                latency.record_responses(&batch.due_ns[warmup..], elapsed_ns);
                let longest_ns = elapsed_ns.saturating_sub(batch.due_ns[warmup]);
                stats.publisher.response_ns_max.raise_to(longest_ns);
            }
        }
        if measuring.is_paced(&batch) {
            stats.publisher.paced_receipt_ns.raise_to(elapsed_ns);
        } else {
            stats.publisher.unpaced_acknowledged.add(measured);
        }
        stats.publisher.last_receipt_ns.raise_to(elapsed_ns);
        stats.publisher.acknowledged.add(batch.len() as u64);
        stats.publisher.warmup_acknowledged.add(warmup as u64);
        self.accounting.returns.give_back(batch);
    }

    /// Counts every record as unknown: it waited too long. Sent or not, the batches behind it say
    /// that it was handed over.
    pub(super) fn given_up(self) {
        self.refused(0);
    }

    /// Counts this many records as refused for good, and the rest as unknown.
    pub(super) fn refused(mut self, failed: usize) {
        let Some(batch) = self.batch.take() else {
            return;
        };
        let failed = failed.min(batch.len());
        self.accounting.stats.publisher.failed.add(failed as u64);
        self.accounting.stats.publisher.unknown.add((batch.len() - failed) as u64);
        self.accounting.returns.give_back(batch);
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        if let Some(batch) = self.batch.take() {
            let publisher = &self.accounting.stats.publisher;
            let fate = if self.sent_at.is_some() { &publisher.unknown } else { &publisher.dropped };
            fate.add(batch.len() as u64);
            self.accounting.returns.give_back(batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchLimits;
    use crate::batch::RecordHead;
    use crate::batch::RecordSealer;
    use crate::batch::Sealer;
    use crate::handover;
    use crate::stats::Counts;
    use crate::stats::Latency;

    /// Runs `fate` on a batch of three records and returns what it counted.
    fn counted(fate: impl FnOnce(Outstanding)) -> Counts {
        let limits = BatchLimits {
            records_max: 9,
            bytes_max: 999,
            record_bytes_max: 9,
            ..BatchLimits::default()
        };
        let (mut lanes, end) = handover::hand_over(1, 1, limits);
        let stats = Arc::new(Stats::new(1).with_producers([0].into_iter()));
        let returns = end.returns().clone();
        let measuring = Measuring { from_ns: 2, paced_until_ns: u64::MAX };
        let accounting =
            Accounting { stats: Arc::clone(&stats), returns, start: clock::now(), measuring };
        let mut batch = lanes[0].try_take().unwrap();
        for index in 0..3 {
            let head = RecordHead { index, due_ns: index, event_time_ms: 0, key: b"k" };
            RecordSealer.open(&mut batch, &head);
            batch.advance(1);
            RecordSealer.close(&mut batch);
        }
        fate(Outstanding::new(batch, clock::now(), accounting));
        let counts = stats.counts();
        let mut latency = Latency::default();
        stats.take_latency(&mut latency);
        assert_eq!(counts.warmup_acknowledged, counts.acknowledged / 3 * 2);
        assert_eq!(latency.response.len(), counts.acknowledged / 3);
        assert_eq!(latency.service.len(), counts.acknowledged / 3);
        assert!(lanes[0].try_take().is_ok(), "the buffer came back");
        assert_eq!(stats.ends[0].get(), counts.sent, "the end is behind what was sent");
        stats.counts()
    }

    #[test]
    fn every_fate_counts_each_record_once() {
        let unsent = counted(drop);
        assert_eq!((unsent.dropped, unsent.sent, unsent.unknown), (3, 0, 0));
        let unanswered = counted(|mut outstanding| {
            outstanding.send();
            outstanding.send();
        });
        assert_eq!((unanswered.dropped, unanswered.sent, unanswered.unknown), (0, 3, 3));
        assert_eq!(unanswered.payload_bytes, 3);
        let confirmed = counted(|mut outstanding| {
            outstanding.send();
            outstanding.acknowledged();
        });
        let twice = counted(|mut outstanding| {
            outstanding.send_again();
            outstanding.send();
            outstanding.send_again();
            outstanding.send();
            outstanding.send();
            outstanding.acknowledged();
        });
        assert_eq!((twice.sent, twice.resent, twice.acknowledged), (3, 3, 3));
        assert_eq!((confirmed.acknowledged, confirmed.unknown, confirmed.dropped), (3, 0, 0));
        // Each has a due time.
        assert_eq!(confirmed.paced_receipt_ns, confirmed.last_receipt_ns);
        assert_eq!(confirmed.unpaced_acknowledged, 0);
        let refused = counted(|mut outstanding| {
            outstanding.send();
            outstanding.refused(2);
        });
        assert_eq!((refused.failed, refused.unknown, refused.acknowledged), (2, 1, 0));
        let given_up = counted(Outstanding::given_up);
        assert_eq!((given_up.sent, given_up.unknown, given_up.dropped), (0, 3, 0));
    }
}
