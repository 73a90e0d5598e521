//! What belongs together, and that the sum is what one run would have measured.

use hdrhistogram::Histogram;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::past::tests::past;
use crate::report::Point;
use crate::report::Series;

/// The report of a pod: shard `index` of `count`, started `late_ms` after the first.
fn pod(index: u64, count: u64, late_ms: u64) -> Past {
    let mut past = past();
    past.name = format!("{index}.json");
    past.plan["shard"] = json!({"index": index, "count": count});
    past.plan["producer_name"] = format!("load-{index}").into();
    past.plan["seed"] = index.into();
    past.time.started_wall_ms = 1_700_000_000_000 + late_ms;
    let point = Point { scheduled: 10 + index, acknowledged: 10 + index, ..Point::default() };
    past.series = Series::of(1_000_000_000, vec![point; 10]);
    past
}

fn merged(pods: impl IntoIterator<Item = Past>) -> Result<Past, FleetError> {
    let mut fleet = Fleet::default();
    for pod in pods {
        fleet.add(pod)?;
    }
    fleet.report()
}

#[test]
fn percentiles_are_those_of_one_histogram_that_measured_everything() {
    let mut central = LatencyTotal::default();
    let mut pods = Vec::new();
    for index in 0..7_u64 {
        let mut own = LatencyTotal::default();
        for place in 1..4_000_u64 {
            let ns = (place * place * (index + 1) * 7_919) % 90_000_000_000;
            for histogram in [&mut own.response, &mut central.response] {
                histogram.record_n(ns, place % 5 + 1).unwrap();
            }
            if index > 2 {
                own.service.record(ns / 3).unwrap();
                central.service.record(ns / 3).unwrap();
            }
        }
        let mut pod = pod(index, 7, 0);
        pod.histograms = Histograms::of(&own);
        pods.push(pod);
    }
    let fleet = merged(pods).unwrap();
    let read = |text: &Option<String>| fleet.histogram(text.as_ref()).unwrap();
    let same = |read: Option<Histogram<u64>>, central: &Histogram<u64>| {
        assert_eq!(read.as_ref(), Some(central));
    };
    same(read(&fleet.histograms.response), &central.response);
    same(read(&fleet.histograms.service), &central.service);
    assert_eq!(fleet.histograms.pacing, None);
    let (of_fleet, of_all) = (fleet.latency.response.unwrap(), Latencies::of(&central));
    let of_all = of_all.response.unwrap();
    assert_eq!(
        (of_fleet.p50_ns, of_fleet.p99_ns, of_fleet.p999_ns, of_fleet.max_ns),
        (of_all.p50_ns, of_all.p99_ns, of_all.p999_ns, of_all.max_ns)
    );
    // And the text is the same to the last bit.
    assert_eq!(fleet.histograms.response, Histograms::of(&central).response);
}

#[test]
fn totals_add_up_and_points_stand_at_their_time() {
    let fleet = merged([pod(0, 3, 0), pod(1, 3, 2_100), pod(2, 3, 900)]).unwrap();
    let totals = fleet.totals;
    assert_eq!((totals.scheduled, totals.acknowledged), (30_000, 30_000));
    assert_eq!(fleet.rate.target_per_second, Some(3_000.0));
    let counts: Vec<u64> = fleet.series.points.iter().map(|point| point.acknowledged).collect();
    assert_eq!(counts, [10, 22, 33, 33, 33, 33, 33, 33, 33, 33, 23, 11]);
    assert_eq!(fleet.producers.len(), 3);
    assert_eq!(fleet.fleet.unwrap()["start_spread_ms"], 2_100);
    assert!(fleet.verdict.warnings.iter().any(|it| it.contains("together for 7.9 s of 10.0 s")));
}

#[test]
fn points_of_different_length_become_the_longest_whatever_came_first() {
    let mut coarse = pod(1, 2, 0);
    coarse.series = Series::of(4_000_000_000, coarse.series.points[..3].to_vec());
    for pods in [[pod(0, 2, 0), coarse.clone()], [coarse, pod(0, 2, 0)]] {
        let series = merged(pods).unwrap().series;
        assert_eq!(series.interval_ns, 4_000_000_000);
        let counts: Vec<u64> = series.points.iter().map(|point| point.acknowledged).collect();
        assert_eq!(counts, [40 + 11, 40 + 11, 20 + 11]);
    }
}

#[test]
fn runs_that_were_no_fleet_at_any_time_are_refused() {
    let error = merged([pod(0, 2, 20_000), pod(1, 2, 0)]).unwrap_err().to_string();
    assert!(error.contains("1.json and 0.json do not belong together"), "{error}");
    assert!(error.contains("had ended 10.0 s before the other began"), "{error}");
}

#[test]
fn several_brokers_are_called_several_and_one_pod_is_no_fleet() {
    let mut other = pod(1, 2, 0);
    other.environment["service_url"] = "pulsar://other:6650".into();
    let text = render(&merged([pod(0, 2, 0), other]).unwrap());
    assert!(text.contains(" at several\n") && text.contains("2; all started at once"), "{text}");
    let text = render(&merged([pod(0, 1, 0)]).unwrap());
    assert!(!text.contains("shards") && !text.contains("1 of 1"), "{text}");
    assert!(text.contains("ok: the pod reached what was asked for"), "{text}");
    let mut slow = pod(0, 1, 0);
    (slow.verdict.code, slow.verdict.text) = (98, "too slow".to_owned());
    let text = render(&merged([slow]).unwrap());
    assert!(text.contains("not ok: too slow (exit code 98)"), "{text}");
}

#[test]
fn what_does_not_belong_together_is_refused_by_what_differs() {
    type Change = fn(&mut Past);
    let changes: [(Change, &str); 10] = [
        (
            |it| it.plan["batching"]["compression"] = "LZ4".into(),
            "batching.compression is \"NONE\"",
        ),
        (|it| it.plan["tolerance"] = 0.5.into(), "tolerance is 0.01 and 0.5"),
        (|it| it.plan["objectives"] = vec!["rate>=99%"].into(), "objectives is [] and"),
        (|it| it.plan["max_lag_ns"] = 7.into(), "max_lag_ns is"),
        (|it| it.plan["digest"] = "00000000".into(), "digest is \""),
        (|it| it.plan["stages"][0]["to_per_second"] = 7.into(), "stages[0].to_per_second is"),
        (|it| it.plan["events"]["name"] = "other".into(), "events.name is"),
        (|it| it.plan["shard"]["count"] = 4.into(), "number of shards is 3 and 4"),
        (|it| it.plan["shard"]["index"] = 0.into(), "both are shard 0/3"),
        (|it| it.fleet = Some(Value::Null), "is the report of a fleet"),
    ];
    for (change, said) in changes {
        let mut other = pod(1, 3, 0);
        change(&mut other);
        let error = merged([pod(0, 3, 0), other]).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("1.json"), "{error}");
    }
    let mut twice = pod(1, 1, 0);
    twice.plan["producer_name"] = "load-0".into();
    let error = merged([pod(0, 1, 0), twice]).unwrap_err().to_string();
    assert!(error.contains("overlap") && error.contains("load-0"), "{error}");
    assert!(merged([pod(0, 1, 0), pod(1, 1, 0)]).is_ok());
    let mut foreign = pod(1, 3, 0);
    for name in SHARED {
        foreign.plan[name] = "x".repeat(200).into();
    }
    let error = merged([pod(0, 3, 0), foreign]).unwrap_err().to_string();
    assert!(error.len() < 500 && error.ends_with("; and 14 more"), "{error}");
    assert!(matches!(merged([]), Err(FleetError::Empty)));
}

#[test]
fn the_worst_pod_decides_and_is_named() {
    let pods = || (0..10).map(|index| pod(index, 10, 0));
    let held = merged(pods()).unwrap();
    assert_eq!((held.verdict.code, held.verdict.limit.as_str()), (0, "held"));
    let behind = pods().map(|mut pod| {
        if pod.name == "3.json" || pod.name == "7.json" {
            (pod.verdict.code, pod.verdict.limit) = (98, "window".to_owned());
            pod.verdict.mend = Some("a faster broker".to_owned());
        }
        pod
    });
    let missed = merged(behind).unwrap();
    assert_eq!((missed.verdict.code, missed.verdict.limit.as_str()), (98, "window"));
    assert!(missed.verdict.text.contains("2 of 10 pods ended with 98 (load-3, load-7)"));
    let text = render(&missed);
    assert!(text.contains("limit     window: 2 of 10 pods (load-3, load-7)"), "{text}");
    let both = pods().map(|mut pod| {
        pod.verdict.code = if pod.name == "5.json" { 105 } else { 99 };
        pod
    });
    assert_eq!(merged(both).unwrap().verdict.code, 105);
    let lacking = merged(pods().filter(|pod| pod.name != "4.json")).unwrap();
    assert_eq!(
        (lacking.verdict.code, lacking.verdict.text.as_str()),
        (1, "no report of 1 shard: 4")
    );
}
