//! Objectives as a person writes them: `response.p99<20ms,errors<0.1%,rate>=99%`.

use std::str::FromStr;

use serde::Serialize;

use crate::units::parse_duration;
use crate::units::parse_share;

/// What an objective is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A quantile of the response time, in nanoseconds.
    Response(Quantile),
    /// A quantile of the service time, in nanoseconds.
    Service(Quantile),
    /// The share of the records that were due and are not acknowledged.
    Errors,
    /// The share of the target rate that was reached.
    Rate,
}

/// Which value of a latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantile {
    /// Half were faster.
    P50,
    /// 99 % were faster.
    P99,
    /// 99.9 % were faster.
    P999,
    /// The slowest.
    Max,
}

/// What a run has to reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    text: String,
    /// What it is about.
    pub metric: Metric,
    comparison: Comparison,
    bound: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// Each comparison as it is written; the longer ones first.
const COMPARISONS: [(&str, Comparison); 4] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

/// Each metric as it is written.
const METRICS: [(&str, Metric); 12] = [
    ("response.p50", Metric::Response(Quantile::P50)),
    ("response.p99", Metric::Response(Quantile::P99)),
    ("response.p999", Metric::Response(Quantile::P999)),
    ("response.p99.9", Metric::Response(Quantile::P999)),
    ("response.max", Metric::Response(Quantile::Max)),
    ("service.p50", Metric::Service(Quantile::P50)),
    ("service.p99", Metric::Service(Quantile::P99)),
    ("service.p999", Metric::Service(Quantile::P999)),
    ("service.p99.9", Metric::Service(Quantile::P999)),
    ("service.max", Metric::Service(Quantile::Max)),
    ("errors", Metric::Errors),
    ("rate", Metric::Rate),
];

/// An objective that cannot be read, or not be meant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ObjectiveError {
    /// It is none.
    #[error(
        "'{0}' is not an objective, such as response.p99<20ms, service.max<=1s, errors<0.1% or \
         rate>=99%"
    )]
    Unreadable(String),
    /// Elsewhere a number alone is of seconds; a latency is hardly ever meant in them.
    #[error("{0} has no unit: {0}ms, {0}us or {0}s")]
    NoUnit(String),
    /// Whatever the run does.
    #[error("no share is below 0 %: errors<=0%")]
    NeverReached,
}

impl Objective {
    /// Returns whether this value reaches it.
    #[must_use]
    pub fn is_met(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Below => value < self.bound,
            Comparison::AtMost => value <= self.bound,
            Comparison::Above => value > self.bound,
            Comparison::AtLeast => value >= self.bound,
        }
    }

    /// Returns it as it was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether nothing that comes later can mend it: the slowest stays the slowest.
    #[must_use]
    pub const fn is_lost_once_missed(&self) -> bool {
        let is_slowest =
            matches!(self.metric, Metric::Response(Quantile::Max) | Metric::Service(Quantile::Max));
        is_slowest && matches!(self.comparison, Comparison::Below | Comparison::AtMost)
    }

    /// Returns whether it needs records with due times.
    #[must_use]
    pub const fn needs_target(&self) -> bool {
        matches!(self.metric, Metric::Response(_) | Metric::Rate)
    }
}

impl FromStr for Objective {
    type Err = ObjectiveError;

    fn from_str(text: &str) -> Result<Self, ObjectiveError> {
        let text = text.trim();
        let unreadable = || ObjectiveError::Unreadable(text.to_owned());
        let split = |(sign, comparison)| {
            text.split_once(sign).map(|(name, bound)| (name.trim(), comparison, bound.trim()))
        };
        let (name, comparison, bound) =
            COMPARISONS.into_iter().find_map(split).ok_or_else(unreadable)?;
        let known = METRICS.iter().find(|(known, _)| *known == name);
        let metric = known.ok_or_else(unreadable)?.1;
        let bound = match metric {
            Metric::Errors | Metric::Rate => parse_share(bound).map_err(|_| unreadable())?,
            Metric::Response(_) | Metric::Service(_) => {
                let duration = parse_duration(bound).map_err(|_| unreadable())?;
                if !bound.ends_with(|c: char| c.is_alphabetic()) {
                    return Err(ObjectiveError::NoUnit(bound.to_owned()));
                }
                duration.as_secs_f64() * 1e9
            }
        };
        if metric == Metric::Errors && comparison == Comparison::Below && bound <= 0.0 {
            return Err(ObjectiveError::NeverReached);
        }
        Ok(Self { text: text.to_owned(), metric, comparison, bound })
    }
}

impl Serialize for Objective {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Several objectives, all of which have to be reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Objectives(pub Vec<Objective>);

impl FromStr for Objectives {
    type Err = ObjectiveError;

    fn from_str(text: &str) -> Result<Self, ObjectiveError> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_read_and_compare_as_written() {
        let Objectives(read) =
            "response.p99<20ms, errors<=0.1%,rate>=99%,service.max>1s".parse().unwrap();
        let met = |values: [f64; 4]| {
            let each = read.iter().zip(values).map(|(objective, value)| objective.is_met(value));
            each.collect::<Vec<_>>()
        };
        assert_eq!(met([19e6, 0.001, 0.99, 2e9]), [true; 4]);
        assert_eq!(met([20e6, 0.002, 0.98, 1e9]), [false; 4]);
        assert_eq!(read[1].text(), "errors<=0.1%");
        for text in ["", "p99<20ms", "response.p99=20ms", "response.p98<2ms", "rate>=99"] {
            let error = text.parse::<Objectives>().unwrap_err().to_string();
            assert!(error.contains("errors<0.1%"), "{error}");
        }
        let read = |text: &str| text.parse::<Objectives>().map(|read| read.0[0].metric);
        assert_eq!(read("service.p99.9<1s"), read("service.p999<1s"));
    }

    #[test]
    fn what_can_hardly_be_meant_is_refused_with_what_may_be() {
        for (text, said) in [
            ("response.p99<20", "20 has no unit: 20ms, 20us or 20s"),
            ("rate>=99%,service.max<=0.5", "0.5 has no unit: 0.5ms, 0.5us or 0.5s"),
            ("errors<0%", "no share is below 0 %: errors<=0%"),
        ] {
            assert_eq!(text.parse::<Objectives>().unwrap_err().to_string(), said, "{text}");
        }
        assert!("errors<=0%,response.p99<20 ms".parse::<Objectives>().is_ok());
    }
}
