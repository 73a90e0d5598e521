//! Finds out how many partitions a topic has and which broker serves each, by way of the cluster's
//! doors.

use std::fmt;
use std::time::Duration;

use pulsar::proto::command_lookup_topic_response::LookupType;
use tokio::time::timeout;

use super::Cause;
use super::Link;
use super::Step;
use super::Target;
use crate::topic::Endpoint;
use crate::topic::ServiceUrl;

/// Brokers that one look-up may be sent on to, as in the Java client.
const REDIRECTS_MAX: usize = 20;

/// How long one of several doors may take to answer before the next is tried; twice as long each
/// time that none has answered a question.
const DOOR_TIMEOUT: Duration = Duration::from_secs(2);

const NO_LISTENER: &str = "give a service URL of the other kind, or --listener-name";

/// The broker that serves a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Where to connect to: the broker or a proxy.
    pub door: Endpoint,
    /// The broker itself.
    pub broker: Endpoint,
    /// Whether a proxy stands between.
    pub is_proxied: bool,
}

/// Asks, over connections that are opened when they are needed.
#[derive(Debug, Default)]
pub(super) struct LookUps {
    /// Which of the cluster's doors is used; the next one after a failure.
    door: usize,
    /// Connections, with the broker that an answer sent us on to; `None`: the door.
    links: Vec<(Option<Broker>, Link)>,
    /// How many questions were not answered in time.
    silences: usize,
}

impl LookUps {
    /// Starts at one of the doors, so that not everybody knocks at the first.
    pub(super) const fn new(door: usize) -> Self {
        Self { door, links: Vec::new(), silences: 0 }
    }

    /// Returns what begins at the door in use, over connections of its own.
    pub(super) const fn anew(&self) -> Self {
        Self::new(self.door)
    }

    /// Returns the door in use.
    pub(super) fn door<'t>(&self, target: &'t Target) -> &'t Endpoint {
        let doors = target.service_url.endpoints();
        &doors[self.door % doors.len()]
    }

    /// Greets the door; returns what the bytes go by.
    pub(super) async fn greet(&mut self, target: &Target) -> Result<String, Cause> {
        Ok(self.link(target, None).await?.protocol())
    }

    /// Returns how many partitions a topic has; 0: it is not partitioned.
    pub(super) async fn partitions(&mut self, target: &Target, topic: &str) -> Result<u32, Cause> {
        let ask = async |asked: &mut Self| {
            let answer = asked.link(target, None).await?.partitions(topic).await;
            asked.kept(answer)
        };
        self.in_time(target, ask).await
    }

    /// Returns the broker that serves a topic, or a partition of one.
    pub(super) async fn broker_of(
        &mut self,
        target: &Target,
        topic: &str,
    ) -> Result<Broker, Cause> {
        self.in_time(target, async |asked: &mut Self| asked.follow(target, topic).await).await
    }

    /// Asks a question; one of several doors that greets and then says nothing does not take all
    /// the time that there is.
    async fn in_time<T>(
        &mut self,
        target: &Target,
        ask: impl AsyncFnOnce(&mut Self) -> Result<T, Cause>,
    ) -> Result<T, Cause> {
        let doors = target.service_url.endpoints().len();
        if doors == 1 {
            return ask(self).await;
        }
        let rounds = u32::try_from(self.silences / doors).unwrap_or(u32::MAX);
        let patience = DOOR_TIMEOUT.saturating_mul(2_u32.saturating_pow(rounds));
        let answer = timeout(patience, ask(self)).await;
        answer.unwrap_or_else(|_| {
            log::warn!("{} says nothing", self.door(target));
            self.silences += 1;
            self.next_door();
            Err(Cause::silence(Step::LookUp))
        })
    }

    /// Asks the door for the broker of a topic, and whomever it sends us on to.
    async fn follow(&mut self, target: &Target, topic: &str) -> Result<Broker, Cause> {
        let (mut at, mut is_authoritative) = (None, false);
        for _ in 0..=REDIRECTS_MAX {
            let listener = target.listener_name.as_deref();
            let link = self.link(target, at.as_ref()).await?;
            let answer = link.look_up(topic, listener, is_authoritative).await;
            let answer = self.kept(answer)?;
            let url = if target.service_url.is_tls() {
                answer.broker_service_url_tls
            } else {
                answer.broker_service_url
            };
            let broker = endpoint(url, target)?;
            let is_through_door = answer.proxy_through_service_url.unwrap_or_default();
            let door = if is_through_door { self.door(target).clone() } else { broker.clone() };
            // A standalone broker answers so too, and is itself the door.
            let is_proxied = door != broker;
            let found = Broker { door, broker, is_proxied };
            if answer.response != Some(LookupType::Redirect.into()) {
                return Ok(found);
            }
            is_authoritative = answer.authoritative.unwrap_or_default();
            at = Some(found);
        }
        Err(Cause::trouble(format!("sent on from broker to broker {REDIRECTS_MAX} times")))
    }

    /// Returns the connection to the door or to a broker, which is opened if there is none.
    async fn link(&mut self, target: &Target, at: Option<&Broker>) -> Result<&mut Link, Cause> {
        let mut place = self.links.iter().position(|(known, _)| known.as_ref() == at);
        if place.is_none() {
            let link = match at {
                None => self.knock(target).await,
                Some(broker) => broker.link(target).await,
            };
            let link = self.kept(link)?;
            place = Some(self.links.len());
            self.links.push((at.cloned(), link));
        }
        Ok(&mut self.links[place.unwrap_or_default()].1)
    }

    /// Opens a connection to the first door that answers.
    async fn knock(&mut self, target: &Target) -> Result<Link, Cause> {
        let doors = target.service_url.endpoints().len();
        for _ in 1..doors {
            let opened = timeout(DOOR_TIMEOUT, Link::open(target, self.door(target), None)).await;
            match opened {
                Ok(Err(Cause::Trouble { reason, .. })) => {
                    log::warn!("{} does not answer: {reason}", self.door(target));
                }
                Ok(opened) => return opened,
                Err(_) => log::warn!("{} does not answer", self.door(target)),
            }
            self.door += 1;
        }
        Link::open(target, self.door(target), None).await
    }

    /// Gives the connections up where one failed.
    fn kept<T>(&mut self, outcome: Result<T, Cause>) -> Result<T, Cause> {
        if matches!(outcome, Err(Cause::Trouble { .. })) {
            self.next_door();
        }
        outcome
    }

    /// Gives the connections up and takes the next door.
    pub(super) fn next_door(&mut self) {
        self.hang_up();
        self.door += 1;
    }

    /// Closes the connections: the next question opens its own.
    pub(super) fn hang_up(&mut self) {
        self.links.clear();
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { door, broker, is_proxied } = self;
        if *is_proxied { write!(f, "{broker} behind {door}") } else { write!(f, "{broker}") }
    }
}

impl Broker {
    /// Opens a connection to it.
    pub(super) async fn link(&self, target: &Target) -> Result<Link, Cause> {
        let proxied = self.is_proxied.then_some(&self.broker);
        Link::open(target, &self.door, proxied).await
    }
}

/// Reads the address of a broker.
fn endpoint(url: Option<String>, target: &Target) -> Result<Endpoint, Cause> {
    let kind = if target.service_url.is_tls() { "by TLS" } else { "without TLS" };
    let url = url.filter(|url| !url.is_empty()).ok_or_else(|| {
        Cause::wrong(format!("the broker of the topic has no address {kind}"), NO_LISTENER)
    })?;
    let read = url.parse::<ServiceUrl>().map_err(|error| {
        Cause::wrong(format!("the broker's address {url} cannot be used: {error}"), NO_LISTENER)
    })?;
    Ok(read.endpoints()[0].clone())
}
