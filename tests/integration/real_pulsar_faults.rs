//! What a real Apache Pulsar does to a run in the middle of it: whatever that is, every record is
//! counted, and with deduplication on the topic every record is there once.

use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use producer_load::clock;
use serde_json::Value;
use serde_json::json;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::total;
use crate::pulsar::admin;
use crate::pulsar::assert_consumed;
use crate::pulsar::consume;
use crate::pulsar::eventually;
use crate::pulsar::order;
use crate::pulsar::taken;
use crate::pulsar::url;
use crate::pulsar::variable;

/// A namespace that drops what it has already.
const ONCE: &str = "public/once";

/// A topic in it whose broker is killed.
const KILLED: &str = "public/once/killed";

/// Makes a namespace with a setting of it, unless it is there.
fn namespace(name: &str, setting: &str, value: &str) {
    let (status, answer) = admin("PUT", &format!("/namespaces/{name}"), "{}");
    assert!([204, 409].contains(&status), "{answer}");
    order("POST", &format!("/namespaces/{name}/{setting}"), value);
}

/// Runs on a topic, acts after a second and a half, and waits for the end.
fn disturbed(url: &str, topic: &str, flags: &[&str], act: impl FnOnce()) -> Said {
    let fixed = ["-u", url, "-t", topic, "--max-lag", "0", "--drain-timeout", "40s"];
    let child = program(&[&fixed[..], flags, &["--report", "-"]].concat()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    act();
    child.wait_with_output().unwrap().into()
}

/// Asserts that all of a run was acknowledged, though producers were lost.
fn assert_overcome(said: &Said, records: u64) {
    let report = said.report();
    assert_eq!(total(&report, "acknowledged"), records, "{}{}", said.out, said.log);
    assert!(report["losses"]["producers"].as_u64().unwrap() > 0, "{}", said.log);
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_moves_a_topic_away_and_gets_all_of_it_once() {
    namespace(ONCE, "deduplication", "true");
    let topic = format!("{ONCE}/unloaded");
    let said = disturbed(&url(), &topic, &["-r", "5k", "-d", "4s"], || {
        order("PUT", &format!("/persistent/{topic}/unload"), "");
        std::thread::sleep(Duration::from_secs(1));
        order("PUT", &format!("/namespaces/{ONCE}/unload"), "");
    });
    // What was held up may be late for the target; it is never lost.
    assert!(matches!(said.code, Some(0 | 98)), "{}", said.log);
    assert_overcome(&said, 20_000);
    assert_consumed(&consume(&format!("persistent://{topic}"), 20_000), 20_000);
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_deletes_a_topic_and_goes_on_with_a_new_one() {
    let said = disturbed(&url(), "deleted", &["-r", "2k", "-d", "4s"], || {
        order("DELETE", "/persistent/public/default/deleted?force=true", "");
    });
    // What was held up may be late for the target; it is never lost.
    assert!(matches!(said.code, Some(0 | 98)), "{}", said.log);
    assert_overcome(&said, 8_000);
    assert!(taken("public/default/deleted").is_some_and(|taken| taken > 0), "{}", said.log);
}

/// Waits until somebody else can produce on a topic whose broker is started again; returns how long
/// it took from then until the topic got something of ours.
fn back_after_look_up() -> Duration {
    let check = || run(&["check", "-u", &url(), "-t", KILLED, "--connect-timeout", "1s"]);
    eventually(|| (check().code == Some(0)).then_some(()));
    let looked_up = clock::now();
    eventually(|| taken(KILLED).filter(|taken| *taken > 0));
    Duration::from_nanos(clock::now().ns_since(looked_up))
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_is_killed_and_started_again_and_has_every_record_once() {
    namespace(ONCE, "deduplication", "true");
    let said = disturbed(&url(), KILLED, &["-r", "2k", "-d", "6s"], || {
        let process = fs::read_to_string(variable("PULSAR_DIR") + "/broker.pid").unwrap();
        let killed = Command::new("kill").args(["-9", process.trim()]).status().unwrap();
        assert!(killed.success());
        // On a busy machine it takes a moment until its port is free.
        let url = url();
        let host = url.trim_start_matches("pulsar://");
        eventually(|| TcpStream::connect(host).is_err().then_some(()));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/pulsar");
        let settings = variable("PULSAR_TEST_SETTINGS");
        let measured = std::thread::spawn(back_after_look_up);
        let start = Command::new(script).arg("start").args(settings.split(' ')).output().unwrap();
        assert!(start.status.success(), "{start:?}");
        let waited = measured.join().unwrap();
        // Three seconds, and what statistics take that are asked on a busy machine.
        assert!(waited < Duration::from_secs(5), "back {waited:?} after somebody could look up");
    });
    // What was held up may be late for the target; it is never lost.
    assert!(matches!(said.code, Some(0 | 98)), "{}", said.log);
    assert_overcome(&said, 12_000);
    assert_consumed(&consume(&format!("persistent://{KILLED}"), 12_000), 12_000);
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_falls_silent_behind_its_proxy_and_speaks_again() {
    namespace(ONCE, "deduplication", "true");
    let topic = format!("{ONCE}/silent");
    let signal = |name: &str| {
        let process = fs::read_to_string(variable("PULSAR_DIR") + "/proxy.pid").unwrap();
        assert!(
            Command::new("kill").args(["-s", name, process.trim()]).status().unwrap().success()
        );
    };
    let flags = ["-r", "1k", "-d", "6s", "--keep-alive-interval", "1s"];
    let said = disturbed(&variable("PULSAR_TEST_PROXY_URL"), &topic, &flags, || {
        signal("STOP");
        std::thread::sleep(Duration::from_secs(4));
        signal("CONT");
    });
    assert!(said.log.contains("has said nothing for 1.00 s, though it was asked"), "{}", said.log);
    assert_overcome(&said, 6_000);
    assert_consumed(&consume(&format!("persistent://{topic}"), 6_000), 6_000);
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_remembers_where_a_killed_run_stopped() {
    namespace(ONCE, "deduplication", "true");
    let topic = format!("{ONCE}/resumed");
    let name = ["-u", &url(), "-t", &topic, "--producer-name", "kept", "-n", "2"];
    let arguments = [&name[..], &["-r", "5k", "--num-messages", "20000", "--report", "-"]].concat();
    let mut child = program(&arguments).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    child.kill().unwrap();
    child.wait().unwrap();
    let said = Said::from(program(&[&arguments[..], &["--resume"]].concat()).output().unwrap());
    let report = said.report();
    let acknowledged = total(&report, "acknowledged");
    assert!((1_000..20_000).contains(&acknowledged), "{}{report}", said.log);
    let verify = ["verify", "-u", &url(), "-t", &topic, "--output-format", "json"];
    let verified = Said::from(program(&verify).output().unwrap());
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.log);
    let result: Value = serde_json::from_str(&verified.out).unwrap();
    assert_eq!(result["counts"]["records"], 20_000, "{result}");
    assert_eq!(result["counts"]["gone"], 0, "{result}");
    assert_consumed(&consume(&format!("persistent://{topic}"), 20_000), 20_000);
    // Without deduplication nobody remembers anything.
    let plain = ["-u", &url(), "-t", "forgotten", "--producer-name", "kept", "-n", "2"];
    assert_eq!(
        program(&[&plain[..], &["-d", "300ms"]].concat()).output().unwrap().status.code(),
        Some(0)
    );
    let refused = program(&[&plain[..], &["-d", "300ms", "--resume"]].concat()).output().unwrap();
    let refused = Said::from(refused);
    assert_eq!(refused.code, Some(1), "{}", refused.log);
    assert!(refused.log.contains("either deduplication is off"), "{}", refused.log);
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_holds_back_what_comes_too_fast() {
    let rate = json!({ "publishThrottlingRateInMsg": 1000, "publishThrottlingRateInByte": -1 });
    namespace("public/slow", "publishRate", &rate.to_string());
    let flags = ["-r", "4k", "-d", "2s", "-bm", "50"];
    let said = disturbed(&url(), "public/slow/topic", &flags, || {});
    let report = said.report();
    assert_eq!(total(&report, "acknowledged"), 8_000, "{}{}", said.out, said.log);
    assert_eq!(taken("public/slow/topic"), Some(8_000));
    // At 1,000 a second the last records come six seconds late.
    let slowest_ns = report["latency"]["response"]["max_ns"].as_u64().unwrap();
    assert!(slowest_ns > 2_000_000_000, "{report}");
}

/// Fills a topic's backlog beyond its quota, empties it, and asserts that nothing was lost.
fn assert_quota_overcome(policy: &str) {
    let namespace = format!("public/{}", policy.replace('_', "-"));
    let quota = json!({ "limitSize": 300_000, "limitTime": -1, "policy": policy }).to_string();
    let setting = "backlogQuota?backlogQuotaType=destination_storage";
    self::namespace(&namespace, setting, &quota);
    let topic = format!("{namespace}/topic");
    order("PUT", &format!("/persistent/{topic}"), "");
    let subscription = format!("/persistent/{topic}/subscription/reader");
    order("PUT", &subscription, &json!({ "ledgerId": -1, "entryId": -1 }).to_string());
    let said = disturbed(&url(), &topic, &["-r", "2k", "-d", "8s"], || {
        std::thread::sleep(Duration::from_secs(4));
        // The quota is looked at once a second; from now on there is room.
        let unlimited = json!({ "limitSize": -1, "limitTime": -1, "policy": policy }).to_string();
        order("POST", &format!("/namespaces/{namespace}/{setting}"), &unlimited);
        order("POST", &format!("{subscription}/skip_all"), "");
    });
    assert!(said.log.contains("Quota"), "{policy}: {}", said.log);
    assert_overcome(&said, 16_000);
    let there = 16_000..=16_000 + total(&said.report(), "resent");
    let taken = taken(&topic).unwrap();
    assert!(there.contains(&taken), "{policy}: {taken}, {}", said.log);
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_has_a_full_backlog_and_waits_or_says_so() {
    assert_quota_overcome("producer_exception");
    assert_quota_overcome("producer_request_hold");
}
