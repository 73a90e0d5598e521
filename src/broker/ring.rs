//! A topic's newest entries, as many as its bytes allow, kept as they came.
//!
//! An entry is the part of a SEND's frame that a MESSAGE's frame repeats: checksum, metadata and
//! payload. A reader is served by copying it. Entries are numbered from 0 without a gap, so that
//! whoever misses some sees it by their numbers.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_util::bytes::Bytes;

/// One entry.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// From the checksum's marker to the end of the payload.
    pub(super) body: Bytes,
    /// Records in it, as its metadata promise.
    pub(super) records: u32,
    /// Tells a batch, even of one record, from a record by itself.
    pub(super) is_batch: bool,
    /// When its producer made it, in milliseconds since 1970-01-01 UTC.
    pub(super) publish_time_ms: u64,
    /// The producer, by the name that the broker knows.
    pub(super) producer_name: Arc<str>,
}

impl Kept {
    /// Returns what the entry counts for: its bytes, and a fixed part so that empty ones are not
    /// free.
    fn bytes(&self) -> usize {
        self.body.len() + size_of::<Self>()
    }
}

/// The newest entries, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ring {
    entries: VecDeque<Kept>,
    bytes: usize,
    /// The number that the next entry gets.
    end: u64,
}

impl Ring {
    /// Appends an entry.
    pub(super) fn push(&mut self, entry: Kept) {
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        self.end += 1;
    }

    /// Numbers an entry that is not kept. What is older is let go, since numbers have no gap.
    pub(super) fn pass(&mut self) {
        self.entries.clear();
        self.bytes = 0;
        self.end += 1;
    }

    /// Lets the oldest entry go.
    pub(super) fn pop(&mut self) {
        if let Some(oldest) = self.entries.pop_front() {
            self.bytes -= oldest.bytes();
        }
    }

    /// Returns the bytes that the entries count for.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of the oldest entry, or of the next one when there is none.
    pub(super) fn first(&self) -> u64 {
        self.end - self.entries.len() as u64
    }

    /// Returns the number that the next entry gets.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Returns an entry by its number, if it is kept.
    pub(super) fn get(&self, number: u64) -> Option<&Kept> {
        let place = number.checked_sub(self.first())?;
        self.entries.get(usize::try_from(place).ok()?)
    }

    /// Returns the kept entries, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.entries.iter()
    }

    /// Returns the number of the first entry that was made at that time or later.
    pub(super) fn first_since(&self, publish_time_ms: u64) -> u64 {
        let older = self.iter().position(|entry| entry.publish_time_ms >= publish_time_ms);
        older.map_or(self.end, |place| self.first() + place as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Kept {
        Kept {
            body: Bytes::from(vec![0; 100]),
            records: 1,
            is_batch: false,
            publish_time_ms: number * 10,
            producer_name: "p".into(),
        }
    }

    #[test]
    fn entries_keep_their_numbers() {
        let mut ring = Ring::default();
        assert_eq!((ring.first(), ring.end(), ring.get(0).is_none()), (0, 0, true));
        for number in 0..10 {
            ring.push(entry(number));
        }
        for _ in 0..4 {
            ring.pop();
        }
        assert_eq!((ring.first(), ring.end()), (4, 10));
        assert!(ring.get(3).is_none() && ring.get(10).is_none());
        assert_eq!(ring.get(4).unwrap().publish_time_ms, 40);
        assert_eq!(ring.get(9).unwrap().publish_time_ms, 90);
        assert_eq!(ring.bytes(), 6 * entry(0).bytes());
        ring.pass();
        assert_eq!((ring.first(), ring.end(), ring.bytes()), (11, 11, 0));
        ring.pop();
        assert_eq!((ring.first(), ring.end()), (11, 11));
    }

    #[test]
    fn a_time_is_found_among_what_is_kept() {
        let mut ring = Ring::default();
        (0..10).for_each(|number| ring.push(entry(number)));
        ring.pop();
        for (time, number) in [(0, 1), (10, 1), (11, 2), (90, 9), (91, 10)] {
            assert_eq!(ring.first_since(time), number, "{time}");
        }
    }
}
