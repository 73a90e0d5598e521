//! A run that was killed goes on: every record is there once, by what the broker holds.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerHandle;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::total;

const TOPIC: &str = "persistent://public/default/event-stream-data";

fn broker(partitions: u32, deduplicate: bool) -> BrokerHandle {
    let retain_bytes_max = 64 * 1024 * 1024;
    let config =
        BrokerConfig { partitions, retain_bytes_max, deduplicate, ..BrokerConfig::default() };
    broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap()
}

/// Returns how often the broker holds each record's index.
fn indices(broker: &BrokerHandle, partitions: u32) -> BTreeMap<u64, u32> {
    let mut times = BTreeMap::new();
    for partition in 0..partitions {
        for entry in broker.entries(&format!("{TOPIC}-partition-{partition}")) {
            for (metadata, _) in entry.records().unwrap() {
                *times.entry(metadata.sequence_id.unwrap()).or_default() += 1;
            }
        }
    }
    times
}

#[test]
fn a_killed_run_goes_on_and_every_record_is_there_once() {
    for rate in ["3k", "max"] {
        let broker = broker(4, true);
        let url = broker.service_url();
        let count = if rate == "max" { "400000" } else { "6000" };
        let arguments = [
            "-u",
            &url,
            "-r",
            rate,
            "--num-messages",
            count,
            "-pn",
            "kept",
            "-n",
            "2",
            "--lanes",
            "1",
            "-bm",
            "100",
            "--report",
            "-",
        ];
        let mut child = program(&arguments).spawn().unwrap();
        while broker.counts().records() < 2_000 {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let there = indices(&broker, 4).len() as u64;
        let said = run(&[&arguments[..], &["--resume"]].concat());
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
        assert!(said.log.contains("going on with record "), "{}", said.log);
        let report = said.report();
        let count: u64 = count.parse().unwrap();
        // What was on its way when the first run was killed came after it was counted.
        assert!(total(&report, "acknowledged") <= count - there, "{there}: {report}");
        let first = report["totals"]["resumed_from"].as_u64().unwrap();
        assert!(first > 0 && first < count, "{report}");
        if rate != "max" {
            // The rest takes the rest of the time, and its first record is due at once.
            let elapsed_ns = report["time"]["elapsed_ns"].as_u64().unwrap();
            assert!(elapsed_ns < 1_900_000_000, "{report}");
            let slowest_ns = report["latency"]["response"]["max_ns"].as_u64().unwrap();
            assert!(slowest_ns < 1_000_000_000, "{report}");
        }
        let times = indices(&broker, 4);
        assert_eq!(times.len() as u64, count);
        assert_eq!(times.last_key_value(), Some((&(count - 1), &1)));
        assert!(times.values().all(|times| *times == 1));
        assert_verified(&url, &said, count);

        let again = run(&[&arguments[..], &["--resume"]].concat());
        assert_eq!(again.code, Some(0), "{}", again.log);
        assert_eq!(total(&again.report(), "scheduled"), 0);
        // What is there already is the end that a report names.
        assert_verified(&url, &again, count);
        let report = again.report();
        let ends = report["producers"].as_array().unwrap().iter();
        let last = ends.filter_map(|end| end["last_index"].as_u64()).max();
        assert_eq!(last, Some(count - 1), "{report}");
    }
}

/// Asserts that all that a run went on with is there once, as `verify` sees it.
fn assert_verified(url: &str, resumed: &Said, count: u64) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.json");
    std::fs::write(&file, resumed.report().to_string()).unwrap();
    let format = ["--report", file.to_str().unwrap(), "--output-format", "json"];
    let said = run(&[&["verify", "-u", url][..], &format].concat());
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    let result: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(result["counts"]["records"], count, "{result}");
}

#[test]
fn a_run_that_nobody_remembers_begins_only_if_it_may() {
    let broker = broker(4, true);
    let url = broker.service_url();
    let fixed = ["-u", &url, "-pn", "kept", "--report", "-"];
    let run = |more: &[&str]| -> Said { run(&[&fixed[..], more].concat()) };
    let refused = run(&["-d", "300ms", "-n", "2", "--resume"]);
    assert_eq!(refused.code, Some(1), "{}", refused.log);
    for words in ["deduplication is off", "no run of this plan", "--resume=or-start"] {
        assert!(refused.log.contains(words), "{}", refused.log);
    }
    let begun = run(&["-d", "300ms", "-n", "2", "--resume=or-start"]);
    assert_eq!(total(&begun.report(), "acknowledged"), 300, "{}", begun.log);
    // Another plan has other names.
    let other = run(&["-d", "1s", "-n", "2", "--resume", "--sources", "77"]);
    assert_eq!(other.code, Some(1), "{}", other.log);
    let others = run(&["-d", "1s", "-n", "3", "--resume"]);
    assert_eq!(others.code, Some(1), "{}", others.log);
    assert_eq!(run(&["-d", "1s", "-n", "2", "--resume"]).code, Some(0));
    assert_eq!(broker.counts().records(), 1_000);
}

#[test]
fn another_plan_is_not_the_one_to_go_on_with() {
    let broker = broker(2, true);
    let url = broker.service_url();
    let run = |arguments: &[&str]| -> Said {
        let fixed = ["-u", &url, "-pn", "kept", "-r", "3k", "--report", "-"];
        run(&[&fixed[..], arguments].concat())
    };
    for first in [&["-n", "2", "--seed", "7"][..], &["-n", "4", "--seed", "7"]] {
        assert_eq!(run(&[first, &["-m", "1501"]].concat()).code, Some(0));
    }
    let there = broker.counts().records();
    for changed in [
        &["-n", "2", "--seed", "8"][..],
        &["-n", "2"],
        &["-n", "1", "--seed", "7"],
        &["-n", "2", "--seed", "7", "--routing", "round-robin"],
        &["-n", "2", "--seed", "7", "--key-hash", "murmur3"],
        &["-n", "4", "--seed", "7", "--shard", "0/2"],
        &["-n", "2", "--seed", "7", "--key", "none"],
    ] {
        let refused = run(&[changed, &["-m", "3000", "--resume"]].concat());
        assert_eq!(refused.code, Some(1), "{changed:?}: {}", refused.log);
        for words in ["deduplication is off", "no run of this plan"] {
            assert!(refused.log.contains(words), "{changed:?}: {}", refused.log);
        }
    }
    assert_eq!(broker.counts().records(), there);
    // How fast, how long and in what batches is no part of it.
    let gone_on = ["-n", "2", "--seed", "7", "-m", "3000", "-bm", "50", "--resume"];
    assert_eq!(run(&gone_on).code, Some(0));
    assert_eq!(broker.counts().records(), there + 1_499);
}

#[test]
fn what_cannot_be_resumed_is_refused() {
    let url = ["-u", "pulsar://127.0.0.1:1"];
    for (arguments, words) in [
        (&["--resume", "-pn", "kept", "-n", "1"][..], "give a --service-url"),
        (&[&url[..], &["--resume", "-n", "1"]].concat(), "--resume needs --producer-name"),
        (&[&url[..], &["--resume", "-pn", "kept"]].concat(), "--resume needs --num-producers"),
        (
            &[&url[..], &["--resume", "-pn", "kept", "-n", "1", "--transport", "client"]].concat(),
            "no sequence ids",
        ),
    ] {
        let said = run(arguments);
        assert_eq!(said.code, Some(104), "{arguments:?}: {}", said.log);
        assert!(said.log.contains(words), "{arguments:?}: {}", said.log);
    }
}
