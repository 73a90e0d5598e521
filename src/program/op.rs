//! The operations of a program: each draws one value, or a run of them, and writes its AVRO bytes.
//!
//! The list is flat: a choice between branches jumps into one of them, and each branch but the last
//! ends with a jump behind all of them. Only what is repeated is run by a call of its own.
//!
//! An operation writes at `at` and says where the next one writes. It may write beyond that, never
//! beyond its `bytes_max`: a fixed length copies faster than an exact one.

use fastrand::Rng;

use super::draw::Draw;
use super::draw::below;
use super::draw::unit;
use super::pattern::Pattern;
use super::source::SourceRun;
use super::varint;

mod branch;
mod keys;
mod literal;
mod number;
mod real;
mod text;
mod wide;

pub(super) use branch::Branch;
pub(super) use branch::Lookup;
pub(super) use branch::Selector;
pub(super) use keys::Entries;
pub(super) use keys::Keys;
pub(super) use literal::Choice;
pub(super) use literal::Literal;
pub(super) use literal::Pick;
pub(super) use number::Counter;
pub(super) use number::Form;
pub(super) use number::Number;
pub(super) use number::Whole;
pub(super) use number::decimal;
pub(super) use number::fixed_decimal;
pub(super) use number::shortest;
pub(super) use real::Curve;
pub(super) use real::Real;
pub(super) use real::Spread;
pub(super) use wide::WideRange;

/// A uniform range of doubles: `low` up to but not including `low + span`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Uniform {
    pub(super) low: f64,
    pub(super) span: f64,
}

impl Uniform {
    #[inline]
    pub(super) fn draw(self, rng: &mut Rng) -> f64 {
        self.low + unit(rng) * self.span
    }
}

/// A uniform range of integers: `span` of them from `low` on; 0 spans all 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) low: i64,
    pub(super) span: u64,
}

impl Range {
    /// Returns the range from `min` to `max`, both within it.
    pub(super) const fn inclusive(min: i64, max: i64) -> Self {
        Self { low: min, span: max.wrapping_sub(min).cast_unsigned().wrapping_add(1) }
    }

    /// Returns the last number of the range.
    pub(super) const fn last(self) -> i64 {
        self.low.wrapping_add(self.span.wrapping_sub(1).cast_signed())
    }

    #[inline]
    pub(super) fn draw(self, rng: &mut Rng) -> i64 {
        if self.span == 0 { rng.i64(..) } else { self.draw_bounded(rng) }
    }

    /// Draws from a range that does not span all numbers.
    #[inline]
    fn draw_bounded(self, rng: &mut Rng) -> i64 {
        self.low.wrapping_add(below(rng, self.span).cast_signed())
    }
}

/// One way to write a field, a run of neighbouring ones, or to go on elsewhere.
#[derive(Debug)]
pub(super) enum Op {
    /// The same bytes in every record.
    Constant(Box<Literal>),
    /// Neighbouring fields that follow from the source alone.
    Source(Box<SourceRun>),
    /// Neighbouring doubles.
    Doubles(Box<[Uniform]>),
    /// Neighbouring ints and longs, each with the register that its value goes to.
    Integers(Box<[(Range, u8)]>),
    /// The same where all of them are small: most are, and take half the time.
    Smalls(Box<[(Range, u8)]>),
    /// Neighbouring earlier integers, each times a drawn one; all of them are small.
    SmallTimes(Box<[Multiple]>),
    /// One of several values, each with its bytes.
    Choice(Box<Choice>),
    /// The event time in units of which `per_ms` make a millisecond.
    EventTime { per_ms: i64 },
    /// So many random hexadecimal digits, as a string.
    Id(Id),
    /// Any other integer, in any form.
    Number(Box<Number>),
    /// A float or double that is not spread evenly, or a float.
    Real(Box<Real>),
    /// A string of random lower-case letters.
    Letters { length: Range },
    /// A string that matches a regular expression, between a prefix and a suffix.
    Pattern(Box<Affixed>),
    /// Random bytes with their length before them.
    Bytes { length: Range },
    /// So many random bytes.
    Fixed(usize),
    /// Random bits as a decimal's bytes, in a fixed or with their length before them.
    WideDecimal(Box<WideDecimal>),
    /// An integer of more than 64 bits, evenly, as a decimal's bytes.
    WideRange(Box<WideRange>),
    /// A random UUID as text.
    UuidText,
    /// A random UUID as 16 bytes.
    UuidBytes,
    /// Random months, days and milliseconds.
    Duration,
    /// One of several values that are encoded already, by an earlier field or the step.
    Lookup(Box<Lookup>),
    /// Goes on at one of several places.
    Branch(Box<Branch>),
    /// Goes on elsewhere.
    Jump { to: usize },
    /// Writes how many items there are, and each by the operations behind it.
    Items(Box<Items>),
    /// The same for the entries of a map, whose keys differ.
    Entries(Box<Entries>),
    /// Draws from the lifecycle's own stream of this number until `Leave`.
    Enter { stream: u64 },
    /// The same where another of the lifecycle's streams was drawn from before.
    Change { stream: u64 },
    /// Draws from the record's stream again.
    Leave,
    /// Notes where the field starts that is the message key.
    KeyStart,
    /// Notes where it ends.
    KeyEnd,
}

/// Random hexadecimal digits, with the bytes of their length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id {
    digits: u8,
    /// The digits that are written: eight at a time.
    padded: u8,
    length: [u8; 2],
    length_bytes: u8,
}

/// Random bits as a decimal.
#[derive(Clone, Copy, Debug)]
pub(super) struct WideDecimal {
    pub(super) bits: usize,
    pub(super) fixed: Option<usize>,
}

/// An integer that is an earlier one times a drawn one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Multiple {
    pub(super) on: u8,
    pub(super) range: Range,
    pub(super) register: u8,
}

/// The items of an array.
#[derive(Debug)]
pub(super) struct Items {
    pub(super) length: Range,
    /// Where the operations begin and end that write one.
    pub(super) body: std::ops::Range<usize>,
}

/// A string between a prefix and a suffix.
#[derive(Debug)]
pub(super) struct Affixed {
    pub(super) prefix: Box<[u8]>,
    pub(super) suffix: Box<[u8]>,
    pub(super) inner: Inner,
}

/// What stands between a prefix and a suffix.
#[derive(Debug)]
pub(super) enum Inner {
    /// What matches a regular expression.
    Pattern(Pattern),
    /// Lower-case letters.
    Letters(Range),
}

impl Op {
    /// Returns the most bytes that the operation touches by itself.
    pub(super) fn bytes_max(&self) -> usize {
        match self {
            Self::Constant(literal) => literal.bytes_max(),
            Self::Source(run) => run.bytes_max(),
            Self::Doubles(ranges) => ranges.len() * 8,
            Self::Integers(run) => run.len() * varint::BYTES_MAX,
            Self::Smalls(run) => run.len() * varint::SMALL_BYTES_MAX,
            Self::SmallTimes(run) => run.len() * varint::SMALL_BYTES_MAX,
            Self::EventTime { .. } | Self::Items(_) => varint::BYTES_MAX,
            Self::Choice(choice) => choice.bytes_max(),
            Self::Lookup(lookup) => lookup.bytes_max(),
            Self::Id(id) => 2 + usize::from(id.padded),
            Self::Number(number) => number.bytes_max(),
            Self::Real(_) => 8,
            Self::Letters { length } | Self::Bytes { length } => text::bytes_max(*length),
            Self::Pattern(affixed) => affixed.bytes_max(),
            Self::Fixed(bytes) => bytes.next_multiple_of(8),
            Self::WideDecimal(decimal) => {
                let bytes = decimal.bits / 8 + 1;
                varint::BYTES_MAX + decimal.fixed.unwrap_or(bytes).max(bytes) + 8
            }
            Self::WideRange(range) => range.bytes_max(),
            Self::UuidText => 1 + text::UUID_BYTES,
            Self::UuidBytes => 16,
            Self::Duration => 12,
            Self::Entries(entries) => varint::BYTES_MAX + entries.key_bytes_max(),
            Self::Branch(_)
            | Self::Jump { .. }
            | Self::Enter { .. }
            | Self::Change { .. }
            | Self::Leave
            | Self::KeyStart
            | Self::KeyEnd => 0,
        }
    }
}

/// Runs the operations from `start` on to the end of `ops`; returns where they ended to write.
///
/// The random stream is taken out of the draw and put back, so that it lives in a processor's
/// register meanwhile.
pub(super) fn run(
    ops: &[Op],
    start: usize,
    draw: &mut Draw,
    out: &mut [u8],
    mut at: usize,
) -> usize {
    let mut rng = draw.rng.clone();
    let mut rest = ops[start..].iter();
    while let Some(op) = rest.next() {
        match op {
            Op::Constant(literal) => at = literal.write(out, at),
            Op::Source(source) => at = source.write(draw, out, at),
            Op::Doubles(ranges) => {
                let end = at + ranges.len() * 8;
                let places = out[at..end].as_chunks_mut::<8>().0;
                for (number, range) in ranges.iter().enumerate() {
                    let double = range.draw(&mut rng);
                    // As `if` it stays one by one: two at a time cost more, as the random numbers
                    // are multiplied one by one all the same.
                    if let Some(place) = places.get_mut(number) {
                        *place = double.to_le_bytes();
                    }
                }
                at = end;
            }
            Op::Smalls(run) => {
                for (range, register) in run {
                    let value = range.draw_bounded(&mut rng);
                    draw.set_register(*register, value);
                    at = varint::write_small(out, at, value);
                }
            }
            Op::SmallTimes(run) => {
                for Multiple { on, range, register } in run {
                    let value = draw.register(*on).wrapping_mul(range.draw_bounded(&mut rng));
                    draw.set_register(*register, value);
                    at = varint::write_small(out, at, value);
                }
            }
            Op::Choice(choice) => at = choice.write(&mut rng, draw, out, at),
            Op::EventTime { per_ms } => {
                let value = draw.event_time_ms.cast_signed().wrapping_mul(*per_ms);
                at = draw.moment.write(value, out, at);
            }
            Op::Id(id) => at = text::id(*id, &mut rng, out, at),
            Op::Lookup(lookup) => at = lookup.write(&mut rng, draw, out, at),
            Op::Branch(branch) => rest = ops[branch.target(&mut rng, draw)..].iter(),
            Op::Jump { to } => rest = ops[*to..].iter(),
            Op::Enter { stream } => {
                let own = draw.lifecycle_stream(*stream);
                draw.outer = std::mem::replace(&mut rng, own);
            }
            Op::Change { stream } => rng = draw.lifecycle_stream(*stream),
            Op::Leave => rng = draw.outer.clone(),
            Op::KeyStart => draw.key_at.start = at,
            Op::KeyEnd => draw.key_at.end = at,
            Op::Items(items) => {
                draw.rng = rng;
                at = items.write(ops, draw, out, at);
                rng = draw.rng.clone();
                rest = ops[items.body.end..].iter();
            }
            Op::Entries(entries) => {
                draw.rng = rng;
                at = entries.write(ops, draw, out, at);
                rng = draw.rng.clone();
                rest = ops[entries.body.end..].iter();
            }
            other => {
                draw.rng = rng;
                at = other.write_rare(draw, out, at);
                rng = draw.rng.clone();
            }
        }
    }
    draw.rng = rng;
    at
}

impl Op {
    /// Writes what stands in few schemas: kept out of the loop, so that the loop stays small.
    #[inline(never)]
    fn write_rare(&self, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
        match self {
            Self::Integers(run) => run.iter().fold(at, |at, (range, register)| {
                let value = range.draw(&mut draw.rng);
                draw.set_register(*register, value);
                at + varint::write(&mut out[at..], value)
            }),
            Self::Number(number) => number.write(draw, out, at),
            Self::Real(real) => real.write(draw, out, at),
            Self::Letters { length } => text::letters(*length, &mut draw.rng, out, at),
            Self::Pattern(affixed) => affixed.write(&mut draw.rng, out, at),
            Self::Bytes { length } => text::bytes(*length, &mut draw.rng, out, at),
            Self::Fixed(bytes) => text::random(*bytes, &mut draw.rng, out, at),
            Self::WideDecimal(decimal) => text::wide_decimal(**decimal, &mut draw.rng, out, at),
            Self::WideRange(range) => range.write(&mut draw.rng, out, at),
            Self::UuidText => text::uuid_text(&mut draw.rng, out, at),
            Self::UuidBytes => put(out, at, &text::uuid(&mut draw.rng)),
            Self::Duration => text::duration(&mut draw.rng, out, at),
            _ => at,
        }
    }
}

impl Items {
    fn write(&self, ops: &[Op], draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
        let count = self.length.draw(&mut draw.rng);
        let mut at = at + varint::write(&mut out[at..], count);
        if count == 0 {
            return at;
        }
        let outer = draw.position;
        for item in 0..count.cast_unsigned() {
            draw.position = position(outer, self.length, item);
            at = run(&ops[..self.body.end], self.body.start, draw, out, at);
        }
        draw.position = outer;
        // Where the blocks of an array end (specification 1.12, "Arrays").
        put(out, at, &[0])
    }
}

/// Returns the place of an item among all that a record could have of it, as if every array around
/// it were as long as it can be.
const fn position(outer: u64, length: Range, item: u64) -> u64 {
    outer.wrapping_mul(length.last().cast_unsigned()).wrapping_add(item)
}

#[inline]
fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    out[at..at + bytes.len()].copy_from_slice(bytes);
    at + bytes.len()
}
