//! Commands, cut out of the bytes that arrive.

use prost::Message;
use pulsar::proto::BaseCommand;

use super::LinkError;

/// A command that a broker may send to a producer is far smaller than this; a larger one is no
/// command.
const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// Reads at a time.
const READ_BYTES: usize = COMMAND_BYTES_MAX + 8;

/// Commands that arrive, cut out of the bytes that do.
#[derive(Debug)]
pub struct Arrivals {
    bytes: Box<[u8]>,
    filled: std::ops::Range<usize>,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { bytes: vec![0; READ_BYTES].into(), filled: 0..0 }
    }
}

impl Arrivals {
    /// Returns the room for bytes that arrive: there is always some after
    /// [`Arrivals::next_command`] has returned none.
    pub fn room(&mut self) -> &mut [u8] {
        if self.filled.start > 0 {
            self.bytes.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        &mut self.bytes[self.filled.end..]
    }

    /// Notes that so many bytes arrived in the room.
    pub const fn arrived(&mut self, bytes: usize) {
        self.filled.end += bytes;
    }

    /// Returns what has arrived and is no whole command yet.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.filled.clone()]
    }

    /// Returns the next command, if all of it has arrived.
    ///
    /// # Errors
    /// When what arrived is no command, or one that no producer is sent.
    pub fn next_command(&mut self) -> Result<Option<BaseCommand>, LinkError> {
        let bytes = &self.bytes[self.filled.clone()];
        let Some((total, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
        let total = u32::from_be_bytes(*total) as usize;
        if !(4..=COMMAND_BYTES_MAX).contains(&total) {
            return Err(LinkError::Malformed("its size is not that of a command"));
        }
        let Some((frame, _)) = rest.split_at_checked(total) else { return Ok(None) };
        let (size, command) = frame.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        // What stands behind the command would be a message, which no producer is sent.
        let command = command.get(..u32::from_be_bytes(*size) as usize);
        let command = command.ok_or(LinkError::Malformed("its size is beyond its frame"))?;
        let command = BaseCommand::decode(command)
            .map_err(|_| LinkError::Malformed("its fields cannot be read"))?;
        self.filled.start += 4 + total;
        Ok(Some(command))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::close_producer;
    use super::super::ping;
    use super::super::pong;
    use super::*;

    fn fed(chunks: &[&[u8]]) -> Result<Vec<BaseCommand>, LinkError> {
        let mut arrivals = Arrivals::default();
        let mut commands = Vec::new();
        for chunk in chunks {
            let mut rest = *chunk;
            while !rest.is_empty() {
                let room = arrivals.room();
                let (now, later) = rest.split_at(rest.len().min(room.len()));
                room[..now.len()].copy_from_slice(now);
                arrivals.arrived(now.len());
                rest = later;
                while let Some(command) = arrivals.next_command()? {
                    commands.push(command);
                }
            }
        }
        Ok(commands)
    }

    #[test]
    fn commands_are_cut_out_wherever_they_are_broken() {
        let frames = [ping(), pong(), close_producer(7, 8)].concat();
        for at in 0..frames.len() {
            let commands = fed(&[&frames[..at], &frames[at..]]).unwrap();
            assert_eq!(commands.len(), 3);
            assert_eq!(commands[2].close_producer.as_ref().unwrap().producer_id, 7);
        }
        let many: Vec<u8> = std::iter::repeat_n(ping(), 20_000).flatten().collect();
        assert_eq!(fed(&[&many]).unwrap().len(), 20_000);
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for bytes in [
            &[0xff, 0xff, 0xff, 0xff][..],
            &[0, 0, 0, 3],
            &[0, 0, 0, 6, 0, 0, 0, 9, 1, 1],
            &[0, 0, 0, 6, 0, 0, 0, 2, 0xff, 0xff],
        ] {
            assert!(matches!(fed(&[bytes]), Err(LinkError::Malformed(_))), "{bytes:?}");
        }
    }

    proptest! {
        /// Whatever a broker sends, the parser ends, and holds no more than its buffer.
        #[test]
        fn any_bytes_are_commands_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            start in 0_usize..3,
        ) {
            // Some that begin as commands do get further.
            let prefix = [&[][..], &[0, 0, 0, 20, 0, 0, 0, 12][..], &[0, 0, 1, 0][..]][start];
            drop(fed(&[prefix, &bytes]));
        }

        /// A command with one byte changed is a command, an error or incomplete: never a panic.
        #[test]
        fn a_changed_byte_does_no_harm(at in 0_usize..60, value in any::<u8>()) {
            let mut frames = [close_producer(7, u64::MAX), ping()].concat();
            let at = at % frames.len();
            frames[at] = value;
            drop(fed(&[&frames]));
        }
    }
}
