//! Says where a refused value came from: clap names the flag, but not the environment variable that
//! was read in its place. What may be a secret in it is not told. And what was said at all, as
//! variables that say the same in a pod.

use std::env;
use std::ffi::OsString;
use std::io;
use std::io::Write;

use clap::Arg;
use clap::Command;
use clap::Error;
use clap::error::ContextKind;
use clap::error::ContextValue;
use clap::parser::ValueSource;

use super::batches;
use super::termination;
use super::variables;

/// Prints the error, with the variable that a refused value came from, and ends the program.
pub(super) fn exit(mut error: Error) -> ! {
    let typed: Vec<String> = env::args().map(batches::spelled_out).collect();
    let note = refused(&error, &typed)
        .map_or_else(String::new, |name| format!("note: the value is that of {name}\n"));
    hide_password(&mut error);
    let is_run = typed.get(1).is_none_or(|word| word.starts_with('-'));
    if is_run && error.use_stderr() {
        termination::leave(&format!("{error}{note}"));
    }
    // With standard error closed there is nobody to tell.
    error.print().ok();
    io::stderr().write_all(note.as_bytes()).ok();
    std::process::exit(error.exit_code())
}

/// Leaves out of an error what stands before the host of a service URL.
fn hide_password(error: &mut Error) {
    let is_url = |flag: &ContextValue| flag.to_string().contains("--service-url");
    let (flag, value) = (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue));
    let value = value.filter(|_| flag.is_some_and(is_url)).map(ToString::to_string);
    if let Some((_, host)) = value.as_deref().and_then(|value| value.rsplit_once('@')) {
        error.insert(ContextKind::InvalidValue, ContextValue::String(format!("…@{host}")));
    }
}

/// Returns the environment variable whose value was refused, where it was not typed.
fn refused(error: &Error, typed: &[String]) -> Option<String> {
    let mut command = variables::command();
    command.build();
    let flag = error.get(ContextKind::InvalidArg)?.to_string();
    let argument = arguments(&command).find(|argument| argument.to_string() == flag)?;
    let name = argument.get_env().filter(|_| !variables::is_typed(argument, typed))?;
    env::var_os(name).map(|_| name.to_string_lossy().into_owned())
}

/// Adds to what is wrong with flags the variables that they were read from.
pub(super) fn with_variables(text: &str, typed: impl IntoIterator<Item = OsString>) -> String {
    let typed: Vec<OsString> = typed.into_iter().collect();
    let command = variables::command_for(&typed);
    let words: Vec<String> = typed.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let flags: Vec<&str> = text.split(|c: char| c != '-' && !c.is_alphanumeric()).collect();
    let mut notes: Vec<String> = arguments(&command)
        .filter(|argument| !variables::is_typed(argument, &words))
        .filter_map(|argument| {
            let flag = format!("--{}", argument.get_long()?);
            let name = argument.get_env().filter(|name| env::var_os(name).is_some())?;
            let is_told = flags.contains(&flag.as_str());
            is_told.then(|| format!("{flag} is that of {}", name.to_string_lossy()))
        })
        .collect();
    notes.sort();
    notes.dedup();
    if notes.is_empty() { text.to_owned() } else { format!("{text} ({})", notes.join(", ")) }
}

/// Returns what flags and variables said to a subcommand under these headings, as variables.
pub(super) fn said(
    words: impl IntoIterator<Item = OsString>,
    subcommand: &str,
    headings: &[&str],
) -> Vec<(String, String)> {
    let words: Vec<OsString> = words.into_iter().collect();
    let command = variables::command_for(&words);
    // What was read once is read again.
    let Ok(matches) = command.clone().try_get_matches_from(words) else { return Vec::new() };
    let known = command.find_subcommand(subcommand).zip(matches.subcommand_matches(subcommand));
    let Some((command, matches)) = known else { return Vec::new() };
    let under = |argument: &&Arg| headings.iter().any(|it| argument.get_help_heading() == Some(it));
    let variable = |argument: &Arg| {
        let is_default =
            matches.value_source(argument.get_id().as_str())? == ValueSource::DefaultValue;
        let value = matches.get_raw(argument.get_id().as_str())?.next()?.to_string_lossy();
        let name = argument.get_env()?.to_string_lossy();
        (!is_default).then(|| (name.into_owned(), value.into_owned()))
    };
    command.get_arguments().filter(under).filter_map(variable).collect()
}

/// Returns the arguments of the command and of its subcommands.
fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().chain(command.get_subcommands().flat_map(Command::get_arguments))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Cli;
    use super::*;

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        for url in ["pulsar://me:s3cr3t@host:6650", "me:s3cr3t@host:6650"] {
            let mut error = Cli::try_parse_from(["producer-load", "-u", url]).unwrap_err();
            hide_password(&mut error);
            let said = error.to_string();
            assert!(said.contains("'…@host:6650'") && !said.contains("s3cr3t"), "{said}");
        }
        let mut error = Cli::try_parse_from(["producer-load", "--stages", "1@x"]).unwrap_err();
        hide_password(&mut error);
        assert!(error.to_string().contains("'1@x'"), "{error}");
    }

    #[test]
    fn a_typed_value_is_told_apart_from_a_variables() {
        let error = Cli::try_parse_from(["producer-load", "--rate", "0"]).unwrap_err();
        let typed = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        // Nothing was typed, and no such variable is set either.
        assert!(refused(&error, &typed(&[])).is_none());
        assert!(refused(&error, &typed(&["--rate", "0"])).is_none());
        assert!(refused(&error, &typed(&["-r0"])).is_none());
        let unknown = Cli::try_parse_from(["producer-load", "--nonsense"]).unwrap_err();
        assert!(refused(&unknown, &[]).is_none());
        let missing = Cli::try_parse_from(["producer-load", "capacity"]).unwrap_err();
        assert!(refused(&missing, &[]).is_none());
    }

    #[test]
    fn what_was_said_is_said_again_by_variables() {
        let line = "producer-load capacity --target 1k -z ZSTD:1 --disable-batching --key none";
        let words = line.split(' ').map(OsString::from);
        let said = said(words, "capacity", &["Records", "Batches"]);
        let expected = [
            ("PRODUCER_LOAD_KEY", "none"),
            ("PRODUCER_LOAD_DISABLE_BATCHING", "true"),
            ("PRODUCER_LOAD_COMPRESSION", "ZSTD:1"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(said, expected);
    }
}
