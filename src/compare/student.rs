//! Student's distribution: from a confidence to how many standard errors that takes.

/// Returns how many standard errors around a mean hold it with this confidence.
pub(super) fn quantile(level: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while inside(high, freedom) < level && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if inside(middle, freedom) < level { low = middle } else { high = middle }
    }
    high
}

/// Returns the probability of being within `t` standard errors.
fn inside(t: f64, freedom: f64) -> f64 {
    let x = freedom / (freedom + t * t);
    1.0 - incomplete_beta(x, 0.5 * freedom, 0.5)
}

/// The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun,
/// 26.5.8) evaluated as Lentz does.
#[expect(clippy::many_single_char_names, reason = "as the formula has them")]
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast on this side alone.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let gammas = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b);
    let front = (gammas + a * x.ln() + b * (1.0 - x).ln()).exp() / a;
    let apart = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / apart(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for step in 1..500 {
        let m = f64::from(step);
        for term in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / apart(1.0 + term * d);
            c = apart(1.0 + term / c);
            fraction *= d * c;
        }
        if (d * c - 1.0).abs() < 1e-14 {
            break;
        }
    }
    front * fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_printed_tables() {
        for (level, freedom, expected) in [
            (0.95, 1.0, 12.706),
            (0.95, 2.0, 4.303),
            (0.95, 10.0, 2.228),
            (0.99, 5.0, 4.032),
            (0.99, 30.0, 2.750),
            (0.95, 1e6, 1.960),
            (0.90, 4.0, 2.132),
        ] {
            let found = quantile(level, freedom);
            assert!((found - expected).abs() < 6e-4, "{level} {freedom}: {found}");
        }
    }
}
