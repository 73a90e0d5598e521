//! The part of a conversation that consumers lead.

use pulsar::message::proto::BaseCommand;
use pulsar::message::proto::CommandSubscribe;
use pulsar::message::proto::base_command::Type;

use super::Dialogue;
use super::Goodbye;
use super::part;
use crate::broker::codec::write_message;
use crate::broker::refusal::Refusal;
use crate::broker::replies;
use crate::broker::topics::Notice;

/// Bytes that may wait for the socket before no more messages join them: less than what stops
/// reading, so that a consumer that is behind is still heard.
const DELIVERY_BYTES_MAX: usize = 512 * 1024;

impl Dialogue {
    /// Answers what only consumers say; `false`: the command is none of theirs.
    pub(super) fn serve_consumer(
        &mut self,
        kind: Type,
        command: &BaseCommand,
    ) -> Result<bool, Goodbye> {
        match kind {
            Type::Subscribe => self.subscribe(part(command.subscribe.as_ref())?),
            Type::Flow => {
                let flow = part(command.flow.as_ref())?;
                let key = (self.connection, flow.consumer_id);
                self.topics.lock().permit(key, flow.message_permits);
            }
            Type::Ack => {
                let ack = part(command.ack.as_ref())?;
                let is_known =
                    self.topics.lock().acknowledge((self.connection, ack.consumer_id), ack);
                if let (true, Some(request_id)) = (is_known, ack.request_id) {
                    self.outbox.answer(&replies::ack_response(ack.consumer_id, request_id));
                }
            }
            Type::RedeliverUnacknowledgedMessages => {
                let wish = part(command.redeliver_unacknowledged_messages.as_ref())?;
                self.topics.lock().redeliver((self.connection, wish.consumer_id), wish);
            }
            Type::CloseConsumer => {
                let close = part(command.close_consumer.as_ref())?;
                self.topics.lock().close_consumer((self.connection, close.consumer_id));
                self.consumer_gone(close.consumer_id);
                self.outbox.answer(&replies::success(close.request_id));
            }
            Type::Unsubscribe => {
                let wish = part(command.unsubscribe.as_ref())?;
                let done = self.topics.lock().unsubscribe((self.connection, wish.consumer_id));
                if done.is_ok() {
                    self.consumer_gone(wish.consumer_id);
                }
                self.answer_done(wish.request_id, done);
            }
            Type::Seek => {
                let wish = part(command.seek.as_ref())?;
                let done = self.topics.lock().seek((self.connection, wish.consumer_id), wish);
                self.tell_notices();
                self.answer_done(wish.request_id, done);
            }
            Type::GetLastMessageId => {
                let asked = part(command.get_last_message_id.as_ref())?;
                let last = self.topics.lock().last_message((self.connection, asked.consumer_id));
                let reply = last.map_or_else(
                    |refusal| replies::error(asked.request_id, &refusal),
                    |last| replies::last_message_id(asked.request_id, &last),
                );
                self.outbox.answer(&reply);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn subscribe(&mut self, wish: &CommandSubscribe) {
        let bell = self.bell.clone();
        let done = self.topics.lock().subscribe(self.connection, wish, bell);
        if done.is_ok() && !self.consumers.contains(&wish.consumer_id) {
            self.consumers.push(wish.consumer_id);
        }
        self.answer_done(wish.request_id, done);
    }

    fn answer_done(&mut self, request_id: u64, done: Result<(), Refusal>) {
        let reply = match done {
            Ok(()) => replies::success(request_id),
            Err(refusal) => replies::error(request_id, &refusal),
        };
        self.outbox.answer(&reply);
    }

    fn consumer_gone(&mut self, consumer_id: u64) {
        self.consumers.retain(|known| *known != consumer_id);
    }

    /// Says what happened to this connection's consumers without their doing.
    fn tell_notices(&mut self) {
        let notices = self.topics.lock().take_notices(self.connection);
        for notice in notices {
            if let Notice::Closed { consumer_id } = notice {
                self.consumer_gone(consumer_id);
            }
            self.outbox.answer(&replies::notice(notice));
        }
    }

    /// Queues what there is for this connection's consumers, as far as there is room.
    pub(in crate::broker) fn deliver(&mut self) {
        if self.consumers.is_empty() {
            return;
        }
        self.tell_notices();
        // Another one comes first every time, lest the others starve.
        if let Some(last) = self.consumers.pop() {
            self.consumers.insert(0, last);
        }
        for place in 0..self.consumers.len() {
            let key = (self.connection, self.consumers[place]);
            while self.outbox.ready.len() < DELIVERY_BYTES_MAX {
                let mut topics = self.topics.lock();
                let Some(message) = topics.next_message(key) else {
                    break;
                };
                let command = replies::message(key.1, &message);
                write_message(&command, &message.body, &mut self.outbox.ready);
                if topics.has_rivals(key) {
                    // One at a time, so that all have their turn.
                    self.bell.notify_one();
                    break;
                }
            }
        }
    }
}
