//! Equals seldom differ, and what differs is found: over simulated runs whose noise is known.

use fastrand::Rng;

use super::*;
use crate::past::tests::past;
use crate::report::PointLatency;
use crate::report::Series;

const TRIALS: usize = 1_000;

/// How much of a second's deviation the next one keeps.
const RHO: f64 = 0.5;

/// A value of the normal distribution, by G. E. P. Box and M. E. Muller.
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

/// A run of so many seconds whose figures vary by a share of them; CPU and latencies times
/// `factor`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and small")]
fn simulated(rng: &mut Rng, seconds: usize, noise: f64, factor: f64) -> Past {
    let mut off = [(); 6].map(|()| normal(rng));
    let innovation = (1.0 - RHO * RHO).sqrt();
    let mut points = Vec::new();
    // One more at each end, which is left out.
    for _ in 0..seconds + 2 {
        let mut next = |place: usize, mean: f64| {
            off[place] = RHO * off[place] + innovation * normal(rng);
            (mean * (1.0 + noise * off[place])).round() as u64
        };
        let acknowledged = next(0, 100_000.0);
        let mut latency = |place: usize| {
            let (p50_ns, p99_ns) = (next(place, 5e6 * factor), next(place + 1, 2e7 * factor));
            Some(PointLatency { count: acknowledged, p50_ns, p99_ns, max_ns: p99_ns })
        };
        let (response, service) = (latency(1), latency(3));
        let cpu_ns = next(5, 2e7 * factor) * acknowledged / 100_000;
        points.push(Point { acknowledged, response, service, cpu_ns, ..Point::default() });
    }
    Past { series: Series::of(1_000_000_000, points), ..past() }
}

/// Returns how many of the trials satisfy a condition.
fn count(seconds: usize, runs: usize, factor: f64, is: impl Fn(&Comparison) -> bool) -> usize {
    let mut rng = Rng::with_seed(20_240_607);
    let found = (0..TRIALS).filter(|_| {
        let mut side = |factor| {
            (0..runs).map(|_| simulated(&mut rng, seconds, 0.03, factor)).collect::<Vec<_>>()
        };
        let (a, b) = (side(1.0), side(factor));
        is(&compare(&a, &b, 0.0))
    });
    found.count()
}

fn of<'c>(comparison: &'c Comparison, name: &str) -> &'c Difference {
    comparison.differences.iter().find(|it| it.name == name).unwrap()
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are quoted")]
fn equals_differ_in_at_most_one_comparison_of_twenty() {
    for (seconds, runs) in [(60, 1), (300, 1), (30, 5)] {
        let alarms = count(seconds, runs, 1.0, |it| it.verdict != Change::Same);
        println!("{seconds} s, {runs} runs a side: {alarms} of {TRIALS}");
        assert!(alarms <= TRIALS / 20, "{seconds} s, {runs} runs: {alarms}");
    }
}

#[test]
fn without_regard_to_autocorrelation_there_would_be_more_false_alarms() {
    let mut rng = Rng::with_seed(3);
    let alarms = (0..TRIALS).filter(|_| {
        let mut figure = || values(&FIGURES[1], &simulated(&mut rng, 60, 0.03, 1.0));
        let (a, b) = (Moments::of(&figure()), Moments::of(&figure()));
        let error = moments::welch(a.of_mean(), b.of_mean()).unwrap();
        (a.mean - b.mean).abs() > error.value * student::quantile(0.95, error.freedom)
    });
    let alarms = alarms.count();
    assert!(alarms > TRIALS / 8, "{alarms}");
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are quoted")]
fn five_percent_are_found_in_nine_of_ten() {
    // A minute of 3 % noise a second in one run a side, half a minute in five.
    for (seconds, runs) in [(60, 1), (30, 5)] {
        let found =
            count(seconds, runs, 1.05, |it| of(it, "response p99").verdict == Change::Worse);
        println!("{seconds} s, {runs} runs a side: {found} of {TRIALS}");
        assert!(found >= TRIALS * 9 / 10, "{seconds} s, {runs} runs: {found}");
    }
}

#[test]
fn the_threshold_and_the_direction_count() {
    let mut rng = Rng::with_seed(1);
    let mut side = |factor| vec![simulated(&mut rng, 120, 0.01, factor)];
    let (a, b) = (side(1.0), side(1.2));
    assert_eq!(compare(&a, &b, 0.05).verdict, Change::Worse);
    assert_eq!(compare(&b, &a, 0.05).verdict, Change::Better);
    assert_eq!(compare(&a, &b, 0.5).verdict, Change::Same);
    assert_eq!(of(&compare(&a, &b, 0.05), "rate").verdict, Change::Same);
    let mut failed = a.clone();
    failed[0].verdict.code = 98;
    assert_eq!(compare(&a, &failed, 0.5).verdict, Change::Worse);
    assert_eq!(compare(&failed, &a, 0.5).verdict, Change::Same);
}

#[test]
fn one_run_a_side_and_other_conditions_are_said() {
    let mut rng = Rng::with_seed(9);
    let a = vec![simulated(&mut rng, 60, 0.03, 1.0)];
    let mut b = vec![simulated(&mut rng, 10, 0.03, 1.0)];
    b[0].plan["lanes"] = 7.into();
    let said = compare(&a, &b, 0.0).text();
    for part in [
        "cannot show the noise between runs",
        "lanes is 1 and 7",
        "Welch's t",
        "each is 99.5 % sure",
        "fewer than 20 points",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    b.push(simulated(&mut rng, 60, 0.03, 1.0));
    b.push(simulated(&mut rng, 60, 0.03, 1.0));
    let mixed = compare(&a, &b, 0.0);
    assert!(mixed.method.contains("Student") && !mixed.text().contains("cannot show"));
    assert!(mixed.differences.iter().all(|it| it.from.is_some()));
    assert_eq!(mixed.conditions, ["lanes is 1 and 7 in a.json"]);
    let nothing: Vec<Past> = vec![past()];
    let untold = compare(&nothing, &nothing, 0.0);
    assert!(untold.differences.is_empty() && untold.verdict == Change::Unknown);
    let one = vec![simulated(&mut rng, 60, 0.03, 1.0)];
    let mut short = one.clone();
    short[0].series.points.truncate(1);
    assert_eq!(compare(&one, &short, 0.0).verdict, Change::Unknown);
}
