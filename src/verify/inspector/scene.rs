//! The records of one message, each compared and entered, and what is told of them.

use hdrhistogram::Histogram;

use super::LATENCY_MS_MAX;
use super::Place;
use super::Producer;
use crate::verify::findings::Example;
use crate::verify::findings::Findings;
use crate::verify::findings::Kind;
use crate::verify::ledger::Fate;
use crate::verify::ledger::Gap;
use crate::verify::ledger::Seen;
use crate::verify::replay::Replay;
use crate::wire::Entry;
use crate::wire::MessageHead;

/// Enters how long records took that came together, where that is measured.
pub(super) fn note_latency(
    latency: Option<&mut Histogram<u64>>,
    event_time_ms: u64,
    now_ms: u64,
    records: u64,
) {
    if let Some(latency) = latency.filter(|_| event_time_ms > 0 && records > 0) {
        let took_ms = now_ms.saturating_sub(event_time_ms).min(LATENCY_MS_MAX);
        // It is within the bounds.
        latency.record_n(took_ms, records).ok();
    }
}

/// A batch, and what its records are compared with.
pub(super) struct Scene<'s, 'a> {
    pub(super) place: &'s Place<'s>,
    pub(super) head: &'s MessageHead<'s>,
    pub(super) replay: &'s mut Replay<'a>,
    pub(super) producer: &'s mut Producer,
    pub(super) findings: &'s mut Findings,
}

impl Scene<'_, '_> {
    /// Compares a record with the one that its producer made, and enters it.
    #[inline]
    pub(super) fn record(&mut self, entry: &Entry<'_>) {
        self.findings.counts.records += 1;
        let Producer { ledger, program, identity, .. } = &mut *self.producer;
        let (program, identity, partition) = (*program, *identity, self.place.partition);
        let difference = self.replay.compare(program, identity, entry);
        // Where it is altered, what it says it is may be altered too.
        let last = self.head.highest_sequence_id.unwrap_or(self.head.sequence_id);
        let is_believed = difference.is_none()
            || (self.head.sequence_id..=last).contains(&entry.sequence_id)
                && ledger.is_near(entry.sequence_id);
        let mut seen = None;
        if is_believed {
            let partitions = self.place.partitions;
            let replay = &mut *self.replay;
            let of = &mut |index| replay.partition(program, identity, partitions, index);
            seen = ledger.mark(partition, entry.sequence_id, of);
        }
        match (difference, seen) {
            (Some(difference), _) => self.altered(entry, difference.text()),
            (None, Some(Seen::InOrder)) => {}
            (None, Some(Seen::Reordered)) => self.found(Kind::Reordered, entry, None),
            (None, Some(Seen::Again)) => self.found(Kind::Repeated, entry, None),
            (None, Some(Seen::AgainOrLate)) => self.found(Kind::RepeatedOrLate, entry, None),
            (None, None) => self.altered(entry, "the index belongs to another stream"),
        }
    }

    #[cold]
    fn altered(&mut self, entry: &Entry<'_>, why: &str) {
        self.found(Kind::Altered, entry, Some(why.to_owned()));
    }

    #[cold]
    fn found(&mut self, kind: Kind, entry: &Entry<'_>, why: Option<String>) {
        let (place, producer) = (self.place, &*self.producer);
        self.findings.add(kind, 1, || Example {
            stream: Some(producer.ledger.origin().stream_text()),
            index: Some(entry.sequence_id),
            why,
            ..message(place, producer.name.as_bytes(), kind, String::new())
        });
    }

    /// Tells what turned out to be missing.
    pub(super) fn tell_gaps(self) {
        if self.producer.ledger.has_gaps() {
            tell_gaps(self.producer, self.findings);
        }
    }
}

/// Tells what of a producer turned out to be missing.
pub(super) fn tell_gaps(producer: &mut Producer, findings: &mut Findings) {
    for gap in producer.ledger.gaps() {
        let Gap { fate, first, records, partition } = gap;
        let kind = match fate {
            Fate::Lost => Kind::Missing,
            Fate::Dropped => Kind::Dropped,
            Fate::Gone => Kind::Gone,
            Fate::Overrun => Kind::Overrun,
            Fate::Open => {
                findings.counts.open += records;
                continue;
            }
        };
        if fate == Fate::Gone && producer.is_reported {
            findings.gone_reported += records;
        }
        findings.add(kind, records, || Example {
            kind,
            producer: producer.name.clone(),
            stream: Some(producer.ledger.origin().stream_text()),
            index: Some(first),
            records,
            topic: producer.topic.clone(),
            partition,
            message_id: None,
            why: None,
        });
    }
}

/// Returns an example of a whole message.
pub(super) fn message(place: &Place<'_>, producer: &[u8], kind: Kind, why: String) -> Example {
    Example {
        kind,
        producer: String::from_utf8_lossy(producer).into_owned(),
        stream: None,
        index: None,
        records: 1,
        topic: place.topic.to_owned(),
        partition: Some(place.partition),
        message_id: Some(place.id.to_string()),
        why: Some(why),
    }
}
