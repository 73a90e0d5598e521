//! Records that belong together: blocks of lifecycles, their steps in order, what they share.

use std::collections::BTreeSet;

use apache_avro::types::Value;

use super::rows::our_field;
use super::rows::ours_of;
use crate::records::Records;
use crate::records::field;
use crate::records::parameters;
use crate::records::text;
use crate::records::whole;

/// Returns the text of a record type with a lifecycle.
fn text_of(lifecycle: &str, fields: &[String]) -> String {
    let fields = fields.join(",");
    format!(r#"{{"type":"record","name":"R","producer-load":{lifecycle},"fields":[{fields}]}}"#)
}

fn refused(lifecycle: &str, fields: &[String]) -> String {
    let compiled = Records::compile(&text_of(lifecycle, fields), &parameters());
    compiled.map(|_| lifecycle).unwrap_err()
}

const STEPS: u64 = 5;
const BLOCK: u64 = 1_024;

/// Records with the examples of schemas/README.md.
fn orders() -> Records {
    let fields = [
        our_field("source", r#""string""#, r#"{"source": {"prefix": "s-"}}"#),
        our_field("step", r#""string""#, &ours_of("`step`")[0]),
        our_field("id", r#""string""#, &ours_of("`once`")[0]),
        our_field("event", r#""string""#, r#"{"id": {"digits": 16}}"#),
        our_field("amount", r#""int""#, r#"{"once": {"min": 1, "max": 1000000}}"#),
        our_field(
            "tax",
            r#""int""#,
            r#"{"once": {"times": {"field": "amount", "min": 2, "max": 9}}}"#,
        ),
        our_field("twice", r#""int""#, r#"{"times": {"field": "amount", "min": 2, "max": 2}}"#),
    ];
    Records::of(&text_of(&ours_of("`lifecycle`")[0], &fields))
}

/// Returns the record that is a step of a lifecycle, as schemas/README.md counts them.
fn index_of(lifecycle: u64, step: u64) -> u64 {
    lifecycle / BLOCK * BLOCK * STEPS + step * BLOCK + lifecycle % BLOCK
}

#[test]
fn blocks_are_steps_of_lifecycles_side_by_side() {
    let records = orders();
    let id = |index| text(field(&records.value(index), "id")).to_owned();
    let first: Vec<_> = (0..BLOCK).map(id).collect();
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 1_024, "lifecycles differ");
    for step in 1..STEPS {
        let block: Vec<_> = (step * BLOCK..(step + 1) * BLOCK).map(id).collect();
        assert_eq!(block, first, "step {step}");
    }
    let next: Vec<_> = (STEPS * BLOCK..(STEPS + 1) * BLOCK).map(id).collect();
    assert!(next.iter().all(|id| !first.contains(id)), "after the last step others begin");
}

#[test]
fn once_and_the_source_are_the_same_in_all_steps() {
    let records = orders();
    let names = ["PLACED", "PAID", "SHIPPED", "DELIVERED", "CLOSED"];
    let (mut ids, mut amounts, mut sources) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for lifecycle in [0, 1, 2, 1_023, 1_024, 1_025, 5_000, 1_000_003] {
        let steps: Vec<Value> =
            (0..STEPS).map(|step| records.value(index_of(lifecycle, step))).collect();
        let all = |path| steps.iter().map(move |step| field(step, path));
        assert!(all("step").map(text).eq(names), "the steps come in order");
        for shared in ["source", "id", "amount", "tax", "twice"] {
            assert!(all(shared).all(|value| value == field(&steps[0], shared)), "{shared}");
        }
        let events: BTreeSet<_> = all("event").map(text).collect();
        assert_eq!(events.len(), 5, "what is not drawn once differs");
        let [amount, tax] = ["amount", "tax"].map(|path| whole(field(&steps[0], path)));
        assert!((1..=1_000_000).contains(&amount) && (2..=9).contains(&(tax / amount)));
        let keys: BTreeSet<_> =
            (0..STEPS).map(|step| records.key(index_of(lifecycle, step))).collect();
        assert_eq!(keys.len(), 1, "all steps have the source's key");
        ids.insert(text(field(&steps[0], "id")).to_owned());
        amounts.insert(amount);
        sources.insert(text(field(&steps[0], "source")).to_owned());
    }
    assert_eq!((ids.len(), amounts.len(), sources.len()), (8, 8, 8), "lifecycles differ");
}

#[test]
fn once_does_not_depend_on_what_is_drawn_around_it() {
    let lifecycle = r#"{"lifecycle": {"steps": 2, "block": 4}}"#;
    let varying =
        r#"{"step": [{"id": {"digits": 3}}, {"arg.properties": {"length": {"max": 9}}}]}"#;
    let fields = [
        our_field("a", r#""string""#, varying),
        our_field("b", r#""long""#, r#"{"once": {"min": 0, "max": 9000000000}}"#),
        our_field("c", r#""string""#, varying),
        our_field("d", r#""double""#, r#"{"once": {"normal": {"mean": 0, "deviation": 1}}}"#),
        our_field(
            "e",
            r#"["null","int"]"#,
            r#"{"once": {"choice": [{"value": null}, {"value": 7}]}}"#,
        ),
    ];
    let records = Records::of(&text_of(lifecycle, &fields));
    for index in 0..4 {
        for round in 0..50 {
            let (first, second) = (8 * round + index, 8 * round + 4 + index);
            let (first, second) = (records.value(first), records.value(second));
            for path in ["b", "d", "e"] {
                assert_eq!(field(&first, path), field(&second, path));
            }
        }
    }
}

#[test]
fn step_takes_ways_values_and_cases() {
    let lifecycle = r#"{"lifecycle": {"steps": 3, "block": 2}}"#;
    let by = r#"{"by": {"field": "how", "cases": {"A": 100}, "otherwise": 200}}"#;
    let fields = [
        our_field(
            "how",
            r#""string""#,
            r#"{"once": {"choice": [{"value": "A"}, {"value": "B"}]}}"#,
        ),
        our_field("x", r#""int""#, &format!(r#"{{"step": [7, {{"min": 10, "max": 12}}, {by}]}}"#)),
    ];
    let records = Records::of(&text_of(lifecycle, &fields));
    for index in 0..600 {
        let record = records.value(index);
        let (how, x) = (text(field(&record, "how")), whole(field(&record, "x")));
        match index / 2 % 3 {
            0 => assert_eq!(x, 7),
            1 => assert!((10..=12).contains(&x)),
            _ => assert_eq!(x, if how == "A" { 100 } else { 200 }),
        }
    }
}

#[test]
fn step_needs_a_value_for_each_step() {
    let lifecycle = r#"{"lifecycle": {"steps": 3}}"#;
    let step = |said: &str| [our_field("x", r#""int""#, said)];
    for said in [r#"{"step": [1, 2]}"#, r#"{"step": []}"#, r#"{"step": 1}"#] {
        let error = refused(lifecycle, &step(said));
        assert!(error.starts_with("x: "), "{said}: {error}");
    }
    for said in [r#"{"step": [1]}"#, r#"{"once": 1}"#] {
        let error = crate::records::refused(&our_field("x", r#""int""#, said));
        assert!(error.starts_with("x: ") && error.contains("lifecycle"), "{error}");
    }
}

#[test]
fn once_refuses_what_is_not_the_same_in_all_steps() {
    let lifecycle = r#"{"lifecycle": {"steps": 2}}"#;
    let time = r#"{"type":"long","logicalType":"timestamp-millis"}"#;
    let drawn = our_field("n", r#""int""#, r#"{"range": {"min": 1, "max": 2}}"#);
    for (kind, inner) in [
        (time, r#"{"event-time": {}}"#),
        (r#""int""#, r#"{"counter": {}}"#),
        (r#""int""#, r#"{"arg.properties": {"iteration": {"start": 0}}}"#),
        (r#""int""#, r#"{"step": [1, 2]}"#),
        (r#""int""#, r#"{"once": 1}"#),
        (r#""double""#, r#"{"day-curve": {"points": {"00:00": 1}}}"#),
        (r#""int""#, r#"{"times": {"field": "n", "min": 1, "max": 2}}"#),
        (r#""int""#, r#"{"by": {"field": "n", "cases": {"1": 1}, "otherwise": 2}}"#),
    ] {
        let said = format!(r#"{{"once": {inner}}}"#);
        let error = refused(lifecycle, &[drawn.clone(), our_field("x", kind, &said)]);
        assert!(error.starts_with("x: "), "{inner}: {error}");
    }
    // What is drawn once itself, or follows from the source, it can follow.
    let shared = [
        our_field("n", r#""int""#, r#"{"once": {"min": 1, "max": 2}}"#),
        our_field("m", r#""int""#, r#"{"source": {"options": [1, 2]}}"#),
        our_field("x", r#""int""#, r#"{"once": {"times": {"field": "n", "times": "m"}}}"#),
    ];
    let records = Records::of(&text_of(lifecycle, &shared));
    for lifecycle in 0..50 {
        let pair = [lifecycle, lifecycle + 1_024].map(|index| records.value(index));
        let [n, m, x] = ["n", "m", "x"].map(|path| whole(field(&pair[0], path)));
        assert_eq!(x, n * m);
        assert_eq!(pair[0], pair[1]);
    }
}

#[test]
fn lifecycle_goes_with_the_outermost_record_only() {
    let inner = r#"{"type":"record","name":"I","producer-load":{"lifecycle":{"steps":2}},
        "fields":[]}"#;
    let error = crate::records::refused(&format!(r#"{{"name":"x","type":{inner}}}"#));
    assert!(error.starts_with("x: ") && error.contains("outermost"), "{error}");
    let error = refused(r#"{"lifecycle": {"steps": -1}}"#, &[]);
    assert!(error.starts_with("the schema: "), "{error}");
}
