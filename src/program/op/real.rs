//! Real numbers that are not simply spread evenly over a range of doubles.
//!
//! Logarithm and exponential come from `libm`, not from the platform: the same seed has to make the
//! same bytes on every machine.

use fastrand::Rng;

use super::Draw;
use super::Uniform;
use super::put;
use super::unit;

/// Minutes of a day.
const MINUTES: usize = 1_440;

/// A real number: how it is spread, and what it never leaves.
#[derive(Clone, Debug)]
pub(in crate::program) struct Real {
    pub(in crate::program) spread: Spread,
    pub(in crate::program) min: f64,
    pub(in crate::program) max: f64,
    /// Whether it is written as a float.
    pub(in crate::program) is_float: bool,
}

/// How real numbers are spread.
#[derive(Clone, Debug)]
pub(in crate::program) enum Spread {
    /// Evenly.
    Even(Uniform),
    /// As the normal distribution.
    Normal { mean: f64, deviation: f64 },
    /// As the exponential of a normal distribution.
    LogNormal { mu: f64, sigma: f64 },
    /// Around what the time of the day makes it.
    Curve(Box<Curve>),
}

/// A value for every minute of a day (UTC), and how far from it numbers are, evenly.
#[derive(Clone, Debug)]
pub(in crate::program) struct Curve {
    minutes: Box<[f64]>,
    noise: f64,
}

impl Curve {
    /// Makes the curve that goes straight from each point (minute of the day, value) to the next,
    /// and from the last to the first of the next day. There is at least one; they ascend.
    #[expect(clippy::cast_precision_loss, reason = "a few thousand minutes")]
    pub(in crate::program) fn new(points: &[(usize, f64)], noise: f64) -> Self {
        let next_of = |minute: usize| {
            let next = points.iter().find(|(at, _)| *at > minute);
            next.map_or((points[0].0 + MINUTES, points[0].1), |next| *next)
        };
        let last = points[points.len() - 1];
        let value = |minute: usize| {
            let before = points.iter().rev().find(|(at, _)| *at <= minute);
            let since = before.map_or(minute + MINUTES - last.0, |before| minute - before.0);
            let low = before.unwrap_or(&last).1;
            let (next_at, high) = next_of(minute);
            low + (high - low) * since as f64 / (next_at - minute + since) as f64
        };
        Self { minutes: (0..MINUTES).map(value).collect(), noise }
    }

    /// Returns the least and the greatest value.
    pub(in crate::program) fn bounds(&self) -> (f64, f64) {
        let least = self.minutes.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = self.minutes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (least - self.noise, greatest + self.noise)
    }

    #[expect(clippy::cast_precision_loss, reason = "less than a minute")]
    fn draw(&self, rng: &mut Rng, event_time_ms: u64) -> f64 {
        let minutes = self.minutes.len() as u64;
        let minute = usize::try_from(event_time_ms / 60_000 % minutes).unwrap_or_default();
        let next = if minute + 1 < self.minutes.len() { minute + 1 } else { 0 };
        let part = (event_time_ms % 60_000) as f64 / 60_000.0;
        let (low, high) = (self.minutes[minute], self.minutes[next]);
        low + (high - low) * part + (unit(rng) * 2.0 - 1.0) * self.noise
    }
}

impl Real {
    pub(super) fn draw(&self, draw: &mut Draw) -> f64 {
        let value = match &self.spread {
            Spread::Even(range) => range.draw(&mut draw.rng),
            Spread::Normal { mean, deviation } => mean + deviation * normal(&mut draw.rng),
            Spread::LogNormal { mu, sigma } => libm::exp(mu + sigma * normal(&mut draw.rng)),
            Spread::Curve(curve) => curve.draw(&mut draw.rng, draw.event_time_ms),
        };
        value.clamp(self.min, self.max)
    }

    pub(super) fn write(&self, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
        let value = self.draw(draw);
        if !self.is_float {
            return put(out, at, &value.to_le_bytes());
        }
        #[expect(clippy::cast_possible_truncation, reason = "a float is asked for")]
        let value = value as f32;
        // The nearest float may lie beyond the range that the double is in.
        let within = if f64::from(value) > self.max { value.next_down() } else { value };
        put(out, at, &within.to_le_bytes())
    }
}

/// Draws from the normal distribution of mean 0 and deviation 1: the inverse of its cumulative
/// distribution (Wichura 1988, algorithm AS 241, PPND16) at a number drawn evenly. One draw a
/// number, and for six in seven of them neither logarithm nor root.
fn normal(rng: &mut Rng) -> f64 {
    let above_half = unit(rng) + f64::EPSILON / 2.0 - 0.5;
    if above_half.abs() <= 0.425 {
        let r = 0.180_625 - above_half * above_half;
        return above_half * rational(&CENTRE, r);
    }
    let tail = if above_half < 0.0 { 0.5 + above_half } else { 0.5 - above_half };
    let r = (-libm::log(tail)).sqrt();
    let value = if r <= 5.0 { rational(&MIDDLE, r - 1.6) } else { rational(&FAR, r - 5.0) };
    value.copysign(above_half)
}

/// Divides two polynomials, each with its highest coefficient first.
fn rational(coefficients: &[[f64; 8]; 2], x: f64) -> f64 {
    let [above, below] = coefficients.map(|c| c.iter().fold(0.0, |sum, c| sum * x + c));
    above / below
}

#[expect(clippy::excessive_precision, reason = "as published")]
const CENTRE: [[f64; 8]; 2] = [
    [
        2_509.080_928_730_122_672_7,
        33_430.575_583_588_128_105,
        67_265.770_927_008_700_853,
        45_921.953_931_549_871_457,
        13_731.693_765_509_461_125,
        1_971.590_950_306_551_442_7,
        133.141_667_891_784_377_45,
        3.387_132_872_796_366_608,
    ],
    [
        5_226.495_278_852_854_561,
        28_729.085_735_721_942_674,
        39_307.895_800_092_710_61,
        21_213.794_301_586_595_867,
        5_394.196_021_424_751_107_7,
        687.187_007_492_057_908_3,
        42.313_330_701_600_911_252,
        1.0,
    ],
];

#[expect(clippy::excessive_precision, reason = "as published")]
const MIDDLE: [[f64; 8]; 2] = [
    [
        7.745_450_142_783_414_076_4e-4,
        0.022_723_844_989_269_184_583_3,
        0.241_780_725_177_450_611_77,
        1.270_458_252_452_368_382_58,
        3.647_848_324_763_204_605_04,
        5.769_497_221_460_691_405_5,
        4.630_337_846_156_545_295_9,
        1.423_437_110_749_683_577_34,
    ],
    [
        1.050_750_071_644_416_843_24e-9,
        5.475_938_084_995_344_946e-4,
        0.015_198_666_563_616_457_196_6,
        0.148_103_976_427_480_074_59,
        0.689_767_334_985_100_004_55,
        1.676_384_830_183_803_849_4,
        2.053_191_626_637_758_821_87,
        1.0,
    ],
];

#[expect(clippy::excessive_precision, reason = "as published")]
const FAR: [[f64; 8]; 2] = [
    [
        2.010_334_399_292_288_132_65e-7,
        2.711_555_568_743_487_578_15e-5,
        0.001_242_660_947_388_078_438_6,
        0.026_532_189_526_576_123_093,
        0.296_560_571_828_504_891_23,
        1.784_826_539_917_291_335_8,
        5.463_784_911_164_114_369_9,
        6.657_904_643_501_103_777_2,
    ],
    [
        2.044_263_103_389_939_785_64e-15,
        1.421_511_758_316_445_888_7e-7,
        1.846_318_317_510_054_681_8e-5,
        7.868_691_311_456_132_591e-4,
        0.014_875_361_290_850_614_852_5,
        0.136_929_880_922_735_805_31,
        0.599_832_206_555_887_937_69,
        1.0,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_their_moments_and_quantiles() {
        let mut rng = Rng::with_seed(11);
        let mut drawn: Vec<f64> = (0..100_000).map(|_| normal(&mut rng)).collect();
        let mean = drawn.iter().sum::<f64>() / 1e5;
        let variance = drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 1e5;
        // Five standard errors of 100,000 draws: 0.016 and 0.022.
        assert!(mean.abs() < 0.016 && (variance - 1.0).abs() < 0.022, "{mean} {variance}");
        drawn.sort_by(f64::total_cmp);
        // Quantiles of the normal distribution (Python's statistics.NormalDist().inv_cdf).
        for (at, expected, error) in [
            (100, -3.090_232_306_167_813_5, 0.2),
            (15_866, -0.999_991_550_9, 0.02),
            (50_000, 0.0, 0.02),
            (97_500, 1.959_963_984_540_054, 0.03),
            (99_900, 3.090_232_306_167_813_5, 0.2),
        ] {
            let found: f64 = drawn[at];
            assert!((found - expected).abs() < error, "{at}: {found}");
        }
    }

    #[test]
    fn a_curve_goes_straight_from_point_to_point_and_round_midnight() {
        let curve = Curve::new(&[(360, 10.0), (840, 30.0)], 0.0);
        let mut rng = Rng::with_seed(1);
        for (minute, expected) in
            [(360, 10.0), (600, 20.0), (840, 30.0), (1_320, 20.0), (0, 17.5), (359, 10.020_833)]
        {
            let found = curve.draw(&mut rng, minute * 60_000 + 86_400_000 * 20_000);
            assert!((found - expected).abs() < 1e-5, "{minute}: {found}");
        }
        assert!((curve.draw(&mut rng, 600 * 60_000 + 30_000) - 20.020_833).abs() < 1e-5);
        assert_eq!(curve.bounds(), (10.0, 30.0));
    }
}
