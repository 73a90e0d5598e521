//! The message key of any schema: any field that every record has, and the record beside it.

use apache_avro::types::Value;
use bumpalo::Bump;
use producer_load::program::KeyChoice;
use producer_load::program::Parameters;
use producer_load::schema::Encoding;
use proptest::prelude::*;

use super::made;
use super::parameters_of;
use super::text_of;
use super::types;
use crate::records::Records;
use crate::records::field;

/// Records of a schema that are looked at, backwards.
const INDICES: [u64; 5] = [1 << 40, 1_000_003, 2, 1, 0];

/// Puts the paths of all fields that are in every record, arrays and unions left out.
fn paths(value: &Value, before: &str, into: &mut Vec<String>) {
    let Value::Record(fields) = value else { return };
    for (name, value) in fields {
        let path = producer_load::schema::join(before, name);
        paths(value, &path, into);
        into.push(path);
    }
}

/// Returns what a field is as a key, or none where it cannot be one.
fn text_of_key(value: &Value) -> Option<String> {
    Some(match value {
        Value::Int(n) | Value::Date(n) | Value::TimeMillis(n) => n.to_string(),
        Value::Long(n)
        | Value::TimeMicros(n)
        | Value::TimestampMillis(n)
        | Value::TimestampMicros(n)
        | Value::TimestampNanos(n)
        | Value::LocalTimestampMillis(n)
        | Value::LocalTimestampMicros(n)
        | Value::LocalTimestampNanos(n) => n.to_string(),
        Value::String(text) | Value::Enum(_, text) => text.clone(),
        Value::Uuid(uuid) => uuid.to_string(),
        _ => return None,
    })
}

proptest! {
    /// A field is the key as the decoded record has it, and the record is the one that it is under
    /// another key, whether its key was asked for or not. (A key is asked for before its record is
    /// encoded: `Program::key` behind `Program::encode` is another record's.) What cannot be a key
    /// is refused by its path.
    #[test]
    fn any_field_is_the_key_that_it_is_in_the_record(
        sketch in types::records(),
        place in any::<prop::sample::Index>(),
        encoding in prop::sample::select(&[Encoding::Avro, Encoding::Json][..]),
    ) {
        let Some(plain) = made(&sketch, Encoding::Avro)? else { return Ok(()) };
        let Some(written) = made(&sketch, encoding)? else { return Ok(()) };
        let mut all = Vec::new();
        paths(&plain.value(0), "", &mut all);
        let path = place.get(&all).as_str();
        let key = KeyChoice::Field(path.to_owned());
        let parameters = Parameters { key, encoding, ..parameters_of(&sketch) };
        let keyed = match Records::compile(&text_of(&sketch).to_string(), &parameters) {
            Ok(keyed) => keyed,
            Err(error) => {
                prop_assert!(error.starts_with(&format!("{path}: ")), "{}: {}", path, error);
                let value = plain.value(0);
                let value = field(&value, path);
                // A uuid may be bytes; a record may be one of a list.
                let has_to_be_one = text_of_key(value).is_some()
                    && !matches!(value, Value::Uuid(_)) && !path.contains('.');
                prop_assert!(!has_to_be_one, "{}: {}", error, text_of(&sketch));
                return Ok(());
            }
        };
        let arena = Bump::new();
        let (mut first, mut last) = (keyed.program.draw(), keyed.program.draw());
        for index in INDICES {
            let expected = text_of_key(field(&plain.value(index), path));
            for draw in [&mut first, &mut last] {
                keyed.program.begin(draw, index, crate::records::EVENT_TIME_MS);
            }
            let key = keyed.program.key(&mut first, &arena);
            prop_assert_eq!(Some(String::from_utf8_lossy(key).into()), expected, "{}", path);
            prop_assert!(key.len() <= keyed.program.key_bytes_max());
            let (without, behind) = (keyed.bytes(&mut last), keyed.bytes(&mut first));
            prop_assert_eq!(&without, &written.datum(index), "record {}", index);
            prop_assert_eq!(&without, &behind, "record {}", index);
        }
    }
}
