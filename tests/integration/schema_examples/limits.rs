//! What lies beyond a type: refused by the name of its field, never another value.

use producer_load::program::Parameters;
use producer_load::schema::Encoding;

use super::rows::drawn;
use super::rows::drawn_as_theirs;
use super::rows::our_field;
use super::rows::their_field;
use crate::records::Records;
use crate::records::field;
use crate::records::parameters;
use crate::records::record_text;
use crate::records::refused;
use crate::records::unscaled;
use crate::records::whole;

/// Asserts that what is said about field `x` is refused, by its name and with these words.
#[track_caller]
fn is_refused(fields: &str, words: &str) {
    let error = refused(fields);
    assert!(error.starts_with("x: ") && error.contains(words), "{fields}: {error}");
}

#[test]
fn a_value_beyond_a_float_is_no_float() {
    for value in ["3.5e38", "-1e39", "1e308"] {
        let options = format!(r#"{{"options": [1, {value}]}}"#);
        is_refused(&their_field("x", r#""float""#, &options), "is no float");
        let source = format!(r#"{{"source": {{"options": [{value}]}}}}"#);
        is_refused(&our_field("x", r#""float""#, &source), "is no float");
    }
    // A union takes the branch that it fits.
    let kind = r#"["float", "double"]"#;
    let records = drawn_as_theirs(kind, r#"{"options": [3.4e38, 3.5e38]}"#);
    let mut reals = records.reals("x", super::RECORDS);
    reals.sort_by(f64::total_cmp);
    reals.dedup();
    assert_eq!(reals, [f64::from(3.4e38_f32), 3.5e38]);
}

#[test]
fn a_number_that_is_drawn_stays_within_its_float() {
    for said in [
        r#"{"range": {"min": -3.5e38, "max": 0}}"#,
        r#"{"range": {"max": 3.5e38}}"#,
        r#"{"source": {"range": {"min": 0, "max": 3.5e38}}}"#,
        r#"{"normal": {"mean": 0, "deviation": 1e38}}"#,
        r#"{"normal": {"mean": 0, "deviation": 1, "max": 3.5e38}}"#,
        r#"{"log-normal": {"median": 1e30, "sigma": 9}}"#,
        r#"{"day-curve": {"points": {"00:00": 0}, "noise": 3.5e38}}"#,
        r#"{"day-curve": {"points": {"00:00": 0, "12:00": -3.5e38}}}"#,
    ] {
        is_refused(&our_field("x", r#""float""#, said), "float");
        drawn(r#""double""#, said);
    }
    for said in [
        r#"{"range": {"min": -1.7e308, "max": 1.7e308}}"#,
        r#"{"source": {"range": {"min": -1.7e308, "max": 1.7e308}}}"#,
        r#"{"normal": {"mean": 0, "deviation": 1e308}}"#,
        r#"{"log-normal": {"median": 1e300, "sigma": 9}}"#,
        r#"{"day-curve": {"points": {"00:00": -1e308, "12:00": 1e308}, "min": 0, "max": 1}}"#,
        r#"{"day-curve": {"points": {"00:00": 1e300}, "noise": 1.7976931348623157e308}}"#,
    ] {
        is_refused(&our_field("x", r#""double""#, said), "");
    }
}

#[test]
fn what_goes_beyond_its_type_stays_at_its_bounds() {
    for (said, low, high) in [
        (r#"{"normal": {"mean": 0, "deviation": 1e308, "min": -3e38, "max": 3e38}}"#, -3e38, 3e38),
        (r#"{"log-normal": {"median": 1e300, "sigma": 700, "max": 3e38}}"#, 0.0, 3e38),
        (
            r#"{"day-curve": {"points": {"00:00": -1e300, "12:00": 1e300}, "noise": 1e308,
                "min": -3e38, "max": 3e38}}"#,
            -3e38,
            3e38,
        ),
        (r#"{"range": {"min": 0, "max": 3.4028234663852886e38}}"#, 0.0, f32::MAX.into()),
        (r#"{"source": {"range": {"min": -3e38, "max": 3.4028234663852886e38}}}"#, -3e38, 3.41e38),
    ] {
        for kind in [r#""float""#, r#""double""#] {
            let reals = drawn(kind, said).reals("x", super::RECORDS);
            assert!(
                reals.iter().all(|real| (low * 1.01..=high).contains(real)),
                "{said}: {reals:?}"
            );
            assert!(reals.iter().any(|real| *real > high * 0.9), "{said}: {reals:?}");
        }
    }
}

#[test]
fn a_range_with_one_bound_goes_as_far_as_numbers_do() {
    let (half, most) = (f64::MAX / 2.0, f64::MAX);
    for (said, low, high) in [
        (r#"{"min": 1e308}"#, 1e308, most),
        (r#"{"max": -1e308}"#, -most, -1e308),
        (r#"{"min": -1e308}"#, -1e308, most - 1e308),
        (r#"{"max": 1e308}"#, 1e308 - most, 1e308),
        (r#"{"min": 1}"#, 1.0, half),
        (r#"{"max": 1}"#, -half, 1.0),
    ] {
        for records in [
            drawn_as_theirs(r#""double""#, &format!(r#"{{"range": {said}}}"#)),
            drawn(r#""double""#, &format!(r#"{{"range": {said}}}"#)),
        ] {
            let reals = records.reals("x", super::RECORDS);
            assert!(reals.iter().all(|real| (low..=high).contains(real)), "{said}: {reals:?}");
            // A tenth of 400 is never so few.
            let is_near = |real: &f64, end: f64| (real - end).abs() < (high - low) / 10.0;
            let near = |end| reals.iter().filter(|real| is_near(real, end)).count();
            assert!(near(low) > 10 && near(high) > 10, "{said}: {reals:?}");
        }
    }
    let float = drawn_as_theirs(r#""float""#, r#"{"range": {"min": 3e38}}"#);
    let (low, high) = (f64::from(3e38_f32), f64::from(f32::MAX));
    assert!(float.reals("x", super::RECORDS).iter().all(|real| (low..=high).contains(real)));
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// The beginning of 2200, in milliseconds since 1970.
const EVENT_TIME_MS_MAX: i64 = 7_258_118_400_000;

/// Returns what a type has for milliseconds since 1970.
type Of = fn(i64) -> i64;

#[test]
fn a_moment_of_two_centuries_fits_its_type() {
    let (low, high) = (i64::MIN, i64::MAX);
    let days = (i64::from(i32::MIN) * DAY_MS, (i64::from(i32::MAX) + 1) * DAY_MS - 1);
    // The milliseconds that each type can say, and how it says them.
    let types: [(&str, (i64, i64), Of); 7] = [
        (r#"{"type":"int","logicalType":"date"}"#, days, |ms| ms.div_euclid(DAY_MS)),
        (r#"{"type":"int","logicalType":"time-millis"}"#, (low, high), |ms| ms.rem_euclid(DAY_MS)),
        (r#"{"type":"long","logicalType":"time-micros"}"#, (low, high), |ms| {
            ms.rem_euclid(DAY_MS) * 1_000
        }),
        (r#"{"type":"long","logicalType":"timestamp-millis"}"#, (low, high), |ms| ms),
        (
            r#"{"type":"long","logicalType":"timestamp-micros"}"#,
            (low / 1_000, high / 1_000),
            |ms| ms * 1_000,
        ),
        (
            r#"{"type":"long","logicalType":"local-timestamp-nanos"}"#,
            (low / 1_000_000, high / 1_000_000),
            |ms| ms * 1_000_000,
        ),
        (r#""long""#, (low, high), |ms| ms),
    ];
    for (kind, (first, last), of) in types {
        let last = last - EVENT_TIME_MS_MAX;
        let said = |min: i64, max: i64| {
            format!(r#"{{"event-time": {{"later-ms": {{"min": {min}, "max": {max}}}}}}}"#)
        };
        for (later, event_time) in [(first, 0), (last, 0), (last, EVENT_TIME_MS_MAX)] {
            let record = drawn(kind, &said(later, later)).value_at(0, event_time.cast_unsigned());
            assert_eq!(whole(field(&record, "x")), of(event_time + later), "{kind} {later}");
        }
        if let Some(earlier) = first.checked_sub(1) {
            is_refused(&our_field("x", kind, &said(earlier, 0)), "'later-ms'");
        }
        is_refused(&our_field("x", kind, &said(0, last + 1)), "'later-ms'");
    }
}

#[test]
fn a_decimal_has_a_sane_number_of_digits() {
    let fixed = r#""type":"fixed","name":"D","size":16"#;
    for (base, digits) in [
        (r#""type":"bytes""#, 32_769),
        (r#""type":"bytes""#, u64::MAX),
        (r#""type":"bytes""#, 1 << 60),
        (fixed, u64::MAX),
    ] {
        for scale in [0, digits] {
            let logical =
                format!(r#""logicalType":"decimal","precision":{digits},"scale":{scale}"#);
            let field = format!(r#"{{"name":"x","type":{{{base},{logical}}}}}"#);
            is_refused(&field, "a decimal has at most 32768 digits");
        }
    }
    let most = r#"{"type":"bytes","logicalType":"decimal","precision":32768,"scale":32768}"#;
    let parameters = Parameters { encoding: Encoding::Json, ..parameters() };
    Records::with(&record_text(&format!(r#"{{"name":"x","type":{most}}}"#)), &parameters);
}

/// Returns a decimal of so many digits, so many of them behind the point.
fn decimal(precision: u32, scale: u32, fixed: Option<u32>) -> String {
    let base = fixed.map_or(r#""type":"bytes""#.to_owned(), |size| {
        format!(r#""type":"fixed","name":"D","size":{size}"#)
    });
    format!(r#"{{{base},"logicalType":"decimal","precision":{precision},"scale":{scale}}}"#)
}

#[test]
fn a_decimal_option_has_every_digit_that_is_written() {
    for (kind, option, expected) in [
        (decimal(17, 16, None), "1", 10_i128.pow(16)),
        (decimal(17, 16, Some(8)), "-1", -(10_i128.pow(16))),
        (decimal(19, 0, None), "9223372036854775807", i64::MAX.into()),
        (decimal(20, 0, Some(9)), "18446744073709551615", u64::MAX.into()),
        (decimal(38, 19, None), "9223372036854775807", i128::from(i64::MAX) * 10_i128.pow(19)),
        (decimal(38, 37, None), "-9.8765432109876", -98_765_432_109_876 * 10_i128.pow(24)),
        (decimal(40, 3, None), "1e30", 10_i128.pow(33)),
        (decimal(9, 2, None), "0.30000000000000004", 30),
        (decimal(3, 0, Some(1)), "-128", -128),
    ] {
        let records = drawn_as_theirs(&kind, &format!(r#"{{"options": [{option}]}}"#));
        assert_eq!(unscaled(&records.column("x", 1)[0]), expected, "{kind} {option}");
    }
    for (kind, option) in [
        (decimal(17, 16, None), "10"),
        (decimal(3, 2, None), "0.125"),
        (decimal(3, 0, Some(1)), "128"),
        (decimal(3, 0, Some(1)), "-129"),
        (decimal(40, 3, None), "1e36"),
    ] {
        let options = format!(r#"{{"options": [{option}]}}"#);
        is_refused(&their_field("x", &kind, &options), "is no decimal");
    }
}

#[test]
fn a_range_of_a_decimal_has_38_digits() {
    let most = 10_i128.pow(38) - 1;
    for (kind, said, least, greatest) in [
        (decimal(38, 10, None), r#"{"min": 0, "max": 1000000000}"#, 0, 10_i128.pow(19)),
        (decimal(38, 20, None), r#"{"min": 0, "max": 1}"#, 0, 10_i128.pow(20)),
        (decimal(38, 2, None), r#"{"min": 0}"#, 0, most),
        (decimal(38, 2, Some(16)), r#"{"max": 0}"#, -most, 0),
        (decimal(30, 2, Some(9)), r#"{"min": 0}"#, 0, (1 << 71) - 1),
        (decimal(60, 20, None), r#"{"min": -1, "max": 1}"#, -(10_i128.pow(20)), 10_i128.pow(20)),
    ] {
        for records in [
            drawn(&kind, &format!(r#"{{"range": {said}}}"#)),
            drawn_as_theirs(&kind, &format!(r#"{{"range": {said}}}"#)),
        ] {
            let made: Vec<i128> = records.column("x", 400).iter().map(unscaled).collect();
            assert!(made.iter().all(|it| (least..=greatest).contains(it)), "{kind} {said}");
            let tenth = greatest / 10 - least / 10;
            let ends = (made.iter().min().unwrap(), made.iter().max().unwrap());
            assert!(*ends.0 < least + tenth && *ends.1 > greatest - tenth, "{kind}: {ends:?}");
        }
    }
    let wide = r#"{"range": {"min": 0}}"#;
    is_refused(&our_field("x", &decimal(39, 2, None), wide), "more than 38 digits has both ends");
    let beyond = r#"{"range": {"min": 0, "max": 1e36}}"#;
    is_refused(&our_field("x", &decimal(38, 2, None), beyond), "both values of a decimal");
}

#[test]
fn what_draws_18_digits_of_a_wide_decimal_says_so() {
    let so_many = "more than 18 digits it draws but so many";
    let (fine, coarse) = (decimal(30, 20, None), decimal(30, 2, None));
    for (kind, said, words) in [
        (&fine, r#"{"normal": {"mean": 5, "deviation": 1}}"#, so_many),
        (&fine, r#"{"counter": {"start": 1, "restart": 9}}"#, so_many),
        (&coarse, r#"{"counter": {"start": 1}}"#, "needs a 'restart'"),
    ] {
        is_refused(&our_field("x", kind, said), words);
    }
    let plain =
        our_field("x", &decimal(9, 2, None), r#"{"normal": {"mean": 9e9, "deviation": 1}}"#);
    assert!(!refused(&plain).contains(so_many));
    drawn(&coarse, r#"{"normal": {"mean": 5, "deviation": 1}}"#);
    drawn(&coarse, r#"{"counter": {"start": 1, "restart": 9}}"#);
}

#[test]
fn a_setting_that_would_have_to_be_changed_is_refused() {
    for (kind, said, words) in [
        (r#""string""#, r#"{"id": {"digits": 0}}"#, "'digits' must be a whole number of 1 to 64"),
        (r#""string""#, r#"{"source": {"divisor": 0}}"#, "'divisor' must be a whole number of 1"),
        (r#""long""#, r#"{"source": {"divisor": 0}}"#, "'divisor' must be a whole number of 1"),
        (r#""int""#, r#"{"range": {"min": "1", "max": 5}}"#, r#""1" is no number"#),
        (r#""int""#, r#"{"range": {"min": 1.5, "max": 5}}"#, "1.5 is no whole number"),
        (&decimal(9, 1, None), r#"{"range": {"min": 1.25}}"#, "more than 1 digits behind"),
        (
            r#"{"type":"string","logicalType":"uuid"}"#,
            r#"{"source": {"prefix": "a"}}"#,
            "a source's number does not go with the type uuid",
        ),
    ] {
        is_refused(&our_field("x", kind, said), words);
    }
    for name in ["steps", "block"] {
        let said = format!(r#""producer-load":{{"lifecycle":{{"{name}":0}}}}"#);
        let text = format!(r#"{{"type":"record","name":"R","fields":[],{said}}}"#);
        let error = Records::compile(&text, &parameters()).err().unwrap();
        assert!(error.starts_with(&format!("the schema: '{name}' must be")), "{error}");
    }
}

#[test]
fn a_decimal_that_others_follow_counts_as_its_digits() {
    let price = their_field("price", &decimal(9, 2, None), r#"{"options": [2.5]}"#);
    let said = r#"{"times": {"field": "price", "min": 3, "max": 3}}"#;
    let records = Records::of_fields(&format!("{price},{}", our_field("x", r#""long""#, said)));
    assert_eq!(records.wholes("x", 1), [750]);
}

#[test]
fn expressions_have_a_budget_together() {
    let costly = r#"{"regex": "REGEX"}"#.replace("REGEX", &r"\\w".repeat(8_192));
    let lengthy = r#"{"regex": "[ab]*", "length": {"max": 1025}}"#;
    let usual = r#"{"regex": "[A-Z]{2}-[0-9]{6}(-[a-z]{3})?", "length": {"min": 9, "max": 14}}"#;
    let keys = format!(r#"{{"length": 1, "keys": {costly}}}"#);
    let map = r#"{"type":"map","values":"int"}"#;
    let fields = |kind: &str, said: &str, count| -> String {
        let field = |n| their_field(&format!("f{n}"), kind, said);
        (0..count).map(field).collect::<Vec<_>>().join(",")
    };
    for (kind, said, few, many) in
        [(r#""string""#, &*costly, 8, 9), (map, &*keys, 8, 9), (r#""string""#, lengthy, 900, 1_100)]
    {
        let made = Records::compile(&record_text(&fields(kind, said, few)), &parameters());
        assert!(made.is_ok(), "{few} of {kind}: {:?}", made.err());
        let error = refused(&fields(kind, said, many));
        let (path, what) = error.split_once(':').unwrap();
        assert!(path.starts_with('f') && what.contains("together"), "{error}");
    }
    let made = Records::compile(&record_text(&fields(r#""string""#, usual, 1_000)), &parameters());
    assert!(made.is_ok(), "a thousand usual ones: {:?}", made.err());
}

#[test]
fn a_record_that_is_too_long_is_refused_by_its_longest_field() {
    let text = |name: &str, length: u32| {
        their_field(name, r#""string""#, &format!(r#"{{"length": {length}}}"#))
    };
    let record = |name: &str, fields: &str| {
        format!(
            r#"{{"name":"{name}","type":{{"type":"record","name":"{name}","fields":[{fields}]}}}}"#
        )
    };
    let array = |name: &str, items: &str, length: u32| {
        let kind = format!(r#"{{"type":"array","items":{items}}}"#);
        their_field(name, &kind, &format!(r#"{{"length": {length}}}"#))
    };
    let strings = |(name, length)| array(name, r#""string""#, length);
    let prefix = "p".repeat(1 << 20);
    let prefixed =
        our_field("x", r#""string""#, &format!(r#"{{"source":{{"prefix":"{prefix}"}}}}"#));
    let many: Vec<_> = (0..40).map(|n| text(&format!("f{n}"), 30_000)).collect();
    let many = many.join(",");
    let symbols = format!(r#"{{"type":"enum","name":"E","symbols":["A","{}"]}}"#, "B".repeat(100));
    for (fields, path) in [
        ([("a", 20_000), ("x", 30_000), ("b", 10_000)].map(strings).join(","), "x"),
        (format!("{many},{}", text("x", 30_001)), "x"),
        (format!("{many},{}", record("r", &text("x", 30_001))), "r.x"),
        (format!("{},{},{}", text("a", 9), prefixed, text("b", 30_000)), "x"),
        (format!("{},{}", array("x", &symbols, 5_000), many), "x"),
    ] {
        let as_json = Parameters { encoding: Encoding::Json, ..parameters() };
        for parameters in [parameters(), as_json] {
            let error = Records::compile(&record_text(&fields), &parameters).err().unwrap();
            let is_long = error.contains("a record can take") && error.contains("at most 1048576");
            // Only as JSON do symbols take more than their number.
            let of_json = fields.contains("symbols") && parameters.encoding == Encoding::Avro;
            let found = error.starts_with(&format!("{path}: ")) != of_json;
            assert!(is_long && found, "{path}: {error}");
        }
    }
}
