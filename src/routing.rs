//! Which partition a record goes to: a pure function of its key, or of its index where it has none.
//!
//! A keyed record lands where the Java client would put it: the hash of the Java string, without
//! its sign, modulo the number of partitions (`RoundRobinPartitionMessageRouterImpl`,
//! `JavaStringHash`).

/// The rule of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routing {
    partitions: u32,
    stripe: u64,
}

impl Routing {
    /// Makes the rule for this many partitions (0 and 1 are one) and records a stripe.
    #[must_use]
    pub fn new(partitions: u32, stripe: u64) -> Self {
        Self { partitions: partitions.max(1), stripe: stripe.max(1) }
    }

    /// Returns how many partitions records are spread over.
    #[must_use]
    pub const fn partitions(self) -> u32 {
        self.partitions
    }

    /// Returns the partition of a record, `0..partitions`.
    #[must_use]
    pub fn partition(self, index: u64, key: &[u8]) -> u32 {
        if self.partitions == 1 {
            0
        } else if key.is_empty() {
            let partition = (index / self.stripe) % u64::from(self.partitions);
            u32::try_from(partition).unwrap_or_default()
        } else {
            (java_string_hash(&String::from_utf8_lossy(key)) & 0x7fff_ffff) % self.partitions
        }
    }
}

/// Returns `String.hashCode()` of Java: over UTF-16 code units, `31 * hash + unit`, wrapping.
fn java_string_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_java() {
        // jshell> "hello".hashCode() and so on.
        assert_eq!(java_string_hash(""), 0);
        assert_eq!(java_string_hash("hello"), 99_162_322);
        assert_eq!(java_string_hash("source-0000001").cast_signed(), 759_410_303);
        assert_eq!(java_string_hash("Zürich €𝄞").cast_signed(), 2_033_246_644);
    }

    #[test]
    fn keys_decide_and_stripes_deal_in_turn() {
        let routing = Routing::new(4, 100);
        assert_eq!(routing.partition(1, b"hello"), 99_162_322 % 4);
        assert_eq!(routing.partition(2, b"hello"), routing.partition(1, b"hello"));
        let striped: Vec<u32> =
            (0..10).map(|stripe| routing.partition(stripe * 100, b"")).collect();
        assert_eq!(striped, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]);
        assert_eq!(routing.partition(99, b""), 0);
        assert_eq!(Routing::new(0, 100).partition(7, b"hello"), 0);
    }
}
