//! What is known of one producer: which of its records were seen, in which order, and what became
//! of those that were not.
//!
//! What it holds is bounded: a ring of bits, and the batches whose records are in the ring.

use std::ops::Range;

use super::chain::Batch;
use super::chain::Chain;
use super::chain::Word;
use super::origin::Origin;
use super::ring::Mark;
use super::ring::POSITIONS;
use super::ring::Ring;

/// Records whose partitions are asked for one by one, at most, to tell what became of them.
const ASKED_MAX: u64 = 100_000;

/// What a record that came is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It comes for the first time and in order.
    InOrder,
    /// It comes for the first time, behind a later one of its partition.
    Reordered,
    /// It came before.
    Again,
    /// It came before, or so late that it was taken to be missing.
    AgainOrLate,
}

/// What became of records that did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The producer handed them over.
    Lost,
    /// The producer never did, and says so.
    Dropped,
    /// Nobody knows yet: they may come.
    Open,
    /// They were before the first message that is there: the broker let go of them, or lost them.
    Gone,
    /// The broker let go of them before they were read.
    Overrun,
}

/// What is known of what was before the first message of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Nothing: the topic begins there.
    Topic,
    /// Something that is not there any more, or nothing.
    Kept,
    /// Whatever came before reading began, which is nobody's business.
    Live,
}

/// Records that did not come: of the producer's stream, so many from an index on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) fate: Fate,
    pub(super) first: u64,
    pub(super) records: u64,
    /// Where it is known.
    pub(super) partition: Option<u32>,
}

/// What the partitions say of an index.
enum Agreement {
    /// Different things.
    None,
    /// That it is nobody's business.
    Silence,
    /// What became of it, and where it belongs if there is only one partition.
    Fate(Fate, Option<u32>),
}

/// Tells the partition of an index, where that follows from it alone.
pub(super) type PartitionOf<'a> = &'a mut dyn FnMut(u64) -> Option<u32>;

/// What is known of a producer.
#[derive(Debug)]
pub(super) struct Ledger {
    origin: Origin,
    ring: Ring,
    /// One a partition.
    chains: Vec<Chain>,
    /// The position behind the last one that is known to exist.
    end: u64,
    beginning: Beginning,
    /// The position that the ring began with.
    start: u64,
    gaps: Vec<Gap>,
}

impl Ledger {
    /// Opens the ledger of a producer of which `first`, an index, came first; where the topic
    /// begins, it begins with its first record.
    pub(super) fn new(
        origin: Origin,
        mut chains: Vec<Chain>,
        first: u64,
        beginning: Beginning,
    ) -> Self {
        let known = origin.position(first).unwrap_or_default();
        let is_whole = beginning == Beginning::Topic;
        // Another partition may bring what is earlier.
        let start = if is_whole { 0 } else { known.saturating_sub(POSITIONS / 2) };
        if !is_whole {
            chains.iter_mut().for_each(Chain::open);
        }
        let ends = chains.iter().filter_map(Chain::end);
        let end = ends.filter_map(|last| origin.position(last)).max().map_or(0, |last| last + 1);
        let ring = Ring::from(start);
        let start = ring.start();
        Self { origin, ring, chains, end, beginning, start, gaps: Vec::new() }
    }

    /// Returns what its batches say of it.
    pub(super) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns how many partitions its topic has.
    pub(super) fn partitions(&self) -> u32 {
        u32::try_from(self.chains.len()).unwrap_or(u32::MAX)
    }

    /// Returns whether a batch that ends with this index would push out what may still come.
    pub(super) fn would_lose(&self, last: u64) -> bool {
        self.origin.position(last).is_some_and(|position| self.ring.would_lose(position))
    }

    /// Notes that messages of a partition were passed over.
    pub(super) fn jump(&mut self, partition: u32) {
        self.chains.get_mut(partition as usize).into_iter().for_each(Chain::jump);
    }

    /// Notes a batch that came. What it says of itself is believed as far as it can be.
    pub(super) fn note(&mut self, partition: u32, batch: Batch, beginning: Beginning) {
        let (first, last) = (self.origin.position(batch.first), self.origin.position(batch.last));
        let (Some(first), Some(last)) = (first, last) else { return };
        // No batch has more records than the ring has places.
        if first <= last && last - first <= POSITIONS {
            self.end = self.end.max(last + 1);
            if let Some(chain) = self.chains.get_mut(partition as usize) {
                chain.add(batch, beginning != Beginning::Topic);
            }
        }
    }

    /// Returns whether an index is near enough to what is known that a record with this index and
    /// other bytes is likely to be that record.
    pub(super) fn is_near(&self, index: u64) -> bool {
        let near = self.ring.start()..self.ring.end().saturating_add(POSITIONS);
        self.origin.position(index).is_some_and(|position| near.contains(&position))
    }

    /// Marks a record as seen; `None`: the index is another stream's.
    #[inline]
    pub(super) fn mark(
        &mut self,
        partition: u32,
        index: u64,
        partition_of: PartitionOf<'_>,
    ) -> Option<Seen> {
        let position = self.origin.position(index)?;
        if position >= self.ring.end() {
            self.make_room(position, partition_of);
        }
        self.end = self.end.max(position + 1);
        let chain = self.chains.get_mut(partition as usize)?;
        Some(match self.ring.mark(position) {
            Mark::New if chain.highest.is_none_or(|highest| index > highest) => {
                chain.highest = Some(index);
                Seen::InOrder
            }
            Mark::New => Seen::Reordered,
            Mark::Again => Seen::Again,
            Mark::Late => Seen::AgainOrLate,
        })
    }

    #[cold]
    fn make_room(&mut self, position: u64, partition_of: PartitionOf<'_>) {
        let mut unseen = Vec::new();
        self.ring.reach(position, |range| unseen.push(range));
        self.judge(unseen, partition_of);
        let start = self.origin.index(self.ring.start());
        self.chains.iter_mut().for_each(|chain| chain.forget_before(start));
    }

    /// Ends: everything that is known to exist and did not come is judged.
    pub(super) fn finish(&mut self, partition_of: PartitionOf<'_>) {
        let mut unseen = Vec::new();
        self.ring.finish(self.end, |range| unseen.push(range));
        if self.beginning == Beginning::Kept && self.start > 0 {
            self.tell(Fate::Gone, 0..self.start, None);
        }
        self.judge(unseen, partition_of);
    }

    /// Takes what has not come.
    pub(super) fn gaps(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.gaps)
    }

    /// Returns whether there is something for [`Ledger::gaps`] to take.
    pub(super) const fn has_gaps(&self) -> bool {
        !self.gaps.is_empty()
    }

    fn judge(&mut self, unseen: Vec<Range<u64>>, partition_of: PartitionOf<'_>) {
        for range in unseen {
            let mut at = range.start;
            while at < range.end {
                let (agreement, end) = self.agreed(at);
                let end = end.min(range.end);
                match agreement {
                    Agreement::Fate(fate, partition) => self.tell(fate, at..end, partition),
                    Agreement::Silence => {}
                    Agreement::None => self.judge_one_by_one(at..end, partition_of),
                }
                at = end;
            }
        }
    }

    /// Returns what the partitions say of a position, and up to which one they say the same.
    fn agreed(&self, position: u64) -> (Agreement, u64) {
        let index = self.origin.index(position);
        let mut until = u64::MAX;
        let mut words = (0..).zip(&self.chains).filter(|(_, chain)| chain.is_known).map(|it| {
            let (word, end) = it.1.says(index);
            until = until.min(end);
            (it.0, word)
        });
        let first = words.next();
        let mut is_agreed = true;
        let mut known = usize::from(first.is_some());
        for (_, word) in words {
            known += 1;
            is_agreed &= first.is_some_and(|(_, first)| first == word);
        }
        let is_whole = known == self.chains.len();
        let agreement = match first {
            Some((partition, word)) if is_agreed && is_whole => {
                let only = (known == 1).then_some(partition);
                let fate = self.fate(Some(word));
                fate.map_or(Agreement::Silence, |fate| Agreement::Fate(fate, only))
            }
            _ => Agreement::None,
        };
        // From the index back to the first position that is not below it.
        let distance = (until - index.min(until)).div_ceil(self.origin.streams.into());
        (agreement, position.saturating_add(distance.max(1)))
    }

    /// Returns what follows from the word of the partition that an index belongs to.
    fn fate(&self, word: Option<Word>) -> Option<Fate> {
        match word {
            Some(Word::Dropped) => Some(Fate::Dropped),
            // A run that counts it counts it as dropped, if it came to be due at all.
            Some(Word::Behind) => None,
            Some(Word::End) => Some(Fate::Open),
            Some(Word::Overrun) => Some(Fate::Overrun),
            // Nothing at all came to this partition.
            None if self.beginning == Beginning::Topic => Some(Fate::Lost),
            Some(Word::Before) | None => (self.beginning != Beginning::Live).then_some(Fate::Gone),
            Some(Word::Lost) => Some(Fate::Lost),
        }
    }

    /// Judges positions of which the partitions say different things.
    fn judge_one_by_one(&mut self, positions: Range<u64>, partition_of: PartitionOf<'_>) {
        let are_asked = positions.end - positions.start <= ASKED_MAX;
        let mut at = positions.start;
        while at < positions.end {
            let index = self.origin.index(at);
            let own = if are_asked { partition_of(index) } else { None };
            let own = own.filter(|own| (*own as usize) < self.chains.len());
            let (fate, end) = match own {
                Some(own) => {
                    let chain = &self.chains[own as usize];
                    let word = chain.is_known.then(|| chain.says(index).0);
                    (self.fate(word), at + 1)
                }
                None => (self.most_likely(index), positions.end),
            };
            if let Some(fate) = fate {
                self.tell(fate, at..end, own);
            }
            at = end;
        }
    }

    /// Returns what most likely became of an index whose partition is not known: a loss is rather
    /// told than hidden, but for what may have come before, or may still come.
    fn most_likely(&self, index: u64) -> Option<Fate> {
        let known = self.chains.iter().filter(|chain| chain.is_known);
        let words: Vec<Word> = known.map(|chain| chain.says(index).0).collect();
        let likely = [Word::Before, Word::Overrun, Word::End, Word::Lost];
        match likely.into_iter().find(|likely| words.contains(likely)) {
            Some(word) => self.fate(Some(word)),
            None if words.len() < self.chains.len() => self.fate(None),
            None if words.contains(&Word::Behind) => None,
            None => Some(Fate::Dropped),
        }
    }

    fn tell(&mut self, fate: Fate, positions: Range<u64>, partition: Option<u32>) {
        let first = self.origin.index(positions.start);
        let records = positions.end - positions.start;
        self.gaps.push(Gap { fate, first, records, partition });
    }
}

#[cfg(test)]
#[path = "ledger/tests.rs"]
mod tests;
