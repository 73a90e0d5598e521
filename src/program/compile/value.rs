//! Values of the other kinds, from both kinds of annotation.

use serde_json::Value;

use super::super::CompileError;
use super::super::annotation::Annotation;
use super::super::draw::REGISTER_UNUSED;
use super::super::op::Choice;
use super::super::op::Literal;
use super::super::op::Op;
use super::super::op::Uniform;
use super::super::source::SourceField;
use super::super::varint;
use super::integer;
use super::string_bytes;

/// The largest `fixed`, in bytes.
const FIXED_BYTES_MAX: u64 = 32 * 1024;

/// Returns the range of a floating number; without one it is 0 to 1.
pub(super) fn uniform(annotation: &Annotation<'_>) -> Result<Uniform, CompileError> {
    annotation.refuse_others(&["range"])?;
    let (min, max) = match annotation.theirs("range") {
        Some(range) => annotation.bounds(range)?,
        None => (0.0, 1.0),
    };
    Ok(Uniform { low: min, span: max - min })
}

/// Returns a boolean that is true with `odds`, without which it is true half the time.
pub(super) fn boolean(annotation: &Annotation<'_>) -> Result<Op, CompileError> {
    annotation.refuse_others(&["odds"])?;
    let odds = match annotation.theirs("odds") {
        Some(odds) => odds.as_f64().filter(|odds| (0.0..=1.0).contains(odds)),
        None => Some(0.5),
    };
    let odds = odds.ok_or_else(|| annotation.wrong("odds are a number of 0 to 1"))?;
    let options = vec![Literal::new(&[1], 1), Literal::new(&[0], 0)];
    Ok(Op::Choice(choice(options, &[odds, 1.0 - odds], REGISTER_UNUSED)))
}

/// Returns the size of a fixed.
pub(super) fn fixed_size(
    schema: &Value,
    annotation: &Annotation<'_>,
) -> Result<usize, CompileError> {
    annotation.refuse_others(&[])?;
    let size = schema["size"].as_u64().filter(|size| *size <= FIXED_BYTES_MAX);
    let size = size.and_then(|size| usize::try_from(size).ok());
    size.ok_or_else(|| annotation.wrong("a fixed has at most 32768 bytes"))
}

/// Returns a choice among options of equal weight.
pub(super) fn options(
    options: &Value,
    name: &str,
    annotation: &Annotation<'_>,
    register: u8,
) -> Result<Choice, CompileError> {
    let options = options.as_array().filter(|options| !options.is_empty());
    let options =
        options.ok_or_else(|| annotation.wrong("options are a list, not an empty one"))?;
    let encoded = options.iter().map(|option| literal(option, name, annotation));
    let encoded = encoded.collect::<Result<Vec<_>, _>>()?;
    let weights = vec![1.0; encoded.len()];
    Ok(choice(encoded, &weights, register))
}

/// Returns a choice among `[{"value": …, "weight": …}, …]`.
pub(super) fn weighted(
    said: &Value,
    name: &str,
    annotation: &Annotation<'_>,
    register: u8,
) -> Result<Choice, CompileError> {
    let entries = said.as_array().filter(|entries| !entries.is_empty());
    let entries =
        entries.ok_or_else(|| annotation.wrong("a choice is a list, not an empty one"))?;
    let (mut encoded, mut weights) = (Vec::new(), Vec::new());
    for entry in entries {
        let weight = entry["weight"].as_f64().filter(|weight| *weight > 0.0 && weight.is_finite());
        weights.push(weight.ok_or_else(|| annotation.wrong("'weight' must be above 0"))?);
        encoded.push(literal(&entry["value"], name, annotation)?);
    }
    Ok(choice(encoded, &weights, register))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2^32")]
fn choice(options: Vec<Literal>, weights: &[f64], register: u8) -> Choice {
    let total: f64 = weights.iter().sum();
    let up_to = weights.iter().scan(0.0, |sum, weight| {
        *sum += weight;
        Some((*sum / total * 4_294_967_296.0).round() as u64)
    });
    Choice { up_to: up_to.collect(), options: options.into(), register }
}

/// Encodes a value that is written in the schema; also returns it as an integer, where it is one.
fn literal(
    value: &Value,
    name: &str,
    annotation: &Annotation<'_>,
) -> Result<Literal, CompileError> {
    let wrong = || annotation.wrong(&format!("{value} is no value of type {name}"));
    match name {
        "string" => Ok(Literal::new(&string_bytes(value.as_str().ok_or_else(wrong)?), 0)),
        "int" | "long" => {
            let integer = value.as_i64().filter(|v| name == "long" || i32::try_from(*v).is_ok());
            let integer = integer.ok_or_else(wrong)?;
            Ok(Literal::new(&varint::bytes(integer), integer))
        }
        "double" => Ok(Literal::new(&value.as_f64().ok_or_else(wrong)?.to_le_bytes(), 0)),
        "boolean" => {
            let truth = value.as_bool().ok_or_else(wrong)?;
            Ok(Literal::new(&[u8::from(truth)], i64::from(truth)))
        }
        _ => Err(annotation.wrong(&format!("options of type {name} cannot be made yet"))),
    }
}

/// Returns a field that follows from the source.
pub(super) fn source_field(
    said: &Value,
    name: &str,
    annotation: &Annotation<'_>,
) -> Result<SourceField, CompileError> {
    if let Some(options) = said.get("options") {
        let choice = options_of(options, name, annotation)?;
        return Ok(SourceField::Options(choice));
    }
    if let Some(range) = said.get("range") {
        return match name {
            "double" => {
                let (min, max) = annotation.bounds(range)?;
                Ok(SourceField::Double(Uniform { low: min, span: max - min }))
            }
            "int" | "long" => {
                let (min, max) = annotation.whole_bounds(range)?;
                Ok(SourceField::Integer(integer::inclusive(min, max)))
            }
            _ => Err(annotation.wrong(&format!("a range per source does not go with {name}"))),
        };
    }
    let divisor = annotation.whole(said, "divisor", 1)?.max(1);
    match name {
        "string" => Ok(SourceField::Text {
            prefix: annotation.text(said, "prefix")?.into(),
            digits: usize::try_from(annotation.whole(said, "digits", 0)?.min(20)).unwrap_or(0),
            divisor,
        }),
        "int" | "long" => {
            let first = annotation.whole(said, "first", 0)?;
            Ok(SourceField::Number { divisor, first: first.cast_signed() })
        }
        _ => Err(annotation.wrong(&format!("a source's number does not go with {name}"))),
    }
}

fn options_of(
    said: &Value,
    name: &str,
    annotation: &Annotation<'_>,
) -> Result<Box<[Box<[u8]>]>, CompileError> {
    let choice = options(said, name, annotation, REGISTER_UNUSED)?;
    Ok(choice.options.iter().map(Literal::to_bytes).collect())
}
