//! One message after the other: read, made again, compared, entered into its producer's ledger.

use std::collections::HashMap;

use hdrhistogram::Histogram;

use super::chain::Batch;
use super::chain::Chain;
use super::expected::Expected;
use super::findings::Findings;
use super::findings::Kind;
use super::findings::Span;
use super::ledger::Beginning;
use super::ledger::Ledger;
use super::origin::Origin;
use super::origin::PROPERTY;
use super::replay::Replay;
use crate::batch::Decompressor;
use crate::connection::MessageId;
use crate::rng::Identity;
use crate::wire::Body;
use crate::wire::Entries;
use crate::wire::Entry;
use crate::wire::MessageHead;

mod scene;

use scene::Scene;
use scene::message;
use scene::note_latency;
use scene::tell_gaps;

/// Producers that are told apart at a time; each takes 64 KiB and what its batches take.
const PRODUCERS_MAX: usize = 4_096;

/// The longest latency that is told apart from longer ones: one hour, in milliseconds.
const LATENCY_MS_MAX: u64 = 3_600_000;

/// Where a message stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The topic.
    pub(super) topic: &'a str,
    /// Which of those that are read.
    pub(super) number: usize,
    pub(super) partition: u32,
    /// How many the topic has, at least 1.
    pub(super) partitions: u32,
    pub(super) id: MessageId,
    pub(super) beginning: Beginning,
}

/// The number of the topic, the producer's name, and what its batches say.
type Key = (usize, Vec<u8>, Origin);

/// One producer.
#[derive(Debug)]
struct Producer {
    name: String,
    topic: String,
    ledger: Ledger,
    /// Whether a report names it.
    is_reported: bool,
    /// The place of its program.
    program: usize,
    identity: Identity,
    /// The lowest and the highest index that its batches say they have.
    first: u64,
    last: u64,
}

/// Why a message is not one of ours.
enum Foreign {
    NoProperty,
    Property,
    Digest(u32),
    Encrypted,
    TooMany,
}

impl Foreign {
    fn text(&self, expected: u32) -> String {
        match self {
            Self::NoProperty => "it has no property producer-load".to_owned(),
            Self::Property => "its property producer-load cannot be read".to_owned(),
            Self::Digest(digest) => format!(
                "made from another schema or by other flags: digest {digest:08x}, expected \
                 {expected:08x}"
            ),
            Self::Encrypted => "it is encrypted".to_owned(),
            Self::TooMany => "there are more producers or shards than can be told apart".to_owned(),
        }
    }
}

/// Inspects messages.
pub(super) struct Inspector<'a> {
    digest: u32,
    replay: Replay<'a>,
    expected: &'a Expected,
    producers: Vec<Producer>,
    places: HashMap<Key, usize>,
    /// The producer that was looked for last.
    latest: Option<(Key, usize)>,
    decompressor: Decompressor,
    pub(super) findings: Findings,
    /// From event time to now, in milliseconds, where it is measured.
    pub(super) latency: Option<Histogram<u64>>,
}

impl<'a> Inspector<'a> {
    pub(super) fn new(
        digest: &str,
        replay: Replay<'a>,
        expected: &'a Expected,
        examples_max: usize,
        has_latency: bool,
    ) -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, LATENCY_MS_MAX, 3).expect("constant, valid bounds");
        Self {
            // The plan printed it as 8 hex digits.
            digest: u32::from_str_radix(digest, 16).unwrap_or_default(),
            replay,
            expected,
            producers: Vec::new(),
            places: HashMap::new(),
            latest: None,
            decompressor: Decompressor::default(),
            findings: Findings::new(examples_max),
            latency: has_latency.then(histogram),
        }
    }

    /// Returns how far what came of each producer reaches.
    pub(super) fn spans(&self) -> Vec<Span> {
        let span = |producer: &Producer| Span {
            producer: producer.name.clone(),
            topic: producer.topic.clone(),
            stream: producer.ledger.origin().stream_text(),
            first_index: producer.first,
            last_index: producer.last,
        };
        self.producers.iter().map(span).collect()
    }

    /// Returns whether a producer was seen.
    pub(super) fn knows(&self, name: &str, topic: &str) -> bool {
        self.producers.iter().any(|known| known.name == name && known.topic == topic)
    }

    /// Returns when a message was published, in milliseconds since 1970; 0 where it does not say.
    pub(super) fn publish_time_ms(body: &[u8]) -> u64 {
        let head = Body::read_unchecked(body).map(|body| MessageHead::read(body.metadata, ""));
        head.and_then(|head| head).map(|head| head.publish_time_ms).unwrap_or_default()
    }

    /// Returns whether a message would push out of a ledger what other partitions may still bring.
    pub(super) fn would_lose(&self, number: usize, body: &[u8]) -> bool {
        let Ok(body) = Body::read_unchecked(body) else { return false };
        let Ok(head) = MessageHead::read(body.metadata, PROPERTY) else { return false };
        let Some((origin, _)) = head.property.and_then(Origin::read) else { return false };
        let last = head.highest_sequence_id.unwrap_or(head.sequence_id);
        let place = self.places.get(&(number, head.producer_name.to_vec(), origin));
        place.is_some_and(|place| self.producers[*place].ledger.would_lose(last))
    }

    /// Notes that the broker let go of so many messages of a partition before they were read.
    pub(super) fn overrun(&mut self, topic: &str, partition: u32, messages: u64) {
        self.findings.counts.overrun_messages += messages;
        for producer in self.producers.iter_mut().filter(|producer| producer.topic == topic) {
            producer.ledger.jump(partition);
        }
    }

    /// Inspects what stands behind the command of a message; returns how many records it says it
    /// has. `now_ms`: milliseconds since 1970.
    pub(super) fn inspect(&mut self, place: &Place<'_>, body: &[u8], now_ms: u64) -> u32 {
        self.findings.counts.batches += 1;
        let head = Body::read(body)
            .and_then(|body| MessageHead::read(body.metadata, PROPERTY).map(|head| (body, head)));
        let (body, head) = match head {
            Ok(read) => read,
            Err(error) => {
                let example = || message(place, &[], Kind::MalformedBatch, error.to_string());
                self.findings.add(Kind::MalformedBatch, 1, example);
                return 1;
            }
        };
        if !body.is_intact {
            let why = "the bytes are not those that were sent".to_owned();
            let example = || message(place, head.producer_name, Kind::WrongChecksum, why);
            self.findings.add(Kind::WrongChecksum, 1, example);
        }
        let records = u32::try_from(head.records.unwrap_or(1)).unwrap_or(u32::MAX);
        match self.producer(place, &head) {
            Ok((producer, previous)) => {
                self.batch(place, producer, &body, &head, previous, now_ms);
            }
            Err(foreign) => {
                self.findings.counts.records += u64::from(records);
                let why = || foreign.text(self.digest);
                let example = || message(place, head.producer_name, Kind::Foreign, why());
                self.findings.add(Kind::Foreign, records.into(), example);
            }
        }
        records
    }

    /// Returns the place of a message's producer, and the index before it.
    fn producer(
        &mut self,
        place: &Place<'_>,
        head: &MessageHead<'_>,
    ) -> Result<(usize, Option<u64>), Foreign> {
        let property = head.property.ok_or(Foreign::NoProperty)?;
        let (origin, previous) = Origin::read(property).ok_or(Foreign::Property)?;
        if origin.digest != self.digest {
            return Err(Foreign::Digest(origin.digest));
        }
        if head.is_encrypted {
            return Err(Foreign::Encrypted);
        }
        let name = head.producer_name;
        let is_it =
            |(number, known, of): &Key| *number == place.number && known == name && *of == origin;
        if let Some((_, found)) = self.latest.as_ref().filter(|(key, _)| is_it(key)) {
            return Ok((*found, previous));
        }
        let key = (place.number, name.to_vec(), origin);
        let found = match self.places.get(&key) {
            Some(found) => *found,
            None => self.open(place, name, origin, head.sequence_id)?,
        };
        self.places.insert(key.clone(), found);
        self.latest = Some((key, found));
        Ok((found, previous))
    }

    fn open(
        &mut self,
        place: &Place<'_>,
        name: &[u8],
        origin: Origin,
        first: u64,
    ) -> Result<usize, Foreign> {
        if self.producers.len() == PRODUCERS_MAX {
            return Err(Foreign::TooMany);
        }
        let identity = origin.identity().ok_or(Foreign::Property)?;
        // The schema was compiled before the first message came.
        let program = self.replay.place(&origin).ok().flatten().ok_or(Foreign::TooMany)?;
        let name = String::from_utf8_lossy(name).into_owned();
        let chain = |partition| match self.expected.last_of(&name, place.topic, partition) {
            Some(last) => Chain::ending(last),
            None => Chain::default(),
        };
        let chains = (0..place.partitions).map(chain).collect();
        let ledger = Ledger::new(origin, chains, first, place.beginning);
        let is_reported = self.expected.names(&name, place.topic);
        self.producers.push(Producer {
            name,
            topic: place.topic.to_owned(),
            ledger,
            is_reported,
            program,
            identity,
            first,
            last: first,
        });
        Ok(self.producers.len() - 1)
    }

    fn batch(
        &mut self,
        place: &Place<'_>,
        number: usize,
        body: &Body<'_>,
        head: &MessageHead<'_>,
        previous: Option<u64>,
        now_ms: u64,
    ) {
        let Self { replay, producers, decompressor, findings, latency, .. } = self;
        let producer = &mut producers[number];
        let malformed = |findings: &mut Findings, why: String| {
            let example = || message(place, head.producer_name, Kind::MalformedBatch, why);
            findings.add(Kind::MalformedBatch, 1, example);
        };
        let payload = if head.compression == 0 {
            Ok(body.payload)
        } else {
            let bytes = usize::try_from(head.uncompressed_bytes).unwrap_or(usize::MAX);
            decompressor.decompress(head.compression, body.payload, bytes)
        };
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) => {
                return malformed(findings, format!("it cannot be decompressed: {error}"));
            }
        };
        let last = head.highest_sequence_id.unwrap_or(head.sequence_id);
        if body.is_intact {
            let batch = Batch { first: head.sequence_id, last, previous };
            producer.ledger.note(place.partition, batch, place.beginning);
            producer.first = producer.first.min(batch.first);
            producer.last = producer.last.max(batch.last);
        }
        let mut scene = Scene { place, head, replay, producer, findings };
        let Some(stated) = head.records else {
            let (key, event_time_ms) = (head.key, head.event_time_ms);
            let sequence_id = head.sequence_id;
            scene.record(&Entry { sequence_id, event_time_ms, key, payload });
            note_latency(latency.as_mut(), event_time_ms, now_ms, 1);
            return scene.tell_gaps();
        };
        let (mut records, mut wrong) = (0, None);
        // Records of the same time are entered together.
        let (mut time_ms, mut of_time) = (0, 0);
        for entry in Entries::of(payload) {
            match entry {
                Ok(entry) => {
                    records += 1;
                    if entry.event_time_ms != time_ms {
                        note_latency(latency.as_mut(), time_ms, now_ms, of_time);
                        (time_ms, of_time) = (entry.event_time_ms, 0);
                    }
                    of_time += 1;
                    scene.record(&entry);
                }
                Err(error) => wrong = Some(format!("record {records} of it: {error}")),
            }
        }
        note_latency(latency.as_mut(), time_ms, now_ms, of_time);
        scene.tell_gaps();
        if wrong.is_none() && records != stated {
            wrong = Some(format!("it has {records} records and says {stated}"));
        }
        if let Some(why) = wrong {
            malformed(findings, why);
        }
    }

    /// Ends: whatever is known to exist and did not come is counted.
    pub(super) fn finish(&mut self) {
        let Self { replay, producers, findings, .. } = self;
        for producer in producers {
            let Producer { ledger, program, identity, .. } = producer;
            let partitions = ledger.partitions();
            let (program, identity) = (*program, *identity);
            ledger.finish(&mut |index| replay.partition(program, identity, partitions, index));
            tell_gaps(producer, findings);
        }
    }
}

#[cfg(test)]
mod tests;
