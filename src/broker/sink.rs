//! Serving without reading: entries are counted by their heads while their payloads stream by.
//!
//! It exists so that a benchmark measures its producer and not this broker. A payload is neither
//! kept nor copied nor opened: it is forgotten a read at a time, and of every so many checksums one
//! is computed on the way. What is no SEND takes the same way as in a broker that reads everything.
//!
//! A head is everything in front of the payload; of its two messages only the fields that count are
//! decoded. Format: `PulsarApi.proto`, and the protocol's specification ("Payload commands").

use std::num::NonZeroU64;

use prost::Message;
use pulsar::message::proto::CommandSend;
use pulsar::message::proto::base_command::Type;
use tokio::time::Instant;
use tokio_util::bytes::Buf as _;
use tokio_util::bytes::BytesMut;

use super::codec::FrameError;
use super::codec::body_parts;
use super::codec::frame_bytes;
use super::codec::take_sized;
use super::codec::unreadable;
use super::dialogue::Dialogue;
use super::dialogue::Goodbye;
use super::dialogue::out_of_turn;
use super::entry::EntrySize;
use super::entry::stated_records;

/// The fields of `BaseCommand` that a SEND is told by.
#[derive(Clone, PartialEq, Message)]
struct CommandHead {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "6")]
    send: Option<CommandSend>,
}

/// The field of `MessageMetadata` that counts.
#[derive(Clone, Copy, PartialEq, Message)]
struct MetadataHead {
    #[prost(int32, optional, tag = "11")]
    num_messages_in_batch: Option<i32>,
}

/// What stands at the front of the inbox.
enum Front {
    /// Too little of it to say.
    Cut,
    /// A frame of that many bytes that is no SEND.
    Other(usize),
    /// A SEND, read up to its payload.
    Send(Head),
}

/// A SEND without its payload.
struct Head {
    /// How many bytes the head has.
    bytes: usize,
    payload_bytes: usize,
    send: CommandSend,
    metadata: MetadataHead,
    /// What the checksum says, and where in the head that which it covers begins.
    checksum: u32,
    covered_from: usize,
}

/// An entry whose payload is on its way.
#[derive(Debug)]
struct Passing {
    send: CommandSend,
    metadata: MetadataHead,
    payload_bytes: usize,
    bytes_left: usize,
    /// `None`: this one is not checked.
    checksum: Option<Checksum>,
}

#[derive(Debug)]
struct Checksum {
    stated: u32,
    computed: u32,
}

/// One connection's way through the sink.
#[derive(Debug)]
pub(super) struct Sink {
    check_every: NonZeroU64,
    /// SENDs begun.
    entries: u64,
    passing: Option<Passing>,
}

impl Sink {
    /// Makes a sink that checks the first checksum and then one in `check_every`.
    pub(super) const fn new(check_every: NonZeroU64) -> Self {
        Self { check_every, entries: 0, passing: None }
    }

    /// Takes all that can be taken from the front of the inbox, while there is room for answers.
    ///
    /// # Errors
    /// When the connection is to be closed.
    pub(super) fn take(
        &mut self,
        inbox: &mut BytesMut,
        dialogue: &mut Dialogue,
        now: Instant,
    ) -> Result<(), Goodbye> {
        while dialogue.listens(now) {
            if let Some(passing) = &mut self.passing {
                passing.forget(inbox);
                if passing.bytes_left > 0 {
                    break;
                }
            }
            if let Some(passed) = self.passing.take() {
                passed.end(dialogue, now)?;
            }
            match front(inbox)? {
                Front::Cut => break,
                Front::Other(bytes) if bytes > inbox.len() => break,
                Front::Other(bytes) => {
                    dialogue.take(&inbox[..bytes], now)?;
                    inbox.advance(bytes);
                }
                Front::Send(head) => {
                    self.passing = Some(self.begin(&head, inbox));
                    inbox.advance(head.bytes);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, head: &Head, inbox: &[u8]) -> Passing {
        let is_checked = self.entries.is_multiple_of(self.check_every.get());
        self.entries += 1;
        let covered = &inbox[head.covered_from..head.bytes];
        Passing {
            send: head.send,
            metadata: head.metadata,
            payload_bytes: head.payload_bytes,
            bytes_left: head.payload_bytes,
            checksum: is_checked
                .then(|| Checksum { stated: head.checksum, computed: crc32c::crc32c(covered) }),
        }
    }
}

impl Passing {
    /// Lets go of what has come of the payload.
    fn forget(&mut self, inbox: &mut BytesMut) {
        let bytes = self.bytes_left.min(inbox.len());
        if let Some(checksum) = &mut self.checksum {
            checksum.computed = crc32c::crc32c_append(checksum.computed, &inbox[..bytes]);
        }
        inbox.advance(bytes);
        self.bytes_left -= bytes;
    }

    /// Judges and counts the entry, now that all of it has come.
    fn end(self, dialogue: &mut Dialogue, now: Instant) -> Result<(), Goodbye> {
        if let Some(Checksum { stated, computed }) = self.checksum {
            if computed != stated {
                return Err(FrameError::Checksum { computed, stated }.into());
            }
            dialogue.count_checksum();
        }
        let stated = stated_records(self.send.num_messages, self.metadata.num_messages_in_batch);
        let measured = stated.map(|records| EntrySize::unopened(records, self.payload_bytes));
        dialogue.take_measured(&self.send, measured, now)
    }
}

/// Reads as much of the first frame as counting needs.
fn front(inbox: &[u8]) -> Result<Front, Goodbye> {
    let Some(frame_bytes) = frame_bytes(inbox)? else {
        return Ok(Front::Cut);
    };
    let available = &inbox[..frame_bytes.min(inbox.len())];
    // What is cut off inside of the frame is unreadable; what has not come yet is not.
    let is_whole = available.len() == frame_bytes;
    let cut = |what| if is_whole { Err(unreadable(what).into()) } else { Ok(Front::Cut) };

    let mut rest = &available[size_of::<u32>()..];
    let Some(command) = take_sized(&mut rest) else {
        return cut("the command is cut off");
    };
    let command =
        CommandHead::decode(command).map_err(|_| unreadable("the command is no BaseCommand"))?;
    if command.kind != Type::Send as i32 {
        return Ok(Front::Other(frame_bytes));
    }
    let send = command.send.ok_or(out_of_turn("a command without the part its type names"))?;
    if is_whole && rest.is_empty() {
        return Err(out_of_turn("a SEND without a payload"));
    }
    let Some((checksum, covered)) = body_parts(rest)? else {
        return cut("the checksum is cut off");
    };
    let mut rest = covered;
    let Some(metadata) = take_sized(&mut rest) else {
        return cut("the metadata is cut off");
    };
    let metadata = MetadataHead::decode(metadata)
        .map_err(|_| unreadable("the metadata is no MessageMetadata"))?;
    let bytes = available.len() - rest.len();
    let covered_from = available.len() - covered.len();
    let payload_bytes = frame_bytes - bytes;
    Ok(Front::Send(Head { bytes, payload_bytes, send, metadata, checksum, covered_from }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use pulsar::message::Codec;
    use pulsar::message::Message as Said;
    use pulsar::message::Metadata;
    use pulsar::message::Payload;
    use pulsar::message::proto::BaseCommand;
    use pulsar::message::proto::CommandConnect;
    use pulsar::message::proto::CommandProducer;
    use tokio_util::codec::Encoder as _;

    use super::super::BrokerConfig;
    use super::super::topics::Topics;

    fn frame(
        kind: Type,
        fill: impl FnOnce(&mut BaseCommand),
        payload: Option<Payload>,
    ) -> BytesMut {
        let mut command = BaseCommand { r#type: kind as i32, ..Default::default() };
        fill(&mut command);
        let mut bytes = BytesMut::new();
        Codec.encode(Said { command, payload }, &mut bytes).unwrap();
        bytes
    }

    fn send_frame() -> BytesMut {
        let metadata = Metadata { producer_name: "p".to_owned(), ..Default::default() };
        let payload = Payload { metadata, data: b"payload".to_vec() };
        let fill = |command: &mut BaseCommand| command.send = Some(CommandSend::default());
        frame(Type::Send, fill, Some(payload))
    }

    /// Returns a conversation that has come to the point where SENDs may follow.
    fn opened() -> (Arc<Mutex<Topics>>, Dialogue, Sink) {
        let topics = Arc::new(Mutex::new(Topics::new(&BrokerConfig::default())));
        let now = Instant::now();
        let mut dialogue = Dialogue::new(Arc::clone(&topics), 0, String::new(), now);
        let connect = frame(Type::Connect, |c| c.connect = Some(CommandConnect::default()), None);
        let wish = CommandProducer { topic: "t".to_owned(), ..Default::default() };
        let producer = frame(Type::Producer, |c| c.producer = Some(wish), None);
        let mut sink = Sink::new(NonZeroU64::MIN);
        let mut inbox = BytesMut::from(&[connect, producer].concat()[..]);
        sink.take(&mut inbox, &mut dialogue, Instant::now()).unwrap();
        assert!(inbox.is_empty());
        (topics, dialogue, sink)
    }

    #[test]
    fn a_frame_may_come_a_byte_at_a_time() {
        let (topics, mut dialogue, mut sink) = opened();
        let mut inbox = BytesMut::new();
        for byte in [send_frame(), send_frame()].concat() {
            inbox.extend_from_slice(&[byte]);
            sink.take(&mut inbox, &mut dialogue, Instant::now()).unwrap();
        }
        let counts = topics.lock().counts();
        assert_eq!((counts.records(), counts.checksums_checked), (2, 2));
        assert!(inbox.is_empty());
    }

    #[test]
    fn no_flipped_bit_behind_the_command_is_taken() {
        let frame = send_frame();
        let command_bytes = usize::try_from(u32::from_be_bytes(frame[4..8].try_into().unwrap()));
        for at in 8 + command_bytes.unwrap()..frame.len() {
            for bit in 0..8 {
                let (topics, mut dialogue, mut sink) = opened();
                let mut inbox = frame.clone();
                inbox[at] ^= 1 << bit;
                let taken = sink.take(&mut inbox, &mut dialogue, Instant::now());
                assert!(taken.is_err(), "byte {at}, bit {bit}");
                assert_eq!(topics.lock().counts().records(), 0);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let frame = send_frame();
        for at in 0..frame.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let (_, mut dialogue, mut sink) = opened();
                let mut inbox = frame.clone();
                inbox[at] = byte;
                sink.take(&mut inbox, &mut dialogue, Instant::now()).ok();
            }
        }
    }
}
