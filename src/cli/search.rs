//! `search`: the highest rate that a cluster takes.

use std::time::Duration;

use clap::Args;

use super::EXIT_STOPPED;
use super::Failure;
use super::batches::BatchArgs;
use super::failed;
use super::format::FormatArgs;
use super::not_run;
use super::outside;
use super::produce::EngineArgs;
use super::produce::IdentityArgs;
use super::produce::settings;
use super::producers::ProducerArgs;
use super::records::RecordArgs;
use super::surroundings;
use super::target::TargetArgs;
use super::target::TargetError;
use crate::plan::Objectives;
use crate::plan::PlanError;
use crate::plan::Settings;
use crate::probe;
use crate::probe::SearchError;
use crate::probe::Wish;
use crate::search::Limits;
use crate::search::Outcome;
use crate::units::Rate;
use crate::units::parse_duration;
use crate::units::parse_duration_positive;

/// No rate held its objectives.
const EXIT_NONE: u8 = 98;

const EXAMPLES: &str = "\
Each probe is a run of its own. The first rate is changed by steps of ten until one holds and one
does not; then the limit is closed in, and the best rate repeated. The time limit is kept: the
last probe waits no longer for its receipts.

Exit codes: 0 a rate was found, 1 failed, 98 none held, 105 stopped from outside (what was found
so far is printed).

Examples:
  producer-load search -u pulsar://localhost:6650
  producer-load search -u pulsar://localhost:6650 --probe-duration 5s --slo 'response.p99<50ms'";

/// What `search` can be told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SearchArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    probing: ProbingArgs,
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
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Probing")]
struct ProbingArgs {
    /// The first rate to try [messages a second].
    #[arg(
        long,
        value_name = "RATE",
        env = "PRODUCER_LOAD_FROM_RATE",
        default_value = "10k",
        allow_hyphen_values = true
    )]
    from: Rate,
    /// The highest rate to try [messages a second].
    #[arg(
        long,
        value_name = "RATE",
        env = "PRODUCER_LOAD_TO_RATE",
        default_value = "100m",
        allow_hyphen_values = true
    )]
    to: Rate,
    /// How long each probe is measured [s, ms, m].
    #[arg(
        long, value_name = "DURATION", env = "PRODUCER_LOAD_PROBE_DURATION",
        default_value = "15s", value_parser = parse_duration_positive
    )]
    probe_duration: Duration,
    /// How long each probe warms up before [s, ms, m].
    #[arg(
        long, value_name = "DURATION", env = "PRODUCER_LOAD_WARMUP", default_value = "3s",
        value_parser = parse_duration
    )]
    warmup: Duration,
    /// How many probes at most.
    #[arg(
        long, value_name = "COUNT", env = "PRODUCER_LOAD_PROBES", default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=100)
    )]
    probes: u32,
    /// How long the search may take, its last receipts included [s, ms, m].
    #[arg(
        long, value_name = "DURATION", env = "PRODUCER_LOAD_TIME_LIMIT", default_value = "5m",
        value_parser = parse_duration_positive
    )]
    time_limit: Duration,
    /// What a rate has to reach, as --slo of a run; rate>=99% and errors<=0% are added where
    /// nothing is said of these: 'response.p99<20ms'
    #[arg(long, value_name = "OBJECTIVES", env = "PRODUCER_LOAD_SLO")]
    slo: Option<Objectives>,
}

impl SearchArgs {
    fn settings(&self) -> Result<Settings, TargetError> {
        let settings = Settings {
            lanes: self.engine.lanes,
            pin: self.engine.pin.into(),
            batching: self.batches.settings(),
            ..self.identity.of(settings(&self.target, &self.records, &self.producers)?)
        };
        if settings.resume.is_some() {
            let why = "each probe begins anew; leave it away";
            return Err(PlanError::NoEffect { flag: "--resume", why }.into());
        }
        if settings.service_url.is_none() {
            return Err(PlanError::NothingToCheck.into());
        }
        Ok(settings)
    }

    fn wish(&self) -> Result<Wish, PlanError> {
        let probing = &self.probing;
        let of = |flag, rate: Rate| {
            let why = "a search goes up to where nothing holds any more; say a rate";
            rate.per_second().ok_or(PlanError::NoEffect { flag, why })
        };
        let (from, to) = (of("--from max", probing.from)?, of("--to max", probing.to)?);
        if from > to {
            let why = "it is below --from; lower that, or raise this";
            return Err(PlanError::NoEffect { flag: "--to", why });
        }
        let wish = Wish {
            limits: Limits { from, to, probes_max: probing.probes as usize },
            duration: probing.probe_duration,
            warmup: probing.warmup,
            time_max: probing.time_limit,
            objectives: probing.slo.clone(),
        };
        if wish.time_max < wish.probe_time() {
            let [limit, needed] = [wish.time_max, wish.probe_time()].map(|it| format!("{it:?}"));
            return Err(PlanError::NoTime { limit, needed });
        }
        Ok(wish)
    }
}

/// Searches and prints what was found.
pub(super) fn search(arguments: &SearchArgs) -> Result<u8, Failure> {
    let (settings, wish) = (arguments.settings()?, arguments.wish()?);
    let outside = outside()?;
    let searched = probe::search(&settings, &wish, &surroundings::here(), &outside);
    let outcome = searched.map_err(|error| match error {
        SearchError::Plan(error) => error.into(),
        SearchError::Run(error) => not_run(error),
        error => failed(error),
    })?;
    arguments.format.print(&outcome, Outcome::text)?;
    Ok(match outcome.rate_per_second {
        _ if outcome.stopped_by_signal => EXIT_STOPPED,
        Some(_) => 0,
        None => EXIT_NONE,
    })
}
