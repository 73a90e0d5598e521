//! What records are, and the digest of it.

use serde::Serialize;

use crate::program::KeyChoice;
use crate::program::SourceChoice;
use crate::schema::Encoding;

/// What records are and how they are made.
#[derive(Clone, Debug, Serialize)]
pub struct Events {
    /// The domain, or the file that the schema is in.
    pub name: String,
    /// The text of the schema, with what says how its fields are drawn.
    #[serde(skip)]
    pub schema_text: String,
    /// What the message key is.
    pub key: KeyChoice,
    /// How records are written.
    pub encoding: Encoding,
    /// How the source of a record is chosen.
    pub source_choice: SourceChoice,
}

/// Folds everything that decides a record's bytes, but for seed and shard, into 32 bits.
pub(super) fn digest(events: &Events, sources: u64) -> u32 {
    // "draw 3" is the version of how records are drawn: raised when the same schema, seed and index
    // come to mean another record.
    let Events { name: _, schema_text, key, encoding, source_choice } = events;
    let text =
        format!("draw 3\n{encoding}\nkey {key}\nsources {sources} {source_choice}\n{schema_text}");
    crc32c::crc32c(text.as_bytes())
}
