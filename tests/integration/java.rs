//! The embedded broker and our routing against Apache Pulsar's own Java client.
//!
//! `scripts/test` builds the witness by `scripts/java-env`; without it the tests are ignored.

use std::io::Write;
use std::net::TcpListener;
use std::num::NonZeroU64;
use std::process::Command;
use std::process::Stdio;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::routing::Routing;
use producer_load::routing::Rule;
use serde_json::Value;

use crate::program::Said;

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
fn java_its_client_would_send_every_key_where_we_send_it() {
    const PARTITIONS: u32 = 7;
    let mut keys: Vec<String> = (0..2_000).map(|number| format!("source-{number:07}")).collect();
    keys.extend(
        ["a", "Zürich €𝄞", "\u{10ffff}", "with space", "polygenelubricants"].map(Into::into),
    );
    let mut child = witness(&["partitions", &PARTITIONS.to_string()]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The answers of so many keys fit into a pipe, so that nobody waits for anybody.
    stdin.write_all((keys.join("\n") + "\n").as_bytes()).unwrap();
    drop(stdin);
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(0), "{}", said.log);
    let route = Routing::new(Rule::default(), &[PARTITIONS], 1, 1).of(0);
    let ours: Vec<String> =
        keys.iter().map(|key| format!("{key}\t{}", route.partition(0, key.as_bytes()))).collect();
    let theirs: Vec<&str> =
        said.out.lines().map(|line| line.rsplit_once('\t').unwrap().0).collect();
    assert_eq!(theirs, ours);
}
