//! Strings and bytes: lengths, patterns, prefixes.

use serde_json::Map;
use serde_json::Value;

use crate::program::op::Affixed;
use crate::program::op::Form;
use crate::program::op::Inner;
use crate::program::op::Op;
use crate::program::op::Range;
use crate::program::pattern;
use crate::program::pattern::Pattern;
use crate::program::said::Place;
use crate::schema::FieldError;
use crate::schema::THEIRS;

/// The longest string or bytes, and the most items of an array.
const LENGTH_MAX: u64 = 32 * 1024;

/// Lengths where nothing is said, as avro-random-generator has it: 8 up to but not including 16.
const LENGTH: Range = Range { low: 8, span: 8 };

/// How much longer than its `min` something may be that has no `max`.
const BEYOND_MIN: u64 = 15;

type Theirs<'a> = Option<&'a Map<String, Value>>;

/// Returns the range of a length: a number, or `min` up to but not including `max`.
pub(super) fn length(said: Theirs<'_>, place: Place<'_>) -> Result<Range, FieldError> {
    Ok(length_if_said(said, place)?.unwrap_or(LENGTH))
}

fn length_if_said(said: Theirs<'_>, place: Place<'_>) -> Result<Option<Range>, FieldError> {
    let Some(said) = said.and_then(|said| said.get("length")) else { return Ok(None) };
    let wrong = || {
        place.wrong(format!(
            "'length' is a number, or has 'min' below 'max' (which is not reached itself), up to \
             {LENGTH_MAX}"
        ))
    };
    let bound = |value: &Value| value.as_u64().filter(|length| *length <= LENGTH_MAX);
    let (min, last) = if let Some(length) = bound(said) {
        (length, length)
    } else {
        let object = said.as_object().filter(|object| !object.is_empty()).ok_or_else(wrong)?;
        place.only(object, &["min", "max"], "'length'")?;
        let min = object.get("min").map_or(Some(0), bound).ok_or_else(wrong)?;
        let last = match object.get("max") {
            None => Some(min + BEYOND_MIN),
            Some(max) => bound(max).and_then(|max| max.checked_sub(1)),
        };
        (min, last.filter(|last| min <= *last).ok_or_else(wrong)?)
    };
    Ok(Some(Range::inclusive(min.cast_signed(), last.cast_signed())))
}

/// Returns a string as `regex`, `length`, `prefix` and `suffix` say; `cost` is what the schema's
/// expressions cost so far.
pub(super) fn string(
    said: Theirs<'_>,
    cost: &mut usize,
    place: Place<'_>,
) -> Result<Op, FieldError> {
    let Some(map) = said else { return Ok(Op::Letters { length: LENGTH }) };
    place.only(map, &["length", "regex", "prefix", "suffix"], THEIRS)?;
    let length = length_if_said(said, place)?;
    let inner = match place.text(map, "regex")? {
        None => Inner::Letters(length.unwrap_or(LENGTH)),
        Some(regex) => {
            let is_least = map.get("length").is_some_and(Value::is_number);
            let pattern = pattern(regex, length, is_least)
                .map_err(|what| place.wrong(format!("regex '{regex}': {what}")))?;
            *cost += pattern.cost();
            if *cost > pattern::COST_MAX {
                let what = "the schema's expressions are too many or too complex together from \
                            this one on";
                return Err(place.wrong(what));
            }
            Inner::Pattern(pattern)
        }
    };
    let (prefix, suffix) = affixes(map, place)?;
    Ok(match inner {
        Inner::Letters(length) if prefix.is_empty() && suffix.is_empty() => Op::Letters { length },
        inner => Op::Pattern(Affixed { prefix, suffix, inner }.into()),
    })
}

/// Compiles an expression for strings of these lengths. A number alone is the least length (README
/// of avro-random-generator, "string"), which its own code makes all strings be: here those that
/// can.
fn pattern(regex: &str, length: Option<Range>, is_least: bool) -> Result<Pattern, String> {
    let bound = |bound: i64| usize::try_from(bound).unwrap_or_default();
    let lengths = length.map(|length| bound(length.low)..=bound(length.last()));
    let least = length.filter(|_| is_least).map(|length| bound(length.low));
    Pattern::compile(regex, lengths).or_else(|what| match least {
        Some(least) => Pattern::compile(regex, Some(least..=pattern::LENGTH_MAX)),
        None => Err(what),
    })
}

/// Returns the form of a number that is written as text.
pub(super) fn counted(said: &Map<String, Value>, place: Place<'_>) -> Result<Form, FieldError> {
    let (prefix, suffix) = affixes(said, place)?;
    let digits = usize::try_from(place.count(said, "digits", 0, 0..=20)?).unwrap_or_default();
    Ok(Form::Text { prefix, digits, suffix })
}

/// A prefix and a suffix.
type Affixes = (Box<[u8]>, Box<[u8]>);

fn affixes(said: &Map<String, Value>, place: Place<'_>) -> Result<Affixes, FieldError> {
    let affix = |name| {
        let text = place.text(said, name)?.unwrap_or_default();
        if text.len() as u64 > LENGTH_MAX {
            return Err(place.wrong(format!("'{name}' has at most {LENGTH_MAX} bytes")));
        }
        Ok(text.as_bytes().into())
    };
    Ok((affix("prefix")?, affix("suffix")?))
}
