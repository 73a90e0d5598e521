//! The broker as a sink: what it counts without reading, and what it must not let pass.

use std::io::BufRead;
use std::io::BufReader;
use std::net::TcpListener;
use std::num::NonZeroU64;
use std::process::Command;
use std::time::Duration;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerCounts;
use producer_load::broker::BrokerHandle;
use producer_load::broker::Fault;
use producer_load::broker::Faults;
use producer_load::broker::TopicCounts;
use producer_load::clock;
use pulsar::message::Metadata;
use pulsar::message::proto::BaseCommand;
use pulsar::message::proto::ServerError;
use tokio_util::bytes::BytesMut;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::signal;
use crate::program::total;
use crate::raw_client::RawClient;
use crate::raw_client::batch_frame;
use crate::raw_client::entry_frame;

const RAW_TOPIC: &str = "persistent://public/default/raw";

fn start(config: BrokerConfig) -> BrokerHandle {
    broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap()
}

fn sink(check_every: u64) -> BrokerHandle {
    let sink_check_every = NonZeroU64::new(check_every);
    start(BrokerConfig { sink_check_every, ..BrokerConfig::default() })
}

fn flip_last_byte(frame: &mut BytesMut) {
    *frame.last_mut().unwrap() ^= 0x20;
}

#[test]
fn a_planted_wrong_checksum_is_counted_and_closes_the_connection() {
    let broker = sink(1);
    let mut client = RawClient::connect(&broker.service_url());
    let opened = client.open_producer("p", 0).producer_success.unwrap();
    // Java's client reconnects for ever without it.
    assert!(opened.schema_version.is_some());
    let mut frame = batch_frame(0, &[b"one", b"two"], 2);
    client.write(&frame).unwrap();
    assert!(client.hear().send_receipt.is_some());
    flip_last_byte(&mut frame);
    client.write(&frame).unwrap();
    client.wait_until_closed();
    let counts = broker.stop();
    assert_eq!((counts.checksums_checked, counts.checksum_errors), (2, 1));
    assert_eq!(counts.topics[RAW_TOPIC].records, 2);
}

#[test]
fn one_checksum_in_so_many_is_checked_the_first_among_them() {
    let broker = sink(3);
    let mut client = RawClient::connect(&broker.service_url());
    client.open_producer("p", 0);
    for place in 0..7 {
        let mut frame = batch_frame(place, &[b"record"], 1);
        if place % 3 != 0 {
            flip_last_byte(&mut frame);
        }
        client.write(&frame).unwrap();
        assert_eq!(client.hear().send_receipt.unwrap().sequence_id, place);
    }
    let counts = broker.stop();
    assert_eq!((counts.checksums_checked, counts.checksum_errors), (3, 0));
    assert_eq!(counts.topics[RAW_TOPIC].records, 7);
}

/// Entries of every kind that a client may send, each with the number of answers that follow it.
fn entries() -> Vec<BytesMut> {
    let large = vec![7; 300_000];
    let metadata = |sequence_id, records, compression| Metadata {
        producer_name: "raw".to_owned(),
        sequence_id,
        num_messages_in_batch: records,
        compression,
        ..Metadata::default()
    };
    vec![
        batch_frame(0, &[b"one", b"", b"three"], 3),
        entry_frame(metadata(3, None, None), b"alone".to_vec(), None),
        entry_frame(metadata(4, Some(50), Some(1)), b"compressed".to_vec(), Some(50)),
        // The next two are refused: command and metadata disagree, and no batch has 0 records.
        entry_frame(metadata(54, Some(2), Some(1)), b"refused".to_vec(), Some(3)),
        batch_frame(56, &[], 0),
        entry_frame(metadata(56, None, None), Vec::new(), None),
        batch_frame(57, &[&large, &large], 2),
        batch_frame(59, &[b"last"], 1),
    ]
}

/// Sends all entries in pieces of a size and returns the answers and the counts.
fn served(broker: BrokerHandle, piece_bytes: usize) -> (Vec<BaseCommand>, BrokerCounts) {
    let mut client = RawClient::connect(&broker.service_url());
    client.open_producer("p", 0);
    let entries = entries();
    for piece in entries.concat().chunks(piece_bytes) {
        client.write(piece).unwrap();
    }
    let answers = entries.iter().map(|_| client.hear()).collect();
    (answers, broker.stop())
}

#[test]
fn a_sink_answers_and_counts_as_the_broker_that_reads_everything() {
    let (answers, read) = served(start(BrokerConfig::default()), 1_000_000);
    assert_eq!(read.malformed_batches, 2);
    let topic = &read.topics[RAW_TOPIC];
    assert_eq!((topic.batches, topic.records), (6, 58));
    let refusals = answers.iter().filter_map(|answer| answer.send_error.as_ref());
    let refusals: Vec<_> = refusals.map(|error| (error.sequence_id, error.error())).collect();
    let refused = ServerError::NotAllowedError;
    assert_eq!(refusals, [(54, refused), (56, refused)]);
    for (check_every, piece_bytes) in [(1, 97), (1, 1_000_000), (1_000, 5_000)] {
        let (told, counted) = served(sink(check_every), piece_bytes);
        assert_eq!(told, answers);
        assert!((1..=8).contains(&counted.checksums_checked));
        let as_read = BrokerCounts {
            checksums_checked: read.checksums_checked,
            topics: counted.topics.iter().map(|(name, t)| (name.clone(), unread(t))).collect(),
            ..counted.clone()
        };
        let unread = BrokerCounts {
            topics: read.topics.iter().map(|(name, t)| (name.clone(), unread(t))).collect(),
            ..read.clone()
        };
        assert_eq!(as_read, unread);
    }
}

/// A topic's counts without what only a reader can know, and without the times.
fn unread(topic: &TopicCounts) -> TopicCounts {
    TopicCounts { payload_bytes: 0, taken: None, ..topic.clone() }
}

#[test]
fn a_send_out_of_turn_ends_the_connection_of_a_sink_too() {
    let broker = sink(1);
    let mut client = RawClient::connect(&broker.service_url());
    client.write(&batch_frame(0, &[b"nobody's"], 1)).unwrap();
    client.wait_until_closed();
    assert_eq!(broker.stop().frames_refused, 1);
}

#[test]
fn a_sink_can_delay_its_receipts() {
    const DELAY: Duration = Duration::from_millis(50);
    let faults = Faults::combine([Fault::ReceiptDelay(DELAY)]).unwrap();
    let sink_check_every = NonZeroU64::new(100);
    let broker = start(BrokerConfig { faults, sink_check_every, ..BrokerConfig::default() });
    let mut client = RawClient::connect(&broker.service_url());
    client.open_producer("p", 0);
    let sent = clock::now();
    client.write(&batch_frame(0, &[b"record"], 1)).unwrap();
    assert!(client.hear().send_receipt.is_some());
    assert!(u128::from(clock::now().ns_since(sent)) >= DELAY.as_nanos());
}

#[test]
fn the_program_is_served_to_the_record_by_every_partition_of_a_sink() {
    let sink_check_every = NonZeroU64::new(1);
    let broker = start(BrokerConfig { partitions: 3, sink_check_every, ..BrokerConfig::default() });
    let url = broker.service_url();
    let said = run(&["-u", &url, "-d", "500ms", "-r", "20k", "--report", "-"]);
    assert_eq!(total(&said.report(), "acknowledged"), 10_000, "{}", said.log);
    let counts = broker.stop();
    assert_eq!((counts.records(), counts.topics.len()), (10_000, 3));
    assert_eq!((counts.checksum_errors, counts.frames_refused), (0, 0));
    let batches: u64 = counts.topics.values().map(|topic| topic.batches).sum();
    assert_eq!(counts.checksums_checked, batches);
}

#[test]
fn a_flag_without_effect_is_refused_with_the_reason() {
    let said = run(&["broker", "--listen", "127.0.0.1:0", "--check-every", "5"]);
    assert_eq!(said.code, Some(104), "{}", said.log);
    assert!(said.log.contains("--check-every has no effect: without --sink"), "{}", said.log);
    let said = run(&["broker", "--listen", "127.0.0.1:0", "--sink", "--check-every", "0"]);
    assert_eq!(said.code, Some(2), "{}", said.log);
}

#[test]
fn a_sink_by_itself_tells_scripts_what_it_counted() {
    let mut broker = program(&["broker", "--listen", "127.0.0.1:0", "--sink"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(broker.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("serving as a sink at "), "{line}");
    let url = line.split_whitespace().last().unwrap();
    let mut client = RawClient::connect(url);
    client.open_producer("p", 0);
    client.write(&batch_frame(0, &[b"one", b"two"], 2)).unwrap();
    assert!(client.hear().send_receipt.is_some());
    signal(&broker, "TERM");
    let said = Said::from(broker.wait_with_output().unwrap());
    assert_eq!(said.code, Some(0));
    let out = &said.out;
    let counted: Vec<_> = out.lines().filter(|line| line.starts_with("counted ")).collect();
    assert!(counted[0].starts_with("counted records=2 batches=1 payload_bytes="), "{out}");
    assert!(counted[0].ends_with(&format!(" topic={RAW_TOPIC}")), "{out}");
    assert!(counted[1].starts_with("counted connections=1 checksums_checked=1 "), "{out}");
}

#[test]
#[ignore = "needs python with pulsar-client: scripts/test provides it"]
fn python_the_official_client_is_served_by_a_sink() {
    let broker = sink(1);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/consumers/produce.py");
    let python = std::env::var("PRODUCER_LOAD_PYTHON").unwrap();
    let produced =
        Command::new(python).args([script, &broker.service_url(), "t", "10000"]).output();
    let said = Said::from(produced.unwrap());
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    let counts = broker.stop();
    assert_eq!(counts.records(), 10_000);
    assert_eq!((counts.checksum_errors, counts.frames_refused), (0, 0));
}
