//! The flags of the load: how fast, and how long.

use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;

use crate::plan::LoadSettings;
use crate::plan::Objectives;
use crate::schedule::Stages;
use crate::units::Rate;
use crate::units::parse_duration;
use crate::units::parse_duration_positive;
use crate::units::parse_share;

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(super) struct LoadArgs {
    /// Messages a second: 1000, 0.5, 50k, 1.5m, or max for as fast as it goes. Default: 1000
    #[arg(
        short,
        long,
        value_name = "RATE",
        env = "MESSAGES_PER_SECOND",
        allow_hyphen_values = true
    )]
    rate: Option<Rate>,
    /// Messages a second for each CPU that is ours by affinity and quota: 400k under a quota of
    /// 250m are 100k.
    #[arg(
        long,
        value_name = "RATE",
        env = "PRODUCER_LOAD_PER_CORE_RATE",
        allow_hyphen_values = true
    )]
    per_core_rate: Option<Rate>,
    /// Stages one after the other, DURATION@RATE or as a ramp DURATION@FROM..TO; only the last can
    /// be @max: 30s@1k,1m@1k..50k,10s@max
    #[arg(long, value_name = "STAGES", env = "PRODUCER_LOAD_STAGES")]
    stages: Option<Stages>,
    /// How long to produce [s, ms, m, h, d]; without any end until SIGINT or SIGTERM.
    #[arg(
        short, long, value_name = "DURATION", env = "PRODUCER_LOAD_DURATION",
        value_parser = parse_duration_positive
    )]
    duration: Option<Duration>,
    /// How many messages to produce, then end.
    #[arg(
        short = 'm', long, value_name = "COUNT", env = "PRODUCER_LOAD_NUM_MESSAGES",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    num_messages: Option<u64>,
    /// Leave what is due in this time out of rate, latency and CPU [s, ms, m]; the totals count it.
    #[arg(
        long, value_name = "DURATION", env = "PRODUCER_LOAD_WARMUP", value_parser = parse_duration
    )]
    warmup: Option<Duration>,
    /// Exit with 98 when more of the target than this is missing. Default: 1%
    #[arg(
        long, value_name = "SHARE", env = "PRODUCER_LOAD_TOLERANCE", value_parser = parse_share
    )]
    tolerance: Option<f64>,
    /// Exit with 99 when one of these is not reached: response and service by .p50, .p99, .p999
    /// and .max, errors and rate in percent: 'response.p99<20ms,errors<0.1%,rate>=99%'
    #[arg(long, value_name = "OBJECTIVES", env = "PRODUCER_LOAD_SLO")]
    slo: Option<Objectives>,
    /// Stop as soon as an objective is broken: a .max at once, any other when it was not reached in
    /// 5 seconds one after the other, each judged over all that was measured so far.
    #[arg(long, env = "PRODUCER_LOAD_ABORT_ON_SLO", value_parser = FalseyValueParser::new())]
    abort_on_slo: bool,
}

impl LoadArgs {
    /// Returns what was typed.
    pub(super) fn settings(&self) -> LoadSettings {
        LoadSettings {
            rate: self.rate,
            per_core_rate: self.per_core_rate,
            stages: self.stages.clone(),
            duration: self.duration,
            records: self.num_messages,
            warmup: self.warmup,
            tolerance: self.tolerance,
            objectives: self.slo.clone(),
            abort_on_slo: self.abort_on_slo,
        }
    }
}
