//! What a ledger tells of a stream whose records come in every bad way.

use super::*;

fn origin(stream: u32, streams: u32) -> Origin {
    Origin { digest: 1, seed: 2, shard: (0, 1), stream, streams }
}

fn ledger(origin: Origin, partitions: usize) -> Ledger {
    Ledger::new(origin, (0..partitions).map(|_| Chain::default()).collect(), 0, Beginning::Topic)
}

fn nowhere(_: u64) -> Option<u32> {
    None
}

fn batch(first: u64, last: u64, previous: Option<u64>) -> Batch {
    Batch { first, last, previous }
}

fn gap(fate: Fate, first: u64, records: u64, partition: Option<u32>) -> Gap {
    Gap { fate, first, records, partition }
}

/// Notes a batch and marks its records but for some.
fn bring(ledger: &mut Ledger, partition: u32, batch: Batch, step: u64, without: &[u64]) {
    ledger.note(partition, batch, Beginning::Topic);
    for index in (batch.first..=batch.last).step_by(usize::try_from(step).unwrap()) {
        if !without.contains(&index) {
            ledger.mark(partition, index, &mut nowhere);
        }
    }
}

#[test]
fn a_stream_in_order_leaves_nothing_to_tell() {
    let mut ledger = ledger(origin(1, 3), 1);
    for number in 0..2 * POSITIONS {
        let index = number * 3 + 1;
        if number % 1_000 == 0 {
            let previous = index.checked_sub(3);
            ledger.note(0, batch(index, index + 999 * 3, previous), Beginning::Topic);
        }
        assert_eq!(ledger.mark(0, index, &mut nowhere), Some(Seen::InOrder));
    }
    assert_eq!(ledger.mark(0, 2, &mut nowhere), None, "another stream's");
    assert_eq!(ledger.mark(0, 7, &mut nowhere), Some(Seen::AgainOrLate));
    let last = (2 * POSITIONS - 1) * 3 + 1;
    assert_eq!(ledger.mark(0, last, &mut nowhere), Some(Seen::Again));
    assert!(!ledger.has_gaps());
}

#[test]
fn the_last_batch_is_expected_to_be_whole() {
    let mut ledger = ledger(origin(0, 1), 1);
    bring(&mut ledger, 0, batch(0, 9, None), 1, &[4, 9]);
    ledger.finish(&mut nowhere);
    let lost = |index| gap(Fate::Lost, index, 1, Some(0));
    assert_eq!(ledger.gaps(), [lost(4), lost(9)]);
}

#[test]
fn dropped_and_lost_are_told_apart_wherever_the_ring_stands() {
    for length in [50, 3 * POSITIONS] {
        let mut ledger = ledger(origin(0, 2), 1);
        bring(&mut ledger, 0, batch(0, 18, None), 2, &[]);
        // 20 to 28 were dropped, a batch up to 38 was lost.
        bring(&mut ledger, 0, batch(40, 48, Some(38)), 2, &[]);
        bring(&mut ledger, 0, batch(60, 62, Some(48)), 2, &[]);
        let mut previous = 62;
        while previous < length * 2 {
            bring(&mut ledger, 0, batch(previous + 2, previous + 200, Some(previous)), 2, &[]);
            previous += 200;
        }
        ledger.finish(&mut nowhere);
        let expected = [gap(Fate::Lost, 20, 10, Some(0)), gap(Fate::Dropped, 50, 5, Some(0))];
        assert_eq!(ledger.gaps(), expected, "{length}");
    }
}

#[test]
fn what_is_late_is_reordered_and_what_comes_twice_is_again() {
    let mut ledger = ledger(origin(0, 1), 2);
    let mark = |ledger: &mut Ledger, partition, index| {
        ledger.mark(partition, index, &mut nowhere).unwrap()
    };
    assert_eq!(mark(&mut ledger, 0, 0), Seen::InOrder);
    assert_eq!(mark(&mut ledger, 0, 5), Seen::InOrder);
    assert_eq!(mark(&mut ledger, 1, 3), Seen::InOrder, "another partition");
    assert_eq!(mark(&mut ledger, 0, 4), Seen::Reordered);
    assert_eq!(mark(&mut ledger, 0, 4), Seen::Again);
    assert_eq!(mark(&mut ledger, 1, 6), Seen::InOrder);
}

#[test]
fn the_partition_of_a_record_decides_where_partitions_disagree() {
    // Partition 0 has the even ones and a later batch, partition 1 the odd ones and no more.
    let mut open = ledger(origin(0, 1), 2);
    bring(&mut open, 0, batch(0, 98, None), 2, &[50]);
    bring(&mut open, 1, batch(1, 49, None), 2, &[]);
    let mut parity = |index| Some(u32::try_from(index % 2).unwrap());
    open.finish(&mut parity);
    let gaps = open.gaps();
    assert!(gaps.contains(&gap(Fate::Lost, 50, 1, Some(0))), "{gaps:?}");
    let still: u64 = gaps.iter().filter(|gap| gap.fate == Fate::Open).map(|gap| gap.records).sum();
    assert_eq!(still, 24, "51 to 97 may still come: {gaps:?}");
    assert_eq!(gaps.len(), 25);
}

#[test]
fn a_partition_of_which_nothing_came_is_lost_rather_than_hidden() {
    let mut silent = ledger(origin(0, 1), 2);
    bring(&mut silent, 0, batch(1, 1, None), 1, &[]);
    silent.finish(&mut nowhere);
    assert_eq!(silent.gaps(), [gap(Fate::Lost, 0, 1, None)]);
    let chains = vec![Chain::default(), Chain::ending(None)];
    let mut known = Ledger::new(origin(0, 1), chains, 1, Beginning::Topic);
    bring(&mut known, 0, batch(1, 1, None), 1, &[]);
    known.finish(&mut nowhere);
    assert_eq!(known.gaps(), [], "it cannot have been the other one's either");
}

#[test]
fn a_known_end_is_expected_and_an_open_beginning_is_not() {
    let mut known = Ledger::new(origin(0, 1), vec![Chain::ending(Some(12))], 0, Beginning::Topic);
    bring(&mut known, 0, batch(0, 9, None), 1, &[]);
    known.finish(&mut nowhere);
    assert_eq!(known.gaps(), [gap(Fate::Lost, 10, 3, Some(0))]);

    let first = 3 * POSITIONS;
    for beginning in [Beginning::Live, Beginning::Kept] {
        let mut open = Ledger::new(origin(0, 1), vec![Chain::default()], first, beginning);
        open.note(0, batch(first, first + 9, Some(first - 3)), beginning);
        for index in first + 1..first + 10 {
            assert_eq!(open.mark(0, index, &mut nowhere), Some(Seen::InOrder));
        }
        open.finish(&mut nowhere);
        let mut expected =
            vec![gap(Fate::Dropped, first - 2, 2, Some(0)), gap(Fate::Lost, first, 1, Some(0))];
        if beginning == Beginning::Kept {
            // Half a ring before the first one, another partition could have brought it.
            let near = first - POSITIONS / 2;
            let gone = |from, records, partition| gap(Fate::Gone, from, records, partition);
            let all = [gone(0, near, None), gone(near, first - 2 - near, Some(0))];
            expected.splice(..0, all);
        }
        assert_eq!(open.gaps(), expected, "{beginning:?}");
    }
}

#[test]
fn what_is_before_the_first_that_is_there_is_gone_and_not_lost() {
    // Of partition 0 the beginning is there, of partition 1 all that is left is the end.
    let mut kept = ledger(origin(0, 1), 2);
    bring(&mut kept, 0, batch(0, 8, None), 2, &[4]);
    kept.note(1, batch(7, 9, Some(5)), Beginning::Kept);
    kept.mark(1, 7, &mut nowhere);
    kept.mark(1, 9, &mut nowhere);
    let mut parity = |index| Some(u32::try_from(index % 2).unwrap());
    kept.finish(&mut parity);
    let gone = |index| gap(Fate::Gone, index, 1, Some(1));
    assert_eq!(kept.gaps(), [gone(1), gone(3), gap(Fate::Lost, 4, 1, Some(0)), gone(5)]);
    // Of a partition of which nothing is left, all is gone, as far as a report says.
    let chains = vec![Chain::default(), Chain::ending(Some(3))];
    let mut silent = Ledger::new(origin(0, 1), chains, 0, Beginning::Kept);
    silent.note(0, batch(0, 4, None), Beginning::Kept);
    for index in [0, 2, 4] {
        silent.mark(0, index, &mut nowhere);
    }
    silent.finish(&mut parity);
    assert_eq!(silent.gaps(), [gone(1), gone(3)]);
}

#[test]
fn what_the_broker_let_go_of_unread_is_overrun_and_the_rest_is_judged() {
    let mut jumped = ledger(origin(0, 1), 1);
    bring(&mut jumped, 0, batch(0, 9, None), 1, &[4]);
    jumped.jump(0);
    // 10 to 29 were in what was passed over, 30 was dropped, 51 to 59 were lost.
    bring(&mut jumped, 0, batch(31, 50, Some(29)), 1, &[]);
    bring(&mut jumped, 0, batch(60, 60, Some(59)), 1, &[]);
    jumped.finish(&mut nowhere);
    let gap = |fate, first, records| gap(fate, first, records, Some(0));
    let expected = [
        gap(Fate::Lost, 4, 1),
        gap(Fate::Overrun, 10, 20),
        gap(Fate::Dropped, 30, 1),
        gap(Fate::Lost, 51, 9),
    ];
    assert_eq!(jumped.gaps(), expected);
}

#[test]
fn a_batch_that_cannot_be_is_not_believed() {
    let mut ledger = ledger(origin(0, 1), 1);
    bring(&mut ledger, 0, batch(0, 9, None), 1, &[]);
    ledger.note(0, batch(10, 1 << 60, Some(9)), Beginning::Topic);
    ledger.note(0, batch(20, 10, Some(9)), Beginning::Topic);
    assert!(ledger.is_near(9) && !ledger.is_near(1 << 60));
    ledger.finish(&mut nowhere);
    assert!(!ledger.has_gaps());
}
