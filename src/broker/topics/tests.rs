//! Topics told what clients ask, without a socket.

use super::*;
use pulsar::message::Metadata;

use super::super::codec::body_bytes;

const FULL: &str = "persistent://public/default/t";

fn wish(topic: &str, producer_id: u64) -> CommandProducer {
    CommandProducer { topic: topic.to_owned(), producer_id, ..Default::default() }
}

fn schema(text: &str) -> Schema {
    Schema {
        schema_data: text.as_bytes().to_vec(),
        r#type: SchemaType::Avro as i32,
        ..Default::default()
    }
}

fn topics(partitions: u32, retain_bytes_max: usize) -> Topics {
    Topics::new(&BrokerConfig { partitions, retain_bytes_max, ..BrokerConfig::default() })
}

fn publish(topics: &mut Topics, payload: &[u8]) -> Result<Position, Refusal> {
    let metadata = Metadata::default();
    publish_body(topics, &body_bytes(&metadata, payload))
}

fn publish_body(topics: &mut Topics, body: &[u8]) -> Result<Position, Refusal> {
    let body = read_body(body).unwrap();
    let taken = topics.publish(1, &CommandSend::default(), &body, Instant::now());
    taken.map(|taken| taken.position)
}

#[test]
fn what_is_published_is_counted_and_placed() {
    let mut topics = topics(0, 0);
    assert_eq!(publish(&mut topics, b"x"), Err(Refusal::ProducerMissing));
    topics.open_producer(1, &wish("t", 0)).unwrap();
    let entry_ids: Vec<u64> =
        (0..3).map(|_| publish(&mut topics, b"12345").unwrap().entry_id).collect();
    assert_eq!(entry_ids, [0, 1, 2]);
    let counts = topics.counts();
    let topic = &counts.topics[FULL];
    assert_eq!((topic.batches, topic.records), (3, 3));
    assert_eq!(topic.payload_bytes, 15);
    assert_eq!(topic.producers, ["embedded-0"]);
    assert!(topics.entries("t").is_empty(), "no log is kept by default");
}

#[test]
fn a_malformed_batch_is_refused_and_counted() {
    let mut topics = topics(0, 1_000);
    topics.open_producer(1, &wish("t", 0)).unwrap();
    let metadata = Metadata { num_messages_in_batch: Some(1), ..Default::default() };
    let payload = b"garbage";
    let refused = publish_body(&mut topics, &body_bytes(&metadata, payload));
    assert!(matches!(refused, Err(Refusal::Malformed(_))));
    let counts = topics.counts();
    assert_eq!(counts.malformed_batches, 1);
    assert_eq!(counts.records(), 0);
    assert!(topics.entries("t").is_empty());
}

#[test]
fn the_newest_bytes_are_kept() {
    let mut topics = topics(0, 2 * (100 + 100));
    topics.open_producer(1, &wish("t", 0)).unwrap();
    for number in 0..10_u8 {
        publish(&mut topics, &[number; 100]).unwrap();
    }
    let kept: Vec<u8> = topics.entries(FULL).iter().map(|e| e.payload[0]).collect();
    assert_eq!(kept, [8, 9]);
    publish(&mut topics, &[0; 1_000]).unwrap();
    assert!(topics.entries(FULL).is_empty(), "one that cannot fit");
}

#[test]
fn partitions_share_their_topics_schema() {
    let mut topics = topics(2, 0);
    assert_eq!(topics.partitions("t"), Ok(2));
    assert_eq!(topics.partitions("t-partition-1"), Ok(0));
    for (place, text) in [(0, "a"), (1, "a"), (0, "b")] {
        let mut wish = wish(&format!("t-partition-{place}"), topics.counts.producers_created);
        wish.schema = Some(schema(text));
        topics.open_producer(1, &wish).unwrap();
    }
    let counts = topics.counts();
    let texts: Vec<_> = counts.topics.values().map(|t| t.schema.as_deref()).collect();
    assert_eq!(texts, [Some("b"), Some("b")]);
    let (version, _) = topics.schema("t", None).unwrap();
    assert_eq!(version.bytes(), [0, 0, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn only_existing_partitions_take_producers() {
    let topics = topics(2, 0);
    assert!(topics.look_up("t-partition-1").is_ok());
    let missing = topics.look_up("t-partition-2").unwrap_err();
    assert_eq!(missing, Refusal::PartitionMissing { partitions: 2 });
    let mut topics = topics;
    let refused = topics.open_producer(1, &wish("t", 0)).unwrap_err();
    assert_eq!(refused, Refusal::Partitioned { partitions: 2 });
    assert_eq!(topics.look_up("a/b"), Err(Refusal::TopicName));
}

#[test]
fn topics_are_bounded() {
    let mut topics = topics(0, 0);
    for number in 0..TOPICS_MAX as u64 {
        let producer = wish(&format!("t{number}"), 0);
        topics.open_producer(1, &producer).unwrap();
        topics.disconnect(1);
    }
    let refused = topics.open_producer(1, &wish("one-more", 0)).unwrap_err();
    assert_eq!(refused, Refusal::TopicsMax { topics: TOPICS_MAX });
    assert!(topics.open_producer(1, &wish("t0", 0)).is_ok());
}
