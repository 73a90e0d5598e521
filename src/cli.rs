//! The command line: what can be typed, what it means, and how the program ends.

use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::Subcommand;

use crate::check;
use crate::connection::ConnectError;
use crate::plan::Plan;
use crate::plan::PlanError;
use crate::publisher::Cancel;
use crate::publisher::PublishError;
use crate::report::LINE_MARK;
use crate::report::plan_text;
use crate::report::text;
use crate::run;
use crate::run::Outside;
use crate::run::RunError;
use crate::signals;
use crate::verify::Outcome;
use crate::verify::VerifyError;

mod batches;
mod broker;
mod capacity;
mod chart;
mod compare;
mod conf_file;
mod format;
mod load;
mod logging;
mod merge;
mod origin;
mod output;
mod produce;
mod producers;
mod records;
mod sample;
mod search;
mod surroundings;
mod target;
mod termination;
mod variables;
mod verify;

use broker::BrokerArgs;
use broker::ServeError;
use capacity::CapacityArgs;
use chart::ChartArgs;
use compare::CompareArgs;
use logging::LogFormat;
use merge::MergeArgs;
use output::Output;
use produce::CheckArgs;
use produce::ProduceArgs;
use sample::SampleArgs;
use sample::SchemaArgs;
use search::SearchArgs;
use target::TargetError;
use verify::VerifyArgs;

/// The run could not begin or failed.
const EXIT_FAILED: u8 = 1;

/// A setting cannot be parsed; clap ends with the same.
const EXIT_UNPARSED: u8 = 2;

/// What was asked for could be read and cannot be done.
const EXIT_IMPOSSIBLE: u8 = 104;

/// A signal came before the end.
const EXIT_STOPPED: u8 = 105;

/// Puts a defined, repeatable load of AVRO events on Apache Pulsar and tells the truth about it.
///
/// Without a service URL it loads a broker inside this process, which is good for a first look. The
/// report goes to standard output, the log to standard error (`RUST_LOG` sets its level).
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 cannot be parsed, 98 missed the target, 99 an \
                        objective, 104 parsed but impossible, 105 stopped from outside before \
                        the end.\n\n\
                        Examples:\n  producer-load --duration 10s\n  \
                        producer-load -u pulsar://localhost:6650 -r 50k -d 10s --report out.json"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// How lines of the log are written.
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "PRODUCER_LOAD_LOG_FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    log_format: LogFormat,
    #[command(flatten)]
    produce: ProduceArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes every step to the first record and says how long each took; sends nothing.
    Check(Box<CheckArgs>),
    /// Reads what topics hold and says which records are missing, repeated, reordered or altered.
    Verify(Box<VerifyArgs>),
    /// Searches the highest rate that holds.
    Search(Box<SearchArgs>),
    /// Says how many pods a rate takes, on how many nodes, and what they cost.
    Capacity(Box<CapacityArgs>),
    /// Makes one report of those of a fleet's pods; as json one that verify and chart read, too.
    Merge(MergeArgs),
    /// Tells whether runs differ from others by more than noise.
    Compare(CompareArgs),
    /// Draws runs as one HTML page.
    Chart(ChartArgs),
    /// Prints records instead of sending them.
    Sample(SampleArgs),
    /// Prints the schema that would be registered, or a table of its fields.
    Schema(SchemaArgs),
    /// Serves the embedded broker by itself.
    Broker(BrokerArgs),
}

/// Any error that ends the program, with its exit code.
struct Failure {
    code: u8,
    error: Box<dyn Error>,
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let text = origin::with_variables(&error.to_string(), typed());
        Self { code: EXIT_IMPOSSIBLE, error: text.into() }
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        let code = match error {
            TargetError::Plan(error) => return error.into(),
            TargetError::Conf(_) => EXIT_UNPARSED,
            TargetError::Credentials(_) => EXIT_IMPOSSIBLE,
        };
        Self { code, error: Box::new(error) }
    }
}

/// Makes every other error one that exits with 1.
fn failed(error: impl Error + 'static) -> Failure {
    Failure { code: EXIT_FAILED, error: Box::new(error) }
}

/// A run that did not begin: interrupted, or failed.
fn not_run(error: RunError) -> Failure {
    match error {
        RunError::Publish(PublishError::Connect(ConnectError::Interrupted { .. })) => {
            Failure { code: EXIT_STOPPED, error: Box::new(error) }
        }
        error => failed(error),
    }
}

/// A broker that did not serve: told what it cannot do, or failed.
fn not_served(error: ServeError) -> Failure {
    match error {
        ServeError::Fault(_) | ServeError::NoEffect { .. } | ServeError::NothingToSpoil { .. } => {
            Failure { code: EXIT_IMPOSSIBLE, error: Box::new(error) }
        }
        error => failed(error),
    }
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = variables::parse(typed()).unwrap_or_else(|error| origin::exit(error));
    let log_format = cli.log_format;
    let is_run = cli.command.is_none();
    let has_runs = matches!(cli.command, Some(Command::Search(_) | Command::Capacity(_)));
    logging::start(log_format, has_runs);
    let code = match cli.command {
        None => produce(&cli.produce, log_format),
        Some(Command::Check(arguments)) => check(&arguments),
        Some(Command::Verify(arguments)) => verify(&arguments),
        Some(Command::Search(arguments)) => search::search(&arguments),
        Some(Command::Capacity(arguments)) => capacity::capacity(&arguments).map(|()| 0),
        Some(Command::Merge(arguments)) => merge::merge(&arguments),
        Some(Command::Compare(arguments)) => compare::compare(&arguments),
        Some(Command::Chart(arguments)) => chart::chart(&arguments),
        Some(Command::Sample(arguments)) => sample::sample(&arguments).map(|()| 0),
        Some(Command::Schema(arguments)) => sample::schema(&arguments).map(|()| 0),
        Some(Command::Broker(arguments)) => {
            broker::serve(&arguments).map(|()| 0).map_err(not_served)
        }
    };
    ExitCode::from(code.unwrap_or_else(|failure| {
        // What a subcommand says that is run beside it, such as `check`, is none of a pod's words.
        if is_run {
            termination::leave(&format!("error: {}\n", failure.error));
        }
        match log_format {
            // With standard error closed there is nobody to tell.
            LogFormat::Text => drop(writeln!(io::stderr(), "error: {}", failure.error)),
            LogFormat::Json => log::error!("{}", failure.error),
        }
        failure.code
    }))
}

/// Returns what was typed.
fn typed() -> impl Iterator<Item = OsString> {
    std::env::args_os().map(|argument| match argument.into_string() {
        Ok(text) => batches::spelled_out(text).into(),
        Err(argument) => argument,
    })
}

fn produce(arguments: &ProduceArgs, log_format: LogFormat) -> Result<u8, Failure> {
    let here = surroundings::here();
    let plan = Plan::resolve(arguments.settings()?, &here)?;
    output::check(arguments.report.as_deref(), arguments.histogram_file.as_deref())?;
    if arguments.dry_run {
        run::prepare(&plan).map_err(not_run)?;
        return print(&plan_text::render(&plan)).map(|()| 0);
    }
    let output = arguments
        .report
        .as_deref()
        .map(|path| Output::open("--report", path))
        .transpose()
        .map_err(failed)?;
    let histograms = arguments.histogram_file.as_deref().map(output::histogram_file);
    let mut histograms = histograms.transpose().map_err(failed)?;
    let outside = Outside { screen: logging::screen(log_format), ..outside()? };
    let report = run::run(plan, here, &outside, histograms.as_mut()).map_err(not_run)?;
    let summary = text::render(&report);
    termination::leave(summary.trim_start());
    let printed = print(&summary);
    // Whatever happened to standard output, a report file is still written.
    if let Some(output) = output {
        output.write(LINE_MARK, &(report.json() + "\n")).map_err(failed)?;
    }
    printed.map(|()| report.verdict.code)
}

fn check(arguments: &CheckArgs) -> Result<u8, Failure> {
    let plan = Plan::resolve(arguments.settings()?, &surroundings::here())?;
    let url = plan.service_url.clone().ok_or(PlanError::NothingToCheck)?;
    let outside = outside()?;
    check::check(&plan, url, &outside.interrupt, &mut io::stdout()).map_err(failed)?;
    Ok(0)
}

fn verify(arguments: &VerifyArgs) -> Result<u8, Failure> {
    let plan = Plan::resolve(arguments.settings()?, &surroundings::here())?;
    let url = plan.service_url.clone().ok_or(PlanError::NothingToCheck)?;
    let outside = outside()?;
    let outcome = crate::verify::verify(&plan, &url, &arguments.wish(), &outside.interrupt);
    let outcome = outcome.map_err(|error| match error {
        VerifyError::Connect(ConnectError::Interrupted { .. }) => {
            Failure { code: EXIT_STOPPED, error: Box::new(error) }
        }
        error => failed(error),
    })?;
    arguments.format.print(&outcome, Outcome::text)?;
    Ok(outcome.verdict.code)
}

/// Watches for signals; the first also ends an attempt to connect.
fn outside() -> Result<Outside, Failure> {
    let interrupt = Cancel::new();
    let at_first = interrupt.clone();
    let signals = signals::watch(move || at_first.cancel()).map_err(failed)?;
    Ok(Outside { signals, interrupt, screen: None, until: None })
}

/// Prints a result; a reader that went away is no error.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(failed(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "cli/tests.rs"]
mod tests;
