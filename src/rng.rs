//! A record's random stream, found again from its identity alone.
//!
//! Nothing is drawn from a running generator: each record and each source seeds its own `fastrand`
//! stream from a mixed 64-bit value, so that any record can be made again by anybody who knows
//! (digest, seed, shard, index). Seeding is free: the generator's state is that one number.

use fastrand::Rng;

use crate::units::Shard;

/// Spreads the bits of `value` over 64 bits: the finaliser of `SplitMix64` (Steele, Lea, Flood
/// 2014).
#[must_use]
pub const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// `SplitMix64`'s own step: consecutive numbers of it give independent seeds.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Folds one more number into a mixed value.
const fn fold(state: u64, value: u64) -> u64 {
    mix(state.wrapping_add(GOLDEN) ^ mix(value))
}

/// Returns 64 mixed bits of a text, for a seed that follows from a name.
#[must_use]
pub fn hash_text(text: &str) -> u64 {
    text.bytes().fold(text.len() as u64, |state, byte| fold(state, u64::from(byte)))
}

/// What a record's bytes depend on besides its index and event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    key: u64,
}

impl Identity {
    /// Folds digest, seed and shard into one key.
    #[must_use]
    pub const fn new(digest: u32, seed: u64, shard: Shard) -> Self {
        let key = fold(fold(0, digest as u64), seed);
        let shard = ((shard.index as u64) << 32) | shard.count.get() as u64;
        Self { key: fold(key, shard) }
    }

    /// Returns what the streams of a lifecycle follow from, by [`numbered`].
    #[must_use]
    pub const fn lifecycle(self, number: u64) -> u64 {
        fold(self.key ^ 0x6c69_6665_6379_636c, number)
    }

    /// Returns the random stream of the record with this global index.
    #[must_use]
    pub fn record(self, index: u64) -> Rng {
        numbered(self.key, index)
    }
}

/// Returns the random stream of a field that is fixed for a source, such as its place.
///
/// It depends on the source and the stream's number alone: a sensor stands where it stands,
/// whichever pod reports it.
#[must_use]
pub fn source_field(source: u64, stream: u64) -> Rng {
    numbered(fold(0x0073_6f75_7263_6573, source), stream)
}

/// Returns one of the numbered random streams of a mixed state.
#[must_use]
pub fn numbered(state: u64, stream: u64) -> Rng {
    Rng::with_seed(mix(state.wrapping_add(stream.wrapping_add(1).wrapping_mul(GOLDEN))))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn shard(index: u32, count: u32) -> Shard {
        Shard { index, count: count.try_into().unwrap() }
    }

    #[test]
    fn a_record_depends_on_every_part_of_its_identity() {
        let mut firsts = HashSet::new();
        for identity in [
            Identity::new(1, 2, shard(0, 4)),
            Identity::new(2, 2, shard(0, 4)),
            Identity::new(1, 3, shard(0, 4)),
            Identity::new(1, 2, shard(1, 4)),
            Identity::new(1, 2, shard(0, 5)),
        ] {
            for index in 0..100 {
                firsts.insert(identity.record(index).u64(..));
            }
        }
        assert_eq!(firsts.len(), 500);
    }

    #[test]
    fn a_stream_is_found_again() {
        let identity = Identity::new(7, 8, shard(0, 1));
        assert_eq!(identity.record(42).u64(..), identity.record(42).u64(..));
        assert_eq!(source_field(3, 1).u64(..), source_field(3, 1).u64(..));
        assert_ne!(source_field(3, 1).u64(..), source_field(4, 1).u64(..));
        assert_ne!(source_field(3, 1).u64(..), source_field(3, 2).u64(..));
    }

    #[test]
    fn a_stream_does_not_change_between_releases() {
        // Golden: a stored seed must mean the same records in every later version.
        assert_eq!(Identity::new(1, 2, shard(0, 1)).record(3).u64(..), 3_989_877_608_700_777_679);
        assert_eq!(hash_text("producer-load"), 1_604_165_338_035_657_824);
    }
}
