//! Values that a schema writes down: which branch of a union they are of, and what is refused.

use std::collections::BTreeSet;

use apache_avro::types::Value;
use producer_load::program::Parameters;
use producer_load::schema::Encoding;
use producer_load::schema::inline_options;

use super::RECORDS;
use super::rows::drawn_as_theirs;
use super::rows::their_field;
use crate::records::Records;
use crate::records::field;
use crate::records::parameters;
use crate::records::plain;
use crate::records::record_text;
use crate::records::refused;

/// A union of two records whose fields have defaults.
const TWO_RECORDS: &str = r#"[
    {"type":"record","name":"A","fields":[{"name":"x","type":"int","default":0}]},
    {"type":"record","name":"B","fields":[{"name":"y","type":"int","default":0}]}]"#;

/// Returns the branch and the value that an option makes.
fn made(kind: &str, option: &str) -> (u32, Value) {
    let records = drawn_as_theirs(kind, &format!(r#"{{"options": [{option}]}}"#));
    let value = records.value(0);
    let Value::Union(branch, _) = field(&value, "x") else { panic!("{value:?}") };
    (*branch, plain(field(&value, "x")).clone())
}

fn refusal(kind: &str, option: &str) -> String {
    refused(&their_field("x", kind, &format!(r#"{{"options": [{option}]}}"#)))
}

#[test]
fn a_branch_is_named_as_avros_json_encoding_names_it() {
    let of = |name: &str, number| Value::Record(vec![(name.into(), Value::Int(number))]);
    for (option, expected) in [
        (r#"{"n.B": {"y": 5}}"#, (1, of("y", 5))),
        (r#"{"B": {"y": 5}}"#, (1, of("y", 5))),
        (r#"{"B": {}}"#, (1, of("y", 0))),
        (r#"{"y": 5}"#, (1, of("y", 5))),
        (r#"{"record": {"y": 5}}"#, (1, of("y", 5))),
        (r#"{"x": 5}"#, (0, of("x", 5))),
        ("{}", (0, of("x", 0))),
    ] {
        assert_eq!(made(TWO_RECORDS, option), expected, "{option}");
    }
    let letters = r#"["null",{"type":"enum","name":"E","symbols":["P","Q"]},
        {"type":"map","values":"string"},"string"]"#;
    for (option, branch) in [
        (r#"{"n.E": "Q"}"#, 1),
        (r#"{"E": "Q"}"#, 1),
        (r#""Q""#, 1),
        (r#""R""#, 3),
        (r#"{"string": "Q"}"#, 3),
        (r#"{"map": {"string": "Q"}}"#, 2),
        (r#"{"map": "Q"}"#, 2),
        ("null", 0),
    ] {
        assert_eq!(made(letters, option).0, branch, "{option}");
    }
    let moment = r#"["null",{"type":"long","logicalType":"timestamp-millis"}]"#;
    for name in ["long", "timestamp-millis"] {
        let option = format!(r#"{{"{name}": 5}}"#);
        assert_eq!(made(moment, &option), (1, Value::TimestampMillis(5)), "{option}");
    }
}

#[test]
fn what_is_of_no_branch_is_refused() {
    let expected = "x: 7 fits no branch of the union: n.A, n.B";
    assert_eq!(refusal(TWO_RECORDS, "7"), expected);
    assert_eq!(refusal(TWO_RECORDS, r#"{"n.B": {"y": "a"}}"#), r#"x.y: "a" is no int"#);
    let twins = r#"[{"type":"enum","name":"a.E","symbols":["P"]},
        {"type":"enum","name":"b.E","symbols":["P"]}]"#;
    assert_eq!(made(twins, r#"{"b.E": "P"}"#).0, 1);
    let said = refusal(twins, r#"{"E": "P"}"#);
    assert_eq!(said, "x: 'E' is the name of several branches; give it its namespace");
}

#[test]
fn a_record_with_a_field_that_its_type_has_not_is_refused() {
    let inner = r#"{"type":"record","name":"I","fields":[{"name":"a","type":"int"}]}"#;
    let said = refusal(inner, r#"{"a": 1, "typo": 2}"#);
    assert_eq!(said, r#"x: {"a":1,"typo":2} has 'typo', which is no field of the record"#);
    let list = format!(r#"{{"type":"array","items":{inner}}}"#);
    let said = refusal(&list, r#"[{"typo": 2}]"#);
    assert!(said.starts_with("x[]: ") && said.contains("'typo'"), "{said}");
}

#[test]
fn an_enum_without_symbols_is_refused() {
    let said = refused(r#"{"name":"x","type":{"type":"enum","name":"E","symbols":[]}}"#);
    assert_eq!(said, "x: an enum without a symbol has no value");
}

/// Returns a decimal of so many digits, two of them behind the point.
fn decimal(base: &str, digits: u32) -> String {
    format!(r#"{{{base},"logicalType":"decimal","precision":{digits},"scale":2}}"#)
}

#[test]
fn a_decimal_has_one_form_as_json_whatever_its_value() {
    let as_json = Parameters { encoding: Encoding::Json, ..parameters() };
    let fixed = r#""type":"fixed","name":"D","size":20"#;
    for (base, digits, options, expected) in [
        (r#""type":"bytes""#, 38, "[0.07, 1e35]", ["0.07", &format!("1{}.00", "0".repeat(35))]),
        (r#""type":"bytes""#, 39, "[0.07, 2.56]", ["\"Bw==\"", "\"AQA=\""]),
        (fixed, 38, "[-0.07, 2.56]", ["-0.07", "2.56"]),
    ] {
        let said = format!(r#"{{"options": {options}}}"#);
        let text = record_text(&their_field("x", &decimal(base, digits), &said));
        let records = Records::with(&text, &as_json);
        let made: BTreeSet<_> = (0..RECORDS).map(|index| records.datum(index)).collect();
        let expected = expected.map(|number| format!(r#"{{"x":{number}}}"#).into_bytes());
        assert_eq!(made, expected.into(), "{base} of {digits} digits");
    }
}

#[test]
fn a_decimal_in_bytes_has_no_more_digits_than_its_type() {
    let bytes = r#""type":"bytes""#;
    let fixed = r#""type":"fixed","name":"D","size":2"#;
    for (base, most, beyond) in [
        // 9,999 and -9,999, 10,000 and -10,000.
        (bytes, r#""'\u000f", "\u00d8\u00f1""#, r#""'\u0010""#),
        (bytes, r#""\u0000\u0000'\u000f""#, r#""\u00d8\u00f0""#),
        (fixed, r#""'\u000f""#, r#""'\u0010""#),
        (bytes, r#""\u0001""#, r#""\u0001\u0000\u0000\u0000\u0000\u0000""#),
    ] {
        drawn_as_theirs(&decimal(base, 4), &format!(r#"{{"options": [{most}]}}"#));
        let said = refusal(&decimal(base, 4), beyond);
        assert!(said.starts_with("x: ") && said.ends_with("is no decimal"), "{said}");
    }
    let of_file = |datums: &'static [u8]| {
        let said = r#"{"options": {"file": "x.bin", "encoding": "binary"}}"#;
        let text = record_text(&their_field("x", &decimal(bytes, 4), said));
        let text = inline_options(&text, &|_| Ok(datums.to_vec())).unwrap();
        Records::compile(&text, &parameters()).err()
    };
    assert_eq!(of_file(&[4, 0x27, 0x0f]), None);
    let said = of_file(&[4, 0x27, 0x0f, 4, 0x27, 0x10]).unwrap();
    assert_eq!(said, "x: the options file does not hold datums of this type");
}
