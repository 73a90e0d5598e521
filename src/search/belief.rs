//! What is believed of the limit: a weight for each of many rates, half a percent apart.

/// The lowest rate that can be the limit; below it a rate is none that anybody searches for.
pub(super) const LOWEST: f64 = 0.1;

/// Neighbours differ by this factor.
const APART: f64 = 1.005;

/// How gradually a probe goes over from holding to failing, as a share of the rate.
const SOFTNESS: f64 = 0.015;

/// How often a probe says the wrong thing, however far from the limit it is.
const LAPSE: f64 = 0.02;

/// How closely the rate that a broker reached while it was overloaded tells its limit, as a share;
/// and how often it does not.
const CLOSENESS: f64 = 0.07;
const DECEPTION: f64 = 0.05;

/// A distribution of the limit.
#[derive(Clone, Debug)]
pub(super) struct Belief {
    /// Each a rate with its weight, ascending; the last stands for everything above.
    cells: Vec<(f64, f64)>,
}

impl Belief {
    /// Makes the belief before any probe: every order of magnitude is as likely, up to a step above
    /// the highest rate that will be probed.
    pub(super) fn new(highest: f64) -> Self {
        let above = highest * super::STEP;
        let rates = std::iter::successors(Some(LOWEST), |rate| Some(rate * APART));
        Self { cells: rates.take_while(|rate| *rate < above).map(|rate| (rate, 1.0)).collect() }
    }

    /// Learns from a probe's outcome.
    pub(super) fn learn(&mut self, probed: f64, has_held: bool) {
        self.weigh(|limit| {
            let holds = 1.0 / (1.0 + (-(limit / probed).ln() / SOFTNESS).exp());
            LAPSE + (1.0 - 2.0 * LAPSE) * if has_held { holds } else { 1.0 - holds }
        });
    }

    /// Learns from the rate that was reached when much more was asked for.
    pub(super) fn hear(&mut self, reached: f64) {
        self.weigh(|limit| {
            let away = (limit / reached).ln() / CLOSENESS;
            DECEPTION + (1.0 - DECEPTION) * (-away * away / 2.0).exp()
        });
    }

    fn weigh(&mut self, likelihood: impl Fn(f64) -> f64) {
        for (limit, weight) in &mut self.cells {
            *weight *= likelihood(*limit);
        }
        let sum: f64 = self.cells.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut self.cells {
            *weight /= sum;
        }
    }

    /// Returns the rate that the limit is below with this probability.
    pub(super) fn quantile(&self, probability: f64) -> f64 {
        let all: f64 = self.cells.iter().map(|(_, weight)| weight).sum();
        let mut sum = 0.0;
        let reaches = |(_, weight): &&(f64, f64)| {
            sum += weight;
            sum >= all * probability
        };
        self.cells.iter().find(reaches).map_or(LOWEST, |(limit, _)| *limit)
    }

    /// Returns how likely the limit lies between two rates.
    pub(super) fn between(&self, least: f64, most: f64) -> f64 {
        let all: f64 = self.cells.iter().map(|(_, weight)| weight).sum();
        let within = self.cells.iter().filter(|(limit, _)| (least..=most).contains(limit));
        within.map(|(_, weight)| weight).sum::<f64>() / all
    }
}
