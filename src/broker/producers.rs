//! Live producers: who holds which name on which topic.
//!
//! A name belongs to one live producer of a topic. It goes to a later epoch of the same connection,
//! and to nobody else before it is closed or its connection ends.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use pulsar::message::proto::CommandProducer;

use super::names::NAME_BYTES_MAX;
use super::refusal::Refusal;

/// Producers that may live at the same time.
const PRODUCERS_MAX: usize = 10_000;

/// A connection's number, counted from 0 and never used twice.
pub(super) type ConnectionId = u64;

/// A live producer, as its connection addresses it.
#[derive(Clone, Debug)]
pub(super) struct Producer {
    /// The place of its topic among the topics.
    pub(super) topic: usize,
    pub(super) name: Arc<str>,
}

/// Who holds a name.
#[derive(Clone, Copy, Debug)]
struct Holder {
    connection: ConnectionId,
    producer_id: u64,
    epoch: u64,
}

/// All live producers.
#[derive(Debug, Default)]
pub(super) struct Producers {
    by_id: HashMap<(ConnectionId, u64), Producer>,
    by_name: HashMap<usize, BTreeMap<String, Holder>>,
    names_generated: u64,
}

impl Producers {
    /// Opens a producer and returns its name: the one wished for, or one that is free.
    pub(super) fn open(
        &mut self,
        connection: ConnectionId,
        topic: usize,
        wish: &CommandProducer,
    ) -> Result<String, Refusal> {
        let name = self.name(topic, wish)?;
        let producer_id = wish.producer_id;
        let holder = Holder { connection, producer_id, epoch: wish.epoch.unwrap_or(0) };
        let predecessor = self.predecessor(topic, &name, holder)?;
        if predecessor != Some(producer_id) && self.get(connection, producer_id).is_some() {
            return Err(Refusal::IdTaken { producer_id });
        }
        if let Some(predecessor) = predecessor {
            self.close(connection, predecessor);
        }
        if self.by_id.len() >= PRODUCERS_MAX {
            let producers = PRODUCERS_MAX;
            return Err(Refusal::ProducersMax { producers });
        }
        let producer = Producer { topic, name: name.as_str().into() };
        self.by_id.insert((connection, producer_id), producer);
        let names = self.by_name.entry(topic).or_default();
        names.insert(name.clone(), holder);
        Ok(name)
    }

    fn name(&mut self, topic: usize, wish: &CommandProducer) -> Result<String, Refusal> {
        match wish.producer_name.as_deref() {
            Some(name) if name.len() > NAME_BYTES_MAX => return Err(Refusal::NameTooLong),
            Some(name) if !name.is_empty() => return Ok(name.to_owned()),
            _ => {}
        }
        loop {
            let name = format!("embedded-{}", self.names_generated);
            self.names_generated += 1;
            let names = self.by_name.get(&topic);
            if names.is_none_or(|names| !names.contains_key(&name)) {
                return Ok(name);
            }
        }
    }

    /// Returns the id of the older self that `new` succeeds, `None` when the name is free.
    fn predecessor(&self, topic: usize, name: &str, new: Holder) -> Result<Option<u64>, Refusal> {
        let names = self.by_name.get(&topic);
        let Some(old) = names.and_then(|names| names.get(name)) else {
            return Ok(None);
        };
        if old.connection == new.connection && old.epoch < new.epoch {
            return Ok(Some(old.producer_id));
        }
        Err(Refusal::NameTaken { name: name.to_owned() })
    }

    /// Returns a live producer by the number that its connection gave it.
    pub(super) fn get(&self, connection: ConnectionId, producer_id: u64) -> Option<&Producer> {
        self.by_id.get(&(connection, producer_id))
    }

    /// Returns the names of a topic's live producers, in order.
    pub(super) fn names(&self, topic: usize) -> Vec<String> {
        let names = self.by_name.get(&topic);
        names.map_or_else(Vec::new, |names| names.keys().cloned().collect())
    }

    /// Closes a producer, if there is one.
    pub(super) fn close(&mut self, connection: ConnectionId, producer_id: u64) {
        let Some(producer) = self.by_id.remove(&(connection, producer_id)) else {
            return;
        };
        if let Some(names) = self.by_name.get_mut(&producer.topic) {
            names.remove(&*producer.name);
        }
    }

    /// Closes a connection's producers on one of its topics, by a number that chance gave, and
    /// returns their ids.
    pub(super) fn close_topic(&mut self, connection: ConnectionId, pick: u64) -> Vec<u64> {
        let own = self.by_id.iter().filter(|((owner, _), _)| *owner == connection);
        let own: Vec<_> = own.map(|((_, id), producer)| (producer.topic, *id)).collect();
        let topics: BTreeSet<usize> = own.iter().map(|(topic, _)| *topic).collect();
        let Some(place) = pick.checked_rem(topics.len() as u64) else {
            return Vec::new();
        };
        let picked = topics.into_iter().zip(0..).find(|(_, number)| *number == place);
        let closed = own.into_iter().filter(|(topic, _)| picked == Some((*topic, place)));
        let mut closed: Vec<u64> = closed.map(|(_, id)| id).collect();
        closed.sort_unstable();
        for id in &closed {
            self.close(connection, *id);
        }
        closed
    }

    /// Closes all producers of a connection that has ended.
    pub(super) fn disconnect(&mut self, connection: ConnectionId) {
        let keys = self.by_id.keys().copied();
        let ended: Vec<_> = keys.filter(|(owner, _)| *owner == connection).collect();
        for (connection, producer_id) in ended {
            self.close(connection, producer_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(producer_id: u64, name: &str, epoch: u64) -> CommandProducer {
        CommandProducer {
            producer_id,
            producer_name: (!name.is_empty()).then(|| name.to_owned()),
            epoch: Some(epoch),
            ..Default::default()
        }
    }

    fn taken(name: &str) -> Result<String, Refusal> {
        let name = name.to_owned();
        Err(Refusal::NameTaken { name })
    }

    #[test]
    fn a_name_belongs_to_one_live_producer_of_a_topic() {
        let mut producers = Producers::default();
        assert!(producers.open(1, 0, &wish(1, "a", 0)).is_ok());
        assert!(producers.open(1, 1, &wish(2, "a", 0)).is_ok(), "other topic");
        assert_eq!(producers.open(2, 0, &wish(1, "a", 9)), taken("a"));
        assert_eq!(producers.open(1, 0, &wish(3, "a", 0)), taken("a"));
        producers.close(1, 1);
        assert!(producers.open(2, 0, &wish(1, "a", 0)).is_ok(), "closed");
        producers.disconnect(2);
        assert!(producers.names(0).is_empty());
        assert_eq!(producers.names(1), ["a"]);
    }

    #[test]
    fn a_later_epoch_succeeds_on_the_same_connection() {
        let mut producers = Producers::default();
        assert!(producers.open(1, 0, &wish(1, "a", 0)).is_ok());
        assert!(producers.open(1, 0, &wish(1, "a", 1)).is_ok());
        assert!(producers.open(1, 0, &wish(2, "a", 2)).is_ok());
        assert!(producers.get(1, 1).is_none());
        assert_eq!(producers.names(0), ["a"]);
    }

    #[test]
    fn an_id_in_use_is_refused_and_harms_nobody() {
        let mut producers = Producers::default();
        assert!(producers.open(1, 0, &wish(1, "a", 0)).is_ok());
        assert!(producers.open(1, 0, &wish(2, "b", 0)).is_ok());
        let refused = producers.open(1, 0, &wish(2, "a", 1));
        assert_eq!(refused, Err(Refusal::IdTaken { producer_id: 2 }));
        assert_eq!(producers.names(0), ["a", "b"]);
    }

    #[test]
    fn a_topics_producers_are_closed_together() {
        let mut producers = Producers::default();
        assert!(producers.close_topic(1, 5).is_empty());
        for (connection, topic, id) in [(1, 0, 4), (1, 0, 2), (1, 7, 3), (2, 0, 1)] {
            let name = format!("{connection}-{id}");
            assert!(producers.open(connection, topic, &wish(id, &name, 0)).is_ok());
        }
        assert_eq!(producers.close_topic(1, 2), [2, 4]);
        assert_eq!(producers.names(0), ["2-1"]);
        assert_eq!(producers.close_topic(1, 2), [3]);
    }

    #[test]
    fn a_nameless_producer_gets_a_free_name() {
        let mut producers = Producers::default();
        assert!(producers.open(1, 0, &wish(1, "embedded-0", 0)).is_ok());
        let name = producers.open(1, 0, &wish(2, "", 0)).unwrap();
        assert_eq!(name, "embedded-1");
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        let refused = producers.open(1, 0, &wish(3, &long, 0));
        assert_eq!(refused, Err(Refusal::NameTooLong));
    }

    #[test]
    fn live_producers_are_bounded() {
        let mut producers = Producers::default();
        for id in 0..PRODUCERS_MAX as u64 {
            assert!(producers.open(1, 0, &wish(id, "", 0)).is_ok());
        }
        let refused = producers.open(2, 0, &wish(0, "", 0));
        assert!(matches!(refused, Err(Refusal::ProducersMax { .. })));
    }
}
