//! The batches that one producer handed over to one partition, linked by what each says of the one
//! before: they tell a record that was dropped from one that was lost.
//!
//! A batch says which index its producer handed over last before it to the same partition. What
//! stands between that and its first record was not handed over; a batch never spans a record that
//! was dropped.

use std::collections::VecDeque;

use super::ring::POSITIONS;

/// One batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) first: u64,
    pub(super) last: u64,
    /// The last index before it; `None`: there is none.
    pub(super) previous: Option<u64>,
}

/// What the batches of a partition say of an index that was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It stood in a batch, if it belongs to this partition.
    Lost,
    /// No batch had it.
    Dropped,
    /// It was handed over before reading began, if it belongs to this partition.
    Before,
    /// Nothing came that is later.
    End,
    /// It is behind the last one that was ever sent to this partition.
    Behind,
}

/// The batches of a partition that matter still.
#[derive(Debug, Default)]
pub(super) struct Chain {
    batches: VecDeque<Batch>,
    /// Whether any batch was seen, or the end is known.
    pub(super) is_known: bool,
    /// Whatever was handed over up to this index was handed over before reading began.
    before: Option<u64>,
    /// Whether a report says where it ends.
    has_end: bool,
    /// The last index that was sent in all, if it has an end and there is one.
    end: Option<u64>,
    /// The highest index that was seen.
    pub(super) highest: Option<u64>,
}

impl Chain {
    /// Makes a chain whose last index is known.
    pub(super) fn ending(last: Option<u64>) -> Self {
        Self { is_known: true, has_end: true, end: last, ..Self::default() }
    }

    /// Returns the last index that was sent, where it is known.
    pub(super) const fn end(&self) -> Option<u64> {
        self.end
    }

    /// Adds a batch; `is_open`: reading began somewhere in the middle.
    pub(super) fn add(&mut self, batch: Batch, is_open: bool) {
        if self.batches.is_empty() && self.highest.is_none() && is_open {
            self.before = batch.previous;
        }
        self.is_known = true;
        let place = self.batches.partition_point(|known| known.first < batch.first);
        if self.batches.get(place).is_some_and(|known| known.first == batch.first) {
            return;
        }
        if self.batches.len() as u64 == POSITIONS {
            self.batches.pop_front();
        }
        let place = place.min(self.batches.len());
        self.batches.insert(place, batch);
    }

    /// Says what became of an index, and up to which index, exclusively, it says the same.
    pub(super) fn says(&self, index: u64) -> (Word, u64) {
        if let Some(before) = self.before.filter(|before| index <= *before) {
            return (Word::Before, before.saturating_add(1));
        }
        let place = self.batches.partition_point(|batch| batch.last < index);
        let Some(batch) = self.batches.get(place) else {
            return match self.end {
                Some(last) if index <= last => (Word::Lost, last.saturating_add(1)),
                _ if self.has_end => (Word::Behind, u64::MAX),
                _ => (Word::End, u64::MAX),
            };
        };
        match batch.previous {
            _ if index >= batch.first => (Word::Lost, batch.last.saturating_add(1)),
            Some(previous) if index <= previous => {
                (Word::Lost, previous.saturating_add(1).min(batch.first))
            }
            _ => (Word::Dropped, batch.first),
        }
    }

    /// Forgets the batches that end before an index.
    pub(super) fn forget_before(&mut self, index: u64) {
        while self.batches.front().is_some_and(|batch| batch.last < index) {
            self.batches.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(first: u64, last: u64, previous: Option<u64>) -> Batch {
        Batch { first, last, previous }
    }

    fn words(chain: &Chain, indices: std::ops::Range<u64>) -> String {
        let letter = |index| match chain.says(index).0 {
            Word::Lost => 'l',
            Word::Dropped => 'd',
            Word::Before => 'b',
            Word::End => 'e',
            Word::Behind => '-',
        };
        indices.map(letter).collect()
    }

    #[test]
    fn lost_is_what_stood_in_a_batch() {
        let mut chain = Chain::default();
        assert_eq!(chain.says(0), (Word::End, u64::MAX));
        chain.add(batch(2, 4, None), false);
        chain.add(batch(10, 11, Some(8)), false);
        // A batch that ended at 8 never came; of 9 nobody ever heard.
        assert_eq!(words(&chain, 0..14), "ddllllllldllee");
        assert_eq!(chain.says(5), (Word::Lost, 9));
        assert_eq!(chain.says(9), (Word::Dropped, 10));
        // It comes after all, and says that 5 and 6 were dropped.
        chain.add(batch(7, 8, Some(4)), false);
        assert_eq!(words(&chain, 0..14), "ddlllddlldllee");
        chain.add(batch(7, 8, Some(4)), false);
        chain.forget_before(9);
        assert_eq!(words(&chain, 9..14), "dllee");
    }

    #[test]
    fn what_came_before_is_not_lost_and_a_known_end_is_one() {
        let mut open = Chain::default();
        open.add(batch(10, 11, Some(8)), true);
        assert_eq!(words(&open, 7..13), "bbdlle");
        let mut ending = Chain::ending(Some(15));
        ending.add(batch(10, 11, None), false);
        assert_eq!(words(&ending, 9..18), "dllllll--");
        assert_eq!(words(&Chain::ending(None), 0..2), "--");
    }
}
