//! The JSON Schema of the report: it lets through what the program writes and nothing else, and it
//! loses no name without a new version of the format.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use serde_json::json;

use crate::program::run;
use crate::report::SCHEMA;
use crate::report::is_valid;

const NAMES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/report-names.txt");

/// Returns the path of every object in a value.
fn objects(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(path.to_owned());
            fields
                .iter()
                .for_each(|(name, value)| objects(value, &format!("{path}/{name}"), found));
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                objects(item, &format!("{path}/{place}"), found);
            }
        }
        _ => {}
    }
}

/// Returns the path of every name that the schema gives to a report, as it would stand in one.
fn names(schema: &Value, part: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(reference) = part["$ref"].as_str() {
        names(schema, schema.pointer(&reference[1..]).unwrap(), path, found);
    }
    for choice in part["anyOf"].as_array().into_iter().flatten() {
        names(schema, choice, path, found);
    }
    if part.get("items").is_some() {
        names(schema, &part["items"], &format!("{path}[]"), found);
    }
    for (name, part) in part["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        names(schema, part, &path, found);
        found.insert(path);
    }
}

#[test]
fn a_report_that_lacks_a_name_or_has_another_one_is_not_valid() {
    let report = run(&["-r", "5k", "-d", "1100ms", "--warmup", "100ms", "--report", "-"]).report();
    let mut paths = Vec::new();
    objects(&report, "", &mut paths);
    assert!(paths.len() > 25, "{paths:?}");
    for path in paths {
        let changed = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
            let mut report = report.clone();
            change(report.pointer_mut(&path).unwrap().as_object_mut().unwrap());
            is_valid(&report)
        };
        assert!(!changed(&|fields| drop(fields.insert("a_new_name".into(), 1.into()))), "{path}");
        let known: Vec<String> =
            report.pointer(&path).unwrap().as_object().unwrap().keys().cloned().collect();
        for name in known {
            assert!(!changed(&|fields| drop(fields.remove(&name))), "{path}/{name}");
            let wrong = json!([["neither a number nor a word"]]);
            let replaced = |fields: &mut serde_json::Map<_, _>| {
                fields.insert(name.clone(), wrong.clone());
            };
            assert!(!changed(&replaced), "{path}/{name}");
        }
    }
}

#[test]
fn a_planted_wrong_value_is_found() {
    let report = run(&["-r", "2k", "-d", "1s", "--report", "-"]).report();
    for (path, wrong) in [
        ("/format_version", json!(2)),
        ("/totals/acknowledged", json!(-1)),
        ("/totals/dropped", json!(0.5)),
        ("/totals/dropped", json!(null)),
        ("/verdict/code", json!(97)),
        ("/verdict/limit", json!("the moon")),
        ("/plan/digest", json!("0BADCAFE")),
        ("/plan/stages", json!([])),
        ("/plan/rate", json!("fast")),
        ("/histograms/response", json!("not base64!")),
        ("/series/interval_ns", json!(999_999_999)),
        ("/series/points", Value::Array(vec![report["series"]["points"][0].clone(); 3_601])),
        ("/latency/response/p50_ns", json!("2 ms")),
    ] {
        let mut report = report.clone();
        *report.pointer_mut(path).unwrap() = wrong;
        assert!(!is_valid(&report), "{path}");
    }
}

#[test]
fn no_name_goes_without_a_new_version_of_the_format() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut found = BTreeSet::new();
    names(&schema, &schema, "", &mut found);
    let version = format!("format_version {}", schema["properties"]["format_version"]["const"]);
    let pinned = fs::read_to_string(NAMES).unwrap_or_default();
    let (pinned_version, pinned) = pinned.split_once('\n').unwrap_or_default();
    let pinned: BTreeSet<String> = pinned.lines().map(str::to_owned).collect();
    if pinned_version == version {
        let gone: Vec<_> = pinned.difference(&found).collect();
        assert!(gone.is_empty(), "raise FORMAT_VERSION, or keep {gone:?}");
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        assert!(std::env::var_os("CI").is_none(), "CI does not decide what is right");
        let names: Vec<_> = found.iter().cloned().collect();
        fs::write(NAMES, format!("{version}\n{}\n", names.join("\n"))).unwrap();
        return;
    }
    assert_eq!(pinned_version, version);
    assert_eq!(pinned, found, "tests/golden/README.md says how a name is added");
}
