//! Whether a record is what its schema allows and what its JSON says, by apache-avro's decoder and
//! by a reader of JSON that shares nothing with the program's writer.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::InnerDecimalSchema;
use apache_avro::schema::Name;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigInt;

use crate::records::Records;

/// Decimals whose type has more digits are base64 in JSON, whatever their value.
const DIGITS_MAX: usize = 38;

/// Returns what is wrong with a datum: it has to decode to its last byte, and to be encoded again
/// as the same bytes, or where a map has several entries as an equal value of as many.
pub(super) fn disagreement(records: &Records, datum: &[u8]) -> Option<String> {
    let value = records.decode(datum);
    let writer = GenericDatumWriter::builder(records.schema.parsed()).build().unwrap();
    let again = writer.write_value_to_vec(value.clone()).unwrap();
    if again == datum {
        return None;
    }
    // Fewer bytes: two entries had the same key.
    if again.len() != datum.len() {
        return Some(format!("{} bytes instead of {}", again.len(), datum.len()));
    }
    let is_same = has_map(&value) && records.decode(&again) == value;
    (!is_same).then(|| format!("other bytes for {value:?}"))
}

fn has_map(value: &Value) -> bool {
    match value {
        Value::Map(entries) => entries.len() > 1 || entries.values().any(has_map),
        Value::Array(items) => items.iter().any(has_map),
        Value::Union(_, inner) => has_map(inner),
        Value::Record(fields) => fields.iter().any(|(_, value)| has_map(value)),
        _ => false,
    }
}

/// The named types of a schema.
pub(super) type Names<'s> = HashMap<&'s Name, &'s Schema>;

pub(super) fn names_of<'s>(schema: &'s Schema, names: &mut Names<'s>) {
    match schema {
        Schema::Array(array) => names_of(&array.items, names),
        Schema::Map(map) => names_of(&map.types, names),
        Schema::Union(union) => union.variants().iter().for_each(|branch| names_of(branch, names)),
        Schema::Record(record) => {
            names.insert(&record.name, schema);
            record.fields.iter().for_each(|field| names_of(&field.schema, names));
        }
        Schema::Ref { .. } => {}
        other => drop(other.name().map(|name| names.insert(name, other))),
    }
}

/// Reads JSON beside a decoded value, byte by byte: `None` where they are not the same.
pub(super) struct Reader<'t, 's> {
    pub(super) rest: &'t str,
    pub(super) names: Names<'s>,
}

impl<'t> Reader<'t, '_> {
    #[expect(clippy::too_many_lines, reason = "a match over every type")]
    pub(super) fn same(&mut self, schema: &Schema, value: &Value) -> Option<()> {
        match (schema, value) {
            (Schema::Ref { name }, value) => {
                let schema = *self.names.get(name)?;
                self.same(schema, value)
            }
            (_, Value::Null) => self.word("null"),
            (_, Value::Boolean(truth)) => self.word(if *truth { "true" } else { "false" }),
            (_, Value::Int(n) | Value::Date(n) | Value::TimeMillis(n)) => self.word(&n.to_string()),
            (
                _,
                Value::Long(n)
                | Value::TimeMicros(n)
                | Value::TimestampMillis(n)
                | Value::TimestampMicros(n)
                | Value::TimestampNanos(n)
                | Value::LocalTimestampMillis(n)
                | Value::LocalTimestampMicros(n)
                | Value::LocalTimestampNanos(n),
            ) => self.word(&n.to_string()),
            (_, Value::Float(n)) => {
                let read = self.number()?.parse::<f32>().ok()?;
                (read.to_bits() == n.to_bits()).then_some(())
            }
            (_, Value::Double(n)) => {
                let read = self.number()?.parse::<f64>().ok()?;
                (read.to_bits() == n.to_bits()).then_some(())
            }
            (_, Value::String(text) | Value::Enum(_, text)) => {
                (self.string()? == *text).then_some(())
            }
            (_, Value::Uuid(uuid)) => (self.string()? == uuid.to_string()).then_some(()),
            (_, Value::Bytes(bytes) | Value::Fixed(_, bytes)) => self.base64(bytes),
            (_, Value::Duration(duration)) => self.base64(&<[u8; 12]>::from(*duration)),
            (Schema::Decimal(decimal), Value::Decimal(number)) => {
                let bytes: Vec<u8> = number.try_into().ok()?;
                let number = BigInt::from_signed_bytes_be(&bytes);
                // No more digits than the type has, and in bytes no more bytes than it takes.
                let limit = BigInt::from(10).pow(u32::try_from(decimal.precision).ok()?);
                let is_shortest = matches!(decimal.inner, InnerDecimalSchema::Fixed(_))
                    || number.to_signed_bytes_be() == bytes;
                if number.magnitude() >= limit.magnitude() || !is_shortest {
                    return None;
                }
                if decimal.precision > DIGITS_MAX {
                    return self.base64(&bytes);
                }
                self.word(&with_point(&number, decimal.scale))
            }
            (Schema::Union(union), Value::Union(branch, inner)) => {
                let branch = union.variants().get(usize::try_from(*branch).ok()?)?;
                self.same(branch, inner)
            }
            (Schema::Array(array), Value::Array(items)) => {
                self.word("[")?;
                for (number, item) in items.iter().enumerate() {
                    self.word(if number == 0 { "" } else { "," })?;
                    self.same(&array.items, item)?;
                }
                self.word("]")
            }
            (Schema::Map(map), Value::Map(entries)) => {
                self.word("{")?;
                for number in 0..entries.len() {
                    self.word(if number == 0 { "" } else { "," })?;
                    let key = self.string()?;
                    self.word(":")?;
                    self.same(&map.types, entries.get(&key)?)?;
                }
                self.word("}")
            }
            (Schema::Record(record), Value::Record(fields)) => {
                self.word("{")?;
                for (number, (field, (name, value))) in record.fields.iter().zip(fields).enumerate()
                {
                    self.word(if number == 0 { "" } else { "," })?;
                    self.word(&format!("\"{name}\":"))?;
                    self.same(&field.schema, value)?;
                }
                self.word("}")
            }
            _ => None,
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    fn number(&mut self) -> Option<&'t str> {
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        (end > 0).then(|| self.take(end))
    }

    fn string(&mut self) -> Option<String> {
        let mut escaped = false;
        let inside = self.rest.strip_prefix('"')?;
        let end = inside.find(|c| {
            let is_end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            is_end
        })?;
        serde_json::from_str(self.take(end + 2)).ok()
    }

    fn base64(&mut self, bytes: &[u8]) -> Option<()> {
        (STANDARD.decode(self.string()?).ok()? == bytes).then_some(())
    }
}

/// Returns a number with a point before its last `scale` digits.
fn with_point(number: &BigInt, scale: usize) -> String {
    let digits = format!("{:0>width$}", number.magnitude().to_string(), width = scale + 1);
    let sign = if number.sign() == num_bigint::Sign::Minus { "-" } else { "" };
    let (whole, part) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

#[test]
fn a_point_stands_before_the_last_digits() {
    for (number, scale, expected) in [
        (0, 0, "0"),
        (0, 2, "0.00"),
        (-5, 2, "-0.05"),
        (12_345, 2, "123.45"),
        (-12_345, 0, "-12345"),
        (7, 9, "0.000000007"),
    ] {
        assert_eq!(with_point(&BigInt::from(number), scale), expected);
    }
}
