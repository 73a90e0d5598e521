//! The plan: everything that this run means to do, resolved and typed.
//!
//! [`Settings`] are what was typed; [`Plan::resolve`] turns them into what is meant, with the
//! machine and the moment handed in. After that nothing is optional by accident. The plan is
//! printed by `--dry-run` and stored in the report.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::cpu::Cpus;
use crate::credentials::Credentials;
use crate::program::KeyChoice;
use crate::program::Parameters;
use crate::rng;
use crate::rng::Identity;
use crate::routing::KeyHash;
use crate::routing::Mode;
use crate::routing::Routing;
use crate::routing::Rule;
use crate::topic::ServiceUrl;
use crate::topic::Topic;
use crate::trust::Trust;
use crate::units::Shard;
use crate::units::Sources;

mod batching;
mod events;
mod lanes;
mod layout;
mod load;
mod objective;
mod refusal;

pub use batching::BatchSettings;
pub use batching::Batching;
pub use batching::Transport;
pub use events::Events;
pub use load::Load;
pub use load::LoadSettings;
pub use load::PerCore;
pub use objective::Metric;
pub use objective::Objective;
pub use objective::Objectives;
pub use objective::Quantile;
pub use refusal::PlanError;

use events::digest;
use lanes::lane_cpus;
use lanes::lanes_and_streams;

/// A record later than this is dropped, unless `--max-lag` says otherwise.
pub const MAX_LAG: Duration = Duration::from_secs(10);

/// How long a cluster may take to be reached, unless `--connect-timeout` says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a producer's name may be taken: a broker notices within a minute that the process which
/// had it before is dead.
const NAME_TIMEOUT: Duration = Duration::from_secs(75);

/// How often brokers are asked whether they are there, as by the Java client.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// What was typed, each value already of its type.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--service-url`; `None`: the embedded broker.
    pub service_url: Option<ServiceUrl>,
    /// `--auth-plugin` and `--auth-params`.
    pub credentials: Option<Credentials>,
    /// Whom TLS trusts: `--trust-cert-file` and what goes with it.
    pub trust: Trust,
    /// `--listener-name`.
    pub listener_name: Option<String>,
    /// `--topic`.
    pub topic: Topic,
    /// `--domain` or `--schema-file`, with `--key`, `--encoding` and `--source-choice`.
    pub events: Events,
    /// How much and how long.
    pub load: LoadSettings,
    /// `--sources`.
    pub sources: u64,
    /// `--shard`; `None`: all sources.
    pub shard: Option<Shard>,
    /// `--seed`; `None`: derived from the producer name.
    pub seed: Option<u64>,
    /// `--producer-name`; `None`: from host name and start.
    pub producer_name: Option<String>,
    /// `--resume`; `None`: begin.
    pub resume: Option<Resume>,
    /// `--num-topics`.
    pub topics: u32,
    /// `--routing`.
    pub routing: Mode,
    /// `--key-hash`; `None`: Java's.
    pub key_hash: Option<KeyHash>,
    /// `--num-producers`, on each topic; `None`: one a lane.
    pub streams: Option<u32>,
    /// `--lanes`; `None`: what the rate needs and the CPUs allow.
    pub lanes: Option<u32>,
    /// `--pin`.
    pub pin: Pin,
    /// Batches, and how many may be on their way.
    pub batching: BatchSettings,
    /// `--max-lag`; zero: never drop; `None`: the default.
    pub max_lag: Option<Duration>,
    /// `--drain-timeout`.
    pub drain_timeout: Duration,
    /// `--connect-timeout`; `None`: the defaults.
    pub connect_timeout: Option<Duration>,
    /// `--send-timeout`; `None`: none.
    pub send_timeout: Option<Duration>,
    /// `--keep-alive-interval`; `None`: the default.
    pub keep_alive: Option<Duration>,
    /// `--metrics-addr`; `None`: nowhere.
    pub metrics_address: Option<SocketAddr>,
}

/// Where the process runs and when it started; handed in, so that resolving is a pure function.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The CPUs that are ours.
    pub cpus: Cpus,
    /// The host's (in Kubernetes the pod's) name.
    pub host: String,
    /// A number that no other start shares.
    pub start_token: u64,
    /// Whether the process runs in a Kubernetes pod.
    pub in_kubernetes: bool,
}

/// Whether lanes are pinned to CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pin {
    /// When whole CPUs are ours.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Going on where an earlier run stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resume {
    /// Every producer has to be known to the broker.
    Strict,
    /// Those that are not begin anew.
    OrStart,
}

/// Everything meant.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Where to; `None`: the embedded broker.
    pub service_url: Option<ServiceUrl>,
    /// Who we are; only the method's name is ever shown.
    pub credentials: Option<Credentials>,
    /// Whom a connection by TLS trusts.
    pub trust: Trust,
    /// Which of their addresses brokers are asked for; `None`: the usual one.
    pub listener_name: Option<String>,
    /// The topic.
    pub topic: Topic,
    /// What the records are.
    pub events: Events,
    /// How batches reach Pulsar.
    pub transport: Transport,
    /// How much and how long.
    #[serde(flatten)]
    pub load: Load,
    /// All sources of the fleet.
    pub sources_total: u64,
    /// This process's sources.
    pub sources: Sources,
    /// This process's place among others.
    pub shard: Shard,
    /// What the records are drawn from, besides their indices.
    pub seed: u64,
    /// Over everything that decides a record's bytes, in 8 hex digits.
    pub digest: String,
    /// What producer names start with.
    pub producer_name: String,
    /// Whether to go on where an earlier run stopped.
    pub resume: Option<Resume>,
    /// How many topics there are; of more than one, the names end in `-0`, `-1` and so on.
    pub topics: u32,
    /// How records are spread over partitions.
    pub routing: Rule,
    /// Producer identities, over all topics.
    pub streams: u32,
    /// Generator threads.
    pub lanes: u32,
    /// The CPU that each lane is pinned to; empty: none is.
    pub lane_cpus: Vec<usize>,
    /// Whether a wait may spin: under a quota below one CPU it would take from the work.
    pub may_spin: bool,
    /// How records are gathered.
    pub batching: Batching,
    /// Batch buffers a lane: the window in flight and the bound on memory.
    pub buffers_per_lane: usize,
    /// A record later than this is dropped; 0: never.
    pub max_lag_ns: u64,
    /// How long to wait for receipts after the end.
    pub drain_timeout_ns: u64,
    /// How long to try to reach the broker.
    pub connect_timeout_ns: u64,
    /// How long to try where a producer's name is taken.
    pub name_timeout_ns: u64,
    /// A record without a receipt for so long counts as unknown; 0: never.
    pub send_timeout_ns: u64,
    /// How often brokers are asked whether they are there.
    pub keep_alive_ns: u64,
    /// Where the run shows itself; `None`: nowhere.
    pub metrics_address: Option<SocketAddr>,
}

impl Plan {
    /// Resolves what was typed into what is meant.
    ///
    /// # Errors
    /// When the settings contradict each other or the place they run in.
    pub fn resolve(settings: Settings, here: &Surroundings) -> Result<Self, PlanError> {
        if settings.service_url.is_none() && here.in_kubernetes {
            return Err(PlanError::ServiceUrlMissing);
        }
        refusal::check_target(&settings)?;
        refusal::check_resume(&settings)?;
        let load = Load::resolve(&settings.load, &here.cpus)?;
        if !load.is_paced() && settings.max_lag.is_some() {
            let why = "at --rate max nothing is due, so nothing is late; leave one of them away";
            return Err(PlanError::NoEffect { flag: "--max-lag", why });
        }
        let is_keyed = settings.events.key != KeyChoice::None;
        if settings.key_hash.is_some() && !(is_keyed && settings.routing == Mode::Key) {
            let why = "no record goes by its key with --key none or another --routing than key";
            return Err(PlanError::NoEffect { flag: "--key-hash", why });
        }
        let shard = settings.shard.unwrap_or(Shard { index: 0, count: std::num::NonZeroU32::MIN });
        let sources = shard
            .part_of(settings.sources)
            .filter(|_| settings.sources >= u64::from(shard.count.get()))
            .ok_or(PlanError::ShardEmpty { shard, sources: settings.sources })?;
        let (lanes, streams) = lanes_and_streams(&settings, load.rate, &here.cpus)?;
        let (batching, buffers_per_lane) = Batching::resolve(&settings, &load, lanes, streams)?;
        let producer_name = settings
            .producer_name
            .unwrap_or_else(|| format!("{}-{:08x}", here.host, here.start_token & 0xffff_ffff));
        let seed = settings.seed.unwrap_or_else(|| rng::hash_text(&producer_name));
        let digest = digest(&settings.events, settings.sources);
        Ok(Self {
            service_url: settings.service_url,
            credentials: settings.credentials,
            trust: settings.trust,
            listener_name: settings.listener_name,
            topic: settings.topic,
            events: settings.events,
            transport: settings.batching.transport,
            load,
            sources_total: settings.sources,
            sources,
            shard,
            seed,
            digest: format!("{digest:08x}"),
            producer_name,
            resume: settings.resume,
            topics: settings.topics,
            routing: Rule { mode: settings.routing, hash: settings.key_hash.unwrap_or_default() },
            streams,
            lanes,
            lane_cpus: lane_cpus(settings.pin, lanes, here),
            may_spin: here.cpus.available() >= 1.0,
            batching,
            buffers_per_lane,
            max_lag_ns: nanoseconds(settings.max_lag.unwrap_or(MAX_LAG)),
            drain_timeout_ns: nanoseconds(settings.drain_timeout),
            connect_timeout_ns: nanoseconds(settings.connect_timeout.unwrap_or(CONNECT_TIMEOUT)),
            name_timeout_ns: nanoseconds(settings.connect_timeout.unwrap_or(NAME_TIMEOUT)),
            send_timeout_ns: settings.send_timeout.map_or(0, nanoseconds),
            keep_alive_ns: nanoseconds(settings.keep_alive.unwrap_or(KEEP_ALIVE)),
            metrics_address: settings.metrics_address,
        })
    }

    /// Returns what records are drawn from, besides their indices.
    #[must_use]
    pub fn identity(&self) -> Identity {
        // The digest was printed by this module as 8 hex digits.
        let digest = u32::from_str_radix(&self.digest, 16).unwrap_or_default();
        Identity::new(digest, self.seed, self.shard)
    }

    /// Returns what every record of this process comes from, as batches say it: digest, seed and
    /// shard.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}/{}/{}", self.digest, self.seed, self.shard)
    }

    /// Returns what the schema is compiled for.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        Parameters {
            identity: self.identity(),
            sources: self.sources,
            source_choice: self.events.source_choice,
            key: self.events.key.clone(),
            encoding: self.events.encoding,
        }
    }

    /// Returns the topics.
    #[must_use]
    pub fn topics(&self) -> Vec<Topic> {
        match self.topics {
            1 => vec![self.topic.clone()],
            topics => (0..topics).map(|number| self.topic.numbered(number)).collect(),
        }
    }

    /// Returns which way records go where topics have so many partitions.
    #[must_use]
    pub fn routing(&self, partitions: &[u32]) -> Routing {
        Routing::new(self.routing, partitions, self.streams, self.stripe())
    }

    /// Returns how many batches a lane may hold open at a time: one a stream, and where records go
    /// by key one a partition.
    #[must_use]
    pub fn open_batches(&self, routing: &Routing) -> usize {
        let is_by_key = self.routing.mode == Mode::Key && self.events.key != KeyChoice::None;
        let of_lane = |lane| {
            let streams: Vec<u32> = self.streams_of(lane).collect();
            if is_by_key { routing.producers_of(&streams) } else { streams.len() as u64 }
        };
        let most = (0..self.lanes).map(of_lane).max().unwrap_or(1);
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// Returns about how many batches a second leave a lane of this many producers.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 10^9")]
    pub fn departures_per_second(&self, producers: u64) -> u64 {
        let windows = 1_000_000_000 / self.batching.window_ns.max(1);
        let full = self.load.rate.per_second().map_or(0, |rate| {
            rate as u64 / self.batching.records_max as u64 / u64::from(self.lanes)
        });
        (windows * producers).max(full)
    }

    /// Returns the streams that lane `lane` runs.
    pub fn streams_of(&self, lane: u32) -> impl Iterator<Item = u32> + use<> {
        (lane..self.streams).step_by(self.lanes as usize)
    }

    /// Returns how many consecutive records without a key go to one partition before the next: a
    /// full batch of every stream, so that batches can fill.
    #[must_use]
    pub fn stripe(&self) -> u64 {
        self.batching.records_max as u64 * u64::from(self.streams)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
