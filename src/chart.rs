//! Runs as a page: one HTML file with its drawings inside, that needs no network and no script.
//!
//! Several runs are drawn over each other, each with a colour, a dash pattern and a letter at the
//! line's end, so that colour is never the only difference. The browser chooses light or dark.

use std::fmt::Write;

use crate::past::Past;
use crate::past::PastError;
use crate::report::Percentiles;
use crate::report::Point;
use crate::report::text::per_second;
use crate::units::duration_text;

mod axis;
mod panel;

use axis::Axis;
use axis::Unit;
use panel::Line;
use panel::Panel;

const STYLE: &str = include_str!("chart/page.css");

/// Colours and dash patterns of `page.css`; a run beyond them has those of an earlier one, and a
/// letter of its own still.
const LOOKS: usize = 8;

/// Less than this share of an interval at the end of a run tells no rate.
const RATE_SHARE_MIN: f64 = 0.2;

/// Curves have so many values between a tenth of the records and a hundredth.
const CURVE_STEPS: u32 = 25;

/// Makes the page.
///
/// # Errors
/// When a histogram cannot be read.
pub fn page(runs: &[Past]) -> Result<String, PastError> {
    let mut html =
        String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let title = match runs {
        [one] => format!("producer-load: {}", one.name),
        _ => format!("producer-load: {} runs", runs.len()),
    };
    // Writing to a string cannot fail.
    write!(
        html,
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>{0}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        escaped(&title)
    )
    .ok();
    summary(&mut html, runs);
    html.push_str("<main>\n");
    for panel in panels(runs)? {
        html.push_str(&panel.svg());
    }
    html.push_str("</main>\n</body>\n</html>\n");
    Ok(html)
}

/// Returns text as it stands in HTML, between tags or in quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns the letters of a run: A to Z, then AA and so on.
fn letters(run: usize) -> String {
    let last = char::from(b'A' + u8::try_from(run % 26).unwrap_or_default());
    if run < 26 { last.to_string() } else { letters(run / 26 - 1) + &last.to_string() }
}

/// Writes the table of runs, which is the legend and says every verdict.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for display")]
fn summary(html: &mut String, runs: &[Past]) {
    html.push_str(
        "<div class=\"wide\"><table>\n<thead><tr><th colspan=\"2\">run</th>\
         <th>records a second</th>\
         <th>response p50, p99</th><th>service p50, p99</th><th>CPU a record</th><th>throttled</th>\
         <th>verdict</th></tr></thead>\n<tbody>\n",
    );
    for (place, run) in runs.iter().enumerate() {
        let target = run.rate.target_per_second.map(per_second);
        let rate = per_second(run.rate.beside_target())
            + &target.map_or_else(String::new, |target| format!(" of {target}"));
        let [response, service] = [run.latency.response, run.latency.service].map(|latency| {
            let both = |it: Percentiles| {
                format!("{}, {}", duration_text(it.p50_ns), duration_text(it.p99_ns))
            };
            latency.map_or_else(|| "not measured".to_owned(), both)
        });
        let cost = run.cpu.process_ns_per_record;
        let cost = cost.map_or_else(String::new, |ns| duration_text(ns.round() as u64));
        let throttled = run.cpu.throttled_ns.map_or_else(|| "not known".to_owned(), duration_text);
        let verdict = &run.verdict;
        let mut words = format!("{} (exit code {})", verdict.text, verdict.code);
        if verdict.limit != "held" {
            write!(words, "; limit {}: {}", verdict.limit, verdict.evidence).ok();
        }
        for warning in &verdict.warnings {
            write!(words, "; {warning}").ok();
        }
        let mark = if verdict.code == 0 { "✓" } else { "✗" };
        write!(
            html,
            "<tr><td><svg class=\"key\" viewBox=\"0 0 44 14\" aria-hidden=\"true\">\
             <path class=\"line l{}\" d=\"M2 7H30\"/><text x=\"33\" y=\"11\">{}</text></svg></td>\
             <td>{}<br><small>{}</small></td>",
            place % LOOKS,
            letters(place),
            escaped(&run.name),
            escaped(run.host()),
        )
        .ok();
        for cell in [rate, response, service, cost, throttled] {
            write!(html, "<td>{}</td>", escaped(&cell)).ok();
        }
        let good = if verdict.code == 0 { "good" } else { "bad" };
        let words = escaped(&words);
        writeln!(html, "<td class=\"verdict {good}\"><b>{mark}</b> {words}</td></tr>").ok();
    }
    html.push_str("</tbody></table></div>\n");
}

/// The drawing of what a quota took.
const THROTTLING: &str = "Throttling";

/// What is drawn over time: a point and how many seconds it covers.
type Value = fn(&Point, f64) -> Option<f64>;

#[expect(clippy::cast_precision_loss, reason = "drawn to a thousandth")]
const OVER_TIME: [(&str, &str, Unit, Value); 7] = [
    ("Rate", "records with a receipt; dotted: the target", Unit::Rate, |point, seconds| {
        Some(point.acknowledged as f64 / seconds)
    }),
    ("CPU", "CPUs that the process used", Unit::Cpus, |point, seconds| {
        Some(point.cpu_ns as f64 / 1e9 / seconds)
    }),
    ("Response time, p50", "due to receipt", Unit::Latency, |point, _| {
        Some(point.response?.p50_ns as f64)
    }),
    ("Response time, p99", "due to receipt", Unit::Latency, |point, _| {
        Some(point.response?.p99_ns as f64)
    }),
    ("Service time, p50", "send to receipt", Unit::Latency, |point, _| {
        Some(point.service?.p50_ns as f64)
    }),
    ("Service time, p99", "send to receipt", Unit::Latency, |point, _| {
        Some(point.service?.p99_ns as f64)
    }),
    (THROTTLING, "threads that stood still for the CPU quota", Unit::Threads, |point, seconds| {
        Some(point.throttled_ns? as f64 / 1e9 / seconds)
    }),
];

fn panels(runs: &[Past]) -> Result<Vec<Panel>, PastError> {
    let mut panels = Vec::new();
    for (title, subtitle, unit, value) in OVER_TIME {
        let lines: Vec<Line> = runs.iter().map(|run| over_time(run, value)).collect();
        let targets = match unit {
            Unit::Rate => runs.iter().filter_map(|run| run.rate.target_per_second).collect(),
            _ => Vec::new(),
        };
        let highest = |of: fn(&(f64, f64)) -> f64| {
            lines.iter().flat_map(Line::values).map(of).fold(0.0, f64::max)
        };
        let x = Axis::linear(Unit::Time, highest(|it| it.0));
        let top = targets.iter().copied().fold(highest(|it| it.1), f64::max);
        let y = Axis::linear(unit, top);
        panels.push(Panel { title, subtitle, x, y, lines, targets });
    }
    for (title, subtitle, is_response) in [
        ("Response time by percentile", "due to receipt, the whole run", true),
        ("Service time by percentile", "send to receipt, the whole run", false),
    ] {
        let curve = |run: &Past| {
            let histograms = &run.histograms;
            let text = if is_response { &histograms.response } else { &histograms.service };
            by_percentile(run, text.as_ref())
        };
        let lines = runs.iter().map(curve).collect::<Result<Vec<Line>, PastError>>()?;
        let values = || lines.iter().flat_map(Line::values);
        let lowest = values().map(|it| it.1).fold(f64::INFINITY, f64::min);
        let highest = values().map(|it| it.1).fold(0.0, f64::max);
        let x = Axis::percentiles(values().map(|it| it.0).fold(0.0, f64::max));
        let y = Axis::logarithmic(Unit::Latency, lowest, highest);
        panels.push(Panel { title, subtitle, x, y, lines, targets: Vec::new() });
    }
    // What is empty without a quota comes last.
    panels.sort_by_key(|panel| panel.title == THROTTLING);
    Ok(panels)
}

/// Returns a value of a run, point by point, at the middle of what each point covers.
#[expect(clippy::cast_precision_loss, reason = "drawn to a thousandth")]
fn over_time(run: &Past, value: Value) -> Line {
    let interval = run.series.interval_ns as f64 / 1e9;
    let elapsed = run.time.elapsed_ns as f64 / 1e9;
    let points = run.series.points.iter().enumerate().filter_map(|(place, point)| {
        let from = place as f64 * interval;
        let covered = (elapsed - from).min(interval);
        // What comes behind the end is the rest of the last batch.
        (place == 0 || covered >= RATE_SHARE_MIN * interval)
            .then(|| Some((from + 0.5 * covered, value(point, covered.max(1e-3))?)))
    });
    Line { points: points.collect() }
}

/// Returns a latency by the share of records that were not slower, which is drawn by how many
/// powers of ten are.
#[expect(clippy::cast_precision_loss, reason = "drawn to a thousandth")]
fn by_percentile(run: &Past, text: Option<&String>) -> Result<Line, PastError> {
    let Some(histogram) = run.histogram(text)?.filter(|histogram| !histogram.is_empty()) else {
        return Ok(Line { points: Vec::new() });
    };
    let last = (histogram.len() as f64).log10();
    let steps = (0..).map(|step| f64::from(step) / f64::from(CURVE_STEPS));
    let places = steps.take_while(|place| *place < last).chain([last]);
    let at =
        |place: f64| (place, histogram.value_at_quantile(1.0 - 10_f64.powf(-place)).max(1) as f64);
    Ok(Line { points: places.map(|place| Some(at(place))).collect() })
}

#[cfg(test)]
#[path = "chart/tests.rs"]
mod tests;
