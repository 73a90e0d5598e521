//! The message key of a record: its source's id, one of its fields, or none.

use std::convert::Infallible;
use std::fmt;
use std::io::Write;
use std::str::FromStr;

use bumpalo::Bump;
use serde::Serialize;
use serde::Serializer;

use super::draw::Draw;
use super::skip::counted;
use super::skip::long;
use super::source::SourceKeys;
use crate::schema::Kind;
use crate::schema::Shape;

/// What the message key is, as `--key` says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyChoice {
    /// The source's id, or its number where the schema has none.
    #[default]
    Source,
    /// There is none.
    None,
    /// The field with this path.
    Field(String),
}

impl FromStr for KeyChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "source" => Self::Source,
            "none" => Self::None,
            path => Self::Field(path.to_owned()),
        })
    }
}

impl fmt::Display for KeyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::None => "none",
            Self::Field(path) => path,
        })
    }
}

impl Serialize for KeyChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How a key is made.
#[derive(Debug)]
pub(super) enum Key {
    Source(SourceKeys),
    None,
    /// A field that is text in AVRO.
    Text,
    /// A field that is an integer in AVRO.
    Integer,
    /// A field that is one of these symbols.
    Symbol(Box<[Box<str>]>),
}

/// The longest integer, with its sign.
const INTEGER_BYTES_MAX: usize = 20;

impl Key {
    /// Returns how the field at a path is written as a key; the compiler has seen to it that the
    /// field is there and can be one.
    pub(super) fn of_field(shape: &Shape<'_>, path: &str) -> Self {
        match find(shape, path) {
            Some(Kind::String | Kind::UuidText) => Self::Text,
            Some(Kind::Enum(symbols)) => {
                Self::Symbol(symbols.iter().map(|symbol| symbol.as_str().into()).collect())
            }
            _ => Self::Integer,
        }
    }

    /// Returns whether the record has to be made before its key.
    pub(super) const fn follows_record(&self) -> bool {
        matches!(self, Self::Text | Self::Integer | Self::Symbol(_))
    }

    /// Returns the longest key of records of so many bytes.
    pub(super) fn bytes_max(&self, record_bytes_max: usize) -> usize {
        match self {
            Self::Source(keys) => keys.bytes_max(),
            Self::None => 0,
            Self::Text => record_bytes_max,
            Self::Integer => INTEGER_BYTES_MAX,
            Self::Symbol(symbols) => symbols.iter().map(|s| s.len()).max().unwrap_or_default(),
        }
    }

    /// Returns the key, written to the arena where it has to be. Where it is a field, the record
    /// has been made.
    #[inline]
    pub(super) fn of<'arena>(&'arena self, draw: &Draw, arena: &'arena Bump) -> &'arena [u8] {
        if let Self::Source(keys) = self {
            return keys.of(draw.source, arena);
        }
        let mut field = &draw.ahead[draw.key_at.clone()];
        match self {
            Self::Source(_) | Self::None => &[],
            Self::Text => arena.alloc_slice_copy(counted(&mut field).unwrap_or_default()),
            Self::Integer => {
                let text = arena.alloc_slice_fill_copy(INTEGER_BYTES_MAX, 0);
                let mut rest = &mut *text;
                write!(rest, "{}", long(&mut field).unwrap_or_default()).ok();
                let unused = rest.len();
                &text[..INTEGER_BYTES_MAX - unused]
            }
            Self::Symbol(symbols) => {
                let number = usize::try_from(long(&mut field).unwrap_or_default());
                symbols.get(number.unwrap_or_default()).map_or(&[], |symbol| symbol.as_bytes())
            }
        }
    }
}

fn find<'s, 'a>(shape: &'s Shape<'a>, path: &str) -> Option<&'s Kind<'a>> {
    let Kind::Record(fields) = &shape.kind else { return None };
    fields.iter().find_map(|field| {
        if field.shape.path == path { Some(&field.shape.kind) } else { find(&field.shape, path) }
    })
}
