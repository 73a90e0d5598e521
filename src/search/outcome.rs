//! What a search ends with: one number, how sure it is, what the limit was, and every probe.

use std::fmt::Write;

use serde::Serialize;

use super::Found;
use crate::report::text::folded;
use crate::units::duration_text;
use crate::units::grouped;

/// What a verdict calls a target that was reached.
const HELD: &str = "held";

/// One run at one rate.
#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    /// Asked for.
    pub rate_per_second: f64,
    /// Acknowledged, until the last receipt.
    pub achieved_per_second: f64,
    /// Whether every objective was reached.
    pub held: bool,
    /// The objectives that were not.
    pub objectives_failed: Vec<String>,
    /// `held`, or what was the limit.
    pub limit: &'static str,
    /// How that shows.
    pub evidence: String,
    /// What helps; `null` where nothing is to be done.
    pub mend: Option<&'static str>,
    /// Due to receipt, 99 % were faster; `null`: no record has its receipt.
    pub response_p99_ns: Option<u64>,
    /// How long it took with its warm-up and the wait for the last receipt.
    pub elapsed_ns: u64,
}

/// The whole search.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The highest rate that holds the objectives; `null`: none did.
    pub rate_per_second: Option<f64>,
    /// How likely the limit is within 5 % of that, or where no rate failed not below it; 0 to 1.
    pub confidence: f64,
    /// How often that rate was probed.
    pub times_probed: usize,
    /// Whether no rate failed: the limit may be anywhere above.
    pub at_least: bool,
    /// What was the limit of the slowest probe above that failed for want of something, or
    /// `objectives`; `null`: none failed.
    pub limit: Option<&'static str>,
    /// How that shows.
    pub evidence: Option<String>,
    /// What helps.
    pub mend: Option<&'static str>,
    /// The objectives.
    pub objectives: Vec<String>,
    /// Whether a signal came before the search was done.
    pub stopped_by_signal: bool,
    /// Whether the time was over before.
    pub out_of_time: bool,
    /// Every probe, in order.
    pub probes: Vec<Probe>,
}

impl Outcome {
    /// Puts together what was found and what was probed.
    #[must_use]
    pub fn new(found: Found, objectives: Vec<String>, probes: Vec<Probe>) -> Self {
        let above = |probe: &&Probe| {
            !probe.held && found.rate.is_none_or(|rate| probe.rate_per_second >= rate)
        };
        // The slowest that tells what it lacked: one that only just failed lacked nothing much.
        let key = |probe: &&Probe| (probe.limit == HELD, probe.rate_per_second);
        let failed = probes.iter().filter(above).min_by(|a, b| {
            let ((a_held, a_rate), (b_held, b_rate)) = (key(a), key(b));
            a_held.cmp(&b_held).then(a_rate.total_cmp(&b_rate))
        });
        Self {
            rate_per_second: found.rate,
            confidence: found.confidence,
            times_probed: found.times_probed,
            at_least: found.is_at_least,
            limit: failed.map(Probe::limit_of_failure),
            evidence: failed.map(Probe::evidence_of_failure),
            mend: failed.and_then(|probe| probe.mend),
            objectives,
            stopped_by_signal: false,
            out_of_time: false,
            probes,
        }
    }

    /// Says whether something ended the search before it was done.
    #[must_use]
    pub fn ended_early(self, stopped_by_signal: bool, out_of_time: bool) -> Self {
        Self { stopped_by_signal, out_of_time, ..self }
    }

    /// Renders it for a person, in at most 80 columns where words allow it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("\n  {:>12}{:>14}{:>12}  outcome\n", "asked", "reached", "p99");
        for probe in &self.probes {
            // Writing to a string cannot fail.
            writeln!(text, "  {}", probe.row()).ok();
        }
        write!(text, "\n  {}\n", self.answer()).ok();
        let mut line = |name: &str, value: &str| {
            writeln!(text, "  {name:<10}{}", folded(value)).ok();
        };
        line("slo", &self.objectives.join(", "));
        match (self.limit, &self.evidence) {
            (Some(limit), Some(evidence)) => line("limit", &format!("{limit}: {evidence}")),
            _ => line("limit", "not reached"),
        }
        if let Some(mend) = self.mend {
            line("mend", mend);
        }
        if self.stopped_by_signal || self.out_of_time {
            let why = if self.out_of_time { "the time limit is over" } else { "by a signal" };
            writeln!(text, "  ended early, {why}: the answer is the best so far").ok();
        }
        text
    }

    /// Says the rate and how sure it is; of what never failed nothing is known but that it held.
    fn answer(&self) -> String {
        let Some(rate) = self.rate_per_second else {
            let none = if self.probes.is_empty() { "no rate was probed" } else { "no rate held" };
            return none.to_owned();
        };
        let rate = per_second(rate);
        let times = match self.times_probed {
            1 => "probed once".to_owned(),
            times => format!("probed {times} times"),
        };
        if self.at_least {
            return format!("at least {rate} messages a second, {times}; no rate failed");
        }
        format!("{rate} messages a second, {times}, confidence {}", percent(self.confidence))
    }
}

impl Probe {
    /// Returns what was the limit; a target that was held while an objective was not has none but
    /// that.
    fn limit_of_failure(&self) -> &'static str {
        if self.limit == HELD { "objectives" } else { self.limit }
    }

    fn evidence_of_failure(&self) -> String {
        match self.objectives_failed.join(", ") {
            failed if self.limit == HELD => format!("not reached: {failed}"),
            _ => self.evidence.clone(),
        }
    }

    /// Renders it as a row of a table.
    #[must_use]
    pub fn row(&self) -> String {
        let [asked, reached] =
            [self.rate_per_second, self.achieved_per_second].map(|rate| per_second(rate) + "/s");
        let p99 = self.response_p99_ns.map_or_else(|| "-".to_owned(), duration_text);
        let outcome = match self.objectives_failed.join(", ") {
            _ if self.held => "held".to_owned(),
            failed => format!("failed: {failed} ({})", self.limit_of_failure()),
        };
        format!("{asked:>12}{reached:>14}{p99:>12}  {outcome}")
    }
}

/// Prints a rate; below 100 with its fraction.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
fn per_second(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.2}") } else { grouped(rate.round() as u64) }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(rate: f64, limit: &'static str, failed: &[&str]) -> Probe {
        Probe {
            rate_per_second: rate,
            achieved_per_second: rate.min(1_100.0),
            held: failed.is_empty(),
            objectives_failed: failed.iter().map(ToString::to_string).collect(),
            limit,
            evidence: format!("{limit} shows"),
            mend: None,
            response_p99_ns: Some(5_000_000),
            elapsed_ns: 1,
        }
    }

    fn outcome(probes: Vec<Probe>) -> Outcome {
        let found =
            Found { rate: Some(1_000.0), confidence: 0.934, is_at_least: false, times_probed: 2 };
        Outcome::new(found, vec!["rate>=99%".to_owned()], probes)
    }

    #[test]
    fn the_limit_is_that_of_the_slowest_probe_that_lacked_something() {
        let rate = ["rate>=99%"];
        let probes = vec![
            probe(100.0, "stolen CPU", &rate),
            probe(1_000.0, HELD, &[]),
            probe(1_010.0, HELD, &rate),
            probe(2_000.0, "window", &rate),
            probe(10_000.0, "lane CPU", &rate),
        ];
        let found = outcome(probes);
        assert_eq!(
            (found.limit, found.evidence.as_deref()),
            (Some("window"), Some("window shows"))
        );
        let text = found.text();
        for said in [
            "1,000 messages a second, probed 2 times, confidence 93 %",
            "limit     window: window shows",
            "1,010/s       1,010/s     5.00 ms  failed: rate>=99% (objectives)",
        ] {
            assert!(text.contains(said), "{said}:\n{text}");
        }
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!((&json["rate_per_second"], &json["limit"]), (&1_000.0.into(), &"window".into()));
        assert_eq!(json["probes"].as_array().unwrap().len(), 5);
    }

    #[test]
    fn an_objective_alone_is_named_and_an_early_end_told() {
        let latency = ["response.p99<2ms"];
        let found = outcome(vec![probe(1_000.0, HELD, &[]), probe(3_000.0, HELD, &latency)]);
        assert_eq!(found.limit, Some("objectives"));
        assert_eq!(found.evidence.as_deref(), Some("not reached: response.p99<2ms"));
        assert!(!found.text().contains("ended early"));
        assert!(found.clone().ended_early(true, false).text().contains("ended early, by a signal"));
        assert!(found.ended_early(false, true).text().contains("ended early, the time limit"));
        assert_eq!(outcome(vec![probe(1_000.0, HELD, &[])]).limit, None);
    }

    #[test]
    fn of_what_never_failed_it_claims_no_more_than_it_knows() {
        let once =
            Found { rate: Some(2_000.0), confidence: 0.98, is_at_least: true, times_probed: 1 };
        let text = Outcome::new(once, Vec::new(), vec![probe(2_000.0, HELD, &[])]).text();
        for said in ["at least 2,000 messages a second, probed once", "limit     not reached"] {
            assert!(text.contains(said), "{said}:\n{text}");
        }
        assert!(!text.contains("confidence"), "{text}");
        let mut slow = probe(3_000.0, "window", &["rate>=99%"]);
        slow.mend = Some(
            "the broker or the network is slower than the load; a larger --memory-limit or \
             --max-outstanding helps where only the way is long",
        );
        let text = outcome(vec![slow]).text();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
