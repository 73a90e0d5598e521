//! Searches on simulated systems whose limit is known.

use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { from: 10_000.0, to: 1e8, probes_max: 10 };

/// Searches a system; `holds` says whether a probe at a rate holds, `reached` what one that does
/// not reaches. Also returns how many probes that took.
fn found(
    limits: Limits,
    mut holds: impl FnMut(f64) -> bool,
    reached: impl Fn(f64) -> f64,
) -> (Found, usize) {
    let mut probes = 0;
    let found = search(limits, |rate| {
        probes += 1;
        let has_held = holds(rate);
        let achieved = if has_held { rate } else { reached(rate) };
        let left = limits.probes_max;
        Ok::<_, Infallible>(Some(Tried { rate, has_held, achieved, left }))
    });
    let Ok(found) = found;
    assert!(probes <= limits.probes_max, "{probes}");
    (found, probes)
}

/// A kind of system.
struct System {
    name: &'static str,
    /// Within this share of its limit a probe holds by chance.
    noise: f64,
    /// So often a probe says the opposite.
    lies: f64,
    /// Whether an overloaded system reaches its limit, and not every rate.
    is_telling: bool,
    /// The answer is to be so close, in so many of all searches.
    within: f64,
    share: f64,
}

const SYSTEMS: [System; 5] = [
    System { name: "sharp", noise: 0.0, lies: 0.0, is_telling: true, within: 0.05, share: 0.98 },
    System { name: "noisy", noise: 0.03, lies: 0.0, is_telling: true, within: 0.1, share: 0.97 },
    System { name: "lying", noise: 0.0, lies: 0.05, is_telling: true, within: 0.1, share: 0.8 },
    System {
        name: "objective",
        noise: 0.0,
        lies: 0.0,
        is_telling: false,
        within: 0.25,
        share: 0.98,
    },
    System { name: "both", noise: 0.03, lies: 0.0, is_telling: false, within: 0.25, share: 0.95 },
];

#[test]
fn limits_are_found_as_closely_as_noise_allows() {
    const SEARCHES: u32 = 60;
    for System { name, noise, lies, is_telling, within, share } in SYSTEMS {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut good, mut once) = (0, 0);
        for _ in 0..SEARCHES {
            let limit = 10_f64.powf(2.5 + 5.0 * random.f64());
            let mut chance = random.fork();
            let holds = |rate: f64| {
                let edge = limit * (1.0 + noise * (2.0 * chance.f64() - 1.0));
                (rate <= edge) != (chance.f64() < lies)
            };
            let reached = |rate: f64| if is_telling { limit.min(rate) } else { rate };
            let (found, _) = found(LIMITS, holds, reached);
            once += u32::from(found.times_probed < 2);
            good += u32::from(found.rate.is_some_and(|rate| (rate / limit - 1.0).abs() <= within));
        }
        assert!(f64::from(good) >= share * f64::from(SEARCHES), "{name}: {good} of {SEARCHES}");
        // Where noise and lies have the last repetition fail, no probe is left for what comes next.
        let is_whimsical = name == "lying" || name == "both";
        assert!(once <= if is_whimsical { 3 } else { 0 }, "{name}: {once} told a rate tried once");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_sharp_limit_is_never_missed_by_far_and_never_exceeded(
        limit in 100.0_f64..9e7, from in 1e3_f64..1e6,
    ) {
        let limits = Limits { from, ..LIMITS };
        let (found, _) = found(limits, |rate| rate <= limit, |_| limit);
        let rate = found.rate.unwrap();
        prop_assert!(rate <= limit && rate > limit * 0.75, "{rate} of {limit}");
        prop_assert!(!found.is_at_least, "{found:?}");
    }

    #[test]
    fn the_rates_it_probes_can_be_said_and_read_back(rate in 0.1_f64..1e9) {
        let rounded = rounded(rate);
        prop_assert!((rounded / rate - 1.0).abs() <= 6e-4, "{rounded}");
        let said: crate::units::Rate = rounded.to_string().parse().unwrap();
        prop_assert!(same(said.per_second().unwrap(), rounded), "{said} {rounded}");
    }
}

#[test]
fn what_is_never_missed_ends_at_the_highest_rate_repeated() {
    let limits = Limits { to: 2e6, ..LIMITS };
    let (found, probes) = found(limits, |_| true, |rate| rate);
    assert_eq!((found.rate, found.is_at_least, probes), (Some(2e6), true, 5));
    assert!(found.confidence > 0.9, "{found:?}");
}

#[test]
fn the_last_probe_repeats_the_best_whatever_runs_out() {
    for probes_max in 2..=9 {
        let (found, _) = found(Limits { probes_max, ..LIMITS }, |_| true, |rate| rate);
        assert!(found.is_at_least && found.times_probed >= 2, "{probes_max}: {found:?}");
    }
    // There is time for three probes, of which the first two hold.
    let mut probed = Vec::new();
    let found = search(LIMITS, |rate| {
        probed.push(rate.to_string());
        let left = 3 - probed.len();
        Ok::<_, Infallible>(Some(Tried { rate, has_held: true, achieved: rate, left }))
    });
    let Ok(found) = found;
    assert_eq!((found.rate, found.times_probed), (Some(100_000.0), 2));
    assert_eq!(probed, ["10000", "100000", "100000"]);
}

#[test]
fn what_never_holds_has_no_answer() {
    let (found, probes) = found(LIMITS, |_| false, |_| 0.0);
    assert_eq!((found.rate, found.confidence.to_bits(), probes), (None, 0.0_f64.to_bits(), 6));
}

#[test]
fn the_time_that_is_over_ends_it_with_the_best_so_far() {
    let mut left = 2;
    let found = search(LIMITS, |rate| {
        left -= 1;
        let tried = Tried { rate, has_held: true, achieved: rate, left: 9 };
        Ok::<_, Infallible>((left >= 0).then_some(tried))
    });
    let Ok(found) = found;
    assert_eq!((found.rate, found.is_at_least), (Some(100_000.0), true));
    assert_eq!(search(LIMITS, |_| Err("no")), Err("no"));
}

#[test]
fn the_best_is_repeated_and_what_then_fails_is_not_the_answer() {
    let mut said = Vec::new();
    let lucky = |rate: f64| {
        // Up to 52,000 hold once, by luck; the limit is 40,000.
        let is_first = !said.contains(&rate.to_bits());
        said.push(rate.to_bits());
        rate <= 40_000.0 || rate < 52_000.0 && is_first
    };
    let (found, _) = found(LIMITS, lucky, |_| 40_000.0);
    let rate = found.rate.unwrap();
    assert!(rate > 36_000.0 && rate < 46_000.0, "{found:?}");
}
