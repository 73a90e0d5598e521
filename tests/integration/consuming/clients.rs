//! What our program sends to the embedded broker, read back from it by official clients.

use std::io::BufRead as _;
use std::io::BufReader;
use std::process::Command;
use std::process::Stdio;

use producer_load::broker::BrokerHandle;
use producer_load::broker::Faults;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::java;
use crate::program::Said;
use crate::program::total;

const RECORDS: u64 = 10_000;

fn start_with_partitions(partitions: u32) -> BrokerHandle {
    let retain_bytes_max = 64 * 1024 * 1024;
    start_with(BrokerConfig { partitions, retain_bytes_max, ..BrokerConfig::default() })
}

/// Sends ten thousand records by our program.
fn send(broker: &BrokerHandle, arguments: &[&str]) {
    let url = broker.service_url();
    let fixed = ["-u", &url, "-t", "t", "-d", "1s", "-r", "10k", "-n", "3", "--report", "-"];
    let said = run(&[&fixed[..], arguments].concat());
    assert_eq!(total(&said.report(), "acknowledged"), RECORDS, "{}", said.log);
}

/// Returns the sum of the CRC-32 of the payloads that a topic holds, and how many they are.
fn held(broker: &BrokerHandle, topic: &str) -> (u64, u64) {
    let (mut sum, mut count) = (0_u64, 0);
    for entry in broker.entries(topic) {
        for (_, payload) in entry.records().unwrap() {
            let mut crc = flate2::Crc::new();
            crc.update(payload);
            sum = sum.wrapping_add(u64::from(crc.sum()));
            count += 1;
        }
    }
    (sum, count)
}

/// Lets the official Python client read the topics in every way.
fn ask_python(broker: &BrokerHandle, single: &str, topics: &[&str]) -> Value {
    let python = std::env::var("PRODUCER_LOAD_PYTHON").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/consumers/subscriptions.py");
    let count = RECORDS.to_string();
    let mut command = Command::new(python);
    command.args([script, &broker.service_url(), single, &count]).args(topics);
    let said = Said::from(command.output().unwrap());
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    serde_json::from_str(said.out.lines().last().unwrap()).unwrap()
}

#[test]
#[ignore = "needs python with pulsar-client: scripts/test provides it"]
fn python_the_official_client_reads_every_record_in_every_way() {
    let parted = ["t-partition-0", "t-partition-1", "t-partition-2", "t-partition-3"];
    let several = ["t-0", "t-1", "t-2"];
    let (one, none) = (&["t"][..], &[][..]);
    let ways = [
        (4, none, one, &parted[..]),
        (0, &["--num-topics", "3"], &several, &several),
        (0, &["-z", "LZ4"], one, one),
    ];
    for (partitions, arguments, topics, holders) in ways {
        let broker = start_with_partitions(partitions);
        send(&broker, arguments);
        let told = ask_python(&broker, holders[0], topics);
        for way in ["exclusive", "shared", "failover", "pattern"] {
            assert_eq!(told[way]["distinct"], RECORDS, "{told}");
        }
        for way in ["exclusive", "pattern", "cumulative", "reader"] {
            assert_eq!(told[way]["received"], told[way]["distinct"], "{told}");
        }
        // What is compressed the broker does not open; the client's answers still have to agree.
        if !arguments.contains(&"LZ4") {
            let held: Vec<_> = holders.iter().map(|topic| held(&broker, topic)).collect();
            let sum = held.iter().fold(0_u64, |sum, (crc, _)| sum.wrapping_add(*crc));
            assert_eq!(told["exclusive"]["crc"], sum, "{told}");
            assert_eq!(told["reader"]["crc"], held[0].0, "{told}");
            assert_eq!(told["cumulative"]["received"], held[0].1, "{told}");
        }
        for way in ["shared", "failover", "pattern"] {
            assert_eq!(told[way]["crc"], told["exclusive"]["crc"], "{told}");
        }
        let counts = broker.stop();
        assert_eq!((counts.frames_refused, counts.checksum_errors), (0, 0));
        assert!(counts.topics.values().all(|topic| topic.overrun_batches == 0));
    }
}

#[test]
#[ignore = "needs a JDK and Maven: scripts/test provides the witness"]
fn java_the_official_client_reads_every_record_in_every_way() {
    let broker = start_with_partitions(0);
    send(&broker, &[]);
    let told = java::ask(&["subscriptions", &broker.service_url(), "t", &RECORDS.to_string()]);
    assert_eq!(told["exclusive_busy"], true, "{told}");
    assert_eq!(told["cumulative_left"], RECORDS - RECORDS / 3 - 1, "{told}");
    let shared = [told["shared"][0].as_u64().unwrap(), told["shared"][1].as_u64().unwrap()];
    assert!(shared[0] > 0 && shared[1] > 0 && shared[0] + shared[1] == RECORDS, "{told}");
    // The second of two reads nothing before the first leaves; each is told once that it reads.
    assert_eq!(told["failover"], json!([RECORDS, 0, RECORDS, 2]), "{told}");
    assert_eq!(told["sought"], json!([RECORDS, RECORDS / 2 - 1, RECORDS, 0]), "{told}");
    assert_eq!(told["reader"], RECORDS, "{told}");
    assert_eq!(broker.stop().frames_refused, 0);
}

#[test]
#[ignore = "needs a JDK and Maven: scripts/test provides the witness"]
fn java_the_official_client_decodes_what_the_embedded_broker_kept() {
    let ways: [&[&str]; 3] = [&[], &["-z", "ZSTD"], &["--encoding", "json"]];
    for arguments in ways {
        let broker = start_with_partitions(4);
        send(&broker, arguments);
        let told = java::ask(&["consume", &broker.service_url(), "t", &RECORDS.to_string()]);
        for name in ["received", "decoded", "with_key", "with_event_time", "with_schema_version"] {
            assert_eq!(told[name], RECORDS, "{arguments:?}: {told}");
        }
        for name in ["unordered", "keys_moved", "repeated_ids"] {
            assert_eq!(told[name], 0, "{arguments:?}: {told}");
        }
        assert_eq!(told["topics"].as_object().unwrap().len(), 4, "{told}");
    }
}

/// Lets the official Python client read the topic `t` while our program sends, and returns what it
/// saw.
fn follow(broker: &BrokerHandle, pause_s: &str, arguments: &[&str]) -> Value {
    let python = std::env::var("PRODUCER_LOAD_PYTHON").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/consumers/follow.py");
    let url = broker.service_url();
    let mut command = Command::new(python);
    command.args([script, &url, "t", pause_s]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = command.spawn().unwrap();
    let mut told = BufReader::new(client.stdout.take().unwrap()).lines();
    assert_eq!(told.next().unwrap().unwrap(), "subscribed");
    let said = run(&[&["-u", &url, "-t", "t"][..], arguments].concat());
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    let last = told.last().unwrap().unwrap();
    assert!(client.wait().unwrap().success());
    serde_json::from_str(&last).unwrap()
}

#[test]
#[ignore = "needs python with pulsar-client: scripts/test provides it"]
fn python_a_client_that_is_cut_off_again_and_again_reads_every_record() {
    let faults = ["drop-connection-every=700ms", "refuse=100ms"].map(|it| it.parse().unwrap());
    let faults = Faults::combine(faults).unwrap();
    let retain_bytes_max = 64 * 1024 * 1024;
    let broker = start_with(BrokerConfig { faults, retain_bytes_max, ..BrokerConfig::default() });
    let told = follow(&broker, "0", &["-r", "5k", "-d", "4s"]);
    let (crc, count) = held(&broker, "t");
    assert!(count >= 20_000, "{count}");
    assert_eq!((&told["distinct"], &told["crc"]), (&json!(count), &json!(crc)), "{told}");
    assert!(told["received"].as_u64().unwrap() >= count, "{told}");
    assert!(broker.stop().faults["drop-connection-every"] >= 5);
}

#[test]
#[ignore = "needs python with pulsar-client: scripts/test provides it"]
fn python_a_client_that_sleeps_sees_what_it_missed() {
    let retain_bytes_max = 1024 * 1024;
    let broker = start_with(BrokerConfig { retain_bytes_max, ..BrokerConfig::default() });
    let told = follow(&broker, "4", &["-r", "20k", "-d", "1s"]);
    let counts = broker.stop();
    let missed = counts.topics["persistent://public/default/t"].overrun_batches;
    assert!(missed > 20, "{missed}");
    assert_eq!(told["missing"], missed, "{told}");
}
