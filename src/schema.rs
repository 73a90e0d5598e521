//! An event's AVRO schema: parsed once, registered as written.
//!
//! What goes to Pulsar's registry is the file's own text. The canonical form and a serialised
//! parsed schema can drop `logicalType`, which consumers rely on.

use apache_avro::Schema;

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
    text: String,
    parsed: Schema,
}

impl EventSchema {
    /// Parses the text of an `.avsc` file; `origin` names it in errors.
    ///
    /// # Errors
    /// When the text is not AVRO (specification 1.12, "Schema Declaration") or not a record.
    pub fn parse(origin: &str, text: &str) -> Result<Self, SchemaError> {
        let parsed = Schema::parse_str(text).map_err(|source| SchemaError::Unparsable {
            name: origin.to_owned(),
            source: Box::new(source),
        })?;
        let Schema::Record(record) = &parsed else {
            return Err(SchemaError::NotARecord { name: origin.to_owned() });
        };
        Ok(Self { name: record.name.name().to_owned(), text: text.to_owned(), parsed })
    }

    /// Returns the record's name without its namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what is registered with the broker.
    #[must_use]
    pub fn registered_text(&self) -> &str {
        &self.text
    }

    /// Returns the parsed schema.
    #[must_use]
    pub const fn parsed(&self) -> &Schema {
        &self.parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_text_keeps_logical_types() {
        let text = r#"{"type":"record","name":"R","fields":[
            {"name":"time","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;
        let schema = EventSchema::parse("test", text).unwrap();
        assert_eq!(schema.name(), "R");
        assert_eq!(schema.registered_text(), text);
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
