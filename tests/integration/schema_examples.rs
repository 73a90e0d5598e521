//! What schemas/README.md and the README of Confluent's avro-random-generator promise, example by
//! example: the values that come out, as apache-avro decodes them.
//!
//! This file has the example schemas of avro-random-generator's README; each annotation and each of
//! our own ways of drawing has its test in one of the modules below.

use std::collections::BTreeSet;
use std::io;

use apache_avro::types::Value;
use producer_load::schema::inline_options;

use crate::program::Said;
use crate::program::program;
use crate::records::Records;
use crate::records::field;
use crate::records::file_text;
use crate::records::items;
use crate::records::plain;
use crate::records::text;
use crate::records::whole;

mod annotations;
mod by_and_times;
mod datagen;
mod iteration;
mod lifecycles;
mod limits;
mod numbers;
mod rows;
mod sources;
mod unannotated;
mod values;
mod ways;

const RECORDS: u64 = 400;

/// Returns the distinct texts of a field.
fn distinct(records: &Records, path: &str) -> BTreeSet<String> {
    records.texts(path, RECORDS).into_iter().collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn enum_json_makes_every_symbol() {
    let records = Records::of(
        r#"{"name": "enum_comp", "type": "enum", "symbols": ["PRELUDE", "ALLEMANDE", "COURANTE",
            "SARABANDE", "MINUET", "BOURREE", "GAVOTTE", "GIGUE"]}"#,
    );
    let made: BTreeSet<_> =
        (0..RECORDS).map(|index| text(&records.value(index)).to_owned()).collect();
    let symbols =
        ["PRELUDE", "ALLEMANDE", "COURANTE", "SARABANDE", "MINUET", "BOURREE", "GAVOTTE", "GIGUE"];
    assert_eq!(made, set(&symbols));
}

#[test]
fn regex_json_keeps_each_length() {
    let field = |name: &str, regex: &str, length: &str| {
        format!(
            r#"{{"name": "{name}", "type": {{"type": "string",
                "arg.properties": {{"regex": "{regex}"{length}}}}}}}"#
        )
    };
    let records = Records::of_fields(
        &[
            field("no_length_property", "[a-zA-Z]{5,15}", ""),
            field("number_length_property", "[a-zA-Z]*", r#", "length": 10"#),
            field("min_length_property", "[a-zA-Z]{0,15}", r#", "length": {"min": 5}"#),
            field("max_length_property", "[a-zA-Z]{5,}", r#", "length": {"max": 16}"#),
            field("min_max_length_property", "[a-zA-Z]*", r#", "length": {"min": 5, "max": 16}"#),
        ]
        .join(","),
    );
    for (name, lengths) in [
        ("no_length_property", 5..=15),
        ("number_length_property", 10..=10),
        ("min_length_property", 5..=15),
        ("max_length_property", 5..=15),
        ("min_max_length_property", 5..=15),
    ] {
        let texts = records.texts(name, RECORDS);
        let letters = |text: &String| text.chars().all(|c| c.is_ascii_alphabetic());
        assert!(texts.iter().all(letters), "{name}: {texts:?}");
        let made: BTreeSet<usize> = texts.iter().map(String::len).collect();
        assert_eq!(made, lengths.collect(), "{name}");
    }
}

const SENTENCE: &str = r#"
    {"name": "The", "type": {"type": "string", "arg.properties": {"options": ["The"]}}},
    {"name": "noun", "type": {"type": "string", "arg.properties": {"options":
        {"file": "test/schemas/nouns-list.json", "encoding": "json"}}}},
    {"name": "is", "type": {"type": "string", "arg.properties": {"options": ["is", "was",
        "will be", "is being", "was being", "has been", "had been", "will have been"]}}},
    {"name": "degree", "type": {"type": "string", "arg.properties": {"options": ["not at all",
        "slightly", "somewhat", "kind of", "pretty", "very", "entirely"]}}},
    {"name": "adjective", "type": {"type": "string", "arg.properties": {"options":
        {"file": "test/schemas/adjectives-list.json", "encoding": "json"}}}}"#;

#[test]
fn options_file_json_draws_from_its_files() {
    let read = |file: &str| match file {
        "test/schemas/nouns-list.json" => Ok(b"\"ant\"\n\"bee\" \"\\u00e9lan\"\n".to_vec()),
        "test/schemas/adjectives-list.json" => Ok(b"\"red\"\n\"old\"\n".to_vec()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let text = inline_options(&crate::records::record_text(SENTENCE), &read).unwrap();
    let records = Records::of(&text);
    assert_eq!(distinct(&records, "The"), set(&["The"]));
    assert_eq!(distinct(&records, "noun"), set(&["ant", "bee", "élan"]));
    assert_eq!(distinct(&records, "adjective"), set(&["red", "old"]));
    assert_eq!(distinct(&records, "is").len(), 8);
    assert_eq!(distinct(&records, "degree").len(), 7);
}

#[test]
fn options_files_are_found_where_the_program_runs_and_beside_the_schema() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |path: std::path::PathBuf, text: &str| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let schema = there.path().join("sentence.avsc");
    write(schema.clone(), &crate::records::record_text(SENTENCE));
    write(here.path().join("test/schemas/nouns-list.json"), "\"ant\"");
    write(there.path().join("test/schemas/nouns-list.json"), "\"not this one\"");
    write(there.path().join("test/schemas/adjectives-list.json"), "\"red\"");
    let mut command = program(&["sample", "-n", "5", "--schema-file", schema.to_str().unwrap()]);
    let said = Said::from(command.current_dir(here.path()).output().unwrap());
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert_eq!(said.out.lines().count(), 5);
    for line in said.out.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&record["noun"], &record["adjective"]), (&"ant".into(), &"red".into()));
    }
}

#[test]
fn options_json_draws_what_it_lists() {
    let records = Records::of(&file_text("tests/schemas/options.avsc"));
    let mut branches = BTreeSet::new();
    for index in 0..RECORDS {
        let record = records.value(index);
        let words: Vec<_> = items(field(&record, "array_field")).iter().map(text).collect();
        let sentences =
            [&["Hello", "world"][..], &["Goodbye", "world"], &["We", "meet", "again", "world"]];
        assert!(sentences.contains(&&words[..]), "{words:?}");
        assert!(["HELLO", "SALUTATIONS"].contains(&text(field(&record, "enum_field"))));
        let Value::Fixed(2, fixed) = field(&record, "fixed_field") else { panic!() };
        assert!([b"42", b"EE"].contains(&fixed[..].try_into().unwrap()), "{fixed:?}");
        let Value::Map(numbers) = field(&record, "map_field") else { panic!() };
        let digits =
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
        let first = [0, 0, 1, 3, 6][numbers.len()];
        for (at, name) in (0..).zip(digits).skip(first).take(numbers.len()) {
            assert_eq!(numbers[name], Value::Int(at), "{numbers:?}");
        }
        // Ten entries are asked for; there are but three keys, and none stands twice.
        let Value::Map(signs) = field(&record, "map_key_field") else { panic!() };
        let keys: BTreeSet<String> = signs.keys().cloned().collect();
        assert_eq!(keys, set(&["negative", "zero", "positive"]));
        assert!(signs.values().all(|value| (-1..=1).contains(&whole(value))), "{signs:?}");
        let date = field(&record, "record_field");
        let date = (text(field(date, "month")), whole(field(date, "day")));
        assert!([("January", 2), ("NANuary", 0)].contains(&date), "{date:?}");
        let union = field(&record, "union_field");
        let listed = [
            Value::Null,
            Value::Boolean(true),
            Value::Int(42),
            Value::Long(4_242_424_242_424_242),
            Value::Float(42.42),
            Value::Double(42_424_242.424_242_42),
            Value::Bytes(b"NDI=".to_vec()),
            Value::String("Forty-two".into()),
        ];
        let branch = listed.iter().position(|listed| listed == plain(union));
        branches.insert(branch.unwrap_or_else(|| panic!("{union:?}")));
    }
    assert_eq!(branches.len(), 8, "{branches:?}");
}
