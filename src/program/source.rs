//! What follows from the source alone: encoded once for each source, copied into each record.
//!
//! Up to [`SLOTS_MAX`] sources have a slot each, filled when the program is made; with more of them
//! the bytes are computed for each record, so that memory stays bounded.

use std::io::Write;

use fastrand::Rng;

use super::draw::below;
use super::draw::unit;
use super::op::Range;
use super::op::Uniform;
use super::varint;
use crate::rng;
use crate::units::Sources;

/// Sources that have a slot, at most: with 100 bytes a slot this is 10 MB.
pub(super) const SLOTS_MAX: u64 = 100_000;

/// Digits of a 64-bit number.
const DIGITS_MAX: usize = 20;

/// A field that follows from the source.
#[derive(Clone, Debug)]
pub(super) enum SourceField {
    /// The source's index over `divisor`, with leading zeros, after a prefix.
    Text { prefix: Box<str>, digits: usize, divisor: u64 },
    /// The source's index over `divisor`, from `first` on.
    Number { divisor: u64, first: i64 },
    /// One of several values that are encoded already.
    Options(Box<[Box<[u8]>]>),
    /// A double in a range.
    Double(Uniform),
    /// An integer in a range.
    Integer(Range),
}

impl SourceField {
    /// Returns whether the field is an int for every one of these sources, where it is a number.
    pub(super) fn fits_int(&self, sources: Sources) -> bool {
        match self {
            Self::Number { divisor, first } => {
                let last = i128::from((sources.end - 1) / divisor) + i128::from(*first);
                i32::try_from(*first).is_ok() && i32::try_from(last).is_ok()
            }
            Self::Integer(range) => range.fits_int(),
            Self::Text { .. } | Self::Options(_) | Self::Double(_) => true,
        }
    }

    fn bytes_max(&self) -> usize {
        match self {
            Self::Text { prefix, digits, .. } => {
                varint::BYTES_MAX + prefix.len() + (*digits).max(DIGITS_MAX)
            }
            Self::Options(options) => options.iter().map(|o| o.len()).max().unwrap_or_default(),
            Self::Number { .. } | Self::Integer(_) => varint::BYTES_MAX,
            Self::Double(_) => 8,
        }
    }

    /// Writes the field of a source at `at`; returns where it ends.
    fn write(&self, source: u64, rng: &mut Rng, out: &mut [u8], at: usize) -> usize {
        match self {
            Self::Text { prefix, digits, divisor } => {
                let mut text = [0; DIGITS_MAX];
                let number = decimal(source / divisor, *digits, &mut text);
                let length = prefix.len() + number.len();
                let at = at + varint::write(&mut out[at..], length.cast_signed() as i64);
                let after = at + prefix.len();
                out[at..after].copy_from_slice(prefix.as_bytes());
                out[after..after + number.len()].copy_from_slice(number);
                after + number.len()
            }
            Self::Number { divisor, first } => {
                let number = (source / divisor).cast_signed().wrapping_add(*first);
                at + varint::write(&mut out[at..], number)
            }
            Self::Options(options) => {
                let chosen = usize::try_from(below(rng, options.len() as u64)).unwrap_or_default();
                let bytes = &options[chosen];
                out[at..at + bytes.len()].copy_from_slice(bytes);
                at + bytes.len()
            }
            Self::Double(range) => {
                let value = range.low + unit(rng) * range.span;
                out[at..at + 8].copy_from_slice(&value.to_le_bytes());
                at + 8
            }
            Self::Integer(range) => {
                let value = range.low.wrapping_add(below(rng, range.span).cast_signed());
                at + varint::write(&mut out[at..], value)
            }
        }
    }
}

/// Writes a number with at least so many digits to the end of `text`; returns them.
fn decimal(mut number: u64, digits: usize, text: &mut [u8; DIGITS_MAX]) -> &[u8] {
    let mut first = DIGITS_MAX;
    while first > 0 && (number > 0 || DIGITS_MAX - first < digits.max(1)) {
        first -= 1;
        text[first] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    &text[first..]
}

/// Neighbouring fields that follow from the source, written as one.
#[derive(Debug)]
pub(super) struct SourceRun {
    /// Each field with its ordinal in the schema, from which its random stream is found.
    fields: Box<[(u64, SourceField)]>,
    bytes_max: usize,
    slots: Option<Slots>,
}

#[derive(Debug)]
struct Slots {
    first: u64,
    stride: usize,
    lengths: Box<[u16]>,
    bytes: Box<[u8]>,
}

impl SourceRun {
    /// Encodes the fields for every source, if there are not too many.
    pub(super) fn new(fields: Vec<(u64, SourceField)>, sources: Sources) -> Self {
        let bytes_max = fields.iter().map(|(_, field)| field.bytes_max()).sum();
        let mut run = Self { fields: fields.into(), bytes_max, slots: None };
        let count = sources.end - sources.first;
        if count <= SLOTS_MAX && u16::try_from(bytes_max).is_ok() {
            run.slots = Some(run.fill(sources));
        }
        run
    }

    fn fill(&self, sources: Sources) -> Slots {
        let mut out = vec![0; self.bytes_max];
        let encoded = (sources.first..sources.end).map(|source| {
            let length = self.compute(source, &mut out, 0);
            u16::try_from(length).unwrap_or(u16::MAX)
        });
        let lengths: Box<[u16]> = encoded.collect();
        // A stride of whole words copies fastest.
        let longest = usize::from(lengths.iter().copied().max().unwrap_or_default());
        let stride = longest.next_multiple_of(16).max(16);
        let mut bytes = vec![0; stride * lengths.len()];
        let mut scratch = vec![0; self.bytes_max.max(stride)];
        for (source, slot) in (sources.first..).zip(bytes.chunks_exact_mut(stride)) {
            self.compute(source, &mut scratch, 0);
            slot.copy_from_slice(&scratch[..stride]);
        }
        Slots { first: sources.first, stride, lengths, bytes: bytes.into() }
    }

    /// Returns the most bytes that a write touches.
    pub(super) fn bytes_max(&self) -> usize {
        self.slots.as_ref().map_or(self.bytes_max, |slots| slots.stride)
    }

    #[inline]
    pub(super) fn write(&self, source: u64, out: &mut [u8], at: usize) -> usize {
        let Some(slots) = &self.slots else { return self.compute(source, out, at) };
        let slot = usize::try_from(source - slots.first).unwrap_or_default();
        let bytes = &slots.bytes[slot * slots.stride..(slot + 1) * slots.stride];
        out[at..at + slots.stride].copy_from_slice(bytes);
        at + usize::from(slots.lengths[slot])
    }

    fn compute(&self, source: u64, out: &mut [u8], at: usize) -> usize {
        self.fields.iter().fold(at, |at, (ordinal, field)| {
            field.write(source, &mut rng::source_field(source, *ordinal), out, at)
        })
    }
}

/// The message key of a source: its id where the schema has one, else its index.
#[derive(Clone, Debug)]
pub(super) struct SourceKey {
    pub(super) prefix: Box<str>,
    pub(super) digits: usize,
    /// The number of the first source.
    pub(super) first: u64,
}

impl SourceKey {
    /// Returns the longest key, in bytes.
    pub(super) fn bytes_max(&self) -> usize {
        self.prefix.len() + DIGITS_MAX.max(self.digits)
    }

    /// Writes the key of a source to the front of `out`; returns its length.
    #[inline]
    pub(super) fn write(&self, source: u64, mut out: &mut [u8]) -> usize {
        let mut text = [0; DIGITS_MAX];
        let number = decimal(source.wrapping_add(self.first), self.digits, &mut text);
        let length = self.prefix.len() + number.len();
        // `out` has room: a batch is full before it has not.
        out.write_all(self.prefix.as_bytes()).ok();
        out.write_all(number).ok();
        length
    }
}
