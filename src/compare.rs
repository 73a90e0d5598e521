//! Two sides of one or several runs each: what differs, and whether it is more than noise.
//!
//! A figure of a run is the mean of its series after the warm-up. With several runs on each side
//! the runs themselves tell the noise, and sides are compared by Welch's test (B. L. Welch,
//! Biometrika 34, 1947). With several on one side alone that side's noise is taken for both, as in
//! Student's test. With one a side only the noise within a run is known (`compare/series.rs`), and
//! that is said.
//!
//! Intervals hold together: with so many figures each has a confidence above 95 %, so that of
//! twenty comparisons of equals one shows a difference anywhere, at most (C. E. Bonferroni, 1936).

use std::fmt::Write;

use serde::Serialize;

use crate::past;
use crate::past::Past;
use crate::report::Point;
use crate::report::text::folded;
use crate::report::text::per_second;
use crate::units::counted;
use crate::units::duration_text;

mod moments;
mod series;
mod student;

use moments::Moments;

/// The share of comparisons of equals that may show a difference: somewhat less than the one of
/// twenty that is promised, since in short series the autocorrelation is only roughly known.
const FALSE_ALARMS: f64 = 0.03;

/// What is told of a run.
#[derive(Clone, Copy, Debug)]
struct Figure {
    name: &'static str,
    is_rate: bool,
    of: fn(&Point, f64) -> Option<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "figures are compared to some digits")]
const FIGURES: [Figure; 6] = [
    Figure {
        name: "rate",
        is_rate: true,
        of: |point, seconds| Some(point.acknowledged as f64 / seconds),
    },
    Figure {
        name: "response p50",
        is_rate: false,
        of: |point, _| Some(point.response?.p50_ns as f64),
    },
    Figure {
        name: "response p99",
        is_rate: false,
        of: |point, _| Some(point.response?.p99_ns as f64),
    },
    Figure {
        name: "service p50",
        is_rate: false,
        of: |point, _| Some(point.service?.p50_ns as f64),
    },
    Figure {
        name: "service p99",
        is_rate: false,
        of: |point, _| Some(point.service?.p99_ns as f64),
    },
    Figure {
        name: "CPU a record",
        is_rate: false,
        of: |point, _| {
            (point.acknowledged > 0).then(|| point.cpu_ns as f64 / point.acknowledged as f64)
        },
    },
];

/// What became of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// No more than noise, or less than the threshold.
    Same,
    /// Better than on the first side.
    Better,
    /// Worse than on the first side.
    Worse,
    /// There is too little to say.
    Unknown,
}

/// A figure of both sides.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// Which.
    pub name: &'static str,
    /// Of the first side: records a second, or nanoseconds.
    pub a: f64,
    /// Of the second.
    pub b: f64,
    /// By what share of the first the second differs.
    pub change: f64,
    /// Where that share may lie: from here; `null`: there is too little to say.
    pub from: Option<f64>,
    /// To here.
    pub to: Option<f64>,
    /// What to think of it.
    pub verdict: Change,
    #[serde(skip)]
    is_rate: bool,
}

/// A comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Runs on each side.
    pub runs: [usize; 2],
    /// How noise was told.
    pub method: &'static str,
    /// Each figure that both sides have.
    pub differences: Vec<Difference>,
    /// How sure each figure's interval is: so that all of them hold together.
    pub interval_confidence: f64,
    /// What was meant or where it ran, where runs differ from the first in that.
    pub conditions: Vec<String>,
    /// The exit codes of the runs.
    pub codes: [Vec<u8>; 2],
    /// What makes the comparison doubtful.
    pub warnings: Vec<String>,
    /// Of all: worse where anything is, or where the runs of the second side failed and those of
    /// the first did not.
    pub verdict: Change,
}

/// Compares two sides, each of at least one run; changes below the threshold, a share, are none.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "there are six at most")]
pub fn compare(a: &[Past], b: &[Past], threshold: f64) -> Comparison {
    let both = |figure: &Figure| {
        let side = |runs: &[Past]| runs.iter().map(|run| values(figure, run)).collect::<Vec<_>>();
        Some((*figure, side(a), side(b)))
            .filter(|(_, a, b)| a.iter().chain(b).all(|values| !values.is_empty()))
    };
    let known: Vec<_> = FIGURES.iter().filter_map(both).collect();
    let level = 1.0 - FALSE_ALARMS / known.len().max(1) as f64;
    let differences: Vec<Difference> =
        known.iter().map(|(figure, a, b)| difference(*figure, a, b, level, threshold)).collect();
    let codes = [a, b].map(|side| side.iter().map(|run| run.verdict.code).collect::<Vec<u8>>());
    let is_broken = codes[0].iter().all(|code| *code == 0) && codes[1].iter().any(|code| *code > 0);
    let any = |wanted| differences.iter().any(|it| it.verdict == wanted);
    let verdict = match () {
        () if is_broken || any(Change::Worse) => Change::Worse,
        () if differences.is_empty() || any(Change::Unknown) => Change::Unknown,
        () if any(Change::Better) => Change::Better,
        () => Change::Same,
    };
    Comparison {
        runs: [a.len(), b.len()],
        method: match (a.len(), b.len()) {
            (1, 1) => {
                "seconds within each run: Welch's t (1947) of as many values as their \
                 autocorrelation leaves (Thiébaux and Zwiers 1984, Kendall 1954)"
            }
            (1, _) | (_, 1) => "runs of one side, for both: Student's t (1908)",
            _ => "runs of each side: Welch's t (1947)",
        },
        interval_confidence: level,
        differences,
        conditions: conditions(a, b),
        warnings: warnings(a, b),
        codes,
        verdict,
    }
}

/// Returns a figure second by second.
fn values(figure: &Figure, run: &Past) -> Vec<f64> {
    let seconds = std::time::Duration::from_nanos(run.series.interval_ns).as_secs_f64();
    run.steady_points().iter().filter_map(|point| (figure.of)(point, seconds)).collect()
}

fn difference(
    figure: Figure,
    a: &[Vec<f64>],
    b: &[Vec<f64>],
    level: f64,
    threshold: f64,
) -> Difference {
    let means =
        |side: &[Vec<f64>]| side.iter().map(|run| Moments::of(run).mean).collect::<Vec<_>>();
    let (of_a, of_b) = (Moments::of(&means(a)), Moments::of(&means(b)));
    let error = match (a, b) {
        ([a], [b]) => moments::welch(series::of(a), series::of(b)),
        ([_], _) => moments::student(of_b, 1.0),
        (_, [_]) => moments::student(of_a, 1.0),
        _ => moments::welch(of_a.of_mean(), of_b.of_mean()),
    };
    let (a, b) = (of_a.mean, of_b.mean);
    let share = |value: f64| if a > 0.0 { value / a } else { 0.0 };
    let half = error.map(|error| error.value * student::quantile(level, error.freedom));
    // Of a single value nothing can be said.
    let half = half.filter(|half| half.is_finite());
    let interval = half.map(|half| (share(b - a - half), share(b - a + half)));
    let is_sure = interval.is_some_and(|(from, to)| from > 0.0 || to < 0.0);
    let verdict = match (is_sure && share(b - a).abs() >= threshold, (b > a) == figure.is_rate) {
        _ if interval.is_none() => Change::Unknown,
        (false, _) => Change::Same,
        (true, true) => Change::Better,
        (true, false) => Change::Worse,
    };
    Difference {
        name: figure.name,
        a,
        b,
        change: share(b - a),
        from: interval.map(|(from, _)| from),
        to: interval.map(|(_, to)| to),
        verdict,
        is_rate: figure.is_rate,
    }
}

/// Says in what runs differ from the first one that was meant, and where they ran.
fn conditions(a: &[Past], b: &[Past]) -> Vec<String> {
    let Some((first, others)) = a.split_first() else { return Vec::new() };
    let mut found = Vec::<(String, Vec<&str>)>::new();
    for run in others.iter().chain(b) {
        for difference in differing(first, run) {
            match found.iter_mut().find(|(known, _)| *known == difference) {
                Some((_, names)) => names.push(&run.name),
                None => found.push((difference, vec![&run.name])),
            }
        }
    }
    let is_plain = others.is_empty() && b.len() == 1;
    let told = |(difference, names): (String, Vec<&str>)| match (names.len() - 1, names[0]) {
        _ if is_plain => difference,
        (0, one) => format!("{difference} in {one}"),
        (more, one) => format!("{difference} in {one} and {more} more"),
    };
    found.into_iter().map(told).collect()
}

/// Says in what two runs differ, but for what differs between any two.
fn differing(one: &Past, other: &Past) -> Vec<String> {
    const OWN: [&str; 5] = ["seed", "producer_name", "topic", "service_url", "shard"];
    let mut found = Vec::new();
    for (one, other) in [(&one.plan, &other.plan), (&one.environment, &other.environment)] {
        let names = one.as_object().into_iter().flat_map(|names| names.keys());
        for name in names.filter(|name| !OWN.contains(&name.as_str())) {
            found.extend(past::differences(name, &one[name], &other[name]));
        }
    }
    found
}

fn warnings(a: &[Past], b: &[Past]) -> Vec<String> {
    let mut warnings = Vec::new();
    if a.len() == 1 && b.len() == 1 {
        warnings.push("one run a side cannot show the noise between runs: repeat both".to_owned());
    }
    let short = a.iter().chain(b).filter(|run| run.steady_points().len() < 20).count();
    if short > 0 {
        let runs = counted(short as u64, "run");
        warnings.push(format!("fewer than 20 points after the warm-up in {runs}: too short"));
    }
    if a.iter().chain(b).any(Past::is_debug_build) {
        warnings.push("a debug build: its cost says nothing".to_owned());
    }
    warnings
}

impl Comparison {
    /// Renders it for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let [a, b] = self.runs.map(|runs| counted(runs as u64, "run"));
        // Writing to a string cannot fail.
        writeln!(text, "\nproducer-load compare: {a} and {b}").ok();
        let (heads, from_to) = (["", "a", "b", "change"], "lies within");
        let [name, a, b, change] = heads;
        writeln!(text, "  {name:<13}{a:>10}{b:>10}{change:>9}  {from_to:<18}").ok();
        for it in &self.differences {
            let [a, b] = [it.a, it.b].map(|value| shown(value, it.is_rate));
            let interval = match it.from.zip(it.to) {
                Some((from, to)) => format!("{} .. {} %", percent(from), percent(to)),
                None => "nothing".to_owned(),
            };
            let word = match it.verdict {
                Change::Same => "same",
                Change::Better => "better",
                Change::Worse => "WORSE",
                Change::Unknown => "?",
            };
            let change = percent(it.change) + " %";
            writeln!(text, "  {:<13}{a:>10}{b:>10}{change:>9}  {interval:<19}{word}", it.name).ok();
        }
        let mut line = |name: &str, value: &str| {
            writeln!(text, "  {name:<10}{}", folded(value)).ok();
        };
        line("noise", self.method);
        line(
            "intervals",
            &format!(
                "each is {:.1} % sure, so that all hold together in 95 of 100 comparisons \
                 (Bonferroni 1936)",
                100.0 * self.interval_confidence
            ),
        );
        if self.codes.iter().flatten().any(|code| *code > 0) {
            let [a, b] = &self.codes;
            line("exit with", &format!("{a:?} and {b:?}"));
        }
        for condition in &self.conditions {
            line("differ in", condition);
        }
        for warning in &self.warnings {
            line("warning", warning);
        }
        let word = match self.verdict {
            Change::Same => "no difference beyond noise",
            Change::Better => "b is better",
            Change::Worse => "b is WORSE",
            Change::Unknown => "it cannot be told: too few seconds, or none, in a run",
        };
        writeln!(text, "\n  {word}").ok();
        text
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for display")]
fn shown(value: f64, is_rate: bool) -> String {
    if is_rate { per_second(value) } else { duration_text(value.round() as u64) }
}

/// Prints a share with its sign, a digit behind the point where that says anything.
fn percent(share: f64) -> String {
    let decimals = usize::from(share.abs() < 1.0);
    format!("{:+.decimals$}", 100.0 * share)
}

#[cfg(test)]
#[path = "compare/tests.rs"]
mod tests;
