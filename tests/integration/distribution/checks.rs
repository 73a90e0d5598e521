//! Statistical checks. Each returns what is wrong, so that a wrong expectation can be shown to
//! fail it.

use std::fmt::Debug;

/// Standard deviations that a figure may be off: by chance one in 1.7 million is.
const DEVIATIONS: f64 = 5.0;

pub(super) type Checked = Result<(), String>;

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// Checks a figure against what it should be, by its standard deviation.
pub(super) fn near(found: f64, expected: f64, deviation: f64) -> Checked {
    let off = (found - expected).abs() / deviation;
    let said = || format!("{found} for {expected} is off by {off} standard deviations");
    if off <= DEVIATIONS { Ok(()) } else { Err(said()) }
}

/// Checks how many of so many there are, by the binomial distribution; a share of 0 or 1 is exact.
pub(super) fn share(count: u32, of: u32, share: f64) -> Checked {
    let all = f64::from(of);
    let deviation = (all * share * (1.0 - share)).sqrt().max(f64::MIN_POSITIVE);
    near(f64::from(count), all * share, deviation)
}

/// Returns the quantile of the chi-square distribution that lies as far out as five standard
/// deviations of a normal one, 1 - 2.9e-7 (Wilson and Hilferty 1931).
fn chi_square_max(degrees: f64) -> f64 {
    let part = 2.0 / (9.0 * degrees);
    degrees * (1.0 - part + DEVIATIONS * part.sqrt()).powi(3)
}

/// Checks counts against shares (of any sum) by Pearson's chi-square; a share of 0 is exact.
pub(super) fn fits(counts: &[u32], shares: &[f64]) -> Checked {
    assert_eq!(counts.len(), shares.len(), "{counts:?}");
    let all: f64 = counts.iter().copied().map(f64::from).sum();
    let per_share = all / shares.iter().sum::<f64>();
    let (mut chi_square, mut degrees) = (0.0, -1.0);
    for (count, share) in counts.iter().zip(shares) {
        let expected = share * per_share;
        if *share > 0.0 {
            assert!(expected >= 5.0, "too few for a chi-square: {expected}");
            chi_square += (f64::from(*count) - expected).powi(2) / expected;
            degrees += 1.0;
        } else if *count > 0 {
            return Err(format!("{count} where none should be: {counts:?}"));
        }
    }
    assert!(degrees > 0.0, "one place says nothing: {shares:?}");
    let max = chi_square_max(degrees);
    let said = || format!("chi-square {chi_square} above {max}: {counts:?} for {shares:?}");
    if chi_square <= max { Ok(()) } else { Err(said()) }
}

/// Checks that counts are of equal shares.
pub(super) fn even(counts: &[u32]) -> Checked {
    fits(counts, &vec![1.0; counts.len()])
}

/// Returns how often each value came up; there may be no others.
pub(super) fn of_each<T: PartialEq + Debug>(values: &[T], expected: &[T]) -> Vec<u32> {
    let mut counts = vec![0; expected.len()];
    for value in values {
        let place = expected.iter().position(|own| own == value);
        counts[place.unwrap_or_else(|| panic!("{value:?} is none of {expected:?}"))] += 1;
    }
    counts
}

/// Returns how many whole numbers are in each of so many equal parts of `min` to `max`, both ends
/// within it; there may be no others.
pub(super) fn parts<N>(wholes: &[N], min: i128, max: i128, parts: i128) -> Vec<u32>
where
    N: Copy + Into<i128>,
{
    let span = max - min + 1;
    assert_eq!(span % parts, 0, "{parts} equal parts");
    let mut counts = vec![0; usize::try_from(parts).unwrap()];
    for whole in wholes {
        let whole: i128 = (*whole).into();
        assert!((min..=max).contains(&whole), "{whole} is not within {min} to {max}");
        counts[usize::try_from((whole - min) / (span / parts)).unwrap()] += 1;
    }
    counts
}

/// Returns how many numbers lie before the first edge, from each edge up to the next, and from the
/// last on.
pub(super) fn between(numbers: &[f64], edges: &[f64]) -> Vec<u32> {
    let mut counts = vec![0; edges.len() + 1];
    for number in numbers {
        assert!(number.is_finite(), "{number}");
        counts[edges.partition_point(|edge| edge <= number)] += 1;
    }
    counts
}

/// Checks that numbers are spread evenly from `min` up to but not including `max`.
pub(super) fn even_between(numbers: &[f64], min: f64, max: f64) -> Checked {
    let edges: Vec<f64> = (0..=16).map(|part| min + (max - min) * f64::from(part) / 16.0).collect();
    let mut shares = [1.0; 18];
    (shares[0], shares[17]) = (0.0, 0.0);
    fits(&between(numbers, &edges), &shares)
}

/// Checks a sample of a normal distribution by its mean and deviation.
pub(super) fn moments(numbers: &[f64], mean: f64, deviation: f64) -> Checked {
    let count = number(numbers.len());
    let found = numbers.iter().sum::<f64>() / count;
    near(found, mean, deviation / count.sqrt()).map_err(|said| format!("mean: {said}"))?;
    let squares: f64 = numbers.iter().map(|number| (number - found).powi(2)).sum();
    let error = deviation / (2.0 * count).sqrt();
    let found = (squares / (count - 1.0)).sqrt();
    near(found, deviation, error).map_err(|said| format!("deviation: {said}"))
}

/// Quantiles of the normal distribution above its mean, and the share that lies from the one before
/// up to each (Python's `statistics.NormalDist().inv_cdf`).
const QUANTILES: [(f64, f64); 6] = [
    (0.253_347_103_135_799_7, 0.1),
    (0.524_400_512_708_040_9, 0.1),
    (0.841_621_233_572_914_2, 0.1),
    (1.281_551_565_544_600_4, 0.1),
    (2.326_347_874_040_841, 0.09),
    (3.090_232_306_167_813_5, 0.009),
];

/// Checks a sample of a normal distribution by its mean, deviation and quantiles.
pub(super) fn normal(numbers: &[f64], mean: f64, deviation: f64) -> Checked {
    moments(numbers, mean, deviation)?;
    let above = QUANTILES.map(|(quantile, _)| quantile);
    let below = above.map(|quantile| -quantile).into_iter().rev();
    let edges: Vec<f64> = below.chain([0.0]).chain(above).map(|at| mean + deviation * at).collect();
    let inner = QUANTILES.map(|(_, share)| share).into_iter();
    let outer = [0.001];
    let below = outer.into_iter().chain(inner.clone().rev());
    let shares: Vec<f64> = below.chain(inner).chain(outer).collect();
    fits(&between(numbers, &edges), &shares)
}

#[test]
fn a_check_finds_what_is_wrong() {
    assert_eq!(near(1.0, 1.4, 0.1), Ok(()));
    assert!(near(1.0, 1.6, 0.1).is_err() && near(f64::NAN, 1.0, 0.1).is_err());
    assert_eq!(share(8_600, 10_000, 0.85), Ok(()));
    assert!(share(8_700, 10_000, 0.85).is_err() && share(1, 10_000, 0.0).is_err());
    assert_eq!(share(0, 10_000, 0.0), Ok(()));
    assert_eq!(fits(&[480, 520, 0], &[1.0, 1.0, 0.0]), Ok(()));
    assert!(fits(&[480, 520, 1], &[1.0, 1.0, 0.0]).is_err());
    assert!(fits(&[400, 600], &[1.0, 1.0]).is_err());
    assert!(even(&[1_000, 1_000, 1_000, 0]).is_err());
    assert_eq!(of_each(&["b", "a", "b"], &["a", "b"]), [1, 2]);
    assert_eq!(parts(&[-2_i64, 0, 1], -2, 1, 2), [1, 2]);
    assert_eq!(between(&[0.0, 1.0, 2.0], &[1.0]), [1, 2]);
    // One of each thousandth, and the same a hundredth of the range wider.
    let thousandths: Vec<f64> = (0..20_000).map(|number| f64::from(number) / 20_000.0).collect();
    assert_eq!(even_between(&thousandths, 0.0, 1.0), Ok(()));
    assert!(even_between(&thousandths, 0.01, 1.0).is_err());
    assert!(even_between(&thousandths, 0.0, 1.05).is_err());
    // The same mean and deviation as an even spread has, which is no normal one.
    let deviation = (1.0_f64 / 12.0).sqrt();
    assert_eq!(moments(&thousandths, 0.5, deviation), Ok(()));
    assert!(normal(&thousandths, 0.5, deviation).unwrap_err().starts_with("chi-square"));
}

/// What the approximation comes to, and where the incomplete gamma function has it.
#[test]
fn the_quantile_is_the_one_of_the_distribution() {
    for (degrees, exact) in [(15.0, 59.676), (63.0, 135.873), (255.0, 384.321)] {
        let found = chi_square_max(degrees);
        assert!((exact..exact * 1.02).contains(&found), "{degrees}: {found}");
    }
}
