//! How a field is drawn, as its schema says beside it.
//!
//! Two properties are read, on the field or on its type: `arg.properties`, as Confluent's
//! avro-random-generator documents it, and `producer-load`, for what that lacks.

use serde_json::Map;
use serde_json::Value;

use super::CompileError;

/// Confluent's property.
pub(super) const THEIRS: &str = "arg.properties";

/// Our own property.
pub(super) const OURS: &str = "producer-load";

/// What is annotated at one place of the schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Annotation<'a> {
    path: &'a str,
    theirs: Option<&'a Map<String, Value>>,
    ours: Option<&'a Map<String, Value>>,
}

impl<'a> Annotation<'a> {
    /// Reads the annotations of a field and of its type; the type's wins.
    pub(super) fn read(
        path: &'a str,
        field: Option<&'a Value>,
        schema: &'a Value,
    ) -> Result<Self, CompileError> {
        let find = |name: &str| {
            let value = schema.get(name).or_else(|| field?.get(name));
            value.map(|value| value.as_object().ok_or_else(|| no_object(path, name))).transpose()
        };
        Ok(Self { path, theirs: find(THEIRS)?, ours: find(OURS)? })
    }

    /// Returns our annotation: its name and what it says.
    pub(super) fn ours(&self) -> Result<Option<(&'a str, &'a Value)>, CompileError> {
        let Some(ours) = self.ours else { return Ok(None) };
        let mut entries = ours.iter();
        match (entries.next(), entries.next()) {
            (Some((name, value)), None) => Ok(Some((name, value))),
            _ => Err(self.wrong(&format!("{OURS} takes exactly one property"))),
        }
    }

    /// Returns one of Confluent's properties.
    pub(super) fn theirs(&self, name: &str) -> Option<&'a Value> {
        self.theirs?.get(name)
    }

    /// Refuses those of Confluent's properties that are not among `known`.
    pub(super) fn refuse_others(&self, known: &[&str]) -> Result<(), CompileError> {
        let mut names = self.theirs.into_iter().flat_map(Map::keys);
        match names.find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                Err(self.wrong(&format!("{THEIRS}.{name} cannot be honoured for this type yet")))
            }
            None => Ok(()),
        }
    }

    /// Makes the error that says what is wrong here.
    pub(super) fn wrong(&self, what: &str) -> CompileError {
        CompileError::Annotation { path: self.path.to_owned(), what: what.to_owned() }
    }

    /// Returns a property of `value` that must be a string.
    pub(super) fn text(&self, value: &'a Value, name: &str) -> Result<&'a str, CompileError> {
        let text = value.get(name).and_then(Value::as_str);
        text.ok_or_else(|| self.wrong(&format!("'{name}' must be a string")))
    }

    /// Returns a property of `value` that must be a whole number if it is there.
    pub(super) fn whole(
        &self,
        value: &Value,
        name: &str,
        otherwise: u64,
    ) -> Result<u64, CompileError> {
        let Some(number) = value.get(name) else { return Ok(otherwise) };
        number.as_u64().ok_or_else(|| self.wrong(&format!("'{name}' must be a whole number")))
    }

    /// Returns `min` and `max` of a range of numbers.
    pub(super) fn bounds(&self, range: &Value) -> Result<(f64, f64), CompileError> {
        let bound =
            |name| range.get(name).and_then(Value::as_f64).filter(|bound| bound.is_finite());
        match (bound("min"), bound("max")) {
            (Some(min), Some(max)) if min < max => Ok((min, max)),
            _ => Err(self.wrong("a range has numbers 'min' and 'max', the first below the second")),
        }
    }

    /// Returns `min` and `max` of a range of integers.
    pub(super) fn whole_bounds(&self, range: &Value) -> Result<(i64, i64), CompileError> {
        let bound = |name| range.get(name).and_then(Value::as_i64);
        match (bound("min"), bound("max")) {
            (Some(min), Some(max)) if min <= max => Ok((min, max)),
            _ => Err(self.wrong("a range has integers 'min' and 'max', the first not above")),
        }
    }
}

fn no_object(path: &str, name: &str) -> CompileError {
    CompileError::Annotation { path: path.to_owned(), what: format!("{name} must be an object") }
}
