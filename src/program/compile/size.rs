//! The most that a record can take, known before the first one is made.

use crate::program::json;
use crate::schema::Encoding;

/// The most that values take: AVRO's bytes, and what JSON writes beside six bytes for each of them.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::program) struct Size {
    pub(in crate::program) bytes: usize,
    pub(in crate::program) overhead: usize,
}

impl Size {
    /// Returns the most bytes as they are written.
    pub(in crate::program) const fn written_as(self, encoding: Encoding) -> usize {
        match encoding {
            Encoding::Avro => self.bytes,
            Encoding::Json => {
                self.bytes.saturating_mul(json::BYTES_PER_BYTE).saturating_add(self.overhead)
            }
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            overhead: self.overhead.saturating_add(other.overhead),
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self { bytes: self.bytes.max(other.bytes), overhead: self.overhead.max(other.overhead) }
    }

    pub(super) const fn times(self, count: usize) -> Self {
        Self {
            bytes: self.bytes.saturating_mul(count),
            overhead: self.overhead.saturating_mul(count),
        }
    }
}
