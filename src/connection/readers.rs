//! Subscribing readers, at first and again where their link was lost.

use super::ConnectError;
use super::Link;
use super::MessageId;
use super::Reader;
use super::Session;
use super::Step;
use super::attempts::Attempts;
use super::reader::EARLIEST;
use super::reader::LATEST;
use super::reader::Subscription;
use crate::clock;

/// How long a reader that was lost is brought back for.
const RECOVERY_NS: u64 = 60_000_000_000;

/// Which messages a reader is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFrom {
    /// All that are there, and those that come.
    Earliest,
    /// Those that come.
    Latest,
    /// Those behind this one.
    Behind(MessageId),
}

impl Session {
    /// Subscribes a reader to a partition of a topic.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn read(
        &mut self,
        (topic, partition): (usize, u32),
        from: ReadFrom,
    ) -> Result<Reader, ConnectError> {
        let creates_topic = from == ReadFrom::Latest || self.partitions[topic] > 0;
        self.subscribe(self.partition(topic, partition), from, creates_topic).await
    }

    /// Subscribes a reader that was lost again, for as long as that takes within a minute; a live
    /// one waits for its topic where that is gone.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn read_again(
        &mut self,
        (topic, partition): (usize, u32),
        from: ReadFrom,
        is_live: bool,
    ) -> Result<Reader, ConnectError> {
        let deadline = clock::now().plus_ns(RECOVERY_NS);
        let interrupt = self.attempts.interrupt.clone();
        self.attempts = Attempts { interrupt, deadline, name_deadline: deadline };
        self.look_ups.next_door();
        let creates_topic = is_live || self.partitions[topic] > 0;
        self.subscribe(self.partition(topic, partition), from, creates_topic).await
    }

    async fn subscribe(
        &mut self,
        topic: String,
        from: ReadFrom,
        creates_topic: bool,
    ) -> Result<Reader, ConnectError> {
        let wish = Subscription {
            topic,
            // Each time another name: a broker may not have seen yet that the last one is gone.
            name: format!("producer-load-verify-{:016x}", fastrand::u64(..)),
            behind: match from {
                ReadFrom::Earliest => EARLIEST,
                ReadFrom::Latest => LATEST,
                ReadFrom::Behind(id) => id,
            },
            creates_topic,
        };
        let Self { target, look_ups, attempts, .. } = self;
        let address = look_ups.door(target).to_string();
        let subscribe = async || {
            let broker = look_ups.broker_of(target, &wish.topic).await?;
            let link: Link = broker.link(target).await?;
            Reader::subscribe(link, &wish).await
        };
        Ok(attempts.take(Step::Subscribe, &address, subscribe).await?.outcome)
    }
}
