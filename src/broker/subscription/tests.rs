//! Tests of subscriptions: who gets what, in which order, and how often.

use super::*;
use crate::broker::ring::Kept;

/// A ring of as many batches, of three records each.
fn ring(batches: u64) -> Ring {
    let mut ring = Ring::default();
    (0..batches).for_each(|_| push(&mut ring));
    ring
}

fn push(ring: &mut Ring) {
    ring.push(Kept {
        body: tokio_util::bytes::Bytes::new(),
        records: 3,
        is_batch: true,
        publish_time_ms: 0,
        producer_name: "p".into(),
    });
}

fn consumer(id: u64, name: &str) -> Consumer {
    let mut consumer = Consumer::new((1, id), name.to_owned(), Arc::new(Notify::new()));
    consumer.permits = 1_000;
    consumer
}

fn subscription(kind: SubType, consumers: &[(u64, &str)]) -> Subscription {
    let mut subscription = Subscription::new(kind, true, 0);
    for (id, name) in consumers {
        subscription.add(consumer(*id, name), kind, None).unwrap();
    }
    subscription
}

/// Returns all that a consumer gets now: entries and how often each was delivered before.
fn drain(subscription: &mut Subscription, id: u64, ring: &Ring) -> Vec<(u64, u32)> {
    let next = || subscription.next_for((1, id), ring);
    std::iter::from_fn(next).map(|it| (it.entry, it.redelivery_count)).collect()
}

fn entries(subscription: &mut Subscription, id: u64, ring: &Ring) -> Vec<u64> {
    drain(subscription, id, ring).into_iter().map(|(entry, _)| entry).collect()
}

#[test]
fn permits_are_counted_in_records_and_given_by_batches() {
    let ring = ring(10);
    let mut subscription = subscription(SubType::Exclusive, &[(0, "a")]);
    subscription.consumer_mut((1, 0)).unwrap().permits = 0;
    assert!(entries(&mut subscription, 0, &ring).is_empty());
    subscription.permit((1, 0), 4);
    // One permit is enough for a whole batch; then two are owed.
    assert_eq!(entries(&mut subscription, 0, &ring), [0, 1]);
    subscription.permit((1, 0), 2);
    assert!(entries(&mut subscription, 0, &ring).is_empty());
    subscription.permit((1, 0), 1);
    assert_eq!(entries(&mut subscription, 0, &ring), [2]);
}

#[test]
fn an_exclusive_subscription_has_one_consumer_of_its_kind() {
    let mut exclusive = subscription(SubType::Exclusive, &[(0, "a")]);
    let refused = exclusive.add(consumer(1, "b"), SubType::Exclusive, None);
    assert_eq!(refused, Err(Refusal::ConsumerBusy));
    let refused = exclusive.add(consumer(1, "b"), SubType::Shared, None).unwrap_err();
    assert!(refused.to_string().starts_with("Subscription is of different type"), "{refused}");
    exclusive.remove((1, 0), None);
    assert_eq!(exclusive.add(consumer(1, "b"), SubType::Shared, None), Ok(()), "nobody is there");
}

#[test]
fn the_next_reader_begins_with_what_is_not_acknowledged() {
    let ring = ring(6);
    let mut subscription = subscription(SubType::Exclusive, &[(0, "a")]);
    assert_eq!(entries(&mut subscription, 0, &ring), [0, 1, 2, 3, 4, 5]);
    subscription.acknowledge(1, &[], true);
    subscription.acknowledge(3, &[], false);
    subscription.acknowledge(4, &[0b110], false);
    subscription.redeliver((1, 0), &[], Some(8));
    let again = subscription.next_for((1, 0), &ring).unwrap();
    assert_eq!((again.entry, again.epoch), (2, Some(8)));
    subscription.remove((1, 0), None);
    subscription.add(consumer(5, "b"), SubType::Exclusive, None).unwrap();
    assert_eq!(entries(&mut subscription, 5, &ring)[..2], [2, 4]);
    subscription.redeliver((1, 5), &[], None);
    subscription.next_for((1, 5), &ring).unwrap();
    assert_eq!(subscription.next_for((1, 5), &ring).unwrap().left, [0b110]);
}

#[test]
fn of_a_failover_subscription_the_first_by_name_reads_and_partitions_are_spread() {
    let ring = ring(3);
    let mut failover = subscription(SubType::Failover, &[(0, "b"), (1, "c")]);
    assert_eq!(entries(&mut failover, 0, &ring), [0, 1, 2]);
    assert!(entries(&mut failover, 1, &ring).is_empty());
    failover.acknowledge(0, &[], false);
    failover.add(consumer(2, "a"), SubType::Failover, None).unwrap();
    assert!(failover.is_active((1, 2)));
    assert_eq!(entries(&mut failover, 2, &ring), [1, 2]);
    failover.remove((1, 2), None);
    assert_eq!(entries(&mut failover, 0, &ring), [1, 2]);
    failover.remove((1, 0), None);
    assert_eq!(entries(&mut failover, 1, &ring), [1, 2]);

    let mut other = Subscription::new(SubType::Failover, true, 0);
    for (id, name) in [(0, "a"), (1, "b")] {
        other.add(consumer(id, name), SubType::Failover, Some(3)).unwrap();
    }
    assert!(other.is_active((1, 1)), "partition 3 goes to the second of two");
    let mut preferred = consumer(2, "z");
    preferred.priority = -1;
    other.add(preferred, SubType::Failover, Some(3)).unwrap();
    assert!(other.is_active((1, 2)), "a lower number is a higher priority");
}

#[test]
fn a_shared_subscription_gives_each_entry_to_one_and_again_to_another() {
    let mut ring = ring(4);
    let mut shared = subscription(SubType::Shared, &[(0, "a"), (1, "b")]);
    assert_eq!(shared.next_for((1, 0), &ring).unwrap().entry, 0);
    assert_eq!(shared.next_for((1, 1), &ring).unwrap().entry, 1);
    assert_eq!(drain(&mut shared, 0, &ring), [(2, 0), (3, 0)]);
    shared.acknowledge(2, &[], false);
    shared.redeliver((1, 0), &[3, 1], None);
    assert_eq!(drain(&mut shared, 1, &ring), [(3, 1)], "only what the consumer had");
    shared.remove((1, 0), None);
    push(&mut ring);
    assert_eq!(drain(&mut shared, 1, &ring), [(0, 1), (4, 0)]);
    shared.redeliver((1, 1), &[], None);
    assert_eq!(drain(&mut shared, 1, &ring), [(0, 2), (1, 1), (3, 2), (4, 1)]);
    shared.acknowledge(3, &[], true);
    shared.redeliver((1, 1), &[], None);
    assert_eq!(drain(&mut shared, 1, &ring), [(4, 2)]);
    shared.acknowledge(4, &[], false);
    assert_eq!(shared.cursor, Cursor::at(5));
    assert!(shared.redeliveries.is_empty());
}

#[test]
fn what_was_overwritten_is_skipped_and_counted_once() {
    let mut ring = ring(10);
    let mut shared = subscription(SubType::Shared, &[(0, "a")]);
    shared.permit((1, 0), 0);
    for entry in 0..3 {
        assert_eq!(shared.next_for((1, 0), &ring).unwrap().entry, entry);
    }
    shared.redeliver((1, 0), &[1], None);
    shared.acknowledge(5, &[], false);
    assert_eq!(shared.skip_overrun(&ring), 0);
    (0..7).for_each(|_| ring.pop());
    // Entry 1 was to come again; 3, 4 and 6 had not been read; 5 was acknowledged; the consumer has
    // 0 and 2.
    assert_eq!(shared.skip_overrun(&ring), 4);
    assert_eq!(shared.skip_overrun(&ring), 0);
    assert_eq!(shared.cursor, Cursor::at(7));
    assert_eq!(entries(&mut shared, 0, &ring), [7, 8, 9]);
    shared.redeliver((1, 0), &[], None);
    assert_eq!(entries(&mut shared, 0, &ring), [7, 8, 9], "0 and 2 are gone for good");
}
