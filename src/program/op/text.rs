//! Random text and bytes.

use fastrand::Rng;

use super::Affixed;
use super::Id;
use super::Inner;
use super::Range;
use super::WideDecimal;
use super::below;
use super::number::shortest;
use super::put;
use super::varint;

/// The text of a UUID.
pub(super) const UUID_BYTES: usize = 36;

/// Returns the most bytes that a text or bytes of this length touch.
pub(super) fn bytes_max(length: Range) -> usize {
    let longest = usize::try_from(length.last()).unwrap_or(usize::MAX / 4);
    varint::BYTES_MAX + longest.next_multiple_of(8)
}

/// Writes an id, eight digits at a time.
#[inline]
pub(super) fn id(id: Id, rng: &mut Rng, out: &mut [u8], at: usize) -> usize {
    out[at..at + 2].copy_from_slice(&id.length);
    let at = at + usize::from(id.length_bytes);
    let end = at + usize::from(id.padded);
    for place in out[at..end].as_chunks_mut::<8>().0 {
        *place = eight_digits((rng.u64(..) >> 32) as u32);
    }
    at + usize::from(id.digits)
}

impl Id {
    pub(in crate::program) fn new(digits: u8) -> Self {
        let bytes = varint::bytes(digits.into());
        let length = [bytes[0], *bytes.get(1).unwrap_or(&0)];
        let padded = digits.next_multiple_of(8);
        Self { digits, padded, length, length_bytes: if bytes.len() > 1 { 2 } else { 1 } }
    }
}

/// The two digits of each byte.
const DIGITS: [[u8; 2]; 256] = {
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = [b"0123456789abcdef"[byte >> 4], b"0123456789abcdef"[byte & 15]];
        byte += 1;
    }
    digits
};

/// Returns the digits of a number, its highest first.
#[inline]
fn eight_digits(value: u32) -> [u8; 8] {
    let [a, b, c, d] = value.to_be_bytes().map(|byte| DIGITS[usize::from(byte)]);
    [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]]
}

/// Returns a random UUID (RFC 9562, version 4).
pub(super) fn uuid(rng: &mut Rng) -> [u8; 16] {
    let high = (rng.u64(..) & !0xf000) | 0x4000;
    let low = (rng.u64(..) >> 2) | (1 << 63);
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

pub(super) fn uuid_text(rng: &mut Rng, out: &mut [u8], at: usize) -> usize {
    let uuid = uuid(rng);
    let mut digits = [0; 32];
    for (part, place) in uuid.as_chunks::<4>().0.iter().zip(digits.as_chunks_mut::<8>().0) {
        *place = eight_digits(u32::from_be_bytes(*part));
    }
    let mut at = at + varint::write(&mut out[at..], UUID_BYTES.cast_signed() as i64);
    for (from, to) in [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)] {
        if from > 0 {
            at = put(out, at, b"-");
        }
        at = put(out, at, &digits[from..to]);
    }
    at
}

pub(super) fn letters(length: Range, rng: &mut Rng, out: &mut [u8], at: usize) -> usize {
    let length = length.draw(rng);
    let at = at + varint::write(&mut out[at..], length);
    bare_letters(length, rng, out, at)
}

fn bare_letters(length: i64, rng: &mut Rng, out: &mut [u8], at: usize) -> usize {
    let end = at + usize::try_from(length).unwrap_or_default();
    for place in &mut out[at..end] {
        *place = b'a' + u8::try_from(below(rng, 26)).unwrap_or_default();
    }
    end
}

impl Affixed {
    pub(super) fn bytes_max(&self) -> usize {
        let inner = match &self.inner {
            Inner::Pattern(pattern) => pattern.bytes_max(),
            Inner::Letters(length) => bytes_max(*length),
        };
        varint::BYTES_MAX + self.prefix.len() + inner + self.suffix.len()
    }

    /// Writes the text behind room for its length, then the length, and closes the gap.
    pub(super) fn write(&self, rng: &mut Rng, out: &mut [u8], at: usize) -> usize {
        // Most texts are shorter than 64 bytes, and then nothing is moved.
        let start = at + 1;
        let mut end = put(out, start, &self.prefix);
        end = match &self.inner {
            Inner::Pattern(pattern) => end + pattern.write(rng, &mut out[end..]),
            Inner::Letters(length) => bare_letters(length.draw(rng), rng, out, end),
        };
        end = put(out, end, &self.suffix);
        let bytes = end - start;
        let mut length = [0; varint::BYTES_MAX];
        let length_bytes = varint::write(&mut length, bytes.cast_signed() as i64);
        out.copy_within(start..end, at + length_bytes);
        put(out, at, &length[..length_bytes]) + bytes
    }
}

pub(super) fn bytes(length: Range, rng: &mut Rng, out: &mut [u8], at: usize) -> usize {
    let length = length.draw(rng);
    let at = at + varint::write(&mut out[at..], length);
    random(usize::try_from(length).unwrap_or_default(), rng, out, at)
}

pub(super) fn random(bytes: usize, rng: &mut Rng, out: &mut [u8], at: usize) -> usize {
    let touched = bytes.next_multiple_of(8);
    for place in out[at..at + touched].as_chunks_mut::<8>().0 {
        *place = rng.u64(..).to_le_bytes();
    }
    at + bytes
}

/// Writes a two's complement number of so many bits and a sign.
pub(super) fn wide_decimal(
    WideDecimal { bits, fixed }: WideDecimal,
    rng: &mut Rng,
    out: &mut [u8],
    at: usize,
) -> usize {
    // Behind room for the length or for what a fixed repeats of the sign.
    let bytes = bits / 8 + 1;
    let start = at + varint::BYTES_MAX.max(fixed.unwrap_or_default().saturating_sub(bytes));
    random(bytes, rng, out, start);
    let (spare, number) = (7 - bits % 8, &mut out[start..start + bytes]);
    number[0] = (number[0].cast_signed() << spare >> spare).cast_unsigned();
    if let Some(size) = fixed {
        let sign = if number[0] & 0x80 == 0 { 0 } else { 0xff };
        out.copy_within(start..start + bytes, at + size - bytes);
        out[at..at + size - bytes].fill(sign);
        return at + size;
    }
    let repeated = bytes - shortest(number).len();
    let kept = start + repeated..start + bytes;
    let length_bytes = varint::write(&mut out[at..], kept.len().cast_signed() as i64);
    let end = at + length_bytes + kept.len();
    out.copy_within(kept, at + length_bytes);
    end
}

/// Writes up to a year, a month and a day (specification 1.12, "Duration").
pub(super) fn duration(rng: &mut Rng, out: &mut [u8], at: usize) -> usize {
    [12, 31, 86_400_000].into_iter().fold(at, |at, span| {
        let part = u32::try_from(below(rng, span)).unwrap_or_default();
        put(out, at, &part.to_le_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_those_of_the_number() {
        for value in [0, 1, 0x0123_4567, 0x89ab_cdef, u32::MAX] {
            assert_eq!(eight_digits(value), *format!("{value:08x}").as_bytes());
        }
    }

    #[test]
    fn a_uuid_says_that_it_is_random() {
        let mut rng = Rng::with_seed(5);
        for _ in 0..100 {
            let uuid = uuid(&mut rng);
            assert_eq!((uuid[6] >> 4, uuid[8] >> 6), (4, 2));
        }
    }
}
