//! Producers of the `framed` transport, over links to the brokers that serve their partitions.

use super::Broker;
use super::ConnectError;
use super::Link;
use super::Session;
use super::Step;
use super::Taken;
use super::link::Wanted;
use crate::batch::ProducerHead;

/// Which producer it is.
#[derive(Clone, Debug)]
pub struct ProducerIdentity {
    /// Its number, among all of the process.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// The place of its topic among the target's.
    pub topic: usize,
    /// The partition of that topic.
    pub partition: u32,
    /// How often it was created before.
    pub epoch: u64,
}

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

    /// Creates producers over a link to their broker; returns their heads in the same order.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn create_framed_producers(
        &self,
        broker: &Broker,
        link: &mut Link,
        identities: &[ProducerIdentity],
        observe: &mut dyn FnMut(Taken),
    ) -> Result<Vec<ProducerHead>, ConnectError> {
        let address = broker.broker.to_string();
        let schema = self.schema();
        let wanted: Vec<_> = identities.iter().map(|identity| self.wanted(identity)).collect();
        let mut heads: Vec<Option<ProducerHead>> = vec![None; wanted.len()];
        let create = async || {
            let missing: Vec<_> = (0..wanted.len()).filter(|at| heads[*at].is_none()).collect();
            let asked: Vec<_> = missing.iter().map(|at| &wanted[*at]).collect();
            let mut refusal = None;
            for (at, answer) in missing.iter().zip(link.create_producers(&asked, &schema).await?) {
                match answer {
                    Ok(head) => heads[*at] = Some(head),
                    Err(cause) => refusal = refusal.or(Some(cause)),
                }
            }
            refusal.map_or(Ok(()), Err)
        };
        let created = self.attempts.take(Step::CreateProducer, &address, create).await?;
        let heads: Vec<_> = heads.into_iter().flatten().collect();
        let mut taken = created.taken(Step::CreateProducer, |()| String::new());
        for (wanted, head) in wanted.iter().zip(&heads) {
            let detail = format!("{} on {}", head.name, wanted.topic);
            observe(Taken { detail, ..taken.clone() });
            // They were asked for together: the time is told once.
            taken.took_ns = None;
        }
        Ok(heads)
    }

    /// Returns what a broker is asked for.
    pub(super) fn wanted(&self, identity: &ProducerIdentity) -> Wanted {
        Wanted {
            number: identity.number,
            name: identity.name.clone(),
            topic: self.partition(identity.topic, identity.partition),
            epoch: identity.epoch,
        }
    }
}
