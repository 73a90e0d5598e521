//! How many digits the bytes of a decimal have.

use super::op::shortest;

/// Returns whether a two's complement number, highest byte first, has at most so many digits.
pub(super) fn has_at_most(bytes: &[u8], digits: usize) -> bool {
    let bytes = if bytes.is_empty() { bytes } else { shortest(bytes) };
    // log2(10) lies between 3.3219 and 3.322: most are told apart by their length.
    let bits = (bytes.len() * 8).saturating_sub(1);
    if bits <= digits * 33_219 / 10_000 {
        return true;
    }
    bits <= digits * 3_322 / 1_000 + 8 && is_zero(&divided(magnitude(bytes), digits))
}

fn is_zero(limbs: &[u32]) -> bool {
    limbs.iter().all(|limb| *limb == 0)
}

/// Returns a number without its sign, in pieces of 32 bits, the highest first.
fn magnitude(bytes: &[u8]) -> Vec<u32> {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut limbs: Vec<u32> = bytes
        .rchunks(4)
        .rev()
        .map(|chunk| chunk.iter().fold(0, |limb, byte| limb << 8 | u32::from(byte ^ sign)))
        .collect();
    // The complement of a number below 0 is one less than its magnitude.
    let mut carry = sign != 0;
    for limb in limbs.iter_mut().rev() {
        (*limb, carry) = limb.overflowing_add(carry.into());
    }
    limbs
}

/// Returns a number without so many digits at its end.
fn divided(mut limbs: Vec<u32>, digits: usize) -> Vec<u32> {
    for left in (1..=digits).rev().step_by(9) {
        let by = 10_u64.pow(u32::try_from(left.min(9)).unwrap_or_default());
        let mut rest = 0;
        for limb in &mut limbs {
            let whole = rest << 32 | u64::from(*limb);
            (*limb, rest) = (u32::try_from(whole / by).unwrap_or_default(), whole % by);
        }
    }
    limbs
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::*;

    #[test]
    fn digits_are_counted_at_every_power_of_ten() {
        for digits in (1..60).chain([200, 999, 5_000]) {
            let beyond = BigInt::from(10).pow(digits);
            for (number, fits) in [
                (beyond.clone() - 1, true),
                (beyond.clone(), false),
                (-beyond.clone() + 1, true),
                (-beyond.clone(), false),
                (&beyond * 10, false),
                (&beyond * 1_000_000_007_u64, false),
                (&beyond / 10, true),
            ] {
                let bytes = number.to_signed_bytes_be();
                let digits = digits as usize;
                assert_eq!(has_at_most(&bytes, digits), fits, "{number} in {digits}");
                let sign = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
                let extended = [&[sign; 9], &bytes[..]].concat();
                assert_eq!(has_at_most(&extended, digits), fits, "{number} in {digits}, extended");
            }
        }
        assert!(has_at_most(&[], 1) && has_at_most(&[0], 1));
        assert!(!has_at_most(&vec![0x80; 1 << 20], 32_768));
    }
}
