//! AVRO's variable-length integers (specification 1.12, "Binary Encoding", int and long): zig-zag,
//! then seven bits a byte, the lowest first.
//!
//! Written without a loop: the groups are spread over eight bytes at once and the length follows
//! from the leading zeros, so that no length is ever mispredicted.

/// The most bytes that one integer takes.
pub(crate) const BYTES_MAX: usize = 10;

/// Values of at most this many bits fit into eight bytes.
const SPREAD_BITS: u32 = 56;

/// Writes `value` to the front of `out`, which has at least [`BYTES_MAX`] bytes; returns the
/// length.
#[inline]
pub(crate) fn write(out: &mut [u8], value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let bits = 64 - (zigzag | 1).leading_zeros();
    if bits > SPREAD_BITS {
        return write_long(out, zigzag);
    }
    let length = bits.div_ceil(7);
    let spread = spread(zigzag);
    let more = 0x8080_8080_8080_8080 & ((1_u64 << (8 * (length - 1))) - 1);
    out[..8].copy_from_slice(&(spread | more).to_le_bytes());
    length as usize
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
