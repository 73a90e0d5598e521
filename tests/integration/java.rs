//! The embedded broker and our routing against Apache Pulsar's own Java client.
//!
//! `scripts/test` builds the witness by `scripts/java-env`; without it the tests are ignored.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::num::NonZeroU64;
use std::process::Command;
use std::process::Stdio;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::routing::Mode;
use producer_load::routing::Routing;
use producer_load::routing::Rule;
use serde_json::Value;

use crate::program::Said;
use crate::program::run;
use crate::program::total;

/// Starts the witness with the words of a command.
fn witness(words: &[&str]) -> Command {
    let path = std::env::var("PRODUCER_LOAD_JAVA").unwrap_or_else(|_| {
        panic!("PRODUCER_LOAD_JAVA is not set: run scripts/test");
    });
    let mut command = Command::new(path);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command of the witness that has to end well, and returns what it printed.
pub(crate) fn ask(words: &[&str]) -> Value {
    let said = Said::from(witness(words).stdin(Stdio::null()).output().unwrap());
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    serde_json::from_str(&said.out).unwrap()
}

#[test]
#[ignore = "needs a JDK and Maven: scripts/test provides the witness"]
fn java_the_official_client_is_served_by_the_broker_and_by_a_sink() {
    let ways = [(None, "NONE"), (NonZeroU64::new(1), "LZ4")];
    for (sink_check_every, compression) in ways {
        let config = BrokerConfig { sink_check_every, partitions: 2, ..BrokerConfig::default() };
        let broker = broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap();
        let told = ask(&["produce", &broker.service_url(), "t", "10000", compression]);
        assert_eq!(told["count"], 10_000, "{told}");
        let counts = broker.stop();
        assert_eq!((counts.records(), counts.topics.len()), (10_000, 2));
        assert_eq!((counts.checksum_errors, counts.frames_refused), (0, 0));
        let batches: u64 = counts.topics.values().map(|topic| topic.batches).sum();
        assert!(batches < 1_000, "{batches} batches");
        for topic in counts.topics.values() {
            assert!(topic.schema.as_deref().is_some_and(|schema| schema.contains("JavaEvent")));
        }
    }
}

#[test]
#[ignore = "needs a JDK and Maven: scripts/test provides the witness"]
fn java_the_histograms_are_read_by_their_own_library_and_tool() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let log = path("load.hlog");
    // A broker that slows down and recovers, so that the values are spread.
    let broker = crate::engine::broker(0, Some("stop-reading-for=700ms"));
    let url = broker.service_url();
    let rate = ["-u", &url, "-r", "5k", "-d", "3200ms", "--warmup", "200ms"];
    let report = run(&[&rate[..], &["--histogram-file", &log, "--report", "-"]].concat()).report();
    for name in ["response", "service"] {
        let latency = &report["latency"][name];
        let text = report["histograms"][name].as_str().unwrap();
        let read: Value = serde_json::from_str(&answer(&["histogram"], text)).unwrap();
        let measured = total(&report, "acknowledged") - total(&report, "warmup");
        assert_eq!(read["count"], measured, "{name}");
        for value in ["p50_ns", "p99_ns", "p999_ns", "max_ns"] {
            assert_eq!(read[value], latency[value], "{name} {value}: {read} {latency}");
        }

        let output = path(name);
        answer(&["histogram-log", "-i", &log, "-tag", name, "-o", &output], "");
        let distribution = fs::read_to_string(output.clone() + ".hgrm").unwrap();
        // Value in milliseconds, percentile, how many values up to there, and one more column.
        let rows: Vec<Vec<f64>> = distribution
            .lines()
            .map(|line| line.split_whitespace().flat_map(str::parse).collect())
            .filter(|row: &Vec<f64>| row.len() >= 3)
            .collect();
        assert!(rows.len() > 20, "{distribution}");
        let at = |percentile: f64| rows.iter().find(|row| row[1] >= percentile).unwrap()[0];
        for (percentile, value) in [(0.5, "p50_ns"), (1.0, "max_ns")] {
            let ours = latency[value].as_f64().unwrap() / 1e6;
            assert!((at(percentile) - ours).abs() < 0.002 * ours, "{value}: {distribution}");
        }
        let last = rows.last().unwrap();
        assert_eq!(last[2].to_string(), measured.to_string(), "{distribution}");
        // No percentile is listed exactly there: its neighbours enclose it.
        let p99 = latency["p99_ns"].as_f64().unwrap() / 1e6;
        let below = rows.iter().rfind(|row| row[1] <= 0.99).unwrap()[0];
        assert!(below <= p99 * 1.002 && p99 <= at(0.99) * 1.002, "{below} {p99}: {distribution}");

        let intervals = fs::read_to_string(output).unwrap();
        let seconds = intervals.lines().filter(|line| line.starts_with(char::is_numeric)).count();
        assert!((2..=5).contains(&seconds), "{intervals}");
    }
}

/// Runs a command of the witness with this on its standard input, and returns what it printed.
fn answer(words: &[&str], input: &str) -> String {
    let mut child = witness(words).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // Beside the reading: neither side waits for the other with a full pipe.
    let written = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let said = Said::from(child.wait_with_output().unwrap());
    written.join().unwrap().unwrap();
    assert_eq!(said.code, Some(0), "{}", said.log);
    said.out
}

/// How many partitions the vectors are about.
const PARTITIONS: [u32; 4] = [4, 7, 16, 64];

/// Returns what the Java client's hashes and routers say about keys.
fn vectors(keys: &[String]) -> String {
    let counts = PARTITIONS.map(|count| count.to_string());
    let mut words = vec!["partitions"];
    words.extend(counts.iter().map(String::as_str));
    answer(&words, &(keys.join("\n") + "\n"))
}

#[test]
#[ignore = "needs a JDK and Maven: scripts/test provides the witness"]
fn java_its_client_would_send_every_key_where_we_send_it() {
    let keys: Vec<String> = (0..2_000).map(|number| format!("source-{number:07}")).collect();
    let vectors = vectors(&keys);
    let mut lines = vectors.lines().skip(1);
    for key in keys {
        for hash in ["JavaStringHash", "Murmur3_32Hash"] {
            let rule = Rule { mode: Mode::Key, hash: hash.parse().unwrap() };
            let ours = PARTITIONS.map(|count| {
                let route = Routing::new(rule, &[count], 1, 1).of(0);
                route.partition(0, key.as_bytes()).to_string()
            });
            let theirs: Vec<&str> = lines.next().unwrap().split(';').collect();
            assert_eq!(
                (theirs[0], theirs[1], &theirs[3..]),
                (&*key, hash, &ours.each_ref().map(String::as_str)[..])
            );
        }
    }
    assert_eq!(lines.next(), None);
}

#[test]
#[ignore = "needs a JDK and Maven: scripts/test provides the witness"]
fn java_its_client_still_makes_the_golden_partitions() {
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/partitions.csv");
    let mut keys: Vec<String> = [
        "",
        "a",
        "ab",
        "abc",
        "abcd",
        "abcde",
        "source-0000001",
        "source-0009999",
        "sensor-1",
        "with space",
        " ",
        "polygenelubricants",
        "0",
        "-1",
        // A sentence; two keys of the same hash.
        "The quick brown fox jumps over the lazy dog",
        "Aa",
        "BB",
        // Umlauts, whole and as a letter with a combining mark; letters that capitals change.
        "Zürich",
        "Zu\u{308}rich",
        "Straße",
        "ÄÖÜ",
        "\u{131}\u{130}",
        // Several marks on one letter, scripts that join, from right to left, and of Asia.
        "e\u{301}\u{327}\u{323}",
        "हिन्दी",
        "العربية",
        "עברית",
        "ไทย",
        "東京",
        "北京市",
        "서울",
        "\u{1100}\u{1161}\u{11a8}",
        "ひらがな",
        "㍿",
        // Beyond the BMP: two code units of Java, four bytes; joined, of two letters, the highest.
        "😀",
        "👩\u{200d}👩\u{200d}👧",
        "🇨🇭",
        "𝄞",
        "𠮷野家",
        "a😀b",
        "\u{10ffff}",
        // The borders of what UTF-8 takes two, three and four bytes for.
        "\u{7f}",
        "\u{80}",
        "\u{7ff}",
        "\u{800}",
        "\u{feff}",
        "\u{ffff}",
        "\u{10000}",
    ]
    .map(str::to_owned)
    .into();
    keys.push("long-".repeat(200));
    let now = vectors(&keys);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        assert!(std::env::var_os("CI").is_none(), "CI does not decide what is right");
        fs::write(FILE, &now).unwrap();
    }
    assert_eq!(now, fs::read_to_string(FILE).unwrap());
}
