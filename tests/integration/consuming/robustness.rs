//! Whatever a client says, the broker lives on.

use std::panic;
use std::panic::AssertUnwindSafe;

use fastrand::Rng;
use pulsar::message::proto::CommandConsumerStats;
use pulsar::message::proto::CommandPartitionedTopicMetadata;

use super::*;

/// A number that a client might send, or that nobody would.
fn number(chance: &mut Rng) -> u64 {
    match chance.u8(..8) {
        0 => u64::MAX,
        1 => i64::MAX as u64,
        2 => chance.u64(..),
        _ => chance.u64(..4),
    }
}

fn position(chance: &mut Rng) -> MessageIdData {
    let ack_set = (0..chance.usize(..4)).map(|_| chance.i64(..)).collect();
    MessageIdData { ledger_id: number(chance), ack_set, ..id(number(chance)) }
}

/// Says something that a consumer could say, with numbers that mean something or nothing.
fn say_anything(client: &mut RawClient, chance: &mut Rng) {
    let (consumer_id, request_id) = (number(chance), number(chance));
    match chance.u8(..12) {
        0..3 => say!(client, Subscribe, subscribe: CommandSubscribe {
            topic: ["raw", "other", "a/b", ""][chance.usize(..4)].to_owned(),
            consumer_id,
            priority_level: Some(chance.i32(..)),
            durable: Some(chance.bool()),
            start_message_id: chance.bool().then(|| position(chance)),
            sub_type: chance.i32(0..6),
            ..wish(SubType::Shared)
        }),
        3 | 4 => flow(client, consumer_id, u32::try_from(number(chance)).unwrap_or(u32::MAX)),
        5 | 6 => say!(client, Ack, ack: CommandAck {
            consumer_id,
            ack_type: chance.i32(0..3),
            message_id: (0..chance.usize(..4)).map(|_| position(chance)).collect(),
            request_id: chance.bool().then_some(request_id),
            ..Default::default()
        }),
        7 => {
            let message_ids = (0..chance.usize(..4)).map(|_| position(chance)).collect();
            say!(client, RedeliverUnacknowledgedMessages, redeliver_unacknowledged_messages:
            CommandRedeliverUnacknowledgedMessages {
                consumer_id,
                message_ids,
                consumer_epoch: chance.bool().then_some(request_id),
            });
        }
        8 => say!(client, Seek, seek: CommandSeek {
            consumer_id,
            request_id,
            message_id: chance.bool().then(|| position(chance)),
            message_publish_time: chance.bool().then_some(request_id),
        }),
        9 => say!(client, CloseConsumer, close_consumer:
            CommandCloseConsumer { consumer_id, request_id }),
        10 => {
            let asked = CommandGetLastMessageId { consumer_id, request_id };
            say!(client, GetLastMessageId, get_last_message_id: asked);
            let asked = CommandConsumerStats { consumer_id, request_id };
            say!(client, ConsumerStats, consumer_stats: asked);
            let asked = CommandPartitionedTopicMetadata { request_id, ..Default::default() };
            say!(client, PartitionedMetadata, partition_metadata: asked);
        }
        _ => say!(client, Unsubscribe, unsubscribe: CommandUnsubscribe { consumer_id, request_id }),
    }
}

#[test]
fn no_consumer_makes_the_broker_panic_or_fall_silent() {
    let broker = start(4_000);
    for seed in 0..150 {
        let mut chance = Rng::with_seed(seed);
        let mut clients: Vec<RawClient> =
            (0..3).map(|_| RawClient::connect(&broker.service_url())).collect();
        for client in &mut clients {
            client.open_producer(&format!("p{seed}-{}", chance.u64(..)), 0);
        }
        for place in 0..120 {
            let client = &mut clients[chance.usize(..3)];
            if chance.u8(..3) == 0 {
                client.write(&batch_frame(place * 2, &[b"a", b"b"], 2)).unwrap();
            } else {
                say_anything(client, &mut chance);
            }
        }
        for (place, client) in clients.iter_mut().enumerate() {
            client.ping();
            let answered =
                panic::catch_unwind(AssertUnwindSafe(|| while client.hear().pong.is_none() {}));
            assert!(answered.is_ok(), "seed {seed}: client {place} has no answer");
        }
    }
    let counts = broker.stop();
    assert_eq!((counts.frames_refused, counts.malformed_batches), (0, 0));
    assert!(counts.topics[RAW_TOPIC].overrun_batches > 0, "the ring was overrun too");
}
