//! An entry with one record lost, repeated, swapped or altered: what readers get instead of what
//! came.
//!
//! Its checksum is right for the bytes as they now are, so that only comparing the records finds
//! what is wrong. Only batches that are neither compressed nor encrypted can be taken apart.

use prost::Message as _;
use pulsar::message::Metadata;
use pulsar::message::proto::SingleMessageMetadata;
use tokio_util::bytes::BufMut as _;
use tokio_util::bytes::Bytes;

use super::codec::Body;
use super::codec::body_bytes;
use super::entry::Entry;
use super::entry::is_sealed;

/// What can happen to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    Lose,
    Repeat,
    /// It changes places with the one behind it.
    Reorder,
    /// One bit of its payload is flipped.
    FlipBit,
}

impl Harm {
    /// Returns the name of the fault that does it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lose => "lose",
            Self::Repeat => "repeat",
            Self::Reorder => "reorder",
            Self::FlipBit => "flip-bit",
        }
    }
}

/// What happens to one record of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blow {
    pub(super) harm: Harm,
    /// The record's place in its batch.
    pub(super) place: usize,
    /// Chance decided by it which bit is flipped.
    pub(super) pick: u64,
}

/// Returns how many records of an entry can be struck; 0 where it cannot be taken apart.
pub(super) fn records_of(metadata: &Metadata) -> u64 {
    let records = metadata.num_messages_in_batch.unwrap_or(1);
    if is_sealed(metadata) { 0 } else { u64::try_from(records).unwrap_or(0) }
}

/// One record: its header in the batch, and its payload.
type Record = (SingleMessageMetadata, Vec<u8>);

/// Returns the entries that are kept in place of one: none, one or two.
pub(super) fn spoil(body: &Body<'_>, blow: Blow) -> Vec<Vec<u8>> {
    let mut records = records(body);
    let place = blow.place;
    match blow.harm {
        Harm::Lose => drop(records.remove(place)),
        Harm::Repeat => records.insert(place, records[place].clone()),
        Harm::Reorder => records.swap(place, place + 1),
        Harm::FlipBit => flip_bit(&mut records[place..], blow.pick),
    }
    if body.metadata.num_messages_in_batch.is_some() {
        let entry = (!records.is_empty()).then(|| batch(&body.metadata, &records));
        return entry.into_iter().collect();
    }
    records.iter().map(|(_, payload)| body_bytes(&body.metadata, payload)).collect()
}

fn records(body: &Body<'_>) -> Vec<Record> {
    let entry = Entry {
        producer_name: String::new(),
        metadata: body.metadata.clone(),
        payload: Bytes::copy_from_slice(body.payload),
    };
    // It was read when it came, so it can be read.
    let records = entry.records().unwrap_or_default().into_iter();
    records.map(|(header, payload)| (header, payload.to_vec())).collect()
}

fn flip_bit(records: &mut [Record], pick: u64) {
    // A record without payload has no bit; then the next one is struck.
    if let Some((_, payload)) = records.iter_mut().find(|(_, payload)| !payload.is_empty()) {
        let bit = usize::try_from(pick % (payload.len() as u64 * 8)).unwrap_or(0);
        payload[bit / 8] ^= 1 << (bit % 8);
    }
}

fn batch(metadata: &Metadata, records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (header, payload) in records {
        bytes.put_u32(u32::try_from(header.encoded_len()).unwrap_or(u32::MAX));
        header.encode_raw(&mut bytes);
        bytes.put_slice(payload);
    }
    let metadata = Metadata {
        num_messages_in_batch: i32::try_from(records.len()).ok(),
        uncompressed_size: metadata.uncompressed_size.and(u32::try_from(bytes.len()).ok()),
        ..metadata.clone()
    };
    body_bytes(&metadata, &bytes)
}

#[cfg(test)]
mod tests {
    use super::super::codec::read_body;
    use super::super::entry::tests::batch;
    use super::*;

    const RECORDS: [&[u8]; 4] = [b"zero", b"", b"two", b"three"];

    fn spoilt(metadata: &Metadata, payload: &[u8], blow: (Harm, usize)) -> Vec<Vec<u8>> {
        let body = body_bytes(metadata, payload);
        let blow = Blow { harm: blow.0, place: blow.1, pick: 11 };
        spoil(&read_body(&body).unwrap(), blow)
    }

    /// Returns the payloads of a batch after a blow, with commas between them.
    fn payloads(harm: Harm, place: usize) -> String {
        let (metadata, payload) = batch(&RECORDS);
        let entries = spoilt(&metadata, &payload, (harm, place));
        assert_eq!(entries.len(), 1);
        let body = read_body(&entries[0]).unwrap();
        let records = records(&body);
        assert_eq!(body.metadata.num_messages_in_batch, i32::try_from(records.len()).ok());
        let texts = records.into_iter().map(|(_, bytes)| String::from_utf8(bytes).unwrap());
        texts.collect::<Vec<_>>().join(",")
    }

    #[test]
    fn a_batch_is_right_again_but_for_one_record() {
        assert_eq!(payloads(Harm::Lose, 2), "zero,,three");
        assert_eq!(payloads(Harm::Repeat, 3), "zero,,two,three,three");
        assert_eq!(payloads(Harm::Reorder, 0), ",zero,two,three");
        // Bit 11 of three bytes is the fourth lowest of the second; the empty one has none.
        assert_eq!(payloads(Harm::FlipBit, 2), "zero,,t\x7fo,three");
        assert_eq!(payloads(Harm::FlipBit, 1), "zero,,t\x7fo,three");
    }

    #[test]
    fn the_only_record_of_an_entry_is_lost_or_there_twice() {
        for (metadata, payload) in [batch(&[b"one"]), (Metadata::default(), b"one".to_vec())] {
            assert_eq!(records_of(&metadata), 1);
            assert!(spoilt(&metadata, &payload, (Harm::Lose, 0)).is_empty());
            let twice = spoilt(&metadata, &payload, (Harm::Repeat, 0));
            let records = twice.iter().map(|body| records_of(&read_body(body).unwrap().metadata));
            assert_eq!(records.sum::<u64>(), 2);
        }
        let compressed = Metadata { compression: Some(1), ..Metadata::default() };
        assert_eq!(records_of(&compressed), 0);
    }
}
