//! Every fault of the embedded broker, at either transport, slow and fast, on one partition and on
//! four: whatever happens, nothing is lost but what the broker loses on purpose, and nothing is
//! counted wrong.
//!
//! What arrived is read from the broker, by other code than that which sent it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Mutex;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerCounts;
use producer_load::broker::BrokerHandle;
use producer_load::broker::Faults;

use crate::program::Said;
use crate::program::run;
use crate::program::total;

const TOPIC: &str = "persistent://public/default/event-stream-data";

/// Cases that run at the same time: they wait most of the time.
const AT_ONCE: usize = 8;

const FAULTS: [&[&str]; 11] = [
    &["refuse=2s"],
    &["receipt-delay=50ms"],
    &["receipt-rate=30000"],
    &["drop-connection-every=400ms"],
    &["drop-connection-every=600ms", "refuse=200ms"],
    &["close-producer-every=300ms"],
    &["send-error=2%"],
    &["stop-reading-for=500ms"],
    &["half-open=700ms"],
    &["corrupt-receipt=2"],
    &["lose=1", "repeat=1", "reorder=1", "flip-bit=1"],
];

/// Each of these alone, as fast as it goes: in few records it may not come to strike.
const HARMS: [&[&str]; 4] = [&["lose=1"], &["repeat=1"], &["reorder=1"], &["flip-bit=1"]];

#[derive(Clone, Copy, Debug)]
struct Case {
    faults: &'static [&'static str],
    transport: &'static str,
    rate: &'static str,
    partitions: u32,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for faults in FAULTS.into_iter().chain(HARMS) {
        for transport in ["framed", "client"] {
            for rate in if HARMS.contains(&faults) { &["max"][..] } else { &["1k", "max"] } {
                for partitions in [1, 4] {
                    cases.push(Case { faults, transport, rate, partitions });
                }
            }
        }
    }
    cases
}

impl Case {
    /// Returns whether one of the faults is of this kind.
    fn has(&self, kinds: &[&str]) -> bool {
        self.faults.iter().any(|fault| kinds.iter().any(|kind| fault.starts_with(kind)))
    }

    /// Returns whether a connection or a producer may be lost.
    fn cuts(&self) -> bool {
        self.has(&["drop", "close", "send-error", "half-open", "corrupt"])
    }
}

/// What the broker holds of one run.
#[derive(Debug, Default)]
struct Held {
    distinct: u64,
    repeated: u64,
    /// Records that came behind a later one of their producer and had not come before.
    reordered: u64,
}

/// Reads the sequence ids of each producer's records, topic by topic.
fn held(broker: &BrokerHandle, partitions: u32) -> Held {
    let mut held = Held::default();
    for partition in 0..partitions {
        let mut seen: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for entry in broker.entries(&format!("{TOPIC}-partition-{partition}")) {
            let seen = seen.entry(entry.producer_name.clone()).or_default();
            for (metadata, _) in entry.records().unwrap() {
                let id = metadata.sequence_id.unwrap();
                let is_late = seen.last().is_some_and(|last| id < *last);
                if seen.insert(id) {
                    held.distinct += 1;
                    held.reordered += u64::from(is_late);
                } else {
                    held.repeated += 1;
                }
            }
        }
    }
    held
}

fn try_out(case: Case) {
    let Case { faults, transport, rate, partitions } = case;
    let faults = Faults::combine(faults.iter().map(|fault| fault.parse().unwrap())).unwrap();
    let retain_bytes_max = 512 * 1024 * 1024;
    let config =
        BrokerConfig { partitions, faults, retain_bytes_max, seed: 7, ..BrokerConfig::default() };
    let broker = broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap();
    let url = broker.service_url();
    let mut arguments = vec!["-u", &url, "-r", rate, "-d", "2s", "--transport", transport];
    arguments.extend(["--lanes", "1", "-n", "2", "--seed", "7", "--drain-timeout", "20s"]);
    arguments.extend(["--connect-timeout", "10s", "--report", "-"]);
    if rate != "max" {
        arguments.extend(["--max-lag", "0"]);
    }
    if transport == "framed" {
        arguments.extend(["--keep-alive-interval", "300ms"]);
    }
    let said = run(&arguments);
    let report = said.report();
    // The identity is checked wherever a total is read.
    let acknowledged = total(&report, "acknowledged");
    let rss = report["memory"]["rss_bytes_max"].as_u64().unwrap();
    assert!(rss < 80 * 1024 * 1024, "{case:?}: {rss}");
    let counts = broker.counts();
    let struck = |name: &str| counts.faults.get(name).copied().unwrap_or_default();
    let [lost, kept_twice, swapped, flipped] =
        ["lose", "repeat", "reorder", "flip-bit"].map(struck);
    if transport == "client" {
        return assert_client(&case, &said, &held_by_client(&broker, partitions), &counts);
    }
    assert!(acknowledged > 0, "{case:?}: {}{}", said.out, said.log);
    // What a fault holds up may be late for the target; it is never lost.
    assert!(matches!(said.code, Some(0 | 98)), "{case:?}: {}{}", said.out, said.log);
    assert_eq!(acknowledged, total(&report, "scheduled"), "{case:?}: {}{report}", said.log);
    let held = held(&broker, partitions);
    assert_eq!(held.distinct + lost, acknowledged, "{case:?}: {report}");
    // A broker that fails one batch may store those behind it, which then come first.
    let may_reorder = case.has(&["send-error"]);
    assert!(held.reordered == swapped || may_reorder, "{case:?}: {held:?}: {report}");
    let resent = total(&report, "resent");
    assert!(held.repeated <= resent + kept_twice, "{case:?}: {held:?}: {report}");
    let taken = held.distinct + held.repeated + lost - kept_twice;
    assert_eq!(counts.records(), taken, "{case:?}");
    if rate != "max" {
        assert_eq!(acknowledged, 2_000, "{case:?}");
    }
    let harms = lost + kept_twice + swapped + flipped;
    assert!(harms > 0 || !case.has(&["lose", "repeat", "reorder", "flip-bit"]), "{case:?}");
    // Each that takes something away was seen to strike, and to be overcome.
    if case.cuts() {
        assert!(!counts.faults.is_empty(), "{case:?}");
        assert!(report["losses"]["producers"].as_u64().unwrap() > 0, "{case:?}: {report}");
    }
}

/// Reads the records of the `client` transport, which have no indices, by their bytes.
fn held_by_client(broker: &BrokerHandle, partitions: u32) -> Held {
    let (mut held, mut seen) = (Held::default(), BTreeSet::new());
    for partition in 0..partitions {
        for entry in broker.entries(&format!("{TOPIC}-partition-{partition}")) {
            for (_, payload) in entry.records().unwrap() {
                let is_new = seen.insert(payload.to_vec());
                held.distinct += u64::from(is_new);
                held.repeated += u64::from(!is_new);
            }
        }
    }
    held
}

/// Asserts that what the `client` transport counts as there is there. It gives up by rules of its
/// own where a connection is lost, and does not say what it sent again.
fn assert_client(case: &Case, said: &Said, held: &Held, counts: &BrokerCounts) {
    let report = said.report();
    let struck = |name: &str| counts.faults.get(name).copied().unwrap_or_default();
    let [lost, kept_twice, flipped] = ["lose", "repeat", "flip-bit"].map(struck);
    let [acknowledged, sent] = ["acknowledged", "sent"].map(|name| total(&report, name));
    assert!(report["totals"]["resent"].is_null(), "{case:?}: {report}");
    assert!(held.distinct + lost >= acknowledged, "{case:?}: {held:?}: {report}");
    assert!(held.distinct <= sent + flipped, "{case:?}: {held:?}: {report}");
    if case.cuts() {
        assert!(matches!(said.code, Some(0 | 1 | 98)), "{case:?}: {}{}", said.out, said.log);
        let unanswered = total(&report, "failed") + total(&report, "unknown");
        assert!(said.code != Some(1) || unanswered > 0, "{case:?}: {report}{}", said.log);
    } else {
        assert!(matches!(said.code, Some(0 | 98)), "{case:?}: {}{}", said.out, said.log);
        assert_eq!(acknowledged, total(&report, "scheduled"), "{case:?}: {report}");
        assert_eq!(held.distinct + lost, acknowledged, "{case:?}: {held:?}: {report}");
        assert_eq!(held.repeated, kept_twice, "{case:?}: {held:?}: {report}");
    }
}

#[test]
fn no_fault_loses_a_record_or_miscounts_one() {
    let cases = Mutex::new(cases());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(case) = cases.lock().unwrap().pop() else { return };
                    try_out(case);
                }
            });
        }
    });
}
