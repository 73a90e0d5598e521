//! Frames, cut out of the bytes that a consumer's connection brings: commands, and messages behind
//! them.
//!
//! Messages are as long as the broker lets them be, so that the buffer grows up to that; what is in
//! it is not copied.

use std::ops::Range;

use prost::Message;
use pulsar::proto::BaseCommand;

use super::LinkError;

/// Bytes that are read at a time, unless a message needs more.
const ROOM_BYTES: usize = 1024 * 1024;

/// What a frame may have beyond its message: commands and metadata
/// (`Commands.MESSAGE_SIZE_FRAME_PADDING` in Pulsar's `pulsar-common`).
const FRAME_BYTES_EXTRA: usize = 10 * 1024;

/// A frame that has arrived.
#[derive(Debug)]
pub(super) struct Frame {
    /// Its command.
    pub(super) command: BaseCommand,
    /// Where what follows the command stands in the inbox.
    pub(super) body: Range<usize>,
}

/// The bytes that have arrived.
#[derive(Debug)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    filled: Range<usize>,
    frame_bytes_max: usize,
}

impl Inbox {
    /// Makes an inbox for messages of so many bytes at most, with what has arrived already.
    pub(super) fn new(message_bytes_max: usize, arrived: &[u8]) -> Self {
        let mut bytes = vec![0; ROOM_BYTES.max(arrived.len())];
        bytes[..arrived.len()].copy_from_slice(arrived);
        let frame_bytes_max = message_bytes_max.saturating_add(FRAME_BYTES_EXTRA);
        Self { bytes, filled: 0..arrived.len(), frame_bytes_max }
    }

    /// Returns the room for bytes that arrive: there is always some after [`Inbox::next_frame`] has
    /// returned none. What it returned before has been taken.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.filled.is_empty() {
            self.filled = 0..0;
        }
        let wanted = self.wanted_bytes();
        if self.bytes.len() - self.filled.start < wanted || self.filled.end == self.bytes.len() {
            self.bytes.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted, 0);
        }
        &mut self.bytes[self.filled.end..]
    }

    /// Returns how many bytes the frame at the front takes, as far as is known.
    fn wanted_bytes(&self) -> usize {
        let head = self.bytes[self.filled.clone()].first_chunk::<4>();
        let total = head.map_or(0, |total| u32::from_be_bytes(*total) as usize);
        4 + total.min(self.frame_bytes_max)
    }

    /// Notes that so many bytes arrived in the room.
    pub(super) const fn arrived(&mut self, bytes: usize) {
        self.filled.end += bytes;
    }

    /// Returns the bytes of a frame's body, until [`Inbox::room`] is asked for.
    pub(super) fn body(&self, body: &Range<usize>) -> &[u8] {
        &self.bytes[body.clone()]
    }

    /// Takes the next frame, if all of it has arrived.
    ///
    /// # Errors
    /// When what arrived is none.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, LinkError> {
        let bytes = &self.bytes[self.filled.clone()];
        let Some((total, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
        let total = u32::from_be_bytes(*total) as usize;
        if !(4..=self.frame_bytes_max).contains(&total) {
            return Err(LinkError::Malformed("its size is not that of a message"));
        }
        let Some((frame, _)) = rest.split_at_checked(total) else { return Ok(None) };
        let (size, command) = frame.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let size = u32::from_be_bytes(*size) as usize;
        let command = command.get(..size);
        let command = command.ok_or(LinkError::Malformed("its size is beyond its frame"))?;
        let command = BaseCommand::decode(command)
            .map_err(|_| LinkError::Malformed("its fields cannot be read"))?;
        let start = self.filled.start + 8;
        self.filled.start += 4 + total;
        Ok(Some(Frame { command, body: start + size..self.filled.start }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulsar::proto::CommandMessage;
    use pulsar::proto::base_command::Type;

    use super::super::command;
    use super::*;

    fn message(body: &[u8]) -> Vec<u8> {
        let message = BaseCommand {
            message: Some(CommandMessage::default()),
            ..command::of_type(Type::Message)
        };
        let mut frame = command::encoded(&message);
        let total = u32::from_be_bytes(*frame.first_chunk().unwrap()) as usize + body.len();
        frame[..4].copy_from_slice(&u32::try_from(total).unwrap().to_be_bytes());
        frame.extend(body);
        frame
    }

    /// Feeds an inbox with chunks of so many bytes; returns the bodies that came out.
    fn fed(bytes: &[u8], chunk: usize, frames_max: usize) -> Result<Vec<Vec<u8>>, LinkError> {
        let mut inbox = Inbox::new(frames_max, &[]);
        let mut bodies = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = inbox.room();
            let (now, later) = rest.split_at(rest.len().min(room.len()).min(chunk));
            room[..now.len()].copy_from_slice(now);
            inbox.arrived(now.len());
            rest = later;
            while let Some(frame) = inbox.next_frame()? {
                bodies.push(inbox.body(&frame.body).to_vec());
            }
        }
        Ok(bodies)
    }

    #[test]
    fn messages_of_any_size_are_cut_out_wherever_they_are_broken() {
        let sizes = [0, 10, 300_000, 4_000_000, 5, 1_200_000, 7];
        let bodies: Vec<Vec<u8>> = (0..).zip(sizes).map(|(n, size)| vec![n; size]).collect();
        let frames: Vec<u8> = bodies.iter().flat_map(|body| message(body)).collect();
        for chunk in [997, 65_536, usize::MAX] {
            assert_eq!(fed(&frames, chunk, 4_000_000).unwrap(), bodies, "{chunk}");
        }
        assert!(matches!(fed(&frames, 65_536, 3_000_000), Err(LinkError::Malformed(_))));
    }

    proptest! {
        /// Whatever a broker sends, the parser ends, and holds no more than its buffer.
        #[test]
        fn any_bytes_are_frames_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            chunk in 1..40_usize,
        ) {
            drop(fed(&bytes, chunk, 1_000));
        }
    }
}
