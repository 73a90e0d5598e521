//! What one record is drawn from: its random stream, and the numbers that identify it.

use std::ops::Range;

use fastrand::Rng;

use super::varint;
use crate::rng;

/// One record's draw, made once and used for record after record. Operations take from `rng` in
/// their order, so the same draw makes the same bytes.
#[derive(Clone, Debug)]
pub struct Draw {
    pub(super) rng: Rng,
    /// The record's own stream, while one of its lifecycle is drawn from.
    pub(super) outer: Rng,
    /// The event source, below the fleet's number of sources.
    pub source: u64,
    /// The global index.
    pub index: u64,
    /// The event time, in milliseconds since 1970.
    pub event_time_ms: u64,
    /// The step of its lifecycle that the record is.
    pub(super) step: usize,
    /// What the streams of its lifecycle follow from.
    pub(super) lifecycle: u64,
    /// The point in time that was written last.
    pub(super) moment: Moment,
    /// The place of the value being written among those of the arrays around it.
    pub(super) position: u64,
    /// Where the keys of the maps stand that are being written.
    pub(super) keys: Vec<(usize, usize)>,
    /// Where the field stands that is the message key.
    pub(super) key_at: Range<usize>,
    /// The record's AVRO bytes, where they are needed before they are written.
    pub(super) ahead: Box<[u8]>,
    /// How many there are; `None`: not written yet.
    pub(super) ahead_bytes: Option<usize>,
    /// Values of this record's fields that later fields depend on. A program writes each before it
    /// reads it.
    registers: [i64; REGISTERS],
}

/// Fields of one record that others may depend on, at most, and one place for the rest.
const REGISTERS: usize = 16;

/// Fields of one record that others may depend on, at most.
pub(super) const REGISTERS_MAX: usize = REGISTERS - 1;

/// Where the values go that nothing depends on: storing them costs less than asking.
pub(super) const REGISTER_UNUSED: u8 = 15;

impl Draw {
    /// Makes a draw with room for the keys of a record's maps, and for its bytes.
    pub(super) fn new(keys_max: usize, ahead_bytes_max: usize) -> Self {
        Self {
            rng: Rng::with_seed(0),
            outer: Rng::with_seed(0),
            source: 0,
            index: 0,
            event_time_ms: 0,
            step: 0,
            lifecycle: 0,
            moment: Moment { value: 0, bytes: [0; varint::BYTES_MAX], length: 0 },
            position: 0,
            keys: Vec::with_capacity(keys_max),
            key_at: 0..0,
            ahead: vec![0; ahead_bytes_max].into(),
            ahead_bytes: None,
            registers: [0; REGISTERS],
        }
    }

    #[inline]
    pub(super) const fn register(&self, register: u8) -> i64 {
        self.registers[register as usize % REGISTERS]
    }

    #[inline]
    pub(super) const fn set_register(&mut self, register: u8, value: i64) {
        self.registers[register as usize % REGISTERS] = value;
    }

    /// Returns a stream of the record's lifecycle: the same for all its steps.
    pub(super) fn lifecycle_stream(&self, stream: u64) -> Rng {
        rng::numbered(self.lifecycle, stream)
    }
}

/// Draws a number below `span` by multiplying: no rejection, so no branch, at the price of a bias
/// below span / 2^64.
#[inline]
pub(super) fn below(rng: &mut Rng, span: u64) -> u64 {
    let product = u128::from(rng.u64(..)) * u128::from(span);
    (product >> 64) as u64
}

/// The last point in time that was written: it is the same for record after record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    value: i64,
    bytes: [u8; varint::BYTES_MAX],
    length: usize,
}

impl Moment {
    #[inline]
    pub(super) fn write(&mut self, value: i64, out: &mut [u8], at: usize) -> usize {
        if value != self.value || self.length == 0 {
            self.value = value;
            self.length = varint::write(&mut self.bytes, value);
        }
        out[at..at + varint::BYTES_MAX].copy_from_slice(&self.bytes);
        at + self.length
    }
}

/// Draws a number of 0.0 up to but not including 1.0, from 52 bits.
///
/// The bits become the fraction of a number of 1.0 up to 2.0, which costs no conversion.
#[inline]
pub(super) fn unit(rng: &mut Rng) -> f64 {
    const ONE: u64 = 0x3ff0_0000_0000_0000;
    f64::from_bits(ONE | (rng.u64(..) >> 12)) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_their_range_and_fill_it() {
        let mut rng = Rng::with_seed(1);
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[usize::try_from(below(&mut rng, 7)).unwrap()] += 1;
            let unit = unit(&mut rng);
            assert!((0.0..1.0).contains(&unit));
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }
}
