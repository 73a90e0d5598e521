//! `verify`: what is read, and what it is held against.

use std::time::Duration;

use clap::Args;
use clap::ValueEnum;

use crate::plan::PlanError;
use crate::plan::Settings;
use crate::routing::KeyHash;
use crate::routing::Mode;
use crate::units::parse_duration_positive;
use crate::verify::From;
use crate::verify::Wish;

use super::format::FormatArgs;
use super::produce::settings_of_records;
use super::records::RecordArgs;
use super::target::TargetArgs;
use super::target::TargetError;

const EXAMPLES: &str = "\
Exit codes: 0 every record is as its producer made it, 1 something is wrong, 97 nothing is wrong and
not all could be judged, 105 stopped from outside before the end.

Examples:
  producer-load verify -u pulsar://localhost:6650
  producer-load verify -u pulsar://localhost:6650 --from live -d 10s";

/// What `verify` can be told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    records: RecordArgs,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    pub(super) format: FormatArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
struct ReadingArgs {
    /// Which messages: earliest (all that are there when it begins), or live (those that come,
    /// until a signal or --duration).
    #[arg(long, value_name = "FROM", env = "PRODUCER_LOAD_FROM", default_value = "earliest")]
    from: FromArg,
    /// With --from live: how long to read [s, ms, m, h].
    #[arg(
        short, long, value_name = "DURATION", env = "PRODUCER_LOAD_DURATION",
        value_parser = parse_duration_positive
    )]
    duration: Option<Duration>,
    /// Topics to read; of more than one the names end in -0, -1 and so on.
    #[arg(
        long, visible_alias = "num-topic", value_name = "COUNT", env = "PRODUCER_LOAD_NUM_TOPICS",
        default_value = "1", value_parser = clap::value_parser!(u32).range(1..)
    )]
    num_topics: u32,
    /// The runs' --routing, which tells where a record that is not there belongs.
    #[arg(long, value_name = "MODE", env = "PRODUCER_LOAD_ROUTING", default_value = "key")]
    routing: Mode,
    /// The runs' --key-hash.
    #[arg(long, value_name = "HASH", env = "PRODUCER_LOAD_KEY_HASH")]
    key_hash: Option<KeyHash>,
    /// The JSON report of a run, which tells where its streams end; may be given several times.
    #[arg(long, value_name = "FILE", env = "PRODUCER_LOAD_REPORT", value_delimiter = ',')]
    report: Vec<String>,
    /// Examples of each kind at most.
    #[arg(long, value_name = "COUNT", env = "PRODUCER_LOAD_EXAMPLES", default_value_t = 10)]
    examples: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
enum FromArg {
    Earliest,
    Live,
}

impl VerifyArgs {
    /// Returns what was typed as the settings of a run that sends nothing.
    ///
    /// # Errors
    /// When the target cannot be used, or a flag has no effect.
    pub(super) fn settings(&self) -> Result<Settings, TargetError> {
        if self.reading.duration.is_some() && self.reading.from != FromArg::Live {
            let why = "what is there is read to its end; add --from live";
            return Err(PlanError::NoEffect { flag: "--duration", why }.into());
        }
        self.target.settings(Settings {
            topics: self.reading.num_topics,
            routing: self.reading.routing,
            key_hash: self.reading.key_hash,
            ..settings_of_records(&self.records)
        })
    }

    /// Returns what else was typed.
    pub(super) fn wish(&self) -> Wish {
        let ns = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Wish {
            from: match self.reading.from {
                FromArg::Earliest => From::Earliest,
                FromArg::Live => From::Live,
            },
            duration_ns: self.reading.duration.map(ns),
            examples_max: self.reading.examples,
            reports: self.reading.report.clone(),
        }
    }
}
