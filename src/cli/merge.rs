//! `merge`: the reports of a fleet's pods as one.

use clap::Args;

use super::Failure;
use super::failed;
use super::format::FormatArgs;
use crate::fleet;
use crate::fleet::Fleet;
use crate::fleet::FleetError;
use crate::past;

const EXAMPLES: &str = "\
Exit codes: those of a run, of the fleet's worst pod; 1 also where a shard's report is missing or
reports do not belong together.

Examples:
  producer-load merge pod-0.json pod-1.json
  producer-load merge --output-format json pod-0.json pod-1.json > fleet.json";

/// What `merge` can be told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct MergeArgs {
    /// The JSON reports of a fleet's pods; also logs of pods with --report -, each with one report
    /// or several; - reads standard input.
    #[arg(value_name = "REPORT", required = true)]
    reports: Vec<String>,
    #[command(flatten)]
    format: FormatArgs,
}

/// Prints the fleet's report; returns its exit code.
pub(super) fn merge(arguments: &MergeArgs) -> Result<u8, Failure> {
    let mut fleet = Fleet::default();
    for file in &arguments.reports {
        past::read::<FleetError>(file, &mut |report| fleet.add(report)).map_err(failed)?;
    }
    let report = fleet.report().map_err(failed)?;
    arguments.format.print(&report, fleet::render)?;
    Ok(report.verdict.code)
}
