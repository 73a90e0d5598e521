//! The engine against an embedded broker that the test holds: what arrived, not what was said.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerHandle;
use producer_load::broker::Faults;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::signal;
use crate::program::total;

const TOPIC: &str = "persistent://public/default/event-stream-data";

pub(crate) fn broker(partitions: u32, fault: Option<&str>) -> BrokerHandle {
    let faults = Faults::combine(fault.map(|fault| fault.parse().unwrap())).unwrap();
    let retain_bytes_max = 64 * 1024 * 1024;
    let config = BrokerConfig { partitions, faults, retain_bytes_max, ..BrokerConfig::default() };
    broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap()
}

/// A record as the broker holds it: its key, and its fields but for the time, printed.
type Held = (String, String);

/// Decodes what the broker holds of a topic with apache-avro and the schema that was registered.
fn held(broker: &BrokerHandle, topic: &str) -> Vec<Held> {
    let registered = broker.counts().topics[topic].schema.clone().unwrap();
    let schema = Schema::parse_str(&registered).unwrap();
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    let mut held = Vec::new();
    for entry in broker.entries(topic) {
        for (metadata, payload) in entry.records().unwrap() {
            let mut rest = payload;
            let Value::Record(mut fields) = reader.read_value(&mut rest).unwrap() else {
                panic!("not a record")
            };
            assert!(rest.is_empty());
            let time = fields.iter().find(|(name, _)| name == "time").unwrap().1.clone();
            let event_time = i64::try_from(metadata.event_time.unwrap()).unwrap();
            assert_eq!(time, Value::TimestampMillis(event_time));
            fields.retain(|(name, _)| name != "time");
            held.push((metadata.partition_key.unwrap(), format!("{fields:?}")));
        }
    }
    held
}

#[test]
fn one_and_four_lanes_with_equal_producers_send_the_same_records() {
    let records = |lanes: &str| {
        let broker = broker(0, None);
        let url = broker.service_url();
        let said = run(&[
            "-u",
            &url,
            "-d",
            "500ms",
            "-r",
            "8k",
            "--report",
            "-",
            "--producer-name",
            "same",
            "--num-producers",
            "4",
            "--lanes",
            lanes,
        ]);
        assert_eq!(total(&said.report(), "acknowledged"), 4_000, "{}", said.log);
        let mut producers: Vec<_> =
            broker.entries(TOPIC).into_iter().map(|entry| entry.producer_name).collect();
        producers.sort();
        producers.dedup();
        assert_eq!(producers.len(), 4, "{producers:?}");
        let held = held(&broker, TOPIC);
        assert_eq!(held.len(), 4_000);
        held.into_iter().collect::<BTreeSet<Held>>()
    };
    let one = records("1");
    assert_eq!(one.len(), 4_000);
    assert_eq!(one, records("4"));
}

#[test]
fn keys_keep_to_their_partition() {
    let broker = broker(4, None);
    let url = broker.service_url();
    let said = run(&["-u", &url, "-d", "500ms", "-r", "4k", "--sources", "50", "--report", "-"]);
    assert_eq!(total(&said.report(), "acknowledged"), 2_000, "{}", said.log);
    let mut partition_of = BTreeMap::new();
    for partition in 0..4 {
        for (key, fields) in held(&broker, &format!("{TOPIC}-partition-{partition}")) {
            assert!(fields.contains(&format!("(\"source_id\", String(\"{key}\"))")), "{fields}");
            assert_eq!(*partition_of.entry(key).or_insert(partition), partition);
        }
    }
    assert_eq!(partition_of.len(), 50);
    assert_eq!(broker.counts().records(), 2_000);
}

#[test]
fn shards_send_from_disjoint_sources() {
    let broker = broker(0, None);
    let url = broker.service_url();
    let mut keys = Vec::new();
    for shard in ["0/3", "1/3", "2/3"] {
        let topic = format!("shard-{}", &shard[..1]);
        let arguments = ["-u", &url, "-t", &topic, "-d", "300ms", "-r", "10k", "--sources", "100"];
        assert_eq!(run(&[&arguments[..], &["--shard", shard]].concat()).code, Some(0));
        let topic = format!("persistent://public/default/{topic}");
        keys.push(held(&broker, &topic).into_iter().map(|(key, _)| key).collect::<BTreeSet<_>>());
    }
    assert_eq!(keys.iter().map(BTreeSet::len).sum::<usize>(), 100);
    assert_eq!(keys.into_iter().flatten().collect::<BTreeSet<_>>().len(), 100);
}

#[test]
fn a_field_that_is_the_key_is_the_key_of_its_record() {
    let broker = broker(4, None);
    let url = broker.service_url();
    let said = run(&["-u", &url, "-d", "400ms", "-r", "2k", "--key", "event_id", "--seed", "3"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    let topics = (0..4).map(|partition| format!("{TOPIC}-partition-{partition}"));
    let held: Vec<Held> = topics.flat_map(|topic| held(&broker, &topic)).collect();
    assert_eq!(held.len(), 800);
    for (key, fields) in held {
        let field = format!(r#"("event_id", String("{key}"))"#);
        assert!(key.len() == 24 && fields.contains(&field), "{key} of {fields}");
    }
}

#[test]
fn fifty_replicas_share_no_name_and_no_record() {
    let broker = broker(0, None);
    let url = broker.service_url();
    let replicas: Vec<_> = (0..50)
        .map(|_| program(&["-u", &url, "-d", "300ms", "-r", "200", "--connect-timeout", "1m"]))
        .map(|mut command: Command| command.spawn().unwrap())
        .collect();
    for replica in replicas {
        let said = Said::from(replica.wait_with_output().unwrap());
        // Fifty processes at once may be late; what matters here is what they sent.
        assert!(matches!(said.code, Some(0 | 98)), "{}", said.log);
    }
    let held = held(&broker, TOPIC);
    assert_eq!(held.len(), 50 * 60);
    assert_eq!(held.into_iter().collect::<BTreeSet<_>>().len(), 50 * 60);
    assert_eq!(broker.counts().producers_created, 50);
}

#[test]
fn what_has_no_receipt_after_the_drain_counts_as_unknown() {
    let broker = broker(0, Some("receipt-delay=60s"));
    let url = broker.service_url();
    let said =
        run(&["-u", &url, "-d", "400ms", "-r", "1k", "--drain-timeout", "300ms", "--report", "-"]);
    assert_eq!(said.code, Some(98), "{}", said.log);
    let report = said.report();
    assert_eq!(total(&report, "scheduled"), 400);
    assert_eq!(total(&report, "acknowledged"), 0);
    assert!(total(&report, "unknown") > 0, "{report}");
    // The client transport has one batch in flight; those behind it were never sent.
    assert_eq!(total(&report, "unknown"), total(&report, "sent"), "{report}");
}

#[test]
fn a_run_ends_though_its_lanes_have_no_buffer_and_no_receipt_ever_comes() {
    let broker = broker(0, Some("receipt-delay=1h"));
    let url = broker.service_url();
    let flags = ["-r", "2k", "-d", "2s", "--drain-timeout", "1s", "--max-outstanding", "500"];
    let said = run(&[&["-u", &url, "--report", "-"], &flags[..]].concat());
    assert_eq!(said.code, Some(98), "{}", said.log);
    let (report, is_told) = (said.report(), said.log.contains("no receipt for the drain timeout"));
    assert!(is_told && total(&report, "dropped") > 3_000, "{}{report}", said.log);
    assert_eq!(total(&report, "unknown") + total(&report, "dropped"), 4_000, "{report}");
    // A wait counts while it goes on: its limit is named in every second.
    let limits: Vec<_> = said.log.lines().filter(|line| line.contains("; limit: ")).collect();
    assert!(
        !limits.is_empty() && limits.iter().all(|it| it.contains("limit: window")),
        "{limits:?}"
    );
}

#[test]
fn what_waits_longer_than_the_send_timeout_is_unknown_and_the_run_goes_on() {
    // No receipt ever comes: without the timeout this would take an hour.
    let slow = broker(0, Some("receipt-delay=1h"));
    let url = slow.service_url();
    let flags = ["-r", "1k", "-d", "400ms", "--drain-timeout", "1h", "--send-timeout", "300ms"];
    let said = run(&[&["-u", &url, "--report", "-"], &flags[..]].concat());
    assert_eq!((said.code, total(&said.report(), "unknown")), (Some(98), 400), "{}", said.log);

    let deaf = broker(0, Some("stop-reading-for=1500ms"));
    let url = deaf.service_url();
    let flags = ["-r", "1k", "-d", "4s", "--send-timeout", "300ms", "--report", "-"];
    let report = run(&[&["-u", &url], &flags[..]].concat()).report();
    let (unknown, acknowledged) = (total(&report, "unknown"), total(&report, "acknowledged"));
    assert!(unknown > 100 && acknowledged > 1_000, "{report}");
    // The broker read all of it later on: not to know is not to have lost.
    assert_eq!(deaf.counts().records(), acknowledged + unknown, "{report}");
}

#[test]
fn a_second_signal_reports_at_once() {
    let broker = broker(0, Some("receipt-delay=60s"));
    let url = broker.service_url();
    let child = program(&["-u", &url, "--drain-timeout", "1h", "--report", "-"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(200));
    signal(&child, "INT");
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(98), "{}", said.log);
    assert!(total(&said.report(), "unknown") > 0);
}

#[test]
fn late_receipts_show_in_the_response_time() {
    let broker = broker(0, Some("receipt-delay=50ms"));
    let url = broker.service_url();
    let said = run(&["-u", &url, "-d", "1s", "-r", "10", "--report", "-"]);
    let report = said.report();
    assert_eq!(total(&report, "acknowledged"), 10, "{}", said.log);
    for latency in ["response", "service"] {
        assert!(report["latency"][latency]["p50_ns"].as_u64().unwrap() >= 50_000_000, "{report}");
    }
}

#[test]
fn a_signal_while_the_last_receipts_are_awaited_cuts_nothing_short() {
    let broker = broker(0, Some("receipt-delay=1500ms"));
    let url = broker.service_url();
    let child = program(&["-u", &url, "-d", "300ms", "-r", "10", "--report", "-"]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    signal(&child, "INT");
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(98), "{}{}", said.out, said.log);
    assert_eq!(total(&said.report(), "acknowledged"), 3);
}
