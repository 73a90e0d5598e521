//! AVRO's variable-length integers (specification 1.12, "Binary Encoding", int and long): zig-zag,
//! then seven bits a byte, the lowest first.
//!
//! Written without a loop: the groups are spread over the bytes at once and the length follows from
//! the highest bit, so that no length is ever mispredicted.

/// The most bytes that one integer takes.
pub(crate) const BYTES_MAX: usize = 10;

/// The most bytes that a small integer touches.
pub(super) const SMALL_BYTES_MAX: usize = 4;

/// Values of fewer bits than this, with the one of the sign, are small.
pub(super) const SMALL_BITS: u32 = 28;

/// Values of at most this many bits fit into eight bytes.
const SPREAD_BITS: u32 = 56;

/// The number of bytes for each highest bit, and the bits that say that another byte follows.
#[expect(clippy::cast_possible_truncation, reason = "1 to 10")]
const LENGTHS: [(u8, u64); 64] = {
    let mut lengths = [(0, 0); 64];
    let mut highest = 0;
    while highest < 64 {
        let length = highest / 7 + 1;
        let following = if length > 8 { 0 } else { (1 << (8 * (length - 1))) - 1 };
        lengths[highest] = (length as u8, 0x8080_8080_8080_8080 & following);
        highest += 1;
    }
    lengths
};

/// The same for small integers.
#[expect(clippy::cast_possible_truncation, reason = "the bytes of a small integer")]
const SMALL_LENGTHS: [(u32, u32); 32] = {
    let mut lengths = [(0, 0); 32];
    let mut highest = 0;
    while highest < 32 {
        let (length, more) = LENGTHS[highest];
        lengths[highest] = (length as u32, more as u32);
        highest += 1;
    }
    lengths
};

/// Writes `value` to the front of `out`, which has at least [`BYTES_MAX`] bytes; returns the
/// length.
#[inline]
pub(crate) fn write(out: &mut [u8], value: i64) -> usize {
    let zigzag = zigzag(value);
    let highest = (zigzag | 1).ilog2();
    if highest >= SPREAD_BITS {
        return write_long(out, zigzag);
    }
    let (length, more) = LENGTHS[highest as usize];
    out[..8].copy_from_slice(&(spread(zigzag) | more).to_le_bytes());
    length.into()
}

/// Writes a small value at `at`; returns where it ends.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "small")]
pub(super) fn write_small(out: &mut [u8], at: usize, value: i64) -> usize {
    let zigzag = zigzag(value) as u32;
    let (length, more) = SMALL_LENGTHS[(zigzag | 1).ilog2() as usize];
    // Adding what stands above a group to itself moves it up by one bit.
    let x = zigzag + (zigzag & !0x7f);
    let x = x + (x & !0x7fff);
    let x = x.wrapping_add(x & !0x7f_ffff);
    if let Some(place) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = (x | more).to_le_bytes();
    }
    at + length as usize
}

/// Returns whether every value of a range is small.
pub(super) fn is_small(min: i128, max: i128) -> bool {
    let end = 1_i128 << (SMALL_BITS - 1);
    min >= -end && max < end
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// Moves each group of seven bits into a byte of its own.
const fn spread(value: u64) -> u64 {
    let x = (value & 0x0fff_ffff) | ((value & 0x00ff_ffff_f000_0000) << 4);
    let x = (x & 0x0000_3fff_0000_3fff) | ((x & 0x0fff_c000_0fff_c000) << 2);
    (x & 0x007f_007f_007f_007f) | ((x & 0x3f80_3f80_3f80_3f80) << 1)
}

#[cold]
fn write_long(out: &mut [u8], mut zigzag: u64) -> usize {
    let mut length = 0;
    while zigzag >= 0x80 {
        out[length] = (zigzag & 0x7f) as u8 | 0x80;
        zigzag >>= 7;
        length += 1;
    }
    out[length] = (zigzag & 0x7f) as u8;
    length + 1
}

/// Returns the bytes of `value`.
pub(crate) fn bytes(value: i64) -> Vec<u8> {
    let mut out = [0; BYTES_MAX];
    let length = write(&mut out, value);
    out[..length].to_vec()
}

#[cfg(test)]
mod tests {
    use apache_avro::Schema;
    use apache_avro::reader::datum::GenericDatumReader;
    use apache_avro::types::Value;
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> i64 {
        let reader = GenericDatumReader::builder(&Schema::Long).build().unwrap();
        let mut rest = bytes;
        let Value::Long(value) = reader.read_value(&mut rest).unwrap() else { panic!("no long") };
        assert!(rest.is_empty());
        value
    }

    #[test]
    fn every_length_reads_back() {
        for shift in 0..64 {
            for delta in [-1, 0, 1] {
                let value = (1_i64 << shift).wrapping_add(delta);
                if is_small(value.into(), value.into()) {
                    let mut out = [0; 4];
                    let length = write_small(&mut out, 0, value);
                    assert_eq!(out[..length], bytes(value));
                }
                assert_eq!(read(&bytes(value)), value);
                assert_eq!(read(&bytes(value.wrapping_neg())), value.wrapping_neg());
            }
        }
        assert_eq!(bytes(0), [0]);
        assert_eq!(bytes(-64), [0x7f]);
        assert_eq!(bytes(64), [0x80, 0x01]);
    }

    proptest! {
        /// Whatever is written, apache-avro reads.
        #[test]
        fn apache_avro_reads_what_is_written(value in any::<i64>()) {
            prop_assert_eq!(read(&bytes(value)), value);
        }
    }
}
