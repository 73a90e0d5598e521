//! `by` and `times`: fields that follow from earlier fields of the same record.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use apache_avro::types::Value;

use super::RECORDS;
use super::rows::our_field;
use super::rows::ours_of;
use super::rows::their_field;
use crate::records::Records;
use crate::records::field;
use crate::records::items;
use crate::records::plain;
use crate::records::refused;
use crate::records::text;
use crate::records::unscaled;
use crate::records::whole;

const STATUS: &str = r#"{"name":"status","type":"int","arg.properties":{"options":[1,2,3,4,5]}}"#;

/// Returns what `x` is for each value of another field.
fn by_value(fields: &[&str], path: &str) -> BTreeMap<String, BTreeSet<String>> {
    let records = Records::of_fields(&fields.join(","));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for index in 0..RECORDS {
        let record = records.value(index);
        let values = [field(&record, path), field(&record, "x")].map(|value| match plain(value) {
            Value::String(text) | Value::Enum(_, text) => text.clone(),
            Value::Null => "null".to_owned(),
            Value::Boolean(truth) => truth.to_string(),
            value => whole(value).to_string(),
        });
        let [followed, value] = values;
        found.entry(followed).or_default().insert(value);
    }
    found
}

fn expected(pairs: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
    pairs.iter().map(|(value, made)| ((*value).to_owned(), super::set(made))).collect()
}

#[test]
fn by_draws_as_the_case_of_the_other_field_says() {
    let example = &ours_of("`by`")[0];
    let found = by_value(&[STATUS, &our_field("x", r#""int""#, example)], "status");
    let cases: &[(&str, &[&str])] = &[
        ("1", &["0"]),
        ("2", &["0", "1", "2", "3", "4"]),
        ("3", &["7"]),
        ("4", &["7"]),
        ("5", &["0"]),
    ];
    assert_eq!(found, expected(cases));
}

#[test]
fn by_follows_enums_options_choices_and_sources() {
    let said = r#"{"by": {"field": "f", "cases": {"A": "is a", "B": {"value": "is b"}},
        "otherwise": {"value": {"value": 1}}}}"#;
    // A value that looks like a way is written {"value": …}: here it is a record of one field.
    let record = r#"{"type":"record","name":"V","fields":[{"name":"value","type":"int"}]}"#;
    let kind = format!(r#"["string", {record}]"#);
    for f in [
        r#"{"name":"f","type":{"type":"enum","name":"E","symbols":["A","B","C"]}}"#,
        r#"{"name":"f","type":"string","arg.properties":{"options":["A","B","C"]}}"#,
        r#"{"name":"f","type":"string","producer-load":{"choice":[{"value":"A"},{"value":"B"},
            {"value":"C"}]}}"#,
        r#"{"name":"f","type":"string","producer-load":{"source":{"options":["A","B","C"]}}}"#,
        r#"{"name":"f","type":{"type":"enum","name":"E","symbols":["A","B","C"],
            "arg.properties":{"options":["C","B","A"]}}}"#,
    ] {
        let records = Records::of_fields(&[f, &our_field("x", &kind, said)].join(","));
        let mut seen = BTreeSet::new();
        for index in 0..RECORDS {
            let record = records.value(index);
            let (f, x) = (text(field(&record, "f")), field(&record, "x"));
            match (f, plain(x)) {
                ("A", Value::String(x)) => assert_eq!(x, "is a"),
                ("B", Value::String(x)) => assert_eq!(x, "is b"),
                ("C", x) => assert_eq!(whole(field(x, "value")), 1),
                other => panic!("{other:?}"),
            }
            seen.insert(f.to_owned());
        }
        assert_eq!(seen, super::set(&["A", "B", "C"]));
    }
}

#[test]
fn by_follows_a_boolean() {
    let f = r#"{"name":"f","type":"boolean"}"#;
    let said = r#"{"by": {"field": "f", "cases": {"true": 1}, "otherwise": 2}}"#;
    let found = by_value(&[f, &our_field("x", r#""int""#, said)], "f");
    assert_eq!(found, expected(&[("true", &["1"]), ("false", &["2"])]));
}

#[test]
fn by_needs_no_otherwise_where_every_text_has_a_case() {
    let f = r#"{"name":"f","type":{"type":"enum","name":"E","symbols":["A","B"]}}"#;
    let said = r#"{"by": {"field": "f", "cases": {"A": 1, "B": null}}}"#;
    let found = by_value(&[f, &our_field("x", r#"["null","int"]"#, said)], "f");
    assert_eq!(found, expected(&[("A", &["1"]), ("B", &["null"])]));
    let said = r#"{"by": {"field": "f", "cases": {"A": 1}}}"#;
    let error = refused(&[f, &our_field("x", r#""int""#, said)].join(","));
    assert!(error.starts_with("x: ") && error.contains("otherwise"), "{error}");
}

#[test]
fn by_finds_cases_that_lie_far_apart() {
    let f =
        r#"{"name":"f","type":"long","arg.properties":{"options":[-9000000000, 0, 9000000000]}}"#;
    let said =
        r#"{"by": {"field": "f", "cases": {"-9000000000": 1, "9000000000": 3}, "otherwise": 2}}"#;
    let found = by_value(&[f, &our_field("x", r#""int""#, said)], "f");
    let cases: &[(&str, &[&str])] =
        &[("-9000000000", &["1"]), ("0", &["2"]), ("9000000000", &["3"])];
    assert_eq!(found, expected(cases));
}

#[test]
fn by_takes_every_way_of_drawing() {
    let said = r#"{"by": {"field": "status", "cases": {
        "1": {"arg.properties": {"range": {"min": 10, "max": 12}}},
        "2": {"normal": {"mean": 0, "deviation": 1, "min": 50, "max": 50}},
        "3": {"choice": [{"value": 60}]},
        "4": {"by": {"field": "status", "cases": {"4": 70}, "otherwise": 71}}
        }, "otherwise": {"times": {"field": "status", "min": 20, "max": 20}}}}"#;
    let found = by_value(&[STATUS, &our_field("x", r#""int""#, said)], "status");
    let cases: &[(&str, &[&str])] =
        &[("1", &["10", "11"]), ("2", &["50"]), ("3", &["60"]), ("4", &["70"]), ("5", &["100"])];
    assert_eq!(found, expected(cases));
}

#[test]
fn by_follows_a_field_of_the_same_item() {
    let items_of = format!(
        r#"{{"type":"array","arg.properties":{{"length":3}},"items":
            {{"type":"record","name":"I","fields":[{STATUS},{}]}}}}"#,
        our_field("x", r#""int""#, r#"{"times": {"field": "status", "min": 3, "max": 3}}"#)
    );
    let records = Records::of_fields(&format!(r#"{{"name":"a","type":{items_of}}}"#));
    for index in 0..50 {
        for item in items(field(&records.value(index), "a")) {
            assert_eq!(whole(field(item, "x")), 3 * whole(field(item, "status")));
        }
    }
}

#[test]
fn times_is_a_product() {
    let examples = ours_of("`times`");
    let packets =
        r#"{"name":"packets","type":"int","arg.properties":{"range":{"min":0,"max":99}}}"#;
    for kind in [r#""int""#, r#""long""#] {
        let records = Records::of_fields(&[packets, &our_field("x", kind, &examples[0])].join(","));
        let mut factors = BTreeSet::new();
        for index in 0..RECORDS {
            let record = records.value(index);
            let (packets, x) = (whole(field(&record, "packets")), whole(field(&record, "x")));
            assert!((packets * 200..=packets * 1_199).contains(&x));
            if packets > 0 {
                assert_eq!(x % packets, 0);
                factors.insert(x / packets);
            }
        }
        assert!(factors.len() > 100, "{factors:?}");
    }
    let quantity = r#"{"name":"quantity","type":"int","arg.properties":{"options":[1,2,-3]}}"#;
    let price =
        r#"{"name":"price","type":"long","producer-load":{"range":{"min":99,"max":5000000000}}}"#;
    let records = Records::of_fields(
        &[quantity, price, &our_field("x", r#""long""#, &examples[1])].join(","),
    );
    for index in 0..RECORDS {
        let record = records.value(index);
        let [quantity, price, x] =
            ["quantity", "price", "x"].map(|path| whole(field(&record, path)));
        assert_eq!(x, quantity * price);
    }
}

#[test]
fn times_takes_decimals_without_their_point() {
    let decimal = |name: &str, precision: usize| {
        format!(
            r#"{{"type":"fixed","name":"{name}","size":8,"logicalType":"decimal",
            "precision":{precision},"scale":2}}"#
        )
    };
    let fields = [
        r#"{"name":"quantity","type":"int","arg.properties":{"options":[1,2,3]}}"#.to_owned(),
        our_field("price", &decimal("P", 6), r#"{"range": {"min": 0.99, "max": 99.99}}"#),
        our_field("x", &decimal("T", 9), r#"{"times": {"field": "quantity", "times": "price"}}"#),
    ];
    let records = Records::of_fields(&fields.join(","));
    for index in 0..RECORDS {
        let record = records.value(index);
        let price = unscaled(field(&record, "price"));
        assert!((99..=9_999).contains(&price));
        let quantity = i128::from(whole(field(&record, "quantity")));
        assert_eq!(unscaled(field(&record, "x")), quantity * price);
    }
}

#[test]
fn what_cannot_be_followed_is_refused_by_path() {
    let by = r#"{"by": {"field": "f", "cases": {"1": 1}, "otherwise": 2}}"#;
    let x = our_field("x", r#""int""#, by);
    for f in [
        r#"{"name":"f","type":"double"}"#,
        r#"{"name":"f","type":["null","int"]}"#,
        r#"{"name":"f","type":{"type":"array","items":"int"}}"#,
        r#"{"name":"g","type":"int"}"#,
        r#"{"name":"f","type":"string"}"#,
    ] {
        let error = refused(&[f, &x].join(","));
        assert!(error.starts_with("x: ") && error.contains('f'), "{f}: {error}");
    }
    // It has to stand before.
    let error = refused(&[&x, r#"{"name":"f","type":"int"}"#].join(","));
    assert!(error.starts_with("x: "), "{error}");
    let options = their_field("f", r#""string""#, r#"{"options": ["A", "B"]}"#);
    for said in [
        r#"{"by": {"field": "f", "cases": {"C": 1}, "otherwise": 2}}"#,
        r#"{"by": {"field": "f", "cases": {"A|B": 1, "B": 2}}}"#,
        r#"{"by": {"field": "f", "cases": {}, "otherwise": 2}}"#,
        r#"{"by": {"cases": {"A": 1}, "otherwise": 2}}"#,
        r#"{"by": {"field": "f", "cases": {"A": "no int"}, "otherwise": 2}}"#,
    ] {
        let error = refused(&[options.as_str(), &our_field("x", r#""int""#, said)].join(","));
        assert!(error.starts_with("x: "), "{said}: {error}");
    }
    let too_much = r#"{"times": {"field": "f", "min": 2, "max": 2}}"#;
    let f = r#"{"name":"f","type":"int"}"#;
    let error = refused(&[f, &our_field("x", r#""int""#, too_much)].join(","));
    assert!(error.starts_with("x: ") && error.contains("product"), "{error}");
}
