//! The rows of `producer-load` that follow from the source.

use std::collections::BTreeMap;

use apache_avro::types::Value;
use producer_load::program::KeyChoice;
use producer_load::program::Parameters;
use producer_load::units::Sources;

use super::rows::drawn;
use super::rows::our_field;
use super::rows::ours_of;
use crate::records::Records;
use crate::records::field;
use crate::records::identity;
use crate::records::parameters;
use crate::records::real;
use crate::records::record_text;
use crate::records::refused;
use crate::records::text;
use crate::records::whole;

const RECORDS: u64 = 500;

/// Few sources, so that each sends many of a test's records.
fn few() -> Parameters {
    Parameters::new(identity(42), Sources { first: 995, end: 1_015 })
}

fn of_few(fields: &str) -> Records {
    Records::with(&record_text(fields), &few())
}

/// Returns the value of a field for each source, which has to be the same in all its records.
fn by_source(records: &Records, path: &str) -> BTreeMap<u64, Value> {
    let mut found: BTreeMap<u64, Value> = BTreeMap::new();
    for index in 0..RECORDS {
        let value = field(&records.value(index), path).clone();
        let first = found.entry(records.source(index)).or_insert_with(|| value.clone());
        assert_eq!(*first, value, "record {index}");
    }
    assert_eq!(found.len(), 20, "every source sends");
    found
}

#[test]
fn prefix_stands_before_the_sources_number() {
    let example = &ours_of("`source` with `prefix`")[0];
    for (source, value) in by_source(&of_few(&our_field("x", r#""string""#, example)), "x") {
        assert_eq!(text(&value), format!("site-{:05}", source / 100));
    }
    let said = r#"{"source": {"prefix": "s", "digits": 3}}"#;
    for (source, value) in by_source(&of_few(&our_field("x", r#""string""#, said)), "x") {
        assert_eq!(text(&value), format!("s{source:03}"), "more digits than asked for are kept");
    }
}

#[test]
fn prefix_of_the_first_field_with_divisor_1_is_the_message_key() {
    let fields = [
        our_field("site", r#""string""#, r#"{"source": {"prefix": "site-", "divisor": 100}}"#),
        our_field("id", r#""string""#, r#"{"source": {"prefix": "id-", "digits": 6}}"#),
        our_field("other", r#""string""#, r#"{"source": {"prefix": "other-"}}"#),
    ];
    let records = Records::of_fields(&fields.join(","));
    for index in 0..100 {
        let id = field(&records.value(index), "id").clone();
        assert_eq!(text(&id).as_bytes(), records.key(index));
    }
    // By --key it is another field, or none.
    let text_of = record_text(&fields.join(","));
    let site = Parameters { key: KeyChoice::Field("site".into()), ..parameters() };
    let records = Records::with(&text_of, &site);
    for index in 0..100 {
        let site = field(&records.value(index), "site").clone();
        assert_eq!(text(&site).as_bytes(), records.key(index));
    }
    let none = Parameters { key: KeyChoice::None, ..parameters() };
    assert_eq!(Records::with(&text_of, &none).key(0), b"");
}

#[test]
fn number_is_the_sources_index() {
    let example = &ours_of("`source`")[0];
    for kind in [r#""int""#, r#""long""#] {
        for (source, value) in by_source(&of_few(&our_field("x", kind, example)), "x") {
            assert_eq!(whole(&value).cast_unsigned(), source / 10 + 1);
        }
    }
    let records = of_few(&our_field("x", r#""int""#, r#"{"source": {"first": 1}}"#));
    for index in 0..20 {
        let number = whole(field(&records.value(index), "x"));
        assert_eq!(number.to_string().as_bytes(), records.key(index), "the key is the number");
    }
    let error = refused(&our_field("x", r#""int""#, r#"{"source": {"first": 2147480000}}"#));
    assert!(error.starts_with("x: "), "{error}");
}

#[test]
fn range_is_drawn_once_for_a_source() {
    let example = &ours_of("`source` with `range`")[0];
    for kind in [r#""int""#, r#""long""#, r#""float""#, r#""double""#] {
        let values = by_source(&of_few(&our_field("x", kind, example)), "x");
        let numbers: Vec<f64> = values
            .values()
            .map(|value| match value {
                Value::Int(_) | Value::Long(_) => f64::from(i32::try_from(whole(value)).unwrap()),
                value => real(value),
            })
            .collect();
        assert!(numbers.iter().all(|number| (25.0..=49.0).contains(number)), "{numbers:?}");
        let least = numbers.iter().copied().fold(f64::MAX, f64::min);
        let most = numbers.iter().copied().fold(f64::MIN, f64::max);
        assert!(most - least > 10.0, "{kind}: sources differ: {numbers:?}");
    }
    let ends = drawn(r#""int""#, r#"{"source": {"range": {"min": 1, "max": 3}}}"#);
    let found: std::collections::BTreeSet<_> = ends.wholes("x", 500).into_iter().collect();
    assert_eq!(found, (1..=3).collect());
}

#[test]
fn options_of_one_row_take_the_same_place() {
    let example = &ours_of("`source` with `options`, `choice`")[0];
    let capitals = example.replace("\"DE\"", "\"Berlin\"").replace("\"FR\"", "\"Paris\"");
    let other = r#"{"source": {"options": ["DE", "FR"]}}"#;
    let fields = [
        our_field("country", r#""string""#, example),
        our_field("noise", r#""int""#, r#"{"source": {"range": {"min": 1, "max": 9}}}"#),
        our_field("capital", r#""string""#, &capitals),
        our_field("other", r#""string""#, other),
    ];
    let records = Records::of_fields(&fields.join(","));
    let (mut countries, mut differ) = (std::collections::BTreeSet::new(), 0);
    for index in 0..RECORDS {
        let record = records.value(index);
        let [country, capital, other] =
            ["country", "capital", "other"].map(|path| text(field(&record, path)).to_owned());
        assert!([("DE", "Berlin"), ("FR", "Paris")].contains(&(&country, &capital)));
        differ += u32::from(country != other);
        countries.insert(country);
    }
    assert_eq!(countries, super::set(&["DE", "FR"]));
    assert!((150..350).contains(&differ), "without a row it has a place of its own: {differ}");
    by_source(&of_few(&our_field("x", r#""string""#, example)), "x");
}

#[test]
fn options_of_one_row_are_as_many_and_weigh_as_much() {
    let options = r#"{"source": {"options": [1, 2], "row": "q"}}"#;
    let weighted = |a: u32, b: u32| {
        format!(
            r#"{{"source": {{"row": "q", "choice": [{{"value": 1, "weight": {a}}},
                {{"value": 2, "weight": {b}}}]}}}}"#
        )
    };
    let fields = |first: &str, second: &str| {
        [our_field("a", r#""int""#, first), our_field("b", r#""int""#, second)].join(",")
    };
    let three = r#"{"source": {"options": [1, 2, 3], "row": "q"}}"#;
    let said = refused(&fields(options, three));
    assert!(said.starts_with("b: of the row 'q' it has 3 options and a has 2"), "{said}");
    let said = refused(&fields(&weighted(1, 2), &weighted(2, 1)));
    assert!(said.starts_with("b: ") && said.contains("the same weights"), "{said}");
    Records::of_fields(&fields(&weighted(1, 2), &weighted(2, 4)));
    Records::of_fields(&fields(options, &three.replace("\"q\"", "\"other\"")));
}

#[test]
fn options_by_weight_go_with_every_type() {
    let choice = r#"{"source": {"choice": [{"value": "A", "weight": 3}, {"value": "B"}]}}"#;
    let kind = r#"{"type":"enum","name":"E","symbols":["A","B"]}"#;
    by_source(&of_few(&our_field("x", kind, choice)), "x");
    let records = drawn(kind, choice);
    let of_a = records.texts("x", 2_000).iter().filter(|text| *text == "A").count();
    // Three in four sources: five standard deviations of 2,000 draws from 10,000 sources.
    assert!((1_380..1_620).contains(&of_a), "{of_a}");
    for (kind, value) in [
        (r#"["null","int"]"#, "null"),
        (r#"{"type":"array","items":"int"}"#, "[1, 2]"),
        (r#"{"type":"map","values":"int"}"#, r#"{"k": 1}"#),
    ] {
        let said = format!(r#"{{"source": {{"options": [{value}]}}}}"#);
        by_source(&of_few(&our_field("x", kind, &said)), "x");
    }
}

#[test]
fn range_and_options_are_a_sources_own_whoever_reports_it() {
    let fields = [
        our_field("a", r#""double""#, r#"{"source": {"range": {"min": 0, "max": 1}}}"#),
        our_field("b", r#""string""#, r#"{"source": {"options": ["p", "q", "r"]}}"#),
    ];
    let one = of_few(&fields.join(","));
    let other = Parameters::new(identity(43), Sources { first: 0, end: 5_000_000 });
    let other = Records::with(&record_text(&fields.join(",")), &other);
    for index in 0..100 {
        let mut draw = other.begin(index);
        draw.source = one.source(index);
        assert_eq!(other.decode(&other.bytes(&mut draw)), one.value(index));
    }
}

#[test]
fn what_is_kept_of_the_sources_is_bounded_in_bytes() {
    let held = |text: &str| {
        let sources = Sources { first: 0, end: 100_000 };
        let parameters = Parameters::new(identity(42), sources);
        let mut made = None;
        let held = allocation_counter::measure(|| made = Some(Records::with(text, &parameters)));
        (made.unwrap(), held.bytes_max)
    };
    let telemetry = producer_load::domain::DOMAINS[0].schema_text;
    assert!(held(telemetry).1 > 10 << 20, "a usual schema has its slots");
    // One long field, and many shorter ones that are not neighbours.
    let long = |name: &str, bytes: usize| {
        let prefix = "p".repeat(bytes);
        our_field(name, r#""string""#, &format!(r#"{{"source": {{"prefix": "{prefix}"}}}}"#))
    };
    let many: Vec<_> = (0..10)
        .map(|n| format!(r#"{},{{"name":"i{n}","type":"int"}}"#, long(&format!("f{n}"), 300)))
        .collect();
    for fields in [long("x", 60_000), long("x", 5_000), many.join(",")] {
        let text = record_text(&fields);
        let (records, bytes) = held(&text);
        // The slots, those that are being filled, and what else a program needs.
        assert!(bytes < 160 << 20, "{bytes} bytes for {} bytes of schema", text.len());
        let many = Sources { first: 0, end: 1_000_000 };
        let without = Records::with(&text, &Parameters::new(identity(42), many));
        for index in 0..20 {
            let mut draw = without.begin(index);
            draw.source = records.source(index);
            assert_eq!(without.bytes(&mut draw), records.datum(index));
        }
    }
}
