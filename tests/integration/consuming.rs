//! Consuming from the embedded broker, by a client that says exactly what the test wants said.

use std::net::TcpListener;
use std::ops::Range;
use std::time::Duration;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerHandle;
use pulsar::message::proto::BaseCommand;
use pulsar::message::proto::CommandAck;
use pulsar::message::proto::CommandCloseConsumer;
use pulsar::message::proto::CommandFlow;
use pulsar::message::proto::CommandGetLastMessageId;
use pulsar::message::proto::CommandGetTopicsOfNamespace;
use pulsar::message::proto::CommandRedeliverUnacknowledgedMessages;
use pulsar::message::proto::CommandSeek;
use pulsar::message::proto::CommandSubscribe;
use pulsar::message::proto::CommandUnsubscribe;
use pulsar::message::proto::MessageIdData;
use pulsar::message::proto::ServerError;
use pulsar::message::proto::base_command::Type;
use pulsar::message::proto::command_ack::AckType;
use pulsar::message::proto::command_subscribe::InitialPosition;
use pulsar::message::proto::command_subscribe::SubType;

use crate::program::run;
use crate::raw_client::RawClient;
use crate::raw_client::batch_frame;

const RAW_TOPIC: &str = "persistent://public/default/raw";

fn start(retain_bytes_max: usize) -> BrokerHandle {
    start_with(BrokerConfig { retain_bytes_max, ..BrokerConfig::default() })
}

fn start_with(config: BrokerConfig) -> BrokerHandle {
    broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap()
}

macro_rules! say {
    ($client:expr, $kind:ident, $part:ident: $value:expr) => {
        $client.say(BaseCommand {
            r#type: Type::$kind as i32,
            $part: Some($value),
            ..Default::default()
        })
    };
}

mod clients;
mod robustness;

/// Sends batches of two records, `a` and `b`, by their numbers, and waits for their receipts.
fn produce(broker: &BrokerHandle, batches: Range<u64>) {
    let mut client = RawClient::connect(&broker.service_url());
    assert!(client.open_producer("p", 0).producer_success.is_some());
    for number in batches {
        client.write(&batch_frame(number * 2, &[b"a", b"b"], 2)).unwrap();
        assert!(client.hear().send_receipt.is_some());
    }
}

/// Returns the wish for consumer 0 of the subscription `s` on the topic `raw`, from earliest on.
fn wish(kind: SubType) -> CommandSubscribe {
    CommandSubscribe {
        topic: "raw".to_owned(),
        subscription: "s".to_owned(),
        sub_type: kind as i32,
        consumer_id: 0,
        request_id: 1,
        initial_position: Some(InitialPosition::Earliest as i32),
        ..Default::default()
    }
}

fn subscribe(client: &mut RawClient, wish: CommandSubscribe) -> BaseCommand {
    say!(client, Subscribe, subscribe: wish);
    client.hear()
}

/// Connects a consumer that may be sent `permits` records.
fn consumer(broker: &BrokerHandle, wish: CommandSubscribe, permits: u32) -> RawClient {
    let mut client = RawClient::connect(&broker.service_url());
    let consumer_id = wish.consumer_id;
    let answer = subscribe(&mut client, wish);
    assert_eq!(answer.success.map(|success| success.request_id), Some(1));
    flow(&mut client, consumer_id, permits);
    client
}

fn flow(client: &mut RawClient, consumer_id: u64, message_permits: u32) {
    say!(client, Flow, flow: CommandFlow { consumer_id, message_permits });
}

/// Returns the entries that come until the broker has nothing more to say: it answers in order.
fn entries(client: &mut RawClient) -> Vec<(u64, u32)> {
    client.ping();
    let mut entries = Vec::new();
    loop {
        let said = client.hear_all();
        if said.command.pong.is_some() {
            return entries;
        }
        let Some(message) = said.command.message else { continue };
        // The crate's codec has compared the checksum.
        let payload = said.payload.unwrap();
        assert_eq!(payload.metadata.num_messages_in_batch, Some(2));
        assert_eq!(payload.metadata.sequence_id, message.message_id.entry_id * 2);
        assert!(payload.data.ends_with(b"b"));
        entries.push((message.message_id.entry_id, message.redelivery_count.unwrap_or(0)));
    }
}

/// Waits for as many entries, without asking for anything in between.
fn await_entries(client: &mut RawClient, count: usize) -> Vec<u64> {
    let mut entries = Vec::new();
    while entries.len() < count {
        if let Some(message) = client.hear().message {
            entries.push(message.message_id.entry_id);
        }
    }
    entries
}

fn id(entry_id: u64) -> MessageIdData {
    MessageIdData { ledger_id: 1, entry_id, ..Default::default() }
}

fn acknowledge(client: &mut RawClient, kind: AckType, entries: &[u64]) {
    let ack = CommandAck {
        consumer_id: 0,
        ack_type: kind as i32,
        message_id: entries.iter().copied().map(id).collect(),
        request_id: Some(99),
        ..Default::default()
    };
    say!(client, Ack, ack: ack);
    let response = client.hear().ack_response.unwrap();
    assert_eq!((response.request_id, response.error), (Some(99), None));
}

/// Returns the numbers without how often they came before.
fn numbers(entries: &[(u64, u32)]) -> Vec<u64> {
    entries.iter().map(|(entry, _)| *entry).collect()
}

#[test]
fn permits_acknowledgements_and_a_durable_cursor() {
    let broker = start(1024 * 1024);
    produce(&broker, 0..10);
    let mut client = consumer(&broker, wish(SubType::Exclusive), 5);
    assert_eq!(numbers(&entries(&mut client)), [0, 1, 2], "5 records are 3 batches of 2");
    flow(&mut client, 0, 1_000);
    assert_eq!(numbers(&entries(&mut client)), [3, 4, 5, 6, 7, 8, 9]);
    acknowledge(&mut client, AckType::Cumulative, &[4]);
    acknowledge(&mut client, AckType::Individual, &[6, 8]);

    let mut rival = RawClient::connect(&broker.service_url());
    let busy = subscribe(&mut rival, wish(SubType::Exclusive)).error.unwrap();
    assert_eq!(busy.error(), ServerError::ConsumerBusy);
    assert_eq!(busy.message, "Exclusive consumer is already connected");

    let close = CommandCloseConsumer { consumer_id: 0, request_id: 7 };
    say!(client, CloseConsumer, close_consumer: close);
    assert_eq!(client.hear().success.unwrap().request_id, 7);
    assert!(subscribe(&mut rival, wish(SubType::Exclusive)).success.is_some());
    flow(&mut rival, 0, 1_000);
    assert_eq!(numbers(&entries(&mut rival)), [5, 7, 9]);

    // What is published now comes by itself.
    produce(&broker, 10..11);
    let mut late = wish(SubType::Exclusive);
    (late.subscription, late.initial_position) = ("late".to_owned(), None);
    let mut late = consumer(&broker, late, 10);
    assert!(entries(&mut late).is_empty(), "latest");

    let unsubscribe = CommandUnsubscribe { consumer_id: 0, request_id: 8 };
    say!(rival, Unsubscribe, unsubscribe: unsubscribe);
    loop {
        let said = rival.hear();
        if said.message.is_none() {
            assert_eq!(said.success.unwrap().request_id, 8);
            break;
        }
    }
    let mut again = consumer(&broker, wish(SubType::Exclusive), 1_000);
    assert_eq!(entries(&mut again).len(), 11, "the cursor is forgotten");
}

#[test]
fn messages_come_as_they_are_published() {
    let broker = start(1024 * 1024);
    let mut client = consumer(&broker, wish(SubType::Exclusive), 1_000);
    for round in 0..5 {
        let mut producer = RawClient::connect(&broker.service_url());
        producer.open_producer(&format!("p{round}"), 0);
        producer.write(&batch_frame(round * 2, &[b"a", b"b"], 2)).unwrap();
        assert_eq!(await_entries(&mut client, 1), [round]);
    }
    assert_eq!(broker.counts().topics[RAW_TOPIC].overrun_batches, 0);
}

#[test]
fn a_shared_subscription_is_dealt_out_and_taken_over() {
    let broker = start(1024 * 1024);
    let wishes = ["a", "b"].map(|name| CommandSubscribe {
        consumer_name: Some(name.to_owned()),
        ..wish(SubType::Shared)
    });
    let [mut one, mut two] = wishes.map(|wish| consumer(&broker, wish, 1_000));
    // What the broker has answered it has taken.
    assert!(entries(&mut one).is_empty() && entries(&mut two).is_empty());
    produce(&broker, 0..100);
    let (ours, theirs) = (numbers(&entries(&mut one)), numbers(&entries(&mut two)));
    assert!(ours.len() > 20 && theirs.len() > 20, "{ours:?} {theirs:?}");
    let mut all = [&ours[..], &theirs].concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..100));

    acknowledge(&mut one, AckType::Individual, &ours);
    let asked: Vec<MessageIdData> = theirs[..2].iter().copied().map(id).collect();
    let redeliver =
        CommandRedeliverUnacknowledgedMessages { message_ids: asked, ..Default::default() };
    say!(two, RedeliverUnacknowledgedMessages, redeliver_unacknowledged_messages: redeliver);
    drop(two);
    let mut taken_over = Vec::new();
    for _ in 0..1_000 {
        taken_over.extend(entries(&mut one));
        if taken_over.len() >= theirs.len() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(taken_over.iter().all(|(_, before)| *before >= 1));
    let mut taken_over = numbers(&taken_over);
    taken_over.sort_unstable();
    taken_over.dedup();
    assert_eq!(taken_over, theirs);
}

#[test]
fn failover_tells_who_reads() {
    let broker = start(1024 * 1024);
    produce(&broker, 0..3);
    let named = |name: &str| CommandSubscribe {
        consumer_name: Some(name.to_owned()),
        ..wish(SubType::Failover)
    };
    let is_active = |client: &mut RawClient| {
        let change = client.hear().active_consumer_change.unwrap();
        change.is_active.unwrap()
    };
    let mut second = consumer(&broker, named("b"), 1_000);
    assert!(is_active(&mut second));
    assert_eq!(numbers(&entries(&mut second)), [0, 1, 2]);
    acknowledge(&mut second, AckType::Cumulative, &[0]);
    let mut first = consumer(&broker, named("a"), 1_000);
    assert!(is_active(&mut first) && !is_active(&mut second));
    assert_eq!(numbers(&entries(&mut first)), [1, 2]);
    drop(first);
    assert!(is_active(&mut second));
    assert_eq!(await_entries(&mut second, 2), [1, 2]);
}

#[test]
fn readers_begin_where_they_wish_and_seek() {
    let broker = start(1024 * 1024);
    produce(&broker, 0..10);
    let earliest = MessageIdData { ledger_id: u64::MAX, ..id(u64::MAX) };
    let latest = MessageIdData { ledger_id: i64::MAX as u64, ..id(i64::MAX as u64) };
    for (start, expected) in [(earliest.clone(), 0..10), (id(7), 7..10), (latest, 10..10)] {
        let wish = CommandSubscribe {
            durable: Some(false),
            start_message_id: Some(start),
            ..wish(SubType::Exclusive)
        };
        let mut reader = consumer(&broker, wish, 1_000);
        assert!(numbers(&entries(&mut reader)).into_iter().eq(expected));
        let close = CommandCloseConsumer { consumer_id: 0, request_id: 7 };
        say!(reader, CloseConsumer, close_consumer: close);
        assert!(reader.hear().success.is_some());
    }

    let mut client = consumer(&broker, wish(SubType::Exclusive), 1_000);
    assert_eq!(entries(&mut client).len(), 10);
    let asked = CommandGetLastMessageId { consumer_id: 0, request_id: 3 };
    say!(client, GetLastMessageId, get_last_message_id: asked);
    let last = client.hear().get_last_message_id_response.unwrap();
    assert_eq!((last.last_message_id.entry_id, last.last_message_id.batch_index), (9, Some(1)));
    for (position, expected) in [(id(4), 4..10), (earliest, 0..10)] {
        let seek = CommandSeek {
            consumer_id: 0,
            request_id: 5,
            message_id: Some(position),
            ..Default::default()
        };
        say!(client, Seek, seek: seek);
        assert_eq!(client.hear().close_consumer.unwrap().consumer_id, 0);
        assert_eq!(client.hear().success.unwrap().request_id, 5);
        assert!(subscribe(&mut client, wish(SubType::Exclusive)).success.is_some());
        flow(&mut client, 0, 1_000);
        assert!(numbers(&entries(&mut client)).into_iter().eq(expected));
    }
    let asked = CommandGetTopicsOfNamespace {
        request_id: 6,
        namespace: "public/default".to_owned(),
        ..Default::default()
    };
    say!(client, GetTopicsOfNamespace, get_topics_of_namespace: asked);
    assert_eq!(client.hear().get_topics_of_namespace_response.unwrap().topics, [RAW_TOPIC]);
}

#[test]
fn an_overrun_shows_as_a_gap_and_is_counted() {
    let broker = start(20_000);
    produce(&broker, 0..1);
    let mut client = consumer(&broker, wish(SubType::Exclusive), 2);
    assert_eq!(numbers(&entries(&mut client)), [0]);
    produce(&broker, 1..1_001);
    flow(&mut client, 0, 10_000);
    let read = numbers(&entries(&mut client));
    assert_eq!(read.last(), Some(&1_000));
    assert!(read.windows(2).all(|pair| pair[1] == pair[0] + 1), "{read:?}");
    assert!((20..200).contains(&read.len()), "{}", read.len());
    assert_eq!(broker.counts().topics[RAW_TOPIC].overrun_batches, read[0] - 1);
    // A subscription that begins later has missed nothing.
    let mut late = CommandSubscribe { subscription: "late".to_owned(), ..wish(SubType::Exclusive) };
    late.consumer_id = 4;
    assert_eq!(numbers(&entries(&mut consumer(&broker, late, 10_000))), read);
    assert_eq!(broker.stop().topics[RAW_TOPIC].overrun_batches, read[0] - 1);
}

#[test]
fn a_broker_that_holds_waits_for_its_readers() {
    const BATCHES: u64 = 1_000;
    let config = BrokerConfig { retain_bytes_max: 20_000, hold: true, ..BrokerConfig::default() };
    let broker = start_with(config);
    let mut producer = RawClient::connect(&broker.service_url());
    producer.open_producer("p", 0);
    for number in 0..BATCHES {
        producer.write(&batch_frame(number * 2, &[b"a", b"b"], 2)).unwrap();
    }
    let mut receipts = 0;
    while !producer.hears_nothing_for(Duration::from_millis(300)) {
        receipts += producer.heard().len() as u64;
    }
    receipts += producer.heard().len() as u64;
    assert!((20..200).contains(&receipts), "{receipts} without a reader");

    let mut read = Vec::new();
    let mut client = consumer(&broker, wish(SubType::Exclusive), 10_000);
    while read.len() < 1_000 {
        let Some(message) = client.hear().message else { continue };
        let entry = message.message_id.entry_id;
        read.push(entry);
        let message_id = vec![id(entry)];
        let ack =
            CommandAck { ack_type: AckType::Cumulative as i32, message_id, ..Default::default() };
        say!(client, Ack, ack: ack);
    }
    assert!(read.into_iter().eq(0..BATCHES));
    while receipts < BATCHES {
        receipts += u64::from(producer.hear().send_receipt.is_some());
    }
    let counts = broker.stop();
    assert_eq!(counts.topics[RAW_TOPIC].overrun_batches, 0);
    let said = run(&["broker", "--listen", "127.0.0.1:0", "--sink", "--hold"]);
    assert!(said.log.contains("--hold has no effect: a sink keeps nothing"), "{}", said.log);
}

#[test]
fn a_broker_that_keeps_nothing_says_so() {
    let broker = start(0);
    let mut client = RawClient::connect(&broker.service_url());
    let refused = subscribe(&mut client, wish(SubType::Shared)).error.unwrap();
    assert_eq!(refused.error(), ServerError::NotAllowedError);
    assert!(refused.message.contains("keeps nothing to read"), "{}", refused.message);
    let said = run(&["broker", "--listen", "127.0.0.1:0", "--sink", "--retain", "1M"]);
    assert_eq!(said.code, Some(104), "{}", said.log);
    assert!(said.log.contains("--retain has no effect: a sink keeps nothing"), "{}", said.log);
}
