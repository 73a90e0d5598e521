//! How what is drawn is spread: weights, ranges, odds, curves and sources, against what the schema
//! says, as apache-avro decodes it.
//!
//! The seed is fixed, so a test passes always or never. Bounds are five standard deviations, or a
//! quantile of the chi-square distribution as far out; each test also shows an expectation that is
//! a little wrong to fail.

use apache_avro::types::Value;
use producer_load::program::Parameters;
use producer_load::units::Sources;

use crate::records::EVENT_TIME_MS;
use crate::records::Records;
use crate::records::identity;
use crate::records::items;
use crate::records::parameters;
use crate::records::record_text;
use crate::records::text;
use crate::records::unscaled;

mod checks;
mod senders;

use checks::Checked;
use checks::even;
use checks::even_between;
use checks::fits;
use checks::moments;
use checks::normal;
use checks::of_each;
use checks::parts;
use checks::share;

/// Records of each schema.
const RECORDS: u32 = 20_000;

/// Returns a field with a property beside its type.
fn field_text(name: &str, kind: &str, property: &str, said: &str) -> String {
    format!(r#"{{"name":"{name}","type":{kind},"{property}":{said}}}"#)
}

fn ours(kind: &str, said: &str) -> Records {
    Records::of_fields(&field_text("x", kind, "producer-load", said))
}

fn theirs(kind: &str, said: &str) -> Records {
    Records::of_fields(&field_text("x", kind, "arg.properties", said))
}

fn unannotated(kind: &str) -> Records {
    Records::of_fields(&format!(r#"{{"name":"x","type":{kind}}}"#))
}

fn column(records: &Records) -> Vec<Value> {
    records.column("x", RECORDS.into())
}

fn wholes(records: &Records) -> Vec<i64> {
    records.wholes("x", RECORDS.into())
}

fn reals(records: &Records) -> Vec<f64> {
    records.reals("x", RECORDS.into())
}

fn texts(records: &Records) -> Vec<String> {
    records.texts("x", RECORDS.into())
}

/// Returns small whole numbers as real ones.
fn as_reals(wholes: impl IntoIterator<Item = i128>) -> Vec<f64> {
    wholes.into_iter().map(|whole| f64::from(i32::try_from(whole).unwrap())).collect()
}

/// Asserts that a check holds for what is expected and fails for what is a little wrong.
#[track_caller]
fn tells(check: impl Fn(f64) -> Checked, right: f64, wrong: f64) {
    assert_eq!(check(right), Ok(()));
    assert!(check(wrong).is_err(), "{wrong} passes for {right}");
}

const DECIMAL: &str = r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#;
const DECIMAL_FIXED: &str =
    r#"{"type":"fixed","name":"D","size":6,"logicalType":"decimal","precision":12,"scale":2}"#;

#[test]
fn weights_are_shares() {
    let said = r#"{"choice": [{"value": 1, "weight": 85}, {"value": 2, "weight": 10},
        {"value": 3, "weight": 0.5}, {"value": 4, "weight": 4.5}]}"#;
    for kind in [r#""int""#, r#""long""#] {
        let counts = of_each(&wholes(&ours(kind, said)), &[1, 2, 3, 4]);
        tells(|third| fits(&counts, &[85.0, 10.0, third, 4.5]), 0.5, 1.0);
    }
    let said = r#"{"choice": [{"value": "a", "weight": 3}, {"value": "b"}]}"#;
    let symbols = r#"{"type":"enum","name":"E","symbols":["b","a"]}"#;
    for kind in [r#""string""#, symbols] {
        let counts = of_each(&texts(&ours(kind, said)), &["a".to_owned(), "b".to_owned()]);
        tells(|weight| share(counts[0], RECORDS, weight), 0.75, 0.77);
    }
}

#[test]
fn weights_of_many_options_are_shares() {
    // From six options on they are looked up, instead of each being compared.
    let weights = [40.0, 5.0, 0.5, 24.5, 1.0, 9.0, 20.0];
    let values: Vec<i64> = (0..7).map(|place| place * place - 9).collect();
    let option = |(value, weight)| format!(r#"{{"value": {value}, "weight": {weight}}}"#);
    let options: Vec<_> = values.iter().zip(weights).map(option).collect();
    for count in [6, 7] {
        let said = format!(r#"{{"choice": [{}]}}"#, options[..count].join(","));
        let kept: f64 = weights[..count].iter().sum();
        let counts = of_each(&wholes(&ours(r#""int""#, &said)), &values[..count]);
        for (count, weight) in counts.iter().zip(weights) {
            tells(|weight| share(*count, RECORDS, weight / kept), weight, weight + 2.5);
        }
    }
}

#[test]
fn options_and_symbols_are_each_as_likely() {
    let counts = of_each(&wholes(&theirs(r#""int""#, r#"{"options": [7, -1, 3]}"#)), &[-1, 3, 7]);
    tells(|weight| fits(&counts, &[1.0, 1.0, weight]), 1.0, 1.2);
    // What stands twice is two of them.
    let said = r#"{"options": ["a", "b", "a"]}"#;
    let counts = of_each(&texts(&theirs(r#""string""#, said)), &["a".to_owned(), "b".to_owned()]);
    tells(|weight| fits(&counts, &[weight, 1.0]), 2.0, 1.0);
    let symbols = ["a", "b", "c", "d", "e"].map(str::to_owned);
    let kind = r#"{"type":"enum","name":"E","symbols":["a","b","c","d","e"]}"#;
    assert_eq!(even(&of_each(&texts(&unannotated(kind)), &symbols)), Ok(()));
    // The keys of a map: three of four, each in three quarters of them.
    let said = r#"{"length": 3, "keys": {"options": ["a", "b", "c", "d"]}}"#;
    let maps = column(&theirs(r#"{"type":"map","values":"null"}"#, said));
    let with = |key: &str| {
        let has = |value: &&Value| matches!(value, Value::Map(map) if map.contains_key(key));
        u32::try_from(maps.iter().filter(has).count()).unwrap()
    };
    for key in ["a", "b", "c", "d"] {
        tells(|weight| share(with(key), RECORDS, weight), 0.75, 0.77);
    }
}

#[test]
fn whole_ranges_are_even_and_reach_both_ends() {
    for kind in [
        r#""int""#,
        r#""long""#,
        r#"{"type":"int","logicalType":"date"}"#,
        r#"{"type":"long","logicalType":"timestamp-micros"}"#,
    ] {
        let drawn = wholes(&ours(kind, r#"{"range": {"min": -3, "max": 6}}"#));
        assert_eq!(even(&parts(&drawn, -3, 6, 10)), Ok(()), "{kind}");
        // The original's `max` is not reached.
        let drawn = wholes(&theirs(kind, r#"{"range": {"min": 20, "max": 40}}"#));
        assert_eq!(even(&parts(&drawn, 20, 39, 20)), Ok(()), "{kind}");
        assert!(even(&parts(&drawn, 19, 40, 22)).is_err(), "{kind}");
    }
    for (kind, said, min, max) in [
        (
            r#""long""#,
            r#"{"range": {"min": -4611686018427387904, "max": 4611686018427387903}}"#,
            -(1 << 62),
            (1 << 62) - 1,
        ),
        (
            r#""int""#,
            r#"{"range": {"min": -2147483648, "max": 2147483647}}"#,
            i32::MIN.into(),
            i32::MAX.into(),
        ),
    ] {
        let drawn = wholes(&ours(kind, said));
        assert_eq!(even(&parts(&drawn, min, max, 16)), Ok(()), "{kind}");
        let wider = (max - min + 1) / 16;
        assert!(even(&parts(&drawn, min - wider, max + wider, 18)).is_err(), "{kind}");
    }
    for kind in [DECIMAL, DECIMAL_FIXED] {
        let drawn = column(&ours(kind, r#"{"range": {"min": -1.27, "max": 1.28}}"#));
        let drawn: Vec<i128> = drawn.iter().map(unscaled).collect();
        assert_eq!(even(&parts(&drawn, -127, 128, 256)), Ok(()), "{kind}");
        assert!(even(&parts(&drawn, -143, 144, 288)).is_err(), "{kind}");
    }
    let said = r#"{"event-time": {"later-ms": {"min": -4, "max": 5}}}"#;
    let drawn = wholes(&ours(r#"{"type":"long","logicalType":"timestamp-millis"}"#, said));
    let now = i128::from(EVENT_TIME_MS);
    assert_eq!(even(&parts(&drawn, now - 4, now + 5, 10)), Ok(()));
}

#[test]
fn real_ranges_are_even() {
    for kind in [r#""float""#, r#""double""#] {
        for (records, min, max) in [
            (ours(kind, r#"{"range": {"min": -1, "max": 3}}"#), -1.0, 3.0),
            (theirs(kind, r#"{"range": {"min": -1e9, "max": 3e9}}"#), -1e9, 3e9),
            (unannotated(kind), 0.0, 1.0),
        ] {
            let drawn = reals(&records);
            tells(|max| even_between(&drawn, min, max), max, max * 1.1);
        }
        // Rounded, both ends are as likely as what lies between them.
        let drawn = reals(&ours(kind, r#"{"range": {"min": 0.1, "max": 0.6, "decimals": 1}}"#));
        let tenths: Vec<i32> = drawn.iter().map(|real| tenths_of(*real)).collect();
        assert_eq!(even(&of_each(&tenths, &[1, 2, 3, 4, 5, 6])), Ok(()), "{kind}");
        let curve = r#"{"day-curve": {"points": {"00:00": 10}, "noise": 1.5}}"#;
        let drawn = reals(&ours(kind, curve));
        tells(|noise| even_between(&drawn, 10.0 - noise, 10.0 + noise), 1.5, 1.6);
    }
}

/// Returns the tenths of a number that has one digit behind its point.
fn tenths_of(real: f64) -> i32 {
    format!("{real:.1}").replace('.', "").parse().unwrap()
}

#[test]
fn types_are_drawn_from_all_of_their_values() {
    let drawn = wholes(&unannotated(r#""int""#));
    assert_eq!(even(&parts(&drawn, i32::MIN.into(), i32::MAX.into(), 64)), Ok(()));
    let drawn = wholes(&unannotated(r#""long""#));
    assert_eq!(even(&parts(&drawn, i64::MIN.into(), i64::MAX.into(), 64)), Ok(()));
    let drawn: Vec<i128> = column(&unannotated(DECIMAL)).iter().map(unscaled).collect();
    assert_eq!(even(&parts(&drawn, -999_999_999, 999_999_999, 31)), Ok(()));
    // More digits than 64 bits hold: as many whole bits as have no more digits.
    let (drawn, bits) = (wide_decimals(), 1_i128 << 79);
    assert_eq!(even(&parts(&drawn, -bits, bits - 1, 64)), Ok(()));
    assert!(even(&parts(&drawn, -bits - bits / 32, bits + bits / 32 - 1, 66)).is_err());
    let all: Vec<u8> = (0..=255).collect();
    for kind in [r#""bytes""#, r#"{"type":"fixed","name":"F","size":9}"#] {
        let drawn = column(&unannotated(kind));
        let bytes: Vec<u8> = drawn
            .iter()
            .flat_map(|value| match value {
                Value::Bytes(bytes) | Value::Fixed(_, bytes) => bytes.iter().copied(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(even(&of_each(&bytes, &all)), Ok(()), "{kind}");
    }
    let letters = texts(&unannotated(r#""string""#)).concat().into_bytes();
    assert_eq!(even(&of_each(&letters, b"abcdefghijklmnopqrstuvwxyz")), Ok(()));
    let digits = texts(&ours(r#""string""#, r#"{"id": {"digits": 24}}"#)).concat().into_bytes();
    assert_eq!(even(&of_each(&digits, b"0123456789abcdef")), Ok(()));
}

/// Returns decimals of 24 digits.
fn wide_decimals() -> Vec<i128> {
    let kind = r#"{"type":"bytes","logicalType":"decimal","precision":24}"#;
    column(&unannotated(kind)).iter().map(unscaled).collect()
}

/// They are drawn from as many whole bits as surely have no more digits: 79 for 24 digits.
#[test]
fn wide_decimals_are_even_over_the_bits_that_fit_their_digits() {
    let bits = 1_i128 << 79;
    assert!(bits < 10_i128.pow(24));
    assert_eq!(even(&parts(&wide_decimals(), -bits, bits - 1, 32)), Ok(()));
    assert!(even(&parts(&wide_decimals(), -bits * 2, bits * 2 - 1, 32)).is_err());
}

#[test]
fn lengths_are_even() {
    for (said, min, max) in [
        (r#"{"length": {"min": 3, "max": 9}}"#, 3, 8),
        (r#"{"length": {"max": 5}}"#, 0, 4),
        (r#"{"length": {"min": 2}}"#, 2, 17),
        ("{}", 8, 15),
    ] {
        for kind in [
            r#""string""#,
            r#""bytes""#,
            r#"{"type":"array","items":"null"}"#,
            r#"{"type":"map","values":"null"}"#,
        ] {
            let records = if said == "{}" { unannotated(kind) } else { theirs(kind, said) };
            let drawn = column(&records);
            let lengths: Vec<i32> = drawn.iter().map(length).collect();
            assert_eq!(even(&parts(&lengths, min, max, max - min + 1)), Ok(()), "{kind} {said}");
            let wider = even(&parts(&lengths, min - 1, max, max - min + 2));
            assert!(wider.is_err(), "{kind} {said}");
        }
    }
}

fn length(value: &Value) -> i32 {
    let length = match value {
        Value::Bytes(bytes) => bytes.len(),
        Value::Map(entries) => entries.len(),
        Value::Array(_) => items(value).len(),
        _ => text(value).len(),
    };
    length.try_into().unwrap()
}

#[test]
fn odds_are_shares() {
    let branches = |records: &Records, count: u32| {
        let drawn = column(records);
        let branch = |value: &Value| match value {
            Value::Union(branch, _) => *branch,
            other => panic!("{other:?}"),
        };
        let branches: Vec<u32> = drawn.iter().map(branch).collect();
        of_each(&branches, &(0..count).collect::<Vec<_>>())
    };
    let counts = branches(&ours(r#"["null", "string"]"#, r#"{"odds": [1, 9]}"#), 2);
    tells(|weight| fits(&counts, &[1.0, weight]), 9.0, 7.5);
    let three = r#"["int", "null", "string"]"#;
    let counts = branches(&ours(three, r#"{"odds": [0.5, 0, 1.5]}"#), 3);
    tells(|weight| fits(&counts, &[1.0, weight, 3.0]), 0.0, 0.1);
    let counts = branches(&unannotated(three), 3);
    tells(|weight| fits(&counts, &[1.0, weight, 1.0]), 1.0, 1.2);
    let truths = |records: &Records| {
        let counts = of_each(&column(records), &[true, false].map(Value::Boolean));
        counts[0]
    };
    for odds in [0.0, 0.003, 0.2, 0.9, 1.0] {
        let said = format!(r#"{{"odds": {odds}}}"#);
        for records in [ours(r#""boolean""#, &said), theirs(r#""boolean""#, &said)] {
            let wrong = if odds > 0.5 { odds - 0.02 } else { odds + 0.02 };
            tells(|odds| share(truths(&records), RECORDS, odds), odds, wrong);
        }
    }
    tells(|odds| share(truths(&unannotated(r#""boolean""#)), RECORDS, odds), 0.5, 0.52);
}

#[test]
fn normal_numbers_have_their_mean_deviation_and_quantiles() {
    let said = r#"{"normal": {"mean": 21, "deviation": 3}}"#;
    for kind in [r#""float""#, r#""double""#] {
        let drawn = reals(&ours(kind, said));
        tells(|mean| normal(&drawn, mean, 3.0), 21.0, 21.15);
        tells(|deviation| normal(&drawn, 21.0, deviation), 3.0, 3.1);
    }
    // Rounding to whole numbers adds a twelfth to the variance.
    let deviation = (9.0_f64 + 1.0 / 12.0).sqrt();
    let said = r#"{"normal": {"mean": -2.25, "deviation": 3}}"#;
    for kind in [r#""int""#, r#""long""#] {
        let drawn = as_reals(wholes(&ours(kind, said)).into_iter().map(i128::from));
        tells(|mean| moments(&drawn, mean, deviation), -2.25, -2.1);
        tells(|deviation| moments(&drawn, -2.25, deviation), deviation, 3.2);
    }
    let drawn = column(&ours(DECIMAL, r#"{"normal": {"mean": 5, "deviation": 0.5}}"#));
    let drawn = as_reals(drawn.iter().map(unscaled));
    tells(|mean| moments(&drawn, mean, 50.0), 500.0, 502.5);
    // What lies beyond the ends is moved there: the normal distribution's shares beyond them.
    let said = r#"{"normal": {"mean": 0, "deviation": 1, "min": -1, "max": 2}}"#;
    let drawn = reals(&ours(r#""double""#, said));
    let counts = checks::between(&drawn, &[-1.0, -0.999_999, 0.0, 1.999_999, 2.000_001]);
    let shares = |below| [0.0, below, 0.341_345, 0.477_250, 0.022_750, 0.0];
    tells(|below| fits(&counts, &shares(below)), 0.158_655, 0.175);
}

#[test]
fn log_normal_numbers_have_their_median_and_sigma() {
    let said = r#"{"log-normal": {"median": 40, "sigma": 0.8}}"#;
    for kind in [r#""float""#, r#""double""#] {
        let drawn: Vec<f64> = reals(&ours(kind, said)).iter().map(|real| real.ln()).collect();
        tells(|median| normal(&drawn, median.ln(), 0.8), 40.0, 41.5);
        tells(|sigma| normal(&drawn, 40.0_f64.ln(), sigma), 0.8, 0.83);
    }
    // The median of whole numbers: half of them lie below it.
    let said = r#"{"log-normal": {"median": 1000.5, "sigma": 0.8}}"#;
    let drawn = wholes(&ours(r#""int""#, said));
    let below = u32::try_from(drawn.iter().filter(|whole| **whole <= 1_000).count()).unwrap();
    tells(|half| share(below, RECORDS, half), 0.5, 0.52);
}

/// Returns how often each pair of eighths came up.
fn pairs(one: &[i64], other: &[i64]) -> Vec<u32> {
    let both: Vec<i64> = one.iter().zip(other).map(|(one, other)| one * 8 + other).collect();
    parts(&both, 0, 63, 64)
}

#[test]
fn fields_and_records_do_not_follow_each_other() {
    let eighth = r#"{"range": {"min": 0, "max": 7}}"#;
    let of_source = format!(r#"{{"source": {eighth}}}"#);
    let fields = [("a", eighth), ("b", eighth), ("s", of_source.as_str()), ("t", &of_source)]
        .map(|(name, said)| field_text(name, r#""int""#, "producer-load", said))
        .join(",");
    let records = Records::of_fields(&fields);
    let [a, b, s] = ["a", "b", "s"].map(|path| records.wholes(path, RECORDS.into()));
    assert_eq!(even(&pairs(&a, &b)), Ok(()), "fields of a record");
    assert_eq!(even(&pairs(&s, &a)), Ok(()), "the source and a field");
    for apart in [1, 2, 256, 1_024, 4_096] {
        assert_eq!(even(&pairs(&a[apart..], &a)), Ok(()), "records {apart} apart");
        assert_eq!(even(&pairs(&a[apart..], &b)), Ok(()), "records {apart} apart");
    }
    // Each source once.
    let rotating = Parameters {
        source_choice: "rotate".parse().unwrap(),
        ..Parameters::new(identity(42), Sources { first: 0, end: RECORDS.into() })
    };
    let each = Records::with(&record_text(&fields), &rotating);
    let [own, other] = ["s", "t"].map(|path| each.wholes(path, RECORDS.into()));
    assert_eq!(even(&pairs(&own, &other)), Ok(()), "values of a source");
    let seeds = Parameters { identity: identity(43), ..parameters() };
    let seeds = Records::with(&record_text(&fields), &seeds).wholes("a", RECORDS.into());
    assert_eq!(even(&pairs(&a, &seeds)), Ok(()), "seeds");
    assert!(even(&pairs(&a, &a)).is_err() && even(&pairs(&s, &s)).is_err());
}
