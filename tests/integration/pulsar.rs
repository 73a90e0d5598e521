//! The real Pulsar that `scripts/test` started: where it is, what its REST interface says, and what
//! official clients read from it.

use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::program::Said;

/// Returns a variable that `scripts/test` sets.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run scripts/test"))
}

/// Returns the service URL of the broker that asks nobody who is there.
pub(crate) fn url() -> String {
    variable("PULSAR_TEST_URL")
}

/// Asks until there is an answer, many times.
pub(crate) fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it did not come about");
}

/// Sends a request to the broker's REST interface and returns status and body.
pub(crate) fn admin(method: &str, path: &str, body: &str) -> (u16, String) {
    try_admin(method, path, body).unwrap()
}

fn try_admin(method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
    request(&variable("PULSAR_TEST_ADMIN_URL"), "", method, path, body)
}

/// Returns how many messages a topic of the broker that asks who is there has taken, by its own
/// statistics.
pub(crate) fn secured_messages_in(topic: &str) -> u64 {
    let admin = format!("Authorization: Bearer {}\r\n", variable("PULSAR_ADMIN_TOKEN"));
    let path = format!("/persistent/public/default/{topic}/stats");
    let base = variable("PULSAR_SECURED_ADMIN_URL");
    let (_, body) = request(&base, &admin, "GET", &path, "").unwrap();
    let statistics: Value = serde_json::from_str(&body).unwrap();
    statistics["msgInCounter"].as_u64().unwrap_or_else(|| panic!("{topic}: {body}"))
}

fn request(
    base: &str,
    header: &str,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    let host = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host)?;
    let length = body.len();
    write!(
        stream,
        "{method} /admin/v2{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         {header}Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    status.zip(body).ok_or_else(|| ErrorKind::UnexpectedEof.into())
}

/// Sends a request that has to be done.
pub(crate) fn order(method: &str, path: &str, body: &str) {
    let (status, answer) = admin(method, path, body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
}

/// Returns how many messages a topic has taken, by the broker's own statistics.
pub(crate) fn messages_in(topic: &str) -> u64 {
    let topic = format!("public/default/{topic}");
    taken(&topic).unwrap_or_else(|| panic!("nothing is known of {topic}"))
}

/// Returns how many messages a topic of any namespace has taken since it was loaded, if the broker
/// says so.
pub(crate) fn taken(topic: &str) -> Option<u64> {
    let (_, body) = try_admin("GET", &format!("/persistent/{topic}/stats"), "").ok()?;
    let statistics: Value = serde_json::from_str(&body).ok()?;
    statistics["msgInCounter"].as_u64()
}

/// Reads a topic from its beginning with the official Python client, and decodes it with fastavro.
/// All has to be well.
pub(crate) fn consume(topic: &str, count: u64) -> Value {
    let (said, consumed) = read(topic, count);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    consumed
}

/// Reads a topic in the same way, whatever comes.
pub(crate) fn read(topic: &str, count: u64) -> (Said, Value) {
    read_as("sensor_telemetry", &["--ranges"], topic, count)
}

/// Reads a topic of any domain in the same way. All has to be well.
pub(crate) fn consume_as(domain: &str, topic: &str, count: u64) -> Value {
    let (said, consumed) = read_as(domain, &[], topic, count);
    assert_eq!(said.code, Some(0), "{domain}: {}{}", said.out, said.log);
    consumed
}

fn read_as(domain: &str, words: &[&str], topic: &str, count: u64) -> (Said, Value) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/consumers/consume.py");
    let schema = format!("{}/schemas/{domain}.avsc", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(variable("PRODUCER_LOAD_PYTHON"))
        .args([script, "--service-url", &url(), "--admin-url", &variable("PULSAR_TEST_ADMIN_URL")])
        .args(["--topic", topic, "--count", &count.to_string(), "--schema", &schema])
        .args(words)
        .output()
        .unwrap();
    let said = Said::from(output);
    let consumed = said.out.lines().last().map(|line| serde_json::from_str(line).unwrap());
    let consumed = consumed.unwrap_or_else(|| panic!("{}", said.log));
    (said, consumed)
}

/// Asserts that an official client read every record of `sensor_telemetry` once.
pub(crate) fn assert_consumed(consumed: &Value, count: u64) {
    assert_eq!(consumed["received"], count, "{consumed}");
    assert_eq!(consumed["distinct_event_ids"], count, "{consumed}");
    assert_eq!(consumed["decoded"], count, "{consumed}");
    for name in ["undecodable", "left_over", "keys_moved", "unordered"] {
        assert_eq!(consumed[name], 0, "{consumed}");
    }
    for name in ["keys_equal_source_id", "event_time_equals_time", "schema_matches_file"] {
        assert_eq!(consumed[name], true, "{consumed}");
    }
    assert_eq!(consumed["schema_type"], "AVRO", "{consumed}");
}
