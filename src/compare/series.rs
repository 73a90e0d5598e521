//! How far the mean of a series may be off whose values depend on those before.
//!
//! A second resembles the one before it, so that n seconds say less than n independent values
//! would. A series in which each value keeps a share rho of the last one's deviation (AR(1)) is
//! worth n (1 - rho) / (1 + rho) of them (H. J. Thiébaux and F. W. Zwiers, Journal of Climate and
//! Applied Meteorology 23, 1984), and its variance is estimated too low by as much as the mean
//! follows it. The estimate of rho is too low in short series; (1 + 4 rho) / n is added (M. G.
//! Kendall, Biometrika 41, 1954). A negative rho, with which values would be worth more, is not
//! used.
//!
//! The degrees of freedom are those of a variance that is as uncertain as this one: by the delta
//! method the logarithm of (1 + rho) / (1 - rho) varies by 4 / (n (1 - rho^2)) and that of the
//! values' variance by 2 (1 + rho^2) / (n (1 - rho^2)) (M. S. Bartlett, 1946).

use super::moments::Moments;
use super::moments::StandardError;

/// A series that drifts that much is worth next to nothing, whatever its length.
const RHO_MAX: f64 = 0.99;

/// Returns how far the mean of a series may be off.
pub(super) fn of(values: &[f64]) -> StandardError {
    let moments = Moments::of(values);
    let (rho, count) = (rho(values, moments), moments.count);
    // At least two, or nothing could be said; the error is that of so few then.
    let worth = (count * (1.0 - rho) / (1.0 + rho)).max(2.0);
    let variance = moments.variance * (count - 1.0) / (count - count / worth);
    let freedom = (count * (1.0 - rho * rho) / (3.0 + rho * rho)).max(1.0);
    StandardError { value: (variance / worth).sqrt(), freedom }
}

/// Returns the correlation of values with the next ones.
fn rho(values: &[f64], moments: Moments) -> f64 {
    let off = |value: f64| value - moments.mean;
    let squares = values.iter().map(|value| off(*value) * off(*value)).sum::<f64>();
    if squares <= 0.0 {
        return 0.0;
    }
    let products = values.windows(2).map(|two| off(two[0]) * off(two[1])).sum::<f64>();
    let rho = products / squares;
    (rho + (1.0 + 4.0 * rho) / moments.count).clamp(0.0, RHO_MAX)
}
