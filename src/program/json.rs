//! A datum as JSON text, as Pulsar's JSON schemas have it: what Jackson makes of the same object.
//!
//! Unions are their value without a name, bytes are base64, UUIDs are text, and points in time are
//! the number that AVRO has. Decimals are numbers, those of types with more digits than
//! [`DIGITS_MAX`] base64. The text is written from the datum, so that both encodings are the same
//! record.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::skip::blocks;
use super::skip::counted;
use super::skip::long;
use super::skip::sized;
use super::skip::take;
use crate::schema::EventSchema;
use crate::schema::FieldError;
use crate::schema::Kind;
use crate::schema::Shape;

/// JSON bytes for each byte of AVRO at most: a control character is written as `\u0001`.
pub(super) const BYTES_PER_BYTE: usize = 6;

/// The longest number: a double's `-2.2250738585072014e-308`.
const NUMBER_BYTES_MAX: usize = 26;

/// Digits of the decimals that are written as numbers: all that 128 bits have room for. It is the
/// type that decides, so that a field has one form in all records.
const DIGITS_MAX: usize = 38;

/// Returns how many bytes a value takes at most beside [`BYTES_PER_BYTE`] for each of AVRO's.
pub(super) fn overhead(kind: &Kind<'_>) -> usize {
    match kind {
        Kind::Enum(symbols) => symbols.iter().map(String::len).max().unwrap_or_default() + 2,
        // Quotes, a colon and a comma around each name.
        Kind::Record(fields) => 2 + fields.iter().map(|field| field.name.len() + 4).sum::<usize>(),
        Kind::Decimal { scale, .. } => NUMBER_BYTES_MAX + scale,
        // A UUID's text.
        Kind::UuidBytes { .. } => 40,
        _ => NUMBER_BYTES_MAX,
    }
}

/// How a type is written.
#[derive(Debug)]
pub(super) enum Text {
    Null,
    Boolean,
    Integer,
    Float,
    Double,
    String,
    /// Bytes as base64, of a fixed size or with their length before them.
    Bytes(Option<usize>),
    Decimal {
        scale: usize,
        fixed: Option<usize>,
    },
    Uuid {
        with_length: bool,
    },
    /// Symbols with their quotes.
    Enum(Box<[Box<str>]>),
    Array(Box<Text>),
    Map(Box<Text>),
    Union(Box<[Text]>),
    /// Names with their quotes, and a colon.
    Record(Box<[(Box<str>, Text)]>),
}

impl Text {
    /// Lays out how values of a shape are written.
    pub(super) fn of(shape: &Shape<'_>) -> Self {
        match &shape.kind {
            Kind::Null => Self::Null,
            Kind::Boolean => Self::Boolean,
            Kind::Int
            | Kind::Long
            | Kind::Date
            | Kind::TimeMillis
            | Kind::TimeMicros
            | Kind::Timestamp { .. } => Self::Integer,
            Kind::Float => Self::Float,
            Kind::Double => Self::Double,
            Kind::String | Kind::UuidText => Self::String,
            Kind::Bytes => Self::Bytes(None),
            Kind::Fixed(size) => Self::Bytes(Some(*size)),
            Kind::Duration => Self::Bytes(Some(12)),
            Kind::Decimal { precision, fixed, .. } if *precision > DIGITS_MAX => {
                Self::Bytes(*fixed)
            }
            Kind::Decimal { scale, fixed, .. } => Self::Decimal { scale: *scale, fixed: *fixed },
            Kind::UuidBytes { with_length } => Self::Uuid { with_length: *with_length },
            // AVRO's names have no character that JSON escapes.
            Kind::Enum(symbols) => {
                Self::Enum(symbols.iter().map(|symbol| format!("\"{symbol}\"").into()).collect())
            }
            Kind::Array(items) => Self::Array(Self::of(items).into()),
            Kind::Map(values) => Self::Map(Self::of(values).into()),
            Kind::Union(branches) => Self::Union(branches.iter().map(Self::of).collect()),
            Kind::Record(fields) => {
                let field = |field: &crate::schema::Field<'_>| {
                    (format!("\"{}\":", field.name).into(), Self::of(&field.shape))
                };
                Self::Record(fields.iter().map(field).collect())
            }
        }
    }

    /// Writes the datum at the front of `rest` as JSON and takes it away; `None`: it is no datum of
    /// this type, or `out` is full.
    pub(super) fn write(&self, rest: &mut &[u8], out: &mut impl Write) -> Option<()> {
        match self {
            Self::Null => put(out, "null"),
            Self::Boolean => put(out, if take(rest, 1)? == [0] { "false" } else { "true" }),
            Self::Integer => json(out, &long(rest)?),
            Self::Float => json(out, &f32::from_le_bytes(take(rest, 4)?.try_into().ok()?)),
            Self::Double => json(out, &f64::from_le_bytes(take(rest, 8)?.try_into().ok()?)),
            Self::String => json(out, std::str::from_utf8(counted(rest)?).ok()?),
            Self::Bytes(fixed) => base64(sized(rest, *fixed)?, out),
            Self::Decimal { scale, fixed } => decimal(sized(rest, *fixed)?, *scale, out),
            Self::Uuid { with_length } => {
                let uuid = sized(rest, (!with_length).then_some(16))?;
                uuid_text(uuid.try_into().ok()?, out)
            }
            Self::Enum(symbols) => put(out, symbols.get(usize::try_from(long(rest)?).ok()?)?),
            Self::Array(items) => {
                put(out, "[")?;
                let mut comma = "";
                blocks(rest, |rest| {
                    put(out, std::mem::replace(&mut comma, ","))?;
                    items.write(rest, out)
                })?;
                put(out, "]")
            }
            Self::Map(values) => {
                put(out, "{")?;
                let mut comma = "";
                blocks(rest, |rest| {
                    put(out, std::mem::replace(&mut comma, ","))?;
                    json(out, std::str::from_utf8(counted(rest)?).ok()?)?;
                    put(out, ":")?;
                    values.write(rest, out)
                })?;
                put(out, "}")
            }
            Self::Union(branches) => {
                branches.get(usize::try_from(long(rest)?).ok()?)?.write(rest, out)
            }
            Self::Record(fields) => {
                put(out, "{")?;
                for (number, (name, text)) in fields.iter().enumerate() {
                    put(out, if number == 0 { "" } else { "," })?;
                    put(out, name)?;
                    text.write(rest, out)?;
                }
                put(out, "}")
            }
        }
    }

    /// Returns the bytes of a datum's text.
    pub(super) fn length(&self, mut datum: &[u8]) -> usize {
        let mut text = Vec::new();
        self.write(&mut datum, &mut text);
        text.len()
    }
}

/// How datums of a schema are written as JSON, for those who look at them.
#[derive(Debug)]
pub struct DatumText(Text);

impl DatumText {
    /// Lays out how datums of a schema are written.
    ///
    /// # Errors
    /// As [`EventSchema::shape`].
    pub fn of(schema: &EventSchema) -> Result<Self, FieldError> {
        Ok(Self(Text::of(&schema.shape()?)))
    }

    /// Returns the JSON text of a datum.
    #[must_use]
    pub fn text(&self, mut datum: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        // A program makes only what is of its schema: the trial has seen it.
        self.0.write(&mut datum, &mut text);
        text
    }
}

fn put(out: &mut impl Write, text: &str) -> Option<()> {
    out.write_all(text.as_bytes()).ok()
}

fn json<T: serde::Serialize + ?Sized>(out: &mut impl Write, value: &T) -> Option<()> {
    serde_json::to_writer(out, value).ok()
}

fn base64(bytes: &[u8], out: &mut impl Write) -> Option<()> {
    put(out, "\"")?;
    let mut text = [0; 64];
    for chunk in bytes.chunks(48) {
        let length = STANDARD.encode_slice(chunk, &mut text).ok()?;
        out.write_all(&text[..length]).ok()?;
    }
    put(out, "\"")
}

/// Returns a two's complement number of at most [`DIGITS_MAX`] digits.
pub(super) fn unscaled(bytes: &[u8]) -> i128 {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
    bytes.iter().fold(sign, |value, byte| (value << 8) | i128::from(*byte))
}

/// Writes a two's complement number with a point before its last `scale` digits.
fn decimal(bytes: &[u8], scale: usize, out: &mut impl Write) -> Option<()> {
    let unscaled = unscaled(bytes);
    let negative = unscaled < 0;
    let mut digits = [b'0'; 40];
    let mut slots = &mut digits[..];
    write!(slots, "{:>040}", unscaled.unsigned_abs()).ok()?;
    let text = std::str::from_utf8(&digits).ok()?;
    put(out, if negative { "-" } else { "" })?;
    let (whole, part) = text.split_at(text.len().saturating_sub(scale));
    let whole = whole.trim_start_matches('0');
    put(out, if whole.is_empty() { "0" } else { whole })?;
    if scale > 0 {
        put(out, ".")?;
        (text.len()..scale).try_for_each(|_| put(out, "0"))?;
        put(out, part)?;
    }
    Some(())
}

fn uuid_text(uuid: [u8; 16], out: &mut impl Write) -> Option<()> {
    put(out, "\"")?;
    for (place, byte) in uuid.iter().enumerate() {
        let dash = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
        write!(out, "{dash}{byte:02x}").ok()?;
    }
    put(out, "\"")
}
