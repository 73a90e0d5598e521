//! Topics, partitions and producers, as the embedded broker counts them.

use std::collections::BTreeMap;
use std::net::TcpListener;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerHandle;

use crate::program::run;
use crate::program::total;

fn broker(partitions: u32) -> BrokerHandle {
    let retain_bytes_max = 64 * 1024 * 1024;
    let config = BrokerConfig { partitions, retain_bytes_max, ..BrokerConfig::default() };
    broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap()
}

/// Runs with these flags; returns each topic's records and batches by its short name.
fn spread(broker: &BrokerHandle, flags: &[&str]) -> BTreeMap<String, (u64, u64)> {
    let url = broker.service_url();
    let fixed = ["-u", &url, "-t", "t", "--report", "-", "-pn", "spread"];
    let said = run(&[&fixed[..], flags].concat());
    let report = said.report();
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    assert_eq!(total(&report, "acknowledged"), total(&report, "scheduled"));
    let counts = broker.counts();
    assert_eq!(counts.records(), total(&report, "acknowledged"));
    let short = |name: &String| name.rsplit_once('/').unwrap().1.to_owned();
    let topics = counts.topics.iter();
    topics.map(|(name, topic)| (short(name), (topic.records, topic.batches))).collect()
}

#[test]
fn every_topic_gets_the_same_share_on_each_of_its_partitions() {
    let broker = broker(2);
    let flags = ["--num-topics", "3", "-n", "2", "-d", "600ms", "-r", "10k", "--lanes", "2"];
    let spread = spread(&broker, &flags);
    assert_eq!(spread.len(), 6, "{spread:?}");
    for topic in 0..3 {
        let [first, second] = [0, 1].map(|p| spread[&format!("t-{topic}-partition-{p}")].0);
        assert_eq!(first + second, 2_000, "{spread:?}");
        assert!(first.abs_diff(second) < 300, "{spread:?}");
    }
    let names = |topic: &str| -> Vec<String> {
        let entries = broker.entries(&format!("persistent://public/default/{topic}"));
        let mut names: Vec<_> = entries.into_iter().map(|entry| entry.producer_name).collect();
        names.sort();
        names.dedup();
        names.iter().map(|name| name.rsplit_once('-').unwrap().1.to_owned()).collect()
    };
    // Stream s writes topic s mod 3.
    assert_eq!(names("t-0-partition-0"), ["0", "3"]);
    assert_eq!(names("t-2-partition-1"), ["2", "5"]);
}

#[test]
fn in_turn_means_whole_batches_and_single_one_partition_a_producer() {
    let turns = broker(4);
    let flags = ["--routing", "round-robin", "-r", "max", "-d", "300ms", "--lanes", "1"];
    let spread_in_turn =
        spread(&turns, &[&flags[..], &["-bm", "100", "--domain", "sensor_data"]].concat());
    let (records, batches): (Vec<u64>, Vec<u64>) = spread_in_turn.values().copied().unzip();
    let all: u64 = batches.iter().sum();
    assert_eq!(batches.len(), 4);
    assert!(batches.iter().all(|batches| all / 4 <= batches + 1 && *batches <= all / 4 + 1));
    // All but the last one of each are full.
    assert!(records.iter().zip(&batches).all(|(records, batches)| batches * 100 - records < 100));

    let single = broker(4);
    let flags = ["--routing", "single", "-n", "2", "-d", "300ms", "-r", "10k"];
    let spread = spread(&single, &flags);
    assert_eq!(spread["t-partition-0"].0, 1_500);
    assert_eq!(spread["t-partition-1"].0, 1_500);
    assert!(spread.get("t-partition-2").is_none_or(|(records, _)| *records == 0), "{spread:?}");
}

#[test]
fn many_open_batches_stay_within_the_memory() {
    let broker = broker(64);
    let url = broker.service_url();
    let flags = ["-n", "8", "--lanes", "1", "-r", "max", "-d", "1s", "-ml", "8M", "--report", "-"];
    let said = run(&[&["-u", &url, "-t", "t"][..], &flags].concat());
    let report = said.report();
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    assert_eq!(broker.counts().records(), total(&report, "acknowledged"));
    assert_eq!(broker.counts().producers_created, 64 * 8);
    // 8 MiB of batches, and what a run takes without any: its histograms and its series among that.
    let bytes = report["memory"]["rss_bytes_max"].as_u64().unwrap();
    assert!(bytes < (8 + 28) << 20, "{bytes}");
    let batches: u64 = broker.counts().topics.values().map(|topic| topic.batches).sum();
    // 8 MiB for 3 x 512 batches are 5 KiB each: about 20 records.
    let records = broker.counts().records() / batches;
    assert!((10..40).contains(&records), "{records} a batch");
}

#[test]
fn a_hash_that_nothing_is_hashed_with_is_refused() {
    for flags in [["--routing", "single"], ["--key", "none"]] {
        let said = run(&[&["--key-hash", "murmur3", "--dry-run"][..], &flags].concat());
        assert_eq!(said.code, Some(104), "{}", said.log);
        assert!(said.log.contains("--key-hash has no effect"), "{}", said.log);
    }
}
