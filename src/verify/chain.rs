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
    /// It was handed over before the first message that was read, if it belongs to this partition.
    Before,
    /// It stood in a message that the broker let go of before that was read, if it belongs to this
    /// partition.
    Overrun,
    /// Nothing came that is later.
    End,
    /// It is behind the last one that was ever sent to this partition.
    Behind,
}

/// A batch that came.
#[derive(Debug)]
struct Came {
    batch: Batch,
    /// Whether messages of the partition were passed over since the last one.
    is_behind_jump: bool,
}

/// The batches of a partition that matter still.
#[derive(Debug, Default)]
pub(super) struct Chain {
    batches: VecDeque<Came>,
    /// Whether any batch was seen, or the end is known.
    pub(super) is_known: bool,
    /// Whatever was handed over up to this index was handed over before the first message.
    before: Option<u64>,
    /// Whether messages were passed over since the last batch.
    has_jumped: bool,
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

    /// Opens the chain: unless a batch comes, all of it was before the first message.
    pub(super) const fn open(&mut self) {
        self.before = self.end;
    }

    /// Notes that messages of the partition were passed over.
    pub(super) const fn jump(&mut self) {
        self.has_jumped = true;
    }

    /// Adds a batch; `is_open`: others may have been before the first message.
    pub(super) fn add(&mut self, batch: Batch, is_open: bool) {
        if self.batches.is_empty() && self.highest.is_none() {
            self.before = batch.previous.filter(|_| is_open);
        }
        self.is_known = true;
        let place = self.batches.partition_point(|known| known.batch.first < batch.first);
        if self.batches.get(place).is_some_and(|known| known.batch.first == batch.first) {
            return;
        }
        // One that comes again says nothing of what was passed over.
        let is_new = self.highest.is_none_or(|highest| batch.first > highest);
        let is_behind_jump = is_new && std::mem::take(&mut self.has_jumped);
        if self.batches.len() as u64 == POSITIONS {
            self.batches.pop_front();
        }
        let place = place.min(self.batches.len());
        self.batches.insert(place, Came { batch, is_behind_jump });
    }

    /// Says what became of an index, and up to which index, exclusively, it says the same.
    pub(super) fn says(&self, index: u64) -> (Word, u64) {
        if let Some(before) = self.before.filter(|before| index <= *before) {
            return (Word::Before, before.saturating_add(1));
        }
        let absent = |is_behind_jump| if is_behind_jump { Word::Overrun } else { Word::Lost };
        let place = self.batches.partition_point(|known| known.batch.last < index);
        let Some(Came { batch, is_behind_jump }) = self.batches.get(place) else {
            return match self.end {
                Some(last) if index <= last => (absent(self.has_jumped), last.saturating_add(1)),
                _ if self.has_end => (Word::Behind, u64::MAX),
                _ if self.has_jumped => (Word::Overrun, u64::MAX),
                _ => (Word::End, u64::MAX),
            };
        };
        match batch.previous {
            _ if index >= batch.first => (Word::Lost, batch.last.saturating_add(1)),
            Some(previous) if index <= previous => {
                (absent(*is_behind_jump), previous.saturating_add(1).min(batch.first))
            }
            _ => (Word::Dropped, batch.first),
        }
    }

    /// Forgets the batches that end before an index.
    pub(super) fn forget_before(&mut self, index: u64) {
        while self.batches.front().is_some_and(|known| known.batch.last < index) {
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
            Word::Overrun => 'o',
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
        let mut silent = Chain::ending(Some(1));
        silent.open();
        assert_eq!(words(&silent, 0..4), "bb--");
        silent.add(batch(1, 1, None), false);
        assert_eq!(words(&silent, 0..4), "dl--");
    }

    #[test]
    fn what_was_passed_over_is_overrun_up_to_the_next_batch() {
        let mut chain = Chain::default();
        chain.add(batch(0, 1, None), false);
        chain.highest = Some(1);
        chain.jump();
        assert_eq!(words(&chain, 0..4), "lloo", "nobody knows how far it goes");
        chain.add(batch(0, 1, None), false);
        chain.add(batch(5, 6, Some(3)), false);
        chain.highest = Some(6);
        chain.add(batch(10, 10, Some(8)), false);
        // 2 and 3 were passed over, 4 was dropped, 7 and 8 were lost, 9 was dropped.
        assert_eq!(words(&chain, 0..12), "lloodlllldle");
        let mut ending = Chain::ending(Some(3));
        ending.add(batch(0, 1, None), false);
        ending.jump();
        assert_eq!(words(&ending, 0..5), "lloo-");
    }
}
