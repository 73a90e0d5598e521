//! The report for a person: what happened, at a glance, in at most 80 columns.

use std::fmt::Write;

use crate::report::Percentiles;
use crate::report::Report;
use crate::report::Verdict;
use crate::report::plan_text::topics;
use crate::report::verdict::MISSED;
use crate::units::Rate;
use crate::units::bytes_text;
use crate::units::counted;
use crate::units::duration_text;
use crate::units::grouped;

/// Renders the report.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        writeln!(text, "  {name:<10}{value}").ok();
    };
    line("to", destination(report));
    line("records", records(report));
    line("", fates(report));
    if let Some(losses) = losses(report) {
        line("", losses);
    }
    line("rate", rate(report));
    line("response", latency(report.latency.response, "due to receipt"));
    line("service", latency(report.latency.service, "send to receipt"));
    if report.latency.pacing.is_some() {
        line("pacing", latency(report.latency.pacing, "time to leave to hand-over"));
    }
    line("payload", payload(report));
    line("cpu", cpu(report));
    line(
        "memory",
        report.memory.rss_bytes_max.map_or("not known".into(), |b| bytes_text(b) + " at most"),
    );
    for (name, value) in limit(&report.verdict) {
        line(name, value);
    }
    line("again", again(report));
    let heading =
        format!("producer-load {}: {}", report.environment.version, report.plan.events.name);
    let verdict = &report.verdict;
    let lost = report.totals.unknown + report.totals.dropped;
    let word = match (verdict.code, lost) {
        (0, 0) => "ok",
        (0, _) => "incomplete",
        (MISSED, _) => "missed",
        _ => "not ok",
    };
    format!("\n{heading}\n{text}\n  {word}: {} (exit code {})\n", verdict.text, verdict.code)
}

/// Says what was the limit, how it shows and what helps, where there was one; and every doubt.
fn limit(verdict: &Verdict) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(mend) = verdict.mend {
        lines.push(("limit", format!("{}: {}", verdict.limit, verdict.evidence)));
        lines.push(("mend", mend.to_owned()));
    }
    lines.extend(verdict.warnings.iter().map(|warning| ("warning", warning.clone())));
    lines.into_iter().map(|(name, value)| (name, folded(&value))).collect()
}

/// Breaks a line between words, so that the report fits 80 columns; a percent sign stays with its
/// number.
#[must_use]
pub fn folded(text: &str) -> String {
    const TIED: &str = "\u{a0}%";
    let mut folded = String::new();
    let mut column = 0;
    for word in text.replace(" %", TIED).split(' ') {
        if column > 0 && column + 1 + word.chars().count() > 68 {
            write!(folded, "\n{:12}", "").ok();
            column = 0;
        } else if column > 0 {
            folded.push(' ');
            column += 1;
        }
        folded.push_str(word);
        column += word.chars().count();
    }
    folded.replace(TIED, " %")
}

/// Returns the flags that make the same records again.
fn again(report: &Report) -> String {
    let plan = &report.plan;
    let shard = if plan.shard.count.get() == 1 {
        String::new()
    } else {
        format!(" --shard {}", plan.shard)
    };
    let seed = plan.seed;
    format!(
        "--seed {seed} --sources {}{shard}\n{:12}(digest {})",
        plan.sources_total, "", plan.digest
    )
}

fn destination(report: &Report) -> String {
    let note =
        if report.environment.embedded_broker { "\n            EMBEDDED broker" } else { "" };
    format!("{}{note} at {}", topics(&report.plan), report.environment.service_url)
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn records(report: &Report) -> String {
    let seconds = report.time.elapsed_ns as f64 / 1e9;
    let totals = &report.totals;
    let acknowledged = grouped(totals.acknowledged);
    format!("{acknowledged} acknowledged of {} in {seconds:.2} s", grouped(totals.scheduled))
}

fn fates(report: &Report) -> String {
    let totals = &report.totals;
    let [failed, unknown, dropped] = [totals.failed, totals.unknown, totals.dropped].map(grouped);
    format!("{failed} failed, {unknown} unknown, {dropped} dropped")
}

/// Says what was lost and brought back, if anything was.
fn losses(report: &Report) -> Option<String> {
    let losses = report.losses.filter(|losses| losses.producers > 0)?;
    let connections = counted(losses.connections, "connection");
    let producers = counted(losses.producers, "producer");
    let resent = grouped(report.totals.resent.unwrap_or_default());
    Some(format!("lost: {connections}, {producers}; {resent} resent"))
}

fn rate(report: &Report) -> String {
    let achieved = per_second(report.rate.achieved_per_second);
    let paced = per_second(report.rate.beside_target());
    match report.rate.target_per_second.map(per_second) {
        Some(target) if report.plan.load.rate == Rate::Max => {
            format!("{paced} of {target} a second; {achieved} with what went as fast as it could")
        }
        Some(target) => format!("{paced} of {target} a second"),
        None => format!("{achieved} a second, as fast as it went"),
    }
}

/// Prints records a second.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 10^9")]
pub fn per_second(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.2}") } else { grouped(rate.round() as u64) }
}

/// Prints a latency: what it is of and from when to when.
#[must_use]
pub fn latency(percentiles: Option<Percentiles>, from_to: &str) -> String {
    let Some(p) = percentiles else {
        return "not measured".to_owned();
    };
    let [p50, p99, p999, max] = [p.p50_ns, p.p99_ns, p.p999_ns, p.max_ns].map(duration_text);
    format!("p50 {p50}, p99 {p99}, p99.9 {p999}, max {max}\n{:12}({from_to})", "")
}

fn payload(report: &Report) -> String {
    let totals = &report.totals;
    let mean = (totals.payload_bytes + totals.sent / 2).checked_div(totals.sent).unwrap_or(0);
    format!("{} of AVRO, {mean} bytes a record", bytes_text(totals.payload_bytes))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for display")]
fn cpu(report: &Report) -> String {
    let embedded = if report.environment.embedded_broker { " with the broker" } else { "" };
    let cost = match report.cpu.process_ns_per_record {
        Some(ns) => format!("{} a record{embedded}", duration_text(ns.round() as u64)),
        None => "no record to divide by".to_owned(),
    };
    let build = if report.environment.debug_build { " (DEBUG BUILD: says nothing)" } else { "" };
    let throttled = match (report.cpu.throttled_periods, report.cpu.throttled_ns) {
        (Some(periods), Some(ns)) if periods > 0 => {
            format!("\n{:12}throttled {} times for {}", "", grouped(periods), duration_text(ns))
        }
        _ => String::new(),
    };
    format!("{cost}{build}{throttled}")
}
