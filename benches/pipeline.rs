//! What a record costs from generator to receipt: CPU time of the producing process.
//!
//! A sink runs in a process of its own, so that its cost is not counted. One lane at maximum rate
//! for a fixed time, the same seed each time; the figure is the producer's user and system time for
//! each acknowledged record, as its own report says. Prints the digest of what is made.
//!
//! `scripts/bench-transports` compares in pairs, on pinned CPUs: figures that are quoted are its.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up has failed")]
#![allow(clippy::print_stderr, reason = "the digest is what a bench has to say")]

use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use serde_json::Value;

#[path = "cpu/time.rs"]
mod time;

use time::CpuTime;

/// How long one sample runs, and how many records criterion is told that it stands for.
const SAMPLE: &str = "1s";
const ELEMENTS: u64 = 1_000;

struct Broker {
    process: Child,
    url: String,
}

impl Broker {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_producer-load"))
            .args(["broker", "--sink", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let url = line.split_whitespace().last().unwrap().to_owned();
        assert!(url.starts_with("pulsar://"), "{line}");
        Self { process, url }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Runs the producer once and returns its report.
fn produce(broker: &Broker, options: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_producer-load"))
        .args(["--service-url", &broker.url, "--rate", "max", "--lanes", "1", "--seed", "42"])
        .args(["--duration", SAMPLE, "--report", "-"])
        .args(options)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("producer-load-report "));
    let report: Value = serde_json::from_str(line.unwrap()).unwrap();
    assert_eq!(report["verdict"]["code"], 0, "{report}");
    report
}

/// What is measured, and the flags that make it.
const VARIANTS: [(&str, &[&str]); 4] = [
    ("sensor_telemetry/framed", &[]),
    ("sensor_telemetry/framed_lz4", &["--compression", "LZ4"]),
    ("sensor_data/framed", &["--domain", "sensor_data"]),
    ("sensor_telemetry/client", &["--transport", "client"]),
];

fn pipeline(criterion: &mut Criterion<CpuTime>) {
    let broker = Broker::start();
    let mut group = criterion.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(ELEMENTS)).sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(10));
    for (name, options) in VARIANTS {
        eprintln!("pipeline/{name}: digest {}", produce(&broker, options)["plan"]["digest"]);
        group.bench_function(name, |bencher| {
            // A sample is a whole run, whatever number of iterations criterion asks for: what it
            // gets is the cost of that many times `ELEMENTS` records at this run's cost a record.
            bencher.iter_custom(|iterations| {
                let report = produce(&broker, options);
                let cost = report["cpu"]["process_ns_per_record"].as_f64().unwrap();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ns")]
                let picoseconds = (cost * 1e3) as u64;
                picoseconds * ELEMENTS / 1_000 * iterations
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime::Process);
    targets = pipeline
}
criterion_main!(benches);
