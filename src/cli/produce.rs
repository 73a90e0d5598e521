//! The flags of a run, each with its environment variable; groups as `--help` shows them.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use clap::ValueEnum;

use crate::plan::BatchSettings;
use crate::plan::LoadSettings;
use crate::plan::Pin;
use crate::plan::Settings;
use crate::routing::Mode;
use crate::topic::Topic;
use crate::trust::Trust;
use crate::units::Shard;
use crate::units::parse_duration;
use crate::units::parse_duration_positive;

use super::batches::BatchArgs;
use super::load::LoadArgs;
use super::producers::ProducerArgs;
use super::records::RecordArgs;
use super::surroundings;
use super::target::TargetArgs;
use super::target::TargetError;

/// Everything that a run can be told.
#[derive(Debug, Args)]
pub(super) struct ProduceArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    deadlines: DeadlineArgs,
    #[command(flatten)]
    records: RecordArgs,
    #[command(flatten)]
    producers: ProducerArgs,
    #[command(flatten)]
    batches: BatchArgs,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// Write the report as JSON to this file; `-` writes one marked line to standard output.
    #[arg(long, value_name = "FILE", env = "PRODUCER_LOAD_REPORT", help_heading = "Output")]
    pub(super) report: Option<String>,
    /// Log both latencies to this file once a second, in the format of HdrHistogram's own logs,
    /// tagged response and service.
    #[arg(
        long,
        value_name = "FILE",
        env = "PRODUCER_LOAD_HISTOGRAM_FILE",
        help_heading = "Output"
    )]
    pub(super) histogram_file: Option<String>,
    /// Serve Prometheus metrics at /metrics, /livez and /readyz there, such as 0.0.0.0:9464.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "PRODUCER_LOAD_METRICS_ADDR",
        help_heading = "Output"
    )]
    metrics_addr: Option<SocketAddr>,
    /// Print the plan that follows from all settings, and stop.
    #[arg(long, help_heading = "Output")]
    pub(super) dry_run: bool,
}

/// What `check` can be told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  producer-load check -u pulsar://localhost:6650\n  \
                        PULSAR_URL=pulsar://localhost:6650 producer-load check -t my-topic")]
pub(super) struct CheckArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    records: RecordArgs,
    #[command(flatten)]
    producers: ProducerArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
struct DeadlineArgs {
    /// Drop a record that is later than this [s, ms, m]; 0 never drops. Default: 10s
    #[arg(
        long, value_name = "DURATION", env = "PRODUCER_LOAD_MAX_LAG", value_parser = parse_duration
    )]
    max_lag: Option<Duration>,
    /// How long to wait for receipts after the end [s, ms, m].
    #[arg(
        long, value_name = "DURATION", env = "PRODUCER_LOAD_DRAIN_TIMEOUT", default_value = "10s",
        value_parser = parse_duration
    )]
    drain_timeout: Duration,
    /// Count a record without a receipt for so long as unknown [s, ms, m]. Default: wait for ever
    #[arg(
        long, value_name = "DURATION", env = "PRODUCER_LOAD_SEND_TIMEOUT",
        value_parser = parse_duration_positive
    )]
    send_timeout: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Identity")]
pub(super) struct IdentityArgs {
    /// What records are drawn from: the same seed makes the same records. Default: from the name.
    #[arg(long, value_name = "NUMBER", env = "PRODUCER_LOAD_SEED")]
    pub(super) seed: Option<u64>,
    /// This process's part of the sources, INDEX/COUNT; auto/COUNT in the pods of an Indexed Job.
    /// Default: all of them.
    #[arg(
        long, value_name = "I/N", env = "PRODUCER_LOAD_SHARD", value_parser = surroundings::shard
    )]
    shard: Option<Shard>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Engine")]
pub(super) struct EngineArgs {
    /// Generator threads. Default: one for each 250,000 messages a second, at most one a CPU.
    #[arg(
        long, value_name = "COUNT", env = "PRODUCER_LOAD_LANES",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(super) lanes: Option<u32>,
    /// Pin lanes to CPUs: auto does when no quota limits them.
    #[arg(long, value_name = "WHEN", env = "PRODUCER_LOAD_PIN", default_value = "auto")]
    pub(super) pin: PinArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PinArg {
    Auto,
    On,
    Off,
}

impl From<PinArg> for Pin {
    fn from(pin: PinArg) -> Self {
        match pin {
            PinArg::Auto => Self::Auto,
            PinArg::On => Self::On,
            PinArg::Off => Self::Off,
        }
    }
}

impl ProduceArgs {
    /// Returns what was typed as the plan's settings.
    ///
    /// # Errors
    /// When the target cannot be used.
    pub(super) fn settings(&self) -> Result<Settings, TargetError> {
        Ok(Settings {
            load: self.load.settings(),
            max_lag: self.deadlines.max_lag,
            drain_timeout: self.deadlines.drain_timeout,
            send_timeout: self.deadlines.send_timeout,
            lanes: self.engine.lanes,
            pin: self.engine.pin.into(),
            batching: self.batches.settings(),
            seed: self.identity.seed,
            shard: self.identity.shard,
            metrics_address: self.metrics_addr,
            ..settings(&self.target, &self.records, &self.producers)?
        })
    }
}

impl CheckArgs {
    /// Returns what was typed as the settings of a run that sends nothing.
    ///
    /// # Errors
    /// When the target cannot be used.
    pub(super) fn settings(&self) -> Result<Settings, TargetError> {
        settings(&self.target, &self.records, &self.producers)
    }
}

/// Returns settings with the values of three groups, and of the others what a check needs.
pub(super) fn settings(
    target: &TargetArgs,
    records: &RecordArgs,
    producers: &ProducerArgs,
) -> Result<Settings, TargetError> {
    target.settings(Settings {
        producer_name: producers.producer_name.clone(),
        resume: producers.resume.map(Into::into),
        streams: producers.num_producers,
        topics: producers.num_topics,
        routing: producers.routing,
        key_hash: producers.key_hash,
        ..settings_of_records(records)
    })
}

/// Returns the settings of records that are made and sent nowhere.
pub(super) fn settings_of_records(records: &RecordArgs) -> Settings {
    Settings {
        service_url: None,
        credentials: None,
        trust: Trust::default(),
        listener_name: None,
        topic: Topic::default(),
        connect_timeout: None,
        send_timeout: None,
        keep_alive: None,
        metrics_address: None,
        events: records.events(),
        sources: records.sources,
        producer_name: None,
        resume: None,
        streams: None,
        topics: 1,
        routing: Mode::default(),
        key_hash: None,
        seed: None,
        shard: None,
        load: LoadSettings::default(),
        max_lag: None,
        drain_timeout: Duration::ZERO,
        lanes: None,
        pin: Pin::Off,
        batching: BatchSettings::default(),
    }
}

impl IdentityArgs {
    /// Returns the settings of records with this identity that are made and sent nowhere.
    pub(super) fn settings(&self, records: &RecordArgs) -> Settings {
        self.of(settings_of_records(records))
    }

    /// Returns these settings with this identity.
    pub(super) fn of(&self, settings: Settings) -> Settings {
        Settings { seed: self.seed, shard: self.shard, ..settings }
    }
}
