//! Objectives held against what was reached: at the end, and once a second where a run is to stop
//! when one is broken.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::plan::Metric;
use crate::plan::Objective;
use crate::plan::Quantile;
use crate::stats::LatencyTotal;

/// An objective that better seconds could still mend is broken when it was not reached, over all
/// that was measured so far, in so many seconds one after the other.
const PATIENCE_SECONDS: u32 = 5;

/// What a run reached, or has so far.
pub struct Reached<'a> {
    /// How long records took.
    pub latency: &'a LatencyTotal,
    /// The share of the records that are lost.
    pub errors: f64,
    /// The share of the target rate; not a number where there is none.
    pub rate: f64,
}

/// A run that was stopped because an objective was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Abandoned {
    /// The objective as it was typed.
    pub objective: String,
    /// When that was, in nanoseconds since the start.
    pub after_ns: u64,
}

/// How long each objective was not reached.
#[derive(Debug, Default)]
pub struct Patience {
    seconds: Vec<u32>,
}

impl Reached<'_> {
    /// Returns whether an objective is not reached; one about something that nothing was measured
    /// of is not.
    #[must_use]
    pub fn misses(&self, objective: &Objective) -> bool {
        !objective.is_met(self.value(objective.metric))
    }

    /// Returns the value that an objective is about; not a number: nothing was measured.
    #[expect(clippy::cast_precision_loss, reason = "compared with bounds of three digits")]
    fn value(&self, metric: Metric) -> f64 {
        let of = |histogram: &Histogram<u64>, quantile| match quantile {
            _ if histogram.is_empty() => f64::NAN,
            Quantile::P50 => histogram.value_at_quantile(0.5) as f64,
            Quantile::P99 => histogram.value_at_quantile(0.99) as f64,
            Quantile::P999 => histogram.value_at_quantile(0.999) as f64,
            Quantile::Max => histogram.max() as f64,
        };
        match metric {
            Metric::Response(quantile) => of(&self.latency.response, quantile),
            Metric::Service(quantile) => of(&self.latency.service, quantile),
            Metric::Errors => self.errors,
            Metric::Rate => self.rate,
        }
    }
}

impl Patience {
    /// Looks at what was reached by the end of a second; returns the objective that is broken.
    pub fn broken<'o>(
        &mut self,
        objectives: &'o [Objective],
        reached: &Reached,
    ) -> Option<&'o Objective> {
        self.seconds.resize(objectives.len(), 0);
        let mut broken = None;
        for (objective, seconds) in objectives.iter().zip(&mut self.seconds) {
            let value = reached.value(objective.metric);
            if objective.is_met(value) {
                *seconds = 0;
            } else if !value.is_nan() {
                *seconds += 1;
                if *seconds >= PATIENCE_SECONDS || objective.is_lost_once_missed() {
                    broken = broken.or(Some(objective));
                }
            }
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Objectives;

    #[test]
    fn what_may_yet_be_mended_is_given_time_and_what_may_not_is_not() {
        let objectives =
            "response.p99<20ms,response.max<1s,errors<1%".parse::<Objectives>().unwrap().0;
        let mut patience = Patience::default();
        let mut latency = LatencyTotal::default();
        let mut looked = |latency: &LatencyTotal, errors| {
            let reached = Reached { latency, errors, rate: f64::NAN };
            patience.broken(&objectives, &reached).map(|broken| broken.text().to_owned())
        };
        // Nothing was measured yet.
        for _ in 0..20 {
            assert_eq!(looked(&latency, 0.0), None);
        }
        latency.response.record_n(30_000_000, 100).unwrap();
        for _ in 0..4 {
            assert_eq!(looked(&latency, 0.0), None);
        }
        // One second in which it is reached after all, and everything begins anew.
        latency.response.record_n(1_000_000, 100_000).unwrap();
        assert_eq!(looked(&latency, 0.0), None);
        latency.response.record_n(30_000_000, 10_000).unwrap();
        for _ in 0..4 {
            assert_eq!(looked(&latency, 0.5), None);
        }
        assert_eq!(looked(&latency, 0.001).as_deref(), Some("response.p99<20ms"));
        let mut slow = LatencyTotal::default();
        slow.response.record_n(1_000_000, 1_000_000).unwrap();
        slow.response.record(1_100_000_000).unwrap();
        assert_eq!(looked(&slow, 0.0).as_deref(), Some("response.max<1s"));
    }
}
