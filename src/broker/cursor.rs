//! Which of a topic's entries a subscription has acknowledged.
//!
//! Everything below one number, single entries above it, and of some batches single records: those
//! are a bit set of what is left to do, as the protocol's `ack_set` has it. Only entries that exist
//! are acknowledged, so that a cursor is no larger than the ring that it belongs to.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// The state of one subscription's acknowledgements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Everything below is acknowledged.
    next: u64,
    /// Acknowledged above `next`.
    above: BTreeSet<u64>,
    /// Batches of which some records are left: a set bit is one of these.
    left: BTreeMap<u64, Vec<i64>>,
}

impl Cursor {
    /// Makes a cursor for whom everything below `next` is done.
    pub(super) fn at(next: u64) -> Self {
        Self { next, ..Self::default() }
    }

    /// Returns the first entry that is not acknowledged.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Tells whether an entry is wholly acknowledged.
    pub(super) fn has(&self, entry: u64) -> bool {
        entry < self.next || self.above.contains(&entry)
    }

    /// Returns the records of a batch that are left; empty: all of them.
    pub(super) fn left(&self, entry: u64) -> &[i64] {
        self.left.get(&entry).map_or(&[], Vec::as_slice)
    }

    /// Acknowledges an entry, or of a batch the records whose bits `left` has not; an empty `left`
    /// is the whole entry.
    pub(super) fn acknowledge(&mut self, entry: u64, left: &[i64]) {
        if self.has(entry) || self.is_left(entry, left) {
            return;
        }
        self.left.remove(&entry);
        self.above.insert(entry);
        self.advance();
    }

    /// Acknowledges everything below an entry, and then the entry as [`Cursor::acknowledge`] does.
    pub(super) fn acknowledge_to(&mut self, entry: u64, left: &[i64]) {
        self.done_below(entry);
        self.acknowledge(entry, left);
    }

    /// Takes everything below an entry for done.
    pub(super) fn done_below(&mut self, entry: u64) {
        if self.next < entry {
            self.next = entry;
            self.above = self.above.split_off(&entry);
            self.left = self.left.split_off(&entry);
            self.advance();
        }
    }

    /// Notes what is left of a batch, and tells whether anything is.
    fn is_left(&mut self, entry: u64, left: &[i64]) -> bool {
        if left.iter().all(|word| *word == 0) {
            return false;
        }
        let known = self.left.entry(entry).or_insert_with(|| left.to_vec());
        // A client leaves out the words behind the last one with a bit.
        known.truncate(left.len());
        known.iter_mut().zip(left).for_each(|(word, left)| *word &= left);
        known.iter().any(|word| *word != 0)
    }

    fn advance(&mut self) {
        while self.above.remove(&self.next) {
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gaps_are_remembered_and_closed() {
        let mut cursor = Cursor::at(5);
        for entry in [7, 6, 9, 3] {
            cursor.acknowledge(entry, &[]);
        }
        assert_eq!(cursor.next(), 5);
        assert!(cursor.has(4) && !cursor.has(5) && cursor.has(6) && !cursor.has(8));
        cursor.acknowledge(5, &[]);
        assert_eq!(cursor.next(), 8);
        cursor.acknowledge_to(8, &[]);
        assert_eq!(cursor, Cursor::at(10));
        cursor.acknowledge_to(2, &[]);
        assert_eq!(cursor, Cursor::at(10), "nothing is taken back");
    }

    #[test]
    fn a_batch_is_done_when_none_of_its_records_is_left() {
        let mut cursor = Cursor::default();
        cursor.acknowledge(0, &[0b1110]);
        cursor.acknowledge(0, &[0b1011]);
        assert_eq!((cursor.next(), cursor.left(0)), (0, &[0b1010][..]));
        cursor.acknowledge(0, &[0b0101]);
        assert_eq!(cursor, Cursor::at(1));
        cursor.acknowledge_to(3, &[0, 1]);
        assert_eq!((cursor.next(), cursor.left(3)), (3, &[0, 1][..]));
        cursor.acknowledge(3, &[0xff]);
        assert_eq!(cursor, Cursor::at(4), "what is left was only in the second word");
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_acknowledged_entries(
            acks in prop::collection::vec((0_u64..60, any::<bool>()), 0..80)
        ) {
            let (mut cursor, mut model) = (Cursor::default(), BTreeSet::new());
            for (entry, is_cumulative) in acks {
                if is_cumulative && entry % 5 == 0 {
                    cursor.acknowledge_to(entry, &[]);
                    model.extend(0..=entry);
                } else {
                    cursor.acknowledge(entry, &[]);
                    model.insert(entry);
                }
            }
            for entry in 0..70 {
                prop_assert_eq!(cursor.has(entry), model.contains(&entry));
            }
            let first = (0..=60).find(|entry| !model.contains(entry)).unwrap();
            prop_assert_eq!(cursor.next(), first);
            prop_assert!(cursor.above.first().is_none_or(|entry| *entry > first));
        }
    }
}
