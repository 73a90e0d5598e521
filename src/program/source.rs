//! What follows from the source alone: encoded once for each source, copied into each record.
//!
//! Up to [`SLOTS_MAX`] sources have a slot each, filled when the program is made, while there is
//! [`Room`] for them; else the bytes are computed for each record, so that memory stays bounded.

use bumpalo::Bump;

use super::draw::Draw;
use super::draw::REGISTER_UNUSED;
use super::op::Literal;
use super::op::Pick;
use super::op::Range;
use super::op::Uniform;
use super::op::decimal;
use super::varint;
use crate::memory;
use crate::rng;
use crate::units::Sources;

/// Sources that have a slot, at most: with 100 bytes a slot this is 10 MB.
pub(super) const SLOTS_MAX: u64 = 100_000;

/// Bytes of all slots of a program at most: 670 for each of [`SLOTS_MAX`] sources, and records of a
/// few hundred bytes have less than that of theirs.
const SLOT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What slots may still take.
#[derive(Debug)]
pub(super) struct Room {
    bytes: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: SLOT_BYTES_MAX }
    }
}

impl Room {
    /// Takes room for a slot of so many bytes for each source, if there is any.
    fn take(&mut self, sources: Sources, slot_bytes: usize) -> bool {
        let count = sources.end - sources.first;
        let left = self.bytes.checked_sub(count.saturating_mul(slot_bytes as u64));
        let left = left.filter(|_| count <= SLOTS_MAX);
        self.bytes = left.unwrap_or(self.bytes);
        left.is_some()
    }
}

/// Digits of a 64-bit number.
const DIGITS_MAX: usize = 20;

/// Bytes that are copied at once: a fixed length copies without a call.
const CHUNK: usize = 32;

/// A field that follows from the source.
#[derive(Debug)]
pub(super) struct SourceField {
    /// Which of the source's random streams it is drawn from.
    pub(super) stream: u64,
    /// How.
    pub(super) draw: SourceDraw,
    /// Where its value goes.
    pub(super) register: u8,
}

/// How a field follows from the source.
#[derive(Debug)]
pub(super) enum SourceDraw {
    /// The source's index over `divisor`, with leading zeros, after a prefix.
    Text { prefix: Box<str>, digits: usize, divisor: u64 },
    /// The source's index over `divisor`, from `first` on.
    Number { divisor: u64, first: i64 },
    /// One of several values that are encoded already.
    Options { pick: Pick, options: Box<[Literal]> },
    /// A double in a range.
    Double(Uniform),
    /// A float in a range.
    Float(Uniform),
    /// An integer in a range.
    Integer(Range),
}

impl SourceField {
    /// Returns the most bytes of the field.
    pub(super) fn bytes_max(&self) -> usize {
        match &self.draw {
            SourceDraw::Text { prefix, digits, .. } => {
                varint::BYTES_MAX + prefix.len() + (*digits).max(DIGITS_MAX)
            }
            SourceDraw::Options { options, .. } => {
                options.iter().map(Literal::bytes_max).max().unwrap_or_default()
            }
            SourceDraw::Number { .. } | SourceDraw::Integer(_) => varint::BYTES_MAX,
            SourceDraw::Double(_) => 8,
            SourceDraw::Float(_) => 4,
        }
    }

    /// Writes the field of a source at `at`; returns where it ends, and its value where others can
    /// depend on it.
    fn write(&self, source: u64, out: &mut [u8], at: usize) -> (usize, i64) {
        let rng = &mut rng::source_field(source, self.stream);
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at + bytes.len()
        };
        match &self.draw {
            SourceDraw::Text { prefix, digits, divisor } => {
                let mut text = [0; DIGITS_MAX];
                let number = decimal(source / divisor, *digits, &mut text);
                let length = prefix.len() + number.len();
                let at = at + varint::write(&mut out[at..], length.cast_signed() as i64);
                let after = at + prefix.len();
                out[at..after].copy_from_slice(prefix.as_bytes());
                out[after..after + number.len()].copy_from_slice(number);
                (after + number.len(), 0)
            }
            SourceDraw::Number { divisor, first } => {
                let number = (source / divisor).cast_signed().wrapping_add(*first);
                (at + varint::write(&mut out[at..], number), number)
            }
            SourceDraw::Options { pick, options } => {
                let option = &options[pick.draw(rng).min(options.len() - 1)];
                (option.write(out, at), option.value)
            }
            SourceDraw::Double(range) => (put(&range.draw(rng).to_le_bytes()), 0),
            #[expect(clippy::cast_possible_truncation, reason = "a float is asked for")]
            SourceDraw::Float(range) => (put(&(range.draw(rng) as f32).to_le_bytes()), 0),
            SourceDraw::Integer(range) => {
                let value = range.draw(rng);
                (at + varint::write(&mut out[at..], value), value)
            }
        }
    }
}

/// Neighbouring fields that follow from the source, written as one.
#[derive(Debug)]
pub(super) struct SourceRun {
    fields: Box<[SourceField]>,
    /// The registers that their values go to, each with its field's place.
    registers: Box<[(u8, usize)]>,
    bytes_max: usize,
    slots: Option<Slots>,
}

#[derive(Debug)]
struct Slots {
    first: u64,
    stride: usize,
    lengths: Box<[u16]>,
    bytes: Box<[u8]>,
    /// The values that go to registers, source by source.
    values: Box<[i64]>,
}

impl SourceRun {
    /// Encodes the fields for every source, if there is room for them.
    pub(super) fn new(fields: Vec<SourceField>, sources: Sources, room: &mut Room) -> Self {
        let bytes_max = fields.iter().map(SourceField::bytes_max).sum();
        let registers = fields.iter().enumerate().map(|(place, field)| (field.register, place));
        let registers: Box<[_]> =
            registers.filter(|(register, _)| *register != REGISTER_UNUSED).collect();
        let mut run = Self { fields: fields.into(), registers, bytes_max, slots: None };
        let values_bytes = run.registers.len() * size_of::<i64>();
        let slot_bytes = bytes_max.next_multiple_of(CHUNK) + size_of::<u16>() + values_bytes;
        if u16::try_from(bytes_max).is_ok() && room.take(sources, slot_bytes) {
            run.slots = Some(run.fill(sources));
        }
        run
    }

    fn fill(&self, sources: Sources) -> Slots {
        let all = sources.first..sources.end;
        let mut scratch = vec![0; self.bytes_max];
        // Computed twice: how long the longest is shows only then, and to keep the first encodings
        // until then would leave as much memory behind as the slots take.
        let length = |source| self.compute(source, &mut scratch, 0, |_, _| ());
        let lengths: Box<[u16]> =
            all.clone().map(length).map(|it| u16::try_from(it).unwrap_or(u16::MAX)).collect();
        let longest = usize::from(lengths.iter().copied().max().unwrap_or_default());
        let stride = longest.next_multiple_of(CHUNK);
        let mut bytes = vec![0; stride * lengths.len()].into_boxed_slice();
        let mut values = Vec::with_capacity(self.registers.len() * lengths.len());
        for (source, slot) in all.zip(bytes.chunks_exact_mut(stride.max(1))) {
            let length = self.compute(source, &mut scratch, 0, |place, value| {
                if self.registers.iter().any(|(_, registered)| *registered == place) {
                    values.push(value);
                }
            });
            slot[..length].copy_from_slice(&scratch[..length]);
        }
        let first = sources.first;
        Slots { first, stride, lengths, bytes, values: values.into() }
    }

    /// Returns the most bytes that a write touches.
    pub(super) fn bytes_max(&self) -> usize {
        self.slots.as_ref().map_or(self.bytes_max, |slots| slots.stride)
    }

    /// Has the processor fetch a source's slot.
    #[inline]
    pub(super) fn fetch(&self, source: u64) {
        let Some(slots) = &self.slots else { return };
        let slot = usize::try_from(source - slots.first).unwrap_or_default();
        let of_slot = |each: usize| slot * each..(slot + 1) * each;
        memory::fetch(&slots.bytes, of_slot(slots.stride));
        memory::fetch(&slots.lengths, of_slot(1));
        memory::fetch(&slots.values, of_slot(self.registers.len()));
    }

    #[inline]
    pub(super) fn write(&self, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
        let Some(slots) = &self.slots else { return self.write_computed(draw, out, at) };
        let slot = usize::try_from(draw.source - slots.first).unwrap_or_default();
        let bytes = &slots.bytes[slot * slots.stride..][..slots.stride];
        let places = out[at..at + slots.stride].as_chunks_mut::<CHUNK>().0;
        for (place, chunk) in places.iter_mut().zip(bytes.as_chunks::<CHUNK>().0) {
            *place = *chunk;
        }
        if !self.registers.is_empty() {
            let values = slots.values.iter().skip(slot * self.registers.len());
            for ((register, _), value) in self.registers.iter().zip(values) {
                draw.set_register(*register, *value);
            }
        }
        at + usize::from(slots.lengths[slot])
    }

    #[cold]
    fn write_computed(&self, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
        self.compute(draw.source, out, at, |place, value| {
            draw.set_register(self.fields[place].register, value);
        })
    }

    fn compute(
        &self,
        source: u64,
        out: &mut [u8],
        at: usize,
        mut note: impl FnMut(usize, i64),
    ) -> usize {
        self.fields.iter().enumerate().fold(at, |at, (place, field)| {
            let (end, value) = field.write(source, out, at);
            note(place, value);
            end
        })
    }
}

/// How a source is written as a message key: its id where the schema has one, else its index.
#[derive(Clone, Debug)]
pub(super) struct SourceKey {
    pub(super) prefix: Box<str>,
    pub(super) digits: usize,
    /// The number of the first source.
    pub(super) first: u64,
}

impl SourceKey {
    /// Returns the longest key, in bytes.
    fn bytes_max(&self) -> usize {
        self.prefix.len() + DIGITS_MAX.max(self.digits)
    }

    /// Writes the key of a source to the front of `out`; returns its length.
    fn write(&self, source: u64, out: &mut [u8]) -> usize {
        let mut text = [0; DIGITS_MAX];
        let number = decimal(source.wrapping_add(self.first), self.digits, &mut text);
        let length = self.prefix.len() + number.len();
        out[..self.prefix.len()].copy_from_slice(self.prefix.as_bytes());
        out[self.prefix.len()..length].copy_from_slice(number);
        length
    }
}

/// The message keys of all sources: written once for each, if there is room for them.
#[derive(Debug)]
pub(super) struct SourceKeys {
    key: SourceKey,
    first: u64,
    stride: usize,
    /// The bytes of each key, at every stride; empty: they are written for each record.
    bytes: Box<[u8]>,
    lengths: Box<[u8]>,
}

impl SourceKeys {
    pub(super) fn new(key: SourceKey, sources: Sources, room: &mut Room) -> Self {
        let mut keys = Self {
            first: sources.first,
            stride: key.bytes_max(),
            bytes: Box::default(),
            lengths: Box::default(),
            key,
        };
        let count = sources.end - sources.first;
        if u8::try_from(keys.stride).is_ok() && room.take(sources, keys.stride + 1) {
            let mut bytes = vec![0; keys.stride * usize::try_from(count).unwrap_or_default()];
            let slots = bytes.chunks_exact_mut(keys.stride);
            let lengths = (sources.first..sources.end).zip(slots).map(|(source, slot)| {
                u8::try_from(keys.key.write(source, slot)).unwrap_or(u8::MAX)
            });
            keys.lengths = lengths.collect();
            keys.bytes = bytes.into();
        }
        keys
    }

    /// Returns the longest key, in bytes.
    pub(super) fn bytes_max(&self) -> usize {
        self.stride
    }

    /// Returns how many keys stand written.
    pub(super) fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Returns the number of a source's key.
    pub(super) fn number(&self, source: u64) -> usize {
        usize::try_from(source - self.first).unwrap_or(usize::MAX)
    }

    /// Has the processor fetch a source's key.
    #[inline]
    pub(super) fn fetch(&self, source: u64) {
        let slot = self.number(source);
        if slot < self.len() {
            memory::fetch(&self.lengths, slot..slot + 1);
            memory::fetch(&self.bytes, slot * self.stride..(slot + 1) * self.stride);
        }
    }

    /// Returns the key of a source, which is written to the arena where it does not stand yet.
    #[inline]
    pub(super) fn of<'a>(&'a self, source: u64, arena: &'a Bump) -> &'a [u8] {
        let slot = self.number(source);
        match self.lengths.get(slot) {
            Some(length) => &self.bytes[slot * self.stride..][..usize::from(*length)],
            None => self.write(source, arena),
        }
    }

    #[cold]
    fn write<'a>(&'a self, source: u64, arena: &'a Bump) -> &'a [u8] {
        let text = arena.alloc_slice_fill_copy(self.stride, 0);
        let length = self.key.write(source, text);
        &text[..length]
    }
}
