//! The command line as it reads the environment: a variable of ours that is empty counts as not
//! set, since that is how manifests leave one out.
//!
//! Those that other programs give, such as `PULSAR_URL`, are refused when they are empty: behind an
//! empty one stands mostly a mistake, and without it the run would load another broker.

use std::env;
use std::ffi::OsString;

use clap::Arg;
use clap::Command;
use clap::CommandFactory;
use clap::Error;
use clap::FromArgMatches;

use super::Cli;

/// What the names of variables begin with that are read by nothing else.
const OURS: &str = "PRODUCER_LOAD_";

/// Reads what was typed, and the environment where nothing was.
pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Cli, Error> {
    let mut matches = command().try_get_matches_from(arguments)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command()))
}

/// Returns the command line that reads no empty variable of ours.
pub(super) fn command() -> Command {
    without_empty(Cli::command())
}

fn without_empty(command: Command) -> Command {
    let unset =
        |argument: Arg| if is_empty(&argument) { argument.env(None::<&str>) } else { argument };
    command.mut_args(unset).mut_subcommands(without_empty)
}

fn is_empty(argument: &Arg) -> bool {
    argument.get_env().is_some_and(|name| {
        name.to_string_lossy().starts_with(OURS)
            && env::var_os(name).is_some_and(|it| it.is_empty())
    })
}
