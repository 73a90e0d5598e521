//! The rows of `producer-load` that need no other field: choices, points in time, ids, odds.

use std::collections::BTreeSet;

use apache_avro::types::Value;

use super::RECORDS;
use super::rows::drawn;
use super::rows::our_field;
use super::rows::ours_of;
use crate::records::EVENT_TIME_MS;
use crate::records::plain;
use crate::records::refused;
use crate::records::text;
use crate::records::whole;

/// Returns how far a count is from what is expected, in standard deviations of a binomial
/// distribution.
fn deviations(count: usize, of: f64, share: f64) -> f64 {
    let count = f64::from(u32::try_from(count).unwrap());
    (count - of * share).abs() / (of * share * (1.0 - share)).sqrt()
}

#[test]
fn choice_is_by_weight() {
    let example = &ours_of("`choice`")[0];
    let wholes = drawn(r#""int""#, example).wholes("x", 2_000);
    let ones = wholes.iter().filter(|whole| **whole == 1).count();
    let twos = wholes.iter().filter(|whole| **whole == 2).count();
    assert_eq!(ones + twos, 2_000);
    assert!(deviations(ones, 2_000.0, 0.85) < 5.0, "{ones}");
    let said = r#"{"choice": [{"value": {"a": 1}}, {"value": {"a": 2}}]}"#;
    let kind = r#"{"type":"record","name":"S","fields":[{"name":"a","type":"int"}]}"#;
    let made: BTreeSet<i64> = drawn(kind, said).wholes("x.a", RECORDS).into_iter().collect();
    assert_eq!(made, BTreeSet::from([1, 2]));
}

/// The event time in the unit of each type: 22:13:20.123 of day 19,675.
const EVENT_TIMES: [(&str, i64); 10] = [
    (r#""long""#, 1_700_000_000_123),
    (r#"{"type":"int","logicalType":"date"}"#, 19_675),
    (r#"{"type":"int","logicalType":"time-millis"}"#, 80_000_123),
    (r#"{"type":"long","logicalType":"time-micros"}"#, 80_000_123_000),
    (r#"{"type":"long","logicalType":"timestamp-millis"}"#, 1_700_000_000_123),
    (r#"{"type":"long","logicalType":"timestamp-micros"}"#, 1_700_000_000_123_000),
    (r#"{"type":"long","logicalType":"timestamp-nanos"}"#, 1_700_000_000_123_000_000),
    (r#"{"type":"long","logicalType":"local-timestamp-millis"}"#, 1_700_000_000_123),
    (r#"{"type":"long","logicalType":"local-timestamp-micros"}"#, 1_700_000_000_123_000),
    (r#"{"type":"long","logicalType":"local-timestamp-nanos"}"#, 1_700_000_000_123_000_000),
];

#[test]
fn event_time_is_in_the_unit_of_its_type() {
    let example = &ours_of("`event-time`")[0];
    for (kind, expected) in EVENT_TIMES {
        let records = drawn(kind, example);
        assert_eq!(records.wholes("x", 3), [expected; 3], "{kind}");
        let other = records.value_at(0, EVENT_TIME_MS + 86_400_000 + 5);
        assert_ne!(whole(crate::records::field(&other, "x")), expected, "{kind}");
    }
}

#[test]
fn event_time_may_be_later_or_earlier() {
    let example = &ours_of("`event-time`")[1];
    let kind = r#"{"type":"long","logicalType":"timestamp-millis"}"#;
    let event_time = EVENT_TIME_MS.cast_signed();
    for value in drawn(kind, example).wholes("x", RECORDS) {
        assert!((3_600_000..=86_400_000).contains(&(value - event_time)), "{value}");
    }
    let earlier = r#"{"event-time": {"later-ms": {"min": -2, "max": -1}}}"#;
    let made: BTreeSet<_> = drawn(kind, earlier).wholes("x", RECORDS).into_iter().collect();
    assert_eq!(made, [event_time - 2, event_time - 1].into());
    let day = 86_400_000;
    for (kind, per_ms, later) in
        [("timestamp-micros", 1_000, day), ("local-timestamp-nanos", 1_000_000, day)]
    {
        let kind = format!(r#"{{"type":"long","logicalType":"{kind}"}}"#);
        let said =
            format!(r#"{{"event-time": {{"later-ms": {{"min": {later}, "max": {later}}}}}}}"#);
        assert_eq!(drawn(&kind, &said).wholes("x", 1), [(event_time + later) * per_ms]);
    }
    // A day has another day before it, and begins anew after it.
    let said = format!(r#"{{"event-time": {{"later-ms": {{"min": -{day}, "max": -{day}}}}}}}"#);
    assert_eq!(drawn(EVENT_TIMES[1].0, &said).wholes("x", 1), [19_674]);
    assert_eq!(drawn(EVENT_TIMES[2].0, &said).wholes("x", 1), [80_000_123]);
    let said = r#"{"event-time": {"later-ms": {"min": 6400000, "max": 6400000}}}"#;
    assert_eq!(drawn(EVENT_TIMES[3].0, said).wholes("x", 1), [123_000]);
    assert_eq!(drawn(EVENT_TIMES[1].0, said).wholes("x", 1), [19_676]);
}

#[test]
fn id_has_so_many_digits_and_does_not_come_again() {
    let example = &ours_of("`id`")[0];
    for (said, digits) in
        [(example.as_str(), 24), (r#"{"id": {}}"#, 24), (r#"{"id": {"digits": 64}}"#, 64)]
    {
        let texts = drawn(r#""string""#, said).texts("x", RECORDS);
        let is_id = |text: &String| {
            text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        assert!(texts.iter().all(is_id), "{texts:?}");
        assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len());
    }
    for kind in [
        r#"{"type":"string","logicalType":"uuid"}"#,
        r#"{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}"#,
        r#"{"type":"bytes","logicalType":"uuid"}"#,
    ] {
        let mut seen = BTreeSet::new();
        for value in drawn(kind, r#"{"id": {}}"#).column("x", RECORDS) {
            let Value::Uuid(uuid) = value else { panic!() };
            let (text, bytes) = (uuid.to_string(), uuid.as_bytes());
            assert!(bytes[6] >> 4 == 4 && bytes[8] >> 6 == 2, "version 4: {text}");
            assert!(seen.insert(text));
        }
    }
    let error = refused(&our_field("x", r#""string""#, r#"{"id": {"digits": 65}}"#));
    assert!(error.starts_with("x: "), "{error}");
}

#[test]
fn odds_weigh_the_branches_of_a_union() {
    let example = &ours_of("`odds`")[0];
    let made = drawn(r#"["null", "string"]"#, example).column("x", 2_000);
    let nulls = made.iter().filter(|value| *plain(value) == Value::Null).count();
    assert!(deviations(nulls, 2_000.0, 0.1) < 5.0, "{nulls}");
    let never =
        drawn(r#"["null", "string", "int"]"#, r#"{"odds": [1, 0, 2]}"#).column("x", RECORDS);
    assert!(never.iter().all(|value| matches!(value, Value::Union(0 | 2, _))));
    let truths = drawn(r#""boolean""#, r#"{"odds": 0.9}"#).column("x", 2_000);
    let truths = truths.iter().filter(|value| **value == Value::Boolean(true)).count();
    assert!(deviations(truths, 2_000.0, 0.9) < 5.0, "{truths}");
    for said in
        [r#"{"odds": [1]}"#, r#"{"odds": [0, 0]}"#, r#"{"odds": [1, -1]}"#, r#"{"odds": 1}"#]
    {
        let error = refused(&our_field("x", r#"["null", "string"]"#, said));
        assert!(error.starts_with("x: "), "{said}: {error}");
    }
}

#[test]
fn a_way_that_does_not_speak_of_branches_draws_the_one_that_is_not_null() {
    let id = r#"{"id": {"digits": 8}}"#;
    for kind in [r#"["null", "string"]"#, r#"["string", "null"]"#] {
        let texts = drawn(kind, id).texts("x", RECORDS);
        assert!(texts.iter().all(|text| text.len() == 8), "never null: {texts:?}");
    }
    let said = r#"{"choice": [{"value": null, "weight": 1}, {"value": "x", "weight": 1}]}"#;
    let made = drawn(r#"["null", "string"]"#, said).column("x", RECORDS);
    let nulls = made.iter().filter(|value| **value == Value::Union(0, Value::Null.into())).count();
    assert!(deviations(nulls, 400.0, 0.5) < 5.0, "{nulls}");
    assert!(made.iter().filter(|v| *plain(v) != Value::Null).all(|value| text(value) == "x"));
    let error = refused(&our_field("x", r#"["null", "string", "int"]"#, id));
    assert!(error.starts_with("x: "), "{error}");
    let theirs = super::rows::drawn_as_theirs(r#"["null", "string"]"#, r#"{"regex": "[ab]"}"#);
    assert_eq!(super::distinct(&theirs, "x"), super::set(&["a", "b"]));
}
