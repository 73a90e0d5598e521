//! One entry, which is what one SEND brings: a batch of records, or a single record.
//!
//! A batch that is neither compressed nor encrypted is `[size][SingleMessageMetadata][payload]` for
//! each of its records and nothing else. The broker reads it to the end before it takes it, so that
//! a batch that a consumer could not read is refused when it is sent.

use std::ops::AddAssign;

use prost::Message as _;
use pulsar::message::Metadata;
use pulsar::message::proto::SingleMessageMetadata;
use tokio_util::bytes::Bytes;

use super::codec::take_sized;

/// Says why an entry's records cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EntryError {
    /// The number of records is not one that a batch can have.
    #[error("a batch cannot have {records} records")]
    RecordCount {
        /// What the metadata say.
        records: i32,
    },
    /// The command and the metadata do not agree.
    #[error("the command says {command} records, the metadata say {metadata}")]
    Disagreement {
        /// Records by `CommandSend`.
        command: i32,
        /// Records by `MessageMetadata`.
        metadata: i32,
    },
    /// A record's header or payload reaches beyond the batch, or its header is unreadable.
    #[error("record {place} of the batch is cut off or unreadable")]
    Record {
        /// The record's place in the batch, from 0.
        place: u32,
    },
    /// Bytes follow the last record.
    #[error("{bytes} bytes follow the last record of the batch")]
    Leftover {
        /// How many.
        bytes: usize,
    },
    /// The payload is compressed or encrypted; its records are not to be seen.
    #[error("the entry is compressed or encrypted")]
    Sealed,
}

/// What the broker keeps of one SEND, opened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The producer that sent it, by the name that the broker knows.
    pub producer_name: String,
    /// The entry's metadata as they came.
    pub metadata: Metadata,
    /// The payload as it came: a batch's records with their headers, or one record's bytes.
    pub payload: Bytes,
}

impl Entry {
    /// Reads the entry's records in order; an entry that is no batch is one record.
    ///
    /// # Errors
    /// When the payload is compressed or encrypted, or does not hold what its metadata promise.
    pub fn records(&self) -> Result<Vec<(SingleMessageMetadata, &[u8])>, EntryError> {
        if is_sealed(&self.metadata) {
            return Err(EntryError::Sealed);
        }
        let Some(records) = self.metadata.num_messages_in_batch else {
            return Ok(vec![(self.single(), &self.payload[..])]);
        };
        let mut rest = &self.payload[..];
        let records = (0..batch_records(records)?)
            .map(|place| take_record(&mut rest).ok_or(EntryError::Record { place }))
            .collect::<Result<Vec<_>, _>>()?;
        nothing_left(rest)?;
        Ok(records)
    }

    /// Returns the header that the only record would have in a batch.
    fn single(&self) -> SingleMessageMetadata {
        SingleMessageMetadata {
            payload_size: i32::try_from(self.payload.len()).unwrap_or(i32::MAX),
            properties: self.metadata.properties.clone(),
            partition_key: self.metadata.partition_key.clone(),
            partition_key_b64_encoded: self.metadata.partition_key_b64_encoded,
            ordering_key: self.metadata.ordering_key.clone(),
            event_time: self.metadata.event_time,
            sequence_id: Some(self.metadata.sequence_id),
            ..Default::default()
        }
    }
}

/// What an entry adds to its topic's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct EntrySize {
    /// Records in it.
    pub(super) records: u64,
    /// The records' own bytes; of an entry that is not opened the whole payload.
    pub(super) payload_bytes: u64,
    /// The whole payload's bytes, as they came.
    pub(super) entry_bytes: u64,
}

impl EntrySize {
    /// Measures an entry by its outside.
    pub(super) const fn unopened(records: u32, payload_bytes: usize) -> Self {
        let bytes = payload_bytes as u64;
        Self { records: records as u64, payload_bytes: bytes, entry_bytes: bytes }
    }
}

impl AddAssign for EntrySize {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.payload_bytes += other.payload_bytes;
        self.entry_bytes += other.entry_bytes;
    }
}

/// Returns how many records command and metadata promise; an entry that is no batch has one.
///
/// # Errors
/// When the two do not agree, or no batch can have so many.
pub(super) fn stated_records(
    by_command: Option<i32>,
    by_metadata: Option<i32>,
) -> Result<u32, EntryError> {
    let (command, metadata) = (by_command.unwrap_or(1), by_metadata.unwrap_or(1));
    if command != metadata {
        return Err(EntryError::Disagreement { command, metadata });
    }
    batch_records(metadata)
}

/// Checks that an entry holds what its metadata promise, and measures it.
///
/// # Errors
/// When it does not, with what is wrong.
pub(super) fn measure(
    records_by_command: Option<i32>,
    metadata: &Metadata,
    payload: &[u8],
) -> Result<EntrySize, EntryError> {
    let records = stated_records(records_by_command, metadata.num_messages_in_batch)?;
    let mut size = EntrySize::unopened(records, payload.len());
    if metadata.num_messages_in_batch.is_some() && !is_sealed(metadata) {
        size.payload_bytes = 0;
        let mut rest = payload;
        for place in 0..records {
            let (_, record) = take_record(&mut rest).ok_or(EntryError::Record { place })?;
            size.payload_bytes += record.len() as u64;
        }
        nothing_left(rest)?;
    }
    Ok(size)
}

/// Tells whether an entry is compressed or encrypted, so that its records are not to be seen.
pub(super) fn is_sealed(metadata: &Metadata) -> bool {
    metadata.compression.unwrap_or(0) != 0 || !metadata.encryption_keys.is_empty()
}

fn batch_records(records: i32) -> Result<u32, EntryError> {
    u32::try_from(records)
        .ok()
        .filter(|&records| records > 0)
        .ok_or(EntryError::RecordCount { records })
}

fn nothing_left(rest: &[u8]) -> Result<(), EntryError> {
    match rest.len() {
        0 => Ok(()),
        bytes => Err(EntryError::Leftover { bytes }),
    }
}

/// Takes one record from the front of a batch.
#[expect(clippy::inline_always, reason = "left to itself, it costs the broker 15 % a record")]
#[inline(always)]
fn take_record<'a>(rest: &mut &'a [u8]) -> Option<(SingleMessageMetadata, &'a [u8])> {
    let header = SingleMessageMetadata::decode(take_sized(rest)?).ok()?;
    let size = usize::try_from(header.payload_size).ok()?;
    let (payload, behind) = rest.split_at_checked(size)?;
    *rest = behind;
    Some((header, payload))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use tokio_util::bytes::BufMut as _;

    /// Makes a batch of records.
    pub(in crate::broker) fn batch(records: &[&[u8]]) -> (Metadata, Vec<u8>) {
        let mut payload = Vec::new();
        for (place, record) in records.iter().enumerate() {
            let header = SingleMessageMetadata {
                payload_size: i32::try_from(record.len()).unwrap(),
                sequence_id: Some(place as u64),
                ..Default::default()
            };
            payload.put_u32(u32::try_from(header.encoded_len()).unwrap());
            header.encode(&mut payload).unwrap();
            payload.put_slice(record);
        }
        let metadata = Metadata {
            num_messages_in_batch: i32::try_from(records.len()).ok(),
            ..Default::default()
        };
        (metadata, payload)
    }

    #[test]
    fn a_batch_yields_its_records_in_order() {
        let (metadata, payload) = batch(&[b"one", b"", b"three"]);
        let size = measure(Some(3), &metadata, &payload).unwrap();
        assert_eq!((size.records, size.payload_bytes), (3, 8));
        let entry = Entry { producer_name: "p".to_owned(), metadata, payload: payload.into() };
        let records = entry.records().unwrap();
        let bytes: Vec<&[u8]> = records.iter().map(|(_, bytes)| *bytes).collect();
        assert_eq!(bytes, [&b"one"[..], b"", b"three"]);
        assert_eq!(records[2].0.sequence_id, Some(2));
    }

    #[test]
    fn a_batch_that_does_not_add_up_is_refused() {
        let (metadata, payload) = batch(&[b"one", b"two"]);
        let wrong = |count: i32, payload: &[u8]| {
            let metadata = Metadata { num_messages_in_batch: Some(count), ..metadata.clone() };
            measure(Some(count), &metadata, payload).unwrap_err()
        };
        assert_eq!(wrong(3, &payload), EntryError::Record { place: 2 });
        assert!(matches!(wrong(1, &payload), EntryError::Leftover { .. }));
        assert_eq!(wrong(0, &payload), EntryError::RecordCount { records: 0 });
        let cut = &payload[..payload.len() - 1];
        assert_eq!(wrong(2, cut), EntryError::Record { place: 1 });
        assert_eq!(
            measure(Some(1), &metadata, &payload),
            Err(EntryError::Disagreement { command: 1, metadata: 2 })
        );
    }

    #[test]
    fn a_compressed_batch_is_counted_and_not_opened() {
        let metadata =
            Metadata { num_messages_in_batch: Some(7), compression: Some(1), ..Default::default() };
        let size = measure(Some(7), &metadata, b"lz4").unwrap();
        assert_eq!((size.records, size.payload_bytes), (7, 3));
        let entry =
            Entry { producer_name: "p".to_owned(), metadata, payload: Bytes::from_static(b"lz4") };
        assert_eq!(entry.records(), Err(EntryError::Sealed));
    }

    #[test]
    fn an_entry_that_is_no_batch_is_one_record() {
        let metadata = Metadata { sequence_id: 9, ..Default::default() };
        let size = measure(None, &metadata, b"bytes").unwrap();
        assert_eq!((size.records, size.payload_bytes), (1, 5));
        let entry = Entry {
            producer_name: "p".to_owned(),
            metadata,
            payload: Bytes::from_static(b"bytes"),
        };
        let records = entry.records().unwrap();
        assert_eq!(records[0].0.sequence_id, Some(9));
        assert_eq!(records[0].1, b"bytes");
    }
}
