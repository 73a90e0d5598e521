//! What lies beyond a type: refused by the name of its field, never another value.

use producer_load::program::Parameters;
use producer_load::schema::Encoding;

use super::rows::our_field;
use super::rows::their_field;
use crate::records::Records;
use crate::records::parameters;
use crate::records::record_text;
use crate::records::refused;

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
    let records = super::rows::drawn_as_theirs(kind, r#"{"options": [3.4e38, 3.5e38]}"#);
    let mut reals = records.reals("x", super::RECORDS);
    reals.sort_by(f64::total_cmp);
    reals.dedup();
    assert_eq!(reals, [f64::from(3.4e38_f32), 3.5e38]);
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
