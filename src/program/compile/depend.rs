//! Fields that others depend on: where their values are kept while a record is made.

use serde_json::Value;

use super::Compiler;
use crate::program::draw::REGISTERS_MAX;
use crate::program::literal;
use crate::program::op::Choice;
use crate::program::op::Literal;
use crate::program::op::Pick;
use crate::program::said::Place;
use crate::schema::FieldError;
use crate::schema::Kind;
use crate::schema::Shape;
use crate::schema::join;

/// A field that others depend on.
#[derive(Debug)]
pub(super) struct Known {
    path: String,
    pub(super) register: u8,
    /// What its numbers stand for, where it is a text: each text's place in this list.
    texts: Vec<String>,
    bounds: Option<(i128, i128)>,
    /// Whether it is the same in all steps of a lifecycle.
    pub(super) is_shared: bool,
}

impl Known {
    /// Notes which numbers it can be.
    pub(super) fn widen(&mut self, min: i128, max: i128) {
        let (least, most) = self.bounds.unwrap_or((min, max));
        self.bounds = Some((least.min(min), most.max(max)));
    }

    /// Returns the least and greatest number that it can be.
    pub(super) fn bounds(&self) -> (i128, i128) {
        self.bounds.unwrap_or_default()
    }

    /// Returns the number of a text, which it gets if it has none yet.
    fn number_of(&mut self, text: &str) -> i64 {
        let known = self.texts.iter().position(|known| known == text);
        let place = known.unwrap_or_else(|| {
            self.texts.push(text.to_owned());
            self.texts.len() - 1
        });
        place.cast_signed() as i64
    }
}

/// Finds every field that another one names.
pub(super) fn find(shape: &Shape<'_>) -> Result<Vec<Known>, FieldError> {
    let mut found = Vec::new();
    find_below(shape, "", &mut found)?;
    Ok(found)
}

fn find_below(shape: &Shape<'_>, record: &str, found: &mut Vec<Known>) -> Result<(), FieldError> {
    for said in shape.ours.iter().flat_map(|ours| ours.values()) {
        find_named(said, record, found)?;
    }
    match &shape.kind {
        Kind::Array(inner) | Kind::Map(inner) => find_below(inner, record, found),
        Kind::Union(branches) => {
            branches.iter().try_for_each(|branch| find_below(branch, record, found))
        }
        Kind::Record(fields) => {
            fields.iter().try_for_each(|field| find_below(&field.shape, &shape.path, found))
        }
        _ => Ok(()),
    }
}

/// Finds `"field"` and `"times"` at any depth of what is said.
fn find_named(said: &Value, record: &str, found: &mut Vec<Known>) -> Result<(), FieldError> {
    match said {
        Value::Object(object) => {
            for (name, value) in object {
                match value.as_str().filter(|_| name == "field" || name == "times") {
                    Some(field) => name_field(&join(record, field), found)?,
                    None => find_named(value, record, found)?,
                }
            }
            Ok(())
        }
        Value::Array(list) => list.iter().try_for_each(|said| find_named(said, record, found)),
        _ => Ok(()),
    }
}

fn name_field(path: &str, found: &mut Vec<Known>) -> Result<(), FieldError> {
    if found.iter().any(|known| known.path == path) {
        return Ok(());
    }
    let register = u8::try_from(found.len()).unwrap_or(u8::MAX);
    if usize::from(register) >= REGISTERS_MAX {
        let what = format!("at most {REGISTERS_MAX} fields can have others depend on them");
        return Err(FieldError::new(path, what));
    }
    found.push(Known {
        path: path.to_owned(),
        register,
        texts: Vec::new(),
        bounds: None,
        is_shared: true,
    });
    Ok(())
}

impl Compiler<'_> {
    /// Returns the place of a field among those that others depend on.
    pub(super) fn depended_at(&self, path: &str) -> Option<usize> {
        self.depended.iter().position(|known| known.path == path)
    }

    /// Returns the field that an annotation at `place` names, which has to be written by then.
    pub(super) fn depends_on(&self, name: &str, place: Place<'_>) -> Result<&Known, FieldError> {
        // The record is the path up to the field's own name, with nothing of arrays behind it.
        let own = place.path.trim_end_matches("[]").trim_end_matches("{}");
        let record = own.rsplit_once('.').map_or("", |(record, _)| record);
        let path = join(record, name);
        let written = self.written.iter().map(|&at| &self.depended[at]);
        let mut known = written.filter(|known| known.path == path);
        let known = known.next().ok_or_else(|| {
            let what = format!(
                "there is no field {name} before it in every record, or none that others can \
                 depend on (an integer, an enum, options or a choice)"
            );
            place.wrong(what)
        })?;
        if self.is_once && !known.is_shared {
            let what = format!("'once' cannot follow {name}, which is not the same in all steps");
            return Err(place.wrong(what));
        }
        Ok(known)
    }

    /// Returns the number that a case of a `by` stands for.
    pub(super) fn case(known: &Known, text: &str, place: Place<'_>) -> Result<i64, FieldError> {
        if known.texts.is_empty() {
            return match text {
                "true" => Ok(1),
                "false" => Ok(0),
                text => text.parse().map_err(|_| {
                    place.wrong(format!("case '{text}' is no integer, true or false"))
                }),
            };
        }
        let number = known.texts.iter().position(|known| known == text);
        let number = number.ok_or_else(|| {
            let texts = known.texts.join(", ");
            place.wrong(format!("{} is never '{text}'; it is: {texts}", known.path))
        })?;
        Ok(number.cast_signed() as i64)
    }

    /// Returns how many different texts a field can be, where it is a text.
    pub(super) fn texts(known: &Known) -> usize {
        known.texts.len()
    }

    /// Makes a choice whose value others depend on.
    pub(super) fn choice_of(
        &mut self,
        at: usize,
        shape: &Shape<'_>,
        options: &[(&Value, Vec<u8>)],
        pick: Pick,
    ) -> Result<Choice, FieldError> {
        let known = &mut self.depended[at];
        if let Kind::Enum(symbols) = &shape.kind {
            for symbol in *symbols {
                known.number_of(symbol);
            }
        }
        let mut literals = Vec::new();
        for (value, bytes) in options {
            let number = match value {
                Value::String(text) => known.number_of(text),
                Value::Bool(truth) => i64::from(*truth),
                value => Self::number(shape, value).ok_or_else(|| {
                    let what = "others depend on it, so its values must be texts or integers";
                    FieldError::new(&shape.path, what)
                })?,
            };
            known.widen(number.into(), number.into());
            literals.push(Literal::new(bytes, number));
        }
        let register = known.register;
        self.note_written(at);
        Ok(Choice { pick, options: literals.into(), register })
    }

    /// Returns the integer that a number counts as: a decimal's digits without its point.
    fn number(shape: &Shape<'_>, value: &Value) -> Option<i64> {
        match &shape.kind {
            kind @ Kind::Decimal { .. } => literal::unscaled(kind, value)?.try_into().ok(),
            _ => value.as_i64(),
        }
    }

    /// Notes that a field that others depend on is written from here on.
    pub(super) fn note_written(&mut self, at: usize) {
        self.depended[at].is_shared &= self.is_once || self.is_of_source;
        self.written.push(at);
    }

    /// Notes that an enum's symbol is written now, whose number is its place.
    pub(super) fn write_enum(&mut self, shape: &Shape<'_>, symbols: &[String]) -> u8 {
        let last = symbols.len() as i128 - 1;
        if let Some(at) = self.depended_at(&shape.path) {
            for symbol in symbols {
                self.depended[at].number_of(symbol);
            }
        }
        self.write(&shape.path, 0, last)
    }
}
