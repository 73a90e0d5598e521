//! What `sample`, `schema` and `--dry-run` print, and that they refuse what a run refuses.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::Child;

use producer_load::domain::DOMAINS;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::records::Records;
use crate::records::record_text;

/// A schema file in a folder of its own.
struct File {
    path: PathBuf,
    _folder: TempDir,
}

impl File {
    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.avsc");
        fs::write(&path, text).unwrap();
        Self { path, _folder: folder }
    }

    fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

/// Records with the number of their source.
fn of_sources() -> File {
    let field = r#"{"name":"s","type":"long","producer-load":{"source":{}}}"#;
    File::of(&record_text(field))
}

/// Returns the numbers of the sources that send so many records.
fn sources(choice: &str, count: u64) -> Vec<u64> {
    let file = of_sources();
    let said = run(&[
        &["sample", "--schema-file", file.name(), "--sources", "5", "--seed", "1"][..],
        &["--source-choice", choice, "-n", &count.to_string()],
    ]
    .concat());
    assert_eq!(said.code, Some(0), "{}", said.log);
    let number = |line: &str| serde_json::from_str::<Value>(line).unwrap()["s"].as_u64().unwrap();
    said.out.lines().map(number).collect()
}

#[test]
fn what_a_run_refuses_is_refused_by_all_that_make_records() {
    let node = r#"{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]}]}"#;
    let deep = record_text(&format!(r#"{{"name":"a","type":{node}}}"#));
    for (text, key, words) in [
        (&*deep, "source", "a.next: n.N contains itself"),
        (&record_text(r#"{"name":"x","type":"intt"}"#), "source", "intt"),
        (r#""int""#, "source", "is not a record"),
        (r#"["null","int"]"#, "source", "is not a record"),
        (r#"{"type":"array","items":"int"}"#, "source", "is not a record"),
        (&record_text(r#"{"name":"x","type":"int"}"#), "nope", "nope: there is no such field"),
    ] {
        let file = File::of(text);
        let of = |words: &[&str]| {
            let said = run(&[words, &["--schema-file", file.name(), "--key", key]].concat());
            assert!(said.code == Some(1) && said.out.is_empty(), "{words:?}: {}", said.out);
            said.log.lines().last().unwrap().to_owned()
        };
        let refusal = of(&["--duration", "1s"]);
        assert!(refusal.starts_with("error: ") && refusal.contains(words), "{refusal}");
        for others in
            [&["--dry-run"][..], &["sample", "-n", "1"], &["schema"], &["schema", "--fields"]]
        {
            assert_eq!(of(others), refusal, "{others:?}");
        }
    }
}

#[test]
fn a_sample_is_bounded_as_the_messages_would_be() {
    let options = format!(r#"{{"options":["{}"]}}"#, "a".repeat(200_000));
    let field = format!(r#"{{"name":"x","type":"string","arg.properties":{options}}}"#);
    let file = File::of(&record_text(&field));
    for format in ["json", "avro", "hex"] {
        let sample = ["sample", "-n", "1", "--format", format, "--schema-file", file.name()];
        let mut command = program(&sample);
        assert_eq!(command.output().unwrap().status.code(), Some(0), "{format}");
        let said = run(&[&sample[..], &["--encoding", "json"]].concat());
        assert!(said.code == Some(1) && said.log.contains("a record can take"), "{}", said.log);
    }
}

#[test]
fn a_sample_says_how_to_make_it_again() {
    let first = run(&["sample", "-n", "3"]);
    let again = first.log.split_once("again: ").unwrap_or_else(|| panic!("{}", first.log)).1;
    let flags: Vec<&str> = again.split_whitespace().collect();
    let second = run(&[&["sample", "-n", "3"], &flags[..]].concat());
    assert_eq!(second.out, first.out);
    assert!(second.log.is_empty(), "{}", second.log);
    assert_ne!(run(&["sample", "-n", "3"]).out, first.out);
}

#[test]
fn sources_rotate_or_send_by_their_rank() {
    let turn = sources("rotate", 12);
    assert!(turn.windows(2).all(|two| two[1] == (two[0] + 1) % 5), "{turn:?}");
    let ranked = sources("zipf", 2_000);
    let often = |source| ranked.iter().filter(|number| **number == source).count();
    // In proportion to 1, 1/2, 1/3, 1/4 and 1/5.
    for (source, expected) in [(0, 876), (1, 438), (2, 292), (3, 219), (4, 175)] {
        assert!(often(source).abs_diff(expected) < 80, "{source}: {}", often(source));
    }
    let even = sources("uniform", 2_000);
    assert!((300..500).contains(&even.iter().filter(|number| **number == 4).count()));
}

#[test]
fn a_flag_wins_over_the_variable_of_one_that_it_excludes() {
    let file = of_sources();
    let schema = |words: &[&str], variables: &[(&str, &str)]| {
        let mut command = program(&[&["schema"], words].concat());
        Said::from(command.envs(variables.iter().copied()).output().unwrap())
    };
    let domain = ("EVENT_TYPE", "order_events");
    let mine = ("PRODUCER_LOAD_SCHEMA_FILE", file.name());
    let said = schema(&["--schema-file", file.name()], &[domain]);
    assert!(said.code == Some(0) && said.out.contains("\"name\":\"s\""), "{}", said.log);
    let nowhere = ("PRODUCER_LOAD_SCHEMA_FILE", "/nowhere.avsc");
    for variable in [mine, nowhere] {
        let said = schema(&["--domain=game_events"], &[variable]);
        assert!(said.code == Some(0) && !said.out.contains("\"name\":\"s\""), "{}", said.log);
    }
    let both = ["--domain", "game_events", "--schema-file", file.name()];
    for variables in [&[][..], &[domain, mine]] {
        let said = schema(&both, variables);
        assert!(said.code == Some(2) && said.log.contains("cannot be used with"), "{}", said.log);
        assert!(!said.log.contains("note: "), "{}", said.log);
    }
}

#[test]
fn a_variable_of_ours_wins_over_one_that_others_give() {
    let file = of_sources();
    let schema = ("PRODUCER_LOAD_SCHEMA_FILE", file.name());
    let said = program(&["schema"]).envs([("EVENT_TYPE", "order_events"), schema]).output();
    let said = Said::from(said.unwrap());
    assert!(said.code == Some(0) && said.out.contains("\"name\":\"s\""), "{}", said.log);
}

/// What the base of the manifests sets, and flags or variables that exclude it or each other.
#[test]
fn of_rates_and_ends_the_typed_one_wins_and_then_a_variable_of_ours() {
    let rate = ("MESSAGES_PER_SECOND", "7");
    let per_core = ("PRODUCER_LOAD_PER_CORE_RATE", "1m");
    let stages = ("PRODUCER_LOAD_STAGES", "3s@11,2s@13");
    let duration = ("PRODUCER_LOAD_DURATION", "5s");
    let records = ("PRODUCER_LOAD_NUM_MESSAGES", "17");
    for (words, variables, told) in [
        (&["--stages", "1s@3,1s@5"][..], &[rate, per_core, duration, records][..], "1.00 s at 3"),
        (&["--per-core-rate", "1m"], &[rate, stages], "1,000,000 a CPU"),
        (&["-r", "5"], &[per_core, stages], "  rate        5 messages"),
        (&["-d", "2s"], &[records], "after 2.00 s, 2,000 records"),
        (&["-m19"], &[duration], ", 19 records"),
        (&["-m", "19"], &[stages, rate], "  rate        7 messages"),
        (&[], &[rate, stages], "3.00 s at 11"),
        (&[], &[rate, per_core], "1,000,000 a CPU"),
        (&[], &[rate, ("PRODUCER_LOAD_STAGES", "")], "  rate        7 messages"),
        (&["-m", "5", "-d", "1s"], &[records, duration], "leave one of them away\n"),
        (&["-r", "5", "--stages", "1s@1"], &[rate], "leave one of them away\n"),
        (
            &[],
            &[per_core, stages],
            "leave one of them away (--per-core-rate is that of PRODUCER_LOAD_PER_CORE_RATE, \
             --stages is that of PRODUCER_LOAD_STAGES)\n",
        ),
        (&["-d", "1s", "--warmup", "1s"], &[duration], "--warmup has no effect"),
        (
            &["-d", "1s"],
            &[("PRODUCER_LOAD_WARMUP", "1s")],
            "would be measured (--warmup is that of PRODUCER_LOAD_WARMUP)\n",
        ),
    ] {
        let mut command = program(&[&["--dry-run"], words].concat());
        let said = Said::from(command.envs(variables.iter().copied()).output().unwrap());
        let is_told = said.out.contains(told) || said.log.contains(told);
        assert!(is_told, "{words:?} {variables:?}: {}{}", said.out, said.log);
    }
}

#[test]
fn a_program_with_wrong_bytes_ends_the_run_before_its_first_message() {
    // A file's datums are written as they are: this one is no text.
    let options = r#"{"options":{"file":"x.bin","encoding":"binary"}}"#;
    let field = format!(r#"{{"name":"x","type":"string","arg.properties":{options}}}"#);
    let file = File::of(&record_text(&field));
    fs::write(file.path.with_file_name("x.bin"), [4, 0xc3, 0x28]).unwrap();
    let said = run(&["--schema-file", file.name(), "--duration", "1s"]);
    assert!(said.code == Some(1) && said.out.is_empty(), "{}{}", said.out, said.log);
    let refusal = said.log.lines().last().unwrap();
    assert!(refusal.contains("failed its trial: record 0 cannot be decoded"), "{refusal}");
    assert!(!said.log.contains("EMBEDDED") && !said.log.contains("Sent "), "{}", said.log);
}

/// Returns how much memory a process has had at most, in KiB, as Linux keeps it.
fn peak_kib(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn ten_million_sources_take_no_more_memory_than_ten_do() {
    let peak = |sources: &str, choice: &str| {
        let words = ["sample", "-n", "100000", "--sources", sources, "--source-choice", choice];
        let mut child = program(&words).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        // All is made ready before the first record comes, and the pipe holds up the later ones.
        out.read_exact(&mut [0; 1_000]).unwrap();
        let peak = peak_kib(&child);
        child.kill().unwrap();
        child.wait().unwrap();
        peak
    };
    let few = peak("10", "uniform");
    for choice in ["uniform", "rotate", "zipf"] {
        let many = peak("10000000", choice);
        assert!(many < few + 8 * 1024, "{choice}: {many} KiB, {few} KiB with ten");
    }
}

#[test]
fn domains_are_as_wide_and_as_long_as_promised() {
    for domain in DOMAINS {
        let records = Records::of(domain.schema_text);
        let rows = records.program.field_rows(&records.schema, 1_700_000_000_123).unwrap();
        let fields = match domain.name {
            "sensor_data" => 8..=8,
            _ => 20..=30,
        };
        let count = rows.iter().filter(|row| row.bytes_mean.is_some()).count();
        assert!(fields.contains(&count), "{}: {count} fields", domain.name);
        let bytes: f64 = rows.iter().filter_map(|row| row.bytes_mean).sum();
        let expected = if domain.name == "sensor_data" { 30.0..150.0 } else { 150.0..300.0 };
        assert!(expected.contains(&bytes), "{}: {bytes} bytes", domain.name);
    }
}
