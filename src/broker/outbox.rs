//! What waits to be written on one connection, as bytes.
//!
//! Answers leave at once; receipts leave in order, each not before it is due. Both queues are
//! bounded by [`Outbox::has_room`]: without room the session stops reading, and the client
//! meets a full socket, as with a real broker under load.

use std::collections::VecDeque;

use pulsar::message::proto::BaseCommand;
use tokio::time::Instant;
use tokio_util::bytes::BytesMut;

use super::codec::write_command;

/// Receipts that may wait for their time: a delay of 1 s at 50,000 unbatched records a second.
const DELAYED_MAX: usize = 65_536;

/// Bytes that may wait for the socket before reading stops.
const READY_BYTES_MAX: usize = 1024 * 1024;

/// The two queues of a connection.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// What may be written now; the session's writing takes from its front.
    pub(super) ready: BytesMut,
    delayed: BytesMut,
    /// When the next frames of `delayed` are due, and how many bytes each has.
    due: VecDeque<(Instant, usize)>,
}

impl Outbox {
    /// Tells whether another frame may be read.
    pub(super) fn has_room(&self) -> bool {
        self.due.len() < DELAYED_MAX && self.ready.len() < READY_BYTES_MAX
    }

    /// Queues an answer to a request.
    pub(super) fn answer(&mut self, command: &BaseCommand) {
        write_command(command, &mut self.ready);
    }

    /// Queues a receipt that leaves when it is due, after those before it.
    pub(super) fn receipt(&mut self, command: &BaseCommand, due: Instant, now: Instant) {
        self.queue(command, due, now);
    }

    /// Queues an answer that must not overtake the receipts before it.
    pub(super) fn answer_after_receipts(&mut self, command: &BaseCommand, now: Instant) {
        let last = self.due.back().map_or(now, |(due, _)| *due);
        self.queue(command, last, now);
    }

    fn queue(&mut self, command: &BaseCommand, due: Instant, now: Instant) {
        if due <= now && self.due.is_empty() {
            return write_command(command, &mut self.ready);
        }
        let before = self.delayed.len();
        write_command(command, &mut self.delayed);
        self.due.push_back((due, self.delayed.len() - before));
    }

    /// Returns when the next delayed frame is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.front().map(|(due, _)| *due)
    }

    /// Moves every delayed frame that is due by `now` to the ready ones.
    pub(super) fn release(&mut self, now: Instant) {
        while let Some(&(due, bytes)) = self.due.front()
            && due <= now
        {
            self.ready.extend_from_slice(&self.delayed.split_to(bytes));
            self.due.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::replies;
    use super::*;

    const DELAY: Duration = Duration::from_millis(10);

    #[test]
    fn receipts_wait_and_answers_do_not() {
        let start = Instant::now();
        let mut outbox = Outbox::default();
        outbox.receipt(&replies::success(1), start + DELAY, start);
        assert!(outbox.ready.is_empty());
        outbox.answer(&replies::pong());
        let pong_bytes = outbox.ready.len();
        outbox.release(start + DELAY / 2);
        assert_eq!(outbox.ready.len(), pong_bytes);
        outbox.release(start + DELAY);
        assert!(outbox.ready.len() > pong_bytes);
        assert_eq!(outbox.next_due(), None);
    }

    #[test]
    fn nothing_overtakes_a_receipt_that_must_not() {
        let start = Instant::now();
        let mut outbox = Outbox::default();
        outbox.receipt(&replies::success(1), start + DELAY, start);
        outbox.answer_after_receipts(&replies::success(2), start + DELAY / 2);
        assert_eq!(outbox.next_due(), Some(start + DELAY));
        outbox.release(start + DELAY);
        let mut expected = BytesMut::new();
        write_command(&replies::success(1), &mut expected);
        write_command(&replies::success(2), &mut expected);
        assert_eq!(outbox.ready, expected);
    }

    #[test]
    fn both_queues_are_bounded() {
        let start = Instant::now();
        let mut delayed = Outbox::default();
        let mut ready = Outbox::default();
        for (outbox, due) in [(&mut delayed, start + DELAY), (&mut ready, start)] {
            let mut receipts = 0;
            while outbox.has_room() {
                outbox.receipt(&replies::success(receipts), due, start);
                receipts += 1;
            }
            assert!((1_000..=100_000).contains(&receipts), "{receipts}");
        }
    }
}
