//! The embedded broker against clients that are not ours, and against bytes that no client sends.

#![expect(
    clippy::large_futures,
    reason = "they are the pulsar crate's, and a test makes few of them"
)]

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use futures::future::try_join_all;
use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerHandle;
use producer_load::broker::Fault;
use producer_load::broker::Faults;
use producer_load::clock;
use pulsar::ProducerOptions;
use pulsar::Pulsar;
use pulsar::TokioExecutor;
use pulsar::message::proto;
use pulsar::message::proto::ServerError;

use crate::raw_client::RawClient;
use crate::raw_client::batch_frame;

const RAW_TOPIC: &str = "persistent://public/default/raw";
const SCHEMA: &str = r#"{"type":"record","name":"R","fields":[]}"#;

fn start(config: BrokerConfig) -> BrokerHandle {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    broker::start(listener, config).unwrap()
}

/// Produces `records` numbered records in batches of 100 by the `pulsar` crate's own producer.
async fn produce(service_url: &str, topic: &str, records: u32) -> Result<(), pulsar::Error> {
    let client = Pulsar::builder(service_url, TokioExecutor).build().await?;
    let options = ProducerOptions {
        batch_size: Some(100),
        schema: Some(proto::Schema {
            schema_data: SCHEMA.as_bytes().to_vec(),
            r#type: proto::schema::Type::Avro as i32,
            ..Default::default()
        }),
        ..Default::default()
    };
    let producer = client.producer().with_topic(topic).with_name("ours");
    let mut producer = producer.with_options(options).build().await?;
    let mut receipts = Vec::new();
    for number in 0..records {
        let payload = number.to_be_bytes().to_vec();
        receipts.push(producer.send_non_blocking(payload).await?);
    }
    producer.send_batch().await?;
    try_join_all(receipts).await?;
    Ok(())
}

#[tokio::test]
async fn the_pulsar_crates_producer_is_served_to_the_record() {
    let config = BrokerConfig { retain_bytes_max: 1024 * 1024, ..BrokerConfig::default() };
    let broker = start(config);
    produce(&broker.service_url(), "t", 1_000).await.unwrap();

    let entries = broker.entries("t");
    let counts = broker.stop();
    assert_eq!((counts.checksum_errors, counts.frames_refused), (0, 0));
    assert_eq!((counts.malformed_batches, counts.producers_created), (0, 1));
    let topic = &counts.topics["persistent://public/default/t"];
    assert_eq!((topic.batches, topic.records), (10, 1_000));
    assert_eq!(topic.payload_bytes, 4_000);
    assert_eq!(topic.schema.as_deref(), Some(SCHEMA));

    let mut numbers = Vec::new();
    for entry in &entries {
        assert_eq!(entry.producer_name, "ours");
        for (_, payload) in entry.records().unwrap() {
            numbers.push(u32::from_be_bytes(payload.try_into().unwrap()));
        }
    }
    assert!(numbers.into_iter().eq(0..1_000));
}

#[tokio::test]
async fn a_partitioned_topic_is_found_and_filled() {
    let config = BrokerConfig { partitions: 3, ..BrokerConfig::default() };
    let broker = start(config);
    produce(&broker.service_url(), "t", 900).await.unwrap();
    let counts = broker.stop();
    assert_eq!(counts.topics.len(), 3);
    for (name, topic) in &counts.topics {
        assert!(name.contains("t-partition-"), "{name}");
        assert_eq!(topic.records, 300, "{name}");
    }
}

#[test]
fn a_flipped_byte_is_counted_and_closes_the_connection() {
    let broker = start(BrokerConfig::default());
    let mut client = RawClient::connect(&broker.service_url());
    assert!(client.open_producer("p", 0).producer_success.is_some());
    let mut frame = batch_frame(0, &[b"one", b"two"], 2);
    client.write(&frame).unwrap();
    assert!(client.hear().send_receipt.is_some());
    *frame.last_mut().unwrap() ^= 0x20;
    client.write(&frame).unwrap();
    client.wait_until_closed();
    let counts = broker.stop();
    assert_eq!(counts.checksum_errors, 1);
    assert_eq!(counts.topics[RAW_TOPIC].records, 2);
}

#[test]
fn a_batch_that_does_not_add_up_is_refused_and_the_next_is_taken() {
    let broker = start(BrokerConfig::default());
    let mut client = RawClient::connect(&broker.service_url());
    client.open_producer("p", 0);
    client.write(&batch_frame(0, &[b"one", b"two"], 3)).unwrap();
    client.write(&batch_frame(3, &[b"one", b"two"], 2)).unwrap();
    let refused = client.hear().send_error.unwrap();
    assert_eq!(refused.error(), ServerError::NotAllowedError);
    assert_eq!(refused.sequence_id, 0);
    assert!(refused.message.contains("record 2"), "{}", refused.message);
    assert_eq!(client.hear().send_receipt.unwrap().sequence_id, 3);
    let counts = broker.stop();
    assert_eq!(counts.malformed_batches, 1);
    assert_eq!(counts.topics[RAW_TOPIC].records, 2);
}

#[test]
fn a_name_in_use_is_busy_until_its_connection_ends() {
    let broker = start(BrokerConfig::default());
    let mut first = RawClient::connect(&broker.service_url());
    let opened = first.open_producer("p", 0).producer_success.unwrap();
    assert_eq!(opened.producer_name, "p");
    assert_eq!(opened.last_sequence_id, Some(-1));
    assert!(opened.schema_version.is_some());

    let mut second = RawClient::connect(&broker.service_url());
    let busy = second.open_producer("p", 5).error.unwrap();
    assert_eq!(busy.error(), ServerError::ProducerBusy);
    assert!(busy.message.contains("'p'"), "{}", busy.message);
    assert!(first.open_producer("p", 1).producer_success.is_some());

    drop(first);
    let patience = clock::now();
    while second.open_producer("p", 0).error.is_some() {
        assert!(clock::now().ns_since(patience) < 5_000_000_000);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(broker.counts().topics[RAW_TOPIC].producers, ["p"]);
}

#[test]
fn delayed_receipts_come_late_in_order_and_together() {
    const DELAY: Duration = Duration::from_millis(100);
    const BATCHES: u64 = 50;
    let faults = Faults::combine([Fault::ReceiptDelay(DELAY)]).unwrap();
    let broker = start(BrokerConfig { faults, ..BrokerConfig::default() });
    let mut client = RawClient::connect(&broker.service_url());
    client.open_producer("p", 0);
    let sent = clock::now();
    for sequence_id in 0..BATCHES {
        let frame = batch_frame(sequence_id, &[b"record"], 1);
        client.write(&frame).unwrap();
    }
    for sequence_id in 0..BATCHES {
        let receipt = client.hear().send_receipt.unwrap();
        let waited = Duration::from_nanos(clock::now().ns_since(sent));
        assert!(waited >= DELAY, "{waited:?}");
        // Delays that added up would take five seconds.
        assert!(waited < 20 * DELAY, "{waited:?}");
        assert_eq!(receipt.sequence_id, sequence_id);
        let position = receipt.message_id.unwrap();
        assert_eq!((position.ledger_id, position.entry_id), (1, sequence_id));
    }
}

#[test]
fn a_frame_of_4_gib_is_refused_before_it_comes() {
    let broker = start(BrokerConfig::default());
    let mut client = RawClient::connect(&broker.service_url());
    let rss_before = rss_bytes();
    client.write(&[0xff; 4]).unwrap();
    let megabyte = vec![0; 1024 * 1024];
    // The broker hangs up long before this is through; then writing fails.
    let refused = (0..256).any(|_| client.write(&megabyte).is_err());
    assert!(refused, "the broker went on reading");
    let rss_grown = rss_bytes().saturating_sub(rss_before);
    assert!(rss_grown < 64 * 1024 * 1024, "{rss_grown} bytes");
    assert_eq!(broker.stop().frames_refused, 1);
}

/// Reads the memory that this process holds.
fn rss_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
#[ignore = "needs python with pulsar-client: scripts/test provides it"]
fn python_the_official_client_is_served_to_the_record() {
    const RECORDS: u64 = 10_000;
    let python = std::env::var("PRODUCER_LOAD_PYTHON").unwrap();
    let config = BrokerConfig { retain_bytes_max: 16 * 1024 * 1024, ..BrokerConfig::default() };
    let broker = start(config);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/consumers/produce.py");
    let output = Command::new(python)
        .args([script, &broker.service_url(), "t", &RECORDS.to_string()])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{log}");
    let told = told.lines().last().unwrap();
    let told: serde_json::Value = serde_json::from_str(told).unwrap();
    assert_eq!(told["count"], RECORDS);

    let entries = broker.entries("t");
    let kept: usize = entries.iter().map(|e| e.records().unwrap().len()).sum();
    let counts = broker.stop();
    let topic = &counts.topics["persistent://public/default/t"];
    assert_eq!((topic.records, kept as u64), (RECORDS, RECORDS));
    assert!(topic.batches < RECORDS, "the client batched");
    let schema = topic.schema.as_deref();
    assert_eq!(schema.is_some(), told["schema"] == "avro", "{schema:?}");
    assert_eq!((counts.checksum_errors, counts.frames_refused), (0, 0));
}
