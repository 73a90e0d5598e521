//! Axes: where a value stands, and which ticks have labels with which unit.

/// What an axis is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Seconds.
    Time,
    /// Nanoseconds.
    Latency,
    /// Records a second.
    Rate,
    /// CPUs.
    Cpus,
    /// Threads.
    Threads,
}

/// An axis: its ticks, and where values stand between 0 and 1.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    is_logarithmic: bool,
    /// Values and their labels.
    pub(super) ticks: Vec<(f64, String)>,
}

/// With more nines than that their labels would touch each other.
const NINES_CLOSE: f64 = 6.0;

/// With more than that 50 % would stand on 0 %.
const HALF_FITS: f64 = 4.0;

/// Ticks of an axis, about.
const TICKS: f64 = 5.0;

impl Unit {
    /// Returns by what values up to this are divided, and what the quotient is called.
    fn scale(self, high: f64) -> (f64, &'static str) {
        let scales: &[(f64, &str)] = match self {
            Self::Time => &[(1.0, " s"), (60.0, " min"), (3_600.0, " h"), (86_400.0, " d")],
            Self::Latency => &[(1.0, " ns"), (1e3, " us"), (1e6, " ms"), (1e9, " s")],
            Self::Rate => &[(1.0, "/s"), (1e3, "k/s"), (1e6, "m/s")],
            Self::Cpus => &[(1.0, " CPU")],
            Self::Threads => &[(1.0, " threads")],
        };
        // Minutes are left for hours only when there are many of them.
        let enough = if self == Self::Time { 3.0 } else { 2.0 };
        let fits = scales.iter().rev().find(|(divisor, _)| high >= enough * divisor);
        *fits.unwrap_or(&scales[0])
    }
}

impl Axis {
    /// From 0 on.
    pub(super) fn linear(unit: Unit, highest: f64) -> Self {
        let highest = if highest > 0.0 { highest } else { 1.0 };
        let (divisor, name) = unit.scale(highest);
        let step = step(highest / divisor / TICKS);
        let is_time = unit == Unit::Time;
        // Time ends where the run does, anything else at a tick above.
        let last = if is_time {
            (highest / divisor / step).floor()
        } else {
            (highest / divisor / step * 1.02).ceil()
        };
        let decimals = decimals(step);
        let mut ticks = Vec::new();
        let mut number = 0.0;
        while number <= last {
            let value = number * step;
            ticks.push((value * divisor, format!("{value:.decimals$}{name}")));
            number += 1.0;
        }
        let high = if is_time { highest } else { last * step * divisor };
        Self { low: 0.0, high, is_logarithmic: false, ticks }
    }

    /// From the power of ten below the lowest value to that above the highest.
    pub(super) fn logarithmic(unit: Unit, lowest: f64, highest: f64) -> Self {
        let (lowest, highest) = if lowest <= highest { (lowest, highest) } else { (1.0, 10.0) };
        let low = lowest.max(1e-9).log10().floor();
        let high = highest.log10().ceil().max(low + 1.0);
        let mut ticks = Vec::new();
        let mut power = low;
        while power <= high {
            let value = 10_f64.powf(power);
            let (divisor, name) = unit.scale(2.0 * value);
            ticks.push((value, format!("{:.0}{name}", value / divisor)));
            power += 1.0;
        }
        Self { low, high, is_logarithmic: true, ticks }
    }

    /// Of percentiles: a value is the number of nines.
    pub(super) fn percentiles(highest: f64) -> Self {
        let mut ticks = vec![(0.0, "0 %".to_owned())];
        if highest < HALF_FITS {
            ticks.push((2_f64.log10(), "50 %".to_owned()));
        }
        let mut nines = 1_u16;
        while f64::from(nines) <= highest {
            let label = match nines {
                1 => "90 %".to_owned(),
                2 => "99 %".to_owned(),
                more => format!("99.{} %", "9".repeat(usize::from(more) - 2)),
            };
            ticks.push((f64::from(nines), label));
            // Labels grow with their nines, so that there is room for every other one of many.
            nines += if nines >= 2 && highest > NINES_CLOSE { 2 } else { 1 };
        }
        Self { low: 0.0, high: highest.max(1.0), is_logarithmic: false, ticks }
    }

    /// Returns where a value stands, from 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        let value = if self.is_logarithmic { value.max(1e-9).log10() } else { value };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// Returns the next of 1, 2, 5 and their tenfolds.
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let first = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * 0.999_999);
    first.unwrap_or(10.0) * power
}

fn decimals(step: f64) -> usize {
    let mut decimals = 0;
    let mut shifted = step;
    while shifted < 0.999 && decimals < 9 {
        shifted *= 10.0;
        decimals += 1;
    }
    decimals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_have_units() {
        let of = |unit, high| Axis::linear(unit, high);
        assert_eq!(labels(&of(Unit::Time, 59.5)), ["0 s", "20 s", "40 s"]);
        assert_eq!(labels(&of(Unit::Time, 3_599.0)), ["0 min", "20 min", "40 min"]);
        assert_eq!(
            labels(&of(Unit::Latency, 8.1e6)),
            ["0 ms", "2 ms", "4 ms", "6 ms", "8 ms", "10 ms"]
        );
        assert_eq!(labels(&of(Unit::Rate, 50_000.0)).last(), Some(&"60k/s"));
        assert_eq!(labels(&of(Unit::Cpus, 0.03))[1], "0.01 CPU");
        assert_eq!(labels(&of(Unit::Threads, 0.0))[1], "0.2 threads");
        let latency = Axis::logarithmic(Unit::Latency, 4e5, 3e7);
        assert_eq!(labels(&latency), ["100 us", "1 ms", "10 ms", "100 ms"]);
        let percentiles = Axis::percentiles(3.6);
        assert_eq!(labels(&percentiles), ["0 %", "50 %", "90 %", "99 %", "99.9 %"]);
        let many = Axis::percentiles(8.3);
        assert_eq!(labels(&many), ["0 %", "90 %", "99 %", "99.99 %", "99.9999 %", "99.999999 %"]);
    }

    #[test]
    fn values_stand_in_proportion_and_inside() {
        let axis = Axis::linear(Unit::Latency, 10e6);
        let top = axis.ticks.last().unwrap().0;
        assert!((axis.place(top / 2.0) - 0.5).abs() < 1e-9 && axis.place(2.0 * top) <= 1.0);
        let axis = Axis::logarithmic(Unit::Latency, 1e3, 1e5);
        assert!((axis.place(1e4) - 0.5).abs() < 1e-9);
        assert!(Axis::logarithmic(Unit::Latency, f64::INFINITY, 0.0).place(5.0).is_finite());
    }
}
