//! `capacity` as a user runs it.

use std::fs;

use serde_json::Value;

use crate::program::Said;
use crate::program::run;

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.log))
}

#[test]
fn a_capacity_with_a_given_rate_measures_bytes_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("patch.yaml");
    let common =
        ["capacity", "--target", "50k", "--per-core-rate", "4m", "--output-format", "json"];
    let said = run(&[&common[..], &["--emit-patch", file.to_str().unwrap()]].concat());
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    let answer = json(&said);
    assert_eq!((&answer["fleet"]["pods"], &answer["fleet"]["nodes"]), (&1.into(), &1.into()));
    assert_eq!(answer["replaced"]["pods"], 50);
    // 202 bytes of AVRO, the record's own metadata, and a little of the batch's.
    let bytes = answer["cost"]["wire_bytes"]["per_record"].as_f64().unwrap();
    assert!((202.0..260.0).contains(&bytes), "{answer}");
    assert_eq!(answer["cost"]["cpu_ns"]["per_record"], 250.0);
    assert!(answer["cost"]["memory_idle_bytes"].as_u64().unwrap() > 1 << 20, "{answer}");
    assert!(fs::read_to_string(file).unwrap().contains("replicas: 1"));
}

#[test]
fn what_cannot_be_answered_is_refused_before_anything_is_measured() {
    for (arguments, code, words) in [
        (["--target", "0"].as_slice(), 2, "max"),
        (&["--target", "max"], 104, "--target max"),
        (&["--target", "1k", "--pod-cpu", "2"], 104, "leaves pods 1780m"),
        (&["--target", "1k", "--node", "x9.huge"], 104, "t3.medium"),
        (&["--target", "1k", "--pod-memory", "64MB"], 2, "64Mi"),
    ] {
        let said = run(&[&["capacity"], arguments].concat());
        assert_eq!(said.code, Some(code), "{arguments:?}: {}", said.log);
        assert!(said.log.contains(words), "{arguments:?}: {}", said.log);
    }
}
