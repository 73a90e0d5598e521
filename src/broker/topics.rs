//! What the broker knows: topics and what they hold, live producers and consumers, schemas, counts.
//!
//! Pure state: no socket, no clock, no thread. Every collection in it has a bound, since all of it
//! grows by what clients ask for.

use std::collections::HashMap;
use std::sync::Arc;

use pulsar::message::proto::CommandProducer;
use pulsar::message::proto::CommandSend;
use pulsar::message::proto::Schema;
use pulsar::message::proto::schema::Type as SchemaType;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::BrokerConfig;
use super::codec::Body;
use super::codec::read_body;
use super::counts::BrokerCounts;
use super::counts::TopicCounts;
use super::deduplication::Deduplication;
use super::entry::Entry;
use super::entry::EntryError;
use super::entry::EntrySize;
use super::entry::measure;
use super::mischief::Mischief;
use super::names::TopicName;
use super::producers::ConnectionId;
use super::producers::Producers;
use super::refusal::Refusal;
use super::schemas::SchemaVersion;
use super::schemas::Schemas;
use super::spoil::records_of;
use super::spoil::spoil;

mod consuming;
mod topic;

pub(super) use consuming::LastMessage;
pub(super) use consuming::Message;
pub(super) use consuming::Notice;

use consuming::Consumers;
use consuming::ledger_id;
use topic::Topic;

/// Topics that one broker keeps count of.
const TOPICS_MAX: usize = 10_000;

/// Where an entry lies: what a receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) ledger_id: u64,
    pub(super) entry_id: u64,
}

/// What the producer of a SEND that was taken is told, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The topic's place among the topics.
    pub(super) topic: usize,
    pub(super) position: Position,
    pub(super) receipt_due: Instant,
    /// The receipt is to carry a wrong sequence id.
    pub(super) is_receipt_wrong: bool,
}

/// What a new producer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProducerOpened {
    pub(super) name: String,
    /// The version of its schema; empty when it has none.
    pub(super) schema_version: Vec<u8>,
    /// The highest sequence id of its name; -1: it is not known.
    pub(super) last_sequence_id: i64,
}

/// The broker's whole state.
#[derive(Debug)]
pub(super) struct Topics {
    partitions: u32,
    retain_bytes_max: usize,
    holds: bool,
    /// The counts that belong to no topic; its `topics` stays empty.
    counts: BrokerCounts,
    /// Never shrinks, so that a place in it is a topic's identity.
    known: Vec<Topic>,
    places: HashMap<String, usize>,
    schemas: Schemas,
    producers: Producers,
    consumers: Consumers,
    mischief: Mischief,
    deduplication: Deduplication,
}

impl Topics {
    /// Makes the state of a broker that has seen nothing.
    pub(super) fn new(config: &BrokerConfig) -> Self {
        Self {
            partitions: config.partitions,
            retain_bytes_max: config.retain_bytes_max,
            holds: config.hold,
            counts: BrokerCounts::default(),
            known: Vec::new(),
            places: HashMap::new(),
            schemas: Schemas::default(),
            producers: Producers::default(),
            consumers: Consumers::default(),
            mischief: Mischief::new(config.faults, config.seed),
            deduplication: Deduplication::new(config.deduplicate),
        }
    }

    /// Returns the faults at work, for whoever suffers them.
    pub(super) const fn mischief(&mut self) -> &mut Mischief {
        &mut self.mischief
    }

    /// Returns the counts that belong to no topic, for whoever sees the event.
    pub(super) const fn counts_mut(&mut self) -> &mut BrokerCounts {
        &mut self.counts
    }

    /// Returns all counts as they stand.
    pub(super) fn counts(&self) -> BrokerCounts {
        let topics = self.places.iter().map(|(name, &place)| {
            let topic = &self.known[place];
            let counts = TopicCounts {
                batches: topic.batches,
                records: topic.size.records,
                payload_bytes: topic.size.payload_bytes,
                entry_bytes: topic.size.entry_bytes,
                overrun_batches: topic.overrun_batches,
                repeated_batches: topic.repeated_batches,
                taken: topic.taken.map(|(first, last)| (first.into_std(), last.into_std())),
                schema: self.schemas.text(&topic.base),
                producers: self.producers.names(place),
            };
            (name.clone(), counts)
        });
        let faults = self.mischief.struck().clone();
        BrokerCounts { faults, topics: topics.collect(), ..self.counts.clone() }
    }

    /// Returns what is kept of a topic, oldest first.
    pub(super) fn entries(&self, topic: &str) -> Vec<Entry> {
        let place = TopicName::parse(topic).and_then(|name| self.places.get(name.full()));
        let kept = place.into_iter().flat_map(|&place| self.known[place].ring.iter());
        // What is kept was read when it came.
        kept.filter_map(|kept| {
            let body = read_body(&kept.body).ok()?;
            let producer_name = kept.producer_name.to_string();
            let payload = kept.body.slice_ref(body.payload);
            Some(Entry { producer_name, metadata: body.metadata, payload })
        })
        .collect()
    }

    /// Returns how many partitions a topic has; 0: it is not partitioned.
    pub(super) fn partitions(&self, topic: &str) -> Result<u32, Refusal> {
        let partition = name(topic)?.partition();
        Ok(partition.map_or(self.partitions, |_| 0))
    }

    /// Checks that a topic could have producers and consumers.
    pub(super) fn look_up(&self, topic: &str) -> Result<(), Refusal> {
        self.accessible(&name(topic)?)
    }

    fn accessible(&self, topic: &TopicName) -> Result<(), Refusal> {
        let partitions = self.partitions;
        match topic.partition() {
            None if partitions > 0 => Err(Refusal::Partitioned { partitions }),
            Some(partition) if partitions > 0 && partition >= partitions => {
                Err(Refusal::PartitionMissing { partitions })
            }
            _ => Ok(()),
        }
    }

    /// Creates a producer, or lets it succeed the older epoch of itself on the same connection.
    pub(super) fn open_producer(
        &mut self,
        connection: ConnectionId,
        wish: &CommandProducer,
    ) -> Result<ProducerOpened, Refusal> {
        let topic_name = name(&wish.topic)?;
        self.accessible(&topic_name)?;
        if wish.producer_access_mode.unwrap_or(0) != 0 {
            return Err(Refusal::Unsupported);
        }
        let topic = self.topic(&topic_name)?;
        let schema = wish.schema.as_ref().filter(|schema| says_something(schema));
        let schema_version = match schema {
            Some(schema) => self.register(&topic_name, schema)?.bytes(),
            None => Vec::new(),
        };
        let name = self.producers.open(connection, topic, wish)?;
        self.counts.producers_created += 1;
        let highest = self.deduplication.highest(topic, &name);
        let last_sequence_id = highest.map_or(-1, u64::cast_signed);
        Ok(ProducerOpened { name, schema_version, last_sequence_id })
    }

    /// Returns the topic's place; a topic begins to exist with its first producer or consumer.
    fn topic(&mut self, topic: &TopicName) -> Result<usize, Refusal> {
        if let Some(&place) = self.places.get(topic.full()) {
            return Ok(place);
        }
        if self.known.len() >= TOPICS_MAX {
            return Err(Refusal::TopicsMax { topics: TOPICS_MAX });
        }
        let place = self.known.len();
        self.known.push(Topic {
            base: topic.base().to_owned(),
            partition: topic.partition(),
            ..Topic::default()
        });
        self.places.insert(topic.full().to_owned(), place);
        Ok(place)
    }

    fn register(&mut self, topic: &TopicName, schema: &Schema) -> Result<SchemaVersion, Refusal> {
        let version = self.schemas.register(topic.base(), schema);
        version.ok_or(Refusal::SchemasMax)
    }

    /// Stores a topic's schema and returns its version.
    pub(super) fn create_schema(
        &mut self,
        topic: &str,
        schema: &Schema,
    ) -> Result<SchemaVersion, Refusal> {
        self.register(&name(topic)?, schema)
    }

    /// Returns a topic's newest schema or the one of that version.
    pub(super) fn schema(
        &self,
        topic: &str,
        version: Option<&[u8]>,
    ) -> Result<(SchemaVersion, &Schema), Refusal> {
        let topic = name(topic)?;
        let found = self.schemas.get(topic.base(), version);
        found.ok_or(Refusal::SchemaMissing)
    }

    /// Takes one SEND into its topic and says where it lies.
    pub(super) fn publish(
        &mut self,
        connection: ConnectionId,
        send: &CommandSend,
        body: &Body<'_>,
        now: Instant,
    ) -> Result<Taken, Refusal> {
        self.counts.checksums_checked += 1;
        if let Some(repeated) = self.repeated(connection, send, now) {
            return Ok(repeated);
        }
        let measured = measure(send.num_messages, &body.metadata, body.payload);
        let taken = self.count(connection, send.producer_id, measured, now)?;
        if let Some(producer) = self.producers.get(connection, send.producer_id) {
            let last = send.highest_sequence_id().max(send.sequence_id);
            self.deduplication.note(producer.topic, &producer.name, last);
        }
        if self.retain_bytes_max > 0
            && let Some(producer) = self.producers.get(connection, send.producer_id)
        {
            let name = producer.name.clone();
            let topic = &mut self.known[producer.topic];
            match self.mischief.blow(records_of(&body.metadata)) {
                None => topic.keep(&name, body),
                Some(blow) => spoil(body, blow)
                    .iter()
                    .filter_map(|spoilt| read_body(spoilt).ok())
                    .for_each(|spoilt| topic.keep(&name, &spoilt)),
            }
            topic.make_room(self.retain_bytes_max, self.holds);
        }
        Ok(taken)
    }

    /// Drops a SEND that has come before: it lies nowhere.
    fn repeated(
        &mut self,
        connection: ConnectionId,
        send: &CommandSend,
        now: Instant,
    ) -> Option<Taken> {
        let producer = self.producers.get(connection, send.producer_id)?;
        let (topic, name) = (producer.topic, &producer.name);
        self.deduplication.has(topic, name, send.sequence_id).then(|| {
            self.known[topic].repeated_batches += 1;
            let position = Position { ledger_id: u64::MAX, entry_id: u64::MAX };
            Taken { topic, position, receipt_due: now, is_receipt_wrong: false }
        })
    }

    /// Counts one SEND whose entry was measured, and says where it lies.
    pub(super) fn count(
        &mut self,
        connection: ConnectionId,
        producer_id: u64,
        measured: Result<EntrySize, EntryError>,
        now: Instant,
    ) -> Result<Taken, Refusal> {
        let producer = self.producers.get(connection, producer_id);
        let place = producer.ok_or(Refusal::ProducerMissing)?.topic;
        let size = measured.inspect_err(|_| self.counts.malformed_batches += 1)?;
        if self.mischief.fails_send() {
            return Err(Refusal::NotPersisted);
        }
        let topic = &mut self.known[place];
        let position = Position { ledger_id: ledger_id(place), entry_id: topic.ring.end() };
        if self.retain_bytes_max == 0 {
            topic.ring.pass();
        }
        topic.batches += 1;
        topic.size += size;
        topic.taken = Some((topic.taken.map_or(now, |(first, _)| first), now));
        let receipt_due = self.mischief.receipt_due(size.records, now);
        let is_receipt_wrong = self.mischief.corrupts_receipt();
        Ok(Taken { topic: place, position, receipt_due, is_receipt_wrong })
    }

    /// Tells whether a topic may take more; if not, the bell is rung when that may have changed.
    pub(super) fn has_room(&mut self, topic: usize, bell: &Arc<Notify>) -> bool {
        if !self.holds {
            return true;
        }
        let topic = &mut self.known[topic];
        topic.make_room(self.retain_bytes_max, true);
        let has_room = topic.ring.bytes() <= self.retain_bytes_max;
        if !has_room {
            // Once each, and those whose connection has ended no more.
            topic.waiting.retain(|it| Arc::strong_count(it) > 1 && !Arc::ptr_eq(it, bell));
            topic.waiting.push(Arc::clone(bell));
        }
        has_room
    }

    /// Closes a producer, if there is one.
    pub(super) fn close_producer(&mut self, connection: ConnectionId, producer_id: u64) {
        self.producers.close(connection, producer_id);
    }

    /// Closes a connection's producers on one of its topics and returns their ids.
    pub(super) fn close_topic(&mut self, connection: ConnectionId, pick: u64) -> Vec<u64> {
        self.producers.close_topic(connection, pick)
    }

    /// Closes all producers and consumers of a connection that has ended.
    pub(super) fn disconnect(&mut self, connection: ConnectionId) {
        self.producers.disconnect(connection);
        self.disconnect_consumers(connection);
    }
}

fn name(topic: &str) -> Result<TopicName, Refusal> {
    TopicName::parse(topic).ok_or(Refusal::TopicName)
}

/// Tells a schema from the placeholder that some clients send for plain bytes.
fn says_something(schema: &Schema) -> bool {
    schema.r#type() != SchemaType::None
}

#[cfg(test)]
mod tests;
