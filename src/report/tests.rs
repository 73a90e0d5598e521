//! The names that machines read, the exit codes, and what a person sees.

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::cpu::Throttling;
use crate::domain::DOMAINS;
use crate::plan::BatchSettings;
use crate::plan::Events;
use crate::plan::LoadSettings;
use crate::plan::Objectives;
use crate::plan::Pin;
use crate::plan::Settings;
use crate::plan::Surroundings;
use crate::program::KeyChoice;
use crate::program::SourceChoice;
use crate::routing::Mode;
use crate::schedule::Pace;
use crate::schedule::Stage;
use crate::schedule::Stages;
use crate::schema::Encoding;
use crate::trust::Trust;
use crate::units::Rate;

fn plan(duration: Option<Duration>) -> Plan {
    let settings = Settings {
        service_url: None,
        credentials: None,
        trust: Trust::default(),
        listener_name: None,
        topic: "events".parse().unwrap(),
        events: Events {
            name: DOMAINS[0].name.to_owned(),
            schema_text: DOMAINS[0].schema_text.to_owned(),
            key: KeyChoice::Source,
            encoding: Encoding::Avro,
            source_choice: SourceChoice::Uniform,
        },
        load: LoadSettings { rate: "1000".parse().ok(), duration, ..LoadSettings::default() },
        sources: 10_000,
        shard: None,
        seed: Some(7),
        producer_name: Some("load".to_owned()),
        resume: None,
        topics: 1,
        routing: Mode::default(),
        key_hash: None,
        streams: None,
        lanes: None,
        pin: Pin::Off,
        batching: BatchSettings::default(),
        max_lag: None,
        drain_timeout: Duration::from_secs(10),
        send_timeout: None,
        keep_alive: None,
        metrics_address: None,
        connect_timeout: None,
    };
    let here = Surroundings {
        cpus: Cpus { allowed: vec![0, 1], quota: None },
        host: "host".to_owned(),
        start_token: 1,
        in_kubernetes: false,
    };
    Plan::resolve(settings, &here).unwrap()
}

/// What a run measured that went well.
pub(crate) fn measured() -> Measured {
    let mut latency = LatencyTotal::default();
    latency.response.record_n(2_000_000, 9_999).unwrap();
    latency.response.record(8_000_000).unwrap();
    latency.pacing.record(80_000).unwrap();
    let producer = ProducerEnd {
        name: "load-0".to_owned(),
        topic: "persistent://public/default/t".to_owned(),
        partition: 0,
        last_index: Some(9_999),
    };
    Measured {
        plan: plan(Some(Duration::from_secs(10))),
        service_url: "pulsar://127.0.0.1:6650".to_owned(),
        host: "host".to_owned(),
        kernel: "6.1".to_owned(),
        cpu_model: Some("A CPU".to_owned()),
        cpus: Cpus { allowed: vec![0, 1], quota: Some(0.5) },
        started_wall_ms: 1,
        resumed_from: None,
        resumed_ns: 0,
        schedule_ns: 10_000_000_000,
        stopped_by_signal: false,
        abandoned: None,
        counted: Counts {
            scheduled: 10_000,
            sent: 10_000,
            acknowledged: 10_000,
            payload_bytes: 2_040_000,
            ..Counts::default()
        },
        latency,
        series: Series::default(),
        spent: Spent {
            elapsed_ns: 10_000_000_000,
            process_cpu_ns: 50_000_000,
            throttling: Some(Throttling { periods: 3, ns: 5 }),
            ..Spent::default()
        },
        histogram_log_failure: None,
        clock_step_ms: 0,
        rss_bytes_max: Some(11_000_000),
        producers: vec![producer],
        failure: None,
    }
}

#[test]
fn the_names_that_machines_read_stay() {
    let json: Value = serde_json::from_str(&Report::new(measured()).json()).unwrap();
    let at = |path: &str| json.pointer(path).unwrap_or_else(|| panic!("{path} is missing")).clone();
    for (name, value) in [
        ("scheduled", 10_000.into()),
        ("sent", 10_000.into()),
        ("resent", 0.into()),
        ("acknowledged", 10_000.into()),
        ("failed", 0.into()),
        ("unknown", 0.into()),
        ("dropped", 0.into()),
        ("resumed_from", Value::Null),
        ("warmup", Value::Null),
        ("payload_bytes", 2_040_000.into()),
        ("wire_bytes", 0.into()),
    ] {
        assert_eq!(at(&format!("/totals/{name}")), value, "{name}");
    }
    assert_eq!(at("/rate/target_per_second"), 1000.0);
    assert_eq!(at("/rate/achieved_per_second"), 1000.0);
    assert_eq!(at("/latency/response/p50_ns").as_u64().unwrap() / 1_000, 2_000);
    assert_eq!(at("/latency/response/max_ns").as_u64().unwrap() / 10_000, 800);
    assert_eq!(at("/latency/service"), Value::Null);
    assert_eq!(at("/latency/pacing/max_ns").as_u64().unwrap() / 1_000, 80);
    assert_eq!(at("/latency/saturated"), 0);
    assert_eq!(at("/cpu/process_ns_per_record"), 5_000.0);
    assert_eq!(at("/cpu/throttled_periods"), 3);
    assert_eq!(at("/cpu/throttled_ns"), 5);
    assert_eq!(at("/memory/rss_bytes_max"), 11_000_000);
    assert_eq!((at("/losses/connections"), at("/losses/producers")), (0.into(), 0.into()));
    assert_eq!(at("/producers/0/name"), "load-0");
    assert_eq!(at("/producers/0/topic"), "persistent://public/default/t");
    assert_eq!(at("/producers/0/partition"), 0);
    assert_eq!(at("/producers/0/last_index"), 9_999);
    assert_eq!(at("/verdict/code"), 0);
    assert_eq!((at("/verdict/limit"), at("/verdict/mend")), ("held".into(), Value::Null));
    assert!(at("/verdict/evidence").is_string() && at("/verdict/warnings").is_array());
    assert!(at("/verdict/text").is_string());
    assert_eq!(at("/plan/seed"), 7);
    assert_eq!(at("/environment/embedded_broker"), true);
    assert_eq!(at("/environment/cpu_quota"), 0.5);
}

fn code(change: impl FnOnce(&mut Measured)) -> (u8, String) {
    let mut measured = measured();
    change(&mut measured);
    let verdict = Report::new(measured).verdict;
    (verdict.code, verdict.text)
}

#[test]
fn a_broken_identity_is_said_and_exits_1() {
    let (exit, text) = code(|m| m.counted.acknowledged -= 1);
    assert_eq!(exit, 1);
    assert!(text.contains("accounting is broken"), "{text}");
}

#[test]
fn each_end_has_its_exit_code() {
    assert_eq!(code(|_| ()).0, 0);
    let lost = |m: &mut Measured| (m.counted.acknowledged, m.counted.unknown) = (9_000, 1_000);
    let missed = "1,000 records have no receipt, 90.00 % of the target";
    assert_eq!(code(lost), (98, missed.to_owned()));
    let few = |m: &mut Measured| (m.counted.acknowledged, m.counted.dropped) = (9_900, 100);
    assert_eq!(code(few).0, 0);
    let at_max = |m: &mut Measured| m.plan.load.stages[0].pace = Pace::Max;
    assert_eq!(code(|m| (at_max(m), few(m)).0).0, 0);
    let untold = "1,000 records have no receipt";
    assert_eq!(code(|m| (at_max(m), lost(m)).0), (98, untold.to_owned()));
    let late =
        |last_receipt_ns| move |m: &mut Measured| m.counted.paced_receipt_ns = last_receipt_ns;
    assert_eq!((code(late(10_499_000_000)).0, code(late(10_501_000_000)).0), (0, 98));
    let longer = |m: &mut Measured| m.plan.load.tolerance = 0.1;
    assert_eq!(code(|m| (longer(m), late(10_900_000_000)(m)).0).0, 0);
    assert_eq!(code(|m| (m.counted.acknowledged, m.counted.failed) = (9_999, 1)).0, 1);
    assert_eq!(code(|m| m.stopped_by_signal = true).0, 105);
    let without_end = |m: &mut Measured| (m.stopped_by_signal, m.plan) = (true, plan(None));
    assert_eq!(code(without_end).0, 0);
    assert_eq!(code(|m| m.failure = Some("lost".to_owned())), (1, "lost".to_owned()));
    let nothing = "nothing was measured: the warm-up was not over".to_owned();
    assert_eq!(code(|m| m.counted.warmup = m.counted.scheduled), (98, nothing));
}

#[test]
fn the_target_is_what_was_due_however_few_records_that_are() {
    let two_in_12_s = |m: &mut Measured| {
        let rate: Rate = "0.1".parse().unwrap();
        (m.plan.load.rate, m.schedule_ns) = (rate, 12_000_000_000);
        m.plan.load.stages = vec![Stage { duration_ns: m.schedule_ns, pace: rate.into() }];
        (m.counted.scheduled, m.counted.sent, m.counted.acknowledged) = (2, 2, 2);
    };
    let whole = "every record has its receipt, 100.00 % of the target".to_owned();
    assert_eq!(code(two_in_12_s), (0, whole));
}

/// Makes a run that went well one that did not.
type Change = fn(&mut Measured);

#[test]
fn of_several_ends_the_first_in_the_table_decides_the_exit_code() {
    let table: [(u8, Change); 7] = [
        (1, |m| m.failure = Some("lost".to_owned())),
        (1, |m| m.counted.acknowledged -= 1),
        (1, |m| (m.counted.acknowledged, m.counted.failed) = (m.counted.acknowledged - 1, 1)),
        (105, |m| m.stopped_by_signal = true),
        (99, |m| {
            let objective = "response.p99<1s".to_owned();
            m.plan.load.objectives = objective.parse::<Objectives>().unwrap().0;
            m.abandoned = Some(Abandoned { objective, after_ns: 7_000_000_000 });
        }),
        (99, |m| m.plan.load.objectives = "response.p50<1ms".parse::<Objectives>().unwrap().0),
        (98, |m| m.counted.paced_receipt_ns = 20_000_000_000),
    ];
    for (place, (exit, change)) in table.iter().enumerate() {
        assert_eq!(code(change).0, *exit, "{place} alone");
        for (after, (_, also)) in table.iter().enumerate().skip(place + 1) {
            let both = |m: &mut Measured| (also(m), change(m)).0;
            assert_eq!(code(both).0, *exit, "{place} and {after}");
        }
    }
    let given_up = code(table[4].1).1;
    assert_eq!(given_up, "stopped after 7.00 s, not reached: response.p99<1s");
}

#[test]
fn a_person_reads_it_in_80_columns() {
    let text = text::render(&Report::new(measured()));
    assert!(text.contains("10,000 acknowledged of 10,000"), "{text}");
    assert!(text.contains("EMBEDDED") && !text.contains("lost"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let mut measured = measured();
    (measured.counted.connections_lost, measured.counted.producers_lost) = (1, 12_000);
    (measured.counted.producers_back, measured.counted.resent) = (12_000, 1_234_567);
    let text = text::render(&Report::new(measured));
    assert!(text.contains("lost: 1 connection, 12,000 producers; 1,234,567 resent"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let plan = plan_text::render(&plan(None));
    assert!(plan.contains("until SIGINT") && plan.contains("EMBEDDED"), "{plan}");
    assert!(plan.lines().all(|line| line.chars().count() <= 80), "{plan}");
}

#[test]
fn the_plan_says_what_a_run_has_to_reach() {
    let mut plan = plan(None);
    let rendered = plan_text::render(&plan);
    assert!(rendered.contains("tolerance   1 % of the target may be missing\n"), "{rendered}");
    assert!(!rendered.contains("objectives"), "{rendered}");
    (plan.load.tolerance, plan.load.abort_on_slo) = (0.0007, true);
    plan.load.objectives = "response.p99<20ms,errors<=0%".parse::<Objectives>().unwrap().0;
    plan.load.records = Some(1);
    let rendered = plan_text::render(&plan);
    for line in [
        "rate        1,000 messages a second\n",
        "end         after 1 record\n",
        "tolerance   0.07 % of the target may be missing\n",
        "objectives  response.p99<20ms, errors<=0%; one that is broken stops the run\n",
    ] {
        assert!(rendered.contains(line), "{rendered}");
    }
}

#[test]
fn a_missed_target_names_its_limit_and_a_doubtful_measurement_its_doubt() {
    let mut missed = measured();
    (missed.counted.paced_receipt_ns, missed.spent.buffer_wait_ns) =
        (20_000_000_000, 9_000_000_000);
    missed.clock_step_ms = -3_600_000;
    missed.histogram_log_failure = Some("no space left".to_owned());
    let report = Report::new(missed);
    assert_eq!((report.verdict.code, report.verdict.limit), (98, "window"));
    let text = text::render(&report);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "limit window: waited",
        "--max-outstanding helps",
        "was set by -3600000 ms",
        "no space left",
    ] {
        assert!(words.contains(told), "{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn what_waits_at_a_slow_broker_is_no_error_and_what_a_silent_one_never_answers_is() {
    let cut = |last_receipt_ns| {
        let mut cut = measured();
        (cut.counted.acknowledged, cut.counted.unknown) = (4_000, 6_000);
        (cut.counted.last_receipt_ns, cut.spent.elapsed_ns) = (last_receipt_ns, 20_000_000_000);
        Report::new(cut).verdict
    };
    let slow = cut(19_900_000_000);
    assert_eq!((slow.code, slow.limit), (98, "window"));
    assert!(slow.evidence.contains("6,000 records have no receipt yet"), "{slow:?}");
    let silent = cut(10_000_000_000);
    assert_eq!((silent.code, silent.limit), (98, "errors"));
}

#[test]
fn an_objective_that_is_not_reached_is_named_and_exits_99() {
    let with = |text: &'static str| {
        move |m: &mut Measured| m.plan.load.objectives = text.parse::<Objectives>().unwrap().0
    };
    assert_eq!(code(with("response.p99<3ms,response.max<9ms,errors<=0%,rate>=99%")).0, 0);
    let failed = code(with("response.p50<1ms,response.max<9ms,errors<0.1%,rate>=100%"));
    assert_eq!(failed, (99, "not reached: response.p50<1ms".to_owned()));
    // Of the service time nothing was measured, so that nothing can be said for it.
    assert_eq!(code(with("service.p99<1s")).0, 99);
    let lossy = |m: &mut Measured| {
        (m.counted.acknowledged, m.counted.unknown) = (9_000, 1_000);
        with("errors<1%")(m);
    };
    assert_eq!(code(lossy).0, 99);
}

#[test]
fn of_stages_that_end_at_maximum_rate_those_before_are_judged() {
    let stages = |text: &str| text.parse::<Stages>().unwrap();
    let with = |change: &dyn Fn(&mut Measured)| {
        let mut measured = measured();
        measured.plan.load.stages = stages("5s@1k,5s@max").list().to_vec();
        measured.plan.load.rate = "max".parse().unwrap();
        let counted = &mut measured.counted;
        (counted.scheduled, counted.acknowledged) = (905_000, 905_000);
        (counted.unpaced, counted.unpaced_acknowledged) = (900_000, 900_000);
        (counted.paced_receipt_ns, counted.last_receipt_ns) = (5_001_000_000, 10_000_000_000);
        change(&mut measured);
        let report = Report::new(measured);
        assert_eq!(report.rate.target_per_second, Some(1_000.0));
        let text = text::render(&report);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        (report.verdict, report.rate)
    };
    let (held, rate) = with(&|_| ());
    assert_eq!((held.code, held.limit), (0, "held"));
    assert!((rate.paced_per_second.unwrap() - 999.8).abs() < 0.01, "{rate:?}");
    assert!(rate.achieved_per_second > 90_000.0, "{rate:?}");
    let late = |m: &mut Measured| m.counted.paced_receipt_ns = 5_600_000_000;
    let (late, rate) = with(&late);
    assert_eq!(late.code, 98, "{rate:?}");
    assert!(late.text.ends_with("89.29 % of the target"), "{late:?}");
    // Few of all, and many of those that were due.
    let few = |m: &mut Measured| (m.counted.acknowledged, m.counted.dropped) = (904_900, 100);
    assert_eq!(with(&few).0.code, 98);
    let slow = |m: &mut Measured| {
        m.plan.load.objectives = "rate>=99.99%".parse::<Objectives>().unwrap().0;
    };
    assert_eq!(with(&slow).0.code, 99);
}
