//! Real numbers: spread evenly over a range, or unevenly.

use serde_json::Map;
use serde_json::Value;

use super::Compiler;
use super::numbers;
use super::place;
use crate::program::op::Curve;
use crate::program::op::Op;
use crate::program::op::Real;
use crate::program::op::Spread;
use crate::program::op::Uniform;
use crate::program::op::Whole;
use crate::program::said::Place;
use crate::schema::FieldError;
use crate::schema::Kind;
use crate::schema::Shape;

/// Numbers of a curve go so far: it takes their differences times the minutes of a day.
const CURVE_MAX: f64 = 1e300;

/// Returns the largest number of a type.
fn largest(kind: &Kind<'_>) -> f64 {
    if matches!(kind, Kind::Float) { f32::MAX.into() } else { f64::MAX }
}

/// Reads the range of a float or double, which has no end beyond its type and no span beyond a
/// double.
pub(super) fn range(
    shape: &Shape<'_>,
    said: &Map<String, Value>,
) -> Result<(f64, f64), FieldError> {
    let (place, most) = (place(shape), largest(&shape.kind));
    let (min, max) = match (place.number(said, "min")?, place.number(said, "max")?) {
        (Some(min), Some(max)) => (min, max),
        (Some(min), None) => (min, end_above(min, most)),
        (None, Some(max)) => (-end_above(-max, most), max),
        // Half of all numbers, so that the span is a number too.
        (None, None) => (-most / 2.0, most / 2.0),
    };
    if min >= max || !(max - min).is_finite() || min.abs().max(max.abs()) > most {
        let what = format!(
            "a range's 'min' must be below its 'max', both values of a {}, and not too far from it",
            shape.kind.name()
        );
        return Err(place.wrong(what));
    }
    Ok((min, max))
}

/// Returns where a range ends that says only where it begins: at half of the largest number, or as
/// far away as numbers go where that is too low or too far.
fn end_above(min: f64, most: f64) -> f64 {
    let half = most / 2.0;
    if min >= half {
        most
    } else if (half - min).is_finite() {
        half
    } else {
        min + most
    }
}

/// Returns a float or double that is spread evenly.
pub(super) fn even(shape: &Shape<'_>, min: f64, max: f64) -> Op {
    let range = Uniform { low: min, span: max - min };
    if matches!(shape.kind, Kind::Double) {
        return Op::Doubles([range].into());
    }
    Op::Real(Real { spread: Spread::Even(range), min, max, is_float: true }.into())
}

impl Compiler<'_> {
    /// Returns a number that is spread unevenly between `min` and `max`.
    fn real(
        &mut self,
        shape: &Shape<'_>,
        said: &Map<String, Value>,
        spread: Spread,
        (min, max): (f64, f64),
    ) -> Result<Op, FieldError> {
        let place = place(shape);
        let decimals = numbers::decimals(shape, said)?;
        let (least, most) = (place.number(said, "min")?, place.number(said, "max")?);
        let (min, max) = (least.unwrap_or(min), most.unwrap_or(max));
        if min > max {
            return Err(place.wrong("'min' must be below 'max'"));
        }
        let does_not_fit = || {
            let kind = shape.kind.name();
            let what = format!(
                "its numbers of {min} to {max} do not fit a {kind}; give it 'min' and 'max'"
            );
            place.wrong(what + &numbers::but_so_many_digits(&shape.kind))
        };
        let end = largest(&shape.kind);
        if min < -end || max > end {
            return Err(does_not_fit());
        }
        let is_float = matches!(shape.kind, Kind::Float);
        let real = Real { spread, min, max, is_float };
        let scale = match (&shape.kind, decimals) {
            (Kind::Float | Kind::Double, None) => return Ok(Op::Real(real.into())),
            (Kind::Decimal { scale, .. }, _) => u32::try_from(*scale).unwrap_or(u32::MAX),
            (_, decimals) => decimals.unwrap_or_default(),
        };
        let times = 10_f64.powi(scale.cast_signed());
        #[expect(clippy::cast_possible_truncation, reason = "a cast stops at the ends")]
        let (low, high) = ((min * times).floor() as i128, (max * times).ceil() as i128);
        let (least, most) = numbers::limits(&shape.kind);
        if low < least || high > most {
            return Err(does_not_fit());
        }
        let form = numbers::form_of(&shape.kind, scale, place)?;
        let register = self.write(&shape.path, low, high);
        Ok(numbers::number(Whole::Real { real, times }, form, register))
    }

    /// Compiles `{"mean": …, "deviation": …}`.
    pub(super) fn normal(&mut self, shape: &Shape<'_>, said: &Value) -> Result<Op, FieldError> {
        let place = place(shape);
        let known = ["mean", "deviation", "min", "max", "decimals"];
        let said = place.object(said, &known, "normal")?;
        let mean = place.number(said, "mean")?.ok_or_else(|| place.wrong("'mean' is missing"))?;
        let deviation = positive(said, "deviation", place)?;
        // The normal distribution has no ends; numbers beyond these do not come up in practice.
        let ends = (mean - 9.0 * deviation, mean + 9.0 * deviation);
        self.real(shape, said, Spread::Normal { mean, deviation }, ends)
    }

    /// Compiles `{"median": …, "sigma": …}`.
    pub(super) fn log_normal(&mut self, shape: &Shape<'_>, said: &Value) -> Result<Op, FieldError> {
        let place = place(shape);
        let known = ["median", "sigma", "min", "max", "decimals"];
        let said = place.object(said, &known, "log-normal")?;
        let (median, sigma) = (positive(said, "median", place)?, positive(said, "sigma", place)?);
        let ends = (0.0, median * libm::exp(9.0 * sigma));
        self.real(shape, said, Spread::LogNormal { mu: libm::log(median), sigma }, ends)
    }

    /// Compiles `{"points": {"06:00": 10, "14:00": 25}, "noise": 1}`.
    pub(super) fn curve(&mut self, shape: &Shape<'_>, said: &Value) -> Result<Op, FieldError> {
        let place = place(shape);
        self.refuse_once(shape, "'day-curve' follows the event time")?;
        let known = ["points", "noise", "min", "max", "decimals"];
        let said = place.object(said, &known, "day-curve")?;
        let wrong =
            || place.wrong("'points' has times of the day and numbers, such as {\"06:00\": 10.5}");
        let points = said.get("points").and_then(Value::as_object).ok_or_else(wrong)?;
        let point = |(time, value): (&String, &Value)| {
            let (hours, minutes) = time.split_once(':')?;
            let (hours, minutes) = (hours.parse::<usize>().ok()?, minutes.parse::<usize>().ok()?);
            let value = value.as_f64().filter(|value| value.is_finite())?;
            (hours < 24 && minutes < 60).then_some((hours * 60 + minutes, value))
        };
        let points: Option<Vec<_>> = points.iter().map(point).collect();
        let mut points = points.filter(|points| !points.is_empty()).ok_or_else(wrong)?;
        points.sort_by_key(|(minute, _)| *minute);
        if points.iter().any(|(_, value)| value.abs() > CURVE_MAX) {
            return Err(place.wrong(format!("'points' has numbers up to {CURVE_MAX:e}")));
        }
        let noise = place.number(said, "noise")?.unwrap_or_default().abs();
        let curve = Curve::new(&points, noise);
        let ends = curve.bounds();
        self.real(shape, said, Spread::Curve(curve.into()), ends)
    }
}

fn positive(said: &Map<String, Value>, name: &str, place: Place<'_>) -> Result<f64, FieldError> {
    let number = place.number(said, name)?.filter(|number| *number > 0.0);
    number.ok_or_else(|| place.wrong(format!("'{name}' must be a number above 0")))
}
