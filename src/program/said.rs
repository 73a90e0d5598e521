//! What a schema says about how a value is drawn, and what it may say.
//!
//! Three ways: `arg.properties`, as Confluent's avro-random-generator documents it; our own
//! `producer-load`, which takes exactly one way of drawing; and, inside of that, a value itself.

use std::ops::RangeInclusive;

use serde_json::Map;
use serde_json::Value;

use crate::schema::FieldError;
use crate::schema::OURS;
use crate::schema::Shape;
use crate::schema::THEIRS;

/// The ways of drawing that `producer-load` knows.
pub(super) const WAYS: [&str; 15] = [
    "by",
    "choice",
    "counter",
    "day-curve",
    "event-time",
    "id",
    "lifecycle",
    "log-normal",
    "normal",
    "odds",
    "once",
    "range",
    "source",
    "step",
    "times",
];

/// How a value is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said<'a> {
    /// As its type has it.
    Nothing,
    /// As `arg.properties` says.
    Theirs(&'a Map<String, Value>),
    /// As `producer-load` says: the way, and what goes with it.
    Ours(&'a str, &'a Value),
    /// It is this value.
    Literal(&'a Value),
}

impl<'a> Said<'a> {
    /// Reads what stands beside a type.
    pub(super) fn of(shape: &Shape<'a>) -> Result<Self, FieldError> {
        match (shape.ours, shape.theirs.filter(|theirs| !theirs.is_empty())) {
            (Some(_), Some(_)) => {
                let what = format!("both {OURS} and {THEIRS} say how it is drawn; keep one");
                Err(FieldError::new(&shape.path, what))
            }
            (Some(ours), None) => Self::way(ours, &shape.path),
            (None, Some(theirs)) => Ok(Self::Theirs(theirs)),
            (None, None) => Ok(Self::Nothing),
        }
    }

    /// Reads how a case, a step or an inner value is drawn.
    pub(super) fn inner(value: &'a Value, path: &str) -> Result<Self, FieldError> {
        let Some(object) = value.as_object() else { return Ok(Self::Literal(value)) };
        if let Some(theirs) = object.get(THEIRS).and_then(Value::as_object) {
            Place { path }.only(object, &[THEIRS], "what is drawn by it")?;
            return Ok(Self::Theirs(theirs));
        }
        if let Some(value) = object.get("value").filter(|_| object.len() == 1) {
            return Ok(Self::Literal(value));
        }
        // Bounds alone are a range.
        if !object.is_empty() && object.keys().all(|key| BOUNDS.contains(&key.as_str())) {
            return Ok(Self::Ours("range", value));
        }
        if object.keys().any(|key| WAYS.contains(&key.as_str())) {
            return Self::way(object, path);
        }
        Ok(Self::Literal(value))
    }

    fn way(ours: &'a Map<String, Value>, path: &str) -> Result<Self, FieldError> {
        let mut entries = ours.iter();
        let (Some((way, value)), None) = (entries.next(), entries.next()) else {
            return Err(FieldError::new(path, format!("{OURS} takes exactly one way of drawing")));
        };
        if !WAYS.contains(&way.as_str()) {
            let known = WAYS.join(", ");
            return Err(FieldError::new(
                path,
                format!("{OURS} has no way '{way}'; known: {known}"),
            ));
        }
        Ok(Self::Ours(way, value))
    }
}

const BOUNDS: [&str; 3] = ["min", "max", "decimals"];

/// Reads parts of an annotation at one place, and makes errors that name it.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) path: &'p str,
}

impl Place<'_> {
    /// Makes the error that says what is wrong here.
    pub(super) fn wrong(self, what: impl Into<String>) -> FieldError {
        FieldError::new(self.path, what)
    }

    /// Refuses properties that are not among `known`, because they would have no effect.
    pub(super) fn only(
        self,
        map: &Map<String, Value>,
        known: &[&str],
        what: &str,
    ) -> Result<(), FieldError> {
        match map.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(self.wrong(format!("{what} does not take '{name}'; it takes: {known}")))
            }
            None => Ok(()),
        }
    }

    /// Returns the object that a way takes, with nothing in it but what it knows.
    pub(super) fn object<'a>(
        self,
        value: &'a Value,
        known: &[&str],
        way: &str,
    ) -> Result<&'a Map<String, Value>, FieldError> {
        let object = value.as_object();
        let object = object.ok_or_else(|| self.wrong(format!("'{way}' takes an object")))?;
        self.only(object, known, &format!("'{way}'"))?;
        Ok(object)
    }

    /// Returns a finite number, if it is there.
    pub(super) fn number(
        self,
        object: &Map<String, Value>,
        name: &str,
    ) -> Result<Option<f64>, FieldError> {
        let Some(value) = object.get(name) else { return Ok(None) };
        let number = value.as_f64().filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| self.wrong(format!("'{name}' must be a number")))
    }

    /// Returns an integer of 64 bits, if it is there.
    pub(super) fn integer(
        self,
        object: &Map<String, Value>,
        name: &str,
    ) -> Result<Option<i64>, FieldError> {
        let Some(value) = object.get(name) else { return Ok(None) };
        value
            .as_i64()
            .map(Some)
            .ok_or_else(|| self.wrong(format!("'{name}' must be a whole number")))
    }

    /// Returns a whole number within these bounds, or else `otherwise`.
    pub(super) fn count(
        self,
        object: &Map<String, Value>,
        name: &str,
        otherwise: u64,
        bounds: RangeInclusive<u64>,
    ) -> Result<u64, FieldError> {
        let Some(value) = object.get(name) else { return Ok(otherwise) };
        value.as_u64().filter(|count| bounds.contains(count)).ok_or_else(|| {
            let (min, max) = (bounds.start(), bounds.end());
            self.wrong(format!("'{name}' must be a whole number of {min} to {max}"))
        })
    }

    /// Returns a text, if it is there.
    pub(super) fn text<'a>(
        self,
        object: &'a Map<String, Value>,
        name: &str,
    ) -> Result<Option<&'a str>, FieldError> {
        let Some(value) = object.get(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong(format!("'{name}' must be a string")))
    }

    /// Returns a list that is not empty.
    pub(super) fn list<'a>(self, value: &'a Value, what: &str) -> Result<&'a [Value], FieldError> {
        let list = value.as_array().filter(|list| !list.is_empty());
        list.map(Vec::as_slice)
            .ok_or_else(|| self.wrong(format!("{what} takes a list, not an empty one")))
    }
}
