//! `compare`: two sides of runs held against each other.

use clap::Args;

use super::EXIT_IMPOSSIBLE;
use super::Failure;
use super::failed;
use super::format::FormatArgs;
use crate::compare;
use crate::compare::Change;
use crate::compare::Comparison;
use crate::past;
use crate::units::parse_share;

const EXAMPLES: &str = "\
Exit codes: 0 the same beyond noise or better, 100 worse, 104 it cannot be told (a series is empty
or of one point), 1 a report cannot be used.

Examples:
  producer-load compare a.json -- b.json
  producer-load compare --threshold 5% a.json a2.json a3.json -- b.json b2.json b3.json";

/// The second side is worse.
const EXIT_WORSE: u8 = 100;

/// What `compare` can be told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "producer-load compare [OPTIONS] A... -- B...")]
pub(super) struct CompareArgs {
    /// Reports of the first side.
    #[arg(value_name = "A", required = true)]
    a: Vec<String>,
    /// Reports of the second side, behind --.
    #[arg(value_name = "B", required = true, last = true)]
    b: Vec<String>,
    /// Changes of a smaller share are none, however sure.
    #[arg(
        long, value_name = "SHARE", env = "PRODUCER_LOAD_THRESHOLD", default_value = "1%",
        value_parser = parse_share
    )]
    threshold: f64,
    #[command(flatten)]
    format: FormatArgs,
}

/// Prints the comparison; returns its exit code.
pub(super) fn compare(arguments: &CompareArgs) -> Result<u8, Failure> {
    let a = past::read_all(&arguments.a).map_err(failed)?;
    let b = past::read_all(&arguments.b).map_err(failed)?;
    let comparison = compare::compare(&a, &b, arguments.threshold);
    arguments.format.print(&comparison, Comparison::text)?;
    Ok(match comparison.verdict {
        Change::Worse => EXIT_WORSE,
        Change::Unknown => EXIT_IMPOSSIBLE,
        Change::Same | Change::Better => 0,
    })
}
