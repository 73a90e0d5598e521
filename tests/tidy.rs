//! Rules as tests: the order of the floors, the size of files, and which modules may name what.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;

const LINES_MAX: usize = 400;
const COLUMNS_MAX: usize = 100;

/// A crate, and the modules that may name it.
const RESERVED: &[(&str, &[&str])] = &[
    ("tokio", &["handover", "connection", "publisher", "broker", "verify", "metrics"]),
    ("tokio_util", &["handover", "connection", "publisher", "broker", "verify", "metrics"]),
    ("tokio_rustls", &["connection", "broker"]),
    ("ureq", &["connection"]),
    ("pulsar", &["connection", "publisher", "broker", "verify"]),
    ("clap", &["cli"]),
    ("hyper", &["metrics"]),
    ("prometheus_client", &["metrics"]),
    ("core_affinity", &["run"]),
    ("prefetch_index", &["memory"]),
    ("bumpalo", &["generator", "program", "verify"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "{folder} has no Rust files");
    files
}

/// Returns the code of a file before its test module.
fn product_code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    if path.ends_with("tests.rs") {
        return String::new();
    }
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// Returns the top module that a file of `src` belongs to.
fn module_of(path: &Path) -> String {
    let relative = path.strip_prefix(root().join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Returns the modules of `lib.rs` from the ground up.
fn floors() -> Vec<String> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let module = |line: &str| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned());
    text.lines().filter_map(module).collect()
}

/// Returns every place where `module` names a module that does not stand below it.
fn upward(floors: &[String], module: &str, code: &str) -> Vec<String> {
    let place = |name: &str| floors.iter().position(|floor| floor == name);
    let own = place(module);
    let mut found = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for rest in line.split("crate::").skip(1) {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            let name = &rest[..end.unwrap_or(rest.len())];
            let is_below = name == module || place(name).is_some_and(|it| Some(it) < own);
            if !is_below {
                found.push(format!("{module} names {name}: {}", line.trim()));
            }
        }
    }
    found
}

/// Returns every place where `module` names a crate that is reserved for others.
fn trespassing(module: &str, code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        // What stands between quotes names nothing.
        let line: String = line.split('"').step_by(2).collect();
        for (name, owners) in RESERVED {
            let names_it = line.match_indices(&format!("{name}::")).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':'))
            });
            if names_it && !owners.contains(&module) {
                found.push(format!("{module} names {name}: {}", line.trim()));
            }
        }
    }
    found
}

#[test]
fn a_module_imports_only_what_stands_below_it() {
    let floors = floors();
    let mut found = Vec::new();
    for path in rust_files("src") {
        let module = module_of(&path);
        if !matches!(module.as_str(), "lib" | "main") {
            assert!(floors.contains(&module), "{module} is not in lib.rs");
            found.extend(upward(&floors, &module, &product_code(&path)));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_crate_is_named_only_where_it_belongs() {
    let files = rust_files("src");
    let found: Vec<_> =
        files.iter().flat_map(|path| trespassing(&module_of(path), &product_code(path))).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn stages_and_doors_do_not_know_their_neighbours() {
    let neighbours = [("generator", "publisher"), ("publisher", "generator"), ("broker", "plan")];
    for path in rust_files("src") {
        for (module, stranger) in neighbours {
            if module_of(&path) == module {
                let named = product_code(&path).contains(&format!("crate::{stranger}"));
                assert!(!named, "{} names {stranger}", path.display());
            }
        }
    }
}

#[test]
fn files_are_short_and_lines_fit() {
    for path in ["src", "tests", "benches"].into_iter().flat_map(rust_files) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = product_code(&path).lines().count();
        assert!(lines <= LINES_MAX, "{}: {lines} lines", path.display());
        for (number, line) in text.lines().enumerate() {
            let columns = line.chars().count();
            assert!(columns <= COLUMNS_MAX, "{}:{}: {columns}", path.display(), number + 1);
        }
        assert!(text.starts_with("//!"), "{} does not say what it is for", path.display());
    }
}

#[test]
fn nothing_unfinished_is_left() {
    let markers =
        ["FIX", "dbg"].map(|word| word.to_owned() + if word == "FIX" { "ME" } else { "!(" });
    let unfinished = ["to", "unimplement"]
        .map(|word| word.to_owned() + if word == "to" { "do!(" } else { "ed!(" });
    for path in ["src", "tests", "benches"].into_iter().flat_map(rust_files) {
        let text = fs::read_to_string(&path).unwrap();
        for marker in markers.iter().chain(&unfinished) {
            assert!(!text.contains(marker.as_str()), "{} has {marker}", path.display());
        }
    }
}

#[test]
fn the_rules_fire() {
    let floors = ["ground".to_owned(), "middle".to_owned(), "top".to_owned()];
    assert_eq!(
        upward(&floors, "middle", "use crate::ground::A;\nuse crate::middle::b::B;").len(),
        0
    );
    assert_eq!(upward(&floors, "middle", "use crate::top::A;").len(), 1);
    assert_eq!(upward(&floors, "middle", "let x = crate::elsewhere::f();").len(), 1);
    assert_eq!(upward(&floors, "ground", "// crate::top is above").len(), 0);
    assert_eq!(trespassing("generator", "use tokio::sync::Notify;").len(), 1);
    assert_eq!(trespassing("publisher", "use tokio::sync::Notify;").len(), 0);
    assert_eq!(trespassing("plan", "    value: clap::ValueEnum,").len(), 1);
    assert_eq!(trespassing("plan", "let x = self::clap_like::f();").len(), 0);
}
