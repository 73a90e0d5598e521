//! An event's AVRO schema: parsed once, registered as written.
//!
//! What goes to Pulsar's registry is the file's own text. The canonical form and a serialised
//! parsed schema can drop `logicalType`, which consumers rely on.

use std::fmt;

use apache_avro::Schema;
use serde::Serialize;
use serde_json::Value;

mod faulty;
mod kind;
mod options;
mod shape;

pub use kind::Kind;
pub use options::OptionsError;
pub use options::inline_options;
pub use shape::Field;
pub use shape::FieldError;
pub use shape::OURS;
pub use shape::Shape;
pub use shape::THEIRS;
pub use shape::join;

/// The properties that say how a field is drawn; what they mean is `program`'s to know.
const ANNOTATIONS: [&str; 2] = [THEIRS, OURS];

/// How records are written, and which type of schema is registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Bare AVRO datums.
    #[default]
    Avro,
    /// JSON text, with the same schema.
    Json,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avro => "avro",
            Self::Json => "json",
        })
    }
}

/// Says why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The text is not an AVRO schema.
    #[error("the schema of {name} cannot be parsed{}: {source}", at(.path))]
    Unparsable {
        /// The domain or file.
        name: String,
        /// The field that it is about; empty: none.
        path: String,
        /// What the parser says.
        source: Box<apache_avro::Error>,
    },
    /// The text is no JSON.
    #[error("the schema of {name} is no JSON: {source}")]
    NotJson {
        /// The domain or file.
        name: String,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// Pulsar takes records only; this schema is something else.
    #[error("the schema of {name} is not a record, and Pulsar registers nothing else")]
    NotARecord {
        /// The domain or file.
        name: String,
    },
}

/// A schema and the text that it came from.
#[derive(Clone, Debug)]
pub struct EventSchema {
    origin: String,
    name: String,
    registered: String,
    annotated: Value,
    parsed: Schema,
}

impl EventSchema {
    /// Parses the text of an `.avsc` file; `origin` names it in errors.
    ///
    /// # Errors
    /// When the text is not AVRO (specification 1.12, "Schema Declaration").
    pub fn parse(origin: &str, text: &str) -> Result<Self, SchemaError> {
        let annotated: Value = serde_json::from_str(&without_comments(text))
            .map_err(|source| SchemaError::NotJson { name: origin.to_owned(), source })?;
        let parsed = Schema::parse(&annotated).map_err(|source| {
            let path = faulty::faulty_field(&annotated);
            SchemaError::Unparsable { name: origin.to_owned(), path, source: Box::new(source) }
        })?;
        let mut registered = annotated.clone();
        strip(&mut registered);
        let name = parsed.name().map_or(origin, |name| name.name());
        Ok(Self {
            origin: origin.to_owned(),
            name: name.to_owned(),
            registered: registered.to_string(),
            annotated,
            parsed,
        })
    }

    /// Checks that it is a record, as events in Pulsar are.
    ///
    /// # Errors
    /// When it is not.
    pub fn of_records(self) -> Result<Self, SchemaError> {
        match &self.parsed {
            Schema::Record(_) => Ok(self),
            _ => Err(SchemaError::NotARecord { name: self.origin }),
        }
    }

    /// Returns its types with their names resolved, each beside how it is drawn.
    ///
    /// # Errors
    /// Names the place of what is recursive, too deep or too large.
    pub fn shape(&self) -> Result<Shape<'_>, FieldError> {
        shape::lay_out(&self.parsed, &self.annotated)
    }

    /// Returns the domain or file that it came from.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the record's name without its namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what is registered with the broker.
    #[must_use]
    pub fn registered_text(&self) -> &str {
        &self.registered
    }

    /// Returns the parsed schema.
    #[must_use]
    pub const fn parsed(&self) -> &Schema {
        &self.parsed
    }
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" at {path}") }
}

/// Blanks comments out, which Java's AVRO allows; lines and columns stay what they are.
fn without_comments(text: &str) -> String {
    let mut plain = text.to_owned();
    // What is no comment, such as a text without an end, is for the parser to tell.
    json_strip_comments::strip(&mut plain).ok();
    plain
}

/// Removes the annotations, but not what only looks like one in a default value.
fn strip(schema: &mut Value) {
    match schema {
        Value::Array(branches) => branches.iter_mut().for_each(strip),
        Value::Object(object) => {
            object.retain(|name, _| !ANNOTATIONS.contains(&name.as_str()));
            let places = object.iter_mut().filter(|(name, _)| *name != "default");
            places.for_each(|(_, value)| strip(value));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_text_keeps_all_but_the_annotations() {
        let text = r#"{"type":"record","name":"R","doc":"d","fields":[{"name":"time","type":
            {"type":"long","logicalType":"timestamp-millis","producer-load":{"event-time":true}}},
            {"name":"x","type":"int","arg.properties":{"range":{"min":1}},"default":3}]}"#;
        let schema = EventSchema::parse("test", text).unwrap();
        assert_eq!(schema.name(), "R");
        let expected = concat!(
            r#"{"type":"record","name":"R","doc":"d","fields":[{"name":"time","type":"#,
            r#"{"type":"long","logicalType":"timestamp-millis"}},"#,
            r#"{"name":"x","type":"int","default":3}]}"#
        );
        assert_eq!(schema.registered_text(), expected);
    }

    #[test]
    fn what_is_no_record_is_refused_by_name() {
        let schema = EventSchema::parse("mine.avsc", r#""string""#).unwrap();
        let error = schema.of_records().unwrap_err().to_string();
        assert!(error.starts_with("the schema of mine.avsc is not a record"), "{error}");
        assert!(
            EventSchema::parse("mine.avsc", "{").unwrap_err().to_string().contains("mine.avsc")
        );
    }
}
