//! Frames as bytes: where one ends, what it says, whether it is whole.
//!
//! The length field comes from the other side, so it is judged before anything is buffered for it:
//! no frame makes the broker hold more than [`FRAME_BYTES_MAX`]. Only the protocol's types are the
//! `pulsar` crate's. Its own codec is not used here: it would buffer whatever a length says, and it
//! cannot tell a wrong checksum from garbage. A frame is read where it lies, without a copy.
//!
//! Format: `PulsarApi.proto` and the protocol's specification ("Payload commands"), big endian.

use prost::Message as _;
use pulsar::message::Metadata;
use pulsar::message::proto::BaseCommand;
use tokio_util::bytes::BufMut as _;
use tokio_util::bytes::BytesMut;

/// The largest batch that a client may send; CONNECTED tells it so.
pub(super) const MESSAGE_BYTES_MAX: u32 = 5 * 1024 * 1024;

/// The largest frame: a batch and 10 KiB for command and metadata, as the real broker allows.
pub(super) const FRAME_BYTES_MAX: usize = MESSAGE_BYTES_MAX as usize + 10 * 1024;

/// The length field in front of every frame; it does not count itself.
const LENGTH_BYTES: usize = 4;

/// The marker in front of a checksum.
const CHECKSUM_MAGIC: u16 = 0x0e01;

/// Says why a frame cannot be taken. Each of them ends the connection.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum FrameError {
    #[error("a frame of {bytes} bytes is above the {FRAME_BYTES_MAX} that are allowed")]
    TooLarge { bytes: usize },
    #[error("the frame's checksum is {computed:08x}, it says {stated:08x}")]
    Checksum { computed: u32, stated: u32 },
    #[error("the frame is unreadable: {what}")]
    Unreadable { what: &'static str },
}

pub(super) const fn unreadable(what: &'static str) -> FrameError {
    FrameError::Unreadable { what }
}

/// A frame's contents, still lying in the buffer that it was read into.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) command: BaseCommand,
    pub(super) body: Option<Body<'a>>,
}

/// What follows the command of a SEND. The checksum over it was right.
#[derive(Debug)]
pub(super) struct Body<'a> {
    /// All of it, from the checksum's marker on.
    pub(super) whole: &'a [u8],
    pub(super) metadata: Metadata,
    pub(super) payload: &'a [u8],
}

/// Returns the whole length of the frame at the front, `None` while its length field is incomplete.
///
/// # Errors
/// When the length is one that no frame may have.
pub(super) fn frame_bytes(buffer: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some((length, _)) = buffer.split_first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let bytes = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if bytes > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge { bytes });
    }
    Ok(Some(LENGTH_BYTES + bytes))
}

/// Takes a big-endian number from the front of `bytes`.
pub(super) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_be_bytes(*number))
}

/// Takes a number from the front of `bytes`, and then as many bytes as it says.
pub(super) fn take_sized<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let size = usize::try_from(take_u32(bytes)?).ok()?;
    let (part, rest) = bytes.split_at_checked(size)?;
    *bytes = rest;
    Some(part)
}

/// Reads one whole frame, its length field included, and checks its checksum.
///
/// # Errors
/// When it is not a frame, or not the one that was sent.
pub(super) fn read_frame(frame: &[u8]) -> Result<Frame<'_>, FrameError> {
    let mut rest = frame.get(LENGTH_BYTES..).ok_or(unreadable("it has no length"))?;
    let command = take_sized(&mut rest).ok_or(unreadable("the command is cut off"))?;
    let command =
        BaseCommand::decode(command).map_err(|_| unreadable("the command is no BaseCommand"))?;
    let body = (!rest.is_empty()).then(|| read_body(rest)).transpose()?;
    Ok(Frame { command, body })
}

/// Splits what follows a command into the stated checksum and what it covers; `None` while the
/// checksum is incomplete.
///
/// # Errors
/// When something else stands in a checksum's place.
pub(super) fn body_parts(body: &[u8]) -> Result<Option<(u32, &[u8])>, FrameError> {
    let marker = CHECKSUM_MAGIC.to_be_bytes();
    let Some(mut rest) = body.strip_prefix(&marker) else {
        return match body.len() {
            0 | 1 => Ok(None),
            _ => Err(unreadable("the checksum's marker is missing")),
        };
    };
    Ok(take_u32(&mut rest).map(|stated| (stated, rest)))
}

/// Reads what follows a command, and checks its checksum.
///
/// # Errors
/// When it is not what was sent.
pub(super) fn read_body(whole: &[u8]) -> Result<Body<'_>, FrameError> {
    let (stated, mut rest) = body_parts(whole)?.ok_or(unreadable("the checksum is cut off"))?;
    let computed = crc32c::crc32c(rest);
    if computed != stated {
        return Err(FrameError::Checksum { computed, stated });
    }
    let metadata = take_sized(&mut rest).ok_or(unreadable("the metadata is cut off"))?;
    let metadata =
        Metadata::decode(metadata).map_err(|_| unreadable("the metadata is no MessageMetadata"))?;
    Ok(Body { whole, metadata, payload: rest })
}

/// Appends a command without a payload to `out`.
pub(super) fn write_command(command: &BaseCommand, out: &mut BytesMut) {
    write_message(command, &[], out);
}

/// Appends a command and what follows it, as it was read, to `out`.
pub(super) fn write_message(command: &BaseCommand, body: &[u8], out: &mut BytesMut) {
    // No frame comes near 4 GiB: what it repeats came in within FRAME_BYTES_MAX.
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let command_bytes = command.encoded_len();
    out.reserve(2 * LENGTH_BYTES + command_bytes + body.len());
    out.put_u32(size(LENGTH_BYTES + command_bytes + body.len()));
    out.put_u32(size(command_bytes));
    command.encode_raw(out);
    out.put_slice(body);
}

/// Returns what follows the command of a SEND, with the checksum that it has to have.
pub(super) fn body_bytes(metadata: &Metadata, payload: &[u8]) -> Vec<u8> {
    // No metadata come near 4 GiB: they came in within FRAME_BYTES_MAX.
    let metadata_bytes = u32::try_from(metadata.encoded_len()).unwrap_or(u32::MAX);
    let mut covered = metadata_bytes.to_be_bytes().to_vec();
    covered.extend(metadata.encode_to_vec());
    covered.extend(payload);
    let mut body = CHECKSUM_MAGIC.to_be_bytes().to_vec();
    body.extend(crc32c::crc32c(&covered).to_be_bytes());
    body.extend(covered);
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsar::message::Codec;
    use pulsar::message::Message;
    use pulsar::message::Payload;
    use pulsar::message::proto::CommandPing;
    use pulsar::message::proto::CommandSend;
    use pulsar::message::proto::base_command::Type;
    use tokio_util::codec::Decoder as _;
    use tokio_util::codec::Encoder as _;

    fn send_frame() -> BytesMut {
        let command = BaseCommand {
            r#type: Type::Send as i32,
            send: Some(CommandSend::default()),
            ..Default::default()
        };
        let metadata = Metadata { producer_name: "p".to_owned(), ..Default::default() };
        let data = b"payload".to_vec();
        let payload = Some(Payload { metadata, data });
        let mut frame = BytesMut::new();
        Codec.encode(Message { command, payload }, &mut frame).unwrap();
        frame
    }

    #[test]
    fn a_frame_of_the_crates_codec_is_read() {
        let bytes = send_frame();
        assert_eq!(frame_bytes(&bytes), Ok(Some(bytes.len())));
        let frame = read_frame(&bytes).unwrap();
        assert!(frame.command.send.is_some());
        let body = frame.body.unwrap();
        assert_eq!(body.payload, b"payload");
        assert_eq!(body.metadata.producer_name, "p");
    }

    #[test]
    fn a_command_is_read_by_the_crates_codec() {
        let ping = BaseCommand {
            r#type: Type::Ping as i32,
            ping: Some(CommandPing {}),
            ..Default::default()
        };
        let mut bytes = BytesMut::new();
        write_command(&ping, &mut bytes);
        assert_eq!(Codec.decode(&mut bytes).unwrap().unwrap().command, ping);
    }

    #[test]
    fn every_flipped_bit_behind_the_marker_is_seen() {
        let bytes = send_frame();
        let marker = bytes.windows(2).position(|pair| pair == [0x0e, 0x01]);
        for place in marker.unwrap() + 2..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[place] ^= 1 << bit;
                assert!(matches!(read_frame(&flipped), Err(FrameError::Checksum { .. })));
            }
        }
    }

    #[test]
    fn no_part_of_a_frame_and_no_flipped_byte_panics() {
        let bytes = send_frame();
        for end in 0..bytes.len() {
            drop(read_frame(&bytes[..end]));
            for value in 0..=255 {
                let mut changed = bytes.clone();
                changed[end] = value;
                drop(read_frame(&changed));
            }
        }
    }

    #[test]
    fn a_length_is_judged_before_its_bytes_come() {
        assert_eq!(frame_bytes(&[0, 0, 1]), Ok(None));
        assert_eq!(frame_bytes(&[0, 0, 1, 0]), Ok(Some(260)));
        assert_eq!(frame_bytes(&[0xff; 4]), Err(FrameError::TooLarge { bytes: 0xffff_ffff }));
    }
}
