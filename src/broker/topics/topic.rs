//! One topic: what was counted of it, what is kept, and who reads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::bytes::Bytes;

use super::super::codec::Body;
use super::super::entry::EntrySize;
use super::super::ring::Kept;
use super::super::ring::Ring;
use super::super::subscription::Subscription;

#[derive(Debug, Default)]
pub(super) struct Topic {
    pub(super) base: String,
    pub(super) partition: Option<u32>,
    pub(super) batches: u64,
    pub(super) size: EntrySize,
    /// When the first and the last SEND were taken.
    pub(super) taken: Option<(Instant, Instant)>,
    pub(super) ring: Ring,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    pub(super) overrun_batches: u64,
    pub(super) repeated_batches: u64,
    /// The bells of connections that wait for room.
    pub(super) waiting: Vec<Arc<Notify>>,
}

impl Topic {
    /// Appends an entry and wakes those who read.
    pub(super) fn keep(&mut self, producer_name: &Arc<str>, body: &Body<'_>) {
        let records = body.metadata.num_messages_in_batch;
        self.ring.push(Kept {
            body: Bytes::copy_from_slice(body.whole),
            records: records.and_then(|records| records.try_into().ok()).unwrap_or(1),
            is_batch: records.is_some(),
            publish_time_ms: body.metadata.publish_time,
            producer_name: Arc::clone(producer_name),
        });
        self.subscriptions.values().for_each(Subscription::ring);
    }

    /// Lets the oldest entries go that do not fit. One that holds keeps what is not acknowledged by
    /// all of its subscriptions, and without any keeps everything.
    pub(super) fn make_room(&mut self, bytes_max: usize, holds: bool) {
        while self.ring.bytes() > bytes_max && (!holds || self.is_done(self.ring.first())) {
            self.ring.pop();
        }
    }

    fn is_done(&self, entry: u64) -> bool {
        let mut subscriptions = self.subscriptions.values();
        !self.subscriptions.is_empty() && subscriptions.all(|it| it.cursor.has(entry))
    }
}
