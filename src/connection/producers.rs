//! Producers of the `framed` transport, over links to the brokers that serve their partitions.

use std::mem;

use pulsar::proto;
use pulsar::proto::ServerError;

use super::Broker;
use super::Cause;
use super::ConnectError;
use super::Link;
use super::Session;
use super::Step;
use super::Taken;
use super::Target;
use super::link::Wanted;
use super::look_up::LookUps;
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

    /// Creates producers over a link to their broker, and where that is lost over others to those
    /// that serve them by then.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn create_framed_producers(
        &mut self,
        broker: Broker,
        link: Link,
        identities: Vec<ProducerIdentity>,
        observe: &mut dyn FnMut(Taken),
    ) -> Result<Vec<Placed>, ConnectError> {
        let address = broker.broker.to_string();
        let schema = self.schema();
        let with_wanted = |identity| (self.wanted(&identity), identity);
        let missing = identities.into_iter().map(with_wanted).collect();
        let Self { target, look_ups, attempts, .. } = self;
        let mut all = Placing { placed: vec![Placed::new(broker, link)], adrift: Vec::new() };
        all.placed[0].missing = missing;
        let create = async || {
            all.look_up(target, look_ups).await?;
            all.create(&schema).await
        };
        let created = attempts.take(Step::CreateProducer, &address, create).await?;
        let mut taken = created.taken(Step::CreateProducer, |()| String::new());
        for (wanted, _, head) in all.placed.iter().flat_map(|placed| &placed.made) {
            let detail = format!("{} on {}", head.name, wanted.topic);
            observe(Taken { detail, ..taken.clone() });
            // They were asked for together: the time is told once.
            taken.took_ns = None;
        }
        all.placed.retain(|placed| !placed.made.is_empty());
        Ok(all.placed)
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

/// A broker, and the producers that it has and is to have.
pub struct Placed {
    /// The broker.
    pub broker: Broker,
    /// The link to it.
    pub link: Link,
    made: Vec<(Wanted, ProducerIdentity, ProducerHead)>,
    missing: Vec<(Wanted, ProducerIdentity)>,
}

impl Placed {
    const fn new(broker: Broker, link: Link) -> Self {
        Self { broker, link, made: Vec::new(), missing: Vec::new() }
    }

    /// Returns the link and the producers that were created over it.
    #[must_use]
    pub fn into_parts(self) -> (Broker, Link, Vec<(ProducerIdentity, ProducerHead)>) {
        let made = self.made.into_iter().map(|(_, identity, head)| (identity, head));
        (self.broker, self.link, made.collect())
    }

    /// Creates what is missing, as far as that is not refused; returns why it was.
    async fn create(&mut self, schema: &proto::Schema) -> Result<Option<Cause>, Cause> {
        let wanted: Vec<_> = self.missing.iter().map(|(wanted, _)| wanted).collect();
        let answers = self.link.create_producers(&wanted, schema).await?;
        let mut refusal = None;
        for ((wanted, identity), answer) in mem::take(&mut self.missing).into_iter().zip(answers) {
            match answer {
                Ok(head) => self.made.push((wanted, identity, head)),
                Err(cause) => {
                    self.missing.push((wanted, identity));
                    refusal = refusal.or(Some(cause));
                }
            }
        }
        Ok(refusal)
    }
}

/// Producers on their way to their brokers.
struct Placing {
    placed: Vec<Placed>,
    /// Those without a link.
    adrift: Vec<(Wanted, ProducerIdentity)>,
}

impl Placing {
    /// Finds brokers for those without a link, and opens links to those.
    async fn look_up(&mut self, target: &Target, look_ups: &mut LookUps) -> Result<(), Cause> {
        while let Some((wanted, _)) = self.adrift.last() {
            let broker = look_ups.broker_of(target, &wanted.topic).await?;
            let known = self.placed.iter().position(|placed| placed.broker == broker);
            if known.is_none() {
                let link = broker.link(target).await?;
                self.placed.push(Placed::new(broker, link));
            }
            let at = known.unwrap_or(self.placed.len() - 1);
            self.placed[at].missing.extend(self.adrift.pop());
        }
        Ok(())
    }

    /// Creates what is missing at each broker. Whom a broker does not serve any more is looked up
    /// again.
    async fn create(&mut self, schema: &proto::Schema) -> Result<(), Cause> {
        let mut refusal = None;
        for at in 0..self.placed.len() {
            match self.placed[at].create(schema).await {
                Ok(refused) => {
                    let not_here = Some(ServerError::ServiceNotReady);
                    if refused.as_ref().and_then(Cause::kind) == not_here {
                        self.adrift.append(&mut self.placed[at].missing);
                    }
                    refusal = refusal.or(refused);
                }
                Err(cause) => {
                    // With the link all are lost that were created over it.
                    let lost = self.placed.swap_remove(at);
                    let made =
                        lost.made.into_iter().map(|(wanted, identity, _)| (wanted, identity));
                    self.adrift.extend(made.chain(lost.missing));
                    return Err(cause);
                }
            }
        }
        refusal.map_or(Ok(()), Err)
    }
}
