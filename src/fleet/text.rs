//! The report of a fleet for a person, in the words of a single run's.

use std::fmt::Write;

use crate::past::Past;
use crate::report::text::folded;
use crate::report::text::latency;
use crate::report::text::per_second;
use crate::units::bytes_text;
use crate::units::counted;
use crate::units::duration_text;
use crate::units::grouped;

/// Renders the report.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for display")]
pub(super) fn render(report: &Past) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        writeln!(text, "  {name:<10}{value}").ok();
    };
    let fleet = report.fleet.clone().unwrap_or_default();
    let of_fleet = |name: &str| fleet[name].as_u64().unwrap_or_default();
    let word = |value: &serde_json::Value| value.as_str().unwrap_or("?").to_owned();
    let (topic, url) = (&report.plan["topic"], &report.environment["service_url"]);
    line("to", folded(&format!("{} at {}", word(topic), word(url))));
    let started = match of_fleet("start_spread_ms") {
        0 => "all started at once".to_owned(),
        ms => format!("the last started {} after the first", duration_text(ms * 1_000_000)),
    };
    match of_fleet("shards") {
        _ if of_fleet("reports") < 2 => (),
        0 | 1 => line("pods", started),
        shards => line("shards", format!("{shards}; {started}")),
    }
    let totals = &report.totals;
    let [all, good] = [totals.scheduled, totals.acknowledged].map(grouped);
    line("records", format!("{good} acknowledged of {all}"));
    let [failed, unknown, dropped] = [totals.failed, totals.unknown, totals.dropped].map(grouped);
    line("", format!("{failed} failed, {unknown} unknown, {dropped} dropped"));
    let target = report.rate.target_per_second.map(per_second);
    let target = target.map_or_else(String::new, |target| format!(" of {target}"));
    line("rate", format!("{}{target} a second", per_second(report.rate.beside_target())));
    line("response", latency(report.latency.response, "due to receipt"));
    line("service", latency(report.latency.service, "send to receipt"));
    if let Some(ns) = report.cpu.process_ns_per_record {
        line("cpu", format!("{} a record", duration_text(ns.round() as u64)));
    }
    if let Some(bytes) = report.memory.rss_bytes_max {
        line("memory", format!("{} at most in one pod", bytes_text(bytes)));
    }
    let verdict = &report.verdict;
    if let Some(mend) = &verdict.mend {
        line("limit", folded(&format!("{}: {}", verdict.limit, verdict.evidence)));
        line("mend", folded(mend));
    }
    for warning in &verdict.warnings {
        line("warning", folded(warning));
    }
    let reports = counted(of_fleet("reports"), "report");
    let heading =
        format!("producer-load merge of {reports}: {}", word(&report.plan["events"]["name"]));
    let ok = if verdict.code == 0 { "ok" } else { "not ok" };
    format!("\n{heading}\n{text}\n  {ok}: {} (exit code {})\n", verdict.text, verdict.code)
}
