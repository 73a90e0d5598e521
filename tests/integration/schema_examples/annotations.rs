//! Each annotation that avro-random-generator's README documents, for each type that takes it.

use std::collections::BTreeSet;

use apache_avro::types::Value;
use producer_load::schema::inline_options;

use super::RECORDS;
use super::distinct;
use super::rows::drawn_as_theirs;
use super::rows::our_field;
use super::rows::their_field;
use super::rows::theirs_of;
use super::set;
use crate::records::Records;
use crate::records::field;
use crate::records::items;
use crate::records::plain;
use crate::records::record_text;
use crate::records::refused;
use crate::records::text;
use crate::records::whole;

/// Returns how many bytes, characters, items or entries a value has.
fn length(value: &Value) -> usize {
    match plain(value) {
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(items) => items.len(),
        Value::Map(entries) => entries.len(),
        other => panic!("no length: {other:?}"),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of types")]
fn options_are_drawn_whatever_the_type() {
    for (kind, options, values) in [
        (r#""null""#, "[null]", vec![Value::Null]),
        (r#""boolean""#, "[true]", vec![Value::Boolean(true)]),
        (r#""int""#, "[-7, 0, 7]", vec![Value::Int(-7), Value::Int(0), Value::Int(7)]),
        (r#""long""#, "[9223372036854775807, -1]", vec![Value::Long(i64::MAX), Value::Long(-1)]),
        (r#""float""#, "[42.42, 1]", vec![Value::Float(42.42), Value::Float(1.0)]),
        (r#""double""#, "[0.1, -2]", vec![Value::Double(0.1), Value::Double(-2.0)]),
        (
            r#""bytes""#,
            r#"["\u00ff\u0000", ""]"#,
            vec![Value::Bytes(vec![255, 0]), Value::Bytes(vec![])],
        ),
        (
            r#""string""#,
            r#"["ä", "long enough to be longer than sixteen bytes"]"#,
            vec![
                Value::String("ä".into()),
                Value::String("long enough to be longer than sixteen bytes".into()),
            ],
        ),
        (
            r#"{"type":"array","items":"int"}"#,
            "[[], [1, 2]]",
            vec![Value::Array(vec![]), Value::Array(vec![Value::Int(1), Value::Int(2)])],
        ),
        (
            r#"{"type":"enum","name":"E","symbols":["A","B","C"]}"#,
            r#"["C", "A"]"#,
            vec![Value::Enum(2, "C".into()), Value::Enum(0, "A".into())],
        ),
        (
            r#"{"type":"fixed","name":"F","size":2}"#,
            r#"["ab", "\u00ff\u0001"]"#,
            vec![Value::Fixed(2, b"ab".to_vec()), Value::Fixed(2, vec![255, 1])],
        ),
        (
            r#"{"type":"map","values":"boolean"}"#,
            r#"[{}, {"k": true}]"#,
            vec![
                Value::Map([].into()),
                Value::Map([("k".to_owned(), Value::Boolean(true))].into()),
            ],
        ),
        (
            r#"{"type":"record","name":"S","fields":[{"name":"a","type":"int"},
                {"name":"b","type":"string","default":"left out"}]}"#,
            r#"[{"a": 1, "b": "x"}, {"a": 2}]"#,
            vec![
                Value::Record(vec![
                    ("a".into(), Value::Int(1)),
                    ("b".into(), Value::String("x".into())),
                ]),
                Value::Record(vec![
                    ("a".into(), Value::Int(2)),
                    ("b".into(), Value::String("left out".into())),
                ]),
            ],
        ),
        (
            r#"["null","int","string"]"#,
            r#"[null, "x", 5]"#,
            vec![Value::Null, Value::String("x".into()), Value::Int(5)],
        ),
    ] {
        let records = drawn_as_theirs(kind, &format!(r#"{{"options": {options}}}"#));
        let made = records.column("x", RECORDS);
        let made: Vec<_> = made.iter().map(plain).collect();
        for value in &values {
            assert!(made.contains(&value), "{kind}: {value:?} does not come");
        }
        let other = made.iter().find(|made| !values.contains(made));
        assert!(other.is_none(), "{kind}: {other:?}");
    }
}

#[test]
fn options_of_the_readme_come_out() {
    let example = &theirs_of("`options`")[0];
    assert_eq!(distinct(&drawn_as_theirs(r#""string""#, example), "x"), set(&["red", "green"]));
}

#[test]
fn options_of_a_file_are_json_or_binary() {
    let example = &theirs_of("`options`")[1];
    assert!(example.contains("nouns.json"), "{example}");
    let as_binary = example.replace("nouns.json", "nouns.bin").replace("\"json\"", "\"binary\"");
    let read = |file: &str| {
        Ok(match file {
            "nouns.json" => b"\"ant\" \"bee\"\n".to_vec(),
            // Two datums of a string, its length in zig-zag before each.
            "nouns.bin" => b"\x06cow\x08\xf0\x9f\x90\xbb".to_vec(),
            // Two datums of an array of longs: [1, -1] in a block with its bytes, and [].
            "arrays.bin" => b"\x03\x04\x02\x01\x00\x00".to_vec(),
            other => panic!("{other}"),
        })
    };
    let of = |kind: &str, said: &str| {
        let text = record_text(&their_field("x", kind, said));
        Records::of(&inline_options(&text, &read).unwrap())
    };
    assert_eq!(distinct(&of(r#""string""#, example), "x"), set(&["ant", "bee"]));
    assert_eq!(distinct(&of(r#""string""#, &as_binary), "x"), set(&["cow", "🐻"]));
    let keys =
        of(r#"{"type":"map","values":"int"}"#, &format!(r#"{{"length": 2, "keys": {example}}}"#));
    let Value::Map(entries) = &keys.column("x", 1)[0] else { panic!() };
    assert_eq!(entries.keys().cloned().collect::<BTreeSet<_>>(), set(&["ant", "bee"]));
}

#[test]
fn range_reaches_its_min_and_stays_below_its_max() {
    let example = &theirs_of("`range`")[0];
    for kind in [r#""int""#, r#""long""#] {
        let wholes = drawn_as_theirs(kind, example).wholes("x", RECORDS);
        assert_eq!(wholes.into_iter().collect::<BTreeSet<_>>(), (20..40).collect());
    }
    for kind in [r#""float""#, r#""double""#] {
        let reals = drawn_as_theirs(kind, example).reals("x", RECORDS);
        assert!(reals.iter().all(|real| (20.0..40.0).contains(real)), "{reals:?}");
        assert!(reals.iter().any(|real| *real < 20.5) && reals.iter().any(|real| *real > 39.5));
    }
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#;
    let records = drawn_as_theirs(decimal, r#"{"range": {"min": 10.00, "max": 10.03}}"#);
    let unscaled: BTreeSet<_> =
        records.column("x", RECORDS).iter().map(crate::records::unscaled).collect();
    assert_eq!(unscaled, (1000..1003).collect());
}

#[test]
fn range_may_have_one_side() {
    for (kind, said, low, high) in [
        (r#""int""#, r#"{"min": -5}"#, -5, i64::from(i32::MAX)),
        (r#""int""#, r#"{"max": 5}"#, i32::MIN.into(), 4),
        (r#""long""#, r#"{"min": -5}"#, -5, i64::MAX),
        (r#""long""#, r#"{"max": 5}"#, i64::MIN, 4),
    ] {
        let range = format!(r#"{{"range": {said}}}"#);
        let wholes = drawn_as_theirs(kind, &range).wholes("x", RECORDS);
        assert!(wholes.iter().all(|whole| (low..=high).contains(whole)), "{kind} {said}");
        // A tenth of the range at each end is reached by four hundred numbers.
        let tenth = i64::try_from((i128::from(high) - i128::from(low)) / 10).unwrap();
        assert!(wholes.iter().any(|whole| *whole < low + tenth), "{kind} {said}");
        assert!(wholes.iter().any(|whole| *whole > high - tenth), "{kind} {said}");
    }
    for kind in [r#""float""#, r#""double""#] {
        let reals = drawn_as_theirs(kind, r#"{"range": {"min": 3}}"#).reals("x", RECORDS);
        assert!(reals.iter().all(|real| *real >= 3.0) && reals.iter().any(|real| *real > 1e37));
        let reals = drawn_as_theirs(kind, r#"{"range": {"max": 3}}"#).reals("x", RECORDS);
        assert!(reals.iter().all(|real| *real < 3.0) && reals.iter().any(|real| *real < -1e37));
    }
}

#[test]
fn length_is_a_number_or_has_bounds() {
    for kind in [
        r#""string""#,
        r#""bytes""#,
        r#"{"type":"array","items":"null"}"#,
        r#"{"type":"map","values":"int"}"#,
    ] {
        for (said, lengths) in [
            (theirs_of("`length`")[0].as_str(), 12..=12),
            (&theirs_of("`length`")[1], 3..=8),
            (r#"{"length": {"max": 4}}"#, 0..=3),
            (r#"{"length": {"min": 4}}"#, 4..=19),
            (r#"{"length": 0}"#, 0..=0),
            ("{}", 8..=15),
        ] {
            let made = drawn_as_theirs(kind, said).column("x", RECORDS);
            let made: BTreeSet<_> = made.iter().map(length).collect();
            // One letter makes 26 keys, no letter one: a map may end before its length.
            assert_eq!(made, lengths.collect(), "{kind} {said}");
        }
    }
}

#[test]
fn regex_is_matched_as_a_whole() {
    let records = drawn_as_theirs(r#""string""#, &theirs_of("`regex`")[0]);
    let mut expected = BTreeSet::from(["User_".to_owned()]);
    expected.extend((1..=9).map(|digit| format!("User_{digit}")));
    assert_eq!(distinct(&records, "x"), expected);
}

#[test]
fn regex_with_a_length_makes_only_such_strings() {
    for (length, lengths) in [
        ("5", 5..=5),
        (r#"{"min": 5, "max": 7}"#, 5..=6),
        (r#"{"max": 3}"#, 1..=2),
        (r#"{"min": 6}"#, 6..=21),
    ] {
        let said = format!(r#"{{"regex": "x[ab]*", "length": {length}}}"#);
        let texts = distinct(&drawn_as_theirs(r#""string""#, &said), "x");
        let made: BTreeSet<_> = texts.iter().map(String::len).collect();
        assert_eq!(made, lengths.collect(), "{length}");
        assert!(texts.iter().all(|text| text.starts_with('x')), "{texts:?}");
    }
    // A number alone is the least length, where nothing is as short as that.
    let longer = drawn_as_theirs(r#""string""#, r#"{"regex": "[ab]{7,8}", "length": 5}"#);
    let made: BTreeSet<_> = distinct(&longer, "x").iter().map(String::len).collect();
    assert_eq!(made, [7, 8].into());
}

#[test]
fn prefix_and_suffix_stand_around_length_regex_and_iteration() {
    let example = &theirs_of("`prefix`, `suffix`")[0];
    for text in drawn_as_theirs(r#""string""#, example).texts("x", RECORDS) {
        let letters = text.strip_prefix("ord-").unwrap();
        assert!(letters.len() == 8 && letters.bytes().all(|b| b.is_ascii_lowercase()), "{text}");
    }
    let said = r#"{"regex": "[ab]", "prefix": "<", "suffix": ">"}"#;
    assert_eq!(distinct(&drawn_as_theirs(r#""string""#, said), "x"), set(&["<a>", "<b>"]));
    let said = r#"{"iteration": {"start": 8}, "suffix": " of them"}"#;
    let texts = drawn_as_theirs(r#""string""#, said).texts("x", 3);
    assert_eq!(texts, ["8 of them", "9 of them", "10 of them"]);
    // Longer than one byte can say the length of.
    let long = "p".repeat(100);
    let said = format!(r#"{{"prefix": "{long}", "length": 30, "suffix": "{long}"}}"#);
    let text = drawn_as_theirs(r#""string""#, &said).texts("x", 1).remove(0);
    assert!(text.len() == 230 && text.starts_with(&long) && text.ends_with(&long), "{text}");
}

#[test]
fn odds_of_a_boolean_are_kept() {
    let example = theirs_of("`odds`").remove(0);
    for (said, expected) in
        [(example.as_str(), 0.2), (r#"{"odds": 0}"#, 0.0), (r#"{"odds": 1.0}"#, 1.0)]
    {
        let made = drawn_as_theirs(r#""boolean""#, said).column("x", 2_000);
        let truths = made.iter().filter(|value| **value == Value::Boolean(true)).count();
        // Five standard deviations of a binomial distribution.
        let allowed = 5.0 * (2_000.0 * expected * (1.0_f64 - expected)).sqrt();
        let off = (f64::from(u32::try_from(truths).unwrap()) - expected * 2_000.0).abs();
        assert!(off <= allowed, "{said}: {truths} of 2,000");
    }
    assert!(refused(&their_field("x", r#""boolean""#, r#"{"odds": 1.1}"#)).starts_with("x: "));
}

#[test]
fn keys_are_drawn_as_a_string_is() {
    let map = r#"{"type":"map","values":"int"}"#;
    let example = &theirs_of("`keys`")[0];
    let mut seen = BTreeSet::new();
    for value in drawn_as_theirs(map, example).column("x", RECORDS) {
        let Value::Map(entries) = value else { panic!() };
        assert_eq!(entries.len(), 3);
        seen.extend(entries.into_keys());
    }
    assert_eq!(seen, set(&["a", "b", "c", "d"]));
    for (keys, pattern) in [
        (r#"{"regex": "k[0-9]{2}"}"#, r"^k\d\d$"),
        (r#"{"length": 5}"#, "^[a-z]{5}$"),
        (r#"{"prefix": "p", "length": 3, "suffix": "s"}"#, "^p[a-z]{3}s$"),
        (r#"{"iteration": {"start": 10, "restart": 20}, "prefix": "n"}"#, r"^n1\d$"),
    ] {
        let pattern = regex::Regex::new(pattern).unwrap();
        let said = format!(r#"{{"length": 6, "keys": {keys}}}"#);
        for value in drawn_as_theirs(map, &said).column("x", 50) {
            let Value::Map(entries) = value else { panic!() };
            assert!(entries.len() == 6, "{keys}: {entries:?}");
            assert!(entries.keys().all(|key| pattern.is_match(key)), "{keys}: {entries:?}");
        }
    }
}

#[test]
fn items_and_values_have_annotations_of_their_own() {
    let records = Records::of_fields(
        r#"{"name":"a","type":{"type":"array","arg.properties":{"length":3},
             "items":{"type":"string","arg.properties":{"options":["p","q"]}}}},
           {"name":"m","type":{"type":"map","arg.properties":{"length":2},
             "values":{"type":"array","arg.properties":{"length":1},
               "items":{"type":"int","arg.properties":{"range":{"min":5,"max":6}}}}}}"#,
    );
    for index in 0..50 {
        let record = records.value(index);
        let strings: Vec<_> = items(field(&record, "a")).iter().map(text).collect();
        assert!(strings.len() == 3 && strings.iter().all(|s| ["p", "q"].contains(s)));
        let Value::Map(entries) = field(&record, "m") else { panic!() };
        assert_eq!(entries.len(), 2);
        assert!(entries.values().all(|inner| items(inner).iter().map(whole).eq([5])));
    }
}

#[test]
fn what_a_type_does_not_take_is_refused_by_name() {
    for (kind, said, words) in [
        (r#""int""#, r#"{"length": 3}"#, "'length'"),
        (r#""string""#, r#"{"range": {"min": 3}}"#, "'range'"),
        (r#""string""#, r#"{"options": ["a"], "length": 3}"#, "'length'"),
        (r#""string""#, r#"{"options": []}"#, "'options'"),
        (r#""string""#, r#"{"optoins": ["a"]}"#, "'optoins'"),
        (r#""int""#, r#"{"options": ["a"]}"#, "no int"),
        (r#""int""#, r#"{"iteration": {"start": 1, "restart": 1}}"#, "'restart'"),
        (r#""int""#, r#"{"range": {}}"#, "'range'"),
        (r#""string""#, r#"{"length": {"min": 5, "max": 5}}"#, "'length'"),
        (r#""string""#, r#"{"length": -1}"#, "'length'"),
        (r#"{"type":"map","values":"int"}"#, r#"{"keys": 3}"#, "'keys'"),
    ] {
        let error = refused(&their_field("x", kind, said));
        assert!(error.starts_with("x: ") && error.contains(words), "{kind} {said}: {error}");
    }
}

#[test]
fn what_both_annotations_say_is_refused() {
    let both = r#""arg.properties":{"range":{"min":1}},"producer-load":{"range":{"min":9}}"#;
    let error = refused(&format!(r#"{{"name":"x","type":"int",{both}}}"#));
    assert_eq!(error, "x: both producer-load and arg.properties say how it is drawn; keep one");
    let case = r#"{"arg.properties":{"range":{"min":1}},"range":{"min":9}}"#;
    let by = r#"{"by":{"field":"j","cases":{"1":CASE},"otherwise":0}}"#.replace("CASE", case);
    let j = their_field("j", r#""int""#, r#"{"options":[1]}"#);
    let error = refused(&format!("{j},{}", our_field("x", r#""int""#, &by)));
    assert!(error.starts_with("x: ") && error.contains("does not take 'range'"), "{error}");
    let empty = both.replace(r#"{"range":{"min":1}}"#, "{}");
    Records::of_fields(&format!(r#"{{"name":"x","type":"int",{empty}}}"#));
}

#[test]
fn the_innermost_object_around_a_type_says_how_it_is_drawn() {
    let options = |text: &str| format!(r#""arg.properties":{{"options":["{text}"]}}"#);
    let (on_field, outer, inner) = (options("field"), options("outer"), options("inner"));
    for (kind, expected) in [
        (format!(r#"{{"type":"string"}},{on_field}"#), "field"),
        (format!(r#"{{"type":{{"type":"string"}},{outer}}},{on_field}"#), "outer"),
        (format!(r#"{{"type":{{"type":"string"}},{outer}}}"#), "outer"),
        (format!(r#"{{"type":{{"type":{{"type":"string"}}}},{outer}}}"#), "outer"),
        (format!(r#"{{"type":{{"type":"string",{inner}}},{outer}}},{on_field}"#), "inner"),
        (format!(r#"{{"type":["null","string"],{outer}}}"#), "outer"),
    ] {
        let records = Records::of_fields(&format!(r#"{{"name":"x","type":{kind}}}"#));
        assert_eq!(distinct(&records, "x"), set(&[expected]), "{kind}");
    }
    let array = format!(
        r#"{{"name":"x","type":{{"type":"array","items":{{"type":{{"type":"string"}},{outer}}}}}}}"#
    );
    let made = Records::of_fields(&array).value(0);
    assert!(items(field(&made, "x")).iter().all(|item| text(item) == "outer"), "{made:?}");
    // What is not read where it stands is not silently left out either.
    let error = refused(r#"{"name":"x","type":{"type":{"type":"int"},"arg.properties":1}}"#);
    assert!(error.starts_with("x: arg.properties must be an object"), "{error}");
}
