//! Limits provoked one by one: each is named, with its exit code, in the report and in the log.

use std::process::Command;

use serde_json::Value;

use crate::engine::broker;
use crate::program::Said;
use crate::program::program;
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

/// Where no control group can be made, in CI too, this says so and shows nothing:
/// `scripts/prove-verdicts`, which also needs an idle machine, is then what shows it.
#[test]
#[expect(clippy::print_stderr, reason = "a test that shows nothing has to say so")]
fn a_quota_below_what_the_load_takes_is_the_limit() {
    let quota = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/quota");
    let check = Command::new(quota).arg("--check").output().unwrap();
    if !check.status.success() {
        eprintln!("skipped: {}", String::from_utf8_lossy(&check.stderr));
        return;
    }
    let broker = broker(0, None);
    let url = broker.service_url();
    let unlimited = program(&["-u", &url, "-r", "1m", "-d", "3s", "--report", "-"]);
    let mut limited = Command::new(quota);
    limited.arg("250m").arg(unlimited.get_program()).args(unlimited.get_args());
    for (name, value) in unlimited.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let said = Said::from(limited.output().unwrap());
    let report = said.report();
    assert_eq!((said.code, &report["verdict"]["limit"]), (Some(98), &"quota".into()), "{report}");
    assert_eq!(report["environment"]["cpu_quota"], 0.25);
    assert!(report["cpu"]["throttled_periods"].as_u64().unwrap() > 5, "{report}");
    // The kernel's own count, printed when the group is removed, is of no fewer periods.
    let counted = said.log.lines().rev().find(|line| line.starts_with("quota: nr_periods"));
    let words: Vec<_> = counted.unwrap().split_whitespace().collect();
    let throttled = words.iter().position(|word| *word == "nr_throttled").unwrap() + 1;
    let throttled: u64 = words[throttled].parse().unwrap();
    assert!(throttled >= report["cpu"]["throttled_periods"].as_u64().unwrap(), "{}", said.log);
}

/// Records are due all the while: those that come to be due in the first 400 ms of the 500 wait for
/// 100 ms and more, and one in a hundred of 10 s for 400. With few records on their way the others
/// are only sent when the broker reads again, and a time that counts from then does not show it.
#[test]
fn a_broker_that_stands_still_shows_in_the_response_time_in_full() {
    let arguments = ["-r", "10k", "-d", "10s", "--max-outstanding", "500"];
    let (said, report) = judged("stop-reading-for=500ms", &arguments);
    assert_eq!(total(&report, "acknowledged"), 100_000, "{}", said.log);
    let p99_ms = |latency: &str| report["latency"][latency]["p99_ns"].as_u64().unwrap() / 1_000_000;
    // On a machine that is busy others are late too, which makes the latency longer, never shorter.
    assert!(p99_ms("response") >= 390, "{report}");
    assert!(p99_ms("service") < p99_ms("response") / 2, "{report}");
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

/// Runs as [`judged`] does with the log as JSON, and returns the limit of each second, and what was
/// not well.
fn limits(fault: &str, arguments: &[&str]) -> (Vec<String>, Vec<Value>) {
    let (said, _) = judged(fault, &[&["--log-format", "json"][..], arguments].concat());
    let lines = said.log.lines().filter_map(|line| serde_json::from_str(line).ok());
    let lines: Vec<Value> = lines.collect();
    let limit = |line: &Value| Some(line["limit"].as_str()?.to_owned());
    let seconds = lines.iter().filter(|line| line["sent"].is_u64()).filter_map(limit).collect();
    (seconds, lines.into_iter().filter(|line| line["behind"].is_u64()).collect())
}

#[test]
fn a_second_in_which_a_backlog_is_worked_off_is_not_said_to_hold() {
    let few = ["-o", "500"];
    for load in [&["-r", "2k", "-d", "2s"][..], &["--stages", "2s@2k,4s@10"]] {
        for rest in [&[][..], &few] {
            let (seconds, not_well) = limits("receipt-rate=1000", &[load, rest].concat());
            // What is due in the first two seconds takes four.
            assert!(seconds.len() >= 4, "{seconds:?}");
            assert_eq!(seconds[..3], ["window"; 3], "{load:?} {rest:?}");
            assert!(not_well.len() >= 3, "{not_well:?}");
        }
    }
}

#[test]
fn a_second_that_is_limited_by_errors_is_not_well() {
    let (seconds, not_well) = limits("send-error=10%", &["-r", "5k", "-d", "3s"]);
    assert!(seconds.iter().any(|limit| limit == "errors"), "{seconds:?}");
    assert!(not_well.iter().any(|line| line["limit"] == "errors"), "{not_well:?}");
}

#[test]
fn stages_before_one_at_maximum_rate_have_a_target() {
    let stages = ["--stages", "2s@2k,1s@max", "-o", "500"];
    let (said, report) = judged("receipt-rate=1000", &stages);
    assert_eq!((said.code, &report["verdict"]["limit"]), (Some(98), &"window".into()), "{report}");
    assert_eq!(report["rate"]["target_per_second"], 2_000.0, "{report}");
    assert!(report["rate"]["paced_per_second"].as_f64().unwrap() < 1_300.0, "{report}");
    let held =
        ["--stages", "1s@2k,1s@max", "--tolerance", "2%", "--slo", "response.p99<9s,rate>=50%"];
    let said = run(&held);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    for all_at_max in
        [&["-r", "max", "-d", "2s"][..], &["--stages", "1s@2k,1s@max", "--warmup", "1s"]]
    {
        let said = run(&[all_at_max, &["--tolerance", "2%"]].concat());
        assert_eq!(said.code, Some(104), "{}{}", said.out, said.log);
    }
}
