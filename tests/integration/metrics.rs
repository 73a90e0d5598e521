//! What a run shows while it runs, asked for as Prometheus and the kubelet do.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use producer_load::metrics::METRICS;
use producer_load::metrics::Metric;

use crate::program::Said;
use crate::program::program;
use crate::program::signal;
use crate::program::total;

/// How long anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A run that serves metrics, or a broker: a process whose log tells where it serves.
struct Running {
    child: Child,
    log: mpsc::Receiver<String>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = program(arguments).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, log) = mpsc::channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).for_each(|line| drop(lines.send(line)));
        });
        Self { child, log }
    }

    /// Waits for a line of the log and returns what stands behind these words in it.
    fn told(&self, words: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE).expect("the log says nothing more");
            if let Some((_, rest)) = line.split_once(words) {
                return rest.to_owned();
            }
        }
    }

    fn end(self) -> Said {
        signal(&self.child, "TERM");
        self.child.wait_with_output().unwrap().into()
    }
}

/// Asks for a path; returns the status and the text.
fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), text.to_owned())
}

/// Asks until the status is this; returns the text.
fn until(address: SocketAddr, path: &str, status: u16) -> String {
    for _ in 0..3_000 {
        let (answered, text) = get(address, path);
        if answered == status {
            return text;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{path} did not become {status}")
}

/// Returns the value of a sample that is a whole number.
fn value(text: &str, name: &str) -> u64 {
    let found = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    let found = found.unwrap_or_else(|| panic!("{name} is not in {text}"));
    found.trim_end_matches(".0").parse().unwrap()
}

/// Starts a run against this broker; returns it with where it serves.
fn serving(url: &str, more: &[&str]) -> (Running, SocketAddr) {
    let arguments = ["-u", url, "--metrics-addr", "127.0.0.1:0", "--report", "-"];
    let running = Running::start(&[&arguments[..], more].concat());
    let address = running.told("metrics at http://");
    (running, address.trim_end_matches("/metrics").parse().unwrap())
}

fn broker(listen: &str) -> (Running, String) {
    let broker = Running::start(&["broker", "--listen", listen]);
    let url = broker.told("serving at ");
    (broker, url)
}

#[test]
fn metrics_count_what_the_report_and_the_broker_count() {
    let (broker, url) = broker("127.0.0.1:0");
    let (run, address) = serving(&url, &["-r", "5k"]);
    until(address, "/readyz", 200);
    std::thread::sleep(Duration::from_millis(1_500));
    let (status, text) = get(address, "/metrics");
    assert_eq!(status, 200);
    for metric in METRICS {
        let name = metric.full_name();
        let is_optional = name.contains("throttled");
        assert!(is_optional || text.contains(&format!("# TYPE {name} {}\n", metric.kind())));
    }
    let seen = value(&text, "producer_load_records_acknowledged_total");
    assert!(seen > 0 && value(&text, "producer_load_records_due_total") >= seen, "{text}");
    // The histograms are added to once a second.
    let measured = value(&text, "producer_load_response_seconds_count");
    assert!(measured > 0 && measured <= seen, "{text}");
    assert!(text.contains(r#"domain="sensor_telemetry""#), "{text}");
    let said = run.end();
    let acknowledged = total(&said.report(), "acknowledged");
    assert!(acknowledged >= seen, "{seen}");
    let counted = broker.end().out;
    assert!(counted.contains(&format!("counted records={acknowledged} ")), "{counted}");
}

#[test]
fn a_run_without_its_broker_lives_and_is_not_ready_until_it_is_back() {
    let (first, url) = broker("127.0.0.1:0");
    let (run, address) = serving(&url, &["-r", "1k"]);
    until(address, "/readyz", 200);
    first.end();
    assert!(until(address, "/readyz", 503).contains("away"));
    assert_eq!(get(address, "/livez"), (200, "ok\n".to_owned()));
    let (second, _) = broker(url.trim_start_matches("pulsar://"));
    until(address, "/readyz", 200);
    let (_, text) = get(address, "/metrics");
    assert!(value(&text, "producer_load_producers_lost_total") >= 1, "{text}");
    assert_eq!(value(&text, "producer_load_producers_away"), 0);
    let said = run.end();
    assert_eq!(total(&said.report(), "unknown") + total(&said.report(), "failed"), 0);
    second.end();
}

#[test]
fn a_run_that_cannot_connect_lives_and_is_not_ready() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (run, address) = serving(&format!("pulsar://{closed}"), &["--connect-timeout", "60s"]);
    assert_eq!(get(address, "/livez").0, 200);
    assert_eq!(get(address, "/readyz"), (503, "connecting\n".to_owned()));
    assert_eq!(get(address, "/metrics"), (200, String::new()));
    assert_eq!(get(address, "/elsewhere").0, 404);
    assert_eq!(run.end().code, Some(105));
}

#[test]
fn an_address_that_is_taken_ends_the_program_at_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = crate::program::run(&["--metrics-addr", &address, "-d", "1s"]);
    assert_eq!(said.code, Some(1));
    assert!(said.log.contains(&format!("--metrics-addr {address}: ")), "{}", said.log);
}

/// Reads the text by the official Python client's own parser, which knows the format's rules.
#[test]
#[ignore = "needs Python with prometheus-client: scripts/test runs it"]
fn python_prometheus_client_reads_every_metric() {
    let (broker, url) = broker("127.0.0.1:0");
    let (run, address) = serving(&url, &["-r", "5k"]);
    until(address, "/readyz", 200);
    std::thread::sleep(Duration::from_millis(500));
    let python = std::env::var("PRODUCER_LOAD_PYTHON").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/consumers/metrics_check.py");
    let url = format!("http://{address}/metrics");
    let checked: Said = Command::new(python).args([script, &url]).output().unwrap().into();
    assert_eq!(checked.code, Some(0), "{}{}", checked.out, checked.log);
    let names = METRICS.iter().map(Metric::full_name);
    for name in names.filter(|name| !name.contains("throttled")) {
        assert!(checked.out.lines().any(|line| line == name), "{name}: {}", checked.out);
    }
    run.end();
    broker.end();
}
