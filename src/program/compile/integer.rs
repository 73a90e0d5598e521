//! Ranges of integers and lengths, from `arg.properties`.

use serde_json::Value;

use super::super::CompileError;
use super::super::annotation::Annotation;
use super::super::op::Range;

/// The longest string or bytes that a `length` may ask for.
const LENGTH_MAX: i64 = 32 * 1024;

/// How wide an integer is.
#[derive(Clone, Copy)]
pub(super) enum Width {
    Int,
    Long,
}

/// Returns the range from `min` to `max`, both within it.
pub(super) const fn inclusive(min: i64, max: i64) -> Range {
    Range { low: min, span: max.wrapping_sub(min).cast_unsigned().wrapping_add(1) }
}

/// Returns the range of an integer: `range.min` up to but not including `range.max`, as
/// avro-random-generator has it; without one every value of the type.
pub(super) fn range(annotation: &Annotation<'_>, width: Width) -> Result<Range, CompileError> {
    annotation.refuse_others(&["range"])?;
    let (least, most) = match width {
        Width::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Width::Long => (i64::MIN, i64::MAX),
    };
    let Some(said) = annotation.theirs("range") else { return Ok(inclusive(least, most)) };
    let bound = |name: &str, otherwise| match said.get(name) {
        None => Ok(otherwise),
        Some(value) => {
            let bound = value.as_i64().filter(|bound| (least..=most).contains(bound));
            bound.ok_or_else(|| annotation.wrong(&format!("range.{name} is no value of the type")))
        }
    };
    let (min, max) = (bound("min", least)?, bound("max", most)?);
    if min >= max {
        return Err(annotation.wrong("range.min must be below range.max"));
    }
    Ok(inclusive(min, max - 1))
}

/// Returns the range of a length: a number, or `min` up to but not including `max`.
pub(super) fn length(annotation: &Annotation<'_>, otherwise: Range) -> Result<Range, CompileError> {
    annotation.refuse_others(&["length"])?;
    let Some(said) = annotation.theirs("length") else { return Ok(otherwise) };
    let bound = |value: &Value| value.as_i64().filter(|length| (0..=LENGTH_MAX).contains(length));
    let (min, last) = if let Some(length) = bound(said) {
        (Some(length), Some(length))
    } else {
        let last = bound(&said["max"]).map(|max| max - 1);
        (said.get("min").map_or(Some(0), bound), last)
    };
    match (min, last) {
        (Some(min), Some(last)) if min <= last => Ok(inclusive(min, last)),
        _ => Err(annotation.wrong("length is a number or has 'min' below 'max', up to 32768")),
    }
}
