//! What is made of reports that were written: by the program, from files, as its help says.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::OnceLock;

use producer_load::clock;
use serde_json::Value;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::report::assert_valid;

/// Returns the report of a shard of a short run, which is made once.
pub(crate) fn report(shard: usize) -> String {
    static REPORTS: OnceLock<[String; 2]> = OnceLock::new();
    let reports = REPORTS.get_or_init(|| {
        // At the same time, as pods of a fleet run.
        let running = ["0/2", "1/2"].map(|shard| {
            // A machine that is busy shall not make it fail.
            let rest =
                ["-d", "3s", "-r", "2k", "--report", "-", "--seed", "5", "--tolerance", "50%"];
            program(&[&["--shard", shard][..], &rest].concat()).spawn().unwrap()
        });
        running.map(|child| {
            let said = Said::from(child.wait_with_output().unwrap());
            assert_eq!(said.code, Some(0), "{}", said.log);
            said.report().to_string()
        })
    });
    reports[shard].clone()
}

/// Runs the program in a folder.
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Said {
    let output: Output = program(arguments).current_dir(folder).output().unwrap();
    output.into()
}

/// Returns the examples of a subcommand's help, each split at its blanks.
fn examples(command: &str) -> Vec<Vec<String>> {
    let help = run(&[command, "--help"]).out;
    let examples = help.split("Examples:").nth(1).unwrap_or_else(|| panic!("{help}"));
    let words = |line: &str| line.split_whitespace().skip(1).map(str::to_owned).collect();
    examples.lines().filter(|line| line.contains("producer-load")).map(words).collect()
}

/// Runs the examples of a subcommand's help as printed, in a folder that has the reports of two
/// shards under these names.
fn run_examples(command: &str, files: &[&str], check: impl Fn(&[&str], &Said, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    for (place, file) in files.iter().enumerate() {
        fs::write(folder.path().join(file), report(place % 2)).unwrap();
    }
    let examples = examples(command);
    assert_eq!(examples.len(), 2);
    for example in examples {
        // What stands behind > is the shell's.
        let typed: Vec<&str> =
            example.iter().map(String::as_str).take_while(|word| *word != ">").collect();
        check(&typed, &run_in(folder.path(), &typed), folder.path());
    }
}

#[test]
fn the_examples_of_merge_work_as_printed() {
    run_examples("merge", &["pod-0.json", "pod-1.json"], |typed, said, _| {
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
        if typed.contains(&"json") {
            let fleet: Value = serde_json::from_str(&said.out).unwrap();
            assert_valid(&fleet);
            assert_eq!(fleet["totals"]["acknowledged"], 12_000);
            assert_eq!(fleet["fleet"]["reports"], 2);
        } else {
            assert!(said.out.contains("12,000 acknowledged of 12,000"), "{}", said.out);
            assert!(said.out.lines().all(|line| line.chars().count() <= 80), "{}", said.out);
        }
    });
}

#[test]
fn the_examples_of_compare_work_as_printed() {
    let files = ["a.json", "b.json", "a2.json", "b2.json", "a3.json", "b3.json"];
    run_examples("compare", &files, |typed, said, _| {
        assert!(matches!(said.code, Some(0 | 100)), "{}{}", said.out, said.log);
        let is_one = !typed.contains(&"a2.json");
        assert_eq!(said.out.contains("cannot show the noise between runs"), is_one, "{}", said.out);
        assert!(said.out.contains("response p99"), "{}", said.out);
    });
}

#[test]
fn what_is_worse_ends_compare_with_100() {
    let folder = tempfile::tempdir().unwrap();
    let mut slow: Value = serde_json::from_str(&report(0)).unwrap();
    let point = slow["series"]["points"][1].clone();
    slow["series"]["points"] = vec![point; 30].into();
    fs::write(folder.path().join("a.json"), slow.to_string()).unwrap();
    for point in slow["series"]["points"].as_array_mut().unwrap() {
        let p99 = &mut point["response"]["p99_ns"];
        *p99 = (p99.as_u64().unwrap() * 2).into();
    }
    fs::write(folder.path().join("b.json"), slow.to_string()).unwrap();
    let compare = |arguments: &[&str]| {
        run_in(folder.path(), &[&["compare", "--output-format", "json"], arguments].concat())
    };
    let worse = compare(&["a.json", "--", "b.json"]);
    assert_eq!(worse.code, Some(100), "{}{}", worse.out, worse.log);
    let told: Value = serde_json::from_str(&worse.out).unwrap();
    assert_eq!(
        (&told["verdict"], &told["differences"][2]["verdict"]),
        (&"worse".into(), &"worse".into())
    );
    assert_eq!(compare(&["b.json", "--", "a.json"]).code, Some(0));
    assert_eq!(compare(&["a.json", "--", "a.json"]).code, Some(0));
    assert_eq!(compare(&["--threshold", "100%", "a.json", "--", "b.json"]).code, Some(100));
    assert_eq!(compare(&["a.json"]).code, Some(2));
    assert_eq!(compare(&["a.json", "--", "none.json"]).code, Some(1));
}

#[test]
fn the_examples_of_chart_work_as_printed() {
    let files = ["out.json", "before.json", "after.json"];
    run_examples("chart", &files, |typed, said, folder| {
        assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{}", said.log);
        let html = fs::read_to_string(folder.join(typed.last().unwrap())).unwrap();
        assert_eq!(html.contains("class=\"end e1\""), typed.contains(&"after.json"));
        assert!(html.ends_with("</html>\n") && html.contains("class=\"line l0\""));
    });
    let folder = tempfile::tempdir().unwrap();
    let said = run_in(folder.path(), &["chart", "none.json", "-o", "none.html"]);
    assert_eq!(said.code, Some(1));
    assert!(said.log.contains("none.json") && !folder.path().join("none.html").exists());
}

#[test]
fn a_page_does_not_go_over_a_report() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("own.json"), report(0)).unwrap();
    let said = run_in(folder.path(), &["chart", "own.json", "-o", "./own.json"]);
    assert_eq!(said.code, Some(104), "{}", said.log);
    assert!(said.log.contains("own.json is one of the reports"), "{}", said.log);
    assert_eq!(fs::read_to_string(folder.path().join("own.json")).unwrap(), report(0));
}

#[test]
fn what_cannot_be_compared_is_no_good_news() {
    let folder = tempfile::tempdir().unwrap();
    let whole: Value = serde_json::from_str(&report(0)).unwrap();
    for points in [0, 1] {
        let mut short = whole.clone();
        short["series"]["points"] = vec![whole["series"]["points"][1].clone(); points].into();
        fs::write(folder.path().join("a.json"), whole.to_string()).unwrap();
        fs::write(folder.path().join("b.json"), short.to_string()).unwrap();
        let said = run_in(folder.path(), &["compare", "a.json", "--", "b.json"]);
        assert_eq!(said.code, Some(104), "{points}: {}{}", said.out, said.log);
        assert!(said.out.contains("it cannot be told"), "{}", said.out);
    }
}

#[test]
fn a_report_that_cannot_be_merged_is_named_and_nothing_is_merged() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, other) = (report(0), report(1));
    fs::write(folder.path().join("whole.json"), &whole).unwrap();
    fs::write(folder.path().join("cut.json"), &other[..other.len() / 3]).unwrap();
    fs::write(folder.path().join("foreign.json"), "{\"a\":1}").unwrap();
    let renamed = other.replacen("sensor_telemetry", "another", 1);
    fs::write(folder.path().join("other.json"), renamed).unwrap();
    for file in ["cut.json", "foreign.json", "other.json", "none.json"] {
        let said = run_in(folder.path(), &["merge", "whole.json", file]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{}", said.log);
        assert!(said.log.contains(file), "{}", said.log);
    }
}

#[test]
#[ignore = "a measurement, with --release"]
#[expect(clippy::print_stdout, reason = "the figure is quoted")]
fn merge_of_100_reports_is_timed() {
    let folder = tempfile::tempdir().unwrap();
    let mut report: Value = serde_json::from_str(&report(0)).unwrap();
    // As long a series as there can be.
    let point = report["series"]["points"][1].clone();
    report["series"]["points"] = vec![point; 3_600].into();
    let mut files = vec!["merge".to_owned()];
    for pod in 0..100 {
        report["plan"]["shard"] = serde_json::json!({"index": pod, "count": 100});
        let file = folder.path().join(format!("{pod}.json"));
        fs::write(&file, report.to_string()).unwrap();
        files.push(file.to_str().unwrap().to_owned());
    }
    let began = clock::now();
    let said = run(&files.iter().map(String::as_str).collect::<Vec<_>>());
    println!(
        "{} us of {} bytes each\n{}",
        clock::now().ns_since(began) / 1_000,
        report.to_string().len(),
        said.out
    );
    assert_eq!(said.code, Some(0), "{}", said.log);
}
