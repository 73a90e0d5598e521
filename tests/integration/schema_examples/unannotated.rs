//! What is drawn where nothing is said: the first table of schemas/README.md.

use std::collections::BTreeSet;

use apache_avro::types::Value;

use super::RECORDS;
use crate::records::EVENT_TIME_MS;
use crate::records::Records;
use crate::records::plain;
use crate::records::unscaled;
use crate::records::whole;

fn column(kind: &str, count: u64) -> Vec<Value> {
    Records::of_fields(&format!(r#"{{"name":"x","type":{kind}}}"#)).column("x", count)
}

#[test]
fn a_boolean_is_true_half_the_time() {
    let truths = column(r#""boolean""#, 2_000);
    let truths = truths.iter().filter(|value| **value == Value::Boolean(true)).count();
    // Five standard deviations of a binomial distribution.
    assert!((888..=1_112).contains(&truths), "{truths}");
}

#[test]
fn whole_numbers_are_any_of_their_type() {
    for (kind, bits) in [(r#""int""#, 32), (r#""long""#, 64)] {
        let values = column(kind, RECORDS);
        let limit = 1_i128 << (bits - 1);
        let wholes: Vec<_> = values.iter().map(|value| i128::from(whole(value))).collect();
        // A sixteenth of the type at each end comes up among four hundred.
        assert!(wholes.iter().any(|whole| *whole < -limit + limit / 8), "{kind}");
        assert!(wholes.iter().any(|whole| *whole > limit - limit / 8), "{kind}");
    }
    for (kind, limit) in [
        (r#"{"type":"bytes","logicalType":"decimal","precision":3,"scale":1}"#, 999),
        (
            r#"{"type":"fixed","name":"D","size":4,"logicalType":"decimal","precision":9}"#,
            999_999_999,
        ),
        // The precision is what four bytes cannot hold the whole of.
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":30,"scale":10}"#,
            10_i128.pow(30) - 1,
        ),
    ] {
        let made: Vec<_> = column(kind, RECORDS).iter().map(unscaled).collect();
        assert!(made.iter().all(|value| (-limit..=limit).contains(value)), "{kind}");
        assert!(made.iter().any(|value| *value < -limit / 3), "{kind}");
        assert!(made.iter().any(|value| *value > limit / 3), "{kind}");
    }
}

#[test]
fn real_numbers_are_0_up_to_1() {
    for kind in [r#""float""#, r#""double""#] {
        let reals: Vec<f64> = column(kind, RECORDS).iter().map(crate::records::real).collect();
        assert!(reals.iter().all(|real| (0.0..1.0).contains(real)), "{reals:?}");
        assert!(reals.iter().any(|real| *real < 0.05) && reals.iter().any(|real| *real > 0.95));
    }
}

#[test]
fn strings_and_bytes_are_8_to_15_long() {
    let (mut lengths, mut letters) = (BTreeSet::new(), BTreeSet::new());
    for value in column(r#""string""#, RECORDS) {
        let Value::String(text) = value else { panic!() };
        lengths.insert(text.len());
        letters.extend(text.into_bytes());
    }
    assert_eq!(lengths, (8..=15).collect());
    assert_eq!(letters, (b'a'..=b'z').collect());
    let (mut lengths, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for value in column(r#""bytes""#, RECORDS) {
        let Value::Bytes(bytes) = value else { panic!() };
        lengths.insert(bytes.len());
        seen.extend(bytes);
    }
    assert_eq!((lengths, seen.len()), ((8..=15).collect(), 256));
}

#[test]
fn fixed_uuid_and_duration_are_random() {
    let mut seen = BTreeSet::new();
    for value in column(r#"{"type":"fixed","name":"F","size":3}"#, RECORDS) {
        let Value::Fixed(3, bytes) = value else { panic!() };
        seen.extend(bytes);
    }
    assert!(seen.len() > 240, "{} of 256", seen.len());
    for kind in [
        r#"{"type":"string","logicalType":"uuid"}"#,
        r#"{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}"#,
    ] {
        let mut seen = BTreeSet::new();
        for value in column(kind, RECORDS) {
            let Value::Uuid(uuid) = value else { panic!() };
            assert_eq!((uuid.as_bytes()[6] >> 4, uuid.as_bytes()[8] >> 6), (4, 2));
            assert!(seen.insert(uuid));
        }
    }
    let kind = r#"{"type":"fixed","name":"D","size":12,"logicalType":"duration"}"#;
    let (mut months, mut days) = (BTreeSet::new(), BTreeSet::new());
    for value in column(kind, RECORDS) {
        let Value::Duration(duration) = value else { panic!() };
        let parts: [u8; 12] = duration.into();
        let part = |at: usize| u32::from_le_bytes(parts[at..at + 4].try_into().unwrap());
        months.insert(part(0));
        days.insert(part(4));
        assert!(part(8) < 86_400_000);
    }
    assert_eq!((months, days), ((0..12).collect(), (0..31).collect()));
}

#[test]
fn enums_and_unions_are_any_of_theirs() {
    let values = column(r#"{"type":"enum","name":"E","symbols":["A","B","C"]}"#, RECORDS);
    let symbols: BTreeSet<_> = values.iter().map(crate::records::text).collect();
    assert_eq!(symbols.len(), 3);
    let mut branches = [0_u32; 4];
    for value in column(r#"["string","null","int","boolean"]"#, RECORDS) {
        let Value::Union(branch, _) = value else { panic!() };
        branches[usize::try_from(branch).unwrap()] += 1;
    }
    // A hundred each, with five standard deviations of a binomial distribution.
    assert!(branches.iter().all(|count| (57..=143).contains(count)), "{branches:?}");
}

#[test]
fn arrays_and_maps_have_8_to_15_entries() {
    let mut lengths = [BTreeSet::new(), BTreeSet::new()];
    for value in column(r#"{"type":"array","items":"int"}"#, RECORDS) {
        lengths[0].insert(crate::records::items(&value).len());
    }
    for value in column(r#"{"type":"map","values":"int"}"#, RECORDS) {
        let Value::Map(entries) = plain(&value) else { panic!() };
        lengths[1].insert(entries.len());
    }
    assert_eq!(lengths, [(8..=15).collect(), (8..=15).collect()]);
}

#[test]
fn points_in_time_are_the_event_time() {
    let event_time = EVENT_TIME_MS.cast_signed();
    for (base, logical, expected) in [
        ("int", "date", event_time / 86_400_000),
        ("int", "time-millis", event_time % 86_400_000),
        ("long", "time-micros", event_time % 86_400_000 * 1_000),
        ("long", "timestamp-millis", event_time),
        ("long", "timestamp-micros", event_time * 1_000),
        ("long", "timestamp-nanos", event_time * 1_000_000),
        ("long", "local-timestamp-millis", event_time),
        ("long", "local-timestamp-micros", event_time * 1_000),
        ("long", "local-timestamp-nanos", event_time * 1_000_000),
    ] {
        let kind = format!(r#"{{"type":"{base}","logicalType":"{logical}"}}"#);
        let values = column(&kind, 3);
        assert!(values.iter().all(|value| whole(value) == expected), "{logical}: {values:?}");
    }
}
