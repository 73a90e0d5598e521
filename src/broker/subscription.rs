//! One subscription of a topic: who reads it, what each may have, and what comes next.
//!
//! Delivery is by whole entries: a consumer with a permit left gets a batch, and may owe permits
//! afterwards, as with the real broker. An exclusive or failover subscription reads on from one
//! position, which goes back to the first unacknowledged entry when its reader changes; a shared
//! one remembers who has what. Rules: Pulsar's `PersistentDispatcherSingleActiveConsumer`,
//! `PersistentDispatcherMultipleConsumers` and `Consumer`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use pulsar::message::proto::command_subscribe::SubType;
use tokio::sync::Notify;

use super::cursor::Cursor;
use super::producers::ConnectionId;
use super::refusal::Refusal;
use super::ring::Ring;

/// A consumer, as its connection addresses it.
pub(super) type ConsumerKey = (ConnectionId, u64);

/// Somebody who reads.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) key: ConsumerKey,
    pub(super) name: String,
    pub(super) priority: i32,
    /// Records that it may still be sent; less than 0 after a large batch.
    pub(super) permits: i64,
    /// How often it asked for redelivery; comes back with every message.
    pub(super) epoch: Option<u64>,
    /// Rung when there may be something for it.
    pub(super) bell: Arc<Notify>,
    /// What it was told last about whether it reads.
    told_active: Option<bool>,
    /// Of a shared subscription: the entries that it has and did not acknowledge.
    pending: BTreeSet<u64>,
}

impl Consumer {
    pub(super) fn new(key: ConsumerKey, name: String, bell: Arc<Notify>) -> Self {
        let pending = BTreeSet::new();
        let (epoch, told_active) = (None, None);
        Self { key, name, priority: 0, permits: 0, epoch, bell, told_active, pending }
    }
}

/// What a consumer is sent next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) entry: u64,
    pub(super) redelivery_count: u32,
    /// The records of a batch that are left; empty: all.
    pub(super) left: Vec<i64>,
    pub(super) epoch: Option<u64>,
}

/// A subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) kind: SubType,
    pub(super) is_durable: bool,
    pub(super) cursor: Cursor,
    /// The entry that is read next.
    read: u64,
    /// Of a shared subscription: entries to deliver again, before others.
    again: BTreeSet<u64>,
    /// How often an entry was delivered before.
    redeliveries: BTreeMap<u64, u32>,
    consumers: Vec<Consumer>,
    /// The one that reads, unless the subscription is shared.
    active: Option<ConsumerKey>,
}

impl Subscription {
    /// Makes a subscription without consumers that reads from an entry on.
    pub(super) fn new(kind: SubType, is_durable: bool, start: u64) -> Self {
        Self {
            kind,
            is_durable,
            cursor: Cursor::at(start),
            read: start,
            again: BTreeSet::new(),
            redeliveries: BTreeMap::new(),
            consumers: Vec::new(),
            active: None,
        }
    }

    fn is_shared(&self) -> bool {
        self.kind == SubType::Shared
    }

    pub(super) fn consumers(&self) -> &[Consumer] {
        &self.consumers
    }

    pub(super) fn consumer_mut(&mut self, key: ConsumerKey) -> Option<&mut Consumer> {
        self.consumers.iter_mut().find(|consumer| consumer.key == key)
    }

    /// Tells whether a consumer is the one that reads.
    pub(super) fn is_active(&self, key: ConsumerKey) -> bool {
        self.active == Some(key)
    }

    /// Returns the consumers that do not know yet whether they read, each with the answer.
    pub(super) fn news(&mut self) -> Vec<(ConsumerKey, bool)> {
        let active = self.active;
        let mut news = Vec::new();
        for consumer in &mut self.consumers {
            let is_active = Some(consumer.key) == active;
            if consumer.told_active.replace(is_active) != Some(is_active) {
                consumer.bell.notify_one();
                news.push((consumer.key, is_active));
            }
        }
        news
    }

    /// Adds a consumer that wants the subscription to be of a kind. `partition` spreads the active
    /// consumers of a failover subscription over the partitions.
    ///
    /// # Errors
    /// When the subscription is taken.
    pub(super) fn add(
        &mut self,
        consumer: Consumer,
        kind: SubType,
        partition: Option<u32>,
    ) -> Result<(), Refusal> {
        if self.consumers.is_empty() {
            self.kind = kind;
        } else if self.kind != kind {
            return Err(Refusal::SubscriptionKind { active: self.kind, wished: kind });
        } else if kind == SubType::Exclusive {
            return Err(Refusal::ConsumerBusy);
        }
        self.consumers.push(consumer);
        self.choose_active(partition);
        Ok(())
    }

    /// Removes a consumer. What it had and did not acknowledge is delivered again.
    pub(super) fn remove(&mut self, key: ConsumerKey, partition: Option<u32>) {
        let Some(place) = self.consumers.iter().position(|consumer| consumer.key == key) else {
            return;
        };
        let gone = self.consumers.remove(place);
        self.deliver_again(gone.pending);
        self.choose_active(partition);
        self.ring();
    }

    /// Removes all consumers and returns them, to read from another entry on.
    pub(super) fn reset(&mut self, start: u64) -> Vec<Consumer> {
        let consumers = std::mem::take(&mut self.consumers);
        *self = Self::new(self.kind, self.is_durable, start);
        consumers
    }

    /// Chooses who reads. A new one begins with what is not acknowledged.
    fn choose_active(&mut self, partition: Option<u32>) {
        if self.is_shared() {
            return;
        }
        self.consumers
            .sort_by(|a, b| a.priority.cmp(&b.priority).then_with(|| a.name.cmp(&b.name)));
        let best = self.consumers.first().map(|consumer| consumer.priority);
        let equals = self.consumers.iter().filter(|consumer| Some(consumer.priority) == best);
        let equals: Vec<ConsumerKey> = equals.map(|consumer| consumer.key).collect();
        let place = partition.unwrap_or(0).checked_rem(equals.len().try_into().unwrap_or(0));
        let chosen = place.and_then(|place| equals.get(place as usize)).copied();
        if chosen != self.active {
            self.active = chosen;
            self.read = self.cursor.next();
        }
    }

    /// Gives a consumer permits for more records.
    pub(super) fn permit(&mut self, key: ConsumerKey, records: u32) {
        if let Some(consumer) = self.consumer_mut(key) {
            consumer.permits = consumer.permits.saturating_add(i64::from(records));
        }
    }

    /// Acknowledges one entry, or all up to it.
    pub(super) fn acknowledge(&mut self, entry: u64, left: &[i64], is_cumulative: bool) {
        if is_cumulative {
            self.cursor.acknowledge_to(entry, left);
        } else {
            self.cursor.acknowledge(entry, left);
        }
        let cursor = &self.cursor;
        let is_open = |entry: &u64| !cursor.has(*entry);
        if is_cumulative {
            self.again.retain(is_open);
            self.redeliveries.retain(|entry, _| is_open(entry));
            self.consumers.iter_mut().for_each(|consumer| consumer.pending.retain(is_open));
        } else if cursor.has(entry) {
            self.again.remove(&entry);
            self.redeliveries.remove(&entry);
            for consumer in &mut self.consumers {
                consumer.pending.remove(&entry);
            }
        }
    }

    /// Delivers again what a consumer has and did not acknowledge: of a shared subscription the
    /// entries named, or all if none is; else everything.
    pub(super) fn redeliver(&mut self, key: ConsumerKey, entries: &[u64], epoch: Option<u64>) {
        let (is_shared, is_active) = (self.is_shared(), self.is_active(key));
        let Some(consumer) = self.consumer_mut(key) else {
            return;
        };
        consumer.epoch = epoch.or(consumer.epoch);
        if is_shared {
            let pending = std::mem::take(&mut consumer.pending);
            let is_asked = |entry: &u64| entries.is_empty() || entries.contains(entry);
            let (again, kept) = pending.into_iter().partition(is_asked);
            consumer.pending = kept;
            self.deliver_again(again);
            self.ring();
        } else if is_active {
            self.read = self.cursor.next();
        }
    }

    fn deliver_again(&mut self, entries: BTreeSet<u64>) {
        for entry in entries {
            *self.redeliveries.entry(entry).or_default() += 1;
            self.again.insert(entry);
        }
    }

    /// Wakes every consumer that may have something to read.
    pub(super) fn ring(&self) {
        for consumer in &self.consumers {
            if consumer.permits > 0 && (self.is_shared() || self.is_active(consumer.key)) {
                consumer.bell.notify_one();
            }
        }
    }

    /// Goes on behind what the ring has let go, and returns how many entries nobody got.
    pub(super) fn skip_overrun(&mut self, ring: &Ring) -> u64 {
        let first = ring.first();
        if self.read >= first && self.cursor.next() >= first {
            return 0;
        }
        let missed = (self.read..first).filter(|entry| !self.cursor.has(*entry)).count() as u64;
        let missed = missed + self.again.range(..first).count() as u64;
        self.read = self.read.max(first);
        self.cursor.done_below(first);
        self.again = self.again.split_off(&first);
        self.redeliveries = self.redeliveries.split_off(&first);
        for consumer in &mut self.consumers {
            consumer.pending = consumer.pending.split_off(&first);
        }
        missed
    }

    /// Returns what a consumer is sent next, if it may have something and there is something.
    pub(super) fn next_for(&mut self, key: ConsumerKey, ring: &Ring) -> Option<Delivery> {
        let is_shared = self.is_shared();
        if !is_shared && !self.is_active(key) {
            return None;
        }
        let place = self.consumers.iter().position(|consumer| consumer.key == key)?;
        if self.consumers[place].permits <= 0 {
            return None;
        }
        let entry = self.next_entry(ring)?;
        let consumer = &mut self.consumers[place];
        consumer.permits -= i64::from(ring.get(entry)?.records);
        let epoch = consumer.epoch;
        if is_shared {
            consumer.pending.insert(entry);
            // Whoever waits longest is woken first the next time.
            self.consumers[place..].rotate_left(1);
        }
        Some(Delivery {
            entry,
            redelivery_count: self.redeliveries.get(&entry).copied().unwrap_or(0),
            left: self.cursor.left(entry).to_vec(),
            epoch,
        })
    }

    fn next_entry(&mut self, ring: &Ring) -> Option<u64> {
        if let Some(entry) = self.again.pop_first() {
            return Some(entry);
        }
        while self.read < ring.end() {
            let entry = self.read;
            self.read += 1;
            if !self.cursor.has(entry) {
                return Some(entry);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
