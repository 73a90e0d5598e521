//! Any schema: generated over the whole of AVRO's type system, with and without annotations,
//! compiled, and its records held against apache-avro.
//!
//! `PROPTEST_CASES` says how many schemas, 256 without it.

use std::collections::BTreeSet;

use producer_load::program::Parameters;
use producer_load::schema::Encoding;
use producer_load::units::Sources;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::records::Records;
use crate::records::identity;

mod agreement;
mod annotations;
mod defects;
mod message_keys;
mod types;

use agreement::Reader;
use agreement::disagreement;
use agreement::names_of;
use defects::Defect;
use types::Sketch;
use types::Writer;

/// Records of a schema that are looked at: the first ones and far ones.
const INDICES: [u64; 20] = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    99,
    1_000_003,
    1 << 40,
    (1 << 62) + 1,
    u64::MAX,
];

/// Returns the text of a schema that can be made.
fn text_of(sketch: &Sketch) -> Value {
    Writer::default().outermost(sketch)
}

/// Few sources are encoded beforehand, more are computed: both are met.
fn parameters_of(sketch: &Sketch) -> Parameters {
    let end = if sketch.pick.is_multiple_of(2) { 20 } else { 1_000_000 };
    Parameters::new(identity(u64::from(sketch.pick)), Sources { first: 5, end })
}

fn compiled(sketch: &Sketch, encoding: Encoding) -> Result<Records, String> {
    let parameters = Parameters { encoding, ..parameters_of(sketch) };
    Records::compile(&text_of(sketch).to_string(), &parameters)
}

/// Compiles a schema, or returns none where its records would only be too long.
fn made(sketch: &Sketch, encoding: Encoding) -> Result<Option<Records>, TestCaseError> {
    match compiled(sketch, encoding) {
        Ok(records) => Ok(Some(records)),
        Err(error) if error.contains("bytes, at most") => Ok(None),
        Err(error) => Err(TestCaseError::fail(format!("{error}: {}", text_of(sketch)))),
    }
}

/// Returns how a record differs as JSON from what its bytes decode to.
fn other_text(records: &Records, datum: &[u8], text: &[u8]) -> Option<String> {
    let value = records.decode(datum);
    let mut reader =
        Reader { rest: std::str::from_utf8(text).unwrap(), names: agreement::Names::new() };
    names_of(records.schema.parsed(), &mut reader.names);
    if serde_json::from_slice::<Value>(text).is_err() {
        return Some("no JSON".to_owned());
    }
    let is_same = reader.same(records.schema.parsed(), &value).is_some() && reader.rest.is_empty();
    (!is_same).then(|| format!("{value:?} before '{}'", reader.rest))
}

proptest! {
    /// What a schema makes, apache-avro reads to its last byte and writes again as it was.
    #[test]
    fn records_are_what_apache_avro_writes(sketch in types::records()) {
        let Some(records) = made(&sketch, Encoding::Avro)? else { return Ok(()) };
        for index in INDICES {
            let datum = records.datum(index);
            prop_assert!(datum.len() <= records.program.bytes_max());
            let found = disagreement(&records, &datum);
            prop_assert!(found.is_none(), "record {}: {:?}", index, found);
        }
        let tried = records.program.try_out(&records.schema, 0);
        prop_assert!(tried.is_ok(), "{:?}", tried);
    }

    /// A record is the same whatever was made before it, and whoever makes it.
    #[test]
    fn records_do_not_depend_on_their_order(sketch in types::records()) {
        let Some(records) = made(&sketch, Encoding::Avro)? else { return Ok(()) };
        let alone: Vec<_> = INDICES.iter().map(|index| records.datum(*index)).collect();
        let Some(other) = made(&sketch, Encoding::Avro)? else { return Ok(()) };
        let mut draw = other.program.draw();
        // One draw and one window for all of them, backwards, each at two event times.
        let mut window = vec![0x55; other.program.bytes_max()];
        for (index, alone) in INDICES.iter().zip(&alone).rev() {
            for event_time_ms in [7, crate::records::EVENT_TIME_MS] {
                other.program.begin(&mut draw, *index, event_time_ms);
                let length = other.program.encode(&mut draw, &mut window);
                if event_time_ms != 7 {
                    prop_assert_eq!(&window[..length], &alone[..], "record {}", index);
                }
            }
        }
    }

    /// As JSON a record has the same values.
    #[test]
    fn records_are_the_same_as_json(sketch in types::records()) {
        let Some(records) = made(&sketch, Encoding::Avro)? else { return Ok(()) };
        let Some(texts) = made(&sketch, Encoding::Json)? else { return Ok(()) };
        for index in INDICES {
            let found = other_text(&records, &records.datum(index), &texts.datum(index));
            prop_assert!(found.is_none(), "record {}: {:?}", index, found);
        }
        let tried = texts.program.try_out(&texts.schema, u64::from(sketch.pick));
        prop_assert!(tried.is_ok(), "{:?}", tried);
    }

    /// A field that cannot be made is refused by its path, wherever it stands.
    #[test]
    fn a_field_that_cannot_be_made_is_refused_by_its_path(
        sketch in types::records(),
        which in 0..defects::COUNT,
        record in 0_usize..3,
        place in 0_usize..9,
    ) {
        let mut writer = Writer::planting(Defect { which, record, place });
        let text = writer.outermost(&sketch).to_string();
        let Some(path) = writer.defect_path else { return Ok(()) };
        let refused = Records::compile(&text, &parameters_of(&sketch));
        let error = refused.map(|_| "compiled").unwrap_err();
        prop_assert!(error.starts_with(&format!("{path}: ")), "{}: {}: {}", path, error, text);
    }
}

/// What the sketches of a run are made of, and how many of them can be made.
#[test]
fn sketches_are_of_every_type_and_way() {
    let mut runner = TestRunner::deterministic();
    let (mut words, mut made) = (BTreeSet::new(), 0);
    for _ in 0..512 {
        let sketch = types::records().new_tree(&mut runner).unwrap().current();
        types::words(&text_of(&sketch), &mut words);
        made += u32::from(compiled(&sketch, Encoding::Avro).is_ok());
    }
    let expected = "null boolean int long float double bytes string fixed enum array map record \
        date time-millis time-micros timestamp-millis timestamp-micros timestamp-nanos \
        local-timestamp-millis local-timestamp-micros local-timestamp-nanos decimal uuid duration \
        n.T2 options range iteration odds length regex prefix suffix keys source choice normal \
        log-normal day-curve event-time counter id by times lifecycle step once";
    let missing: Vec<_> = expected.split_whitespace().filter(|w| !words.contains(*w)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(made > 480, "{made} of 512 can be made");
}

#[test]
fn what_is_wrong_is_found() {
    let fields =
        r#"{"name":"m","type":{"type":"map","values":"int"}},{"name":"d","type":"double"}"#;
    let text = crate::records::record_text(fields);
    let records = Records::of(&text);
    // Two entries "a", one after the other, then a double of 1.
    let mut datum = vec![4, 2, b'a', 2, 2, b'b', 4, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
    assert_eq!(disagreement(&records, &datum), None);
    let text = br#"{"m":{"b":2,"a":1},"d":1.0}"#;
    assert_eq!(other_text(&records, &datum, text), None);
    for text in [
        r#"{"m":{"b":2,"a":1},"d":1.0000000000000002}"#,
        r#"{"m":{"b":2,"a":2},"d":1.0}"#,
        r#"{"m":{"b":2,"b":2},"d":1.0}"#.replace("\"b\":2,", "").as_str(),
        r#"{"m":{"b":2,"a":1},"d":1.0} "#,
        r#"{"d":1.0,"m":{"b":2,"a":1}}"#,
        r#"{"m":{"b":2,"a":1},"d":"1.0"}"#,
    ] {
        assert!(other_text(&records, &datum, text.as_bytes()).is_some(), "{text}");
    }
    datum[5] = b'a';
    assert!(disagreement(&records, &datum).unwrap().contains("bytes instead of"));
    // A length in two bytes where one does.
    let long = [&[0x84, 0][..], &datum[1..]].concat();
    assert!(disagreement(&records, &long).is_some());
    let decimal = r#"{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":3}}"#;
    let records = Records::of(&crate::records::record_text(decimal));
    for (datum, text, is_fine) in [
        (&[2, 5][..], r#"{"d":5}"#, true),
        (&[4, 0, 5], r#"{"d":5}"#, false),
        (&[4, 3, 0xe8], r#"{"d":1000}"#, false),
        (&[2, 5], r#"{"d":50}"#, false),
    ] {
        assert_eq!(other_text(&records, datum, text.as_bytes()).is_none(), is_fine, "{text}");
    }
}
