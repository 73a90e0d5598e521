//! The types of AVRO, logical ones among them, and what they are called.

use super::shape::Field;
use super::shape::Shape;

/// What a type is (AVRO specification 1.12, "Schema Declaration" and "Logical Types"). A logical
/// type that AVRO would ignore is ignored here.
#[derive(Clone, Debug)]
pub enum Kind<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Boolean,
    /// 32 bits.
    Int,
    /// 64 bits.
    Long,
    /// 32 bits, IEEE 754.
    Float,
    /// 64 bits, IEEE 754.
    Double,
    /// Bytes with their length.
    Bytes,
    /// Text with its length.
    String,
    /// So many bytes.
    Fixed(usize),
    /// One of several symbols, by its number.
    Enum(&'a [String]),
    /// Days since 1970, an int.
    Date,
    /// Milliseconds since midnight, an int.
    TimeMillis,
    /// Microseconds since midnight, a long.
    TimeMicros,
    /// A point in time as a long, of which so many make a millisecond.
    Timestamp {
        /// 1, 1,000 or 1,000,000.
        per_ms: i64,
        /// Whether it is one of wherever the reader is.
        is_local: bool,
    },
    /// A number with a fixed number of digits behind the point; on a fixed of so many bytes, or on
    /// bytes.
    Decimal {
        /// Digits at most.
        precision: usize,
        /// Digits behind the point.
        scale: usize,
        /// The size of the fixed.
        fixed: Option<usize>,
    },
    /// A UUID as text.
    UuidText,
    /// A UUID as 16 bytes, with their length before them where the type is bytes.
    UuidBytes {
        /// Whether the length stands before them.
        with_length: bool,
    },
    /// Months, days and milliseconds, each 32 bits, the lowest byte first.
    Duration,
    /// Items of one type.
    Array(Box<Shape<'a>>),
    /// Values of one type, by text.
    Map(Box<Shape<'a>>),
    /// One of several types, by its number.
    Union(Vec<Shape<'a>>),
    /// Fields in order.
    Record(Vec<Field<'a>>),
}

impl Kind<'_> {
    /// Returns whether it has no other type in it.
    #[must_use]
    pub const fn is_scalar(&self) -> bool {
        !matches!(self, Self::Array(_) | Self::Map(_) | Self::Union(_) | Self::Record(_))
    }

    /// Returns what an error or a table calls it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Fixed(_) => "fixed",
            Self::Enum(_) => "enum",
            Self::Date => "date",
            Self::TimeMillis => "time-millis",
            Self::TimeMicros => "time-micros",
            Self::Timestamp { per_ms: 1, is_local: false } => "timestamp-millis",
            Self::Timestamp { per_ms: 1, .. } => "local-timestamp-millis",
            Self::Timestamp { per_ms: 1_000, is_local: false } => "timestamp-micros",
            Self::Timestamp { per_ms: 1_000, .. } => "local-timestamp-micros",
            Self::Timestamp { is_local: false, .. } => "timestamp-nanos",
            Self::Timestamp { .. } => "local-timestamp-nanos",
            Self::Decimal { .. } => "decimal",
            Self::UuidText | Self::UuidBytes { .. } => "uuid",
            Self::Duration => "duration",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
        }
    }

    /// Returns the name of the type that AVRO writes it as.
    #[must_use]
    pub const fn base(&self) -> &'static str {
        match self {
            Self::Date | Self::TimeMillis => "int",
            Self::TimeMicros | Self::Timestamp { .. } => "long",
            Self::Decimal { fixed: None, .. } | Self::UuidBytes { with_length: true } => "bytes",
            Self::UuidText => "string",
            Self::Decimal { .. } | Self::UuidBytes { .. } | Self::Duration => "fixed",
            kind => kind.name(),
        }
    }
}
