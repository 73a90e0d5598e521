//! Lays records out as a finished SEND frame: what the `framed` transport writes as it is.
//!
//! Entries are written while records are made. Sealing compresses them, if asked to, and puts the
//! head before them: after that the bytes are moved to the socket and nothing else. The same bytes
//! may be written again on another connection, because a producer's number is the process's own.

use std::fmt::Write;
use std::io;

use super::Batch;
use super::BatchLimits;
use super::Compression;
use super::Compressor;
use super::RecordHead;
use super::Sealer;
use crate::clock;
use crate::wire;
use crate::wire::EntryWriter;
use crate::wire::SendHead;

/// The name of the property that every batch carries.
const PROPERTY: &str = "producer-load";

/// What the broker answered when a producer was created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerHead {
    /// Its name.
    pub name: String,
    /// The version of the schema that it registered.
    pub schema_version: Option<Vec<u8>>,
    /// The highest sequence id that the broker has of its name, where it keeps account of that.
    pub last_sequence_id: Option<u64>,
}

/// What a lane's sealer is made of.
#[derive(Clone, Debug)]
pub struct FrameSealerParts {
    /// The producers of all streams.
    pub producers: std::sync::Arc<[ProducerHead]>,
    /// The digest of the plan, the seed and the shard: `digest/seed/shard`.
    pub origin: String,
    /// How many streams the run has.
    pub streams: u32,
    /// How payloads are compressed.
    pub compression: Compression,
    /// Whether records are gathered; else each is a message by itself.
    pub is_batching: bool,
}

/// Seals batches of one lane as frames.
#[derive(Debug)]
pub struct FrameSealer {
    parts: FrameSealerParts,
    compressor: Option<Compressor>,
    /// Where compressed payloads are written; it changes places with the batch's own buffer.
    spare: Box<[u8]>,
    entry: EntryWriter,
    property: String,
    /// The key and event time of a message by itself.
    single: (Vec<u8>, u64),
}

impl FrameSealer {
    /// Makes the sealer of a lane whose buffers have these limits.
    ///
    /// # Errors
    /// When the compressor cannot be made.
    pub fn new(parts: FrameSealerParts, limits: &BatchLimits) -> io::Result<Self> {
        let compressor = Compressor::new(parts.compression)?;
        let spare_bytes = if compressor.is_some() { limits.buffer_bytes() } else { 0 };
        Ok(Self {
            parts,
            compressor,
            spare: vec![0; spare_bytes].into(),
            entry: EntryWriter::default(),
            property: String::with_capacity(256),
            single: (Vec::with_capacity(limits.record_bytes_max), 0),
        })
    }

    /// Compresses what stands in the batch; returns the bytes that it had before.
    fn compress(&mut self, batch: &mut Batch) -> (u64, usize) {
        let before = batch.used.len();
        let Some(compressor) = &mut self.compressor else { return (0, before) };
        let start = batch.used.start;
        match compressor.compress(&batch.bytes[batch.used.clone()], &mut self.spare[start..]) {
            Ok(bytes) => {
                std::mem::swap(&mut batch.bytes, &mut self.spare);
                batch.used.end = start + bytes;
                (self.parts.compression.number(), before)
            }
            // There is room for the worst case; a batch that could not be compressed is sent as it
            // is, which every consumer reads.
            Err(error) => {
                log::debug!("a batch is sent uncompressed: {error}");
                (0, before)
            }
        }
    }
}

impl Sealer for FrameSealer {
    fn open(&mut self, batch: &mut Batch, head: &RecordHead<'_>) {
        batch.note(head);
        if self.parts.is_batching {
            let at = batch.used.end;
            let bytes = &mut batch.bytes;
            batch.used.end = self.entry.open(bytes, at, head.key, head.event_time_ms, head.index);
        } else {
            self.single.0.clear();
            self.single.0.extend_from_slice(head.key);
            self.single.1 = head.event_time_ms;
        }
    }

    fn close(&mut self, batch: &mut Batch) {
        if self.parts.is_batching {
            batch.used.end = self.entry.close(&mut batch.bytes, batch.used.end);
            batch.payload_bytes += (batch.used.end - self.entry.payload_start()) as u64;
        } else {
            batch.payload_bytes += batch.used.len() as u64;
        }
    }

    fn seal(&mut self, batch: &mut Batch) {
        let (compression, uncompressed_bytes) = self.compress(batch);
        let Some(producer) = self.parts.producers.get(batch.producer as usize) else { return };
        self.property.clear();
        let previous = batch.previous_index.map_or(-1, i128::from);
        // Writing to a string with room cannot fail.
        let FrameSealerParts { origin, streams, .. } = &self.parts;
        write!(self.property, "{origin}/{}/{streams}/{previous}", batch.stream).ok();
        let head = SendHead {
            producer_id: batch.producer.into(),
            producer_name: &producer.name,
            schema_version: producer.schema_version.as_deref(),
            sequence_id: batch.first_index,
            highest_sequence_id: batch.last_index,
            records: self.parts.is_batching.then(|| u32::try_from(batch.len()).unwrap_or(u32::MAX)),
            publish_time_ms: clock::wall_ms(),
            property: (PROPERTY, &self.property),
            compression,
            uncompressed_bytes,
            single: (!self.parts.is_batching).then_some((self.single.0.as_slice(), self.single.1)),
        };
        let payload = batch.used.clone();
        batch.used.start = head.write(&mut batch.bytes, payload);
    }
}

impl Compression {
    /// Returns what buffers need so that frames can be sealed in them: records of up to
    /// `record_bytes_max` with their keys, `bytes_max` of them in all.
    #[must_use]
    pub const fn limits(
        self,
        records_max: usize,
        bytes_max: usize,
        record_bytes_max: usize,
    ) -> BatchLimits {
        let record_bytes_max = record_bytes_max + wire::ENTRY_BYTES_MAX;
        // However long records can be, one has to fit.
        let bytes_max = if bytes_max > record_bytes_max { bytes_max } else { record_bytes_max };
        BatchLimits {
            records_max,
            bytes_max,
            record_bytes_max,
            head_bytes: wire::HEAD_BYTES_MAX,
            spare_bytes: self.spare_bytes(bytes_max),
            are_noted: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use pulsar::proto;

    use super::*;

    const RECORDS: [(u64, &str, &[u8]); 4] = [
        (7, "source-1", b"first"),
        (9, "", b""),
        (300, "k\u{e4}y", &[0xab; 130]),
        (u64::MAX, "source-1", &[0; 20_000]),
    ];

    fn parts(compression: Compression, is_batching: bool) -> FrameSealerParts {
        let head = |name: &str| ProducerHead {
            name: name.to_owned(),
            schema_version: Some(vec![0, 0, 0, 0, 0, 0, 0, 5]),
            last_sequence_id: None,
        };
        FrameSealerParts {
            producers: [head("other"), head("load-0"), head("load-1"), head("load-2")].into(),
            origin: "0badcafe/42/0/1".to_owned(),
            streams: 4,
            compression,
            is_batching,
        }
    }

    fn sealed(
        compression: Compression,
        records: &[(u64, &str, &[u8])],
        is_batching: bool,
    ) -> Batch {
        let limits = compression.limits(records.len(), 30_000, 20_100);
        let mut sealer = FrameSealer::new(parts(compression, is_batching), &limits).unwrap();
        let mut batch = Batch::new(0, limits);
        // Sealed twice: the second time the buffer is a used one, and may be the compressor's.
        for _ in 0..2 {
            batch.begin(1, 1, 3);
            batch.previous_index = Some(5);
            for &(index, key, payload) in records {
                let head = RecordHead {
                    index,
                    due_ns: index,
                    event_time_ms: 1_700_000_000_000 + index % 3,
                    key: key.as_bytes(),
                };
                sealer.open(&mut batch, &head);
                batch.room()[..payload.len()].copy_from_slice(payload);
                batch.advance(payload.len());
                sealer.close(&mut batch);
            }
            sealer.seal(&mut batch);
        }
        batch
    }

    type Read = (proto::BaseCommand, proto::MessageMetadata, Vec<u8>);

    /// Reads a frame as the specification has it, with the `pulsar` crate's types.
    fn read(frame: &[u8]) -> Result<Read, String> {
        let size = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        if size(frame) != frame.len() - 4 {
            return Err("total".to_owned());
        }
        let (command, rest) = frame[8..].split_at_checked(size(&frame[4..])).ok_or("command")?;
        let command = proto::BaseCommand::decode(command).map_err(|error| error.to_string())?;
        if rest[..2] != [0x0e, 0x01] {
            return Err("magic".to_owned());
        }
        if crc32c::crc32c(&rest[6..]).to_be_bytes() != rest[2..6] {
            return Err("checksum".to_owned());
        }
        let (metadata, payload) = rest[10..].split_at(size(&rest[6..]));
        let metadata = proto::MessageMetadata::decode(metadata).map_err(|e| e.to_string())?;
        Ok((command, metadata, payload.to_vec()))
    }

    fn entries(mut payload: &[u8]) -> Vec<(proto::SingleMessageMetadata, Vec<u8>)> {
        let mut entries = Vec::new();
        while !payload.is_empty() {
            let size = u32::from_be_bytes(payload[..4].try_into().unwrap()) as usize;
            let (metadata, rest) = payload[4..].split_at(size);
            let metadata = proto::SingleMessageMetadata::decode(metadata).unwrap();
            let (record, rest) = rest.split_at(usize::try_from(metadata.payload_size).unwrap());
            entries.push((metadata, record.to_vec()));
            payload = rest;
        }
        entries
    }

    #[test]
    fn a_frame_is_what_the_specification_says() {
        let batch = sealed(Compression::None, &RECORDS, true);
        let (command, metadata, payload) = read(batch.bytes()).unwrap();
        let send = command.send.unwrap();
        assert_eq!((send.producer_id, send.sequence_id), (3, 7));
        assert_eq!((send.num_messages, send.highest_sequence_id), (Some(4), Some(u64::MAX)));
        assert_eq!((metadata.producer_name.as_str(), metadata.sequence_id), ("load-2", 7));
        assert_eq!(metadata.highest_sequence_id, Some(u64::MAX));
        assert_eq!(metadata.num_messages_in_batch, Some(4));
        assert_eq!(metadata.schema_version.as_deref(), Some(&[0, 0, 0, 0, 0, 0, 0, 5][..]));
        assert_eq!(metadata.compression, None);
        assert_eq!(metadata.properties[0].key, PROPERTY);
        assert_eq!(metadata.properties[0].value, "0badcafe/42/0/1/1/4/5");
        assert!(metadata.publish_time > 1_700_000_000_000);
        let entries = entries(&payload);
        assert_eq!(entries.len(), 4);
        for ((metadata, record), (index, key, expected)) in entries.iter().zip(RECORDS) {
            assert_eq!(metadata.sequence_id, Some(index));
            assert_eq!(metadata.partition_key.as_deref().unwrap_or_default(), key);
            assert_eq!(metadata.event_time, Some(1_700_000_000_000 + index % 3));
            assert_eq!(record, expected);
            // Re-encoded it is as long: no number takes more bytes than it has to.
            let length = metadata.encoded_len();
            let written = payload.windows(length).any(|window| window == metadata.encode_to_vec());
            assert!(written);
        }
        assert_eq!(batch.payload_bytes, 5 + 130 + 20_000);
    }

    #[test]
    fn every_compression_is_undone_by_its_own_decoder() {
        let (_, _, plain) = read(sealed(Compression::None, &RECORDS, true).bytes()).unwrap();
        for compression in
            [Compression::Lz4, Compression::Zlib, Compression::Zstd(1), Compression::Snappy]
        {
            let batch = sealed(compression, &RECORDS, true);
            let (_, metadata, payload) = read(batch.bytes()).unwrap();
            let size = metadata.uncompressed_size.unwrap() as usize;
            assert_eq!(size, plain.len());
            assert!(payload.len() < plain.len() / 2);
            assert_eq!(
                metadata.compression.map(i64::from),
                Some(compression.number().cast_signed())
            );
            let undone = match compression {
                Compression::Lz4 => lz4_flex::block::decompress(&payload, size).unwrap(),
                Compression::Zlib => {
                    let mut undone = Vec::new();
                    let mut reader = flate2::read::ZlibDecoder::new(payload.as_slice());
                    io::Read::read_to_end(&mut reader, &mut undone).unwrap();
                    undone
                }
                Compression::Zstd(_) => zstd::bulk::decompress(&payload, size).unwrap(),
                _ => snap::raw::Decoder::new().decompress_vec(&payload).unwrap(),
            };
            assert!(undone == plain, "{compression}");
        }
    }

    #[test]
    fn a_message_by_itself_carries_key_and_event_time_in_its_metadata() {
        let batch = sealed(Compression::None, &RECORDS[..1], false);
        let (command, metadata, payload) = read(batch.bytes()).unwrap();
        let send = command.send.unwrap();
        assert_eq!((send.sequence_id, send.num_messages), (7, Some(1)));
        assert_eq!(metadata.num_messages_in_batch, None);
        assert_eq!(metadata.partition_key.as_deref(), Some("source-1"));
        assert_eq!(metadata.event_time, Some(1_700_000_000_001));
        assert_eq!(payload, b"first");
    }

    #[test]
    fn each_changed_byte_is_found() {
        let batch = sealed(Compression::None, &RECORDS[..3], true);
        let (command, _, _) = read(batch.bytes()).unwrap();
        let checked = batch.bytes().windows(2).position(|two| two == [0x0e, 0x01]).unwrap();
        for at in 0..batch.bytes().len() {
            let mut frame = batch.bytes().to_vec();
            frame[at] ^= 1;
            // Before the checksum stands only the command, of which another one is as good.
            let is_found =
                read(&frame).map_or(true, |(other, _, _)| at < checked && other != command);
            assert!(is_found, "byte {at}");
        }
    }
}
