//! `chart`: runs as a page.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use clap::Args;

use super::EXIT_IMPOSSIBLE;
use super::Failure;
use super::failed;
use super::print;
use crate::chart;
use crate::past;

const EXAMPLES: &str = "\
Examples:
  producer-load chart out.json -o out.html
  producer-load chart before.json after.json -o both.html";

/// What `chart` can be told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ChartArgs {
    /// The JSON reports to draw, over each other; also of merge, and logs with marked lines.
    #[arg(value_name = "REPORT", required = true)]
    reports: Vec<String>,
    /// Where the page goes; - is standard output.
    #[arg(short, long, value_name = "FILE", env = "PRODUCER_LOAD_OUTPUT")]
    output: String,
}

/// A page that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("--output {path}: {source}")]
struct WriteError {
    path: String,
    source: io::Error,
}

/// A page that would go over what it is made of.
#[derive(Debug, thiserror::Error)]
#[error("--output {path} is one of the reports, which would be gone: name another file")]
struct OverReport {
    path: String,
}

/// Returns whether both names are those of one file.
fn are_same(one: &str, other: &str) -> bool {
    let identity = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    identity(one).is_some_and(|file| Some(file) == identity(other))
}

/// Writes the page.
pub(super) fn chart(arguments: &ChartArgs) -> Result<u8, Failure> {
    let path = &arguments.output;
    if arguments.reports.iter().any(|report| are_same(report, path)) {
        let error = Box::new(OverReport { path: path.clone() });
        return Err(Failure { code: EXIT_IMPOSSIBLE, error });
    }
    let runs = past::read_all(&arguments.reports).map_err(failed)?;
    let page = chart::page(&runs).map_err(failed)?;
    if path == "-" {
        return print(&page).map(|()| 0);
    }
    let error = |source| failed(WriteError { path: path.clone(), source });
    fs::write(path, page).map_err(error)?;
    Ok(0)
}
