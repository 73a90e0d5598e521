//! Numbers: ranges, counters, points in time.

use serde_json::Map;
use serde_json::Value;

use super::Compiler;
use super::place;
use super::reals;
use crate::program::op::Counter;
use crate::program::op::Form;
use crate::program::op::Number;
use crate::program::op::Op;
use crate::program::op::Range;
use crate::program::op::Whole;
use crate::program::op::WideDecimal;
use crate::program::op::WideRange;
use crate::program::said::Place;
use crate::program::scaled;
use crate::schema::FieldError;
use crate::schema::Kind;
use crate::schema::Shape;

/// Digits that a 64-bit integer can always have.
const DIGITS_MAX: u32 = 18;

/// Digits that a 128-bit integer can always have: a range has room for those of a decimal.
const WIDE_DIGITS_MAX: u32 = 38;

/// Digits behind the point that `decimals` may ask for.
const DECIMALS_MAX: u32 = 9;

/// Milliseconds of a day.
const DAY_MS: i128 = 86_400_000;

/// Event times are before this one: the beginning of 2200, in milliseconds since 1970.
const EVENT_TIME_MS_MAX: i128 = 7_258_118_400_000;

/// Makes the operation of an integer.
pub(super) fn number(whole: Whole, form: Form, register: u8) -> Op {
    Op::Number(Number { whole, form, register }.into())
}

/// Returns the integers that a type can hold, decimals without their point and those of at most
/// [`DIGITS_MAX`] digits.
pub(super) fn limits(kind: &Kind<'_>) -> (i128, i128) {
    limits_within(kind, DIGITS_MAX)
}

fn limits_within(kind: &Kind<'_>, digits_max: u32) -> (i128, i128) {
    match kind {
        Kind::Int | Kind::Date | Kind::TimeMillis => (i32::MIN.into(), i32::MAX.into()),
        Kind::Decimal { precision, fixed, .. } => {
            let digits = u32::try_from(*precision).unwrap_or(u32::MAX).min(digits_max);
            let bits = fixed.map_or(127, |bytes| (bytes * 8).clamp(1, 128) - 1);
            let most = (10_i128.pow(digits) - 1).min(i128::MAX >> (127 - bits));
            (-most, most)
        }
        _ => (i64::MIN.into(), i64::MAX.into()),
    }
}

/// Returns what to add to the refusal of a number that its type could hold, and this cannot.
pub(super) fn but_so_many_digits(kind: &Kind<'_>) -> String {
    match kind {
        Kind::Decimal { precision, .. } if *precision > DIGITS_MAX as usize => {
            format!("; of a decimal of more than {DIGITS_MAX} digits it draws but so many")
        }
        _ => String::new(),
    }
}

/// Returns how an integer is written as a type; as a double or float it is divided by 10 to the
/// power of `decimals`.
pub(super) fn form_of(
    kind: &Kind<'_>,
    decimals: u32,
    place: Place<'_>,
) -> Result<Form, FieldError> {
    let per = 10_f64.powi(decimals.cast_signed());
    Ok(match kind {
        Kind::Int
        | Kind::Long
        | Kind::Date
        | Kind::TimeMillis
        | Kind::TimeMicros
        | Kind::Timestamp { .. } => Form::Varint,
        Kind::Double => Form::Double { per },
        Kind::Float => Form::Float { per },
        Kind::Decimal { fixed: None, .. } => Form::DecimalBytes,
        Kind::Decimal { fixed: Some(size), .. } => Form::DecimalFixed(*size),
        Kind::Boolean => Form::Boolean,
        kind => return Err(place.wrong(format!("a {} is no number", kind.name()))),
    })
}

/// A number and the bounds of what it can be.
pub(super) struct Counted {
    pub(super) counter: Counter,
    pub(super) bounds: (i128, i128),
    /// The number of digits behind the point that its numbers are counted in.
    pub(super) decimals: u32,
}

/// Reads `{"start": …, "restart": …, "step": …, "initial": …}`.
pub(super) fn iteration(
    kind: &Kind<'_>,
    said: &Value,
    each: u64,
    place: Place<'_>,
) -> Result<Counted, FieldError> {
    let known: &[&str] = match kind {
        Kind::Boolean => &["start"],
        _ => &["start", "restart", "step", "initial"],
    };
    let said = place.object(said, known, "iteration")?;
    let (least, most) = match kind {
        Kind::Boolean => {
            let start = said.get("start").and_then(Value::as_bool);
            let start = start.ok_or_else(|| place.wrong("'start' must be true or false"))?;
            let initial = start.into();
            let counter = Counter { start: 0, initial, step: 1, span: 2, each, is_real: false };
            return Ok(Counted { counter, bounds: (0, 1), decimals: 0 });
        }
        // A string counts as an int does.
        Kind::String => limits(&Kind::Int),
        kind => limits(kind),
    };
    let decimals = match kind {
        Kind::Float | Kind::Double => {
            let numbers = said.values().filter_map(Value::as_number);
            numbers.map(|number| scaled::decimals(number, DECIMALS_MAX)).max().unwrap_or_default()
        }
        Kind::Decimal { scale, .. } => u32::try_from(*scale).unwrap_or(u32::MAX),
        _ => 0,
    };
    let get = |name| said.get(name).map(|value| scaled(value, decimals, place)).transpose();
    let start = get("start")?.ok_or_else(|| place.wrong("'iteration' needs a 'start'"))?;
    let (restart, step) = (get("restart")?, get("step")?);
    let one = 10_i128.checked_pow(decimals).unwrap_or(i128::MAX);
    let is_down = restart.is_some_and(|restart| restart < start);
    let step = step.unwrap_or(if is_down { -one } else { one });
    if let (Kind::Decimal { precision, .. }, None) = (kind, restart)
        && *precision > DIGITS_MAX as usize
    {
        let what = format!("a decimal of more than {DIGITS_MAX} digits needs a 'restart'");
        return Err(place.wrong(what));
    }
    let end = restart.unwrap_or(if step < 0 { least } else { most });
    let initial = get("initial")?.unwrap_or(start);
    if [start, end, initial].iter().any(|value| !(least..=most).contains(value)) {
        let what = "'iteration' leaves the values of the type".to_owned();
        return Err(place.wrong(what + &but_so_many_digits(kind)));
    }
    let goes_there = (end - start).signum() == step.signum();
    if step == 0 || !goes_there || i64::try_from(step).is_err() {
        return Err(place.wrong("'step' must lead from 'start' to 'restart'"));
    }
    let bounds = (start.min(end).min(initial), start.max(end).max(initial));
    let span = (end - start).abs();
    let is_real = matches!(kind, Kind::Float | Kind::Double);
    let counter = Counter { start, initial: initial - start, step, span, each, is_real };
    Ok(Counted { counter, bounds, decimals })
}

/// Returns a number times 10 to the power of `decimals`, as a whole one.
fn scaled(value: &Value, decimals: u32, place: Place<'_>) -> Result<i128, FieldError> {
    let number = value.as_number().ok_or_else(|| place.wrong(format!("{value} is no number")))?;
    scaled::scaled(number, decimals).ok_or_else(|| {
        if decimals == 0 {
            return place.wrong(format!("{value} is no whole number, or too large"));
        }
        let what = format!("{value} is too large, or has more than {decimals} digits behind");
        place.wrong(what + " the point")
    })
}

/// Bounds of a range as they are written, and how many digits behind the point its numbers have.
struct Bounds {
    min: Option<Value>,
    max: Option<Value>,
    decimals: Option<u32>,
}

impl Compiler<'_> {
    /// Returns a number in `range` of `arg.properties`, which does not reach its `max`.
    pub(super) fn their_range(
        &mut self,
        shape: &Shape<'_>,
        said: &Value,
    ) -> Result<Op, FieldError> {
        let object = place(shape).object(said, &["min", "max"], "range")?;
        if object.is_empty() {
            return Err(place(shape).wrong("'range' has 'min', 'max' or both"));
        }
        self.range(shape, object, 1)
    }

    /// Returns a number in our `range`, with both ends within it.
    pub(super) fn our_range(&mut self, shape: &Shape<'_>, said: &Value) -> Result<Op, FieldError> {
        let object = place(shape).object(said, &["min", "max", "decimals"], "range")?;
        self.range(shape, object, 0)
    }

    fn range(
        &mut self,
        shape: &Shape<'_>,
        said: &Map<String, Value>,
        short_of_max: i128,
    ) -> Result<Op, FieldError> {
        let place = place(shape);
        let bounds = Bounds {
            min: said.get("min").cloned(),
            max: said.get("max").cloned(),
            decimals: decimals(shape, said)?,
        };
        if let (Kind::Float | Kind::Double, None) = (&shape.kind, bounds.decimals) {
            let (min, max) = reals::range(shape, said)?;
            return Ok(reals::even(shape, min, max));
        }
        let scale = match (&shape.kind, bounds.decimals) {
            (Kind::Decimal { scale, .. }, _) => u32::try_from(*scale).unwrap_or(u32::MAX),
            (_, decimals) => decimals.unwrap_or_default(),
        };
        let form = form_of(&shape.kind, scale, place)?;
        let (least, most) = limits_within(&shape.kind, WIDE_DIGITS_MAX);
        let bound =
            |value: Option<Value>| value.map(|value| scaled(&value, scale, place)).transpose();
        let (min, max) = (bound(bounds.min)?, bound(bounds.max)?);
        if let Kind::Decimal { precision, .. } = shape.kind
            && precision > WIDE_DIGITS_MAX as usize
            && (min.is_none() || max.is_none())
        {
            let digits = WIDE_DIGITS_MAX;
            let what = format!("a range of a decimal of more than {digits} digits has both ends");
            return Err(place.wrong(what));
        }
        let min = min.unwrap_or(least);
        let max = max.map_or(most, |max| max - short_of_max);
        if min > max || min < least || max > most {
            let what = format!(
                "a range's 'min' must be below its 'max', and both values of a {}",
                shape.kind.name()
            );
            return Err(place.wrong(what));
        }
        let narrow = limits(&shape.kind);
        if let Kind::Decimal { fixed, .. } = shape.kind
            && (min < narrow.0 || max > narrow.1)
        {
            let span = max.wrapping_sub(min).cast_unsigned().wrapping_add(1);
            return Ok(Op::WideRange(WideRange { low: min, span, fixed }.into()));
        }
        let range = range_of(min, max);
        if matches!(form, Form::Varint) {
            return Ok(self.integer(&shape.path, range));
        }
        let register = self.write(&shape.path, min, max);
        Ok(number(Whole::Range(range), form, register))
    }

    /// Returns a decimal of as many digits as its type has.
    pub(super) fn any_decimal(
        &mut self,
        shape: &Shape<'_>,
        precision: usize,
        fixed: Option<usize>,
    ) -> Op {
        if precision <= DIGITS_MAX as usize {
            let (min, max) = limits(&shape.kind);
            let form = fixed.map_or(Form::DecimalBytes, Form::DecimalFixed);
            let register = self.write(&shape.path, min, max);
            return number(Whole::Range(range_of(min, max)), form, register);
        }
        // As many bits as surely have no more digits: log2(10) is above 3.3219.
        let bits = precision * 33_219 / 10_000;
        let bits = fixed.map_or(bits, |bytes| bits.min(bytes * 8 - 1));
        Op::WideDecimal(WideDecimal { bits, fixed }.into())
    }

    /// Returns a point in time so many milliseconds after the event time.
    pub(super) fn moment(&mut self, shape: &Shape<'_>, later_ms: Range) -> Result<Op, FieldError> {
        self.refuse_once(shape, "the event time is each record's own")?;
        check_later(shape, later_ms)?;
        let is_now = later_ms == Range::inclusive(0, 0);
        let whole = match &shape.kind {
            Kind::Timestamp { per_ms, .. } if is_now => {
                return Ok(Op::EventTime { per_ms: *per_ms });
            }
            Kind::Timestamp { per_ms, .. } => Whole::Moment { later_ms, per_ms: *per_ms },
            Kind::Date => Whole::Day { later_ms },
            Kind::TimeMillis => Whole::TimeOfDay { later_ms, per_ms: 1 },
            Kind::TimeMicros => Whole::TimeOfDay { later_ms, per_ms: 1_000 },
            _ if is_now => return Ok(Op::EventTime { per_ms: 1 }),
            _ => Whole::Moment { later_ms, per_ms: 1 },
        };
        let (min, max) = limits(&shape.kind);
        let register = self.write(&shape.path, min, max);
        Ok(number(whole, Form::Varint, register))
    }
}

/// Checks that every event time from 1970 up to 2200 has a later one that its type can say.
fn check_later(shape: &Shape<'_>, later_ms: Range) -> Result<(), FieldError> {
    let of_ms = |ms: i128| match &shape.kind {
        Kind::Date => ms.div_euclid(DAY_MS),
        Kind::Timestamp { per_ms, .. } => ms * i128::from(*per_ms),
        _ => ms,
    };
    let (least, most) = match &shape.kind {
        Kind::Date => limits(&Kind::Date),
        _ => limits(&Kind::Long),
    };
    let earliest = of_ms(later_ms.low.into());
    let latest = of_ms(EVENT_TIME_MS_MAX + i128::from(later_ms.last()));
    if earliest < least || latest > most {
        let what = format!(
            "an event time of 1970 to 2200 so much later or earlier is no {}; give 'later-ms' \
             bounds nearer to 0",
            shape.kind.name()
        );
        return Err(place(shape).wrong(what));
    }
    Ok(())
}

/// Returns `decimals`, which only a float or double takes.
pub(super) fn decimals(
    shape: &Shape<'_>,
    said: &Map<String, Value>,
) -> Result<Option<u32>, FieldError> {
    if !said.contains_key("decimals") {
        return Ok(None);
    }
    if !matches!(shape.kind, Kind::Float | Kind::Double) {
        return Err(place(shape).wrong("'decimals' goes with float and double only"));
    }
    let decimals = place(shape).count(said, "decimals", 0, 0..=DECIMALS_MAX.into())?;
    Ok(u32::try_from(decimals).ok())
}

/// Returns a range whose ends are known to be integers of 64 bits.
fn range_of(min: i128, max: i128) -> Range {
    let end = |end: i128| i64::try_from(end).unwrap_or_default();
    Range::inclusive(end(min), end(max))
}
