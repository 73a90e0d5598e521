//! How far the mean of a series may be off whose values depend on those before.
//!
//! A second resembles the one before it, so that n seconds say less than n independent values would. A
//! series in which each value keeps a share rho of the last one's deviation (AR(1)) is worth
//! n (1 - rho) / (1 + rho) of them (H. J. Thiébaux and F. W. Zwiers, Journal of Climate and Applied
//! Meteorology 23, 1984). The estimate of rho is too low in short series; (1 + 4 rho) / n is added (M. G.
//! Kendall, Biometrika 41, 1954). A negative rho, with which values would be worth more, is not used.

use super::moments::Moments;
use super::moments::StandardError;

/// A series that drifts that much is worth next to nothing, whatever its length.
const RHO_MAX: f64 = 0.99;

/// Returns how far the mean of a series may be off.
pub(super) fn of(values: &[f64]) -> StandardError {
    let moments = Moments::of(values);
    let worth = moments.count * (1.0 - rho(values, moments)) / (1.0 + rho(values, moments));
    // At least two, or nothing could be said; the error is that of so few then.
    let worth = worth.max(2.0);
    StandardError { value: (moments.variance / worth).sqrt(), freedom: worth - 1.0 }
}

/// Returns the correlation of values with the next ones.
pub(super) fn rho(values: &[f64], moments: Moments) -> f64 {
    let off = |value: f64| value - moments.mean;
    let squares = values.iter().map(|value| off(*value) * off(*value)).sum::<f64>();
    if squares <= 0.0 {
        return 0.0;
    }
    let products = values.windows(2).map(|two| off(two[0]) * off(two[1])).sum::<f64>();
    let rho = products / squares;
    (rho + (1.0 + 4.0 * rho) / moments.count).clamp(0.0, RHO_MAX)
}
