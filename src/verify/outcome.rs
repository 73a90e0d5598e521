//! The result of a verification: plain numbers, a verdict, and both renderings.

use std::fmt::Write;

use serde::Serialize;

use super::From;
use super::expected::Expected;
use super::findings::Counts;
use super::findings::Example;
use super::findings::Kind;
use super::findings::Span;
use super::inspector::Inspector;
use super::reading::Read;
use crate::clock;
use crate::memory;
use crate::plan::Plan;
use crate::units::bytes_text;
use crate::units::counted;
use crate::units::duration_text;
use crate::units::grouped;

/// The exit code of a reading that a signal ended before its time.
const STOPPED: u8 = 105;

/// What was found, and what to think of it.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The program's version.
    pub version: &'static str,
    /// What the records are.
    pub events: String,
    /// Over everything that decides a record's bytes.
    pub digest: String,
    /// Where they were read.
    pub service_url: String,
    /// The topic; of several the first part of their names.
    pub topic: String,
    /// How many topics.
    pub topics: u32,
    /// Partitions of all topics.
    pub partitions: u32,
    /// Which messages were read.
    pub from: From,
    /// How long it took.
    pub elapsed_ns: u64,
    /// CPU time of the process.
    pub cpu_ns: u64,
    /// The most that was resident.
    pub rss_bytes_max: Option<u64>,
    /// Producers whose records were compared.
    pub producers: usize,
    /// From where to where each of them goes.
    pub spans: Vec<Span>,
    /// How often each kind was found.
    pub counts: Counts,
    /// What runs say of themselves; `null`: no report was given, and the ends are not known.
    pub reported: Option<Reported>,
    /// Partitions that fell silent before their end.
    pub unread: Vec<String>,
    /// Producers that a report names, and of whom nothing came.
    pub silent_producers: Vec<String>,
    /// From event time to reading; `null` where what was there before was read.
    pub latency: Option<Latency>,
    /// What to think of it.
    pub verdict: Verdict,
    /// Some of each kind.
    pub examples: Vec<Example>,
}

/// What the reports of runs say of all of them together.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Reported {
    /// Refused for good.
    pub failed: u64,
    /// Never answered.
    pub unknown: u64,
    /// Due and never sent.
    pub dropped: u64,
    /// Given to the connection again.
    pub resent: u64,
}

/// From a record's event time to the moment when it was read here, by the clocks of both machines.
#[derive(Clone, Copy, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit ends each name")]
pub struct Latency {
    /// Milliseconds: half were faster.
    pub p50_ms: u64,
    /// 99 % were faster.
    pub p99_ms: u64,
    /// The slowest.
    pub max_ms: u64,
}

/// What to think of it.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The exit code.
    pub code: u8,
    /// One line.
    pub text: String,
}

/// What an outcome is made of.
pub(super) struct Observed<'a> {
    pub(super) plan: &'a Plan,
    pub(super) service_url: String,
    pub(super) from: From,
    pub(super) silent: Vec<String>,
    pub(super) is_bounded: bool,
    pub(super) partitions: u32,
    pub(super) elapsed_ns: u64,
    pub(super) read: Read,
    pub(super) inspector: Inspector<'a>,
    pub(super) expected: &'a Expected,
}

impl Outcome {
    pub(super) fn new(observed: Observed<'_>) -> Self {
        let Observed { plan, read, inspector, expected, .. } = observed;
        let latency = inspector.latency.as_ref().filter(|it| !it.is_empty()).map(|it| Latency {
            p50_ms: it.value_at_quantile(0.50),
            p99_ms: it.value_at_quantile(0.99),
            max_ms: it.max(),
        });
        let reported = expected.is_known.then_some(Reported {
            failed: expected.failed,
            unknown: expected.unknown,
            dropped: expected.dropped,
            resent: expected.resent,
        });
        let is_live = observed.from == From::Live;
        let silent_producers = if is_live { Vec::new() } else { observed.silent };
        let (spans, findings) = (inspector.spans(), inspector.findings);
        let mut wrongs = wrongs(&findings.counts, reported);
        wrongs.extend(read.unread.iter().map(|unread| format!("{unread} fell silent")));
        wrongs.extend(silent_producers.iter().map(|name| format!("nothing came of {name}")));
        let is_early = read.is_interrupted && observed.is_bounded;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            events: plan.events.name.clone(),
            digest: plan.digest.clone(),
            service_url: observed.service_url,
            topic: plan.topic.to_string(),
            topics: plan.topics,
            partitions: observed.partitions,
            from: observed.from,
            elapsed_ns: observed.elapsed_ns,
            cpu_ns: clock::process_cpu_ns(),
            rss_bytes_max: memory::rss_bytes_max(),
            producers: spans.len(),
            spans,
            verdict: Verdict::of(&wrongs, findings.counts.records, is_early),
            counts: findings.counts,
            reported,
            unread: read.unread,
            silent_producers,
            latency,
            examples: findings.examples,
        }
    }

    /// Renders the outcome for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("\nproducer-load {} verify: {}\n", self.version, self.events);
        let mut line = |name: &str, value: String| {
            // Writing to a string cannot fail.
            writeln!(text, "  {name:<10}{value}").ok();
        };
        let counts = &self.counts;
        let several =
            if self.topics > 1 { format!("-0 to -{}", self.topics - 1) } else { String::new() };
        line("of", format!("{}{several} at {}", self.topic, self.service_url));
        line("read", self.read_text());
        line("missing", self.missing_text());
        line("dropped", format!("{}, by what producers say", grouped(counts.dropped)));
        line("repeated", self.repeated_text());
        line("reordered", grouped(counts.reordered));
        line("altered", grouped(counts.altered));
        line("foreign", grouped(counts.foreign));
        let (malformed, wrong) = (counts.malformed_batches, counts.wrong_checksums);
        line("batches", format!("{malformed} malformed, {wrong} with a wrong checksum"));
        line("ends", self.ends_text());
        if let Some(Latency { p50_ms, p99_ms, max_ms }) = self.latency {
            let what = "event time to reading";
            line("latency", format!("p50 {p50_ms} ms, p99 {p99_ms} ms, max {max_ms} ms ({what})"));
        }
        line("cost", self.cost_text());
        for example in &self.examples {
            text += &example.text();
        }
        let word = if self.verdict.code == 0 { "ok" } else { "not ok" };
        let Verdict { code, text: verdict } = &self.verdict;
        writeln!(text, "\n  {word}: {verdict} (exit code {code})").ok();
        text
    }

    fn read_text(&self) -> String {
        let Counts { records, batches, .. } = self.counts;
        format!(
            "{} in {} from {} on {}",
            counted(records, "record"),
            counted(batches, "message"),
            counted(self.producers as u64, "producer"),
            counted(self.partitions.into(), "partition")
        )
    }

    fn missing_text(&self) -> String {
        let missing = grouped(self.counts.missing);
        match self.reported {
            Some(Reported { failed, unknown, dropped, .. }) => format!(
                "{missing} (reported: {failed} failed, {unknown} unknown, {dropped} dropped)"
            ),
            None => missing,
        }
    }

    fn repeated_text(&self) -> String {
        let Counts { repeated, repeated_or_late, .. } = self.counts;
        let late = format!("{}, and {repeated_or_late} repeated or late", grouped(repeated));
        match self.reported {
            Some(Reported { resent, .. }) => format!("{late} (reported: {resent} resent)"),
            None => late,
        }
    }

    fn ends_text(&self) -> String {
        let known = match self.reported {
            Some(_) => "known from the report".to_owned(),
            None => "end not known: give the run's report with --report".to_owned(),
        };
        match self.counts.open {
            0 => known,
            open => format!("{known}; {} may have been on their way", grouped(open)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "for display")]
    fn cost_text(&self) -> String {
        let took = duration_text(self.elapsed_ns);
        let records = self.counts.records.max(1) as f64;
        let each = self.cpu_ns as f64 / records;
        let memory = self.rss_bytes_max.map_or("not known".into(), bytes_text);
        format!("{took}, {each:.0} ns of CPU a record, memory {memory} at most")
    }
}

impl Example {
    fn text(&self) -> String {
        let kind = match self.kind {
            Kind::Missing => "missing",
            Kind::Dropped => "dropped",
            Kind::Repeated => "repeated",
            Kind::RepeatedOrLate => "repeated or late",
            Kind::Reordered => "reordered",
            Kind::Altered => "altered",
            Kind::Foreign => "foreign",
            Kind::MalformedBatch => "malformed batch",
            Kind::WrongChecksum => "wrong checksum",
        };
        let mut text = format!("  {kind}:");
        if let Some(index) = self.index {
            write!(text, " index {index}").ok();
        }
        if self.records > 1 {
            write!(text, " and {} more of its stream", grouped(self.records - 1)).ok();
        }
        write!(text, " of {}", self.producer).ok();
        if let Some(stream) = &self.stream {
            write!(text, ", stream {stream}").ok();
        }
        if let Some(partition) = self.partition {
            write!(text, ", partition {partition}").ok();
        }
        if let Some(id) = &self.message_id {
            write!(text, ", message {id}").ok();
        }
        if let Some(why) = &self.why {
            write!(text, ": {why}").ok();
        }
        text + "\n"
    }
}

/// Returns what is wrong, and what reports do not account for.
fn wrongs(counts: &Counts, reported: Option<Reported>) -> Vec<String> {
    let (mut missing, mut repeated) = (counts.missing, counts.repeated + counts.repeated_or_late);
    let mut wrongs = Vec::new();
    if let Some(Reported { failed, unknown, dropped, resent }) = reported {
        missing = missing.saturating_sub(failed + unknown);
        repeated = repeated.saturating_sub(resent);
        let more = counts.dropped.saturating_sub(dropped);
        if more > 0 {
            wrongs.push(format!("{} dropped and not reported", grouped(more)));
        }
    }
    let Counts { reordered, altered, foreign, malformed_batches, wrong_checksums, .. } = *counts;
    for (count, what) in [
        (missing, "missing"),
        (repeated, "repeated"),
        (reordered, "reordered"),
        (altered, "altered"),
        (foreign, "foreign"),
        (malformed_batches, "malformed batches"),
        (wrong_checksums, "wrong checksums"),
    ] {
        if count > 0 {
            let more = if reported.is_some() && matches!(what, "missing" | "repeated") {
                " beyond what was reported"
            } else {
                ""
            };
            wrongs.push(format!("{} {what}{more}", grouped(count)));
        }
    }
    wrongs
}

impl Verdict {
    fn of(wrongs: &[String], records: u64, is_early: bool) -> Self {
        if !wrongs.is_empty() {
            Self { code: 1, text: wrongs.join(", ") }
        } else if is_early {
            Self { code: STOPPED, text: "stopped from outside before the end".to_owned() }
        } else if records == 0 {
            Self { code: 1, text: "there was nothing to verify".to_owned() }
        } else {
            Self { code: 0, text: "every record is as its producer made it".to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_answers_for_what_it_calls_failed_or_unknown_and_for_nothing_else() {
        let reported = Reported { failed: 2, unknown: 3, dropped: 9_000, resent: 4 };
        let wrong = |missing, dropped, repeated| {
            let counts = Counts { missing, dropped, repeated, ..Counts::default() };
            wrongs(&counts, Some(reported))
        };
        assert_eq!(wrong(5, 9_000, 4), [""; 0]);
        assert_eq!(wrong(6, 0, 0), ["1 missing beyond what was reported"]);
        assert_eq!(wrong(0, 9_001, 0), ["1 dropped and not reported"]);
        assert_eq!(wrong(0, 0, 5), ["1 repeated beyond what was reported"]);
    }
}
