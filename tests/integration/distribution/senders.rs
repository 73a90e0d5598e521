//! Who sends how often, as `--source-choice` says it, and what is fixed for a source.

use producer_load::program::Parameters;
use producer_load::program::SourceChoice;
use producer_load::units::Sources;

use super::RECORDS;
use super::checks::even;
use super::checks::fits;
use super::checks::of_each;
use super::checks::parts;
use super::field_text;
use super::tells;
use crate::records::Records;
use crate::records::identity;
use crate::records::record_text;

const SOURCES: Sources = Sources { first: 5, end: 25 };

fn of(choice: SourceChoice, sources: Sources) -> Parameters {
    Parameters { source_choice: choice, ..Parameters::new(identity(42), sources) }
}

/// Returns the source of each record, as its field has it.
fn senders(choice: SourceChoice) -> Vec<i64> {
    let field = field_text("x", r#""int""#, "producer-load", r#"{"source": {"divisor": 1}}"#);
    let records = Records::with(&record_text(&field), &of(choice, SOURCES));
    records.wholes("x", RECORDS.into())
}

/// Returns the shares of twenty sources in proportion to 1 / rank^exponent.
fn zipf(exponent: f64) -> Vec<f64> {
    (1..=20).map(|rank| f64::from(rank).powf(-exponent)).collect()
}

#[test]
fn zipf_sends_by_rank() {
    for exponent in [0.5, 1.0, 1.2, 2.0] {
        let counts = parts(&senders(SourceChoice::Zipf(exponent)), 5, 24, 20);
        tells(|exponent| fits(&counts, &zipf(exponent)), exponent, exponent + 0.15);
        tells(|exponent| fits(&counts, &zipf(exponent)), exponent, exponent - 0.15);
    }
}

#[test]
fn uniform_sends_evenly() {
    let counts = parts(&senders(SourceChoice::Uniform), 5, 24, 20);
    assert_eq!(even(&counts), Ok(()));
    assert!(fits(&counts, &zipf(0.08)).is_err());
}

#[test]
fn rotation_sends_in_turn() {
    let senders = senders(SourceChoice::Rotate);
    assert!(senders.iter().copied().eq((0..i64::from(RECORDS)).map(|index| 5 + index % 20)));
    assert_eq!(parts(&senders, 5, 24, 20), [RECORDS / 20; 20]);
    assert!(fits(&parts(&senders, 5, 24, 20), &zipf(0.08)).is_err());
}

#[test]
fn lifecycles_are_sent_by_the_same_shares() {
    let text = r#"{"type":"record","name":"R","producer-load":{"lifecycle":{"steps":2,"block":4}},
        "fields":[{"name":"x","type":"int","producer-load":{"source":{"divisor":1}}},
            {"name":"s","type":"int","producer-load":{"step":[0,1]}}]}"#;
    let both_steps = |choice| {
        let records = Records::with(text, &of(choice, SOURCES));
        let senders = records.wholes("x", RECORDS.into());
        let steps = records.wholes("s", RECORDS.into());
        [0, 1].map(|step| {
            let of_step = senders.iter().zip(&steps).filter(|(_, own)| **own == step);
            parts(&of_step.map(|(sender, _)| *sender).collect::<Vec<_>>(), 5, 24, 20)
        })
    };
    assert_eq!(both_steps(SourceChoice::Rotate), [[RECORDS / 40; 20]; 2]);
    let [first, second] = both_steps(SourceChoice::Zipf(1.0));
    assert_eq!(first, second, "one source for all steps");
    tells(|exponent| fits(&first, &zipf(exponent)), 1.0, 1.1);
}

#[test]
fn what_is_fixed_for_a_source_is_spread_over_the_sources() {
    let weights = r#"{"source": {"choice": [{"value": 1, "weight": 3}, {"value": 2}]}}"#;
    let fields = [
        ("range", r#"{"source": {"range": {"min": -3, "max": 6}}}"#),
        ("options", r#"{"source": {"options": [7, 8, 9]}}"#),
        ("choice", weights),
    ]
    .map(|(name, said)| field_text(name, r#""int""#, "producer-load", said));
    // Each source once.
    let sources = Sources { first: 1_000, end: 1_000 + u64::from(RECORDS) };
    let parameters = of(SourceChoice::Rotate, sources);
    let records = Records::with(&record_text(&fields.join(",")), &parameters);
    let [range, options, choice] =
        ["range", "options", "choice"].map(|path| records.wholes(path, RECORDS.into()));
    assert_eq!(even(&parts(&range, -3, 6, 10)), Ok(()));
    assert!(even(&parts(&range, -4, 6, 11)).is_err());
    tells(|weight| fits(&of_each(&options, &[7, 8, 9]), &[1.0, 1.0, weight]), 1.0, 1.2);
    tells(|weight| fits(&of_each(&choice, &[1, 2]), &[weight, 1.0]), 3.0, 3.5);
}
