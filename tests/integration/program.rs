//! The program as a user runs it: started as a process, read through its output and exit code.

use std::fs;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;

use crate::report::assert_valid;

/// The program with no environment variable of ours set.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_producer-load"));
    for (name, _) in std::env::vars() {
        let is_ours = name.starts_with("PRODUCER_LOAD_") || name.starts_with("PULSAR_");
        if is_ours || ["MESSAGES_PER_SECOND", "EVENT_TYPE", "EVENT_SOURCE_COUNT"].contains(&&*name)
        {
            command.env_remove(name);
        }
    }
    command.env_remove("KUBERNETES_SERVICE_HOST").env_remove("RUST_LOG");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What each line of a check that passes begins with.
pub(crate) const STEPS: [&str; 7] =
    ["resolve", "connect", "authenticate", "look-up", "producer", "schema", "ok:"];

/// What a program that has ended said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) log: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            log: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// Returns the report of the marked line on standard output, which has to be a valid one.
    pub(crate) fn report(&self) -> Value {
        let marked = |line: &str| Some(line.strip_prefix("producer-load-report ")?.to_owned());
        let line = self.out.lines().find_map(marked);
        let line = line.unwrap_or_else(|| panic!("{}{}", self.out, self.log));
        let report = serde_json::from_str(&line).unwrap();
        assert_valid(&report);
        report
    }
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Said {
    program(arguments).output().unwrap().into()
}

/// Sends a signal to a process that this test started.
pub(crate) fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}

/// Returns a total of a report, after checking that the identity holds.
pub(crate) fn total(report: &Value, name: &str) -> u64 {
    let of = |name: &str| report["totals"][name].as_u64().unwrap();
    let ends = of("acknowledged") + of("failed") + of("unknown") + of("dropped");
    assert_eq!(of("scheduled"), ends, "{report}");
    of(name)
}

#[test]
fn the_first_command_runs_against_the_embedded_broker_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.json");
    let said = run(&["--duration", "2s", "--report", file.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert!(said.log.contains("EMBEDDED") && said.out.contains("EMBEDDED"), "{}", said.log);
    for line in ["Sent ", "Current rate: ", "Total sent: "] {
        assert!(said.log.contains(line), "{}", said.log);
    }
    let report: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(total(&report, "scheduled"), 2_000);
    assert_eq!(total(&report, "acknowledged"), 2_000);
    assert_eq!(report["environment"]["embedded_broker"], true);
}

#[test]
fn a_signal_ends_an_endless_run_well_and_a_bounded_one_early() {
    for (arguments, signal_name, code) in [
        (["--report", "-", "--rate", "2k"].as_slice(), "TERM", 0),
        (["--report", "-", "--duration", "1h"].as_slice(), "INT", 105),
    ] {
        let child = program(arguments).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(700));
        signal(&child, signal_name);
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!(said.code, Some(code), "{}", said.log);
        let report = said.report();
        assert!(total(&report, "acknowledged") > 0);
        assert_eq!(total(&report, "unknown"), 0);
        // On a machine that is busy a record or two were due and not made when the signal came.
        assert!(total(&report, "dropped") < 50, "{report}");
        assert_eq!(report["time"]["stopped_by_signal"], true);
    }
}

#[test]
fn a_dry_run_prints_the_plan_and_connects_to_nobody() {
    let said = run(&["--dry-run", "-u", "pulsar://127.0.0.1:1", "--seed", "77", "-r", "50k"]);
    assert_eq!(said.code, Some(0));
    for part in [
        "pulsar://127.0.0.1:1",
        "seed",
        "77",
        "50,000 messages a second",
        "sensor_telemetry",
        "connect 10.0 s, taken name 75.0 s, drain",
    ] {
        assert!(said.out.contains(part), "{}", said.out);
    }
    let said = run(&["--dry-run", "--connect-timeout", "20s"]);
    assert!(said.out.contains("connect 20.0 s, drain"), "{}", said.out);
}

#[test]
fn a_flag_wins_over_its_variable() {
    let run = |arguments: &[&str]| {
        let mut command = program(arguments);
        let output = command.env("MESSAGES_PER_SECOND", "5").env("EVENT_SOURCE_COUNT", "123");
        Said::from(output.output().unwrap()).out
    };
    let from_variable = run(&["--dry-run"]);
    assert!(from_variable.contains("  rate        5 messages"), "{from_variable}");
    assert!(from_variable.contains("of 123, shard"), "{from_variable}");
    assert!(run(&["--dry-run", "--rate", "7"]).contains("  rate        7 messages"));
}

#[test]
fn what_cannot_be_done_ends_with_its_code_and_the_mend() {
    for (arguments, variables, code, words) in [
        (["--rate", "0"].as_slice(), [].as_slice(), 2, "max"),
        (&["--domain", "sensor_tele"], &[], 2, "did you mean sensor_telemetry"),
        (&["--dry-run"], &[("MESSAGES_PER_SECOND", "")], 2, "MESSAGES_PER_SECOND"),
        (&[], &[("KUBERNETES_SERVICE_HOST", "10.0.0.1")], 104, "PULSAR_URL"),
        (&["--shard", "0/9", "--sources", "3"], &[], 104, "--sources"),
        (&["--report", "/nowhere/out.json"], &[], 1, "--report /nowhere/out.json"),
        (&["--report", "./x", "--histogram-file", "x"], &[], 104, "both write the same file"),
        (&["check"], &[], 104, "check, verify and search need a cluster"),
        (
            &["check", "-u", "pulsar://127.0.0.1:1", "--key", "nowhere"],
            &[],
            1,
            "cannot be compiled: nowhere: there is no such field",
        ),
    ] {
        let mut command = program(arguments);
        let said = Said::from(command.envs(variables.iter().copied()).output().unwrap());
        assert_eq!(said.code, Some(code), "{arguments:?}: {}", said.log);
        assert!(said.log.contains(words), "{arguments:?}: {}", said.log);
    }
}

#[test]
fn an_unreachable_broker_is_tried_for_the_timeout_and_no_longer() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("pulsar://{closed}");
    let said = run(&["check", "-u", &url, "--connect-timeout", "600ms"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.log.contains("tried for ") && said.log.contains("Connection refused"),
        "{}",
        said.log
    );
    assert!(said.out.starts_with("resolve "), "{}", said.out);
}

#[test]
fn the_broker_serves_by_itself_and_counts() {
    use std::io::BufRead;
    use std::io::BufReader;
    let mut broker = program(&["broker", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let mut log = BufReader::new(broker.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let url = line.split_whitespace().last().unwrap();
    let checked = run(&["check", "-u", url]);
    assert_eq!(checked.code, Some(0), "{}", checked.log);
    let steps: Vec<_> = checked.out.lines().filter_map(|l| l.split_whitespace().next()).collect();
    assert_eq!(steps, STEPS);
    let produced = run(&["-u", url, "-d", "1s", "-t", "a/b/c", "--report", "-"]);
    assert_eq!(total(&produced.report(), "acknowledged"), 1_000);
    signal(&broker, "TERM");
    let said = Said::from(broker.wait_with_output().unwrap());
    assert_eq!(said.code, Some(0));
    assert!(said.out.contains("persistent://a/b/c: 1,000 records in 100 batches"), "{}", said.out);
}

#[test]
fn a_pod_of_an_indexed_job_takes_its_shard_and_no_other_process_does() {
    let run = |index: Option<&str>| {
        let mut command = program(&["--dry-run", "--shard", "auto/4"]);
        command
            .env_remove("JOB_COMPLETION_INDEX")
            .envs(index.map(|it| ("JOB_COMPLETION_INDEX", it)));
        Said::from(command.output().unwrap())
    };
    let second = run(Some("2"));
    assert!(second.out.contains("5000 to 7499 of 10,000, shard 2/4"), "{}", second.out);
    for (index, words) in [(None, "completionMode: Indexed"), (Some("4"), "completions")] {
        let said = run(index);
        assert_eq!(said.code, Some(2), "{}", said.log);
        assert!(said.log.contains("--shard") && said.log.contains(words), "{}", said.log);
    }
}
