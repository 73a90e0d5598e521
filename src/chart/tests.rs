//! The page: its text is text, and every run has its marks in every drawing.

use super::*;
use crate::past::tests::past;
use crate::report::PointLatency;
use crate::report::Series;

/// A run of ten seconds, the third without an answer.
fn run(name: &str) -> Past {
    let latency = PointLatency { count: 1_000, p50_ns: 2_000_000, p99_ns: 9_000_000, max_ns: 1 };
    let points = (0..10).map(|second| Point {
        acknowledged: 1_000,
        response: (second != 2).then_some(latency),
        service: Some(latency),
        cpu_ns: 40_000_000,
        throttled_ns: Some(second),
        ..Point::default()
    });
    Past { name: name.to_owned(), series: Series::of(1_000_000_000, points.collect()), ..past() }
}

#[test]
fn names_and_words_are_text_and_no_markup() {
    let mut evil = run("<script>alert('x')</script>&\".json");
    evil.verdict.text = "<b>fine</b>".to_owned();
    evil.verdict.limit = "<i>".to_owned();
    evil.environment["host"] = "<img src=x>".into();
    let html = page(&[evil]).unwrap();
    for markup in ["<script", "<b>fine", "<img", "<i>"] {
        assert!(!html.contains(markup), "{markup}");
    }
    let name = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;.json";
    assert!(html.contains(name) && html.contains("&lt;b&gt;fine&lt;/b&gt;"));
}

#[test]
fn nothing_is_asked_of_anybody() {
    let html = page(&[run("a.json")]).unwrap();
    for word in ["http:", "https:", "src=", "href=", "url(", "@import", "<script"] {
        assert!(!html.contains(word), "{word}");
    }
}

#[test]
fn every_run_has_a_line_in_every_drawing_and_a_letter_at_its_end() {
    let html = page(&[run("a.json"), run("b.json"), run("c.json")]).unwrap();
    let count = |part: &str| html.matches(part).count();
    assert_eq!(count("<figure>"), 9);
    // A service histogram was not measured; eight drawings and the legend have the lines.
    assert_eq!(count("not measured</text>"), 1);
    for look in 0..3 {
        assert_eq!(count(&format!("class=\"line l{look}\"")), 9, "{look}");
        assert_eq!(count(&format!("class=\"end e{look}\"")), 8, "{look}");
    }
    assert_eq!(count("class=\"target\""), 1);
    assert!(!html.contains("NaN") && !html.contains("inf"));
}

#[test]
fn where_nothing_was_measured_a_line_has_a_gap() {
    let line = over_time(&run("a.json"), |point, _| {
        Some(f64::from(u32::try_from(point.response?.count).unwrap()))
    });
    let axis = Axis::linear(Unit::Time, 10.0);
    let panel = |line: Line| Panel {
        title: "",
        subtitle: "",
        x: axis.clone(),
        y: Axis::linear(Unit::Rate, 2_000.0),
        lines: vec![line],
        targets: Vec::new(),
    };
    let svg = panel(line).svg();
    let path = svg.split("class=\"line l0\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 7), "{path}");
    let dot = panel(Line { points: vec![None, Some((3.0, 5.0)), None] }).svg();
    assert!(dot.contains("h0\""), "{dot}");
}

#[test]
fn runs_are_told_apart_beyond_the_alphabet() {
    let all: Vec<String> = [0, 25, 26, 27, 701].into_iter().map(letters).collect();
    assert_eq!(all, ["A", "Z", "AA", "AB", "ZZ"]);
}

#[test]
fn letters_at_one_place_stand_apart_and_others_where_their_line_ends() {
    let line = |end: f64| Line { points: vec![Some((0.0, 0.0)), Some((end, 0.0))] };
    let panel = Panel {
        title: "",
        subtitle: "",
        x: Axis::linear(Unit::Time, 40.0),
        y: Axis::linear(Unit::Rate, 1.0),
        lines: vec![line(40.0), line(40.0), line(20.0)],
        targets: Vec::new(),
    };
    let svg = panel.svg();
    let at = |run: usize| {
        let tag = svg.split(&format!("class=\"end e{run}\"")).nth(1).unwrap();
        tag.split("y=\"").nth(1).unwrap().split('"').next().unwrap().parse::<f64>().unwrap()
    };
    let [one, other, early] = [0, 1, 2].map(at);
    assert!((one - other).abs() > 11.0, "{svg}");
    assert!((early - one.max(other)).abs() < 0.2, "{svg}");
}
