//! Which of a stream's newest records have been seen: one bit each, in a ring.
//!
//! What leaves the ring unseen is reported then; what comes later than that cannot be told from a
//! repeated one. It slides by whole words.

use std::ops::Range;

/// Positions that are told apart at a time. Of what several partitions bring, none may be further
/// behind the others than this.
pub(super) const POSITIONS: u64 = 512 * 1024;

const BITS: u64 = u64::BITS as u64;
const WORDS: u64 = POSITIONS / BITS;

/// What marking a position found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It comes for the first time.
    New,
    /// It came before.
    Again,
    /// It has left the ring.
    Late,
}

#[derive(Debug)]
pub(super) struct Ring {
    words: Box<[u64]>,
    /// The first word that is in the ring, counted from position 0.
    base: u64,
}

/// Returns the place of a word in the ring.
#[inline]
const fn place(word: u64) -> usize {
    (word % WORDS) as usize
}

impl Ring {
    /// Makes a ring in which `position` and all behind it have a place.
    pub(super) fn from(position: u64) -> Self {
        Self { words: vec![0; place(WORDS - 1) + 1].into(), base: position / BITS }
    }

    /// Returns the first position in the ring.
    pub(super) const fn start(&self) -> u64 {
        self.base * BITS
    }

    /// Returns the position behind the last one in the ring.
    pub(super) const fn end(&self) -> u64 {
        self.start().saturating_add(POSITIONS)
    }

    /// Returns whether a position would push others out that have not been seen.
    pub(super) fn would_lose(&self, position: u64) -> bool {
        let slide = self.slide_for(position);
        slide > WORDS || (self.base..self.base + slide).any(|word| self.words[place(word)] != !0)
    }

    /// Returns by how many words the ring has to slide for a position.
    #[inline]
    const fn slide_for(&self, position: u64) -> u64 {
        (position / BITS + 1).saturating_sub(self.base + WORDS)
    }

    /// Marks a position, after [`Ring::reach`].
    #[inline]
    pub(super) fn mark(&mut self, position: u64) -> Mark {
        let (word, bit) = (position / BITS, 1 << (position % BITS));
        if word < self.base {
            return Mark::Late;
        }
        let slot = &mut self.words[place(word)];
        let is_new = *slot & bit == 0;
        *slot |= bit;
        if is_new { Mark::New } else { Mark::Again }
    }

    /// Slides until a position has its place; `unseen` is told which positions left unseen.
    #[inline]
    pub(super) fn reach(&mut self, position: u64, unseen: impl FnMut(Range<u64>)) {
        let slide = self.slide_for(position);
        if slide > 0 {
            self.slide(slide, unseen);
        }
    }

    /// Ends: tells of every position below `end` that was not seen.
    pub(super) fn finish(&mut self, end: u64, mut unseen: impl FnMut(Range<u64>)) {
        let words = end.div_ceil(BITS).saturating_sub(self.base);
        self.slide(words, |range| {
            if range.start < end {
                unseen(range.start..range.end.min(end));
            }
        });
    }

    fn slide(&mut self, words: u64, mut unseen: impl FnMut(Range<u64>)) {
        let mut open: Option<Range<u64>> = None;
        let mut tell = |range: Range<u64>| match &mut open {
            Some(open) if open.end == range.start => open.end = range.end,
            open => {
                if let Some(told) = open.replace(range) {
                    unseen(told);
                }
            }
        };
        for word in self.base..self.base + words.min(WORDS) {
            let mut absent = !std::mem::take(&mut self.words[place(word)]);
            while absent != 0 {
                let bit = u64::from(absent.trailing_zeros());
                tell(word * BITS + bit..word * BITS + bit + 1);
                absent &= absent - 1;
            }
        }
        let (slid, base) = (self.base + words.min(WORDS), self.base.saturating_add(words));
        if base > slid {
            tell(slid * BITS..base.saturating_mul(BITS));
        }
        self.base = base;
        if let Some(told) = open {
            unseen(told);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn marked(ring: &mut Ring, position: u64, unseen: &mut Vec<Range<u64>>) -> Mark {
        ring.reach(position, |range| unseen.push(range));
        ring.mark(position)
    }

    #[test]
    fn what_leaves_unseen_is_told_once_and_what_comes_later_is_late() {
        let (mut ring, mut unseen) = (Ring::from(0), Vec::new());
        for position in (0..POSITIONS).filter(|position| ![3, 4, 700].contains(position)) {
            assert!(!ring.would_lose(position));
            assert_eq!(marked(&mut ring, position, &mut unseen), Mark::New);
        }
        assert_eq!(marked(&mut ring, 5, &mut unseen), Mark::Again);
        assert!(unseen.is_empty() && ring.would_lose(POSITIONS));
        assert_eq!(marked(&mut ring, POSITIONS, &mut unseen), Mark::New);
        assert_eq!((unseen.len(), unseen[0].clone()), (1, 3..5));
        assert_eq!(marked(&mut ring, 4, &mut unseen), Mark::Late);
        assert_eq!(marked(&mut ring, 700, &mut unseen), Mark::New);
        ring.finish(POSITIONS + 3, |range| unseen.push(range));
        assert_eq!(unseen, [3..5, POSITIONS + 1..POSITIONS + 3]);
    }

    #[test]
    fn a_leap_is_told_as_ranges() {
        let (mut ring, mut unseen) = (Ring::from(100), Vec::new());
        assert_eq!(marked(&mut ring, 130, &mut unseen), Mark::New);
        assert_eq!(marked(&mut ring, 1 << 60, &mut unseen), Mark::New);
        let behind = (1 << 60) + BITS - POSITIONS;
        assert_eq!(unseen, [64..130, 131..behind]);
        ring.finish(u64::MAX, |range| unseen.push(range));
        assert_eq!(unseen.last().unwrap().end, u64::MAX);
    }

    proptest! {
        /// Every position below the end was marked new or is told to be unseen, and never both.
        #[test]
        fn each_position_has_one_end(steps in proptest::collection::vec(0..200_000_u64, 1..60)) {
            let (mut ring, mut unseen, mut new) = (Ring::from(0), Vec::new(), BTreeSet::new());
            let mut at = 0_u64;
            for step in steps {
                // Mostly on, sometimes back.
                at = if step % 3 == 0 { at.saturating_sub(step) } else { at + step };
                if marked(&mut ring, at, &mut unseen) == Mark::New {
                    prop_assert!(new.insert(at));
                }
            }
            let end = new.last().unwrap() + 5;
            ring.finish(end, |range| unseen.push(range));
            let mut told: Vec<Range<u64>> = new.iter().map(|at| *at..*at + 1).collect();
            told.extend(unseen);
            told.sort_by_key(|range| range.start);
            let mut next = 0;
            for range in told {
                prop_assert_eq!(range.start, next);
                next = range.end;
            }
            prop_assert_eq!(next, end);
        }
    }
}
