//! Response times on their way into the histogram.
//!
//! Of a million records a second nearly each has a bucket of its own, and there the histogram's own
//! way to record takes longer than a record may cost. Here a bucket is found by a few instructions,
//! and the histogram gets the counts of many batches at a time. Buckets are those of an
//! `HdrHistogram` of 3 digits from 1 on: 2,048 of one unit, then 1,024 for each doubling.

use hdrhistogram::Histogram;

use super::LATENCY_NS_MAX;

/// Buckets for each doubling, as a power of two.
const DOUBLING_BITS: u32 = 10;

/// What the values of the first buckets, which are one unit wide, are below of.
const UNITS: u64 = 2 << DOUBLING_BITS;

/// Counts by bucket.
#[derive(Clone, Debug)]
pub(super) struct Responses {
    counts: Box<[u32]>,
    /// The lowest and the highest bucket that has a count.
    lowest: usize,
    highest: usize,
}

impl Default for Responses {
    fn default() -> Self {
        let counts = vec![0; place(LATENCY_NS_MAX) + 1].into();
        Self { counts, lowest: usize::MAX, highest: 0 }
    }
}

impl Responses {
    /// Counts records that were due then, ascending, and confirmed now, none of them longer than
    /// [`LATENCY_NS_MAX`] ago.
    pub(super) fn count(&mut self, due_ns: &[u64], now_ns: u64) {
        let of = |due_ns: &u64| place(now_ns.saturating_sub(*due_ns));
        let (Some(first), Some(last)) = (due_ns.first(), due_ns.last()) else { return };
        self.highest = self.highest.max(of(first));
        self.lowest = self.lowest.min(of(last));
        for due_ns in due_ns {
            self.counts[of(due_ns)] += 1;
        }
    }

    /// Moves every count to the histogram.
    pub(super) fn settle(&mut self, histogram: &mut Histogram<u32>) {
        for place in self.lowest..=self.highest {
            let count = std::mem::take(&mut self.counts[place]);
            if count > 0 {
                histogram.saturating_record_n(value(place), count);
            }
        }
        (self.lowest, self.highest) = (usize::MAX, 0);
    }
}

/// Returns the bucket of a value.
#[expect(clippy::cast_possible_truncation, reason = "a value of an hour has bucket 34,000")]
const fn place(ns: u64) -> usize {
    let doublings = (UNITS - 1).leading_zeros() - (ns | (UNITS - 1)).leading_zeros();
    ((doublings << DOUBLING_BITS) as usize) + (ns >> doublings) as usize
}

/// Returns the lowest value of a bucket.
const fn value(place: usize) -> u64 {
    let place = place as u64;
    let doublings = (place >> DOUBLING_BITS).saturating_sub(1);
    (place - (doublings << DOUBLING_BITS)) << doublings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Latency;

    #[test]
    fn buckets_are_those_of_the_histogram() {
        let histogram = Latency::default().response;
        let powers = (0..42).map(|power| 1_u64 << power);
        let around = powers.flat_map(|it| [it - 1, it, it + 1, it + it / 3, it + it / 2]);
        for ns in around.filter(|ns| *ns <= LATENCY_NS_MAX) {
            let lowest = histogram.lowest_equivalent(ns);
            assert_eq!(value(place(ns)), lowest, "{ns}");
            assert_eq!(place(lowest), place(ns), "{ns}");
            assert_eq!(place(histogram.next_non_equivalent(ns)), place(ns) + 1, "{ns}");
        }
    }
}
