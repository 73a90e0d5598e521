//! Sets of lengths: those that a part of an expression can have.

use std::ops::RangeInclusive;

/// A set of lengths, a bit each; without words where no length is asked for.
#[derive(Debug)]
pub(super) struct Lengths(pub(super) Box<[u64]>);

impl Lengths {
    /// Makes the set of all `lengths` that so many words have a bit for.
    pub(super) fn new(words: usize, lengths: RangeInclusive<usize>) -> Self {
        let mut bits = vec![0; words];
        for length in lengths.take_while(|length| *length < words * 64) {
            bits[length / 64] |= 1 << (length % 64);
        }
        Self(bits.into())
    }

    pub(super) fn has(&self, length: usize) -> bool {
        self.0.get(length / 64).is_some_and(|word| (word >> (length % 64)) & 1 == 1)
    }

    /// Returns what one of these and one of the others make together.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut sums = vec![0; self.0.len()];
        for length in (0..self.0.len() * 64).filter(|&length| self.has(length)) {
            let mut lower = 0;
            for (sum, &word) in sums[length / 64..].iter_mut().zip(&other.0) {
                let pair = (u128::from(word) << 64) | u128::from(lower);
                *sum |= ((pair << (length % 64)) >> 64) as u64;
                lower = word;
            }
        }
        Self(sums.into())
    }
}
