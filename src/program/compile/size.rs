//! The most that a record can take, known before the first one is made.

/// The most that values take: AVRO's bytes, and what JSON writes beside six bytes for each of them.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::program) struct Size {
    pub(in crate::program) bytes: usize,
    pub(in crate::program) overhead: usize,
}

impl Size {
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
