//! Numbers that a schema writes down, as whole ones of a unit below one: by their digits, because a
//! double has no room for those of a large decimal.

use serde_json::Number;

/// Doubles below this have room for digits behind the point.
const WHOLE_MIN: f64 = 9_007_199_254_740_992.0;

/// Returns a number times 10 to the power of `decimals`; `None`: it has more digits behind its
/// point, or more than 128 bits.
///
/// What the parser keeps as a double counts as it prints, with the fewest digits that mean it; one
/// that is off by a rounding, as 0.1 + 0.2 is, counts as what it should be.
pub(super) fn scaled(number: &Number, decimals: u32) -> Option<i128> {
    exactly(&number.to_string(), decimals).or_else(|| nearly(number, decimals))
}

/// Returns how many digits a number has behind its point, `most` if it has more.
pub(super) fn decimals(number: &Number, most: u32) -> u32 {
    (0..most).find(|&decimals| scaled(number, decimals).is_some()).unwrap_or(most)
}

fn exactly(text: &str, decimals: u32) -> Option<i128> {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let behind = behind.trim_end_matches('0');
    let digits: i128 = format!("{whole}{behind}").parse().ok()?;
    if digits == 0 {
        return Some(0);
    }
    let exponent: i64 = exponent.parse().ok()?;
    let power = exponent + i64::from(decimals) - i64::try_from(behind.len()).ok()?;
    let times = 10_i128.checked_pow(u32::try_from(power.unsigned_abs()).ok()?)?;
    if power < 0 {
        return (digits % times == 0).then_some(digits / times);
    }
    digits.checked_mul(times)
}

#[expect(clippy::cast_possible_truncation, reason = "checked against 2^53 before")]
fn nearly(number: &Number, decimals: u32) -> Option<i128> {
    let scaled = number.as_f64()? * 10_f64.powi(i32::try_from(decimals).ok()?);
    let is_near = (scaled - scaled.round()).abs() < (scaled.abs() * 1e-13).min(1e-3);
    (scaled.abs() < WHOLE_MIN && is_near).then_some(scaled.round() as i128)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn number(text: &str) -> Number {
        let value: Value = serde_json::from_str(text).unwrap();
        value.as_number().unwrap().clone()
    }

    #[test]
    fn numbers_are_scaled_by_their_digits() {
        for (text, decimals, expected) in [
            ("1", 16, Some(10_000_000_000_000_000)),
            ("1.0", 16, Some(10_000_000_000_000_000)),
            ("-1.2345678901234567", 16, Some(-12_345_678_901_234_567)),
            ("9007199254740993", 2, Some(900_719_925_474_099_300)),
            ("18446744073709551615", 0, Some(18_446_744_073_709_551_615)),
            ("1e-7", 7, Some(1)),
            ("1.5e-7", 8, Some(15)),
            ("1e30", 0, Some(10_i128.pow(30))),
            ("1e30", 8, Some(10_i128.pow(38))),
            ("1e30", 9, None),
            ("1e308", 0, None),
            ("-0.0", 3, Some(0)),
            ("0", u32::MAX, Some(0)),
            ("1", u32::MAX, None),
            ("0.25", 1, None),
            ("0.00001", 2, None),
            ("2.50", 1, Some(25)),
            ("100", 0, Some(100)),
            // 0.1 + 0.2 and 1 - 0.9.
            ("0.30000000000000004", 1, Some(3)),
            ("0.09999999999999998", 2, Some(10)),
        ] {
            assert_eq!(scaled(&number(text), decimals), expected, "{text} with {decimals}");
        }
    }

    #[test]
    fn digits_behind_the_point_are_counted() {
        for (text, expected) in [
            ("7", 0),
            ("7.0", 0),
            ("0.25", 2),
            ("1e-7", 7),
            ("2.5e-5", 6),
            ("1e-12", 9),
            ("1e9", 0),
        ] {
            assert_eq!(decimals(&number(text), 9), expected, "{text}");
        }
    }
}
