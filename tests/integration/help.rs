//! The examples of every subcommand's help work as they are printed: they are read out of the help
//! and run by a shell. Addresses alone are replaced, because tests share a machine.

use std::fs;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use producer_load::clock;

use crate::engine::broker;
use crate::past_reports::report;
use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::signal;

/// What is not over by then is interrupted, which has to end it well.
const PATIENCE: Duration = Duration::from_secs(15);

/// What it takes to measure.
const PATIENCE_OF_CAPACITY: Duration = Duration::from_secs(90);

/// The reports that examples read: of one shard and of the other, in turn.
const REPORTS: [&str; 11] = [
    "pod-0.json",
    "pod-1.json",
    "a.json",
    "b.json",
    "a2.json",
    "b2.json",
    "a3.json",
    "b3.json",
    "out.json",
    "before.json",
    "after.json",
];

/// Returns the names of the subcommands, as the program's help lists them.
fn subcommands() -> Vec<String> {
    let help = run(&["--help"]).out;
    let listed = help.split_once("Commands:\n").unwrap().1;
    let names = listed.lines().take_while(|line| !line.is_empty());
    // What goes on on the next line is indented further.
    let names = names.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !["", "help"].contains(name)).map(ToOwned::to_owned).collect()
}

/// Returns the examples at the end of a help.
fn examples(command: &[&str]) -> Vec<String> {
    let help = run(&[command, &["--help"]].concat()).out;
    let listed = help.rsplit_once("Examples:\n").unwrap_or_else(|| panic!("{help}")).1;
    let lines = listed.lines().take_while(|line| line.starts_with("  "));
    lines.map(|line| line.trim().to_owned()).collect()
}

/// Runs an example until it ends; what goes on for ever is interrupted.
fn run_example(line: &str, url: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    for (place, file) in REPORTS.into_iter().enumerate() {
        fs::write(folder.path().join(file), report(place % 2)).unwrap();
    }
    let line = line.replace("pulsar://localhost:6650", url);
    let line = line.replace("127.0.0.1:6651", "127.0.0.1:0");
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_producer-load"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    // The variables that count are the same as in every other test.
    let mut command = Command::new("sh");
    for (name, value) in program(&[]).get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    // The shell makes way for the program, so that a signal reaches that.
    let child = command
        .args(["-c", &exec(&line)])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("PRODUCER_LOAD_LISTEN", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let is_capacity = line.contains("load capacity");
    ended(child, if is_capacity { PATIENCE_OF_CAPACITY } else { PATIENCE })
}

/// Lets the shell become the program: `A=B program` is `env A=B program`.
fn exec(line: &str) -> String {
    if line.starts_with("producer-load") {
        format!("exec {line}")
    } else {
        format!("exec env {line}")
    }
}

fn ended(mut child: Child, patience: Duration) -> Said {
    let deadline = clock::now().plus_ns(u64::try_from(patience.as_nanos()).unwrap()).instant();
    let is_over = |deadline: Instant| clock::now().instant() >= deadline;
    while child.try_wait().unwrap().is_none() {
        if is_over(deadline) {
            signal(&child, "INT");
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.wait_with_output().unwrap().into()
}

#[test]
fn every_subcommand_has_two_examples_that_work_as_printed() {
    let broker = broker(0, None);
    let url = broker.service_url();
    let names = subcommands();
    for name in ["check", "verify", "search", "capacity", "sample", "schema", "broker"] {
        assert!(names.iter().any(|listed| listed == name), "{name}: {names:?}");
    }
    let commands = names.iter().map(|name| vec![name.as_str()]).chain([vec![]]);
    let lines: Vec<String> = commands
        .flat_map(|command| {
            let examples = examples(&command);
            assert!(examples.len() >= 2, "{command:?} has {examples:?}");
            for example in &examples {
                let own = format!("producer-load {}", command.join(" "));
                assert!(example.contains(own.trim()), "{example}");
            }
            examples
        })
        .collect();
    // verify judges what others sent too, so it comes first, and needs something to judge,
    // there already and coming.
    let said = run(&["-u", &url, "-d", "200ms"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    let (mut first, others): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line.contains("verify"));
    let beside = "producer-load -u pulsar://localhost:6650 -r 100 -d 12s".to_owned();
    first.push(&beside);
    for lines in [first, others] {
        thread::scope(|scope| {
            let run = |line: &&String| {
                let line = (*line).clone();
                let url = &url;
                scope.spawn(move || (run_example(&line, url), line))
            };
            let running: Vec<_> = lines.iter().map(run).collect();
            for run in running {
                let (said, line) = run.join().unwrap();
                // A search of a busy machine may end without a rate, a run late: neither is what an
                // example is to show, nor that one run is worse than another, and all are told
                // apart from what cannot be read or done.
                let worked = matches!(said.code, Some(0 | 105 | 98 | 100));
                assert!(worked, "{line}: {:?}\n{}{}", said.code, said.out, said.log);
                assert!(!said.log.contains("panicked"), "{line}: {}", said.log);
            }
        });
    }
}

#[test]
fn an_example_that_cannot_work_is_noticed() {
    let said = run_example("producer-load --no-such-flag", "pulsar://127.0.0.1:1");
    assert_eq!(said.code, Some(2), "{}", said.log);
    let said = run_example("producer-load check -u pulsar://localhost:6650", "kafka://nowhere");
    assert_eq!(said.code, Some(2), "{}", said.log);
}
