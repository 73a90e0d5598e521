//! Ways to a real Apache Pulsar: through its proxy, by one of several hosts, by a named listener.

use std::net::TcpListener;
use std::time::Duration;

use crate::java;
use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::total;
use crate::pulsar::assert_consumed;
use crate::pulsar::consume;
use crate::pulsar::messages_in;
use crate::pulsar::order;
use crate::pulsar::read;
use crate::pulsar::url;
use crate::pulsar::variable;

/// Returns the service URL of the proxy before the broker.
fn proxy_url() -> String {
    variable("PULSAR_TEST_PROXY_URL")
}

/// Returns host and port of a service URL.
fn host(url: &str) -> &str {
    url.trim_start_matches("pulsar://")
}

#[test]
#[ignore = "needs a real Pulsar and its proxy, a JDK and python: scripts/test provides them"]
fn real_pulsar_takes_every_partition_through_its_proxy() {
    order("PUT", "/persistent/public/default/proxied/partitions", "4");
    let proxy = proxy_url();
    let mut all = 0;
    for transport in ["framed", "client"] {
        let arguments = ["-u", &proxy, "-t", "proxied", "-d", "1s", "-r", "5k", "--report", "-"];
        let said = run(&[&arguments[..], &["--transport", transport]].concat());
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
        assert_eq!(total(&said.report(), "acknowledged"), 5_000);
        all += 5_000;
        let partition = |number| messages_in(&format!("proxied-partition-{number}"));
        assert_eq!((0..4).map(partition).sum::<u64>(), all);
    }
    assert_consumed(&consume("persistent://public/default/proxied", all), all);
    // The Java client goes by the proxy as well.
    let consumed = java::ask(&["consume", &proxy, "proxied", &all.to_string()]);
    assert_eq!((&consumed["unordered"], &consumed["keys_moved"]), (&0.into(), &0.into()));
    let checked = run(&["check", "-u", &proxy, "-t", "proxied"]);
    let way = format!("4 partitions, the first served by {} behind {}", host(&url()), host(&proxy));
    assert!(checked.out.contains(&way), "{}", checked.out);
}

#[test]
#[ignore = "needs a real Pulsar and its proxy: scripts/test provides them"]
fn real_pulsar_moves_a_topic_away_behind_its_proxy() {
    let proxy = proxy_url();
    let arguments = ["-u", &proxy, "-t", "moved", "-d", "4s", "-r", "2k", "--report", "-"];
    let child = program(&arguments).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    order("PUT", "/persistent/public/default/moved/unload", "");
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(0), "{}", said.log);
    let report = said.report();
    assert_eq!(report["losses"]["producers"], 1, "{report}");
    assert_eq!(total(&report, "acknowledged"), 8_000, "{report}");
    // What was sent again may be there twice; nothing is missing.
    let (_, consumed) = read("moved", 8_000);
    assert_eq!(consumed["distinct_event_ids"], 8_000, "{consumed}");
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_is_found_behind_a_door_that_is_shut() {
    let shut = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = url();
    // The seed says which door is tried first.
    for seed in ["0", "2"] {
        for doors in [format!("pulsar://{shut},{}", host(&url)), format!("{url},{shut}")] {
            let said = run(&["-u", &doors, "-t", "doors", "-d", "200ms", "--seed", seed]);
            assert_eq!(said.code, Some(0), "{doors}: {}", said.log);
        }
    }
    assert_eq!(messages_in("doors"), 800);
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_is_asked_for_a_listener_by_name() {
    // scripts/test has the broker advertise itself as localhost there.
    let said = run(&["check", "-u", &url(), "-t", "heard", "--listener-name", "external"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    let port = url().rsplit_once(':').unwrap().1.to_owned();
    assert!(said.out.contains(&format!("served by localhost:{port}")), "{}", said.out);
    let timeout = ["--connect-timeout", "300ms"];
    let unknown = ["check", "-u", &url(), "-t", "heard", "--listener-name", "nowhere"];
    let said = run(&[&unknown[..], &timeout].concat());
    assert_eq!(said.code, Some(1), "{}", said.log);
    let words = "refused to look up the topic: the broker do not have nowhere listener \
                 (ServiceNotReady); check --listener-name";
    assert!(said.log.contains(words), "{}", said.log);
}
