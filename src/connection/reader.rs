//! A reader: a non-durable consumer of one partition, over a link of its own.
//!
//! Nothing in it waits once it is there. What it holds is bounded: it is sent no more than it asked
//! for, and what it does not read stays in the socket.

use std::io::IoSlice;
use std::task::Context;
use std::task::Poll;

use pulsar::proto;
use pulsar::proto::BaseCommand;
use pulsar::proto::base_command::Type;

use super::Cause;
use super::Link;
use super::LinkError;
use super::command;
use super::inbox::Frame;
use super::inbox::Inbox;
use crate::clock::Moment;

/// The only consumer of a link.
const CONSUMER: u64 = 0;

/// Records that are asked for at a time; as many again are on their way.
const PERMITS: u32 = 10_000;

/// Where a message stands in its topic. Pulsar's numbers have a sign: -1 is before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId {
    /// The ledger.
    pub ledger: i64,
    /// The entry in it.
    pub entry: i64,
}

/// `MessageId.earliest` of the Java client.
pub(super) const EARLIEST: MessageId = MessageId { ledger: -1, entry: -1 };

/// `MessageId.latest` of the Java client.
pub(super) const LATEST: MessageId = MessageId { ledger: i64::MAX, entry: i64::MAX };

impl MessageId {
    fn of(id: &proto::MessageIdData) -> Self {
        Self { ledger: id.ledger_id.cast_signed(), entry: id.entry_id.cast_signed() }
    }

    fn data(self) -> proto::MessageIdData {
        proto::MessageIdData {
            ledger_id: self.ledger.cast_unsigned(),
            entry_id: self.entry.cast_unsigned(),
            ..proto::MessageIdData::default()
        }
    }
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.ledger, self.entry)
    }
}

/// What a reader subscribes to.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    /// The topic, or the partition of one.
    pub(super) topic: String,
    /// The name, which nobody else has.
    pub(super) name: String,
    /// Where to begin; the message there is left out.
    pub(super) behind: MessageId,
    /// Whether the topic is made where there is none.
    pub(super) creates_topic: bool,
}

/// A subscribed reader.
#[derive(Debug)]
pub struct Reader {
    link: Link,
    inbox: Inbox,
    behind: MessageId,
    last_at_start: MessageId,
    /// The message at the front, which has not been taken.
    front: Option<(MessageId, std::ops::Range<usize>)>,
    /// Records that came since more were asked for.
    used: u32,
    outgoing: Vec<u8>,
    /// Whether anything has come since the time was looked at.
    has_heard: bool,
    /// Since when nothing has come, and whether the broker was asked since then if it is there.
    silence: Option<(Moment, bool)>,
}

impl Reader {
    /// Subscribes over a link, and asks which message is the last.
    pub(super) async fn subscribe(mut link: Link, wish: &Subscription) -> Result<Self, Cause> {
        let subscribe = proto::CommandSubscribe {
            topic: wish.topic.clone(),
            subscription: wish.name.clone(),
            sub_type: proto::command_subscribe::SubType::Exclusive.into(),
            consumer_id: CONSUMER,
            request_id: 0,
            consumer_name: Some(wish.name.clone()),
            durable: Some(false),
            start_message_id: Some(wish.behind.data()),
            force_topic_creation: Some(wish.creates_topic),
            ..proto::CommandSubscribe::default()
        };
        let command =
            BaseCommand { subscribe: Some(subscribe), ..command::of_type(Type::Subscribe) };
        link.ask(
            command,
            |command, request| {
                command.subscribe.iter_mut().for_each(|ask| ask.request_id = request);
            },
            |answer| answer.success.take().map(|_| ()),
        )
        .await?;
        let asked = proto::CommandGetLastMessageId { consumer_id: CONSUMER, request_id: 0 };
        let kind = Type::GetLastMessageId;
        let command = BaseCommand { get_last_message_id: Some(asked), ..command::of_type(kind) };
        let last = link.ask(
            command,
            |command, request| {
                command.get_last_message_id.iter_mut().for_each(|ask| ask.request_id = request);
            },
            |answer| answer.get_last_message_id_response.take(),
        );
        let last_at_start = MessageId::of(&last.await?.last_message_id);
        let inbox = Inbox::new(link.message_bytes_max(), link.arrived());
        let mut reader = Self {
            link,
            inbox,
            behind: wish.behind,
            last_at_start,
            front: None,
            used: 0,
            outgoing: Vec::new(),
            has_heard: true,
            silence: None,
        };
        reader.permit(2 * PERMITS);
        Ok(reader)
    }

    fn permit(&mut self, message_permits: u32) {
        let flow = proto::CommandFlow { consumer_id: CONSUMER, message_permits };
        let flow = BaseCommand { flow: Some(flow), ..command::of_type(Type::Flow) };
        self.outgoing.extend(command::encoded(&flow));
    }

    /// Acknowledges everything so far: a non-durable subscription too holds back what a broker may
    /// let go.
    fn acknowledge(&mut self) {
        let ack = proto::CommandAck {
            consumer_id: CONSUMER,
            ack_type: proto::command_ack::AckType::Cumulative.into(),
            message_id: vec![self.behind.data()],
            ..proto::CommandAck::default()
        };
        let ack = BaseCommand { ack: Some(ack), ..command::of_type(Type::Ack) };
        self.outgoing.extend(command::encoded(&ack));
    }

    /// Returns which message was the last one when this reader subscribed; its entry is -1 where
    /// there was none.
    #[must_use]
    pub const fn last_at_start(&self) -> MessageId {
        self.last_at_start
    }

    /// Returns the message that was taken last, or where reading began.
    #[must_use]
    pub const fn behind(&self) -> MessageId {
        self.behind
    }

    /// Returns the message that stood before the first one that was not taken yet, as far as that
    /// is known: where only what comes was asked for, the last one when this reader subscribed.
    #[must_use]
    pub fn before(&self) -> MessageId {
        if self.behind == LATEST { self.last_at_start } else { self.behind }
    }

    /// Returns whether each topic has one ledger for ever, as the embedded broker's have: whatever
    /// it let go of then shows in the number of the first entry.
    #[must_use]
    pub const fn has_one_ledger(&self) -> bool {
        self.link.is_embedded()
    }

    /// Writes what is to be written, and reads until a message is at the front or nothing more has
    /// arrived; returns whether there is one.
    ///
    /// # Errors
    /// When the connection is lost, or the broker closes the reader.
    pub fn advance(&mut self) -> Result<bool, LinkError> {
        loop {
            self.write()?;
            if self.front.is_some() {
                return Ok(true);
            }
            while let Some(frame) = self.inbox.next_frame()? {
                self.hear(frame)?;
                if self.front.is_some() {
                    return Ok(true);
                }
            }
            let Some(bytes) = self.link.read_into(self.inbox.room())? else {
                self.write()?;
                return Ok(false);
            };
            self.inbox.arrived(bytes);
            self.has_heard = true;
        }
    }

    /// Asks a broker that has said nothing for so long whether it is there.
    ///
    /// # Errors
    /// When it says nothing for as long again.
    pub fn keep_alive(&mut self, now: Moment, interval_ns: u64) -> Result<(), LinkError> {
        let (since, is_asked) = match self.silence {
            Some(silence) if !self.has_heard => silence,
            _ => (now, false),
        };
        self.has_heard = false;
        let silent_ns = now.ns_since(since);
        if is_asked && silent_ns >= interval_ns.saturating_mul(2) {
            return Err(LinkError::Silent(silent_ns));
        }
        let asks = !is_asked && silent_ns >= interval_ns;
        if asks {
            self.outgoing.extend(command::ping());
        }
        self.silence = Some((since, is_asked || asks));
        self.write()
    }

    fn hear(&mut self, frame: Frame) -> Result<(), LinkError> {
        let Frame { command, body } = frame;
        if let Some(message) = &command.message {
            let id = MessageId::of(&message.message_id);
            // A broker may begin with the message that was named.
            if id > self.behind || self.behind == LATEST {
                self.front = Some((id, body));
            }
        } else if command.ping.is_some() {
            self.outgoing.extend(command::pong());
        } else if command.auth_challenge.is_some() {
            let proof = self.link.proof()?;
            self.outgoing.extend(proof);
        } else if command.close_consumer.is_some() {
            return Err(LinkError::Closed);
        } else if let Some(error) = command.error {
            return Err(LinkError::Refused(Cause::refused(error.error, error.message)));
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), LinkError> {
        while !self.outgoing.is_empty() {
            let written = self.link.write(&[IoSlice::new(&self.outgoing)])?;
            if written == 0 {
                return Ok(());
            }
            self.outgoing.drain(..written);
        }
        self.link.flush()
    }

    /// Returns the message at the front: its id, and what stands behind its command.
    #[must_use]
    pub fn front(&self) -> Option<(MessageId, &[u8])> {
        self.front.as_ref().map(|(id, body)| (*id, self.inbox.body(body)))
    }

    /// Takes the message at the front away, which had so many records.
    pub fn take(&mut self, records: u32) {
        let Some((id, _)) = self.front.take() else { return };
        self.behind = id;
        self.used = self.used.saturating_add(records);
        if self.used >= PERMITS {
            let used = std::mem::take(&mut self.used);
            self.acknowledge();
            self.permit(used);
        }
    }

    /// Polls for bytes to read.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.link.poll_ready(cx, !self.outgoing.is_empty())
    }
}
