//! What is refused, with which words and which exit code.

use clap::CommandFactory;

use super::*;
use crate::plan::Settings;
use crate::trust::ClientCertificate;
use crate::trust::Trust;

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
    let plan = Plan::resolve(settings.clone(), &surroundings::here()).unwrap();
    assert_eq!(plan.load.rate, "1000".parse().unwrap());
    assert_eq!(settings.topic.as_str(), "persistent://public/default/event-stream-data");
    assert_eq!((settings.sources, settings.events.name.as_str()), (10_000, "sensor_telemetry"));
    assert!(settings.service_url.is_none() && settings.load.duration.is_none());
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
        (["--stages", "10s@max,10s@1k"], "--stages", "only the last"),
        (["--num-messages", "0"], "--num-messages", "1.."),
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
            // What a command is about stands behind its name.
            if !argument.is_positional() && !matches!(id, "help" | "version" | "dry_run" | "fields")
            {
                assert!(argument.get_env().is_some(), "--{id} has no environment variable");
            }
        }
    }
}

fn settings(arguments: &[&str]) -> Result<Settings, TargetError> {
    parse(arguments).unwrap().produce.settings()
}

#[test]
fn what_the_file_says_counts_where_nothing_was_typed() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(
        b"serviceUrl=pulsar+ssl://a:6651,b\nauthPlugin=token\nauthParams=token:s3cr3t\n\
          tlsTrustCertsFilePath=ca.pem\ntlsEnableHostnameVerification=false\nlistenerName=outer\n\
          tlsAllowInsecureConnection=false\ntlsCertificateFilePath=c\ntlsKeyFilePath=k\n",
    )
    .unwrap();
    let path = file.path().to_str().unwrap();
    let from_file = settings(&["--conf-file", path]).unwrap();
    assert_eq!(from_file.service_url.unwrap().to_string(), "pulsar+ssl://a:6651,b:6651");
    assert_eq!(from_file.listener_name.as_deref(), Some("outer"));
    assert_eq!(from_file.credentials.unwrap().secret().unwrap(), b"s3cr3t");
    let own = ClientCertificate { certificate_file: "c".into(), key_file: "k".into() };
    assert_eq!(
        from_file.trust,
        Trust {
            authorities_file: Some("ca.pem".to_owned()),
            certificate: Some(own),
            is_anyone_trusted: false,
            is_host_name_checked: false,
        }
    );

    let typed = ["-u", "pulsar+ssl://c:1", "--trust-cert-file", "other.pem"];
    let also = ["--tls-enable-hostname-verification", "--auth-params", "token:other"];
    let arguments = [&["--conf-file", path][..], &typed, &also].concat();
    let both = settings(&arguments).unwrap();
    assert_eq!(both.service_url.unwrap().to_string(), "pulsar+ssl://c:1");
    assert_eq!(both.trust.authorities_file.as_deref(), Some("other.pem"));
    assert!(both.trust.is_host_name_checked);
    assert_eq!(both.credentials.unwrap().secret().unwrap(), b"other");
}

#[test]
fn a_flag_that_can_change_nothing_is_refused() {
    let plain = ["-u", "pulsar://localhost"];
    for (arguments, flag) in [
        (&["--trust-cert-file", "x"][..], "--trust-cert-file"),
        (&["--tls-allow-insecure"], "--tls-allow-insecure"),
        (&["--tls-cert-file", "x", "--tls-key-file", "y"], "--tls-cert-file"),
        (&["--tls-enable-hostname-verification"], "--tls-enable-hostname-verification"),
    ] {
        for arguments in [arguments.to_vec(), [&plain, arguments].concat()] {
            let said = settings(&arguments).err().unwrap().to_string();
            assert!(said.contains(flag) && said.contains("pulsar+ssl://"), "{said}");
        }
    }
    let said = settings(&["--listener-name", "outer"]).err().unwrap().to_string();
    assert!(said.contains("--service-url"), "{said}");
    let tls = ["-u", "pulsar+ssl://localhost", "--tls-cert-file", "x"];
    let said = settings(&tls).err().unwrap().to_string();
    assert!(said.contains("--tls-key-file"), "{said}");
}
