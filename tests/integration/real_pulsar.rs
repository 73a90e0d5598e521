//! A real Apache Pulsar, an official client and another AVRO library: they confirm what we say.
//!
//! `scripts/test` starts the broker and provides the interpreter; without them the tests are
//! ignored.

use std::time::Duration;

use producer_load::domain::DOMAINS;
use producer_load::domain::Domain;
use serde_json::Value;
use serde_json::json;

use crate::java;
use crate::program::STEPS;
use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::signal;
use crate::program::total;
use crate::pulsar::admin;
use crate::pulsar::assert_consumed;
use crate::pulsar::consume;
use crate::pulsar::consume_as;
use crate::pulsar::messages_in;
use crate::pulsar::order;
use crate::pulsar::url;

#[test]
#[ignore = "needs a real Pulsar and python: scripts/test provides them"]
fn real_pulsar_holds_every_record_and_an_official_client_reads_it() {
    let topic = "persistent://public/default/plain";
    let said = run(&["-u", &url(), "-t", topic, "-d", "3s", "--report", "-"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert_eq!(total(&said.report(), "acknowledged"), 3_000);
    assert_eq!(messages_in("plain"), 3_000);
    assert_consumed(&consume(topic, 3_000), 3_000);
}

#[test]
#[ignore = "needs a real Pulsar and python: scripts/test provides them"]
fn real_pulsar_partitions_are_filled_by_key_as_the_java_client_would() {
    let schemes = [("java", "JavaStringHash"), ("murmur3", "Murmur3_32Hash")];
    for (hash, scheme) in schemes {
        let topic = format!("persistent://public/default/parted-{hash}");
        order("PUT", &format!("/persistent/public/default/parted-{hash}/partitions"), "4");
        let arguments = ["-u", &url(), "-t", &topic, "-d", "2s", "-r", "5k", "-n", "3"];
        let said = run(&[&arguments[..], &["--key-hash", hash, "--report", "-"]].concat());
        assert_eq!(total(&said.report(), "acknowledged"), 10_000, "{}", said.log);
        for partition in 0..4 {
            let share = messages_in(&format!("parted-{hash}-partition-{partition}"));
            assert!((2_000..3_000).contains(&share), "{share} of 10,000 in partition {partition}");
        }
        // Each client sees every key come from one partition, in its producer's order.
        let by_python = consume(&topic, 10_000);
        assert_consumed(&by_python, 10_000);
        let by_java = java::ask(&["consume", &url(), &topic, "10000"]);
        for name in ["received", "decoded", "with_key"] {
            assert_eq!(by_java[name], 10_000, "{by_java}");
        }
        for name in ["unordered", "keys_moved"] {
            assert_eq!(by_java[name], 0, "{by_java}");
        }
        assert_eq!(by_java["distinct_keys"], by_python["distinct_keys"], "{by_java}");
        for (_, other) in schemes {
            let misplaced = by_java["keys_misplaced"][other].as_u64().unwrap();
            assert_eq!(misplaced == 0, other == scheme, "{by_java}");
        }
    }
}

#[test]
#[ignore = "needs a real Pulsar and a JDK: scripts/test provides them"]
fn real_pulsar_gives_every_record_to_the_official_java_client() {
    let records = |topic: &str, lanes: &str| {
        let (status, body) =
            admin("PUT", &format!("/persistent/public/default/{topic}/partitions"), "3");
        assert_eq!(status, 204, "{body}");
        let arguments = ["-u", &url(), "-t", topic, "-d", "2s", "-r", "5k", "--producer-name", "j"];
        let said = run(&[&arguments[..], &["-n", "2", "--lanes", lanes]].concat());
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
        let consumed = java::ask(&["consume", &url(), topic, "10000", "time"]);
        for name in ["received", "decoded", "with_key", "with_event_time", "with_schema_version"] {
            assert_eq!(consumed[name], 10_000, "{consumed}");
        }
        for name in ["unordered", "keys_moved"] {
            assert_eq!(consumed[name], 0, "{consumed}");
        }
        consumed["records_digest"].as_str().unwrap().to_owned()
    };
    // The same records but for the time, whoever made them.
    assert_eq!(records("java-one", "1"), records("java-two", "2"));
}

#[test]
#[ignore = "needs a real Pulsar and python: scripts/test provides them"]
fn real_pulsar_gives_every_domain_to_the_official_python_client() {
    for Domain { name, .. } in DOMAINS {
        let topic = format!("persistent://public/default/domain-{name}");
        let said = run(&["-u", &url(), "-t", &topic, "-d", "1s", "-r", "3k", "--domain", name]);
        assert_eq!(said.code, Some(0), "{name}: {}{}", said.out, said.log);
        let consumed = consume_as(name, &topic, 3_000);
        assert_eq!(consumed["decoded"], 3_000, "{consumed}");
        assert_eq!(consumed["schema_matches_file"], true, "{consumed}");
        assert!(consumed["distinct_keys"].as_u64().unwrap() > 500, "{consumed}");
    }
}

#[test]
#[ignore = "needs a real Pulsar, a JDK and python: scripts/test provides them"]
fn real_pulsar_every_compression_and_transport_is_read_by_official_clients() {
    let ways = [
        ("NONE", "framed"),
        ("LZ4", "framed"),
        ("ZLIB", "framed"),
        ("ZSTD", "framed"),
        ("SNAPPY", "framed"),
        ("NONE", "client"),
    ];
    let mut digests = Vec::new();
    for (compression, transport) in ways {
        let topic = format!("way-{compression}-{transport}").to_lowercase();
        let mut arguments = vec!["-u".to_owned(), url(), "-t".to_owned(), topic.clone()];
        let more = ["-d", "1s", "-r", "5k", "-pn", "way", "--transport", transport];
        arguments.extend(more.map(str::to_owned));
        if transport == "framed" {
            arguments.extend(["-z", compression].map(str::to_owned));
        }
        let said = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
        let consumed = java::ask(&["consume", &url(), &topic, "5000", "time"]);
        for name in ["received", "decoded", "with_key", "with_event_time", "with_schema_version"] {
            assert_eq!(consumed[name], 5_000, "{topic}: {consumed}");
        }
        assert_eq!(consumed["unordered"], 0, "{consumed}");
        assert_eq!(consumed["compressions"][compression], 5_000, "{consumed}");
        if transport == "framed" {
            assert_eq!(
                (&consumed["sequence_id_min"], &consumed["sequence_id_max"]),
                (&json!(0), &json!(4_999))
            );
            assert_eq!(consumed["batch_properties"], json!(["producer-load"]));
        }
        assert_consumed(&consume(&format!("persistent://public/default/{topic}"), 5_000), 5_000);
        digests.push(consumed["records_digest"].as_str().unwrap().to_owned());
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same records but for the time, by every way: {digests:?}");
}

#[test]
#[ignore = "needs a real Pulsar and python: scripts/test provides them"]
fn real_pulsar_json_is_registered_and_read_as_json() {
    let arguments = ["-u", &url(), "-t", "as-json", "-d", "1s", "-r", "2k", "--encoding", "json"];
    let said = run(&arguments);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    let (code, body) = admin("GET", "/schemas/public/default/as-json/schema", "");
    let registered: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((code, &registered["type"]), (200, &json!("JSON")), "{body}");
    let consumed = java::ask(&["consume", &url(), "as-json", "2000"]);
    assert_eq!((&consumed["received"], &consumed["decoded"]), (&json!(2_000), &json!(2_000)));
}

#[test]
#[ignore = "needs a real Pulsar and python: scripts/test provides them"]
fn real_pulsar_is_answered_while_the_load_is_full() {
    // The broker asks every 2 s whether the client is there (scripts/test), and closes the
    // connection of one that does not answer.
    let arguments = ["-u", &url(), "-t", "full", "-d", "7s", "-r", "max", "--lanes", "1"];
    let said = run(&[&arguments[..], &["--domain", "sensor_data", "--report", "-"]].concat());
    let report = said.report();
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert_eq!(total(&report, "acknowledged"), total(&report, "scheduled"));
    assert_eq!(total(&report, "acknowledged"), messages_in("full"));
}

#[test]
#[ignore = "needs a real Pulsar and python: scripts/test provides them"]
fn real_pulsar_and_the_report_agree_after_a_signal() {
    let topic = "persistent://public/default/signalled";
    let child = program(&["-u", &url(), "-t", topic, "-r", "5k", "--report", "-"]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    signal(&child, "TERM");
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(0), "{}", said.log);
    let report = said.report();
    // On a busy machine records may be due and not made yet when the signal comes.
    let [acknowledged, dropped] = ["acknowledged", "dropped"].map(|name| total(&report, name));
    assert!(acknowledged > 0, "{report}");
    assert_eq!(acknowledged + dropped, total(&report, "scheduled"), "{report}");
    assert_consumed(&consume(topic, acknowledged), acknowledged);
}

#[test]
#[ignore = "needs a real Pulsar and python: scripts/test provides them"]
fn real_pulsar_passes_the_check_step_by_step() {
    let said = run(&["check", "-u", &url(), "-t", "checked"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    let steps: Vec<_> = said.out.lines().filter_map(|l| l.split_whitespace().next()).collect();
    assert_eq!(steps, STEPS, "{}", said.out);
}
