//! What a batch says of where its records come from: the property `producer-load`.

use crate::rng::Identity;
use crate::units::Shard;

/// The name of the property that every batch carries.
pub(super) const PROPERTY: &str = "producer-load";

/// Everything that its records are drawn from, and which of them are its stream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) digest: u32,
    pub(super) seed: u64,
    pub(super) shard: (u32, u32),
    pub(super) stream: u32,
    pub(super) streams: u32,
}

impl Origin {
    /// Reads `digest/seed/shard/stream/previous`, where shard and stream are `number/count`;
    /// returns the previous index beside it.
    pub(super) fn read(property: &[u8]) -> Option<(Self, Option<u64>)> {
        let mut parts = std::str::from_utf8(property).ok()?.split('/');
        let mut next = || parts.next();
        let digest = u32::from_str_radix(next()?, 16).ok()?;
        let seed = next()?.parse().ok()?;
        let shard = (next()?.parse().ok()?, next()?.parse().ok()?);
        let (stream, streams) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let previous: i128 = next()?.parse().ok()?;
        let previous = if previous == -1 { None } else { Some(u64::try_from(previous).ok()?) };
        let is_whole = next().is_none() && stream < streams && shard.0 < shard.1;
        is_whole.then_some((Self { digest, seed, shard, stream, streams }, previous))
    }

    /// Returns the shard.
    pub(super) fn shard(&self) -> Option<Shard> {
        Some(Shard { index: self.shard.0, count: std::num::NonZeroU32::new(self.shard.1)? })
    }

    /// Returns what its records are drawn from, beside their indices.
    pub(super) fn identity(&self) -> Option<Identity> {
        Some(Identity::new(self.digest, self.seed, self.shard()?))
    }

    /// Returns which stream of how many it is, as `number/count`.
    pub(super) fn stream_text(&self) -> String {
        format!("{}/{}", self.stream, self.streams)
    }

    /// Returns which of its stream's records an index is; `None`: it is another stream's.
    #[inline]
    pub(super) fn position(&self, index: u64) -> Option<u64> {
        let streams = u64::from(self.streams);
        // Most runs have one stream, and dividing is slow.
        let (position, rest) =
            if streams == 1 { (index, 0) } else { (index / streams, index % streams) };
        (rest == u64::from(self.stream)).then_some(position)
    }

    /// Returns the index of one of its stream's records.
    pub(super) fn index(&self, position: u64) -> u64 {
        position.saturating_mul(self.streams.into()).saturating_add(self.stream.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_read_and_nothing_else_is() {
        let (origin, previous) = Origin::read(b"0badcafe/42/1/3/2/4/17").unwrap();
        let whole = Origin { digest: 0x0bad_cafe, seed: 42, shard: (1, 3), stream: 2, streams: 4 };
        assert_eq!((origin, previous), (whole, Some(17)));
        assert_eq!(Origin::read(b"0/0/0/1/0/1/-1").unwrap().1, None);
        for text in ["", "0/0/0/1/0/1", "0/0/0/1/1/1/-1", "0/0/0/0/0/1/-1", "0/0/0/1/0/1/-2"] {
            assert_eq!(Origin::read(text.as_bytes()), None, "{text}");
        }
        for text in ["0/0/0/1/0/1/-1/0", "x/0/0/1/0/1/-1", "0/0/0/1/0/1/", "0/0/5/4/0/1/-1"] {
            assert_eq!(Origin::read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Origin::read(&[0xff, b'/']), None);
        assert_eq!((origin.position(2), origin.position(6)), (Some(0), Some(1)));
        assert_eq!((origin.position(3), origin.index(1)), (None, 6));
    }
}
