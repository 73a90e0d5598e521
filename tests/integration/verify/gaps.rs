//! What is not there and not missing either: dropped, let go of by the broker before the first that
//! is there, or before it was read.

use std::net::SocketAddr;
use std::net::TcpListener;
use std::time::Duration;

use producer_load::broker as embedded;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerHandle;
use serde_json::Value;
use serde_json::json;

use super::broker;
use super::count;
use super::keeping;
use super::produce;
use super::verify;
use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::signal;
use crate::program::total;
use crate::pulsar::admin;
use crate::pulsar::eventually;
use crate::pulsar::order;
use crate::pulsar::url;

#[test]
fn what_was_due_and_not_built_at_a_stop_excuses_no_loss() {
    // Half of the records get their receipts in time: what is due piles up until the signal.
    for faults in [&["receipt-rate=8000"][..], &["receipt-rate=8000", "lose=20"]] {
        let broker = broker(2, faults);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out.json");
        let file = file.to_str().unwrap();
        let url = broker.service_url();
        let load = ["-u", &url, "-r", "20k", "-d", "60s", "-ml", "1M", "--lanes", "1"];
        let load = program(&[&load[..], &["--report", file]].concat()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(5));
        signal(&load, "INT");
        let said = Said::from(load.wait_with_output().unwrap());
        let report: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert!(total(&report, "dropped") > 1_000, "{}{}", said.out, said.log);
        let lost = broker.counts().faults.get("lose").copied().unwrap_or_default();
        assert_eq!(lost > 0, faults.len() > 1);
        let (code, result) = verify(&broker, &["--report", file]);
        assert_eq!(count(&result, "missing"), lost, "{result}");
        assert_eq!(code, Some(i32::from(lost > 0)), "{result}");
    }
}

#[test]
fn what_the_broker_let_go_of_is_told_and_not_taken_for_lost() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.json");
    for partitions in [0, 4] {
        let broker = keeping(512 * 1024, partitions, &[]);
        let report = produce(&broker, &["-r", "20k", "-d", "1s"]).report();
        let (code, result) = verify(&broker, &[]);
        assert_eq!((count(&result, "missing"), code), (0, Some(0)), "{result}");
        let there = count(&result, "records");
        assert!((1_000..15_000).contains(&there), "{result}");
        assert_eq!(count(&result, "gone"), 20_000 - there, "{result}");
        // A run that says that it was sent is not confirmed.
        std::fs::write(&file, report.to_string()).unwrap();
        let (code, result) = verify(&broker, &["--report", file.to_str().unwrap()]);
        assert_eq!((count(&result, "missing"), code), (0, Some(97)), "{result}");
        assert!(result["verdict"]["text"].as_str().unwrap().contains("let go of or lost"));
    }
}

#[test]
fn what_comes_first_and_is_lost_is_missing_where_the_topic_is_known_to_begin() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let first = embedded::start(listener, BrokerConfig::default()).unwrap();
    let url = first.service_url();
    let load = ["-u", &url, "-r", "2k", "-d", "3s", "--lanes", "1", "--max-lag", "0"];
    let load = program(&load).spawn().unwrap();
    while first.counts().records() < 1_000 {
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(first);
    let second = again(address);
    let said = Said::from(load.wait_with_output().unwrap());
    let (code, result) = verify(&second, &[]);
    assert_eq!(code, Some(1), "{result}{}", said.log);
    let missing = count(&result, "missing");
    assert!(missing > 500, "{result}{}", said.log);
    assert_eq!(missing + count(&result, "records"), 6_000, "{result}{}", said.log);
    assert_eq!(count(&result, "gone"), 0, "{result}");
}

/// Starts a broker where another one has ended.
fn again(address: SocketAddr) -> BrokerHandle {
    let listener = eventually(|| TcpListener::bind(address).ok());
    let config = BrokerConfig { retain_bytes_max: 64 * 1024 * 1024, ..BrokerConfig::default() };
    embedded::start(listener, config).unwrap()
}

#[test]
fn a_broker_that_starts_again_before_anything_came_is_read_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = BrokerConfig { retain_bytes_max: 64 * 1024 * 1024, ..BrokerConfig::default() };
    let first = embedded::start(listener, config).unwrap();
    let url = first.service_url();
    let live = ["--from", "live", "-d", "9s", "--connect-timeout", "1s"];
    let live = [&["verify", "-u", &url, "--output-format", "json"], &live[..]].concat();
    let live = program(&live).spawn().unwrap();
    // Longer than it may take to connect.
    std::thread::sleep(Duration::from_secs(3));
    drop(first);
    std::thread::sleep(Duration::from_millis(300));
    let second = again(address);
    std::thread::sleep(Duration::from_millis(1_700));
    produce(&second, &["-r", "2k", "-d", "1s"]);
    let said = Said::from(live.wait_with_output().unwrap());
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    assert!(said.log.contains("what comes until then is not read"), "{}", said.log);
    let result: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(count(&result, "records"), 2_000, "{result}{}", said.log);
}

#[test]
fn a_reader_that_the_ring_overran_is_told_so() {
    let broker = keeping(200 * 1024, 1, &[]);
    let url = broker.service_url();
    let live = ["--from", "live", "-d", "8s", "--output-format", "json"];
    let live = program(&[&["verify", "-u", &url], &live[..]].concat()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let load = ["-u", &url, "-r", "20k", "-d", "5s", "--lanes", "1", "--max-lag", "0"];
    let load = program(&load).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    signal(&live, "STOP");
    std::thread::sleep(Duration::from_millis(1_500));
    signal(&live, "CONT");
    load.wait_with_output().unwrap();
    let said = Said::from(live.wait_with_output().unwrap());
    let result: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(said.code, Some(97), "{result}{}", said.log);
    for kind in ["missing", "dropped", "gone", "open", "reordered", "altered"] {
        assert_eq!(count(&result, kind), 0, "{kind}: {result}");
    }
    assert!(count(&result, "overrun") > 1_000, "{result}");
    assert!(count(&result, "overrun_messages") > 10, "{result}");
    // Together they are all that came since the first one.
    let span = &result["spans"][0];
    let [first, last] = ["first_index", "last_index"].map(|name| span[name].as_u64().unwrap());
    assert_eq!(count(&result, "records") + count(&result, "overrun"), last - first + 1, "{result}");
    assert_eq!(result["examples"][0]["kind"], "overrun", "{result}");
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_lets_go_of_a_ledger_and_what_was_in_it_is_gone_and_not_missing() {
    let (status, answer) = admin("PUT", "/namespaces/public/trimmed", "{}");
    assert!([204, 409].contains(&status), "{answer}");
    let nothing = json!({ "retentionTimeInMinutes": 0, "retentionSizeInMB": 0 }).to_string();
    order("POST", "/namespaces/public/trimmed/retention", &nothing);
    let (url, topic) = (url(), "persistent://public/trimmed/topic");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.json");
    let file = file.to_str().unwrap();
    let load = ["-u", &url, "-t", topic, "-r", "2k", "-d", "6s", "--max-lag", "0"];
    let load = program(&[&load[..], &["--report", file]].concat()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    // What comes behind that is in another ledger.
    order("PUT", "/persistent/public/trimmed/topic/unload", "");
    load.wait_with_output().unwrap();
    order("POST", "/persistent/public/trimmed/topic/trim", "");
    let verify = |more: &[&str]| {
        let said =
            run(&[&["verify", "-u", &url, "-t", topic, "--output-format", "json"], more].concat());
        (said.code, serde_json::from_str::<Value>(&said.out).unwrap())
    };
    let (code, result) = eventually(|| Some(verify(&[])).filter(|(_, it)| count(it, "gone") > 0));
    assert_eq!((code, count(&result, "missing")), (Some(0), 0), "{result}");
    let there = count(&result, "records") - count(&result, "repeated");
    assert_eq!(there + count(&result, "gone"), 12_000, "{result}");
    let (code, result) = verify(&["--report", file]);
    assert_eq!((code, count(&result, "missing")), (Some(97), 0), "{result}");
}
