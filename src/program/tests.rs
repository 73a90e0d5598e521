//! Programs against apache-avro's decoder, and the promises that a record's bytes keep.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;

use super::*;
use crate::domain::DOMAINS;

const EVENT_TIME_MS: u64 = 1_700_000_000_123;
const SOURCES: Sources = Sources { first: 9_990, end: 20_000 };

fn schema_of(fields: &str) -> EventSchema {
    let text = format!(r#"{{"type":"record","name":"R","namespace":"n","fields":[{fields}]}}"#);
    EventSchema::parse("test", &text).unwrap()
}

fn identity(seed: u64) -> Identity {
    Identity::new(1, seed, "0/1".parse().unwrap())
}

fn compile(schema: &EventSchema) -> Program {
    Program::compile(schema, &Parameters::new(identity(2), SOURCES)).unwrap()
}

fn drawn(program: &Program, index: u64) -> Draw {
    let mut draw = program.draw();
    program.begin(&mut draw, index, EVENT_TIME_MS);
    draw
}

fn key(program: &Program, index: u64) -> Vec<u8> {
    program.key(&mut drawn(program, index), &Bump::new()).to_vec()
}

fn datum(program: &Program, index: u64) -> Vec<u8> {
    let mut window = vec![0xaa; program.bytes_max()];
    let length = program.encode(&mut drawn(program, index), &mut window);
    window.truncate(length);
    window
}

/// Decodes a record with apache-avro to its last byte.
fn decoded(schema: &EventSchema, datum: &[u8]) -> Vec<(String, Value)> {
    let reader = GenericDatumReader::builder(schema.parsed()).build().unwrap();
    let mut rest = datum;
    let Value::Record(fields) = reader.read_value(&mut rest).unwrap() else { panic!("no record") };
    assert!(rest.is_empty());
    fields
}

fn field(fields: &[(String, Value)], name: &str) -> Value {
    fields.iter().find(|(field, _)| field == name).unwrap().1.clone()
}

fn long(fields: &[(String, Value)], name: &str) -> i64 {
    match field(fields, name) {
        Value::Int(value) => value.into(),
        Value::Long(value) | Value::TimestampMillis(value) => value,
        other => panic!("{name} is {other:?}"),
    }
}

fn refused(fields: &str) -> String {
    let parameters = Parameters::new(identity(2), SOURCES);
    Program::compile(&schema_of(fields), &parameters).unwrap_err().to_string()
}

#[test]
fn every_domain_agrees_with_apache_avro() {
    for domain in DOMAINS {
        let schema = EventSchema::parse(domain.name, domain.schema_text).unwrap();
        let program = compile(&schema);
        program.try_out(&schema, EVENT_TIME_MS).unwrap();
        for index in 0..2_000 {
            let datum = datum(&program, index);
            assert!(datum.len() <= program.bytes_max());
            decoded(&schema, &datum);
        }
    }
}

#[test]
fn sensor_telemetry_keeps_its_ranges() {
    let schema = EventSchema::parse("s", DOMAINS[0].schema_text).unwrap();
    let program = compile(&schema);
    let mut bytes = 0;
    for index in 0..5_000 {
        let datum = datum(&program, index);
        bytes += datum.len();
        let fields = decoded(&schema, &datum);
        let Value::String(source) = field(&fields, "source_id") else { panic!() };
        let source: u64 = source.strip_prefix("source-").unwrap().parse().unwrap();
        assert!((SOURCES.first..SOURCES.end).contains(&source));
        let customer = Value::String(format!("cust-{:06}", source / 10));
        assert_eq!(field(&fields, "customer_id"), customer);
        assert_eq!(field(&fields, "site_id"), Value::String(format!("site-{:05}", source / 100)));
        assert_eq!(long(&fields, "time"), 1_700_000_000_123);
        let Value::Double(latitude) = field(&fields, "latitude") else { panic!() };
        assert!((25.0..49.0).contains(&latitude));
        let errors = match long(&fields, "status") {
            1 | 3 => 0..=0,
            2 => 0..=4,
            4 => 1..=20,
            other => panic!("status {other}"),
        };
        assert!(errors.contains(&long(&fields, "error_count")));
        for (packets, sum) in
            [("packets_sent", "bytes_sent"), ("packets_received", "bytes_received")]
        {
            let packets = long(&fields, packets);
            assert!((0..=11_000).contains(&packets));
            assert!((packets * 200..=packets * 1_199).contains(&long(&fields, sum)));
        }
    }
    assert!((195..=210).contains(&(bytes / 5_000)), "{}", bytes / 5_000);
}

#[test]
fn sensor_data_is_what_its_consumers_decode() {
    let domain = crate::domain::find("sensor_data").unwrap();
    let schema = EventSchema::parse(domain.name, domain.schema_text).unwrap();
    let parameters = Parameters::new(identity(2), Sources { first: 0, end: 10_000 });
    let program = Program::compile(&schema, &parameters).unwrap();
    for index in 0..2_000 {
        let datum = datum(&program, index);
        assert!((39..=43).contains(&datum.len()), "{}", datum.len());
        let fields = decoded(&schema, &datum);
        let id = long(&fields, "sensorId");
        assert!((1..=10_000).contains(&id) && (1..=8).contains(&long(&fields, "sensorType")));
        assert_eq!(key(&program, index), id.to_string().as_bytes());
        assert!((1..=4).contains(&long(&fields, "status")));
        assert_eq!(long(&fields, "timestamp"), 1_700_000_000_123);
        assert_eq!(fields.len(), 8);
    }
}

#[test]
fn weights_are_kept_within_statistical_bounds() {
    let schema = EventSchema::parse("s", DOMAINS[0].schema_text).unwrap();
    let program = compile(&schema);
    let (mut status, mut motion) = ([0_u32; 5], 0);
    for index in 0..20_000 {
        let fields = decoded(&schema, &datum(&program, index));
        status[usize::try_from(long(&fields, "status")).unwrap()] += 1;
        motion += u32::from(long(&fields, "motion_detected") == 1);
    }
    // Five standard deviations of a binomial distribution: 17,000 +- 252, 1,000 +- 154, 4,000 +-
    // 283.
    assert!(status[1].abs_diff(17_000) < 252, "{status:?}");
    assert!(status[2..].iter().all(|count| count.abs_diff(1_000) < 154), "{status:?}");
    assert!(motion.abs_diff(4_000) < 283, "{motion}");
}

#[test]
fn what_follows_from_the_source_is_the_same_with_and_without_slots() {
    let schema = EventSchema::parse("s", DOMAINS[0].schema_text).unwrap();
    let few = Sources { first: 0, end: 10 };
    let many = Sources { first: 0, end: source::SLOTS_MAX + 1 };
    let programs = [few, many]
        .map(|sources| Program::compile(&schema, &Parameters::new(identity(2), sources)).unwrap());
    for number in 0..10 {
        let place = |program: &Program| {
            let mut window = vec![0; program.bytes_max()];
            let mut draw = drawn(program, 7);
            draw.source = number;
            let length = program.encode(&mut draw, &mut window);
            window[..length].to_vec()
        };
        assert_eq!(place(&programs[0]), place(&programs[1]));
    }
}

#[test]
fn a_source_that_is_foreseen_is_the_one_that_is_drawn() {
    for domain in DOMAINS {
        let schema = EventSchema::parse(domain.name, domain.schema_text).unwrap();
        for (end, choice) in [(9_000, "uniform"), (source::SLOTS_MAX + 1, "rotate"), (70, "zipf")] {
            let parameters = Parameters {
                source_choice: choice.parse().unwrap(),
                ..Parameters::new(identity(2), Sources { first: 5, end })
            };
            let program = Program::compile(&schema, &parameters).unwrap();
            for index in (0..40_000).step_by(97) {
                program.foresee(index);
                assert_eq!(program.source(index), drawn(&program, index).source, "{choice}");
            }
        }
    }
}

#[test]
fn the_key_is_the_sources_id_or_its_number() {
    let schema = EventSchema::parse("s", DOMAINS[0].schema_text).unwrap();
    let program = compile(&schema);
    for index in 0..100 {
        let fields = decoded(&schema, &datum(&program, index));
        let key = key(&program, index);
        assert_eq!(
            field(&fields, "source_id"),
            Value::String(String::from_utf8(key.clone()).unwrap())
        );
        assert!(key.len() <= program.key_bytes_max());
    }
    let plain = compile(&schema_of(r#"{"name":"x","type":"int"}"#));
    assert_eq!(key(&plain, 0), drawn(&plain, 0).source.to_string().as_bytes());
}

#[test]
fn flat_types_and_their_annotations_decode_within_their_ranges() {
    let schema = schema_of(
        r#"{"name":"i","type":{"type":"int","arg.properties":{"range":{"min":-5,"max":5}}}},
        {"name":"l","type":"long"},
        {"name":"f","type":"float","arg.properties":{"range":{"min":1,"max":2}}},
        {"name":"b","type":{"type":"boolean","arg.properties":{"odds":1.0}}},
        {"name":"s","type":"string","arg.properties":{"length":{"min":3,"max":6}}},
        {"name":"y","type":"bytes","arg.properties":{"length":4}},
        {"name":"x","type":{"type":"fixed","name":"X","size":11}},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B","C"]}},
        {"name":"o","type":"string","arg.properties":{"options":["red","green"]}},
        {"name":"n","type":{"type":"record","name":"N","fields":[
            {"name":"z","type":"null"},
            {"name":"t","type":{"type":"long","logicalType":"timestamp-micros"}}]}}"#,
    );
    let program = compile(&schema);
    program.try_out(&schema, EVENT_TIME_MS).unwrap();
    for index in 0..1_000 {
        let fields = decoded(&schema, &datum(&program, index));
        assert!((-5..5).contains(&long(&fields, "i")));
        let Value::Float(float) = field(&fields, "f") else { panic!() };
        assert!((1.0..=2.0).contains(&float));
        assert_eq!(field(&fields, "b"), Value::Boolean(true));
        let Value::String(text) = field(&fields, "s") else { panic!() };
        assert!((3..6).contains(&text.len()));
        let Value::Bytes(bytes) = field(&fields, "y") else { panic!() };
        assert_eq!(bytes.len(), 4);
        let Value::String(option) = field(&fields, "o") else { panic!() };
        assert!(["red", "green"].contains(&option.as_str()));
        let Value::Record(nested) = field(&fields, "n") else { panic!() };
        assert_eq!(field(&nested, "t"), Value::TimestampMicros(1_700_000_000_123_000));
    }
}

#[test]
fn what_cannot_be_made_is_refused_by_the_path_of_its_field() {
    for (fields, path, words) in [
        (
            r#"{"name":"n","type":{"type":"record","name":"N","fields":[
                {"name":"m","type":["null","N"]}]}}"#,
            "n.m:",
            "n.N contains itself",
        ),
        (
            r#"{"name":"a","type":{"type":"fixed","name":"F","size":2}},
               {"name":"b","type":{"type":"array","items":{"type":"enum","name":"F",
                "symbols":["A"]}}}"#,
            "b[]:",
            "n.F is defined twice",
        ),
        (
            r#"{"name":"a","type":{"type":"record","name":"R","fields":[]}}"#,
            "a:",
            "n.R is defined twice",
        ),
        (
            r#"{"name":"d","type":{"type":"bytes","logicalType":"big-decimal"}}"#,
            "d:",
            "big-decimal",
        ),
        (r#"{"name":"s","type":"string","arg.properties":{"regex":"a["}}"#, "s:", "regex 'a['"),
        (r#"{"name":"s","type":"string","arg.properties":{"range":{"min":1}}}"#, "s:", "'range'"),
        (
            r#"{"name":"i","type":"int","arg.properties":{"range":{"min":5,"max":5}}}"#,
            "i:",
            "below",
        ),
        (
            r#"{"name":"i","type":"int","producer-load":{"id":{}}}"#,
            "i:",
            "'id' does not go with the type int",
        ),
        (
            r#"{"name":"i","type":"int","producer-load":{"source":{"first":2147483647}}}"#,
            "i:",
            "no int",
        ),
        (
            r#"{"name":"j","type":"int","producer-load":{"choice":[{"value":1,"weight":1}]}},
               {"name":"i","type":"int",
                "producer-load":{"by":{"field":"j","cases":{"1":3000000000},"otherwise":0}}}"#,
            "i:",
            "no int",
        ),
        (
            r#"{"name":"i","type":"long","producer-load":{"times":{"field":"j","min":1,"max":2}}},
               {"name":"j","type":"int"}"#,
            "i:",
            "no field j before it",
        ),
        (
            r#"{"name":"i","type":"int","producer-load":{"choice":[{"value":"x","weight":1}]}}"#,
            "i:",
            "is no int",
        ),
    ] {
        let said = refused(fields);
        assert!(said.starts_with(path) && said.contains(words), "{said}");
    }
    let long: Vec<_> = (0..40)
        .map(|n| {
            format!(r#"{{"name":"s{n}","type":"string","arg.properties":{{"length":30000}}}}"#)
        })
        .collect();
    assert!(refused(&long.join(",")).contains("at most 1048576"));
}

#[test]
fn a_schema_that_cannot_be_prepared_is_named() {
    let parameters = Parameters::new(identity(2), SOURCES);
    let good = schema_of(r#"{"name":"x","type":"int"}"#);
    assert!(Program::prepare(&good, &parameters, EVENT_TIME_MS).is_ok());
    let bad = schema_of(r#"{"name":"x","type":"int","producer-load":{"id":{}}}"#);
    let said = Program::prepare(&bad, &parameters, EVENT_TIME_MS).unwrap_err().to_string();
    assert!(said.starts_with("the schema of test cannot be compiled: x: 'id'"), "{said}");
}

#[test]
fn another_seed_makes_other_records() {
    let schema = EventSchema::parse("s", DOMAINS[0].schema_text).unwrap();
    let other = Program::compile(&schema, &Parameters::new(identity(3), SOURCES)).unwrap();
    assert_eq!(datum(&compile(&schema), 77), datum(&compile(&schema), 77));
    assert_ne!(datum(&compile(&schema), 77), datum(&other, 77));
}
