//! Integers that are drawn in a rarer way, or written in another form than an int or a long.

use super::Draw;
use super::Range;
use super::Real;
use super::put;
use super::varint;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Digits of a 64-bit number, with its sign.
const DIGITS_MAX: usize = 20;

/// An integer: how it is drawn, how it is written, and where its value goes.
#[derive(Debug)]
pub(in crate::program) struct Number {
    pub(in crate::program) whole: Whole,
    pub(in crate::program) form: Form,
    pub(in crate::program) register: u8,
}

/// How an integer is drawn.
#[derive(Debug)]
pub(in crate::program) enum Whole {
    /// Evenly.
    Range(Range),
    /// An earlier integer times a drawn one.
    Times { on: u8, range: Range },
    /// An earlier integer times another one.
    Product { on: u8, by: u8 },
    /// So many milliseconds after the event time: a point in time in units of which `per_ms` make
    /// a millisecond.
    Moment { later_ms: Range, per_ms: i64 },
    /// The same as a day since 1970.
    Day { later_ms: Range },
    /// The same as a time of the day.
    TimeOfDay { later_ms: Range, per_ms: i64 },
    /// What the record's index makes it.
    Counter(Counter),
    /// The nearest integer to a real number times so many.
    Real { real: Real, times: f64 },
}

/// A number that goes up or down from record to record, and begins anew where it would pass its
/// end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::program) struct Counter {
    pub(in crate::program) start: i128,
    /// How far the first number is from `start`.
    pub(in crate::program) initial: i128,
    pub(in crate::program) step: i128,
    /// How far its end is from `start`, without a sign.
    pub(in crate::program) span: i128,
    /// How many of these a record has at most: more than one within an array.
    pub(in crate::program) each: u64,
    /// Whether it counts real numbers, which go through `start` where they begin before it.
    pub(in crate::program) is_real: bool,
}

impl Counter {
    fn value(&self, draw: &Draw) -> i64 {
        let count = i128::from(draw.index) * i128::from(self.each) + i128::from(draw.position);
        // A division of 128 bits costs as much as ten fields.
        let within = |reached: i128| {
            if reached.abs() < self.span { reached } else { reached % self.span }
        };
        let offset = if count == 0 {
            self.initial
        } else if self.is_real {
            within(count.wrapping_mul(self.step).wrapping_add(self.initial))
        } else {
            // As the original counts: from the first step on by how far it is from `start`.
            let first = (self.initial + self.step).abs();
            let more = (count - 1).wrapping_mul(self.step.abs());
            within(first.wrapping_add(more)) * self.step.signum()
        };
        // Between `start` and its end, both of 64 bits, or before `start`.
        i64::try_from(self.start + offset).unwrap_or_default()
    }
}

/// How an integer is written.
#[derive(Debug)]
pub(in crate::program) enum Form {
    /// As an int or a long.
    Varint,
    /// As a double, divided.
    Double { per: f64 },
    /// As a float, divided.
    Float { per: f64 },
    /// As a decimal's bytes with their length before them.
    DecimalBytes,
    /// As a decimal of so many bytes.
    DecimalFixed(usize),
    /// As digits, at least so many, between a prefix and a suffix.
    Text { prefix: Box<[u8]>, digits: usize, suffix: Box<[u8]> },
    /// As true where it is odd.
    Boolean,
}

impl Number {
    pub(super) fn bytes_max(&self) -> usize {
        self.form.bytes_max()
    }

    pub(super) fn write(&self, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
        let value = self.whole.draw(draw);
        draw.set_register(self.register, value);
        self.form.write(value, out, at)
    }
}

impl Whole {
    fn draw(&self, draw: &mut Draw) -> i64 {
        let moment = |later: &Range, draw: &mut Draw| {
            draw.event_time_ms.cast_signed().wrapping_add(later.draw(&mut draw.rng))
        };
        match self {
            Self::Range(range) => range.draw(&mut draw.rng),
            Self::Times { on, range } => draw.register(*on).wrapping_mul(range.draw(&mut draw.rng)),
            Self::Product { on, by } => draw.register(*on).wrapping_mul(draw.register(*by)),
            Self::Moment { later_ms, per_ms } => moment(later_ms, draw).wrapping_mul(*per_ms),
            Self::Day { later_ms } => moment(later_ms, draw).div_euclid(DAY_MS),
            Self::TimeOfDay { later_ms, per_ms } => {
                moment(later_ms, draw).rem_euclid(DAY_MS) * per_ms
            }
            Self::Counter(counter) => counter.value(draw),
            Self::Real { real, times } => {
                let value = real.draw(draw) * times;
                // Towards the nearest without a call: the cast cuts towards zero.
                #[expect(clippy::cast_possible_truncation, reason = "within the type's limits")]
                let whole = (value + f64::copysign(0.5, value)) as i64;
                whole
            }
        }
    }
}

impl Form {
    fn bytes_max(&self) -> usize {
        match self {
            Self::Varint => varint::BYTES_MAX,
            Self::Double { .. } => 8,
            Self::Float { .. } => 4,
            Self::DecimalBytes => varint::BYTES_MAX + 8,
            Self::DecimalFixed(bytes) => *bytes,
            Self::Text { prefix, digits, suffix } => {
                varint::BYTES_MAX + prefix.len() + (*digits).max(DIGITS_MAX) + 1 + suffix.len()
            }
            Self::Boolean => 1,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a float or double is asked for"
    )]
    fn write(&self, value: i64, out: &mut [u8], at: usize) -> usize {
        match self {
            Self::Varint => at + varint::write(&mut out[at..], value),
            Self::Double { per } => put(out, at, &(value as f64 / per).to_le_bytes()),
            Self::Float { per } => put(out, at, &((value as f64 / per) as f32).to_le_bytes()),
            Self::DecimalBytes => {
                let bytes = value.to_be_bytes();
                let bytes = shortest(&bytes);
                let at = at + varint::write(&mut out[at..], bytes.len().cast_signed() as i64);
                put(out, at, bytes)
            }
            Self::DecimalFixed(size) => fixed_decimal(&value.to_be_bytes(), *size, out, at),
            Self::Text { prefix, digits, suffix } => {
                let mut text = [0; DIGITS_MAX];
                let number = decimal(value.unsigned_abs(), *digits, &mut text);
                let sign: &[u8] = if value < 0 { b"-" } else { b"" };
                let bytes = prefix.len() + sign.len() + number.len() + suffix.len();
                let at = at + varint::write(&mut out[at..], bytes.cast_signed() as i64);
                [prefix, sign, number, suffix].iter().fold(at, |at, part| put(out, at, part))
            }
            Self::Boolean => put(out, at, &[u8::from(value & 1 == 1)]),
        }
    }
}

/// Returns a two's complement number, highest byte first, without the bytes that only repeat its
/// sign (specification 1.12, "Decimal").
pub(in crate::program) fn shortest(bytes: &[u8]) -> &[u8] {
    let sign = |byte: u8| if byte & 0x80 == 0 { 0 } else { 0xff };
    let repeated = bytes.windows(2).take_while(|two| two[0] == sign(two[1])).count();
    &bytes[repeated..]
}

/// Writes a two's complement number in so many bytes, or its lowest ones.
pub(in crate::program) fn fixed_decimal(
    bytes: &[u8],
    size: usize,
    out: &mut [u8],
    at: usize,
) -> usize {
    let sign = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
    let kept = &bytes[bytes.len().saturating_sub(size)..];
    let extended = size - kept.len();
    out[at..at + extended].fill(sign);
    put(out, at + extended, kept)
}

/// Writes a number with at least so many digits to the end of `text`; returns them.
pub(in crate::program) fn decimal(
    mut number: u64,
    digits: usize,
    text: &mut [u8; DIGITS_MAX],
) -> &[u8] {
    let mut first = DIGITS_MAX;
    while first > 0 && (number > 0 || DIGITS_MAX - first < digits.max(1)) {
        first -= 1;
        text[first] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    &text[first..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_one_bit_of_its_sign() {
        for value in [0_i64, 1, -1, 127, 128, -128, -129, 255, 256, i64::MAX, i64::MIN] {
            let bytes = value.to_be_bytes();
            let short = shortest(&bytes);
            let back = num_bigint::BigInt::from_signed_bytes_be(short);
            assert_eq!(back, value.into());
            assert_eq!(short, back.to_signed_bytes_be());
            let mut out = [0; 12];
            assert_eq!(fixed_decimal(short, 12, &mut out, 0), 12);
            assert_eq!(num_bigint::BigInt::from_signed_bytes_be(&out), value.into());
        }
    }
}
