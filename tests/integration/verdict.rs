//! Limits provoked one by one: each is named, with its exit code, in the report and in the log.

use serde_json::Value;

use crate::engine::broker;
use crate::program::Said;
use crate::program::run;
use crate::program::total;

/// Runs against a broker with this fault, and returns what was said and reported.
fn judged(fault: &str, arguments: &[&str]) -> (Said, Value) {
    let broker = broker(0, Some(fault));
    let url = broker.service_url();
    let said = run(&[&["-u", &url, "--report", "-"][..], arguments].concat());
    let report = said.report();
    (said, report)
}

#[test]
fn a_small_window_before_a_slow_broker_is_the_limit() {
    let arguments = ["-r", "20k", "-d", "3s", "--max-outstanding", "1000"];
    let (said, report) = judged("receipt-delay=200ms", &arguments);
    assert_eq!((said.code, &report["verdict"]["limit"]), (Some(98), &"window".into()), "{report}");
    assert!(report["verdict"]["evidence"].as_str().unwrap().contains("waited for buffers"));
    assert!(report["verdict"]["mend"].as_str().unwrap().contains("--max-outstanding"));
    assert!(said.log.contains("limit: window"), "{}", said.log);
    assert!(said.out.contains("missed: "), "{}", said.out);
}

#[test]
fn a_broker_that_is_slower_than_the_load_shows_as_the_window() {
    let (said, report) = judged("receipt-rate=2000", &["-r", "5k", "-d", "2s"]);
    assert_eq!((said.code, &report["verdict"]["limit"]), (Some(98), &"window".into()), "{report}");
    assert_eq!(total(&report, "acknowledged"), 10_000);
    // The same is within a tolerance that is wide enough.
    let wide = ["-r", "5k", "-d", "2s", "--tolerance", "100%"];
    let (said, report) = judged("receipt-rate=4000", &wide);
    assert_eq!((said.code, &report["verdict"]["limit"]), (Some(0), &"held".into()), "{report}");
}

#[test]
fn a_broker_that_disturbs_the_run_is_told_as_errors() {
    let (said, report) = judged("send-error=10%", &["-r", "5k", "-d", "1s"]);
    assert!(total(&report, "resent") > 100, "{report}");
    assert_eq!(report["verdict"]["limit"], "errors", "{report}");
    assert!(said.out.contains("limit     errors: 0 of 5,000 records"), "{}", said.out);
}

#[test]
fn an_objective_decides_the_exit_code() {
    let slow = ["-r", "1k", "-d", "1s", "--slo", "service.p50<20ms,errors<1%"];
    let (said, report) = judged("receipt-delay=50ms", &slow);
    assert_eq!(said.code, Some(99), "{}", said.out);
    assert_eq!(report["verdict"]["objectives_failed"][0], "service.p50<20ms", "{report}");
    let refused = run(&["-r", "max", "-d", "1s", "--slo", "response.p99<1s"]);
    assert_eq!(refused.code, Some(104), "{}", refused.log);
}

#[test]
fn a_broken_objective_ends_the_run_if_it_is_to() {
    let forever = ["-r", "1k", "--abort-on-slo", "--slo"];
    for (slo, broken, seconds) in [
        ("errors<1%,service.max<20ms", "service.max<20ms", 1..=4),
        ("service.p99<20ms,errors<1%", "service.p99<20ms", 5..=20),
    ] {
        let arguments = [&forever[..], &[slo, "--warmup", "200ms"]].concat();
        let (said, report) = judged("receipt-delay=50ms", &arguments);
        assert_eq!(said.code, Some(99), "{}{}", said.out, said.log);
        assert!(said.log.contains(&format!("{broken} is broken")), "{}", said.log);
        assert!(said.out.contains("stopped after "), "{}", said.out);
        let verdict = &report["verdict"];
        assert_eq!(verdict["abandoned"]["objective"], broken, "{report}");
        assert_eq!(verdict["objectives_failed"], serde_json::json!([broken]));
        let after = verdict["abandoned"]["after_ns"].as_u64().unwrap() / 1_000_000_000;
        assert!(seconds.contains(&after), "{report}");
        // Nothing was lost: the run was stopped as by a signal.
        assert_eq!(report["time"]["stopped_by_signal"], false);
        assert_eq!(total(&report, "unknown"), 0);
    }
    let held = ["-r", "1k", "-d", "2s", "--abort-on-slo", "--slo", "errors<1%,rate>=50%"];
    assert_eq!(judged("receipt-delay=50ms", &held).0.code, Some(0));
    let said = run(&["-d", "1s", "--abort-on-slo"]);
    assert_eq!(said.code, Some(104), "{}", said.log);
}

#[test]
fn without_a_target_nothing_is_missed_and_the_limit_is_still_named() {
    let said = run(&["-r", "max", "-d", "1s", "--report", "-"]);
    let report = said.report();
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert_ne!(report["verdict"]["limit"], "held", "{report}");
}
