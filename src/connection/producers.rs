//! Producers of the `framed` transport: which broker serves a partition, a link to it, and a
//! producer there.

use tokio::sync::Mutex;

use super::Attempts;
use super::Cause;
use super::ConnectError;
use super::Link;
use super::Session;
use super::Step;
use super::Taken;
use crate::batch::ProducerHead;

/// The broker that serves a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Host and port to connect to: the broker's or a proxy's.
    pub address: String,
    /// The broker's own.
    pub broker: String,
    /// Whether a proxy stands between.
    pub is_proxied: bool,
}

impl Session {
    pub(super) fn attempts(&self) -> Attempts<'_> {
        Attempts { target: &self.target, interrupt: &self.interrupt, deadline: self.deadline }
    }

    /// Finds the broker of a partition.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn broker_of(&self, partition: u32) -> Result<Broker, ConnectError> {
        let topic = self.target.topic.partition(partition, self.partitions);
        let look_up = || {
            let topic = topic.clone();
            async move { self.client.lookup_topic(topic).await.map_err(Cause::from) }
        };
        let found = self.attempts().take(Step::LookUp, look_up).await?.outcome;
        let host = found.url.host_str().unwrap_or_default();
        let port = found.url.port().unwrap_or(6650);
        Ok(Broker {
            address: format!("{host}:{port}"),
            broker: found.broker_url,
            is_proxied: found.proxy,
        })
    }

    /// Opens a link to a broker.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn open_link(&self, broker: &Broker) -> Result<Link, ConnectError> {
        let open = || {
            let proxied = broker.is_proxied.then(|| broker.broker.clone());
            Link::open(&broker.address, proxied, self.target.credentials.clone())
        };
        Ok(self.attempts().take(Step::Connect, open).await?.outcome)
    }

    /// Creates a producer of this number and name on a partition, over a link to its broker.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn create_framed_producer(
        &self,
        link: &mut Link,
        number: u64,
        name: &str,
        partition: u32,
    ) -> Result<(ProducerHead, Taken), ConnectError> {
        let topic = self.target.topic.partition(partition, self.partitions);
        // One attempt at a time has the link, which the borrow checker cannot see.
        let link = Mutex::new(link);
        let create = || async {
            link.lock().await.create_producer(number, &topic, name, self.schema()).await
        };
        let created = self.attempts().take(Step::CreateProducer, create).await?;
        let taken = created.taken(Step::CreateProducer, |head| format!("{} on {topic}", head.name));
        Ok((created.outcome, taken))
    }
}
