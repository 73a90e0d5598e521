//! What a report says of a run: the series adds up to the totals, the histograms are those that the
//! percentiles come from, and every report of every test is one that the JSON Schema lets through.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use boon::Compiler;
use boon::SchemaIndex;
use boon::Schemas;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use serde_json::Value;

use crate::engine::broker;
use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::signal;
use crate::program::total;

pub(crate) const SCHEMA: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/schema.json"));

/// Says what is wrong with a report, if anything is.
fn validate(report: &Value) -> Result<(), String> {
    static COMPILED: OnceLock<(Schemas, SchemaIndex)> = OnceLock::new();
    let (schemas, index) = COMPILED.get_or_init(|| {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("schema.json", serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let index = compiler.compile("schema.json", &mut schemas).unwrap();
        (schemas, index)
    });
    schemas.validate(report, *index).map_err(|error| error.to_string())
}

pub(crate) fn is_valid(report: &Value) -> bool {
    validate(report).is_ok()
}

pub(crate) fn assert_valid(report: &Value) {
    if let Err(error) = validate(report) {
        panic!("{error}\n{report}");
    }
}

/// Returns a latency's histogram.
fn histogram(report: &Value, name: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(report["histograms"][name].as_str()?).unwrap();
    Some(Deserializer::new().deserialize(&mut &bytes[..]).unwrap())
}

/// Checks what holds of every report: the points add up to the totals, and the histograms are those
/// of the latencies.
fn assert_adds_up(report: &Value) {
    let points = report["series"]["points"].as_array().unwrap();
    assert_eq!(report["series"]["interval_ns"], 1_000_000_000);
    for name in ["scheduled", "acknowledged", "failed", "unknown", "dropped"] {
        let sum: u64 = points.iter().map(|point| point[name].as_u64().unwrap()).sum();
        assert_eq!(sum, total(report, name), "{name}: {report}");
    }
    for name in ["response", "service", "pacing"] {
        let latency = &report["latency"][name];
        let Some(histogram) = histogram(report, name) else {
            assert!(latency.is_null(), "{report}");
            continue;
        };
        assert_eq!(latency["p50_ns"], histogram.value_at_quantile(0.5));
        assert_eq!(latency["p99_ns"], histogram.value_at_quantile(0.99));
        assert_eq!(latency["max_ns"], histogram.max());
        if name != "pacing" {
            let of_point = |point: &Value| point[name]["count"].as_u64().unwrap_or_default();
            assert_eq!(histogram.len(), points.iter().map(of_point).sum::<u64>());
            let slowest = points.iter().filter_map(|point| point[name]["max_ns"].as_u64()).max();
            assert_eq!(Some(histogram.max()), slowest);
        }
    }
}

#[test]
fn every_kind_of_run_has_a_valid_report_that_adds_up() {
    let broker = broker(4, None);
    let url = broker.service_url();
    for (arguments, code) in [
        (&["-r", "5k", "-d", "2300ms", "--warmup", "1200ms"][..], 0),
        (&["-r", "max", "-d", "1200ms"], 0),
        (&["--stages", "0.3s@1k..2k,100ms@0,200ms@max", "--lanes", "2"], 0),
        (&["-r", "2k", "-d", "1s", "--transport", "client", "-n", "2"], 0),
        (&["--per-core-rate", "1k", "-m", "700", "-z", "ZSTD:3", "--num-topics", "2"], 0),
        (&["-r", "2k", "-d", "1s", "--slo", "response.p99<1ns,errors<1%"], 99),
    ] {
        let said = run(&[&["-u", &url, "--report", "-"][..], arguments].concat());
        assert_eq!(said.code, Some(code), "{arguments:?}: {}", said.log);
        let report = said.report();
        assert_adds_up(&report);
        assert!(report["environment"]["cpu_model"].is_string(), "{report}");
    }
}

#[test]
fn runs_that_end_badly_have_a_valid_report_that_adds_up() {
    let child = program(&["-r", "3k", "-d", "1h", "--report", "-"]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_300));
    signal(&child, "INT");
    let stopped = Said::from(child.wait_with_output().unwrap());
    assert_eq!(stopped.code, Some(105), "{}", stopped.log);
    assert_adds_up(&stopped.report());

    let late = broker(0, Some("receipt-delay=60s"));
    let url = late.service_url();
    let unanswered = ["-u", &url, "-d", "400ms", "--drain-timeout", "1200ms", "--report", "-"];
    let unanswered = run(&unanswered);
    assert_eq!(unanswered.code, Some(98), "{}", unanswered.log);
    assert_adds_up(&unanswered.report());
    assert!(unanswered.report()["series"]["points"][0]["in_flight"].as_u64().unwrap() > 0);
}

#[test]
fn a_stalled_second_shows_in_its_own_point() {
    let broker = broker(0, Some("stop-reading-for=1500ms"));
    let url = broker.service_url();
    let report = run(&["-u", &url, "-r", "2k", "-d", "4s", "--report", "-"]).report();
    assert_adds_up(&report);
    let points = report["series"]["points"].as_array().unwrap();
    let slowest = |point: &Value| point["response"]["max_ns"].as_u64().unwrap_or_default();
    assert!(points.iter().any(|point| slowest(point) > 1_000_000_000), "{report}");
    assert!(points.iter().any(|point| slowest(point) < 1_000_000_000), "{report}");
}
