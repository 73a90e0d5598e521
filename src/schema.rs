//! An event's AVRO schema: parsed once, registered as written.
//!
//! What goes to Pulsar's registry is the file's own text. The canonical form and a serialised
//! parsed schema can drop `logicalType`, which consumers rely on.

use apache_avro::Schema;
use serde_json::Value;

/// The properties that say how a field is drawn; what they mean is `program`'s to know.
const ANNOTATIONS: [&str; 2] = ["arg.properties", "producer-load"];

/// Says why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The text is not an AVRO schema.
    #[error("the schema of {name} cannot be parsed: {source}")]
    Unparsable {
        /// The domain or file.
        name: String,
        /// What the parser says.
        source: Box<apache_avro::Error>,
    },
    /// The text is AVRO to one parser and no JSON to another.
    #[error("the schema of {name} is no JSON: {source}")]
    NotJson {
        /// The domain or file.
        name: String,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// Events are records; this schema is something else.
    #[error("the schema of {name} is not a record")]
    NotARecord {
        /// The domain or file.
        name: String,
    },
}

/// A record schema and the text that it came from.
#[derive(Clone, Debug)]
pub struct EventSchema {
    name: String,
    registered: String,
    annotated: Value,
    parsed: Schema,
}

impl EventSchema {
    /// Parses the text of an `.avsc` file; `origin` names it in errors.
    ///
    /// # Errors
    /// When the text is not AVRO (specification 1.12, "Schema Declaration") or not a record.
    pub fn parse(origin: &str, text: &str) -> Result<Self, SchemaError> {
        let unparsable =
            |source| SchemaError::Unparsable { name: origin.to_owned(), source: Box::new(source) };
        let parsed = Schema::parse_str(text).map_err(unparsable)?;
        let annotated: Value = serde_json::from_str(text)
            .map_err(|source| SchemaError::NotJson { name: origin.to_owned(), source })?;
        let Schema::Record(record) = &parsed else {
            return Err(SchemaError::NotARecord { name: origin.to_owned() });
        };
        let mut registered = annotated.clone();
        strip(&mut registered);
        Ok(Self {
            name: record.name.name().to_owned(),
            registered: registered.to_string(),
            annotated,
            parsed,
        })
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

    /// Returns the schema as written, with what says how its fields are drawn.
    #[must_use]
    pub const fn annotated(&self) -> &Value {
        &self.annotated
    }

    /// Returns the parsed schema.
    #[must_use]
    pub const fn parsed(&self) -> &Schema {
        &self.parsed
    }
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
        assert!(schema.annotated().to_string().contains("event-time"));
    }

    #[test]
    fn what_is_no_record_is_refused_by_name() {
        let error = EventSchema::parse("mine.avsc", r#""string""#).unwrap_err();
        assert_eq!(error.to_string(), "the schema of mine.avsc is not a record");
        assert!(
            EventSchema::parse("mine.avsc", "{").unwrap_err().to_string().contains("mine.avsc")
        );
    }
}
