//! The result of a verification: plain numbers, a verdict, and both renderings.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::From;
use super::expected::Expected;
use super::findings::Counts;
use super::findings::Example;
use super::findings::Span;
use super::inspector::Inspector;
use super::reading::Read;
use crate::clock;
use crate::memory;
use crate::plan::Plan;
use crate::report::histogram_text;
use crate::units::grouped;

mod text;

/// The exit code where nothing is wrong, and not all could be judged.
const UNJUDGED: u8 = 97;

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
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// Milliseconds: half were faster.
    pub p50_ms: u64,
    /// 99 % were faster.
    pub p99_ms: u64,
    /// 99.9 % were faster.
    pub p999_ms: u64,
    /// The slowest.
    pub max_ms: u64,
    /// All of it in HdrHistogram's V2 compressed form as base64, in milliseconds from 1 to an hour,
    /// 3 significant digits.
    pub histogram: Option<String>,
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            p50_ms: histogram.value_at_quantile(0.50),
            p99_ms: histogram.value_at_quantile(0.99),
            p999_ms: histogram.value_at_quantile(0.999),
            max_ms: histogram.max(),
            histogram: histogram_text(histogram),
        }
    }
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
        let latency = inspector.latency.as_ref().filter(|it| !it.is_empty()).map(Latency::of);
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
        let unjudged = unjudged(&findings.counts, reported, findings.gone_reported);
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
            verdict: Verdict::of(&wrongs, &unjudged, &findings.counts, is_early),
            counts: findings.counts,
            reported,
            unread: read.unread,
            silent_producers,
            latency,
            examples: findings.examples,
        }
    }
}

/// Returns what can be neither right nor wrong. What is gone from the beginning of a topic is not
/// there because somebody wants that, but where a report says that it was sent.
fn unjudged(counts: &Counts, reported: Option<Reported>, gone_reported: u64) -> Vec<String> {
    let mut unjudged = Vec::new();
    if counts.overrun > 0 {
        unjudged.push(format!("{} overwritten before they were read", grouped(counts.overrun)));
    }
    if let Some(Reported { failed, unknown, .. }) = reported {
        let excused = (failed + unknown).saturating_sub(counts.missing);
        let gone = gone_reported.saturating_sub(excused);
        if gone > 0 {
            unjudged.push(format!("{} sent and gone, let go of or lost", grouped(gone)));
        }
    }
    unjudged
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
    fn of(wrongs: &[String], unjudged: &[String], counts: &Counts, is_early: bool) -> Self {
        let (code, text) = if !wrongs.is_empty() {
            (1, [wrongs, unjudged].concat().join(", "))
        } else if is_early {
            (STOPPED, "stopped from outside before the end".to_owned())
        } else if counts.records == 0 {
            (1, "there was nothing to verify".to_owned())
        } else if !unjudged.is_empty() {
            (UNJUDGED, format!("could not be judged: {}", unjudged.join(", ")))
        } else if counts.gone > 0 {
            (0, "every record that is still there is as its producer made it".to_owned())
        } else {
            (0, "every record is as its producer made it".to_owned())
        };
        Self { code, text }
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

    #[test]
    fn what_cannot_be_judged_is_neither_right_nor_wrong() {
        let code = |counts: &Counts, reported, gone_reported| {
            let unjudged = unjudged(counts, reported, gone_reported);
            let verdict = Verdict::of(&wrongs(counts, reported), &unjudged, counts, false);
            (verdict.code, verdict.text)
        };
        let reported = Some(Reported { failed: 2, unknown: 3, dropped: 0, resent: 0 });
        let gone = Counts { records: 9, gone: 8, ..Counts::default() };
        assert_eq!(code(&gone, None, 0).0, 0);
        assert!(code(&gone, None, 0).1.contains("still there"));
        // Another run's, or what this one does not know to be there.
        assert_eq!((code(&gone, reported, 0).0, code(&gone, reported, 5).0), (0, 0));
        assert!(code(&gone, reported, 6).1.contains("1 sent and gone"));
        assert_eq!(code(&gone, reported, 6).0, UNJUDGED);
        let missing = Counts { missing: 5, ..gone };
        assert_eq!(code(&missing, reported, 1).0, UNJUDGED, "nothing is excused twice");
        let overrun = Counts { overrun: 1, ..gone };
        assert_eq!(code(&overrun, None, 0).0, UNJUDGED);
        assert_eq!(code(&Counts { altered: 1, ..overrun }, None, 0).0, 1);
    }
}
