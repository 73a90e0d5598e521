//! Means and how far they may be off.

/// What is known of some values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) count: f64,
    pub(super) mean: f64,
    /// Their variance, not that of the mean; not a number for less than two.
    pub(super) variance: f64,
}

/// A standard error, and by how many degrees of freedom it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct StandardError {
    pub(super) value: f64,
    pub(super) freedom: f64,
}

impl Moments {
    #[expect(clippy::cast_precision_loss, reason = "a number of values")]
    pub(super) fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        Self { count, mean, variance: squares / (count - 1.0) }
    }

    /// Returns how far the mean of independent values may be off.
    pub(super) fn of_mean(self) -> StandardError {
        StandardError { value: (self.variance / self.count).sqrt(), freedom: self.count - 1.0 }
    }
}

/// Of a difference of two means, by Welch and Satterthwaite.
pub(super) fn welch(a: StandardError, b: StandardError) -> Option<StandardError> {
    let (a2, b2) = (a.value * a.value, b.value * b.value);
    if !(a.freedom >= 1.0 && b.freedom >= 1.0) {
        return None;
    }
    let sum = a2 + b2;
    let freedom = sum * sum / (a2 * a2 / a.freedom + b2 * b2 / b.freedom);
    // Nothing varies.
    let freedom = if sum > 0.0 { freedom } else { a.freedom + b.freedom };
    Some(StandardError { value: sum.sqrt(), freedom })
}

/// Of the difference between the mean of several and that of `others` more, all as noisy as these.
pub(super) fn student(several: Moments, others: f64) -> Option<StandardError> {
    let freedom = several.count - 1.0;
    let value = (several.variance * (1.0 / several.count + 1.0 / others)).sqrt();
    (freedom >= 1.0).then_some(StandardError { value, freedom })
}
