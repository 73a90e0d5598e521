//! The command line as it reads the environment: a variable of ours that is empty counts as not
//! set, since that is how manifests leave one out. Of two flags that exclude each other a typed
//! one wins over the other one's variable, and a variable of ours over one that other programs
//! give: the base of the manifests sets `MESSAGES_PER_SECOND`, which no overlay can take away.
//!
//! Those that other programs give, such as `PULSAR_URL`, are refused when they are empty: behind an
//! empty one stands mostly a mistake, and without it the run would load another broker.

use std::cmp::Ordering;
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

/// Flags that exclude each other. Where `stages` lose against an end they take no rate away.
const EITHER: [(&str, &str); 7] = [
    ("domain", "schema_file"),
    ("duration", "stages"),
    ("num_messages", "stages"),
    ("num_messages", "duration"),
    ("rate", "stages"),
    ("rate", "per_core_rate"),
    ("per_core_rate", "stages"),
];

/// Where a flag's value comes from, the weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Nowhere,
    /// A variable that other programs read, too.
    SharedVariable,
    OwnVariable,
    Typed,
}

/// Reads what was typed, and the environment where nothing was.
///
/// # Errors
/// With what cannot be read.
pub(super) fn parse(typed: impl Iterator<Item = OsString>) -> Result<Cli, Error> {
    let typed: Vec<OsString> = typed.collect();
    let mut matches = command_for(&typed).try_get_matches_from(typed)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command()))
}

/// Returns the command line that reads no empty variable of ours.
pub(super) fn command() -> Command {
    without_variables(Cli::command(), is_empty)
}

/// Returns the same for what was typed: of two flags that exclude each other it reads no variable
/// of the weaker one.
pub(super) fn command_for(typed: &[OsString]) -> Command {
    let words: Vec<String> = typed.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    EITHER.into_iter().fold(command(), |command, (one, other)| {
        let [of_one, of_other] = [one, other].map(|id| {
            let flag = command.get_arguments().find(|argument| argument.get_id() == id);
            flag.map_or(Origin::Nowhere, |flag| origin(flag, &words))
        });
        match of_one.cmp(&of_other) {
            Ordering::Less => without_variables(command, |argument| argument.get_id() == one),
            Ordering::Equal => command,
            Ordering::Greater => without_variables(command, |argument| argument.get_id() == other),
        }
    })
}

fn origin(argument: &Arg, typed: &[String]) -> Origin {
    let set = argument.get_env().filter(|name| env::var_os(name).is_some());
    match set.map(|name| name.to_string_lossy().starts_with(OURS)) {
        _ if is_typed(argument, typed) => Origin::Typed,
        Some(true) => Origin::OwnVariable,
        Some(false) => Origin::SharedVariable,
        None => Origin::Nowhere,
    }
}

/// Returns whether an argument was typed as a flag.
pub(super) fn is_typed(argument: &Arg, typed: &[String]) -> bool {
    let long = argument.get_long().map(|long| format!("--{long}"));
    let short = argument.get_short().map(|short| format!("-{short}"));
    typed.iter().any(|word| {
        let is_short = short.as_ref().is_some_and(|short| word.starts_with(short.as_str()));
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        is_short || long.as_deref() == Some(name)
    })
}

/// Returns the command, and its subcommands, with arguments that only flags give.
fn without_variables(command: Command, which: impl Fn(&Arg) -> bool + Copy) -> Command {
    let unset =
        |argument: Arg| if which(&argument) { argument.env(None::<&str>) } else { argument };
    let within = |subcommand: Command| subcommand.mut_args(unset);
    command.mut_args(unset).mut_subcommands(within)
}

fn is_empty(argument: &Arg) -> bool {
    argument.get_env().is_some_and(|name| {
        name.to_string_lossy().starts_with(OURS)
            && env::var_os(name).is_some_and(|it| it.is_empty())
    })
}
