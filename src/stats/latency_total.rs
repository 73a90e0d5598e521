//! All latencies of a run: what was measured, taken up once a second.

use hdrhistogram::Histogram;

use super::Latency;
use super::histogram;

/// How long records took in the whole run, in nanoseconds, 3 significant digits.
#[derive(Clone, Debug)]
pub struct LatencyTotal {
    /// Due to receipt. Empty at maximum rate, where nothing is due.
    pub response: Histogram<u64>,
    /// Send to receipt.
    pub service: Histogram<u64>,
    /// A batch's time to leave to the moment when the pacer let it, where it had to be waited for.
    pub pacing: Histogram<u64>,
    /// Values beyond the longest that is told apart; they stand in the histograms as that.
    pub saturated: u64,
}

impl LatencyTotal {
    /// Adds what was measured. Only buckets that are in use are touched.
    pub fn add(&mut self, measured: &Latency) {
        for (total, measured) in [
            (&mut self.response, &measured.response),
            (&mut self.service, &measured.service),
            (&mut self.pacing, &measured.pacing),
        ] {
            for bucket in measured.iter_recorded() {
                // The bounds are the same, so that every value has its bucket.
                total.saturating_record_n(
                    bucket.value_iterated_to(),
                    bucket.count_at_value().into(),
                );
            }
        }
        self.saturated += measured.saturated;
    }
}

impl Default for LatencyTotal {
    fn default() -> Self {
        Self { response: histogram(), service: histogram(), pacing: histogram(), saturated: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Stats;

    #[test]
    fn what_was_taken_second_by_second_is_what_would_have_been_measured_at_once() {
        let stats = Stats::new(1);
        let mut at_once = LatencyTotal::default();
        let mut taken = Latency::default();
        for second in 1..=50_u64 {
            for place in 0..200 {
                let (ns, many) = (second * 977 * (place * place * place + 1), place % 7 + 1);
                stats.latency.lock().record_response(ns, many);
                at_once.response.record_n(ns, many).unwrap();
            }
            stats.latency.lock().record_service(u64::MAX, second);
            at_once.service.saturating_record_n(u64::MAX, second);
            stats.take_latency(&mut taken);
            let of_second = (0..200_u64).map(|place| place % 7 + 1).sum::<u64>();
            assert_eq!((taken.response.len(), taken.saturated), (of_second, second));
        }
        stats.take_latency(&mut taken);
        assert!(taken.response.is_empty() && taken.service.is_empty());
        let total = stats.latency_total.lock();
        assert_eq!(total.response, at_once.response);
        assert_eq!(total.service, at_once.service);
        assert_eq!(total.saturated, (1..=50).sum::<u64>());
        assert_eq!(
            total.response.value_at_quantile(0.99),
            at_once.response.value_at_quantile(0.99)
        );
    }
}
