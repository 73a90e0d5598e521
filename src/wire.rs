//! Pulsar's frames as bytes (the public "Pulsar binary protocol" and `PulsarApi.proto`).
//!
//! A SEND frame is `[total u32][command size u32][BaseCommand][0x0e01][CRC32C u32][metadata size
//! u32][MessageMetadata][payload]`, big endian; `total` does not count itself, and the checksum
//! covers what stands behind it. The payload of a batch is, for each record, `[size u32]
//! [SingleMessageMetadata][the record]`.
//!
//! Only what is written and read for every record or batch is written and read here, by hand,
//! because it has to be cheap; every other command is encoded and decoded by the `pulsar` crate's
//! types.

mod read;

pub use read::Body;
pub use read::Entries;
pub use read::Entry;
pub use read::MessageHead;
pub use read::ReadError;

/// Stands between the command and the checksum of what follows it.
const MAGIC: [u8; 2] = [0x0e, 0x01];

/// `BaseCommand.Type.SEND`.
const TYPE_SEND: u64 = 6;

/// The most bytes of a varint.
pub const VARINT_BYTES_MAX: usize = 10;

/// The most bytes that stand before a batch's payload: names are bounded, so this is too.
pub const HEAD_BYTES_MAX: usize = 1_024;

/// The most bytes of the key of a message by itself, which stands in the head.
pub const SINGLE_KEY_BYTES_MAX: usize = 512;

/// The most bytes that stand before a record in a batch, without its key: the size of its metadata,
/// and in that four fields of a tag and a number, and the tag and length of the key.
pub const ENTRY_BYTES_MAX: usize = 4 + 4 * (1 + VARINT_BYTES_MAX) + 1 + VARINT_BYTES_MAX;

/// A tag of the protocol buffers' encoding: the field's number and how its value is written.
const fn tag(field: u8, kind: u8) -> u8 {
    (field << 3) | kind
}

const VARINT: u8 = 0;
const BYTES: u8 = 2;

/// Writes a number in groups of seven bits, the lowest first, at `at`; returns where it ends.
#[inline]
pub fn put_varint(out: &mut [u8], mut at: usize, mut value: u64) -> usize {
    while value >= 0x80 {
        out[at] = (value & 0x7f) as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    out[at] = (value & 0x7f) as u8;
    at + 1
}

/// Returns how many bytes [`put_varint`] writes.
#[must_use]
pub const fn varint_bytes(value: u64) -> usize {
    (63 - (value | 1).leading_zeros() as usize) / 7 + 1
}

#[inline]
fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    out[at..at + bytes.len()].copy_from_slice(bytes);
    at + bytes.len()
}

fn put_number(out: &mut [u8], at: usize, field: u8, value: u64) -> usize {
    out[at] = tag(field, VARINT);
    put_varint(out, at + 1, value)
}

fn put_bytes(out: &mut [u8], at: usize, field: u8, bytes: &[u8]) -> usize {
    out[at] = tag(field, BYTES);
    let at = put_varint(out, at + 1, bytes.len() as u64);
    put(out, at, bytes)
}

/// What stands before one record of a batch, with room for a payload size that is known later.
///
/// The size of the payload decides how many bytes its own number takes. The next record's mostly
/// takes as many as the last one's, so that many are left free; where the guess was wrong the
/// payload is moved by a byte.
#[derive(Clone, Copy, Debug)]
pub struct EntryWriter {
    /// Where the entry starts.
    start: usize,
    /// Where the payload's size is written.
    size_at: usize,
    /// How many bytes are left free for it.
    size_bytes: usize,
    /// Where the payload starts.
    payload: usize,
    /// The event time that was written last, and its bytes: it is the same for many records.
    event_time_ms: u64,
    event_time: [u8; VARINT_BYTES_MAX],
    event_time_bytes: usize,
}

impl Default for EntryWriter {
    fn default() -> Self {
        Self {
            start: 0,
            size_at: 0,
            size_bytes: 2,
            payload: 0,
            event_time_ms: 0,
            event_time: [0; VARINT_BYTES_MAX],
            event_time_bytes: 1,
        }
    }
}

impl EntryWriter {
    /// Writes what stands before a record's payload at `at`; returns where the payload goes. An
    /// empty key is none.
    #[inline]
    pub fn open(
        &mut self,
        out: &mut [u8],
        at: usize,
        key: &[u8],
        event_time_ms: u64,
        sequence_id: u64,
    ) -> usize {
        if event_time_ms != self.event_time_ms {
            self.event_time_ms = event_time_ms;
            self.event_time_bytes = put_varint(&mut self.event_time, 0, event_time_ms);
        }
        self.start = at;
        let mut at = at + 4;
        // SingleMessageMetadata: partition_key, payload_size, event_time, sequence_id.
        if !key.is_empty() {
            at = put_bytes(out, at, 2, key);
        }
        out[at] = tag(3, VARINT);
        self.size_at = at + 1;
        at = self.size_at + self.size_bytes;
        out[at] = tag(5, VARINT);
        out[at + 1..at + 1 + VARINT_BYTES_MAX].copy_from_slice(&self.event_time);
        at += 1 + self.event_time_bytes;
        at = put_number(out, at, 8, sequence_id);
        self.payload = at;
        at
    }

    /// Writes the sizes of a record whose payload ends at `end`; returns where the entry ends.
    #[inline]
    pub fn close(&mut self, out: &mut [u8], end: usize) -> usize {
        let payload_bytes = (end - self.payload) as u64;
        let size_bytes = varint_bytes(payload_bytes);
        let mut end = end;
        if size_bytes != self.size_bytes {
            let behind = self.size_at + self.size_bytes;
            out.copy_within(behind..end, self.size_at + size_bytes);
            end = end + size_bytes - self.size_bytes;
            self.payload = self.payload + size_bytes - self.size_bytes;
            self.size_bytes = size_bytes;
        }
        put_varint(out, self.size_at, payload_bytes);
        let metadata_bytes = self.payload - self.start - 4;
        out[self.start..self.start + 4].copy_from_slice(&be32(metadata_bytes));
        end
    }

    /// Returns where the payload of the record that was closed last starts.
    #[must_use]
    pub const fn payload_start(&self) -> usize {
        self.payload
    }
}

/// Everything that a SEND frame says of its batch.
#[derive(Clone, Copy, Debug)]
pub struct SendHead<'a> {
    /// The producer, unique in this process.
    pub producer_id: u64,
    /// Its name, as the broker has it.
    pub producer_name: &'a str,
    /// The version of the schema, as the broker gave it.
    pub schema_version: Option<&'a [u8]>,
    /// The first record's sequence id.
    pub sequence_id: u64,
    /// The last record's.
    pub highest_sequence_id: u64,
    /// Records; `None`: the payload is one record by itself.
    pub records: Option<u32>,
    /// Milliseconds since 1970.
    pub publish_time_ms: u64,
    /// One property: its name and value.
    pub property: (&'a str, &'a str),
    /// The number of the compression in `CompressionType`, and the bytes before it; 0: none.
    pub compression: u64,
    /// How many bytes the payload had before it was compressed.
    pub uncompressed_bytes: usize,
    /// The key and event time of a record by itself.
    pub single: Option<(&'a [u8], u64)>,
}

impl SendHead<'_> {
    /// Writes all that stands before the payload, which is at `payload` of `out`, so that it ends
    /// there; returns where the frame starts.
    ///
    /// # Panics
    /// When there are fewer than [`HEAD_BYTES_MAX`] bytes before the payload.
    pub fn write(&self, out: &mut [u8], payload: std::ops::Range<usize>) -> usize {
        let mut head = [0; HEAD_BYTES_MAX];
        // BaseCommand: type, send. The size of CommandSend stands before it.
        let mut send = [0; 64];
        let mut send_bytes = put_number(&mut send, 0, 1, self.producer_id);
        send_bytes = put_number(&mut send, send_bytes, 2, self.sequence_id);
        send_bytes = put_number(&mut send, send_bytes, 3, self.records.unwrap_or(1).into());
        send_bytes = put_number(&mut send, send_bytes, 6, self.highest_sequence_id);
        let mut at = put_number(&mut head, 8, 1, TYPE_SEND);
        at = put_bytes(&mut head, at, 6, &send[..send_bytes]);
        head[4..8].copy_from_slice(&be32(at - 8));
        at = put(&mut head, at, &MAGIC);
        let checksum_at = at;
        let metadata_at = at + 8;
        let end = self.put_metadata(&mut head, metadata_at);
        head[checksum_at + 4..metadata_at].copy_from_slice(&be32(end - metadata_at));
        let crc = crc32c::crc32c(&head[checksum_at + 4..end]);
        let crc = crc32c::crc32c_append(crc, &out[payload.clone()]);
        head[checksum_at..checksum_at + 4].copy_from_slice(&crc.to_be_bytes());
        head[..4].copy_from_slice(&be32(end - 4 + payload.len()));
        let start = payload.start - end;
        out[start..payload.start].copy_from_slice(&head[..end]);
        start
    }

    /// Writes `MessageMetadata`, field by field in the order of their numbers.
    fn put_metadata(&self, out: &mut [u8], at: usize) -> usize {
        let mut at = put_bytes(out, at, 1, self.producer_name.as_bytes());
        at = put_number(out, at, 2, self.sequence_id);
        at = put_number(out, at, 3, self.publish_time_ms);
        let (name, value) = self.property;
        let mut property = [0; 256];
        let mut bytes = put_bytes(&mut property, 0, 1, name.as_bytes());
        bytes = put_bytes(&mut property, bytes, 2, value.as_bytes());
        at = put_bytes(out, at, 4, &property[..bytes]);
        if let Some((key, _)) = self.single.filter(|(key, _)| !key.is_empty()) {
            at = put_bytes(out, at, 6, key);
        }
        if self.compression > 0 {
            at = put_number(out, at, 8, self.compression);
            at = put_number(out, at, 9, self.uncompressed_bytes as u64);
        }
        if let Some(records) = self.records {
            at = put_number(out, at, 11, records.into());
        }
        if let Some((_, event_time_ms)) = self.single {
            at = put_number(out, at, 12, event_time_ms);
        }
        // Fields 16 and 24 take a tag of two bytes.
        if let Some(version) = self.schema_version {
            at = put(out, at, &[0x82, 0x01]);
            at = put_varint(out, at, version.len() as u64);
            at = put(out, at, version);
        }
        if self.records.is_some() {
            at = put(out, at, &[0xc0, 0x01]);
            at = put_varint(out, at, self.highest_sequence_id);
        }
        at
    }
}

/// Returns a size; everything in a frame is far smaller than 4 GiB.
fn be32(size: usize) -> [u8; 4] {
    u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes()
}
