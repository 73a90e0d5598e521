//! What one record is drawn from: its random stream, and the numbers that identify it.

use fastrand::Rng;

/// One record's draw. Operations take from `rng` in their order, so the same draw makes the same
/// bytes.
#[derive(Clone, Debug)]
pub struct Draw {
    pub(super) rng: Rng,
    /// The event source, below the fleet's number of sources.
    pub source: u64,
    /// The global index.
    pub index: u64,
    /// The event time, in milliseconds since 1970.
    pub event_time_ms: u64,
    /// Values of this record's integer fields that later fields depend on.
    pub(super) registers: [i64; REGISTERS_MAX + 1],
}

/// Fields of one record that others may depend on, at most.
pub(super) const REGISTERS_MAX: usize = 7;

/// Where the values go that nothing depends on: storing them costs less than asking.
pub(super) const REGISTER_UNUSED: u8 = 7;

impl Draw {
    pub(super) fn new(rng: Rng, source: u64, index: u64, event_time_ms: u64) -> Self {
        Self { rng, source, index, event_time_ms, registers: [0; REGISTERS_MAX + 1] }
    }
}

/// Draws a number below `span` (0: of all 64 bits) by multiplying: no rejection, so no branch, at
/// the price of a bias below span / 2^64.
#[inline]
pub(super) fn below(rng: &mut Rng, span: u64) -> u64 {
    let random = rng.u64(..);
    if span == 0 {
        return random;
    }
    let product = u128::from(random) * u128::from(span);
    (product >> 64) as u64
}

/// Draws a number of 0.0 up to but not including 1.0, from 52 bits.
///
/// The bits become the fraction of a number of 1.0 up to 2.0, which costs no conversion.
#[inline]
pub(super) fn unit(rng: &mut Rng) -> f64 {
    const ONE: u64 = 0x3ff0_0000_0000_0000;
    f64::from_bits(ONE | (rng.u64(..) >> 12)) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_their_range_and_fill_it() {
        let mut rng = Rng::with_seed(1);
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[usize::try_from(below(&mut rng, 7)).unwrap()] += 1;
            let unit = unit(&mut rng);
            assert!((0.0..1.0).contains(&unit));
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }
}
