//! Values that a schema writes down, such as options, as AVRO's bytes.
//!
//! A value is written as AVRO's specification has it for defaults and JSON encoding: bytes as
//! characters up to U+00FF. A union takes the first branch that the value fits, or the one that it
//! names as `{"string": "x"}`.

use serde_json::Map;
use serde_json::Value;

use super::op::fixed_decimal;
use super::op::shortest;
use super::scaled::scaled;
use super::varint;
use crate::schema::FieldError;
use crate::schema::Kind;
use crate::schema::Shape;

/// Returns the bytes of a value.
///
/// # Errors
/// Names the place of what is no value of its type.
pub(super) fn encode(shape: &Shape<'_>, value: &Value) -> Result<Vec<u8>, FieldError> {
    let mut out = Vec::new();
    append(shape, value, &mut out)?;
    Ok(out)
}

/// Returns a length or a number of items before what it counts.
pub(super) fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&count(bytes.len()), bytes].concat()
}

fn count(items: usize) -> Vec<u8> {
    varint::bytes(items.cast_signed() as i64)
}

fn append(shape: &Shape<'_>, value: &Value, out: &mut Vec<u8>) -> Result<(), FieldError> {
    let wrong = || FieldError::new(&shape.path, format!("{value} is no {}", shape.kind.name()));
    match &shape.kind {
        Kind::Array(items) => {
            blocks(value.as_array().ok_or_else(wrong)?.iter(), out, |item, out| {
                append(items, item, out)
            })?;
        }
        Kind::Map(values) => {
            blocks(value.as_object().ok_or_else(wrong)?.iter(), out, |(key, value), out| {
                out.extend(with_length(key.as_bytes()));
                append(values, value, out)
            })?;
        }
        Kind::Union(branches) => {
            let encoded = branches.iter().enumerate().find_map(|(number, branch)| {
                let value = named(branch, value).unwrap_or(value);
                Some([count(number), encode(branch, value).ok()?].concat())
            });
            out.extend(encoded.ok_or_else(wrong)?);
        }
        Kind::Record(fields) => {
            let given = value.as_object().ok_or_else(wrong)?;
            for field in fields {
                let value = given.get(field.name).or(field.default);
                append(&field.shape, value.unwrap_or(&Value::Null), out)?;
            }
        }
        kind => out.extend(scalar(kind, value).ok_or_else(wrong)?),
    }
    Ok(())
}

/// Returns the bytes of a value without another one in it; `None`: it is no value of the type.
fn scalar(kind: &Kind<'_>, value: &Value) -> Option<Vec<u8>> {
    Some(match kind {
        Kind::Null => value.as_null().map(|()| Vec::new())?,
        Kind::Boolean => vec![u8::from(value.as_bool()?)],
        Kind::Float => {
            #[expect(clippy::cast_possible_truncation, reason = "a float is asked for")]
            let float = Some(value.as_f64()? as f32).filter(|float| float.is_finite())?;
            float.to_le_bytes().to_vec()
        }
        Kind::Double => value.as_f64()?.to_le_bytes().to_vec(),
        Kind::String => with_length(value.as_str()?.as_bytes()),
        Kind::Bytes => with_length(&bytes(value)?),
        Kind::UuidText => {
            let uuid = value.as_str().filter(|text| is_uuid(text))?;
            with_length(uuid.to_ascii_lowercase().as_bytes())
        }
        Kind::UuidBytes { with_length: true } => with_length(&fixed(value, 16)?),
        Kind::UuidBytes { with_length: false } => fixed(value, 16)?,
        Kind::Decimal { .. } if value.is_number() => decimal(kind, value)?,
        Kind::Decimal { fixed: None, .. } => {
            with_length(shortest(&bytes(value).filter(|bytes| !bytes.is_empty())?))
        }
        Kind::Decimal { fixed: Some(size), .. } | Kind::Fixed(size) => fixed(value, *size)?,
        Kind::Duration => fixed(value, 12)?,
        Kind::Enum(symbols) => count(symbols.iter().position(|symbol| value == symbol.as_str())?),
        kind => varint::bytes(integer(kind, value)?),
    })
}

/// Writes items as one block, if there are any, and the end of blocks.
fn blocks<T>(
    items: impl ExactSizeIterator<Item = T>,
    out: &mut Vec<u8>,
    write: impl Fn(T, &mut Vec<u8>) -> Result<(), FieldError>,
) -> Result<(), FieldError> {
    if items.len() > 0 {
        out.extend(count(items.len()));
        for item in items {
            write(item, out)?;
        }
    }
    out.push(0);
    Ok(())
}

/// Returns what stands in `{"TYPE": …}` of a union's branch.
fn named<'v>(branch: &Shape<'_>, value: &'v Value) -> Option<&'v Value> {
    let object: &Map<String, Value> = value.as_object().filter(|object| object.len() == 1)?;
    object.get(branch.kind.name())
}

/// Returns a whole number that fits the type.
pub(super) fn integer(kind: &Kind<'_>, value: &Value) -> Option<i64> {
    let is_int = matches!(kind, Kind::Int | Kind::Date | Kind::TimeMillis);
    value.as_i64().filter(|value| !is_int || i32::try_from(*value).is_ok())
}

/// Returns a decimal without its point, where it has no more digits than the type.
pub(super) fn unscaled(kind: &Kind<'_>, value: &Value) -> Option<i128> {
    let Kind::Decimal { precision, scale, .. } = kind else { return None };
    let unscaled = scaled(value.as_number()?, u32::try_from(*scale).ok()?)?;
    // All that 128 bits hold has fewer digits than what 10 to their power goes beyond.
    let beyond = u32::try_from(*precision).ok().and_then(|digits| 10_u128.checked_pow(digits));
    beyond.is_none_or(|beyond| unscaled.unsigned_abs() < beyond).then_some(unscaled)
}

/// Returns the bytes of a decimal that is written as a number.
fn decimal(kind: &Kind<'_>, value: &Value) -> Option<Vec<u8>> {
    let unscaled = unscaled(kind, value)?.to_be_bytes();
    let bytes = shortest(&unscaled);
    match kind {
        Kind::Decimal { fixed: Some(size), .. } => {
            let mut out = vec![0; *size];
            (bytes.len() <= *size).then(|| fixed_decimal(bytes, *size, &mut out, 0))?;
            Some(out)
        }
        _ => Some(with_length(bytes)),
    }
}

/// Returns whether a text is a UUID with its dashes (RFC 9562).
fn is_uuid(text: &str) -> bool {
    let is_in_place = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_in_place)
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    value.as_str()?.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

fn fixed(value: &Value, size: usize) -> Option<Vec<u8>> {
    bytes(value).filter(|bytes| bytes.len() == size)
}
