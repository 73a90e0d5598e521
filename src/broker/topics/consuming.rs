//! The part of the state that consumers ask for: subscribing, delivering, acknowledging.

use std::collections::HashMap;
use std::sync::Arc;

use pulsar::message::proto::CommandAck;
use pulsar::message::proto::CommandRedeliverUnacknowledgedMessages;
use pulsar::message::proto::CommandSeek;
use pulsar::message::proto::CommandSubscribe;
use pulsar::message::proto::MessageIdData;
use pulsar::message::proto::command_ack::AckType;
use pulsar::message::proto::command_subscribe::InitialPosition;
use pulsar::message::proto::command_subscribe::SubType;
use tokio::sync::Notify;
use tokio_util::bytes::Bytes;

use super::Position;
use super::Topic;
use super::Topics;
use super::name;
use crate::broker::names::NAME_BYTES_MAX;
use crate::broker::producers::ConnectionId;
use crate::broker::refusal::Refusal;
use crate::broker::subscription::Consumer;
use crate::broker::subscription::ConsumerKey;
use crate::broker::subscription::Delivery;
use crate::broker::subscription::Subscription;

/// Consumers that may live at the same time.
const CONSUMERS_MAX: usize = 10_000;

/// Subscriptions that one topic may have.
const SUBSCRIPTIONS_MAX: usize = 1_000;

/// What a connection is told about a consumer of its that it did not ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Notice {
    /// Closed; the client may subscribe again.
    Closed { consumer_id: u64 },
    /// It reads from now on, or no longer.
    Active { consumer_id: u64, is_active: bool },
}

/// All live consumers, and what their connections are to be told.
#[derive(Debug, Default)]
pub(super) struct Consumers {
    /// The place of a consumer's topic and the name of its subscription.
    by_key: HashMap<ConsumerKey, (usize, String)>,
    notices: HashMap<ConnectionId, Vec<Notice>>,
}

/// A message on its way to a consumer.
#[derive(Debug)]
pub(in crate::broker) struct Message {
    pub(in crate::broker) position: Position,
    pub(in crate::broker) delivery: Delivery,
    pub(in crate::broker) body: Bytes,
}

/// Where a topic ends, and how far a consumer's subscription is acknowledged.
#[derive(Debug)]
pub(in crate::broker) struct LastMessage {
    /// `None`: the topic holds nothing.
    pub(in crate::broker) last: Option<Position>,
    /// The last one's place in its batch; -1: it is no batch.
    pub(in crate::broker) batch_index: i32,
    pub(in crate::broker) acknowledged: Position,
}

impl Topics {
    /// Adds a consumer to a subscription, which begins to exist with its first. A consumer that is
    /// there already is left as it is.
    pub(in crate::broker) fn subscribe(
        &mut self,
        connection: ConnectionId,
        wish: &CommandSubscribe,
        bell: Arc<Notify>,
    ) -> Result<(), Refusal> {
        if self.retain_bytes_max == 0 {
            return Err(Refusal::NothingKept);
        }
        let key = (connection, wish.consumer_id);
        if self.consumers.by_key.contains_key(&key) {
            return Ok(());
        }
        let topic_name = name(&wish.topic)?;
        self.accessible(&topic_name)?;
        let kind = wish.sub_type();
        if kind == SubType::KeyShared {
            return Err(Refusal::Unsupported);
        }
        let given = [Some(&wish.subscription), wish.consumer_name.as_ref()];
        if given.into_iter().flatten().any(|name| name.len() > NAME_BYTES_MAX) {
            return Err(Refusal::NameTooLong);
        }
        if self.consumers.by_key.len() >= CONSUMERS_MAX {
            return Err(Refusal::ConsumersMax { consumers: CONSUMERS_MAX });
        }
        if !wish.force_topic_creation() && !self.places.contains_key(topic_name.full()) {
            return Err(Refusal::TopicMissing);
        }
        let place = self.topic(&topic_name)?;
        let mut consumer = Consumer::new(key, wish.consumer_name().to_owned(), bell);
        consumer.priority = wish.priority_level();
        consumer.epoch = wish.consumer_epoch;
        let topic = &mut self.known[place];
        topic.subscription(place, wish)?.add(consumer, kind, topic_name.partition())?;
        self.consumers.by_key.insert(key, (place, wish.subscription.clone()));
        self.tell_active(place, &wish.subscription);
        Ok(())
    }

    /// Gives a consumer permits for more records.
    pub(in crate::broker) fn permit(&mut self, key: ConsumerKey, records: u32) {
        if let Some((_, subscription)) = self.of_consumer(key) {
            subscription.permit(key, records);
        }
    }

    /// Acknowledges what a consumer names, and tells whether there is such a consumer.
    pub(in crate::broker) fn acknowledge(&mut self, key: ConsumerKey, ack: &CommandAck) -> bool {
        let Some((place, subscription)) = self.consumers.by_key.get(&key) else {
            return false;
        };
        let topic = &mut self.known[*place];
        let Some(subscription) = topic.subscriptions.get_mut(subscription) else {
            return false;
        };
        for id in &ack.message_id {
            if id.ledger_id != ledger_id(*place) {
                continue;
            }
            if let Some(entry) = topic.ring.get(id.entry_id) {
                let words = entry.records.div_ceil(i64::BITS) as usize;
                let left = &id.ack_set[..id.ack_set.len().min(words)];
                subscription.acknowledge(id.entry_id, left, ack.ack_type() == AckType::Cumulative);
            }
        }
        topic.wake_waiting();
        true
    }

    /// Delivers again what a consumer did not acknowledge.
    pub(in crate::broker) fn redeliver(
        &mut self,
        key: ConsumerKey,
        wish: &CommandRedeliverUnacknowledgedMessages,
    ) {
        let entries: Vec<u64> = wish.message_ids.iter().map(|id| id.entry_id).collect();
        if let Some((_, subscription)) = self.of_consumer(key) {
            subscription.redeliver(key, &entries, wish.consumer_epoch);
        }
    }

    /// Returns the next message for a consumer, and goes on behind what the ring has let go.
    pub(in crate::broker) fn next_message(&mut self, key: ConsumerKey) -> Option<Message> {
        let (place, subscription) = self.consumers.by_key.get(&key)?;
        let topic = &mut self.known[*place];
        let name = subscription;
        let subscription = topic.subscriptions.get_mut(name)?;
        let missed = subscription.skip_overrun(&topic.ring);
        if missed > 0 && topic.overrun_batches == 0 {
            // Once a topic: a reader that is too slow is overtaken again and again.
            log::warn!(
                "embedded broker: {missed} batches were overwritten before '{name}' had read them; \
                 keep more with --retain, or wait for readers with --hold"
            );
        }
        topic.overrun_batches += missed;
        let delivery = subscription.next_for(key, &topic.ring)?;
        let body = topic.ring.get(delivery.entry)?.body.clone();
        let position = Position { ledger_id: ledger_id(*place), entry_id: delivery.entry };
        Some(Message { position, delivery, body })
    }

    /// Tells whether a consumer shares its subscription, so that others may want the next message.
    pub(in crate::broker) fn has_rivals(&mut self, key: ConsumerKey) -> bool {
        let found = self.of_consumer(key);
        found.is_some_and(|(_, it)| it.kind == SubType::Shared && it.consumers().len() > 1)
    }

    /// Ends a consumer. What it had and did not acknowledge goes to others.
    pub(in crate::broker) fn close_consumer(&mut self, key: ConsumerKey) {
        let Some((place, name)) = self.consumers.by_key.remove(&key) else {
            return;
        };
        let topic = &mut self.known[place];
        let partition = topic.partition;
        if let Some(subscription) = topic.subscriptions.get_mut(&name) {
            subscription.remove(key, partition);
            if subscription.consumers().is_empty() && !subscription.is_durable {
                topic.subscriptions.remove(&name);
            }
            topic.wake_waiting();
            self.tell_active(place, &name);
        }
    }

    /// Ends a consumer and its subscription, of which it has to be the only one.
    pub(in crate::broker) fn unsubscribe(&mut self, key: ConsumerKey) -> Result<(), Refusal> {
        let (place, subscription) = self.of_consumer(key).ok_or(Refusal::ConsumerMissing)?;
        if subscription.consumers().len() > 1 {
            return Err(Refusal::SubscriptionShared);
        }
        if let Some((_, name)) = self.consumers.by_key.remove(&key) {
            self.known[place].subscriptions.remove(&name);
            self.known[place].wake_waiting();
        }
        Ok(())
    }

    /// Moves a subscription. As with the real broker its consumers are closed, and come again.
    pub(in crate::broker) fn seek(
        &mut self,
        key: ConsumerKey,
        wish: &CommandSeek,
    ) -> Result<(), Refusal> {
        let (place, name) = self.consumers.by_key.get(&key).ok_or(Refusal::ConsumerMissing)?;
        let topic = &mut self.known[*place];
        let start = match (&wish.message_id, wish.message_publish_time) {
            (Some(id), _) => topic.start(*place, id),
            (None, Some(time)) => topic.ring.first_since(time),
            (None, None) => return Err(Refusal::SeekNowhere),
        };
        let subscription = topic.subscriptions.get_mut(name).ok_or(Refusal::ConsumerMissing)?;
        for consumer in subscription.reset(start) {
            let (connection, consumer_id) = consumer.key;
            self.consumers.by_key.remove(&consumer.key);
            let notices = self.consumers.notices.entry(connection).or_default();
            notices.push(Notice::Closed { consumer_id });
            consumer.bell.notify_one();
        }
        Ok(())
    }

    /// Returns where a consumer's topic ends.
    pub(in crate::broker) fn last_message(
        &mut self,
        key: ConsumerKey,
    ) -> Result<LastMessage, Refusal> {
        let (place, subscription) = self.of_consumer(key).ok_or(Refusal::ConsumerMissing)?;
        let next = subscription.cursor.next();
        let ring = &self.known[place].ring;
        let position = |entry_id| Position { ledger_id: ledger_id(place), entry_id };
        let last = ring.end().checked_sub(1);
        let batch = last.and_then(|last| ring.get(last)).filter(|last| last.is_batch);
        let batch_index = batch.map_or(-1, |batch| i32::try_from(batch.records).unwrap_or(0) - 1);
        // Before the first entry stands -1, which the protocol writes without a sign.
        let acknowledged = position(next.wrapping_sub(1));
        Ok(LastMessage { last: last.map(position), batch_index, acknowledged })
    }

    /// Returns the names of a namespace's topics, in order; partitions are topics of their own.
    pub(in crate::broker) fn topics_of(&self, namespace: &str) -> Vec<String> {
        let prefix = format!("persistent://{namespace}/");
        let names = self.places.keys().filter(|name| name.starts_with(&prefix));
        let mut names: Vec<String> = names.cloned().collect();
        names.sort();
        names
    }

    /// Takes what a connection is to be told about its consumers.
    pub(in crate::broker) fn take_notices(&mut self, connection: ConnectionId) -> Vec<Notice> {
        self.consumers.notices.remove(&connection).unwrap_or_default()
    }

    /// Ends all consumers of a connection that has ended.
    pub(super) fn disconnect_consumers(&mut self, connection: ConnectionId) {
        let keys = self.consumers.by_key.keys().copied();
        let ended: Vec<ConsumerKey> = keys.filter(|(owner, _)| *owner == connection).collect();
        for key in ended {
            self.close_consumer(key);
        }
        self.consumers.notices.remove(&connection);
    }

    fn of_consumer(&mut self, key: ConsumerKey) -> Option<(usize, &mut Subscription)> {
        let (place, name) = self.consumers.by_key.get(&key)?;
        Some((*place, self.known[*place].subscriptions.get_mut(name)?))
    }

    /// Tells the consumers of a failover subscription who reads.
    fn tell_active(&mut self, place: usize, name: &str) {
        let subscription = self.known[place].subscriptions.get_mut(name);
        let Some(failover) = subscription.filter(|it| it.kind == SubType::Failover) else {
            return;
        };
        for ((connection, consumer_id), is_active) in failover.news() {
            let notices = self.consumers.notices.entry(connection).or_default();
            notices.push(Notice::Active { consumer_id, is_active });
        }
    }
}

impl Topic {
    /// Wakes the connections that wait for room: a cursor has moved or is gone.
    fn wake_waiting(&mut self) {
        self.waiting.drain(..).for_each(|bell| bell.notify_one());
    }

    /// Returns the subscription that a consumer wishes for, a new one if need be.
    fn subscription(
        &mut self,
        place: usize,
        wish: &CommandSubscribe,
    ) -> Result<&mut Subscription, Refusal> {
        if let Some(known) = self.subscriptions.get(&wish.subscription) {
            if known.is_durable != wish.durable() {
                return Err(Refusal::SubscriptionDurability);
            }
        } else if self.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            return Err(Refusal::SubscriptionsMax { subscriptions: SUBSCRIPTIONS_MAX });
        }
        let start = match (&wish.start_message_id, wish.initial_position()) {
            (Some(id), _) if !wish.durable() => self.start(place, id),
            (_, InitialPosition::Earliest) => self.ring.first(),
            (_, InitialPosition::Latest) => self.ring.end(),
        };
        let new = || Subscription::new(wish.sub_type(), wish.durable(), start);
        Ok(self.subscriptions.entry(wish.subscription.clone()).or_insert_with(new))
    }

    /// Returns the entry that a message id means. Its batch is delivered whole, and the client
    /// leaves out what is before its index. Earliest is ledger -1, latest the greatest ledger.
    fn start(&self, place: usize, id: &MessageIdData) -> u64 {
        let (own, meant) = (ledger_id(place).cast_signed(), id.ledger_id.cast_signed());
        match meant.cmp(&own) {
            std::cmp::Ordering::Less => self.ring.first(),
            std::cmp::Ordering::Equal => id.entry_id.min(self.ring.end()),
            std::cmp::Ordering::Greater => self.ring.end(),
        }
    }
}

/// Returns the number of a topic's only ledger.
pub(super) const fn ledger_id(place: usize) -> u64 {
    place as u64 + 1
}
