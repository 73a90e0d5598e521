//! The rows of `producer-load` that draw numbers. How they are spread is tested in `distribution`.

use std::collections::BTreeSet;

use super::RECORDS;
use super::rows::drawn;
use super::rows::our_field;
use super::rows::ours_of;
use crate::records::EVENT_TIME_MS;
use crate::records::Records;
use crate::records::field;
use crate::records::items;
use crate::records::real;
use crate::records::refused;
use crate::records::text;
use crate::records::unscaled;
use crate::records::whole;

const DECIMAL: &str = r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#;
const DECIMAL_FIXED: &str =
    r#"{"type":"fixed","name":"D","size":6,"logicalType":"decimal","precision":12,"scale":3}"#;

/// Returns whether a number has no more than two digits behind its point.
fn has_two_decimals(number: f64) -> bool {
    format!("{number}").split_once('.').is_none_or(|(_, behind)| behind.len() <= 2)
}

#[test]
fn range_with_decimals_is_rounded() {
    let example = &ours_of("`range`")[0];
    for kind in [r#""double""#, r#""float""#] {
        let records = drawn(kind, example);
        for value in records.column("x", RECORDS) {
            let number = real(&value);
            let shown = match value {
                apache_avro::types::Value::Float(float) => format!("{float}").parse().unwrap(),
                _ => number,
            };
            assert!(has_two_decimals(shown), "{number}");
            assert!((0.5..99.990_01).contains(&number), "{number}");
        }
    }
    // Both ends are within it.
    let reals = drawn(r#""double""#, r#"{"range": {"min": 0.1, "max": 0.3, "decimals": 1}}"#)
        .reals("x", RECORDS);
    let tenths: BTreeSet<_> = reals.iter().map(|real| format!("{real}")).collect();
    assert_eq!(tenths, super::set(&["0.1", "0.2", "0.3"]));
}

#[test]
fn range_of_whole_numbers_has_both_ends_within_it() {
    for kind in [
        r#""int""#,
        r#""long""#,
        r#"{"type":"int","logicalType":"date"}"#,
        r#"{"type":"int","logicalType":"time-millis"}"#,
        r#"{"type":"long","logicalType":"time-micros"}"#,
        r#"{"type":"long","logicalType":"timestamp-nanos"}"#,
        r#"{"type":"long","logicalType":"local-timestamp-micros"}"#,
    ] {
        let wholes = drawn(kind, r#"{"range": {"min": 3, "max": 6}}"#).wholes("x", RECORDS);
        assert_eq!(wholes.into_iter().collect::<BTreeSet<_>>(), (3..=6).collect(), "{kind}");
    }
    let said = r#"{"range": {"min": -9223372036854775808, "max": -9223372036854775807}}"#;
    let wholes = drawn(r#""long""#, said).wholes("x", RECORDS);
    assert_eq!(wholes.into_iter().collect::<BTreeSet<_>>(), [i64::MIN, i64::MIN + 1].into());
}

#[test]
fn range_of_a_decimal_is_written_with_its_point() {
    for (kind, scale) in [(DECIMAL, 100), (DECIMAL_FIXED, 1_000)] {
        let records = drawn(kind, r#"{"range": {"min": -1.27, "max": 1.28}}"#);
        let made: BTreeSet<i128> = records.column("x", 4_000).iter().map(unscaled).collect();
        let (low, high) = (-127 * scale / 100, 128 * scale / 100);
        assert!(made.iter().all(|value| (low..=high).contains(value)), "{made:?}");
        assert!(
            made.first().unwrap() - low < scale / 10 && high - made.last().unwrap() < scale / 10
        );
    }
}

#[test]
fn normal_stays_between_min_and_max() {
    let example = &ours_of("`normal`")[0];
    let reals = drawn(r#""double""#, example).reals("x", RECORDS);
    assert!(reals.iter().all(|real| (-10.0..=50.0).contains(real)), "{reals:?}");
    assert!(reals.iter().filter(|real| (18.0..=24.0).contains(*real)).count() > 200);
    let said = r#"{"normal": {"mean": 0, "deviation": 10, "min": -1, "max": 2}}"#;
    for kind in [r#""int""#, r#""long""#, r#""float""#, r#""double""#] {
        let records = drawn(kind, said);
        let made: Vec<f64> = match kind {
            r#""int""# | r#""long""# => {
                let wholes = records.wholes("x", RECORDS);
                wholes.iter().map(|whole| f64::from(i32::try_from(*whole).unwrap())).collect()
            }
            _ => records.reals("x", RECORDS),
        };
        // Moved to the ends where it lies beyond: most of these do.
        let at = |end: f64| made.iter().filter(|real| (**real - end).abs() < 1e-9).count();
        assert!(made.iter().all(|real| (-1.0..=2.0).contains(real)), "{kind}: {made:?}");
        assert!(at(-1.0) > 100 && at(2.0) > 100, "{kind}: {made:?}");
    }
    let said = r#"{"normal": {"mean": 5, "deviation": 0.01, "min": 4, "max": 6}}"#;
    let made: Vec<i128> = drawn(DECIMAL, said).column("x", 50).iter().map(unscaled).collect();
    assert!(made.iter().all(|value| (490..=510).contains(value)), "{made:?}");
}

#[test]
fn log_normal_is_above_zero_and_rounded() {
    let example = &ours_of("`log-normal`")[0];
    let reals = drawn(r#""double""#, example).reals("x", RECORDS);
    assert!(reals.iter().all(|real| (0.0..=5_000.0).contains(real) && has_two_decimals(*real)));
    let below = reals.iter().filter(|real| **real < 40.0).count();
    // Half of 400 with five standard deviations of a binomial distribution.
    assert!((150..=250).contains(&below), "{below} below the median");
    let wholes = drawn(r#""int""#, r#"{"log-normal": {"median": 8, "sigma": 0.1, "max": 9}}"#)
        .wholes("x", RECORDS);
    assert!(wholes.iter().all(|whole| (5..=9).contains(whole)), "{wholes:?}");
}

#[test]
fn day_curve_follows_the_time_of_the_day() {
    let example = &ours_of("`day-curve`")[0];
    let records = drawn(r#""double""#, example);
    // 1.7 * 10^9 seconds since 1970 are 22:13:20 of some day, UTC.
    let midnight = EVENT_TIME_MS / 86_400_000 * 86_400_000;
    for (hours, middle) in
        [(4, 12.0), (15, 24.0), (9, 17.454_545), (23, 16.615_385), (2, 13.846_154)]
    {
        let reals = (0..100)
            .map(|index| real(field(&records.value_at(index, midnight + hours * 3_600_000), "x")));
        let (mut low, mut high) = (f64::MAX, f64::MIN);
        for real in reals {
            (low, high) = (low.min(real), high.max(real));
        }
        assert!(low >= middle - 1.5 - 1e-4 && high <= middle + 1.5 + 1e-4, "{hours}: {low} {high}");
        assert!(low < middle - 1.3 && high > middle + 1.3, "{hours}: {low} {high}");
    }
}

#[test]
fn counter_counts_the_records_of_the_run() {
    let example = &ours_of("`counter`")[0];
    let texts = drawn(r#""string""#, example).texts("x", 100);
    for (number, text) in (1..).zip(&texts) {
        assert_eq!(*text, format!("INV-{number:08}"));
    }
    let said = r#"{"counter": {"start": 5, "step": 2, "restart": 10}}"#;
    for kind in [r#""int""#, r#""long""#] {
        assert_eq!(drawn(kind, said).wholes("x", 5), [5, 7, 9, 6, 8]);
    }
    assert_eq!(
        drawn(r#""double""#, r#"{"counter": {"start": 0.5}}"#).reals("x", 3),
        [0.5, 1.5, 2.5]
    );
    let decimals = drawn(DECIMAL, r#"{"counter": {"start": 0.01, "step": 0.01}}"#).column("x", 3);
    assert!(decimals.iter().map(unscaled).eq([1, 2, 3]));
    // Without a start it begins at 0, and as text it has the room of a long.
    assert_eq!(drawn(r#""int""#, r#"{"counter": {}}"#).wholes("x", 3), [0, 1, 2]);
    let said = r#"{"counter": {"start": 9223372036854775800, "suffix": "!"}}"#;
    assert_eq!(drawn(r#""string""#, said).texts("x", 1), ["9223372036854775800!"]);
    let records = Records::of_fields(
        r#"{"name":"a","type":{"type":"array","arg.properties":{"length":2},"items":
            {"type":"string","producer-load":{"counter":{"digits":3}}}}}"#,
    );
    for index in 0..20 {
        let record = records.value(index);
        let texts: Vec<_> = items(field(&record, "a")).iter().map(text).collect();
        assert_eq!(texts, [format!("{:03}", 2 * index), format!("{:03}", 2 * index + 1)]);
    }
}

#[test]
fn a_number_that_does_not_fit_its_type_is_refused() {
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":3,"scale":1}"#;
    for (kind, said) in [
        (r#""int""#, r#"{"range": {"min": 0, "max": 2147483648}}"#),
        (r#""int""#, r#"{"range": {"min": 2, "max": 1}}"#),
        (r#""int""#, r#"{"range": {"min": 0.5, "max": 1}}"#),
        (r#""int""#, r#"{"range": {"min": 0, "max": 1, "decimals": 1}}"#),
        (r#""double""#, r#"{"range": {"min": 0, "max": 1, "decimals": 10}}"#),
        (decimal, r#"{"range": {"min": 0, "max": 100}}"#),
        (decimal, r#"{"range": {"min": 0, "max": 0.25}}"#),
        (r#""int""#, r#"{"normal": {"mean": 0, "deviation": 1000000000}}"#),
        (r#""double""#, r#"{"normal": {"mean": 0, "deviation": 0}}"#),
        (r#""double""#, r#"{"normal": {"deviation": 1}}"#),
        (r#""double""#, r#"{"log-normal": {"median": -1, "sigma": 1}}"#),
        (r#""double""#, r#"{"day-curve": {"points": {"24:00": 1}}}"#),
        (r#""double""#, r#"{"day-curve": {"points": {}}}"#),
        (r#""string""#, r#"{"normal": {"mean": 0, "deviation": 1}}"#),
        (r#""int""#, r#"{"counter": {"prefix": "a"}}"#),
        (r#""int""#, r#"{"counter": {"start": 2147483648}}"#),
    ] {
        let error = refused(&our_field("x", kind, said));
        assert!(error.starts_with("x: "), "{kind} {said}: {error}");
    }
    assert_eq!(drawn(decimal, r#"{"range": {"min": 99.9, "max": 99.9}}"#).column("x", 1).len(), 1);
    assert_eq!(
        whole(&drawn(r#""int""#, r#"{"range": {"min": 7, "max": 7}}"#).column("x", 1)[0]),
        7
    );
}
