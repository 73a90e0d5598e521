//! `iteration`, value by value, as avro-random-generator's `Generator.java` computes it.

use apache_avro::types::Value;

use super::rows::drawn_as_theirs;
use super::rows::theirs_of;
use crate::records::Records;
use crate::records::field;
use crate::records::items;
use crate::records::real;
use crate::records::text;
use crate::records::whole;

const RECORDS: usize = 300;

/// What an annotation says, its numbers times a power of ten.
#[derive(Clone, Copy)]
struct Original {
    start: i128,
    restart: i128,
    step: i128,
    initial: i128,
}

impl Original {
    /// Reads an annotation as `getIntegralIterator` and `getDecimalIterator` do; without `restart`
    /// a number goes to the end of its type.
    fn read(said: &str, scale: i128, (least, most): (i128, i128)) -> Self {
        let said: serde_json::Value = serde_json::from_str(said).unwrap();
        let number = |name: &str| {
            let value = said["iteration"].get(name)?.as_f64().unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "small numbers of a test")]
            let whole = (value * f64::from(i32::try_from(scale).unwrap())).round() as i128;
            Some(whole)
        };
        let start = number("start").unwrap();
        let restart = number("restart");
        let down = restart.is_some_and(|restart| restart < start);
        let step = number("step").unwrap_or(if down { -scale } else { scale });
        let restart = restart.unwrap_or(if step > 0 { most } else { least });
        Self { start, restart, step, initial: number("initial").unwrap_or(start) }
    }

    /// `IntegralIterator.next`, again and again.
    fn integers(self) -> Vec<i128> {
        let mut current = self.initial - self.start;
        let span = (self.restart - self.start).abs();
        let next = |_| {
            let result = current + self.start;
            current = (current + self.step).abs() % span * self.step.signum();
            result
        };
        (0..RECORDS).map(next).collect()
    }

    /// `DecimalIterator.next`, again and again: what is left over keeps its sign.
    fn decimals(self) -> Vec<i128> {
        let mut current = self.initial - self.start;
        let next = |_| {
            let result = current + self.start;
            current = (current + self.step) % (self.restart - self.start);
            result
        };
        (0..RECORDS).map(next).collect()
    }
}

fn iteration(said: &str) -> String {
    format!(r#"{{"iteration": {said}}}"#)
}

fn count() -> u64 {
    RECORDS as u64
}

#[test]
fn whole_numbers_are_the_originals() {
    let example = theirs_of("`iteration`").remove(0);
    let mut annotations = vec![example];
    annotations.extend(
        [
            r#"{"start": 0}"#,
            r#"{"start": 50, "restart": 100, "step": 7}"#,
            r#"{"start": 50, "restart": -10}"#,
            r#"{"start": 50, "restart": -10, "initial": 40}"#,
            r#"{"start": -50, "restart": 100, "step": 47}"#,
            r#"{"start": -50, "restart": 100, "step": 47, "initial": 0}"#,
            r#"{"start": 0, "restart": 3, "step": 10}"#,
            r#"{"start": 10, "restart": 0, "step": -4}"#,
            r#"{"start": 5, "step": -3}"#,
            r#"{"start": 1, "restart": 2}"#,
            r#"{"start": 0, "restart": 10, "initial": 25}"#,
        ]
        .map(iteration),
    );
    for said in annotations {
        for (kind, limits) in [
            (r#""int""#, (i32::MIN.into(), i32::MAX.into())),
            (r#""long""#, (i64::MIN.into(), i64::MAX.into())),
        ] {
            let expected = Original::read(&said, 1, limits).integers();
            let made = drawn_as_theirs(kind, &said).wholes("x", count());
            assert!(made.iter().map(|whole| i128::from(*whole)).eq(expected), "{said}: {made:?}");
        }
    }
}

#[test]
fn whole_numbers_that_begin_before_their_start_are_the_originals() {
    for said in [
        r#"{"start": 10, "restart": 20, "step": 4, "initial": 3}"#,
        r#"{"start": 0, "restart": -10, "step": -3, "initial": 5}"#,
    ] {
        let said = iteration(said);
        let expected = Original::read(&said, 1, (0, 0)).integers();
        let made = drawn_as_theirs(r#""long""#, &said).wholes("x", count());
        assert!(made.iter().map(|whole| i128::from(*whole)).eq(expected), "{said}: {made:?}");
    }
}

/// Annotations of doubles; in thousandths all of their numbers are whole.
const REALS: [&str; 7] = [
    r#"{"start": 10.4, "step": 5.1}"#,
    r#"{"start": 0.0, "restart": 10.0, "step": 27.3}"#,
    r#"{"start": 0.0, "restart": 10.0, "step": 27.3, "initial": 5.0}"#,
    r#"{"start": 1.5, "restart": -1.5, "step": -0.25}"#,
    r#"{"start": 1, "restart": 7}"#,
    r#"{"start": 0.5}"#,
    r#"{"start": -0.125, "restart": 0.5, "step": 0.125, "initial": 0.25}"#,
];

/// What a double without `restart` does not reach here.
const FAR: (i128, i128) = (-1_000_000_000_000, 1_000_000_000_000);

#[expect(clippy::cast_precision_loss, reason = "small numbers of a test")]
fn thousandths(values: Vec<i128>) -> Vec<f64> {
    values.into_iter().map(|value| value as f64 / 1_000.0).collect()
}

#[test]
fn doubles_are_the_originals() {
    for said in REALS.map(iteration) {
        let expected = thousandths(Original::read(&said, 1_000, FAR).decimals());
        let made = drawn_as_theirs(r#""double""#, &said).reals("x", count());
        assert_eq!(made, expected, "{said}");
    }
}

#[test]
fn floats_are_the_originals_within_a_ten_millionth() {
    // The original counts in what is left of 10.4 and 5.1 as floats, this in the numbers as they
    // are written.
    for said in REALS.map(iteration) {
        let expected = thousandths(Original::read(&said, 1_000, FAR).decimals());
        for (made, expected) in
            drawn_as_theirs(r#""float""#, &said).reals("x", count()).into_iter().zip(expected)
        {
            let allowed = 1e-7 * expected.abs().max(1.0);
            assert!((made - expected).abs() <= allowed, "{said}: {made} for {expected}");
        }
    }
}

#[test]
fn reals_that_begin_before_their_start_are_the_originals() {
    let said = iteration(r#"{"start": 10.4, "step": 5.1, "initial": 0}"#);
    let expected = thousandths(Original::read(&said, 1_000, FAR).decimals());
    assert_eq!(expected[..4], [0.0, 5.1, 10.2, 15.3]);
    assert_eq!(drawn_as_theirs(r#""double""#, &said).reals("x", count()), expected);
}

#[test]
fn booleans_take_turns() {
    for (start, first) in [("false", false), ("true", true)] {
        let said = iteration(&format!(r#"{{"start": {start}}}"#));
        let made = drawn_as_theirs(r#""boolean""#, &said).column("x", count());
        let expected = (0..RECORDS).map(|index| Value::Boolean(first ^ (index % 2 == 1)));
        assert!(made.into_iter().eq(expected), "{start}");
    }
}

#[test]
fn strings_are_numbers_between_prefix_and_suffix() {
    let texts = |said: &str| drawn_as_theirs(r#""string""#, said).texts("x", 5);
    assert_eq!(
        texts(r#"{"iteration": {"start": 1, "restart": 3, "step": 1}}"#),
        ["1", "2", "1", "2", "1"]
    );
    assert_eq!(
        texts(r#"{"iteration": {"start": 9, "restart": 11}, "prefix": "pre-", "suffix": "-post"}"#),
        ["pre-9-post", "pre-10-post", "pre-9-post", "pre-10-post", "pre-9-post"]
    );
    assert_eq!(texts(r#"{"iteration": {"start": -2}}"#), ["-2", "-1", "0", "1", "2"]);
}

#[test]
fn items_of_an_array_count_on() {
    let records = Records::of_fields(
        r#"{"name":"x","type":{"type":"array","arg.properties":{"length":3},"items":
             {"type":"record","name":"I","fields":[
                {"name":"n","type":"int","arg.properties":{"iteration":{"start":10,"step":2}}},
                {"name":"s","type":"string","arg.properties":{"iteration":{"start":0}}},
                {"name":"d","type":"double","arg.properties":{"iteration":{"start":0,"step":0.5}}}
           ]}}}"#,
    );
    for index in 0..50 {
        let record = records.value(index);
        for (item, count) in items(field(&record, "x")).iter().zip(3 * index..) {
            let count = i32::try_from(count).unwrap();
            assert_eq!(whole(field(item, "n")), i64::from(10 + 2 * count));
            assert_eq!(text(field(item, "s")), count.to_string());
            assert!((real(field(item, "d")) - f64::from(count) * 0.5).abs() < 1e-12);
        }
    }
}

#[test]
fn a_record_far_away_is_found_without_those_before_it() {
    let said = iteration(r#"{"start": 50, "restart": 100, "step": 7, "initial": 57}"#);
    let far: u64 = 1 << 60;
    let made = drawn_as_theirs(r#""long""#, &said).value(far);
    let expected = 50 + (i128::from(far) * 7 + 7) % 50;
    assert_eq!(i128::from(whole(field(&made, "x"))), expected);
}

#[test]
fn the_first_record_has_the_initial_value_wherever_it_lies() {
    for initial in [-3, 0, 7, 12] {
        let said = format!(r#"{{"start": 0, "restart": 10, "initial": {initial}}}"#);
        let made = drawn_as_theirs(r#""int""#, &iteration(&said)).wholes("x", 1);
        assert_eq!(made, [initial]);
    }
}

#[test]
fn what_leads_nowhere_is_refused() {
    for said in [
        r#"{"restart": 5}"#,
        r#"{"start": 5, "restart": 5}"#,
        r#"{"start": 5, "step": 0}"#,
        r#"{"start": 5, "restart": 9, "step": -1}"#,
        r#"{"start": 5, "restart": 1, "step": 1}"#,
        r#"{"start": 2147483648}"#,
        r#"{"start": "5"}"#,
        r#"{"start": 1.5}"#,
    ] {
        let field = super::rows::their_field("x", r#""int""#, &iteration(said));
        let error = crate::records::refused(&field);
        assert!(error.starts_with("x: "), "{said}: {error}");
    }
}
