//! The framed transport against the embedded broker, which reads frames with other code than that
//! which writes them.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerHandle;
use producer_load::broker::Faults;
use producer_load::clock;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::total;

const TOPIC: &str = "persistent://public/default/event-stream-data";

fn broker(fault: Option<&str>) -> BrokerHandle {
    let faults = Faults::combine(fault.map(|fault| fault.parse().unwrap())).unwrap();
    let retain_bytes_max = 64 * 1024 * 1024;
    let config = BrokerConfig { faults, retain_bytes_max, ..BrokerConfig::default() };
    broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap()
}

/// A record as the broker holds it: key, event time less that of the first one, and payload without
/// the bytes of the time in it.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    sequence_id: Option<u64>,
    key: String,
    event_time: u64,
    payload: Vec<u8>,
}

/// Returns what the broker holds of a topic, by producer in order.
fn held(broker: &BrokerHandle) -> BTreeMap<String, Vec<Held>> {
    let mut held: BTreeMap<String, Vec<Held>> = BTreeMap::new();
    for entry in broker.entries(TOPIC) {
        let records = held.entry(entry.producer_name.clone()).or_default();
        for (metadata, payload) in entry.records().unwrap() {
            records.push(Held {
                sequence_id: metadata.sequence_id,
                key: metadata.partition_key.clone().unwrap_or_default(),
                event_time: metadata.event_time.unwrap(),
                payload: payload.to_vec(),
            });
        }
    }
    held
}

#[test]
fn both_transports_send_the_same_records() {
    let records = |transport: &str| {
        let broker = broker(None);
        let url = broker.service_url();
        let arguments = ["-u", &url, "-d", "500ms", "-r", "6k", "--seed", "7", "-pn", "same"];
        // Without the event time in the record, two runs make the same bytes.
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/timeless.avsc");
        let more = ["-n", "2", "--report", "-", "--transport", transport, "--schema-file", schema];
        let said = run(&[&arguments[..], &more].concat());
        assert_eq!(total(&said.report(), "acknowledged"), 3_000, "{}", said.log);
        held(&broker)
    };
    let (framed, client) = (records("framed"), records("client"));
    assert_eq!(framed.keys().collect::<Vec<_>>(), client.keys().collect::<Vec<_>>());
    for (name, framed) in &framed {
        let client = &client[name];
        assert_eq!(framed.len(), 1_500);
        let (first, first_there) = (framed[0].event_time, client[0].event_time);
        for (place, (ours, theirs)) in framed.iter().zip(client).enumerate() {
            assert_eq!((&ours.key, &ours.payload), (&theirs.key, &theirs.payload));
            // Due times are the same to the nanosecond, their milliseconds to one.
            let (a, b) = (ours.event_time - first, theirs.event_time - first_there);
            assert!(a.abs_diff(b) <= 1, "{a} {b}");
            let stream = u64::from(name.ends_with("-1"));
            assert_eq!(ours.sequence_id, Some(place as u64 * 2 + stream));
        }
    }
}

#[test]
fn every_compression_is_taken_and_shrinks_the_wire() {
    let broker = broker(None);
    let url = broker.service_url();
    let mut wire_bytes = BTreeMap::new();
    for compression in ["NONE", "LZ4", "ZLIB", "ZSTD", "ZSTD:1", "SNAPPY"] {
        let said =
            run(&["-u", &url, "-d", "300ms", "-r", "10k", "-z", compression, "--report", "-"]);
        let report = said.report();
        assert_eq!(total(&report, "acknowledged"), 3_000, "{compression}: {}", said.log);
        wire_bytes.insert(compression, total(&report, "wire_bytes"));
    }
    // The broker does not open what is compressed; official clients do, on a real one.
    assert_eq!(broker.counts().records(), 6 * 3_000);
    assert_eq!(broker.counts().malformed_batches, 0);
    let plain = wire_bytes["NONE"];
    assert!(wire_bytes.iter().all(|(name, bytes)| *name == "NONE" || *bytes < plain * 9 / 10));
}

#[test]
fn batches_are_cut_where_the_flags_say() {
    let broker = broker(None);
    let url = broker.service_url();
    let batches = |arguments: &[&str]| {
        let before = broker.counts().topics.get(TOPIC).map_or(0, |topic| topic.batches);
        let fixed = ["-u", &url, "-d", "500ms", "-r", "10k", "--report", "-"];
        let said = run(&[&fixed[..], arguments].concat());
        assert_eq!(total(&said.report(), "acknowledged"), 5_000, "{}", said.log);
        broker.counts().topics[TOPIC].batches - before
    };
    assert_eq!(batches(&[]), 50);
    assert_eq!(batches(&["-b", "50"]), 10);
    assert_eq!(batches(&["-bm", "20"]), 250);
    assert_eq!(batches(&["-db"]), 5_000);
    // 202 bytes and about 40 around them: at most eight records in 2 KiB, and at least as many as
    // the longest of them would be.
    let small = batches(&["-bb", "2K"]);
    assert!((625..=2_500).contains(&small), "{small}");
    assert_eq!(batches(&["-b", "1s", "-o", "100"]), 100);
}

/// Returns the sequence id of every record that the broker holds, by producer in order.
fn sequence_ids(broker: &BrokerHandle) -> BTreeMap<String, Vec<u64>> {
    let ids = |records: Vec<Held>| records.into_iter().filter_map(|record| record.sequence_id);
    held(broker).into_iter().map(|(name, records)| (name, ids(records).collect())).collect()
}

#[test]
fn a_broker_that_comes_back_gets_all_of_it_in_order() {
    for rate in ["2k", "max"] {
        let first = broker(None);
        let url = first.service_url();
        let arguments = ["-u", &url, "-r", rate, "-d", "2s", "-bm", "100", "-n", "2", "--report"];
        let child = program(&[&arguments[..], &["-"]].concat()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        let mut there = sequence_ids(&first);
        let port = url.rsplit(':').next().unwrap().parse::<u16>().unwrap();
        assert!(first.stop().records() > 0);
        std::thread::sleep(Duration::from_millis(200));
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let retain_bytes_max = 256 * 1024 * 1024;
        let config = BrokerConfig { retain_bytes_max, ..BrokerConfig::default() };
        let second = broker::start(listener, config).unwrap();
        let is_there = clock::now();
        while second.counts().records() == 0 {
            let waited = Duration::from_nanos(clock::now().ns_since(is_there));
            // Half a second at most between two attempts, and what a busy machine adds.
            assert!(waited < Duration::from_secs(3), "not back after {waited:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!(said.code, Some(0), "{}", said.log);
        let report = said.report();
        assert_eq!(total(&report, "acknowledged"), total(&report, "scheduled"), "{report}");
        assert_eq!(report["losses"]["producers"], 2, "{report}");
        assert!(said.log.contains("lost") && said.log.contains("back on"), "{}", said.log);
        let (mut repeated, mut distinct) = (0, 0);
        for (name, ids) in sequence_ids(&second) {
            assert!(ids.is_sorted(), "{name}");
            let before = there.remove(&name).unwrap_or_default();
            // What the first broker took after it was looked at is not in either list.
            let last = *before.last().unwrap();
            repeated += ids.iter().filter(|id| **id <= last).count() as u64;
            distinct += before.len() as u64 + ids.iter().filter(|id| **id > last).count() as u64;
        }
        assert!(repeated <= total(&report, "resent"), "{repeated}: {report}");
        assert!(distinct <= total(&report, "acknowledged"), "{distinct}: {report}");
        if rate == "2k" {
            assert_eq!(total(&report, "acknowledged"), 4_000);
        }
    }
}

#[test]
fn a_topic_that_deduplicates_has_every_record_once() {
    let faults = ["drop-connection-every=250ms", "receipt-delay=20ms"];
    let faults = Faults::combine(faults.iter().map(|fault| fault.parse().unwrap())).unwrap();
    let retain_bytes_max = 256 * 1024 * 1024;
    let config =
        BrokerConfig { faults, retain_bytes_max, deduplicate: true, ..BrokerConfig::default() };
    let broker = broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap();
    let url = broker.service_url();
    let said = run(&["-u", &url, "-r", "5k", "-d", "2s", "-n", "2", "--report", "-"]);
    let report = said.report();
    assert_eq!(total(&report, "acknowledged"), 10_000, "{}", said.log);
    assert!(total(&report, "resent") > 0, "{report}");
    let held: Vec<u64> = sequence_ids(&broker).into_values().flatten().collect();
    assert_eq!(held.iter().collect::<std::collections::BTreeSet<_>>().len(), 10_000);
    let topic = &broker.counts().topics[TOPIC];
    assert!(topic.repeated_batches > 0, "{topic:?}");
    assert_eq!(held.len(), 10_000);
}

#[test]
fn a_full_window_holds_the_lanes_back_and_is_counted() {
    let broker = broker(Some("receipt-delay=40ms"));
    let url = broker.service_url();
    let said = run(&[
        "-u", &url, "-r", "max", "-d", "1s", "--lanes", "1", "-bm", "100", "-o", "400", "--report",
        "-",
    ]);
    let report = said.report();
    assert_eq!(said.code, Some(0), "{}", said.log);
    // Four batches of 100 every 40 ms.
    let acknowledged = total(&report, "acknowledged");
    assert!((5_000..=11_000).contains(&acknowledged), "{report}");
    assert!(report["waits"]["buffers_ns"].as_u64().unwrap() > 500_000_000, "{report}");
    assert!(report["waits"]["receipts_ns"].as_u64().unwrap() > 500_000_000, "{report}");
}

#[test]
fn what_a_transport_cannot_honour_is_refused() {
    for (arguments, words) in [
        (&["--transport", "client", "-z", "LZ4"][..], "--compression has no effect"),
        (&["--transport", "client", "-db"], "--disable-batching has no effect"),
        (&["-db", "-bm", "5"], "--batch-max-messages has no effect"),
        (&["-r", "max", "-b", "5"], "--batch-time-window has no effect"),
    ] {
        let said = run(arguments);
        assert_eq!(said.code, Some(104), "{arguments:?}: {}", said.log);
        assert!(said.log.contains(words), "{arguments:?}: {}", said.log);
    }
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/long_key.avsc");
    let long = run(&["-db", "--schema-file", schema, "--key", "name"]);
    assert!(long.code == Some(1) && long.log.contains("keys can take"), "{}", long.log);
    let dry = run(&["--dry-run", "--transport", "client"]);
    assert!(dry.out.contains("client, without sequence ids"), "{}", dry.out);
}
