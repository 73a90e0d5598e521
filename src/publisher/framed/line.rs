//! One connection of the `framed` transport, and what is on its way over it.
//!
//! Frames go out in the order in which they were handed over, small commands between them. A batch
//! waits in its producer's queue until its receipt comes; receipts come in the same order.

use std::collections::VecDeque;
use std::io::IoSlice;

use pulsar::proto::BaseCommand;

use crate::clock;
use crate::clock::Moment;
use crate::connection::Cause;
use crate::connection::Link;
use crate::connection::LinkError;
use crate::connection::pong;

use super::super::outstanding::Outstanding;

/// Frames that are written by one call at most.
const FRAMES_A_WRITE: usize = 32;

/// One connection and what is on its way over it.
pub(super) struct Line {
    pub(super) link: Link,
    /// Frames that are not written whole yet, and how much of the first one is.
    pub(super) unsent: VecDeque<Outstanding>,
    written: usize,
    /// Small commands, which go out between two frames.
    pub(super) control: Vec<u8>,
    /// Batches without a receipt, by producer; empty for those on other lines.
    in_flight: Vec<VecDeque<Outstanding>>,
    /// How many there are.
    unanswered: usize,
    /// Whether anything has come since the broker was last asked.
    pub(super) is_heard: bool,
}

impl Line {
    pub(super) fn new(link: Link, producers: usize) -> Self {
        Self {
            link,
            unsent: VecDeque::new(),
            written: 0,
            control: Vec::new(),
            in_flight: (0..producers).map(|_| VecDeque::new()).collect(),
            unanswered: 0,
            is_heard: true,
        }
    }

    /// Returns whether nothing is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.unsent.is_empty() && self.unanswered == 0
    }

    /// Returns whether there is something that the socket did not take.
    pub(super) fn is_full(&self) -> bool {
        !self.unsent.is_empty() || !self.control.is_empty() || self.link.holds_unwritten()
    }

    /// Writes as much as the socket takes; returns whether it took anything.
    pub(super) fn write(&mut self) -> Result<bool, LinkError> {
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
            self.note_written(written, began);
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
    fn note_written(&mut self, bytes: usize, began: Moment) {
        self.written += bytes;
        while self.written > 0 {
            let Some(first) = self.unsent.front_mut() else { return };
            first.sent_at(began);
            let (frame_bytes, producer) = first
                .batch()
                .map_or((0, 0), |batch| (batch.bytes().len(), batch.producer as usize));
            if self.written < frame_bytes {
                return;
            }
            self.written -= frame_bytes;
            first.count_wire_bytes(frame_bytes);
            if let (Some(first), Some(queue)) =
                (self.unsent.pop_front(), self.in_flight.get_mut(producer))
            {
                queue.push_back(first);
                self.unanswered += 1;
            }
        }
    }

    /// Reads what has arrived and acts on it; returns whether anything has.
    pub(super) fn read(&mut self) -> Result<bool, LinkError> {
        let is_busy = self.link.read()?;
        self.is_heard |= is_busy;
        while let Some(command) = self.link.next_command()? {
            self.act(command)?;
        }
        Ok(is_busy)
    }

    fn act(&mut self, command: BaseCommand) -> Result<(), LinkError> {
        if let Some(receipt) = command.send_receipt {
            self.answered(receipt.producer_id, receipt.sequence_id, Outstanding::acknowledged)
        } else if let Some(error) = command.send_error {
            let cause = Cause::refused(error.error, error.message);
            let is_final = cause.is_final_refusal();
            log::warn!("the broker refused a batch: {cause}; {}", cause.hint());
            self.answered(error.producer_id, error.sequence_id, |outstanding| {
                outstanding.refused(if is_final { usize::MAX } else { 0 });
            })
        } else if command.ping.is_some() {
            self.control.extend(pong());
            Ok(())
        } else if command.auth_challenge.is_some() {
            self.control.extend(self.link.proof()?);
            Ok(())
        } else if let Some(closed) = command.close_producer {
            Err(LinkError::ProducerClosed(closed.producer_id))
        } else if let Some(error) = command.error {
            Err(LinkError::Refused(Cause::refused(error.error, error.message)))
        } else {
            Ok(())
        }
    }

    /// Gives the producer's first batch its fate. Receipts of a producer come in the order of its
    /// batches; anything else is no answer to what was sent.
    fn answered(
        &mut self,
        producer_id: u64,
        sequence_id: u64,
        fate: impl FnOnce(Outstanding),
    ) -> Result<(), LinkError> {
        let place = usize::try_from(producer_id).unwrap_or(usize::MAX);
        let queue = self.in_flight.get_mut(place);
        let expected = |first: &Outstanding| {
            first.batch().is_some_and(|batch| batch.first_index == sequence_id)
        };
        match queue.and_then(|queue| queue.pop_front_if(|first| expected(first))) {
            Some(first) => {
                self.unanswered -= 1;
                fate(first);
                Ok(())
            }
            None => Err(LinkError::Malformed("a receipt of a batch that was not sent")),
        }
    }
}
