//! `verify` against the embedded broker: what is right is told to be right, and each single thing
//! that the broker spoils is found, with its index.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerHandle;
use producer_load::broker::Faults;
use serde_json::Value;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::total;
use crate::pulsar::order;
use crate::pulsar::url;
use crate::raw_client::RawClient;
use crate::raw_client::batch_frame;

mod gaps;

const TOPIC: &str = "persistent://public/default/event-stream-data";

fn broker(partitions: u32, faults: &[&str]) -> BrokerHandle {
    keeping(256 * 1024 * 1024, partitions, faults)
}

fn keeping(retain_bytes_max: usize, partitions: u32, faults: &[&str]) -> BrokerHandle {
    let faults = Faults::combine(faults.iter().map(|fault| fault.parse().unwrap())).unwrap();
    let config =
        BrokerConfig { partitions, faults, retain_bytes_max, seed: 5, ..BrokerConfig::default() };
    broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap()
}

fn produce(broker: &BrokerHandle, arguments: &[&str]) -> Said {
    let url = broker.service_url();
    let common = ["-u", &url, "--lanes", "1", "--max-lag", "0", "--report", "-"];
    let said = run(&[&common, arguments].concat());
    // A busy machine may be late; that every record is there is what matters.
    let report = said.report();
    let (scheduled, there) = (total(&report, "scheduled"), total(&report, "acknowledged"));
    assert_eq!(scheduled, there, "{}{}", said.out, said.log);
    said
}

/// Verifies; returns the exit code and the result.
fn verify(broker: &BrokerHandle, arguments: &[&str]) -> (Option<i32>, Value) {
    let url = broker.service_url();
    let common = ["verify", "-u", &url, "--output-format", "json"];
    let said = run(&[&common, arguments].concat());
    let result = serde_json::from_str(&said.out);
    (said.code, result.unwrap_or_else(|_| panic!("{}{}", said.out, said.log)))
}

fn count(result: &Value, kind: &str) -> u64 {
    result["counts"][kind].as_u64().unwrap_or_else(|| panic!("{kind}: {result}"))
}

/// Returns the indices of the examples of a kind.
fn indices(result: &Value, kind: &str) -> Vec<u64> {
    let examples = result["examples"].as_array().unwrap().iter();
    examples.filter(|it| it["kind"] == kind).map(|it| it["index"].as_u64().unwrap()).collect()
}

const WRONG: [&str; 11] = [
    "missing",
    "dropped",
    "gone",
    "overrun",
    "open",
    "repeated",
    "repeated_or_late",
    "reordered",
    "altered",
    "foreign",
    "malformed_batches",
];

#[test]
fn whatever_a_run_is_told_its_records_are_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("own.avsc");
    let text = r#"{"type":"record","name":"Own","fields":[
        {"name":"id","type":"long"},{"name":"words","type":{"type":"array","items":"string"}}]}"#;
    std::fs::write(&schema, text).unwrap();
    let schema = schema.to_str().unwrap();
    let cases: [(u32, &[&str], &[&str]); 7] = [
        (0, &["-n", "3"], &[]),
        (4, &["-z", "LZ4"], &[]),
        (4, &["-z", "ZSTD", "--disable-batching"], &[]),
        (3, &["--num-topics", "2", "-n", "2"], &["--num-topics", "2"]),
        (2, &["--encoding", "json"], &["--encoding", "json"]),
        (0, &["--schema-file", schema], &["--schema-file", schema]),
        (
            4,
            &["--domain", "order_events", "--key", "none", "-z", "SNAPPY"],
            &["--domain", "order_events", "--key", "none"],
        ),
    ];
    for (partitions, produced, told) in cases {
        let broker = broker(partitions, &[]);
        let said = produce(&broker, &[&["-r", "10k", "-d", "1s"], produced].concat());
        let sent = total(&said.report(), "acknowledged");
        let (code, result) = verify(&broker, told);
        assert_eq!(code, Some(0), "{produced:?}: {result}");
        assert_eq!((count(&result, "records"), sent), (10_000, 10_000), "{produced:?}: {result}");
        for kind in WRONG {
            assert_eq!(count(&result, kind), 0, "{produced:?}: {result}");
        }
        assert_eq!(result["reported"], Value::Null);
    }
}

/// What the broker holds of one producer, read by other code than that of verify.
#[derive(Default)]
struct Held {
    /// How often each record is there, its event time and bytes.
    records: BTreeMap<u64, (u64, u64, Vec<u8>)>,
    late: Vec<u64>,
}

fn held(broker: &BrokerHandle, partitions: u32) -> Held {
    let mut held = Held::default();
    for partition in 0..partitions {
        let mut highest = None;
        for entry in broker.entries(&format!("{TOPIC}-partition-{partition}")) {
            for (metadata, bytes) in entry.records().unwrap() {
                let id = metadata.sequence_id.unwrap();
                let time = metadata.event_time.unwrap();
                let known = held.records.entry(id).or_insert((0, time, bytes.to_vec()));
                known.0 += 1;
                if highest.is_some_and(|highest| id < highest) && known.0 == 1 {
                    held.late.push(id);
                }
                highest = highest.max(Some(id));
            }
        }
    }
    held
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn one_lost_one_repeated_one_swapped_and_one_flipped_bit_are_found() {
    for partitions in [1, 4] {
        let faults = ["lose=1", "repeat=1", "reorder=1", "flip-bit=1"];
        let broker = broker(partitions, &faults);
        produce(&broker, &["-r", "100k", "-d", "2s", "--seed", "7"]);
        let held = held(&broker, partitions);
        let (code, result) = verify(&broker, &[]);
        assert_eq!(code, Some(1), "{result}");
        assert_eq!(count(&result, "records"), 200_000, "{result}");
        for kind in ["missing", "repeated", "reordered", "altered"] {
            assert_eq!(count(&result, kind), 1, "{kind}: {result}");
        }
        for kind in ["dropped", "repeated_or_late", "foreign", "malformed_batches"] {
            assert_eq!(count(&result, kind), 0, "{kind}: {result}");
        }
        let missing: Vec<u64> = (0..200_000).filter(|id| !held.records.contains_key(id)).collect();
        assert_eq!(indices(&result, "missing"), missing);
        let records = held.records.iter();
        let twice: Vec<u64> = records.filter(|(_, it)| it.0 > 1).map(|(id, _)| *id).collect();
        assert_eq!(indices(&result, "repeated"), twice);
        assert_eq!(indices(&result, "reordered"), held.late);
        let altered = indices(&result, "altered")[0];
        let (_, time, bytes) = &held.records[&altered];
        let (first, time) = (altered.to_string(), time.to_string());
        let wanted = ["--first", &first, "-n", "1", "--event-time", &time, "--seed", "7"];
        let said = run(&[&["sample", "--format", "hex"], &wanted[..]].concat());
        let (right, wrong) = (said.out.trim().to_owned(), hex(bytes));
        let differ = right.bytes().zip(wrong.bytes()).filter(|(right, wrong)| right != wrong);
        assert_eq!((differ.count(), right.len()), (1, wrong.len()), "{right} {wrong}");
    }
}

#[test]
fn what_was_dropped_is_not_taken_for_lost() {
    let broker = broker(4, &["stop-reading-for=2s"]);
    let url = broker.service_url();
    let load = ["-u", &url, "-r", "50k", "-d", "4s", "--max-lag", "100ms", "--lanes", "1"];
    let said = run(&[&load[..], &["-ml", "2M", "--report", "-"]].concat());
    let dropped = total(&said.report(), "dropped");
    assert!(dropped > 1_000, "{}{}", said.out, said.log);
    let (code, result) = verify(&broker, &[]);
    assert_eq!((count(&result, "missing"), code), (0, Some(0)), "{result}");
    assert_eq!(count(&result, "dropped"), dropped, "{result}");
}

#[test]
fn others_messages_are_foreign_and_other_flags_are_named() {
    let broker = broker(0, &[]);
    let mut client = RawClient::connect(&broker.service_url());
    assert!(client.open_producer("p", 0).producer_success.is_some());
    client.write(&batch_frame(0, &[b"a", b"b"], 2)).unwrap();
    assert!(client.hear().send_receipt.is_some());
    let (code, result) = verify(&broker, &["-t", "raw"]);
    assert_eq!((code, count(&result, "foreign")), (Some(1), 2), "{result}");
    assert!(result["examples"][0]["why"].as_str().unwrap().contains("no property"), "{result}");

    produce(&broker, &["-r", "1k", "-d", "1s"]);
    let (code, result) = verify(&broker, &["--sources", "77", "--examples", "1"]);
    assert_eq!((code, count(&result, "foreign")), (Some(1), 1_000), "{result}");
    assert!(result["examples"][0]["why"].as_str().unwrap().contains("other flags"), "{result}");
    assert_eq!(result["examples"].as_array().unwrap().len(), 1);
    let (code, result) = verify(&broker, &["-t", "raw", "--examples", "0"]);
    assert_eq!((code, result["examples"].as_array().unwrap().len()), (Some(1), 0));
}

#[test]
fn the_reports_end_is_what_has_to_be_there() {
    let broker = broker(2, &["drop-connection-every=400ms"]);
    let report = produce(&broker, &["-r", "20k", "-d", "2s", "-n", "2"]).report();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.json");
    let told = |report: &Value| {
        std::fs::write(&file, report.to_string()).unwrap();
        verify(&broker, &["--report", file.to_str().unwrap()])
    };
    let (code, result) = told(&report);
    assert_eq!((code, count(&result, "missing")), (Some(0), 0), "{result}");
    assert_eq!(result["reported"]["resent"], report["totals"]["resent"]);
    assert!(total(&report, "resent") >= count(&result, "repeated"), "{result}");
    // Two records behind the last one of a stream, of both partitions together.
    let mut longer = report.clone();
    let last = longer["producers"][0]["last_index"].as_u64().unwrap();
    let other = longer["producers"][1]["last_index"].as_u64().unwrap();
    for producer in 0..2 {
        longer["producers"][producer]["last_index"] = (last.max(other) + 4).into();
    }
    let (code, result) = told(&longer);
    assert_eq!((code, count(&result, "missing")), (Some(1), 2), "{result}");
    // What the run says it does not know of may be missing.
    longer["totals"]["unknown"] = 2.into();
    assert_eq!(told(&longer).0, Some(0));
    let mut another = report.clone();
    another["producers"][0]["name"] = "another".into();
    let (code, result) = told(&another);
    assert_eq!((code, &result["silent_producers"][0]), (Some(1), &"another".into()), "{result}");
}

#[test]
fn a_connection_that_is_lost_loses_and_repeats_nothing() {
    let broker = broker(2, &["drop-connection-every=300ms"]);
    produce(&broker, &["-r", "100k", "-d", "3s", "--seed", "7"]);
    let (_, result) = verify(&broker, &[]);
    let held = held(&broker, 2);
    let there: u64 = held.records.values().map(|(times, ..)| times).sum();
    assert_eq!(count(&result, "records"), there, "{result}");
    assert_eq!(count(&result, "repeated"), there - 300_000, "{result}");
    for kind in ["missing", "dropped", "reordered", "altered", "foreign", "malformed_batches"] {
        assert_eq!(count(&result, kind), 0, "{kind}: {result}");
    }
}

#[test]
fn a_broker_that_falls_silent_is_left_and_nothing_is_lost() {
    let broker = broker(2, &["half-open=1500ms"]);
    let url = broker.service_url();
    let live = ["--from", "live", "-d", "6s", "--output-format", "json"];
    let live = [&live[..], &["--keep-alive-interval", "300ms"]].concat();
    let child = program(&[&["verify", "-u", &url], &live[..]].concat()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    produce(&broker, &["-r", "5k", "-d", "3s", "--keep-alive-interval", "300ms"]);
    let said = Said::from(child.wait_with_output().unwrap());
    let result: Value = serde_json::from_str(&said.out).unwrap();
    for kind in ["missing", "reordered", "altered", "foreign"] {
        assert_eq!(count(&result, kind), 0, "{kind}: {result}{}", said.log);
    }
    assert!(said.log.contains("has said nothing for"), "{}", said.log);
    assert!(count(&result, "records") > 10_000, "{result}{}", said.log);
}

#[test]
fn what_comes_is_verified_live_and_its_latency_told() {
    let broker = broker(2, &[]);
    let url = broker.service_url();
    let arguments = ["--from", "live", "-d", "4s", "--output-format", "json"];
    let child = program(&[&["verify", "-u", &url], &arguments[..]].concat()).spawn().unwrap();
    // It has a second to subscribe: what comes before that is not read, and not wrong either.
    std::thread::sleep(Duration::from_secs(1));
    produce(&broker, &["-r", "5k", "-d", "1500ms"]);
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    let result: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(count(&result, "missing"), 0);
    assert!(count(&result, "records") > 1_000, "{result}");
    let latency = &result["latency"];
    let of = |name: &str| latency[name].as_u64().unwrap();
    assert!(of("max_ms") >= 1 && of("p999_ms") >= of("p99_ms"), "{result}");
    let bytes = STANDARD.decode(latency["histogram"].as_str().unwrap()).unwrap();
    let whole: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
    assert_eq!((whole.len(), whole.max()), (count(&result, "records"), of("max_ms")));
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_is_verified_live_through_an_unload_and_from_the_beginning() {
    order("PUT", "/persistent/public/default/verified/partitions", "4");
    let (url, topic) = (url(), "persistent://public/default/verified");
    let live = ["--from", "live", "-d", "12s", "--output-format", "json"];
    let live = [&["verify", "-u", &url, "-t", topic], &live[..]].concat();
    let live = program(&live).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.json");
    let file = file.to_str().unwrap();
    let load = ["-u", &url, "-t", topic, "-r", "5k", "-d", "6s", "-n", "2", "--report", file];
    let load = program(&load).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    order("PUT", "/persistent/public/default/verified/unload", "");
    let load = Said::from(load.wait_with_output().unwrap());
    let live = Said::from(live.wait_with_output().unwrap());
    let from_earliest = ["verify", "-u", &url, "-t", topic, "--report", file];
    let earliest = run(&[&from_earliest[..], &["--output-format", "json"]].concat());
    assert_eq!(earliest.code, Some(0), "{}{}{}", earliest.out, earliest.log, load.log);
    assert!(live.log.contains("subscribing again"), "{}", live.log);
    for said in [live, earliest] {
        let result: Value = serde_json::from_str(&said.out).unwrap();
        for kind in ["missing", "dropped", "reordered", "altered", "foreign"] {
            assert_eq!(count(&result, kind), 0, "{kind}: {result}");
        }
        let repeated = count(&result, "repeated") + count(&result, "repeated_or_late");
        assert_eq!(count(&result, "records") - repeated, 30_000, "{result}{}", load.log);
    }
}
