//! Values that a schema writes down, such as options, as AVRO's bytes.
//!
//! A value is written as AVRO's specification has it for defaults and JSON encoding: bytes as
//! characters up to U+00FF. A union takes the branch that the value names as `{"string": "x"}` or
//! `{"n.Point": {"x": 1}}`, or else the first one that it fits.

use serde_json::Value;

use super::digits;
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
        Kind::Union(branches) => out.extend(branch_of(shape, branches, value)?),
        Kind::Record(fields) => {
            let given = value.as_object().ok_or_else(wrong)?;
            if let Some(name) = given.keys().find(|name| !fields.iter().any(|f| f.name == **name)) {
                let what = format!("{value} has '{name}', which is no field of the record");
                return Err(FieldError::new(&shape.path, what));
            }
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
        Kind::Decimal { precision, fixed: size, .. } => {
            let bytes = bytes(value).filter(|bytes| digits::has_at_most(bytes, *precision))?;
            match size {
                Some(size) => Some(bytes).filter(|bytes| bytes.len() == *size)?,
                None => with_length(shortest(Some(&bytes).filter(|bytes| !bytes.is_empty())?)),
            }
        }
        Kind::Fixed(size) => fixed(value, *size)?,
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

/// Returns the number of the branch that a value is of, and its bytes.
fn branch_of(
    shape: &Shape<'_>,
    branches: &[Shape<'_>],
    value: &Value,
) -> Result<Vec<u8>, FieldError> {
    let encoded =
        |at: usize, value: &Value| Ok([count(at), encode(&branches[at], value)?].concat());
    let (name, inner) = named(value).unwrap_or(("", value));
    let by_name = called(branches, name).into_iter().map(|at| encoded(at, inner));
    let (mut fitting, refused): (Vec<_>, Vec<_>) = by_name.partition(Result::is_ok);
    if fitting.len() > 1 {
        let what = format!("'{name}' is the name of several branches; give it its namespace");
        return Err(FieldError::new(&shape.path, what));
    }
    let of_value = || (0..branches.len()).map(|at| encoded(at, value)).find(Result::is_ok);
    let found = fitting.pop().or_else(of_value).or_else(|| refused.into_iter().next());
    found.unwrap_or_else(|| {
        let names: Vec<_> = branches.iter().map(Shape::type_name).collect();
        let what = format!("{value} fits no branch of the union: {}", names.join(", "));
        Err(FieldError::new(&shape.path, what))
    })
}

/// Returns the name of a type and what stands behind it in `{"TYPE": …}`.
fn named(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(name, inner)| (name.as_str(), inner))
}

/// Returns the branches of a name: the one that AVRO's JSON encoding calls so, or else those that
/// are called so without their namespace or after what they are, such as `timestamp-millis`.
fn called(branches: &[Shape<'_>], name: &str) -> Vec<usize> {
    let of = |is_called: &dyn Fn(&Shape<'_>) -> bool| -> Vec<usize> {
        (0..branches.len()).filter(|at| is_called(&branches[*at])).collect()
    };
    let exactly = of(&|branch| branch.type_name() == name);
    let is_nearly = |branch: &Shape<'_>| {
        branch.kind.name() == name || branch.name.is_some_and(|own| own.name() == name)
    };
    if exactly.is_empty() { of(&is_nearly) } else { exactly }
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
