//! One connection of the `framed` transport, and what is on its way over it.
//!
//! Frames go out in the order in which they were handed over, small commands between them. Once
//! written, a batch waits at its producer for the answer.

use std::collections::VecDeque;
use std::io::IoSlice;

use pulsar::proto::BaseCommand;
use pulsar::proto::CommandSendError;

use crate::clock;
use crate::clock::Moment;
use crate::connection::Broker;
use crate::connection::Cause;
use crate::connection::Link;
use crate::connection::LinkError;
use crate::connection::pong;

use super::super::outstanding::Outstanding;
use super::producers::Producers;

/// Frames that are written by one call at most.
const FRAMES_A_WRITE: usize = 32;

/// One connection and what is on its way over it.
pub(super) struct Line {
    pub(super) broker: Broker,
    pub(super) link: Link,
    /// Frames that are not written whole yet, and how much of the first one is.
    pub(super) unsent: VecDeque<Outstanding>,
    written: usize,
    /// Small commands, which go out between two frames.
    pub(super) control: Vec<u8>,
    /// The last refusal that was logged: thousands of batches may be refused for one reason.
    told: String,
    /// Whether anything has come since the broker was last asked.
    pub(super) is_heard: bool,
}

impl Line {
    pub(super) fn new(broker: Broker, link: Link) -> Self {
        Self {
            broker,
            link,
            unsent: VecDeque::new(),
            written: 0,
            control: Vec::new(),
            told: String::new(),
            is_heard: true,
        }
    }

    /// Returns whether there is something that the socket did not take.
    pub(super) fn is_full(&self) -> bool {
        !self.unsent.is_empty() || !self.control.is_empty() || self.link.holds_unwritten()
    }

    /// Writes as much as the socket takes; returns whether it took anything.
    pub(super) fn write(&mut self, producers: &mut Producers) -> Result<bool, LinkError> {
        let mut is_busy = false;
        self.link.flush()?;
        loop {
            if self.written == 0 && !self.control.is_empty() {
                let written = self.link.write(&[IoSlice::new(&self.control)])?;
                self.control.drain(..written);
                if written == 0 {
                    return Ok(is_busy);
                }
                is_busy = true;
                continue;
            }
            if self.unsent.is_empty() {
                return Ok(is_busy);
            }
            let began = clock::now();
            let written = self.write_frames()?;
            if written == 0 {
                return Ok(is_busy);
            }
            is_busy = true;
            self.note_written(written, began, producers);
        }
    }

    /// Writes the first frames by one call; returns how many bytes the socket took.
    fn write_frames(&mut self) -> Result<usize, LinkError> {
        let mut slices = [IoSlice::new(&[]); FRAMES_A_WRITE];
        let mut count = 0;
        for (slice, outstanding) in slices.iter_mut().zip(&self.unsent) {
            let bytes = outstanding.batch().map_or(&[][..], |batch| batch.bytes());
            *slice = IoSlice::new(&bytes[if count == 0 { self.written } else { 0 }..]);
            count += 1;
        }
        self.link.write(&slices[..count])
    }

    /// Counts frames of which a byte was written as sent, and moves whole ones on.
    fn note_written(&mut self, bytes: usize, began: Moment, producers: &mut Producers) {
        self.written += bytes;
        while self.written > 0 {
            let Some(first) = self.unsent.front_mut() else { return };
            first.sent_at(began);
            let frame_bytes = first.batch().map_or(0, |batch| batch.bytes().len());
            if self.written < frame_bytes {
                return;
            }
            self.written -= frame_bytes;
            first.count_wire_bytes(frame_bytes);
            if let Some(first) = self.unsent.pop_front() {
                producers.sent(first);
            }
        }
    }

    /// Takes out what is not written whole yet and for which `is_wanted` holds. The rest of a frame
    /// that is half written goes out all the same, or what follows it could not be read.
    pub(super) fn take_out(
        &mut self,
        is_wanted: impl Fn(&Outstanding) -> bool,
    ) -> VecDeque<Outstanding> {
        if self.written > 0
            && let Some(first) = self.unsent.front().filter(|first| is_wanted(first))
        {
            let frame = first.batch().map_or(&[][..], |batch| batch.bytes());
            first.count_wire_bytes(frame.len());
            let rest = frame[self.written..].iter().copied();
            self.control.splice(..0, rest);
            self.written = 0;
        }
        let all = std::mem::take(&mut self.unsent);
        let (wanted, left) = all.into_iter().partition(is_wanted);
        self.unsent = left;
        wanted
    }

    /// Reads what has arrived at the line of this place and acts on it; returns whether anything
    /// has.
    pub(super) fn read(
        &mut self,
        place: usize,
        producers: &mut Producers,
    ) -> Result<bool, LinkError> {
        let is_busy = self.link.read()?;
        self.is_heard |= is_busy;
        while let Some(command) = self.link.next_command()? {
            self.act(command, place, producers)?;
        }
        Ok(is_busy)
    }

    fn act(
        &mut self,
        command: BaseCommand,
        place: usize,
        producers: &mut Producers,
    ) -> Result<(), LinkError> {
        if let Some(receipt) = command.send_receipt {
            producers.acknowledged(place, receipt.producer_id, receipt.sequence_id)
        } else if let Some(error) = command.send_error {
            self.refused(error, producers)
        } else if command.ping.is_some() {
            self.control.extend(pong());
            Ok(())
        } else if command.auth_challenge.is_some() {
            self.control.extend(self.link.proof()?);
            Ok(())
        } else if let Some(closed) = command.close_producer {
            let number = usize::try_from(closed.producer_id).unwrap_or(usize::MAX);
            let unsent = self.take_out(|outstanding| outstanding.producer() == Some(number));
            producers.lose(number, place, unsent);
            Ok(())
        } else if let Some(error) = command.error {
            Err(LinkError::Refused(Cause::refused(error.error, error.message)))
        } else {
            Ok(())
        }
    }
    /// Acts on the refusal of a batch. Unless it is for good, what follows the batch may be stored
    /// or not: only sending all of it again, in order, is safe.
    fn refused(
        &mut self,
        error: CommandSendError,
        producers: &mut Producers,
    ) -> Result<(), LinkError> {
        let cause = Cause::refused(error.error, error.message);
        if !cause.is_final_refusal() {
            return Err(LinkError::Refused(cause));
        }
        producers.refused(error.producer_id, error.sequence_id)?;
        if cause.ends_a_topic() {
            return Err(LinkError::Final(cause));
        }
        let words = cause.to_string();
        if words != self.told {
            log::warn!("the broker refused a batch: {words}; {}", cause.hint());
            self.told = words;
        }
        Ok(())
    }
}
