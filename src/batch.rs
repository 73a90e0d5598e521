//! A batch: ascending records of one stream for one partition, in one reusable buffer.
//!
//! The buffer is filled by a lane through a [`Sealer`], which lays the bytes out as the transport
//! wants them, and is owned by one thread at a time. Its vectors are allocated once and never grow.

use std::ops::Range;

use crate::memory;

mod compression;
mod decompression;
mod frame;

pub use compression::Compression;
pub use compression::Compressor;
pub use decompression::Decompressor;
pub use frame::FrameSealer;
pub use frame::FrameSealerParts;
pub use frame::ProducerHead;

/// As much as most records take: fetching more would fetch what is not needed.
const FETCHED_BYTES_MAX: usize = 320;

/// Room for every batch of one lane: what a buffer is made with.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchLimits {
    /// Records at most.
    pub records_max: usize,
    /// Bytes at most, all records with what the sealer adds to each.
    pub bytes_max: usize,
    /// Bytes of one record at most, with key and what the sealer adds: with less room a batch is
    /// full.
    pub record_bytes_max: usize,
    /// Bytes that the sealer puts before all of them.
    pub head_bytes: usize,
    /// Bytes that compressing may add at worst.
    pub spare_bytes: usize,
    /// Whether the sealer notes the border of each record.
    pub are_noted: bool,
}

impl BatchLimits {
    /// Returns the bytes of a buffer.
    #[must_use]
    pub const fn buffer_bytes(&self) -> usize {
        self.head_bytes + self.bytes_max + self.spare_bytes
    }
}

/// What stands beside a record's payload.
#[derive(Clone, Copy, Debug)]
pub struct RecordHead<'key> {
    /// The global index.
    pub index: u64,
    /// When it is due, in nanoseconds since the run's start.
    pub due_ns: u64,
    /// Its event time, in milliseconds since 1970.
    pub event_time_ms: u64,
    /// Its message key; empty: none.
    pub key: &'key [u8],
}

/// Where a record stands in its batch's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordBorder {
    /// Its event time, in milliseconds since 1970.
    pub event_time_ms: u64,
    /// Where its key starts; the payload follows the key.
    pub key_start: u32,
    /// Where its payload starts.
    pub payload_start: u32,
    /// Where its payload ends.
    pub payload_end: u32,
}

/// One buffer and what is in it.
#[derive(Debug)]
pub struct Batch {
    /// The lane that the buffer returns to.
    pub lane: u32,
    /// The stream that the records belong to.
    pub stream: u32,
    /// The partition that they go to.
    pub partition: u32,
    /// The producer of that stream on that partition, among all of the run.
    pub producer: u32,
    /// The global index of the first record.
    pub first_index: u64,
    /// The global index of the last record.
    pub last_index: u64,
    /// The last index that this producer handed over before, if any.
    pub previous_index: Option<u64>,
    /// When the first record is due, in nanoseconds since the run's start.
    pub first_due_ns: u64,
    /// When the last record is due: the batch leaves then.
    pub last_due_ns: u64,
    /// When each record is due.
    pub due_ns: Vec<u64>,
    /// The bytes of all records, without what the sealer adds.
    pub payload_bytes: u64,
    /// The bytes, as the sealer lays them out; what stands outside of `used` means nothing.
    bytes: Box<[u8]>,
    used: Range<usize>,
    /// Where each record stands in them, where the sealer notes it.
    pub borders: Vec<RecordBorder>,
    limits: BatchLimits,
}

impl Batch {
    /// Allocates an empty buffer of a lane.
    #[must_use]
    pub fn new(lane: u32, limits: BatchLimits) -> Self {
        Self {
            lane,
            stream: 0,
            partition: 0,
            producer: 0,
            first_index: 0,
            last_index: 0,
            previous_index: None,
            first_due_ns: 0,
            last_due_ns: 0,
            due_ns: Vec::with_capacity(limits.records_max),
            payload_bytes: 0,
            // Zeroed by the kernel page by page: what a buffer never uses is never resident.
            bytes: vec![0; limits.buffer_bytes()].into(),
            used: 0..0,
            borders: Vec::with_capacity(if limits.are_noted { limits.records_max } else { 0 }),
            limits,
        }
    }

    /// Empties the buffer for the next records of a stream and partition, and their producer.
    pub fn begin(&mut self, stream: u32, partition: u32, producer: u32) {
        self.stream = stream;
        self.partition = partition;
        self.producer = producer;
        self.used = self.limits.head_bytes..self.limits.head_bytes;
        self.payload_bytes = 0;
        self.due_ns.clear();
        self.borders.clear();
    }

    /// Returns how many records are in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.due_ns.len()
    }

    /// Returns whether no record is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.due_ns.is_empty()
    }

    /// Returns whether one more record might not fit.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        let bytes = self.used.end - self.limits.head_bytes;
        self.len() >= self.limits.records_max
            || bytes + self.limits.record_bytes_max > self.limits.bytes_max
    }

    /// Returns the room behind what is written: at least the most bytes of a record, unless full.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.used.end..]
    }

    /// Has the processor fetch the room that the next record is written to.
    pub fn fetch_room(&self) {
        let length = self.limits.record_bytes_max.min(FETCHED_BYTES_MAX);
        memory::fetch(&self.bytes, self.used.end..self.used.end + length);
        memory::fetch(&self.due_ns, self.len()..self.len() + 1);
    }

    /// Notes that so many bytes were written to the room.
    pub const fn advance(&mut self, bytes: usize) {
        self.used.end += bytes;
    }

    /// Returns what was written so far: once sealed, the finished frame.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.used.clone()]
    }

    /// Returns where the next byte goes; buffers are far smaller than 4 GiB.
    fn position(&self) -> u32 {
        u32::try_from(self.used.end).unwrap_or(u32::MAX)
    }

    /// Notes a record whose payload follows.
    fn note(&mut self, head: &RecordHead<'_>) {
        if self.is_empty() {
            self.first_index = head.index;
            self.first_due_ns = head.due_ns;
        }
        self.last_index = head.index;
        self.last_due_ns = head.due_ns;
        self.due_ns.push(head.due_ns);
    }

    /// Returns a record's key and payload.
    #[must_use]
    pub fn key_and_payload(&self, border: &RecordBorder) -> (&[u8], &[u8]) {
        let at = |position: u32| position as usize;
        let key = &self.bytes[at(border.key_start)..at(border.payload_start)];
        (key, &self.bytes[at(border.payload_start)..at(border.payload_end)])
    }
}

/// Lays records out in a batch as the transport wants them.
///
/// Between `open` and `close` the payload is written to the batch's room.
pub trait Sealer {
    /// Writes what stands before the payload.
    fn open(&mut self, batch: &mut Batch, head: &RecordHead<'_>);
    /// Writes what stands after the payload.
    fn close(&mut self, batch: &mut Batch);
    /// Finishes the batch; nothing is appended after that.
    fn seal(&mut self, batch: &mut Batch);
}

/// Lays out bare records with their borders: what the `client` transport sends one by one.
#[derive(Debug, Default)]
pub struct RecordSealer;

impl Sealer for RecordSealer {
    fn open(&mut self, batch: &mut Batch, head: &RecordHead<'_>) {
        batch.note(head);
        let key_start = batch.position();
        batch.room()[..head.key.len()].copy_from_slice(head.key);
        batch.advance(head.key.len());
        let payload_start = batch.position();
        batch.borders.push(RecordBorder {
            event_time_ms: head.event_time_ms,
            key_start,
            payload_start,
            payload_end: payload_start,
        });
    }

    fn close(&mut self, batch: &mut Batch) {
        let end = batch.position();
        if let Some(border) = batch.borders.last_mut() {
            border.payload_end = end;
            batch.payload_bytes += u64::from(end - border.payload_start);
        }
    }

    fn seal(&mut self, _batch: &mut Batch) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_find_keys_and_payloads_again() {
        let limits = BatchLimits {
            records_max: 3,
            bytes_max: 100,
            record_bytes_max: 10,
            ..BatchLimits::default()
        };
        let (mut batch, mut sealer) = (Batch::new(0, limits), RecordSealer);
        batch.begin(1, 2, 3);
        for (index, key, payload) in [(5, "a", "first"), (9, "", "second"), (13, "ccc", "")] {
            assert!(!batch.is_full());
            let key = str::as_bytes(key);
            let head = RecordHead { index, due_ns: index * 10, event_time_ms: 1, key };
            sealer.open(&mut batch, &head);
            batch.room()[..payload.len()].copy_from_slice(payload.as_bytes());
            batch.advance(payload.len());
            sealer.close(&mut batch);
        }
        sealer.seal(&mut batch);
        assert!(batch.is_full());
        assert_eq!((batch.first_index, batch.last_index), (5, 13));
        assert_eq!((batch.first_due_ns, batch.last_due_ns), (50, 130));
        let found: Vec<_> = batch.borders.iter().map(|r| batch.key_and_payload(r)).collect();
        let expected: [(&[u8], &[u8]); 3] = [(b"a", b"first"), (b"", b"second"), (b"ccc", b"")];
        assert_eq!(found, expected);
        assert_eq!(batch.payload_bytes, 11);
    }

    #[test]
    fn a_batch_is_full_before_a_record_could_make_it_grow() {
        let limits = BatchLimits {
            records_max: 100,
            bytes_max: 25,
            record_bytes_max: 10,
            ..BatchLimits::default()
        };
        let (mut batch, mut sealer) = (Batch::new(0, limits), RecordSealer);
        batch.begin(0, 0, 0);
        while !batch.is_full() {
            let head = RecordHead { index: 0, due_ns: 0, event_time_ms: 0, key: b"key" };
            sealer.open(&mut batch, &head);
            batch.room()[..7].copy_from_slice(b"payload");
            batch.advance(7);
            sealer.close(&mut batch);
        }
        assert_eq!(batch.len(), 2);
    }
}
