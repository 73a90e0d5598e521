//! The schema registry: each topic's schemas in the order in which they came.
//!
//! A schema that differs from all of its topic's in type or text gets the next version. Nothing is
//! judged compatible or not: the broker stores what producers say, it does not read it.

use std::collections::HashMap;

use pulsar::message::proto::Schema;

/// All schemas together: enough for every test, and a bound on what a stranger can make us keep.
const SCHEMA_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A schema's place among its topic's schemas, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SchemaVersion(u64);

impl SchemaVersion {
    /// Returns the version as the protocol writes it: eight bytes, big endian.
    pub(super) fn bytes(self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u64::from_be_bytes).map(Self)
    }
}

/// The schemas of all topics, by the topic's name without a partition.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    topics: HashMap<String, Vec<Schema>>,
    bytes: usize,
}

impl Schemas {
    /// Stores a schema and returns its version; `None` when there is no room for it.
    pub(super) fn register(&mut self, topic: &str, schema: &Schema) -> Option<SchemaVersion> {
        let versions = self.topics.get(topic).map_or(&[][..], Vec::as_slice);
        let same = |known: &Schema| {
            known.r#type == schema.r#type && known.schema_data == schema.schema_data
        };
        if let Some(place) = versions.iter().position(same) {
            return Some(SchemaVersion(place as u64));
        }
        let version = SchemaVersion(versions.len() as u64);
        let bytes = self.bytes + kept_bytes(topic, schema);
        if bytes > SCHEMA_BYTES_MAX {
            return None;
        }
        self.bytes = bytes;
        let versions = self.topics.entry(topic.to_owned()).or_default();
        versions.push(schema.clone());
        Some(version)
    }

    /// Returns the newest schema of a topic, or the one of the version asked for.
    pub(super) fn get(
        &self,
        topic: &str,
        version: Option<&[u8]>,
    ) -> Option<(SchemaVersion, &Schema)> {
        let versions = self.topics.get(topic)?;
        let version = match version {
            Some(bytes) if !bytes.is_empty() => SchemaVersion::read(bytes)?,
            _ => SchemaVersion((versions.len() as u64).checked_sub(1)?),
        };
        let place = usize::try_from(version.0).ok()?;
        Some((version, versions.get(place)?))
    }

    /// Returns the text of a topic's newest schema.
    pub(super) fn text(&self, topic: &str) -> Option<String> {
        let (_, schema) = self.get(topic, None)?;
        Some(String::from_utf8_lossy(&schema.schema_data).into_owned())
    }
}

/// Returns what a schema costs: its texts, and a fixed part so that empty ones are not free.
fn kept_bytes(topic: &str, schema: &Schema) -> usize {
    let properties = schema.properties.iter();
    let properties: usize =
        properties.map(|pair| pair.key.len() + pair.value.len() + size_of_val(pair)).sum();
    let texts = topic.len() + schema.name.len() + schema.schema_data.len();
    texts + properties + size_of::<Schema>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(text: &str) -> Schema {
        Schema {
            name: "name".to_owned(),
            schema_data: text.as_bytes().to_vec(),
            ..Default::default()
        }
    }

    #[test]
    fn a_text_that_differs_gets_the_next_version() {
        let mut schemas = Schemas::default();
        let versions = ["a", "b", "a", "c"].map(|text| schemas.register("t", &schema(text)));
        let expected = [0, 1, 0, 2].map(|version| Some(SchemaVersion(version)));
        assert_eq!(versions, expected);
        assert_eq!(schemas.register("other", &schema("b")), Some(SchemaVersion(0)));
    }

    #[test]
    fn the_newest_or_the_named_version_is_found() {
        let mut schemas = Schemas::default();
        schemas.register("t", &schema("a"));
        schemas.register("t", &schema("b"));
        assert_eq!(schemas.text("t").as_deref(), Some("b"));
        let first = SchemaVersion(0).bytes();
        let (version, found) = schemas.get("t", Some(&first)).unwrap();
        assert_eq!((version, &found.schema_data[..]), (SchemaVersion(0), &b"a"[..]));
        assert!(schemas.get("t", Some(&SchemaVersion(2).bytes())).is_none());
        assert!(schemas.get("t", Some(b"short")).is_none());
        assert!(schemas.get("unknown", None).is_none());
    }

    #[test]
    fn the_registry_is_bounded() {
        let mut schemas = Schemas::default();
        let mut taken = 0;
        for number in 0..100 {
            let text = format!("{number}{}", " ".repeat(1024 * 1024));
            taken += u64::from(schemas.register("t", &schema(&text)).is_some());
        }
        assert_eq!(taken, 63);
    }
}
