//! The operations of a program: each draws one value, or a run of them, and writes its AVRO bytes.
//!
//! An operation writes at `at` and returns where the next one writes. It may write beyond what it
//! returns, never beyond its `bytes_max`: a fixed length copies faster than an exact one.

use super::draw::Draw;
use super::draw::below;
use super::draw::unit;
use super::source::SourceRun;
use super::varint;

/// A uniform range of doubles: `low` up to but not including `low + span`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Uniform {
    pub(super) low: f64,
    pub(super) span: f64,
}

/// A uniform range of integers: `span` of them from `low` on; 0 spans all 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) low: i64,
    pub(super) span: u64,
}

impl Range {
    /// Returns whether every value of the range is an int.
    pub(super) fn fits_int(self) -> bool {
        let last = i128::from(self.low) + i128::from(self.span) - 1;
        self.span > 0 && i32::try_from(self.low).is_ok() && i32::try_from(last).is_ok()
    }

    #[inline]
    fn draw(self, draw: &mut Draw) -> i64 {
        self.low.wrapping_add(below(&mut draw.rng, self.span).cast_signed())
    }
}

/// One way to write a field, or a run of neighbouring ones.
#[derive(Debug)]
pub(super) enum Op {
    /// The same bytes in every record.
    Constant(Box<[u8]>),
    /// Neighbouring fields that follow from the source alone.
    Source(SourceRun),
    /// Neighbouring doubles.
    Doubles(Box<[Uniform]>),
    /// A float.
    Float(Uniform),
    /// An int, a long or an enum's symbol.
    Integer { range: Range, register: u8 },
    /// One of several values, each with its bytes, by weight.
    Choice(Choice),
    /// An integer whose range follows from an earlier integer's value.
    By { on: u8, cases: Box<[(i64, Range)]>, otherwise: Range, register: u8 },
    /// An integer that is an earlier integer's value times a drawn one.
    Times { on: u8, range: Range, register: u8 },
    /// The event time in units of which `per_ms` make a millisecond.
    EventTime { per_ms: i64 },
    /// So many random hexadecimal digits, as a string.
    Id { digits: usize },
    /// A string of random lower-case letters.
    Letters { length: Range },
    /// Random bytes with their length before them.
    Bytes { length: Range },
    /// So many random bytes.
    Fixed(usize),
}

/// A weighted choice among values that are encoded already.
#[derive(Debug)]
pub(super) struct Choice {
    /// The weight of all options up to and including each, of 2^32 in all.
    pub(super) up_to: Box<[u64]>,
    /// The options.
    pub(super) options: Box<[Literal]>,
    /// Where its value goes.
    pub(super) register: u8,
}

/// A value that is encoded already: its first bytes as many as copy at once, and the rest.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    head: [u8; HEAD],
    rest: Box<[u8]>,
    bytes: usize,
    /// The value where others depend on it.
    value: i64,
}

/// Bytes that are copied at once: most literals are shorter, and a fixed length copies without a
/// call.
const HEAD: usize = 16;

impl Literal {
    pub(super) fn new(bytes: &[u8], value: i64) -> Self {
        let (first, rest) = bytes.split_at(bytes.len().min(HEAD));
        let mut head = [0; HEAD];
        head[..first.len()].copy_from_slice(first);
        Self { head, rest: rest.into(), bytes: bytes.len(), value }
    }

    /// Returns the bytes of the value.
    pub(super) fn to_bytes(&self) -> Box<[u8]> {
        self.head.iter().chain(&self.rest).take(self.bytes).copied().collect()
    }

    fn bytes_max(&self) -> usize {
        HEAD + self.rest.len()
    }

    #[inline]
    fn write(&self, out: &mut [u8], at: usize) -> usize {
        out[at..at + HEAD].copy_from_slice(&self.head);
        if !self.rest.is_empty() {
            put(out, at + HEAD, &self.rest);
        }
        at + self.bytes
    }
}

impl Op {
    /// Returns the most bytes that the operation touches.
    pub(super) fn bytes_max(&self) -> usize {
        match self {
            Self::Constant(bytes) => bytes.len(),
            Self::Source(run) => run.bytes_max(),
            Self::Doubles(ranges) => ranges.len() * 8,
            Self::Float(_) => 4,
            Self::Integer { .. }
            | Self::By { .. }
            | Self::Times { .. }
            | Self::EventTime { .. } => varint::BYTES_MAX,
            Self::Choice(choice) => {
                choice.options.iter().map(Literal::bytes_max).max().unwrap_or_default()
            }
            Self::Id { digits } => varint::BYTES_MAX + digits.next_multiple_of(16),
            Self::Letters { length } | Self::Bytes { length } => {
                let longest = length.low.unsigned_abs() + length.span;
                varint::BYTES_MAX + usize::try_from(longest).unwrap_or(usize::MAX / 2) + 8
            }
            Self::Fixed(bytes) => bytes.next_multiple_of(8),
        }
    }

    /// Writes at `at`; returns where the next operation writes.
    #[inline]
    pub(super) fn write(&self, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
        match self {
            Self::Constant(bytes) => put(out, at, bytes),
            Self::Source(run) => run.write(draw.source, out, at),
            Self::Doubles(ranges) => doubles(ranges, draw, out, at),
            Self::Float(range) => {
                #[expect(clippy::cast_possible_truncation, reason = "a float is asked for")]
                let value = (range.low + unit(&mut draw.rng) * range.span) as f32;
                put(out, at, &value.to_le_bytes())
            }
            Self::Integer { range, register } => {
                let value = range.draw(draw);
                integer(value, *register, draw, out, at)
            }
            Self::Choice(choice) => choice.write(draw, out, at),
            Self::By { on, cases, otherwise, register } => {
                let on = draw.registers[usize::from(*on)];
                let case = cases.iter().find(|(value, _)| *value == on);
                let value = case.map_or(*otherwise, |(_, range)| *range).draw(draw);
                integer(value, *register, draw, out, at)
            }
            Self::Times { on, range, register } => {
                let factor = range.draw(draw);
                let value = draw.registers[usize::from(*on)].wrapping_mul(factor);
                integer(value, *register, draw, out, at)
            }
            Self::EventTime { per_ms } => {
                let value = draw.event_time_ms.cast_signed().wrapping_mul(*per_ms);
                at + varint::write(&mut out[at..], value)
            }
            Self::Id { digits } => id(*digits, draw, out, at),
            Self::Letters { length } => letters(*length, draw, out, at),
            Self::Bytes { length } => {
                let bytes = length.draw(draw);
                let at = at + varint::write(&mut out[at..], bytes);
                random_bytes(usize::try_from(bytes).unwrap_or_default(), draw, out, at)
            }
            Self::Fixed(bytes) => random_bytes(*bytes, draw, out, at),
        }
    }
}

impl Choice {
    #[inline]
    fn write(&self, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
        let random = draw.rng.u64(..) >> 32;
        let chosen = self.up_to.iter().filter(|&&up_to| up_to <= random).count();
        let option = &self.options[chosen.min(self.options.len() - 1)];
        draw.registers[usize::from(self.register)] = option.value;
        option.write(out, at)
    }
}

#[inline]
fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    out[at..at + bytes.len()].copy_from_slice(bytes);
    at + bytes.len()
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "a call costs as much as the integer")]
fn integer(value: i64, register: u8, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
    draw.registers[usize::from(register)] = value;
    at + varint::write(&mut out[at..], value)
}

#[inline]
fn doubles(ranges: &[Uniform], draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
    let end = at + ranges.len() * 8;
    for (range, place) in ranges.iter().zip(out[at..end].as_chunks_mut::<8>().0) {
        *place = (range.low + unit(&mut draw.rng) * range.span).to_le_bytes();
    }
    end
}

/// Writes 16 hexadecimal digits at a time.
#[inline]
fn id(digits: usize, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
    let at = at + varint::write(&mut out[at..], digits.cast_signed() as i64);
    let touched = digits.next_multiple_of(16);
    for place in out[at..at + touched].as_chunks_mut::<16>().0 {
        let random = draw.rng.u64(..);
        let halves = [(random >> 32) & 0xffff_ffff, random & 0xffff_ffff].map(hexadecimal);
        place[..8].copy_from_slice(&halves[0].to_be_bytes());
        place[8..].copy_from_slice(&halves[1].to_be_bytes());
    }
    at + digits
}

/// Returns the eight digits of a 32-bit number, all computed at once, the first in the highest
/// byte.
const fn hexadecimal(value: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Each half byte in a byte of its own, then '0' + n, and 39 more where n is above 9.
    let x = (value | (value << 16)) & 0x0000_ffff_0000_ffff;
    let x = (x | (x << 8)) & 0x00ff_00ff_00ff_00ff;
    let x = (x | (x << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    let is_letter = ((x + 6 * ONES) >> 4) & ONES;
    x + 0x30 * ONES + is_letter * 39
}

fn letters(length: Range, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
    let length = length.draw(draw);
    let at = at + varint::write(&mut out[at..], length);
    let end = at + usize::try_from(length).unwrap_or_default();
    for place in &mut out[at..end] {
        *place = b'a' + u8::try_from(below(&mut draw.rng, 26)).unwrap_or_default();
    }
    end
}

fn random_bytes(bytes: usize, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
    let touched = bytes.next_multiple_of(8);
    for place in out[at..at + touched].as_chunks_mut::<8>().0 {
        *place = draw.rng.u64(..).to_le_bytes();
    }
    at + bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_those_of_the_number() {
        for value in [0, 1, 0x0123_4567, 0x89ab_cdef, 0xffff_ffff] {
            assert_eq!(hexadecimal(value).to_be_bytes(), *format!("{value:08x}").as_bytes());
        }
    }
}
