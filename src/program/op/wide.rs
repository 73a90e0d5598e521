//! Decimals in ranges that 64 bits have no room for.

use fastrand::Rng;

use super::fixed_decimal;
use super::put;
use super::shortest;
use super::varint;

/// A uniform range of integers: `span` of them from `low` on, written as a decimal's bytes, in a
/// fixed or with their length before them.
#[derive(Clone, Copy, Debug)]
pub(in crate::program) struct WideRange {
    pub(in crate::program) low: i128,
    pub(in crate::program) span: u128,
    pub(in crate::program) fixed: Option<usize>,
}

impl WideRange {
    pub(super) fn bytes_max(&self) -> usize {
        self.fixed.unwrap_or(varint::BYTES_MAX + size_of::<i128>())
    }

    pub(super) fn write(&self, rng: &mut Rng, out: &mut [u8], at: usize) -> usize {
        let bytes = self.draw(rng).to_be_bytes();
        if let Some(size) = self.fixed {
            return fixed_decimal(&bytes, size, out, at);
        }
        let bytes = shortest(&bytes);
        let at = at + varint::write(&mut out[at..], bytes.len().cast_signed() as i64);
        put(out, at, bytes)
    }

    /// Draws as many bits as the span has until they lie within it: at most twice on average.
    fn draw(&self, rng: &mut Rng) -> i128 {
        let spare = (self.span - 1).leading_zeros();
        loop {
            let offset = rng.u128(..) >> spare;
            if offset < self.span {
                return self.low.wrapping_add(offset.cast_signed());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_range_comes_and_none_beyond() {
        let mut rng = Rng::with_seed(7);
        let low = -(10_i128.pow(38)) + 1;
        for (low, span) in [(low, 5), (i128::MAX - 2, 3), (-2, 4)] {
            let range = WideRange { low, span, fixed: None };
            let mut seen = vec![0; usize::try_from(span).unwrap()];
            for _ in 0..1_000 {
                seen[usize::try_from(range.draw(&mut rng) - low).unwrap()] += 1;
            }
            assert!(seen.iter().all(|count| (130..430).contains(count)), "{seen:?}");
        }
        let all = WideRange { low, span: 2 * 10_u128.pow(38) - 1, fixed: Some(17) };
        let mut out = [0; 17];
        let (mut below, mut above) = (0, 0);
        for _ in 0..1_000 {
            assert_eq!(all.write(&mut rng, &mut out, 0), 17);
            let number = num_bigint::BigInt::from_signed_bytes_be(&out);
            assert!(number.magnitude() < num_bigint::BigInt::from(10).pow(38).magnitude());
            let is_below = number.sign() == num_bigint::Sign::Minus;
            *(if is_below { &mut below } else { &mut above }) += 1;
        }
        assert!((400..600).contains(&below), "{below} below 0, {above} above");
    }
}
