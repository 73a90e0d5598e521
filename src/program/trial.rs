//! The trial at every start: a few records are encoded, decoded by apache-avro and encoded again by
//! it.
//!
//! A program that would write a wrong byte ends the run here, before the first message.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::CompileError;
use super::Parameters;
use super::Program;
use super::json::Text;
use super::json::unscaled;
use crate::schema::EventSchema;

/// Records that are tried: more than a lifecycle has steps, as a rule.
const RECORDS: u64 = 32;

/// A program whose bytes apache-avro does not agree with.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The bytes are no datum of the schema.
    #[error("record {index} cannot be decoded: {source}; this is a bug, please report it")]
    Undecodable {
        /// The record.
        index: u64,
        /// What apache-avro says.
        source: Box<apache_avro::Error>,
    },
    /// Decoding stopped before the end.
    #[error("record {index} has {bytes} bytes left over; this is a bug, please report it")]
    LeftOver {
        /// The record.
        index: u64,
        /// How many.
        bytes: usize,
    },
    /// The text is no JSON.
    #[error("record {index} is no JSON: {source}; this is a bug, please report it")]
    NotJson {
        /// The record.
        index: u64,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The text has other values than the datum.
    #[error("record {index} has other values as JSON; this is a bug, please report it")]
    OtherText {
        /// The record.
        index: u64,
    },
    /// Encoded again, the decoded record has other bytes.
    #[error(
        "record {index} is encoded differently by apache-avro; this is a bug, please report it"
    )]
    Different {
        /// The record.
        index: u64,
    },
}

/// A schema that no records can be made of.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It cannot be compiled.
    #[error("the schema of {name} cannot be compiled: {source}")]
    Compile {
        /// The domain or file.
        name: String,
        /// Where and why.
        source: CompileError,
    },
    /// The program's bytes are not those that apache-avro writes.
    #[error("the program of {name} failed its trial: {source}")]
    Trial {
        /// The domain or file.
        name: String,
        /// What differs.
        source: TrialError,
    },
}

impl Program {
    /// Compiles a schema and tries the program out with records of this event time.
    ///
    /// # Errors
    /// As [`Program::compile`] and [`Program::try_out`], with the name of the schema.
    pub fn prepare(
        schema: &EventSchema,
        parameters: &Parameters,
        event_time_ms: u64,
    ) -> Result<Self, PrepareError> {
        let name = || schema.origin().to_owned();
        let program = Self::compile(schema, parameters)
            .map_err(|source| PrepareError::Compile { name: name(), source })?;
        let trial = program.try_out(schema, event_time_ms);
        trial.map_err(|source| PrepareError::Trial { name: name(), source })?;
        Ok(program)
    }

    /// Makes a few records and has apache-avro decode and encode them again. As JSON they are read
    /// by another parser and compared with what apache-avro decoded.
    ///
    /// # Errors
    /// When they do not agree.
    pub fn try_out(&self, schema: &EventSchema, event_time_ms: u64) -> Result<(), TrialError> {
        let mut window = vec![0; self.bytes_max];
        let mut draw = self.draw();
        for index in self.indices(RECORDS) {
            self.begin(&mut draw, index, event_time_ms);
            let length = self.encode(&mut draw, &mut window);
            let written = &window[..length];
            match draw.ahead_bytes.zip(self.text.as_ref()) {
                None => drop(agree(schema, index, written)?),
                Some((bytes, text)) => {
                    let value = agree(schema, index, &draw.ahead[..bytes])?;
                    agree_as_text(text, &value, index, written)?;
                }
            }
        }
        Ok(())
    }
}

/// Checks that apache-avro reads a datum to its end and writes the same bytes again; returns what
/// it read.
fn agree(schema: &EventSchema, index: u64, datum: &[u8]) -> Result<Value, TrialError> {
    let undecodable =
        |source: apache_avro::Error| TrialError::Undecodable { index, source: Box::new(source) };
    let reader = GenericDatumReader::builder(schema.parsed()).build().map_err(undecodable)?;
    let writer = GenericDatumWriter::builder(schema.parsed()).build().map_err(undecodable)?;
    let mut rest = datum;
    let value = reader.read_value(&mut rest).map_err(undecodable)?;
    if !rest.is_empty() {
        return Err(TrialError::LeftOver { index, bytes: rest.len() });
    }
    let again = writer.write_value_to_vec(value.clone()).map_err(undecodable)?;
    if again == datum {
        return Ok(value);
    }
    // The entries of a map come out of the decoder in any order: then the values have to be equal,
    // and as many bytes.
    let read_again = reader.read_value(&mut again.as_slice()).map_err(undecodable)?;
    let is_map_order = has_map(&value) && again.len() == datum.len() && read_again == value;
    if is_map_order { Ok(value) } else { Err(TrialError::Different { index }) }
}

/// Returns whether a map of several entries is somewhere within.
fn has_map(value: &Value) -> bool {
    match value {
        Value::Map(entries) => entries.len() > 1 || entries.values().any(has_map),
        Value::Array(items) => items.iter().any(has_map),
        Value::Union(_, inner) => has_map(inner),
        Value::Record(fields) => fields.iter().any(|(_, value)| has_map(value)),
        _ => false,
    }
}

/// Checks that a text is JSON with the values of a record.
fn agree_as_text(layout: &Text, value: &Value, index: u64, text: &[u8]) -> Result<(), TrialError> {
    let text: serde_json::Value =
        serde_json::from_slice(text).map_err(|source| TrialError::NotJson { index, source })?;
    if is_same(layout, value, &text) { Ok(()) } else { Err(TrialError::OtherText { index }) }
}

fn is_same(layout: &Text, value: &Value, text: &serde_json::Value) -> bool {
    match (layout, value) {
        (_, Value::Null) => text.is_null(),
        (_, Value::Boolean(truth)) => text == truth,
        (_, Value::Int(number) | Value::Date(number) | Value::TimeMillis(number)) => text == number,
        (
            _,
            Value::Long(number)
            | Value::TimeMicros(number)
            | Value::TimestampMillis(number)
            | Value::TimestampMicros(number)
            | Value::TimestampNanos(number)
            | Value::LocalTimestampMillis(number)
            | Value::LocalTimestampMicros(number)
            | Value::LocalTimestampNanos(number),
        ) => text == number,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::float_cmp,
            reason = "the same float is asked for"
        )]
        (_, Value::Float(number)) => text.as_f64().is_some_and(|text| text as f32 == *number),
        (_, Value::Double(number)) => text.as_f64() == Some(*number),
        (_, Value::String(string) | Value::Enum(_, string)) => text == string,
        (_, Value::Uuid(uuid)) => *text == uuid.to_string(),
        (_, Value::Bytes(bytes) | Value::Fixed(_, bytes)) => is_base64(bytes, text),
        (_, Value::Duration(duration)) => is_base64(&<[u8; 12]>::from(*duration), text),
        (Text::Decimal { scale, .. }, Value::Decimal(decimal)) => {
            Vec::try_from(decimal).is_ok_and(|bytes| is_number(&bytes, *scale, text))
        }
        (_, Value::Decimal(decimal)) => {
            Vec::try_from(decimal).is_ok_and(|bytes| is_base64(&bytes, text))
        }
        (Text::Union(branches), Value::Union(branch, inner)) => {
            branches.get(*branch as usize).is_some_and(|layout| is_same(layout, inner, text))
        }
        (Text::Array(layout), Value::Array(items)) => text.as_array().is_some_and(|texts| {
            let mut both = items.iter().zip(texts);
            texts.len() == items.len() && both.all(|(i, t)| is_same(layout, i, t))
        }),
        (Text::Map(layout), Value::Map(entries)) => text.as_object().is_some_and(|texts| {
            texts.len() == entries.len()
                && entries.iter().all(|(k, v)| texts.get(k).is_some_and(|t| is_same(layout, v, t)))
        }),
        (Text::Record(layouts), Value::Record(fields)) => text.as_object().is_some_and(|texts| {
            let mut both = layouts.iter().zip(fields);
            texts.len() == fields.len()
                && both.all(|((_, l), (k, v))| texts.get(k).is_some_and(|t| is_same(l, v, t)))
        }),
        _ => false,
    }
}

fn is_base64(bytes: &[u8], text: &serde_json::Value) -> bool {
    *text == STANDARD.encode(bytes)
}

/// Returns whether a text is a decimal's number, as near as a double comes to it.
#[expect(clippy::cast_precision_loss, reason = "as near as a double comes")]
fn is_number(bytes: &[u8], scale: usize, text: &serde_json::Value) -> bool {
    let unscaled = unscaled(bytes) as f64;
    let expected = unscaled / 10_f64.powi(i32::try_from(scale).unwrap_or(i32::MAX));
    text.as_f64().is_some_and(|number| (number - expected).abs() <= expected.abs() * 1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"type":"record","name":"R","fields":[{"name":"x","type":"long"}]}"#;

    #[test]
    fn a_wrong_byte_is_found() {
        let schema = EventSchema::parse("test", TEXT).unwrap();
        assert!(agree(&schema, 0, &[0x02]).is_ok());
        assert!(matches!(agree(&schema, 0, &[0x82]), Err(TrialError::Undecodable { .. })));
        let left_over = agree(&schema, 0, &[0x02, 0x00]);
        assert!(matches!(left_over, Err(TrialError::LeftOver { bytes: 1, .. })));
        // 1 written in two bytes where one does: readable, and not what an encoder writes.
        assert!(matches!(
            agree(&schema, 7, &[0x82, 0x00]),
            Err(TrialError::Different { index: 7 })
        ));
    }

    /// Returns whether a text is taken for the values of a datum, whose schema has one field `x`.
    fn is_taken(kind: &str, datum: &[u8], text: &str) -> bool {
        let schema = TEXT.replace("\"long\"", kind);
        let schema = EventSchema::parse("test", &schema).unwrap();
        let layout = Text::of(&schema.shape().unwrap());
        let value = agree(&schema, 0, datum).unwrap();
        agree_as_text(&layout, &value, 0, text.as_bytes()).is_ok()
    }

    #[test]
    fn a_wrong_text_is_found() {
        let decimal = |digits: u32| {
            format!(r#"{{"type":"bytes","logicalType":"decimal","precision":{digits},"scale":2}}"#)
        };
        for (kind, datum, right, wrong) in [
            (decimal(38), &[4, 1, 0][..], r#"{"x":2.56}"#, r#"{"x":256}"#),
            (decimal(38), &[4, 1, 0], r#"{"x":2.56}"#, r#"{"x":"AQA="}"#),
            (decimal(39), &[4, 1, 0], r#"{"x":"AQA="}"#, r#"{"x":2.56}"#),
            (r#""bytes""#.to_owned(), &[2, 9], r#"{"x":"CQ=="}"#, r#"{"x":"CA=="}"#),
            (r#"["null","int"]"#.to_owned(), &[2, 2], r#"{"x":1}"#, r#"{"x":null}"#),
            (r#"{"type":"array","items":"int"}"#.to_owned(), &[0], r#"{"x":[]}"#, r#"{"x":[0]}"#),
        ] {
            assert!(is_taken(&kind, datum, right), "{kind}: {right}");
            assert!(!is_taken(&kind, datum, wrong), "{kind}: {wrong}");
        }
    }
}
