//! Reading what stands behind a MESSAGE or SEND command: the checksum, `MessageMetadata`, and the
//! records of a batch.
//!
//! As with writing, only what is read for every batch or record is read here, by hand and without
//! allocating. Whatever the bytes are, reading ends: with what they say, or with what is wrong.

use super::BYTES;
use super::MAGIC;
use super::VARINT;
use super::VARINT_BYTES_MAX;

/// Says why bytes cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The bytes end before they should.
    #[error("it is cut off")]
    CutOff,
    /// The bytes are no fields.
    #[error("its fields cannot be read")]
    Fields,
}

/// How a field's value is written (the wire types of the protocol buffers' encoding).
#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Four or eight bytes, which no field that is read here has.
    Fixed,
}

/// The fields of a message of the protocol buffers, one after the other.
struct Fields<'a> {
    rest: &'a [u8],
}

#[inline]
fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Result<&'a [u8], ReadError> {
    let (taken, left) = rest.split_at_checked(bytes).ok_or(ReadError::CutOff)?;
    *rest = left;
    Ok(taken)
}

#[inline]
fn take_varint(rest: &mut &[u8]) -> Result<u64, ReadError> {
    let mut value = 0;
    for (place, byte) in rest.iter().take(VARINT_BYTES_MAX).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            *rest = &rest[place + 1..];
            return Ok(value);
        }
    }
    Err(if rest.len() < VARINT_BYTES_MAX { ReadError::CutOff } else { ReadError::Fields })
}

#[inline]
fn take_size(rest: &mut &[u8]) -> Result<u32, ReadError> {
    let (bytes, left) = rest.split_first_chunk::<4>().ok_or(ReadError::CutOff)?;
    *rest = left;
    Ok(u32::from_be_bytes(*bytes))
}

impl<'a> Fields<'a> {
    /// Returns the next field's number and value; `None`: there are no more.
    #[inline]
    fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, ReadError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = take_varint(&mut self.rest)?;
        let value = match (tag & 7) as u8 {
            VARINT => Value::Number(take_varint(&mut self.rest)?),
            BYTES => {
                let bytes = take_varint(&mut self.rest)?;
                let bytes = usize::try_from(bytes).map_err(|_| ReadError::CutOff)?;
                Value::Bytes(take(&mut self.rest, bytes)?)
            }
            1 => take(&mut self.rest, 8).map(|_| Value::Fixed)?,
            5 => take(&mut self.rest, 4).map(|_| Value::Fixed)?,
            _ => return Err(ReadError::Fields),
        };
        Ok(Some((tag >> 3, value)))
    }
}

/// What stands behind a command, cut into its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// Whether the checksum fits; where there is none, nothing is wrong with it.
    pub is_intact: bool,
    /// `MessageMetadata`, not read yet.
    pub metadata: &'a [u8],
    /// What follows them.
    pub payload: &'a [u8],
}

impl<'a> Body<'a> {
    /// Cuts what stands behind a command into its parts, and compares the checksum.
    ///
    /// # Errors
    /// When the metadata reach beyond the end.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ReadError> {
        Self::cut(bytes, |covered, stated| crc32c::crc32c(covered) == stated)
    }

    /// Cuts what stands behind a command into its parts, and leaves the checksum for later.
    ///
    /// # Errors
    /// When the metadata reach beyond the end.
    pub fn read_unchecked(bytes: &'a [u8]) -> Result<Self, ReadError> {
        Self::cut(bytes, |_, _| true)
    }

    fn cut(bytes: &'a [u8], check: impl FnOnce(&[u8], u32) -> bool) -> Result<Self, ReadError> {
        let mut rest = bytes;
        let mut is_intact = true;
        // The checksum may be left out; two bytes of a size are never those of the mark, because
        // metadata are smaller than 200 MiB.
        if rest.starts_with(&MAGIC) {
            take(&mut rest, MAGIC.len())?;
            let stated = take_size(&mut rest)?;
            is_intact = check(rest, stated);
        }
        let metadata_bytes = take_size(&mut rest)?;
        let metadata = take(&mut rest, metadata_bytes as usize)?;
        Ok(Self { is_intact, metadata, payload: rest })
    }
}

/// What `MessageMetadata` say, as far as it tells what a batch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageHead<'a> {
    /// The producer's name.
    pub producer_name: &'a [u8],
    /// The first record's sequence id.
    pub sequence_id: u64,
    /// The last record's; of a message by itself its own.
    pub highest_sequence_id: Option<u64>,
    /// Milliseconds since 1970.
    pub publish_time_ms: u64,
    /// The value of the property that was asked for.
    pub property: Option<&'a [u8]>,
    /// The number of the compression in `CompressionType`.
    pub compression: u64,
    /// How many bytes the payload had before it was compressed.
    pub uncompressed_bytes: u64,
    /// Records; `None`: the payload is one record by itself.
    pub records: Option<u64>,
    /// The key of a message by itself.
    pub key: &'a [u8],
    /// The event time of a message by itself.
    pub event_time_ms: u64,
    /// Whether somebody's key is needed to read the payload.
    pub is_encrypted: bool,
}

impl<'a> MessageHead<'a> {
    /// Reads `MessageMetadata`, and of its properties the one of this name.
    ///
    /// # Errors
    /// When they are no fields.
    pub fn read(metadata: &'a [u8], property: &str) -> Result<Self, ReadError> {
        let mut head = Self::default();
        let mut fields = Fields { rest: metadata };
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Bytes(name)) => head.producer_name = name,
                (2, Value::Number(id)) => head.sequence_id = id,
                (3, Value::Number(time)) => head.publish_time_ms = time,
                (4, Value::Bytes(pair)) => {
                    head.property = head.property.or(value_of(pair, property)?);
                }
                (6, Value::Bytes(key)) => head.key = key,
                (8, Value::Number(compression)) => head.compression = compression,
                (9, Value::Number(bytes)) => head.uncompressed_bytes = bytes,
                (11, Value::Number(records)) => head.records = Some(records),
                (12, Value::Number(time)) => head.event_time_ms = time,
                (13, _) => head.is_encrypted = true,
                (24, Value::Number(id)) => head.highest_sequence_id = Some(id),
                _ => {}
            }
        }
        Ok(head)
    }
}

/// Returns the value of a `KeyValue` with this key.
fn value_of<'a>(pair: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, ReadError> {
    let (mut is_it, mut found) = (false, None);
    let mut fields = Fields { rest: pair };
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(key)) => is_it = key == name.as_bytes(),
            (2, Value::Bytes(value)) => found = Some(value),
            _ => {}
        }
    }
    Ok(found.filter(|_| is_it))
}

/// One record, as it stands in a batch or by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its sequence id.
    pub sequence_id: u64,
    /// Its event time, in milliseconds since 1970; 0: none.
    pub event_time_ms: u64,
    /// Its key; empty: none.
    pub key: &'a [u8],
    /// Its bytes.
    pub payload: &'a [u8],
}

/// The records of a batch's payload, one after the other.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    /// Starts at the front of a payload that is not compressed.
    #[must_use]
    pub const fn of(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    #[inline]
    fn read(&mut self) -> Result<Entry<'a>, ReadError> {
        let metadata_bytes = take_size(&mut self.rest)?;
        let mut fields = Fields { rest: take(&mut self.rest, metadata_bytes as usize)? };
        let mut entry = Entry::default();
        let mut payload_bytes = 0;
        // SingleMessageMetadata: partition_key, payload_size, event_time, sequence_id.
        while let Some(field) = fields.next()? {
            match field {
                (2, Value::Bytes(key)) => entry.key = key,
                (3, Value::Number(bytes)) => payload_bytes = bytes,
                (5, Value::Number(time)) => entry.event_time_ms = time,
                (8, Value::Number(id)) => entry.sequence_id = id,
                _ => {}
            }
        }
        let payload_bytes = usize::try_from(payload_bytes).map_err(|_| ReadError::CutOff)?;
        entry.payload = take(&mut self.rest, payload_bytes)?;
        Ok(entry)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, ReadError>;

    /// Returns the next record; after an error there are no more.
    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.read();
        if entry.is_err() {
            self.rest = &[];
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::EntryWriter;
    use super::super::HEAD_BYTES_MAX;
    use super::super::SendHead;
    use super::*;

    const RECORDS: [(u64, &[u8], &[u8]); 3] =
        [(7, b"source-1", b"first"), (9, b"", b""), (u64::MAX, b"key", &[0xab; 300])];

    /// Returns what stands behind the command of a SEND of the records.
    fn body() -> Vec<u8> {
        let mut out = vec![0; HEAD_BYTES_MAX + 1_000];
        let (mut writer, mut at) = (EntryWriter::default(), HEAD_BYTES_MAX);
        for (index, key, payload) in RECORDS {
            at = writer.open(&mut out, at, key, 1_700_000_000_000 + index % 3, index);
            out[at..at + payload.len()].copy_from_slice(payload);
            at = writer.close(&mut out, at + payload.len());
        }
        let head = SendHead {
            producer_id: 1,
            producer_name: "load-0",
            schema_version: Some(&[0, 1]),
            sequence_id: 7,
            highest_sequence_id: u64::MAX,
            records: Some(3),
            publish_time_ms: 1_700_000_000_005,
            property: ("producer-load", "digest/-1"),
            compression: 0,
            uncompressed_bytes: 0,
            single: None,
        };
        let start = head.write(&mut out, HEAD_BYTES_MAX..at);
        let command = u32::from_be_bytes(out[start + 4..start + 8].try_into().unwrap());
        out[start + 8 + command as usize..at].to_vec()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let bytes = body();
        let body = Body::read(&bytes).unwrap();
        assert!(body.is_intact);
        let head = MessageHead::read(body.metadata, "producer-load").unwrap();
        assert_eq!(head.producer_name, b"load-0");
        assert_eq!((head.sequence_id, head.highest_sequence_id), (7, Some(u64::MAX)));
        assert_eq!((head.records, head.publish_time_ms), (Some(3), 1_700_000_000_005));
        assert_eq!((head.property, head.compression), (Some(&b"digest/-1"[..]), 0));
        assert_eq!(MessageHead::read(body.metadata, "other").unwrap().property, None);
        let entries: Vec<_> = Entries::of(body.payload).map(Result::unwrap).collect();
        assert_eq!(entries.len(), RECORDS.len());
        for (entry, (index, key, payload)) in entries.iter().zip(RECORDS) {
            let event_time_ms = 1_700_000_000_000 + index % 3;
            assert_eq!(*entry, Entry { sequence_id: index, event_time_ms, key, payload });
        }
    }

    #[test]
    fn a_flipped_bit_breaks_the_checksum_and_a_cut_is_an_error() {
        let bytes = body();
        for at in 2..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(!Body::read(&flipped).is_ok_and(|body| body.is_intact), "{at}");
        }
        let payload = Body::read(&bytes).unwrap().payload;
        let whole = [0, 1, 2, 3].map(|count| {
            let ends = Entries::of(payload).take(count).map(Result::unwrap);
            ends.map(|entry| {
                entry.payload.as_ptr() as usize + entry.payload.len() - payload.as_ptr() as usize
            })
            .last()
            .unwrap_or_default()
        });
        for end in 0..=payload.len() {
            let is_cut = Entries::of(&payload[..end]).any(|entry| entry.is_err());
            assert_eq!(is_cut, !whole.contains(&end), "{end}");
        }
    }

    proptest! {
        /// Whatever the bytes are, reading them ends.
        #[test]
        fn any_bytes_are_read_to_an_end(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            at in 0..600_usize,
            with in any::<u8>(),
        ) {
            let mut spoilt = body();
            let at = at % spoilt.len();
            spoilt[at] = with;
            for bytes in [&bytes, &spoilt] {
                if let Ok(body) = Body::read(bytes) {
                    let head = MessageHead::read(body.metadata, "x");
                    prop_assert!(head.is_ok() || !body.metadata.is_empty());
                    prop_assert!(Entries::of(body.payload).count() <= body.payload.len());
                }
                prop_assert!(Entries::of(bytes).count() <= bytes.len());
            }
        }
    }
}
