//! Says where a refused value came from: clap names the flag, but not the environment variable that
//! was read in its place.

use std::env;
use std::io;
use std::io::Write;

use clap::Arg;
use clap::Command;
use clap::CommandFactory;
use clap::Error;
use clap::error::ContextKind;

use super::Cli;
use super::batches;

/// Prints the error, with the variable that a refused value came from, and ends the program.
pub(super) fn exit(error: &Error) -> ! {
    let typed: Vec<String> = env::args().map(batches::spelled_out).collect();
    let note = variable(error, &typed).map(|name| format!("note: the value is that of {name}\n"));
    // With standard error closed there is nobody to tell.
    error.print().ok();
    io::stderr().write_all(note.unwrap_or_default().as_bytes()).ok();
    std::process::exit(error.exit_code())
}

/// Returns the environment variable whose value was refused, if it was not typed.
fn variable(error: &Error, typed: &[String]) -> Option<String> {
    let refused = error.get(ContextKind::InvalidArg)?.to_string();
    let mut command = Cli::command();
    command.build();
    let argument = arguments(&command).find(|argument| argument.to_string() == refused)?;
    let long = format!("--{}", argument.get_long()?);
    let short = argument.get_short().map(|short| format!("-{short}"));
    let is_flag = |word: &String| {
        let is_short = short.as_ref().is_some_and(|short| word.starts_with(short.as_str()));
        is_short || word == &long || word.starts_with(&format!("{long}="))
    };
    if typed.iter().any(is_flag) {
        return None;
    }
    Some(argument.get_env()?.to_string_lossy().into_owned())
}

/// Returns the arguments of the command and of its subcommands.
fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().chain(command.get_subcommands().flat_map(Command::get_arguments))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn a_typed_value_is_told_apart_from_a_variables() {
        let error = Cli::try_parse_from(["producer-load", "--rate", "0"]).unwrap_err();
        let typed = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(variable(&error, &typed(&[])), Some("MESSAGES_PER_SECOND".to_owned()));
        assert_eq!(variable(&error, &typed(&["--rate", "0"])), None);
        assert_eq!(variable(&error, &typed(&["-r0"])), None);
        let unknown = Cli::try_parse_from(["producer-load", "--nonsense"]).unwrap_err();
        assert_eq!(variable(&unknown, &[]), None);
    }
}
