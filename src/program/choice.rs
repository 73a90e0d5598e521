//! Which source sends a record.

use std::fmt;
use std::str::FromStr;

use fastrand::Rng;
use serde::Serialize;
use serde::Serializer;

use super::draw::below;
use super::draw::unit;
use crate::units::Sources;

/// The exponent of `zipf` without one: a source is about as often the sender as its rank is small.
const ZIPF_EXPONENT: f64 = 1.0;

/// Exponents of `zipf`: beyond these one source sends all, or each as much as any other.
const ZIPF_EXPONENTS: std::ops::RangeInclusive<f64> = 0.01..=10.0;

/// How the source of a record is chosen, as `--source-choice` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum SourceChoice {
    /// Each as likely as any other.
    #[default]
    Uniform,
    /// In turn.
    Rotate,
    /// The first most often: the one of rank r in proportion to 1 / r^exponent.
    Zipf(f64),
}

/// A choice of sources that cannot be read.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("it is uniform, rotate, zipf, or zipf:S with S from 0.01 to 10, such as zipf:1.2")]
pub struct SourceChoiceError;

impl FromStr for SourceChoice {
    type Err = SourceChoiceError;

    fn from_str(text: &str) -> Result<Self, SourceChoiceError> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("uniform", "") => Ok(Self::Uniform),
            ("rotate", "") => Ok(Self::Rotate),
            ("zipf", "") if text == "zipf" => Ok(Self::Zipf(ZIPF_EXPONENT)),
            ("zipf", exponent) => {
                let exponent = exponent.parse().ok().filter(|s| ZIPF_EXPONENTS.contains(s));
                exponent.map(Self::Zipf).ok_or(SourceChoiceError)
            }
            _ => Err(SourceChoiceError),
        }
    }
}

impl fmt::Display for SourceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::Rotate => f.write_str("rotate"),
            Self::Zipf(exponent) => write!(f, "zipf:{exponent}"),
        }
    }
}

impl Serialize for SourceChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A choice among given sources.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourcePick {
    sources: Sources,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Uniform,
    Rotate,
    Zipf(Zipf),
}

impl SourcePick {
    pub(super) fn new(choice: SourceChoice, sources: Sources) -> Self {
        let how = match choice {
            SourceChoice::Uniform => How::Uniform,
            SourceChoice::Rotate => How::Rotate,
            SourceChoice::Zipf(exponent) => {
                How::Zipf(Zipf::new(sources.end - sources.first, exponent))
            }
        };
        Self { sources, how }
    }

    /// Returns whether a draw takes a few nanoseconds.
    pub(super) const fn is_cheap(&self) -> bool {
        !matches!(self.how, How::Zipf(_))
    }

    /// Returns the source of the record or lifecycle of this number.
    #[inline]
    pub(super) fn draw(&self, number: u64, rng: &mut Rng) -> u64 {
        let Sources { first, end } = self.sources;
        match &self.how {
            How::Uniform => first + below(rng, end - first),
            How::Rotate => first + number % (end - first),
            How::Zipf(zipf) => first + zipf.draw(rng),
        }
    }
}

/// Zipf's distribution over any number of ranks in constant memory: rejection-inversion (Hörmann
/// and Derflinger 1996, "Rejection-inversion to generate variates from monotone discrete
/// distributions"). Ranks count from 0.
#[derive(Clone, Copy, Debug)]
struct Zipf {
    exponent: f64,
    ranks: f64,
    /// The integral up to the last rank, and what lies before the first one, from which it is
    /// drawn.
    integral_last: f64,
    integral_first: f64,
    /// Candidates so close to their rank are taken without a look at the density.
    close: f64,
}

/// Candidates of one draw at most: each is taken more often than not.
const TRIES: usize = 100;

impl Zipf {
    #[expect(clippy::cast_precision_loss, reason = "at most 10^10 sources")]
    fn new(ranks: u64, exponent: f64) -> Self {
        let ranks = ranks as f64;
        let mut zipf =
            Self { exponent, ranks, integral_last: 0.0, integral_first: 0.0, close: 0.0 };
        zipf.integral_first = zipf.integral(1.5) - 1.0;
        zipf.integral_last = zipf.integral(ranks + 0.5);
        zipf.close = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to ranks")]
    fn draw(&self, rng: &mut Rng) -> u64 {
        for _ in 0..TRIES {
            let at = self.integral_last + unit(rng) * (self.integral_first - self.integral_last);
            let candidate = self.inverse(at);
            let rank = (candidate + 0.5).clamp(1.0, self.ranks) as u64;
            #[expect(clippy::cast_precision_loss, reason = "at most 10^10 sources")]
            let whole = rank as f64;
            if whole - candidate <= self.close
                || at >= self.integral(whole + 0.5) - self.density(whole)
            {
                return rank - 1;
            }
        }
        0
    }

    fn density(&self, x: f64) -> f64 {
        libm::exp(-self.exponent * libm::log(x))
    }

    /// The integral of the density, up to a constant.
    fn integral(&self, x: f64) -> f64 {
        let log = libm::log(x);
        let power = (1.0 - self.exponent) * log;
        // (e^power - 1) / power, which tends to 1.
        let slope = if power.abs() > 1e-8 { libm::expm1(power) / power } else { 1.0 };
        slope * log
    }

    fn inverse(&self, y: f64) -> f64 {
        let t = (y * (1.0 - self.exponent)).max(-1.0);
        // log(1 + t) / t, which tends to 1.
        let slope = if t.abs() > 1e-8 { libm::log1p(t) / t } else { 1.0 };
        libm::exp(slope * y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_and_printed_again() {
        for text in ["uniform", "rotate", "zipf:1", "zipf:0.8"] {
            assert_eq!(text.parse::<SourceChoice>().unwrap().to_string(), text);
        }
        assert_eq!("zipf".parse(), Ok(SourceChoice::Zipf(1.0)));
        for text in ["", "zip", "zipf:", "zipf:0", "zipf:x", "zipf:11", "uniform:2", "zipf:nan"] {
            assert!(text.parse::<SourceChoice>().is_err(), "{text}");
        }
    }

    #[test]
    fn zipf_has_the_shares_that_it_should() {
        for exponent in [0.5, 1.0, 1.7] {
            let zipf = Zipf::new(50, exponent);
            let mut rng = Rng::with_seed(3);
            let mut counts = [0_u32; 50];
            for _ in 0..200_000 {
                counts[usize::try_from(zipf.draw(&mut rng)).unwrap()] += 1;
            }
            let shares: Vec<f64> = (1..=50).map(|rank| f64::from(rank).powf(-exponent)).collect();
            let total: f64 = shares.iter().sum();
            for (count, share) in counts.iter().zip(&shares) {
                let expected = share / total * 200_000.0;
                let deviation = (expected * (1.0 - share / total)).sqrt();
                let off = (f64::from(*count) - expected).abs();
                assert!(off < 5.0 * deviation, "{exponent}: {count} for {expected}");
            }
        }
    }

    #[test]
    fn rotation_visits_every_source_and_a_billion_ranks_take_no_memory() {
        let sources = Sources { first: 10, end: 14 };
        let pick = SourcePick::new(SourceChoice::Rotate, sources);
        let mut rng = Rng::with_seed(1);
        let drawn: Vec<u64> = (0..6).map(|number| pick.draw(number, &mut rng)).collect();
        assert_eq!(drawn, [10, 11, 12, 13, 10, 11]);
        let many = Sources { first: 0, end: 10_000_000_000 };
        let pick = SourcePick::new(SourceChoice::Zipf(1.0), many);
        assert!((0..10_000).all(|number| pick.draw(number, &mut rng) < many.end));
    }
}
