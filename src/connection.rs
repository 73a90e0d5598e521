//! The door to a cluster: resolve, connect, look up, create producers; each step with its own
//! words.
//!
//! Passing trouble (nobody listens yet, the broker is not ready, a name is still taken) is tried
//! again until the connect timeout; a refusal that no retry mends ends at once, in the broker's own
//! words.

use pulsar::Producer;
use pulsar::ProducerOptions;
use pulsar::Pulsar;
use pulsar::TokioExecutor;
use pulsar::proto;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::clock::Moment;
use crate::credentials::Credentials;
use crate::plan::Plan;
use crate::schema::Encoding;
use crate::schema::EventSchema;
use crate::topic::ServiceUrl;
use crate::topic::Topic;
use crate::units;

mod cause;
mod link;
mod producers;
mod steps;

pub use cause::Cause;
pub use link::Arrivals;
pub use link::Link;
pub use link::LinkError;
pub use link::close_producer;
pub use link::ping;
pub use link::pong;
pub use producers::Broker;

use steps::look_up;
use steps::open;
use steps::resolve;

/// The first pause between two attempts; each next one is twice as long.
const BACKOFF_NS_MIN: u64 = 50_000_000;

/// The longest pause between two attempts.
const BACKOFF_NS_MAX: u64 = 1_000_000_000;

/// The last attempt, begun when the time is over, still waits so long for its answer.
const ANSWER_NS_MIN: u64 = 200_000_000;

/// Where to connect to, and what will be sent there.
#[derive(Clone, Debug)]
pub struct Target {
    /// The cluster.
    pub service_url: ServiceUrl,
    /// Who we are.
    pub credentials: Option<Credentials>,
    /// The topic.
    pub topic: Topic,
    /// The record's name.
    pub schema_name: String,
    /// The schema's text.
    pub schema_text: String,
    /// How records are written.
    pub encoding: Encoding,
    /// How long to try, all steps together.
    pub timeout_ns: u64,
}

/// One step on the way to a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Host name to addresses.
    Resolve,
    /// TCP, and the broker's greeting.
    Connect,
    /// The credentials, which go with the greeting.
    Authenticate,
    /// How many partitions, and which broker serves the topic.
    LookUp,
    /// The schema, which goes with the producer.
    RegisterSchema,
    /// A producer.
    CreateProducer,
}

impl Step {
    /// Returns what the step does, as in "refused to …".
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Resolve => "resolve the host",
            Self::Connect => "connect",
            Self::Authenticate => "authenticate",
            Self::LookUp => "look up the topic",
            Self::RegisterSchema => "register the schema",
            Self::CreateProducer => "create a producer",
        }
    }
}

/// A step that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Which.
    pub step: Step,
    /// What came out.
    pub detail: String,
    /// How long it took, with all attempts; `None` for a step that goes with another one's answer.
    pub took_ns: Option<u64>,
}

impl Taken {
    /// Notes a step that went with another one's answer.
    fn within(step: Step, detail: impl Into<String>) -> Self {
        Self { step, detail: detail.into(), took_ns: None }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers, or not yet.
    #[error("cannot {} at {address}: {reason} (tried for {}); {hint}",
        step.what(), units::duration_text(*tried_ns))]
    Unreachable {
        /// The step that failed.
        step: Step,
        /// Host and port.
        address: String,
        /// What the last attempt said.
        reason: String,
        /// How long was tried.
        tried_ns: u64,
        /// What to do about it.
        hint: &'static str,
    },
    /// The broker said no.
    #[error("the broker at {address} refused to {}: {words} ({kind}); {hint}", step.what())]
    Refused {
        /// The step that failed.
        step: Step,
        /// Host and port.
        address: String,
        /// Pulsar's name of the error.
        kind: &'static str,
        /// The broker's own words.
        words: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A signal came first.
    #[error("interrupted while trying to {}", step.what())]
    Interrupted {
        /// The step that was under way.
        step: Step,
    },
}

/// A connected client and what it learned of the topic.
pub struct Session {
    client: Pulsar<TokioExecutor>,
    target: Target,
    interrupt: CancellationToken,
    deadline: Moment,
    partitions: u32,
}

/// Connects and looks the topic up; `observe` is told each step that was taken.
///
/// # Errors
/// When a step is refused, is interrupted, or has not succeeded when the timeout is over.
pub async fn connect(
    target: Target,
    interrupt: CancellationToken,
    observe: &mut dyn FnMut(Taken),
) -> Result<Session, ConnectError> {
    let address = target.address().to_owned();
    let deadline = clock::now().plus_ns(target.timeout_ns);
    let attempts = Attempts { target: &target, interrupt: &interrupt, deadline };
    let addresses = attempts.take(Step::Resolve, || resolve(&address)).await?;
    observe(addresses.taken(Step::Resolve, |addresses| addresses.join(", ")));
    // The crate's client keeps a refusal's words to itself, so a link of our own asks first.
    let greet = || Link::open(&address, None, target.credentials.clone());
    let greeted = attempts.take(Step::Connect, greet).await?;
    observe(greeted.taken(Step::Connect, |_| format!("{} answered", target.service_url)));
    let detail = match &target.credentials {
        None => "no credentials given, none asked for".to_owned(),
        Some(credentials) => format!("by {}, accepted", credentials.method()),
    };
    observe(Taken::within(Step::Authenticate, detail));
    drop(greeted);
    let client = attempts.take(Step::Connect, || open(&target)).await?.outcome;
    let lookup = || look_up(&client, &target.topic);
    let looked_up = attempts.take(Step::LookUp, lookup).await?;
    observe(looked_up.taken(Step::LookUp, |(partitions, broker)| match partitions {
        0 => format!("not partitioned, served by {broker}"),
        n => format!("{n} partitions, the first served by {broker}"),
    }));
    let partitions = looked_up.outcome.0;
    Ok(Session { client, target, interrupt, deadline, partitions })
}

impl Target {
    /// Returns where a plan's records go at this cluster.
    #[must_use]
    pub fn of(plan: &Plan, schema: &EventSchema, service_url: ServiceUrl) -> Self {
        Self {
            service_url,
            credentials: plan.credentials.clone(),
            topic: plan.topic.clone(),
            schema_name: schema.name().to_owned(),
            schema_text: schema.registered_text().to_owned(),
            encoding: plan.events.encoding,
            timeout_ns: plan.connect_timeout_ns,
        }
    }

    /// Returns host and port.
    fn address(&self) -> &str {
        self.service_url.as_str().trim_start_matches("pulsar://")
    }
}

impl Session {
    /// Returns how many partitions the topic has; 0: it is not partitioned.
    #[must_use]
    pub const fn partitions(&self) -> u32 {
        self.partitions
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

    /// Creates a producer of the crate's of this name on a partition, which registers the schema.
    ///
    /// `batch_records` is one more than a batch may have, so that a batch ends where it is flushed.
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn create_producer(
        &self,
        name: &str,
        partition: u32,
        batch_records: u32,
    ) -> Result<(Producer<TokioExecutor>, Taken), ConnectError> {
        let topic = self.target.topic.partition(partition, self.partitions);
        let options = ProducerOptions {
            schema: Some(self.schema()),
            batch_size: Some(batch_records),
            block_queue_if_full: true,
            ..ProducerOptions::default()
        };
        let create = || {
            let builder = self.client.producer().with_topic(&topic).with_name(name);
            let options = options.clone();
            async move { builder.with_options(options).build().await.map_err(Cause::from) }
        };
        let producer = self.attempts().take(Step::CreateProducer, create).await?;
        let taken = producer.taken(Step::CreateProducer, |_| format!("{name} on {topic}"));
        Ok((producer.outcome, taken))
    }
}

/// What came out of a step, and how long it took.
struct Outcome<T> {
    outcome: T,
    took_ns: u64,
}

impl<T> Outcome<T> {
    fn taken(&self, step: Step, detail: impl FnOnce(&T) -> String) -> Taken {
        Taken { step, detail: detail(&self.outcome), took_ns: Some(self.took_ns) }
    }
}

/// Tries a step until it succeeds, is refused, or the time is over.
struct Attempts<'a> {
    target: &'a Target,
    interrupt: &'a CancellationToken,
    deadline: Moment,
}

impl Attempts<'_> {
    async fn take<T, F>(
        &self,
        step: Step,
        attempt: impl Fn() -> F,
    ) -> Result<Outcome<T>, ConnectError>
    where
        F: Future<Output = Result<T, Cause>>,
    {
        let interrupted = async || {
            self.interrupt.cancelled().await;
            ConnectError::Interrupted { step }
        };
        tokio::select! {
            outcome = self.keep_trying(step, attempt) => outcome,
            error = interrupted() => Err(error),
        }
    }

    async fn keep_trying<T, F>(
        &self,
        step: Step,
        attempt: impl Fn() -> F,
    ) -> Result<Outcome<T>, ConnectError>
    where
        F: Future<Output = Result<T, Cause>>,
    {
        let began = clock::now();
        let deadline = self.deadline;
        let mut backoff_ns = BACKOFF_NS_MIN;
        loop {
            let is_last = clock::now() >= deadline;
            let answer_by = if is_last { clock::now().plus_ns(ANSWER_NS_MIN) } else { deadline };
            let answer = tokio::time::timeout_at(answer_by.instant().into(), attempt()).await;
            let cause = match answer {
                Ok(Ok(outcome)) => {
                    return Ok(Outcome { outcome, took_ns: clock::now().ns_since(began) });
                }
                Ok(Err(cause)) => cause,
                Err(_) => Cause::silence(step),
            };
            if is_last || !cause.is_passing() {
                return Err(self.error(step, cause, began));
            }
            if backoff_ns == BACKOFF_NS_MIN {
                let left = units::duration_text(deadline.ns_since(clock::now()));
                log::warn!("cannot {} yet: {cause}; trying for another {left}", step.what());
            }
            let next = deadline.min(clock::now().plus_ns(backoff_ns));
            tokio::time::sleep_until(next.instant().into()).await;
            backoff_ns = (backoff_ns * 2).min(BACKOFF_NS_MAX);
        }
    }

    fn error(&self, step: Step, cause: Cause, began: Moment) -> ConnectError {
        let address = self.target.address().to_owned();
        let hint = cause.hint();
        match cause {
            Cause::Refused { kind, words } => {
                ConnectError::Refused { step, address, kind: kind.as_str_name(), words, hint }
            }
            Cause::Trouble { reason, .. } => {
                let tried_ns = clock::now().ns_since(began);
                ConnectError::Unreachable { step, address, reason, tried_ns, hint }
            }
        }
    }
}
