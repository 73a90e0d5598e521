//! What is refused, with which words and which exit code.

use clap::CommandFactory;

use super::*;
use crate::units::Rate;

fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once(&"producer-load").chain(arguments))
}

fn refused(arguments: &[&str]) -> String {
    let error = parse(arguments).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn defaults_are_those_of_the_replaced_system() {
    let settings = parse(&[]).unwrap().produce.settings().unwrap();
    assert_eq!(settings.rate, Rate::PerSecondMillionths(1_000_000_000));
    assert_eq!(settings.topic.as_str(), "persistent://public/default/event-stream-data");
    assert_eq!((settings.sources, settings.events.name.as_str()), (10_000, "sensor_telemetry"));
    assert!(settings.service_url.is_none() && settings.duration.is_none());
}

#[test]
fn bad_input_names_the_flag_and_the_mend() {
    for (arguments, flag, mend) in [
        (["--rate", "0"], "--rate", "max"),
        (["--rate", "-1"], "--rate", "max"),
        (["--rate", "fast"], "--rate", "50k"),
        (["--service-url", "kafka://host:9092"], "--service-url", "pulsar://"),
        (["--topic", "a//b"], "--topic", "namespace"),
        (["--topic", "persistent://a/b"], "--topic", "TENANT/NAMESPACE/NAME"),
        (["--domain", "sensor_telemetri"], "--domain", "did you mean sensor_telemetry?"),
        (["--sources", "0"], "--sources", "at least 1"),
        (["--duration", "soon"], "--duration", "30s"),
        (["--duration", "0s"], "--duration", "above 0"),
        (["--shard", "4/4"], "--shard", "count from 0"),
        (["--num-producers", "0"], "--num-producers", "1.."),
        (["--producer-name", "a b"], "--producer-name", "letters"),
        (["--pin", "maybe"], "--pin", "auto"),
    ] {
        let said = refused(&arguments);
        assert!(said.contains(flag) && said.contains(mend), "{said}");
    }
    assert!(refused(&["broker", "--fault", "explode"]).contains("receipt-delay"));
}

#[test]
fn what_belongs_to_a_subcommand_is_not_taken_elsewhere() {
    assert!(parse(&["--rate", "5", "check"]).is_err());
    assert!(parse(&["check", "--rate", "5"]).is_err());
    assert!(parse(&["check", "-u", "pulsar://localhost"]).is_ok());
}

#[test]
fn every_setting_has_its_variable() {
    let command = Cli::command();
    for command in std::iter::once(&command).chain(command.get_subcommands()) {
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            if !matches!(id, "help" | "version" | "dry_run" | "fields") {
                assert!(argument.get_env().is_some(), "--{id} has no environment variable");
            }
        }
    }
}
