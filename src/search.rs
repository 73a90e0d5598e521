//! The highest rate that holds: which rate to probe next, and what all probes together say.
//!
//! A probe is noisy: near the limit it holds one time and fails the next. So what is believed of
//! the limit is a distribution, each probe's outcome changes it by Bayes' rule, and the next probe
//! stands at its median, which is bisection where nothing is noisy (R. Waeber, P. I. Frazier and
//! S. G. Henderson, "Bisection Search with Noisy Responses", SIAM J. Control Optim. 51, 2013).
//! Before that the limit is bracketed by steps of ten, and behind it the best rate is repeated: the
//! answer is a rate that was tried, not one that was reckoned. Nothing here reads a clock or sends
//! a record.

mod belief;
mod outcome;

pub use outcome::Outcome;
pub use outcome::Probe;

use belief::Belief;
use belief::LOWEST;

/// While the limit has no bracket, rates change by this factor.
const STEP: f64 = 10.0;

/// A rate that was missed by more than this says where the limit is.
const TELLING: f64 = 0.95;

/// When the median is no further above the best rate than this, the best is repeated.
const NEAR: f64 = 1.02;

/// The answer is good when the limit is so far from it at most, by this confidence.
const WITHIN: f64 = 1.05;
const CONFIDENT: f64 = 0.9;

/// A rate is believed to hold when the limit is lower by this probability, or when it is so much
/// below the middle of what is believed.
const UNLIKELY: f64 = 0.1;
const CAUTION: f64 = 1.08;

/// How often the best rate has to hold.
const REPEATS: usize = 2;

/// So many of the last probes are for the answer: one for a rate that most likely holds, or where
/// the best is one, to repeat it; one to repeat what is the best then.
const KEPT: usize = 2;

/// Rates that are probed, in records a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The first.
    pub from: f64,
    /// The highest.
    pub to: f64,
    /// Probes at most.
    pub probes_max: usize,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    /// Records a second that were asked for.
    pub rate: f64,
    /// Whether the objectives were reached.
    pub has_held: bool,
    /// Records a second that were acknowledged until the last receipt.
    pub achieved: f64,
    /// How many more probes there is time for, about.
    pub left: usize,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The highest rate that holds; `None`: none did.
    pub rate: Option<f64>,
    /// How sure it is that the limit is within 5 % of that, or above where no rate failed; 0 to 1.
    pub confidence: f64,
    /// Whether no rate failed, so that the limit may be anywhere above.
    pub is_at_least: bool,
    /// How often that rate was probed.
    pub times_probed: usize,
}

/// Searches with a probe that runs at a rate; a probe that returns `None` ends the search, because
/// the time is over.
///
/// # Errors
/// Those of the probe.
pub fn search<E>(
    limits: Limits,
    mut probe: impl FnMut(f64) -> Result<Option<Tried>, E>,
) -> Result<Found, E> {
    let mut search = Search { limits, belief: Belief::new(limits.to), tried: Vec::new() };
    while let Some(rate) = search.next() {
        let Some(tried) = probe(rate)? else { break };
        search.learn(tried);
    }
    Ok(search.found())
}

/// What is known so far.
struct Search {
    limits: Limits,
    belief: Belief,
    tried: Vec<Tried>,
}

impl Search {
    /// Returns the rate to probe next; `None`: there is nothing left to learn, or no probe left.
    fn next(&self) -> Option<f64> {
        let Some(last) = self.tried.last() else {
            return Some(rounded(self.limits.from.min(self.limits.to)));
        };
        let probes_left = self.limits.probes_max.saturating_sub(self.tried.len());
        if probes_left == 0 {
            return None;
        }
        let (left, best) = (probes_left.min(last.left), self.best());
        if left <= 1 && best.is_some() {
            return best.filter(|best| self.repeats(*best) < REPEATS);
        }
        if !self.tried.iter().any(|tried| !tried.has_held) {
            let is_highest = last.rate >= self.limits.to;
            let at_most = rounded(self.limits.to);
            return if !is_highest {
                Some(rounded(last.rate * STEP).min(at_most))
            } else if self.repeats(last.rate) < REPEATS {
                Some(last.rate)
            } else {
                None
            };
        }
        let Some(best) = best else {
            // Without a word from the rate that was reached, the median of everything is no guess.
            let told = self.tried.iter().any(is_telling);
            let next = if told { self.belief.quantile(0.5) } else { last.rate / STEP };
            return Some(rounded(next)).filter(|&next| next >= LOWEST);
        };
        let is_repeated = self.repeats(best) >= REPEATS;
        let is_near = self.belief.quantile(0.5) <= best * NEAR;
        if is_repeated && (is_near || self.found().confidence >= CONFIDENT) {
            return None;
        }
        let is_close = self.belief.quantile(0.5) <= best * WITHIN;
        if left <= KEPT && is_close && !is_repeated {
            return Some(best);
        }
        let failed = self.lowest_failed(best);
        let median = self.belief.quantile(0.5).clamp(best, failed);
        let next = if left > KEPT { median } else { self.cautious().clamp(best, median) };
        if next <= best * NEAR {
            return (!is_repeated).then_some(best);
        }
        // Close to what failed nothing is learned that is not known.
        let next = if next * NEAR > failed { (best * failed).sqrt() } else { next };
        Some(rounded(next))
    }

    /// Returns a rate that is believed to hold.
    fn cautious(&self) -> f64 {
        self.belief.quantile(UNLIKELY).max(self.belief.quantile(0.5) / CAUTION)
    }

    fn learn(&mut self, tried: Tried) {
        self.belief.learn(tried.rate, tried.has_held);
        let is_first = !self.tried.iter().any(is_telling);
        if is_first && is_telling(&tried) {
            self.belief.hear(tried.achieved);
        }
        self.tried.push(tried);
    }

    /// Returns the highest rate that held and is still believed to.
    fn best(&self) -> Option<f64> {
        self.upheld().max_by(f64::total_cmp)
    }

    /// Returns the rates that held and are still believed to.
    fn upheld(&self) -> impl Iterator<Item = f64> {
        let median = self.belief.quantile(0.5) * NEAR;
        let held = self.tried.iter().filter(|tried| tried.has_held).map(|tried| tried.rate);
        let is_upheld = |rate: &f64| self.count(*rate, true) > self.count(*rate, false);
        held.filter(move |rate| *rate <= median && is_upheld(rate))
    }

    fn count(&self, rate: f64, has_held: bool) -> usize {
        let is_same = |tried: &&Tried| tried.has_held == has_held && same(tried.rate, rate);
        self.tried.iter().filter(is_same).count()
    }

    fn repeats(&self, rate: f64) -> usize {
        self.tried.iter().filter(|tried| same(tried.rate, rate)).count()
    }

    /// Returns the lowest rate above this one that failed more often than it held.
    fn lowest_failed(&self, rate: f64) -> f64 {
        let rates = self.tried.iter().map(|tried| tried.rate).filter(|tried| *tried > rate);
        let has_failed = |rate: &f64| self.count(*rate, false) > self.count(*rate, true);
        rates.filter(has_failed).fold(f64::INFINITY, f64::min)
    }

    /// Returns what is told: the best that was repeated, where one was.
    fn told(&self) -> Option<f64> {
        self.upheld().filter(|rate| self.repeats(*rate) >= REPEATS).max_by(f64::total_cmp)
    }

    fn found(&self) -> Found {
        let rate = self.told().or_else(|| self.best());
        let is_at_least = rate.is_some() && self.tried.iter().all(|tried| tried.has_held);
        let confidence = rate.map_or(0.0, |rate| {
            let most = if is_at_least { f64::INFINITY } else { rate * WITHIN };
            self.belief.between(rate / WITHIN, most)
        });
        let times = |rate| self.count(rate, true) + self.count(rate, false);
        Found { rate, confidence, is_at_least, times_probed: rate.map_or(0, times) }
    }
}

/// Whether a probe missed its rate by so much that what it reached is the limit, about.
fn is_telling(tried: &Tried) -> bool {
    !tried.has_held && tried.achieved > 0.0 && tried.achieved < tried.rate * TELLING
}

fn same(one: f64, other: f64) -> bool {
    (one / other - 1.0).abs() < 1e-9
}

/// Rounds to four digits: no probe tells more.
#[expect(clippy::cast_possible_truncation, reason = "a rate has at most ten digits")]
fn rounded(rate: f64) -> f64 {
    let unit = 10_f64.powi(rate.log10().floor() as i32 - 3);
    // A unit below 1 cannot be said exactly, its inverse can.
    if unit < 1.0 {
        (rate / unit).round() / (1.0 / unit).round()
    } else {
        (rate / unit).round() * unit
    }
}

#[cfg(test)]
#[path = "search/tests.rs"]
mod tests;
