//! What `sample` prints, read by another AVRO library and judged by rules that were written apart
//! from the schemas.
//!
//! `scripts/test` provides the interpreter; without it the tests are ignored.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use producer_load::domain::DOMAINS;
use producer_load::domain::Domain;
use serde_json::Value;

use crate::program::Said;
use crate::program::program;

/// Records of a domain without lifecycles.
const RECORDS: u64 = 3_000;

/// 2023-11-14 22:13:20.123 UTC.
const EVENT_TIME_MS: &str = "1700000000123";

/// A schema of one's own, which has every type that fastavro knows.
static EVERY_TYPE: Domain = Domain {
    name: "every_type",
    trade: "none",
    schema_text: include_str!("../schemas/every_type.avsc"),
};
const EVERY_TYPE_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/every_type.avsc");

/// The records of a domain in each format.
struct Samples {
    domain: &'static Domain,
    count: u64,
    first: u64,
    files: [PathBuf; 3],
}

/// Returns how many records a turn of lifecycles has.
fn turn(domain: &Domain) -> Option<u64> {
    let schema: Value = serde_json::from_str(domain.schema_text).unwrap();
    let lifecycle = schema.pointer("/producer-load/lifecycle")?;
    Some(lifecycle["steps"].as_u64().unwrap() * lifecycle["block"].as_u64().unwrap())
}

impl Samples {
    /// Takes `count` records from the beginning of a turn.
    fn of(domain: &'static Domain, count: u64, folder: &Path) -> Self {
        let first = 7 * turn(domain).unwrap_or(RECORDS);
        let is_own = domain.name == EVERY_TYPE.name;
        let schema =
            if is_own { ["--schema-file", EVERY_TYPE_FILE] } else { ["--domain", domain.name] };
        let files = ["avro", "hex", "json"].map(|format| {
            let file = folder.join(format!("{}.{format}", domain.name));
            let mut command = program(&["sample", "--seed", "7"]);
            command.args(schema);
            command.args(["--format", format, "-n", &count.to_string()]);
            command.args(["--first", &first.to_string(), "--event-time", EVENT_TIME_MS]);
            let status = command.stdout(fs::File::create(&file).unwrap()).status().unwrap();
            assert!(status.success(), "{}", domain.name);
            file
        });
        Self { domain, count, first, files }
    }

    /// Returns what the script says of the records, and whether it finds all well.
    fn judged(&self, words: &[&str]) -> (Value, bool) {
        let python = std::env::var("PRODUCER_LOAD_PYTHON")
            .unwrap_or_else(|_| panic!("PRODUCER_LOAD_PYTHON is not set: run scripts/test"));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/consumers/sample_check.py");
        let mut command = Command::new(python);
        command.arg(script).arg(self.domain.name).args(&self.files).args(words);
        command.args(["--count", &self.count.to_string(), "--first", &self.first.to_string()]);
        if turn(self.domain) == Some(self.count) {
            command.arg("--complete");
        }
        let said = Said::from(command.output().unwrap());
        let verdict = said.out.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let verdict = verdict.unwrap_or_else(|| panic!("{}{}", said.out, said.log));
        (verdict, said.code == Some(0))
    }
}

#[test]
#[ignore = "needs Python: scripts/test provides the environment"]
fn python_fastavro_and_the_rules_agree_with_every_domain() {
    let folder = tempfile::tempdir().unwrap();
    for domain in DOMAINS {
        let count = turn(domain).unwrap_or(RECORDS);
        let samples = Samples::of(domain, count, folder.path());
        let (verdict, is_well) = samples.judged(&[]);
        assert!(is_well, "{}: {verdict}", domain.name);
        assert!(count >= RECORDS && verdict["records"] == count, "{verdict}");
        assert_eq!(verdict["has_rules"], domain.name != "sensor_data", "{}", domain.name);
    }
}

#[test]
#[ignore = "needs Python: scripts/test provides the environment"]
fn python_fastavro_agrees_with_every_type() {
    let folder = tempfile::tempdir().unwrap();
    let samples = Samples::of(&EVERY_TYPE, RECORDS, folder.path());
    let (verdict, is_well) = samples.judged(&[]);
    assert!(is_well && verdict["records"] == RECORDS, "{verdict}");
    let (verdict, is_well) = samples.judged(&["--damage", "digit"]);
    assert!(!is_well && verdict["violations"]["encoding"] == 1, "{verdict}");
}

#[test]
#[ignore = "needs Python: scripts/test provides the environment"]
fn python_what_is_spoilt_in_a_sample_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for domain in DOMAINS {
        let samples = Samples::of(domain, RECORDS, folder.path());
        let has_rules = domain.name != "sensor_data";
        for (damage, kinds, applies) in [
            ("byte", ["encoding", "unreadable"].as_slice(), true),
            ("digit", &["encoding"], true),
            ("value", &["text"], true),
            ("field", &["rule"], has_rules),
            ("order", &["lifecycle"], turn(domain).is_some()),
        ] {
            if applies {
                let (verdict, is_well) = samples.judged(&["--damage", damage]);
                let is_found = kinds.iter().any(|kind| verdict["violations"][kind].is_u64());
                assert!(!is_well && is_found, "{} {damage}: {verdict}", domain.name);
            }
        }
    }
}
