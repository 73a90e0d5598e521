//! Producers of the `framed` transport, over links to the brokers that serve their partitions.

use super::Broker;
use super::ConnectError;
use super::Link;
use super::Session;
use super::Step;
use super::Taken;
use crate::batch::ProducerHead;

impl Session {
    /// Finds the broker of a partition of a topic.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn broker_of(
        &mut self,
        topic: usize,
        partition: u32,
    ) -> Result<Broker, ConnectError> {
        let name = self.partition(topic, partition);
        let Self { target, look_ups, attempts, .. } = self;
        let address = look_ups.door(target).to_string();
        let look_up = async || look_ups.broker_of(target, &name).await;
        Ok(attempts.take(Step::LookUp, &address, look_up).await?.outcome)
    }

    /// Opens a link to a broker.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn open_link(&self, broker: &Broker) -> Result<Link, ConnectError> {
        let address = broker.door.to_string();
        let open = async || broker.link(&self.target).await;
        Ok(self.attempts.take(Step::Connect, &address, open).await?.outcome)
    }

    /// Creates a producer of this number and name on a partition of a topic, over a link to its
    /// broker.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn create_framed_producer(
        &self,
        broker: &Broker,
        link: &mut Link,
        number: u64,
        name: &str,
        (topic, partition): (usize, u32),
    ) -> Result<(ProducerHead, Taken), ConnectError> {
        let topic = self.partition(topic, partition);
        let address = broker.broker.to_string();
        let create = async || link.create_producer(number, &topic, name, self.schema()).await;
        let created = self.attempts.take(Step::CreateProducer, &address, create).await?;
        let taken = created.taken(Step::CreateProducer, |head| format!("{} on {topic}", head.name));
        Ok((created.outcome, taken))
    }
}
