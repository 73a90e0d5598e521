//! The tables of schemas/README.md: the tests of these modules take their examples from there, so
//! that what is printed is what is tested.

use std::collections::BTreeSet;

use crate::records::Records;
use crate::records::file_text;

const README: &str = "schemas/README.md";

/// A row of a table, cell by cell.
type Row = Vec<String>;

/// Splits a line of a table at its bars; a bar within a cell is written `\|`.
fn cells(line: &str) -> Row {
    let marked = line.trim().trim_matches('|').replace("\\|", "\u{1}");
    marked.split('|').map(|cell| cell.trim().replace('\u{1}', "|").replace("\\*", "*")).collect()
}

/// Returns the rows of the first table behind a heading, without its head.
fn table(readme: &str, heading: &str) -> Vec<Row> {
    let behind = readme.split_once(heading).unwrap_or_else(|| panic!("no {heading}")).1;
    let lines = behind.lines().skip_while(|line| !line.starts_with('|'));
    let lines: Vec<_> = lines.take_while(|line| line.starts_with('|')).collect();
    lines[2..].iter().map(|line| cells(line)).collect()
}

fn theirs() -> Vec<Row> {
    table(&file_text(README), "## `arg.properties`")
}

fn ours() -> Vec<Row> {
    table(&file_text(README), "## `producer-load`")
}

/// Returns what stands between the backquotes of a cell.
fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn examples(rows: &[Row], name: &str) -> Vec<String> {
    let of_name = rows.iter().filter(|row| row[0] == name);
    let examples: Vec<_> = of_name.flat_map(|row| code(&row[2])).collect();
    assert!(!examples.is_empty(), "{README} has no row {name}");
    examples
}

/// Returns the examples of a row (or of all rows of one name) of the table of `arg.properties`.
pub(super) fn theirs_of(name: &str) -> Vec<String> {
    examples(&theirs(), name)
}

/// Returns the examples of a row of the table of `producer-load`.
pub(super) fn ours_of(name: &str) -> Vec<String> {
    examples(&ours(), name)
}

/// Returns a field of this type that is drawn as `producer-load` says.
pub(super) fn our_field(name: &str, kind: &str, said: &str) -> String {
    format!(r#"{{"name":"{name}","type":{kind},"producer-load":{said}}}"#)
}

/// Returns a field of this type that is drawn as `arg.properties` says.
pub(super) fn their_field(name: &str, kind: &str, said: &str) -> String {
    format!(r#"{{"name":"{name}","type":{kind},"arg.properties":{said}}}"#)
}

/// Returns records with a field `x` of this type that is drawn as `producer-load` says.
pub(super) fn drawn(kind: &str, said: &str) -> Records {
    Records::of_fields(&our_field("x", kind, said))
}

/// Returns records with a field `x` of this type that is drawn as `arg.properties` says.
pub(super) fn drawn_as_theirs(kind: &str, said: &str) -> Records {
    Records::of_fields(&their_field("x", kind, said))
}

/// Every row, and what the names of its tests begin with: a new row without one fails here.
const TESTED: [(&str, &str); 24] = [
    ("`options`", "annotations::options_"),
    ("`range`", "annotations::range_, numbers::range_"),
    ("`iteration`", "iteration::"),
    ("`odds`", "annotations::odds_, ways::odds_"),
    ("`length`", "annotations::length_"),
    ("`regex`", "annotations::regex_"),
    ("`prefix`, `suffix`", "annotations::prefix_"),
    ("`keys`", "annotations::keys_"),
    ("`source` with `prefix`", "sources::prefix_"),
    ("`source`", "sources::number_"),
    ("`source` with `range`", "sources::range_"),
    ("`source` with `options`, `choice`", "sources::options_"),
    ("`choice`", "ways::choice_"),
    ("`normal`", "numbers::normal_"),
    ("`log-normal`", "numbers::log_normal_"),
    ("`day-curve`", "numbers::day_curve_"),
    ("`event-time`", "ways::event_time_"),
    ("`counter`", "numbers::counter_"),
    ("`id`", "ways::id_"),
    ("`by`", "by_and_times::by_"),
    ("`times`", "by_and_times::times_"),
    ("`lifecycle`", "lifecycles::"),
    ("`step`", "lifecycles::step_"),
    ("`once`", "lifecycles::once_"),
];

#[test]
fn every_row_has_a_test() {
    let rows: BTreeSet<_> = theirs().into_iter().chain(ours()).map(|row| row[0].clone()).collect();
    let tested: BTreeSet<_> = TESTED.iter().map(|(row, _)| (*row).to_owned()).collect();
    assert_eq!(rows, tested);
    for test in TESTED.iter().flat_map(|(_, tests)| tests.split(", ")) {
        let (module, name) = test.split_once("::").unwrap();
        let file = format!("tests/integration/schema_examples/{module}.rs");
        let is_there = file_text(&file).contains(&format!("#[test]\nfn {name}"));
        assert!(is_there, "{file} has no test {name}");
    }
}

#[test]
fn every_example_is_json_and_the_tables_are_read_whole() {
    assert_eq!(cells(r"| `a` | x \| y | 1 |"), ["`a`", "x | y", "1"]);
    let rows: Vec<_> = theirs().into_iter().chain(ours()).collect();
    assert!(rows.iter().all(|row| row.len() == 4), "{rows:?}");
    let examples: Vec<_> = rows.iter().flat_map(|row| code(&row[2])).collect();
    assert!(examples.len() >= rows.len(), "{examples:?}");
    for example in examples {
        let parsed = serde_json::from_str::<serde_json::Value>(&example);
        assert!(parsed.is_ok_and(|value| value.is_object()), "{example}");
    }
}
