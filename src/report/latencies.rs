//! How long records took: percentiles for a person, and the whole histograms for whoever merges or
//! compares runs, since percentiles cannot be added.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Serializer;
use hdrhistogram::serialization::V2DeflateSerializer;
use serde::Deserialize;
use serde::Serialize;

use crate::stats::LatencyTotal;

/// How long records took.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Latencies {
    /// Due to receipt; `null` at maximum rate, where nothing is due.
    pub response: Option<Percentiles>,
    /// Send to receipt.
    pub service: Option<Percentiles>,
    /// How late the pacer let batches go that it had to wait with; `null` at maximum rate.
    pub pacing: Option<Percentiles>,
    /// Values of over an hour, which stand in the histograms as an hour.
    pub saturated: u64,
}

impl Latencies {
    /// Takes the percentiles of what was measured.
    #[must_use]
    pub fn of(total: &LatencyTotal) -> Self {
        Self {
            response: Percentiles::of(&total.response),
            service: Percentiles::of(&total.service),
            pacing: Percentiles::of(&total.pacing),
            saturated: total.saturated,
        }
    }
}

/// Percentiles of a latency, in nanoseconds, 3 significant digits.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Percentiles {
    /// Half were faster.
    pub p50_ns: u64,
    /// 99 % were faster.
    pub p99_ns: u64,
    /// 99.9 % were faster.
    pub p999_ns: u64,
    /// The slowest.
    pub max_ns: u64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        (!histogram.is_empty()).then(|| Self {
            p50_ns: histogram.value_at_quantile(0.50),
            p99_ns: histogram.value_at_quantile(0.99),
            p999_ns: histogram.value_at_quantile(0.999),
            max_ns: histogram.max(),
        })
    }
}

/// The latencies whole, each in HdrHistogram's V2 compressed form as base64 (as in its own logs),
/// in nanoseconds from 1 to an hour, 3 significant digits; `null` where nothing was measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Histograms {
    /// Due to receipt.
    pub response: Option<String>,
    /// Send to receipt.
    pub service: Option<String>,
    /// How late the pacer let batches go.
    pub pacing: Option<String>,
}

impl Histograms {
    /// Writes what was measured down.
    #[must_use]
    pub fn of(total: &LatencyTotal) -> Self {
        Self {
            response: histogram_text(&total.response),
            service: histogram_text(&total.service),
            pacing: histogram_text(&total.pacing),
        }
    }
}

/// Writes a histogram in HdrHistogram's V2 compressed form as base64; `None`: it is empty.
#[must_use]
pub fn histogram_text(histogram: &Histogram<u64>) -> Option<String> {
    if histogram.is_empty() {
        return None;
    }
    let mut bytes = Vec::new();
    // Into memory, of a histogram far below what the format has room for.
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::Deserializer;

    use super::*;

    #[test]
    fn a_histogram_that_is_read_again_is_the_same() {
        let mut total = LatencyTotal::default();
        for place in 0..5_000 {
            total.response.record_n(place * place * 991, place % 3 + 1).unwrap();
        }
        total.service.record(u64::MAX / 4).unwrap_err();
        total.service.record(3_600_000_000_000).unwrap();
        let texts = Histograms::of(&total);
        assert_eq!(texts.pacing, None);
        for (text, histogram) in
            [(texts.response, &total.response), (texts.service, &total.service)]
        {
            let bytes = STANDARD.decode(text.unwrap()).unwrap();
            let read: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
            assert_eq!(read, *histogram);
            assert_eq!((read.low(), read.high(), read.sigfig()), (1, 3_600_000_000_000, 3));
        }
    }
}
