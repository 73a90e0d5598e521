//! The door to a cluster: resolve, connect, look up, create producers or readers; each step with
//! its own words.
//!
//! Passing trouble (nobody listens yet, the broker is not ready, a name is still taken) is tried
//! again until the connect timeout; a refusal that no retry mends ends at once, in the broker's own
//! words.

use pulsar::proto;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::plan::Plan;
use crate::schema::Encoding;
use crate::schema::EventSchema;
use crate::topic::Endpoint;
use crate::topic::ServiceUrl;
use crate::topic::Topic;
use crate::trust::Trust;

mod arrivals;
mod attempts;
mod cause;
mod client;
mod command;
mod inbox;
mod issuer;
mod link;
mod look_up;
mod producers;
mod proof;
mod reader;
mod readers;
mod recovery;
mod socket;
mod step;
mod tls;

pub use arrivals::Arrivals;
pub use cause::Cause;
pub use command::close_producer;
pub use command::ping;
pub use command::pong;
pub use link::Link;
pub use link::LinkError;
pub use look_up::Broker;
pub use producers::Placed;
pub use producers::ProducerIdentity;
pub use reader::MessageId;
pub use reader::Reader;
pub use readers::ReadFrom;
pub use recovery::Lost;
pub use recovery::News;
pub use recovery::Recovery;
pub use step::ConnectError;
pub use step::Step;
pub use step::Taken;

use attempts::Attempts;
use attempts::Outcome;
use look_up::LookUps;
use proof::Proof;

/// Where to connect to, and what will be sent there.
#[derive(Clone, Debug)]
pub struct Target {
    /// The cluster.
    pub service_url: ServiceUrl,
    /// Which of its doors is tried first, so that many processes do not all knock at one.
    pub first_door: usize,
    /// Who we are.
    proof: Proof,
    /// Whom a connection by TLS trusts.
    pub trust: Trust,
    /// Which of their addresses brokers are asked for; `None`: the usual one.
    pub listener_name: Option<String>,
    /// The topics.
    pub topics: Vec<Topic>,
    /// The record's name.
    pub schema_name: String,
    /// The schema's text.
    pub schema_text: String,
    /// How records are written.
    pub encoding: Encoding,
    /// How long to try, all steps together.
    pub timeout_ns: u64,
    /// How long to try where a producer's name is taken.
    pub name_timeout_ns: u64,
}

impl Target {
    /// Returns where a plan's records go at this cluster.
    #[must_use]
    pub fn of(plan: &Plan, schema: &EventSchema, service_url: ServiceUrl) -> Self {
        Self {
            first_door: usize::try_from(plan.seed >> 1).unwrap_or_default(),
            service_url,
            proof: plan.credentials.clone().into(),
            trust: plan.trust.clone(),
            listener_name: plan.listener_name.clone(),
            topics: plan.topics(),
            schema_name: schema.name().to_owned(),
            schema_text: schema.registered_text().to_owned(),
            encoding: plan.events.encoding,
            timeout_ns: plan.connect_timeout_ns,
            name_timeout_ns: plan.name_timeout_ns,
        }
    }
}

/// What was learned of a cluster, and what asks it for more.
pub struct Session {
    target: Target,
    look_ups: LookUps,
    attempts: Attempts,
    partitions: Vec<u32>,
}

/// Connects and looks the topics up; `observe` is told each step that was taken.
///
/// # Errors
/// When a step is refused, is interrupted, or has not succeeded when the timeout is over.
pub async fn connect(
    target: Target,
    interrupt: CancellationToken,
    observe: &mut dyn FnMut(Taken),
) -> Result<Session, ConnectError> {
    let began = clock::now();
    let attempts = Attempts {
        interrupt,
        deadline: began.plus_ns(target.timeout_ns),
        name_deadline: began.plus_ns(target.name_timeout_ns.max(target.timeout_ns)),
    };
    let address = doors(&target.service_url);
    let resolve = async || resolve(target.service_url.endpoints()).await;
    let addresses = attempts.take(Step::Resolve, &address, resolve).await?;
    observe(addresses.taken(Step::Resolve, |addresses| addresses.join(", ")));
    // The greeting has the token in it.
    let asked = match target.proof.issuer() {
        None => None,
        Some(issuer) => {
            let ask = async || target.proof.secret().await;
            Some(attempts.take(Step::Authenticate, issuer, ask).await?)
        }
    };
    let mut look_ups = LookUps::new(target.first_door);
    let greet = async || look_ups.greet(&target).await;
    let greeted = attempts.take(Step::Connect, &address, greet).await?;
    let url = target.service_url.of(look_ups.door(&target));
    observe(greeted.taken(Step::Connect, |protocol| format!("{url} answered, {protocol}")));
    observe(authenticated(&target.proof, asked));
    let mut partitions = Vec::new();
    for topic in &target.topics {
        let look_up = async || {
            let partitions = look_ups.partitions(&target, topic.as_str()).await?;
            let first = topic.partition(0, partitions);
            Ok((partitions, look_ups.broker_of(&target, &first).await?))
        };
        let looked_up = attempts.take(Step::LookUp, &address, look_up).await?;
        observe(looked_up.taken(Step::LookUp, |(partitions, broker)| match partitions {
            0 => format!("not partitioned, served by {broker}"),
            n => format!("{n} partitions, the first served by {broker}"),
        }));
        partitions.push(looked_up.outcome.0);
    }
    Ok(Session { target, look_ups, attempts, partitions })
}

/// Says how the cluster was told who we are, and how long the token took that it was told by.
fn authenticated<T>(proof: &Proof, asked: Option<Outcome<T>>) -> Taken {
    let detail = match (proof.plugin(), proof.issuer()) {
        (None, _) => "no credentials given, none asked for".to_owned(),
        (Some(plugin), None) => format!("by {plugin}, accepted"),
        (Some(plugin), Some(issuer)) => format!("by {plugin}, a token of {issuer}, accepted"),
    };
    match asked {
        Some(asked) => asked.taken(Step::Authenticate, |_| detail),
        None => Taken::within(Step::Authenticate, detail),
    }
}

async fn resolve(doors: &[Endpoint]) -> Result<Vec<String>, Cause> {
    let mut addresses = Vec::new();
    let mut error = None;
    for door in doors {
        match tokio::net::lookup_host((door.bare_host(), door.port)).await {
            Ok(found) => addresses.extend(found.map(|address| address.to_string())),
            Err(unresolved) => error = Some(Cause::unresolved(&unresolved)),
        }
    }
    match error {
        Some(error) if addresses.is_empty() => Err(error),
        _ => Ok(addresses),
    }
}

/// Returns all doors of a cluster, as an error names them.
fn doors(service_url: &ServiceUrl) -> String {
    let doors = service_url.endpoints().iter().map(ToString::to_string);
    doors.collect::<Vec<_>>().join(" or ")
}

impl Session {
    /// Returns how many topics there are.
    #[must_use]
    pub const fn topics(&self) -> usize {
        self.target.topics.len()
    }

    /// Returns how many partitions each topic has; 0: it is not partitioned.
    #[must_use]
    pub fn partitions(&self) -> &[u32] {
        &self.partitions
    }

    /// Returns the full name of a partition of a topic.
    fn partition(&self, topic: usize, partition: u32) -> String {
        self.target.topics[topic].partition(partition, self.partitions[topic])
    }

    /// Returns the step of registering the schema, which every created producer has taken.
    #[must_use]
    pub fn schema_registered(&self) -> Taken {
        let Target { schema_name, schema_text, encoding, .. } = &self.target;
        let kind = match encoding {
            Encoding::Avro => "AVRO",
            Encoding::Json => "JSON",
        };
        let detail = format!("{kind} {schema_name}, {} bytes, accepted", schema_text.len());
        Taken::within(Step::RegisterSchema, detail)
    }

    /// Returns what is registered.
    fn schema(&self) -> proto::Schema {
        proto::Schema {
            name: self.target.schema_name.clone(),
            schema_data: self.target.schema_text.clone().into_bytes(),
            r#type: match self.target.encoding {
                Encoding::Avro => proto::schema::Type::Avro,
                Encoding::Json => proto::schema::Type::Json,
            }
            .into(),
            properties: Vec::new(),
        }
    }
}
