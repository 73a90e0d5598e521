//! One connection's conversation: frames in, answers into the outbox. It knows no socket.
//!
//! A request that the broker refuses is answered with words and the connection lives on; what no
//! client of the protocol would say ends it.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use pulsar::message::proto::BaseCommand;
use pulsar::message::proto::CommandProducer;
use pulsar::message::proto::CommandSend;
use pulsar::message::proto::base_command::Type;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::codec::Body;
use super::codec::Frame;
use super::codec::FrameError;
use super::codec::read_frame;
use super::entry::EntryError;
use super::entry::EntrySize;
use super::mischief::Deed;
use super::mischief::Temper;
use super::outbox::Outbox;
use super::producers::ConnectionId;
use super::refusal::Refusal;
use super::replies;
use super::schemas::SchemaVersion;
use super::topics::Taken;
use super::topics::Topics;

mod consuming;

const CONNECT_FIRST: &str = "the first command is CONNECT, and no other is";

/// Says why the broker ends a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Goodbye {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("out of turn: {what}")]
    OutOfTurn { what: &'static str },
    #[error("nothing was heard for two keep-alive intervals")]
    Silent,
    #[error("reset, as the fault drop-connection-every wishes")]
    Cut,
    #[error("silent from now on, as the fault half-open wishes")]
    HalfOpen,
    #[error("the socket failed: {0}")]
    Socket(#[from] std::io::Error),
}

/// One connection's side of the talk. Dropping it closes the connection's producers and consumers.
#[derive(Debug)]
pub(super) struct Dialogue {
    topics: Arc<Mutex<Topics>>,
    connection: ConnectionId,
    /// How the client reached us; a look-up answers with it.
    service_url: String,
    connected: bool,
    /// Producers that the broker closed and the client has not created again. What was on its way
    /// to them is ignored, as by Pulsar's `ServerCnx.handleSend`.
    closed: HashSet<u64>,
    /// The topic that has no room for what comes next.
    full: Option<usize>,
    /// The consumers of this connection, by their ids.
    consumers: Vec<u64>,
    /// Rung when there is something for them, or room again.
    pub(super) bell: Arc<Notify>,
    temper: Temper,
    pub(super) outbox: Outbox,
}

impl Dialogue {
    pub(super) fn new(
        topics: Arc<Mutex<Topics>>,
        connection: ConnectionId,
        service_url: String,
        now: Instant,
    ) -> Self {
        let temper = topics.lock().mischief().temper(connection, now);
        Self {
            topics,
            connection,
            service_url,
            connected: false,
            closed: HashSet::new(),
            full: None,
            consumers: Vec::new(),
            bell: Arc::new(Notify::new()),
            temper,
            outbox: Outbox::default(),
        }
    }

    /// Tells whether another frame may be taken.
    pub(super) fn listens(&self, now: Instant) -> bool {
        self.full.is_none() && self.outbox.has_room() && self.temper.listens(now)
    }

    /// Returns when there is something to do that nobody says.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.outbox.next_due().into_iter().chain(self.temper.next_due()).min()
    }

    /// Does what is due by `now`.
    ///
    /// # Errors
    /// When that ends the conversation.
    pub(super) fn do_due(&mut self, now: Instant) -> Result<(), Goodbye> {
        self.outbox.release(now);
        self.full = self.full.filter(|topic| !self.topics.lock().has_room(*topic, &self.bell));
        while self.temper.next_due().is_some_and(|at| at <= now) {
            let mut topics = self.topics.lock();
            match self.temper.due(topics.mischief(), now) {
                Some(Deed::Cut) => return Err(Goodbye::Cut),
                Some(Deed::FallSilent) => return Err(Goodbye::HalfOpen),
                Some(Deed::CloseProducers(pick)) => {
                    for producer_id in topics.close_topic(self.connection, pick) {
                        self.closed.insert(producer_id);
                        self.outbox.answer(&replies::close_producer(producer_id));
                    }
                }
                Some(Deed::StopReading) | None => {}
            }
        }
        Ok(())
    }

    /// Reads one whole frame and queues what there is to say to it.
    ///
    /// # Errors
    /// When the connection is to be closed.
    pub(super) fn take(&mut self, frame: &[u8], now: Instant) -> Result<(), Goodbye> {
        let Frame { command, body } = read_frame(frame)?;
        let kind = Type::try_from(command.r#type).map_err(|_| out_of_turn("unknown command"))?;
        if self.connected == (kind == Type::Connect) {
            return Err(out_of_turn(CONNECT_FIRST));
        }
        match kind {
            Type::Connect => self.connect(command)?,
            Type::Send => self.send(&part(command.send)?, body, now)?,
            Type::Ping => self.outbox.answer(&replies::pong()),
            Type::Pong => {}
            Type::Producer => self.open_producer(&part(command.producer)?),
            Type::CloseProducer => {
                let close = part(command.close_producer)?;
                let mut topics = self.topics.lock();
                topics.close_producer(self.connection, close.producer_id);
                let reply = replies::success(close.request_id);
                self.outbox.answer_after_receipts(&reply, now);
            }
            _ if self.serve_consumer(kind, &command)? => {}
            _ => match self.inquire(kind, &command)? {
                Some(reply) => self.outbox.answer(&reply),
                None => log::debug!("embedded broker: {kind:?} has no answer here"),
            },
        }
        Ok(())
    }

    fn connect(&mut self, command: BaseCommand) -> Result<(), Goodbye> {
        let connect = part(command.connect)?;
        self.connected = true;
        log::debug!("embedded broker: client {}", connect.client_version);
        let version = connect.protocol_version.unwrap_or(0);
        self.outbox.answer(&replies::connected(version));
        Ok(())
    }

    fn open_producer(&mut self, wish: &CommandProducer) {
        let opened = self.topics.lock().open_producer(self.connection, wish);
        let reply = match opened {
            Ok(opened) => {
                self.closed.remove(&wish.producer_id);
                replies::producer_success(wish.request_id, opened)
            }
            Err(refusal) => replies::error(wish.request_id, &refusal),
        };
        self.outbox.answer(&reply);
    }

    fn send(
        &mut self,
        send: &CommandSend,
        body: Option<Body<'_>>,
        now: Instant,
    ) -> Result<(), Goodbye> {
        let body = body.ok_or(out_of_turn("a SEND without a payload"))?;
        let mut topics = self.topics.lock();
        self.temper.sent(topics.mischief(), now);
        let published = topics.publish(self.connection, send, &body, now);
        let topic = published.as_ref().ok().map(|taken| taken.topic);
        self.full = topic.filter(|topic| !topics.has_room(*topic, &self.bell));
        drop(topics);
        self.answer_send(send, published, now)
    }

    /// Takes a SEND whose frame a sink has let pass, and queues its receipt.
    ///
    /// # Errors
    /// When the connection is to be closed.
    pub(super) fn take_measured(
        &mut self,
        send: &CommandSend,
        measured: Result<EntrySize, EntryError>,
        now: Instant,
    ) -> Result<(), Goodbye> {
        if !self.connected {
            return Err(out_of_turn(CONNECT_FIRST));
        }
        let mut topics = self.topics.lock();
        self.temper.sent(topics.mischief(), now);
        let counted = topics.count(self.connection, send.producer_id, measured, now);
        drop(topics);
        self.answer_send(send, counted, now)
    }

    /// Counts a checksum that a sink found right.
    pub(super) fn count_checksum(&self) {
        self.topics.lock().counts_mut().checksums_checked += 1;
    }

    fn answer_send(
        &mut self,
        send: &CommandSend,
        taken: Result<Taken, Refusal>,
        now: Instant,
    ) -> Result<(), Goodbye> {
        match taken {
            Ok(taken) => {
                let receipt = replies::send_receipt(send, &taken);
                self.outbox.receipt(&receipt, taken.receipt_due, now);
            }
            Err(Refusal::ProducerMissing) if self.closed.contains(&send.producer_id) => {}
            Err(Refusal::ProducerMissing) => return Err(out_of_turn("a SEND without a producer")),
            Err(refusal) => {
                self.outbox.answer_after_receipts(&replies::send_error(send, &refusal), now);
            }
        }
        Ok(())
    }

    /// Answers what changes neither producers nor consumers; `None`: the command expects no answer.
    fn inquire(&self, kind: Type, command: &BaseCommand) -> Result<Option<BaseCommand>, Goodbye> {
        let mut topics = self.topics.lock();
        let reply = match kind {
            Type::PartitionedMetadata => {
                let asked = part(command.partition_metadata.as_ref())?;
                replies::partitions(asked.request_id, &topics.partitions(&asked.topic))
            }
            Type::Lookup => {
                let asked = part(command.lookup_topic.as_ref())?;
                let found = topics.look_up(&asked.topic);
                let found = found.map(|()| self.service_url.clone());
                replies::look_up(asked.request_id, &found)
            }
            Type::GetSchema => {
                let asked = part(command.get_schema.as_ref())?;
                let found = topics.schema(&asked.topic, asked.schema_version.as_deref());
                let found = found.map(|(version, schema)| (version.bytes(), schema.clone()));
                replies::schema(asked.request_id, found)
            }
            Type::GetOrCreateSchema => {
                let asked = part(command.get_or_create_schema.as_ref())?;
                let created = topics.create_schema(&asked.topic, &asked.schema);
                let created = created.map(SchemaVersion::bytes);
                replies::schema_created(asked.request_id, created)
            }
            Type::GetTopicsOfNamespace => {
                let asked = part(command.get_topics_of_namespace.as_ref())?;
                replies::topics_of_namespace(asked.request_id, topics.topics_of(&asked.namespace))
            }
            _ => {
                let request_id = unsupported_request_id(command);
                let error = |id| replies::error(id, &Refusal::Unsupported);
                return Ok(request_id.map(error));
            }
        };
        Ok(Some(reply))
    }

    /// Counts why the connection is closed.
    pub(super) fn count(&self, goodbye: &Goodbye) {
        let mut topics = self.topics.lock();
        let counts = topics.counts_mut();
        match goodbye {
            Goodbye::Frame(FrameError::Checksum { .. }) => {
                counts.checksums_checked += 1;
                counts.checksum_errors += 1;
            }
            Goodbye::Frame(_) | Goodbye::OutOfTurn { .. } => counts.frames_refused += 1,
            Goodbye::Silent | Goodbye::Cut | Goodbye::HalfOpen | Goodbye::Socket(_) => {}
        }
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        self.topics.lock().disconnect(self.connection);
    }
}

pub(super) const fn out_of_turn(what: &'static str) -> Goodbye {
    Goodbye::OutOfTurn { what }
}

/// Returns the part of a command that its type promises.
fn part<T>(part: Option<T>) -> Result<T, Goodbye> {
    part.ok_or(out_of_turn("a command without the part its type names"))
}

/// Returns the request id of a command that this broker does not know how to serve.
fn unsupported_request_id(command: &BaseCommand) -> Option<u64> {
    macro_rules! request_id_of {
        ($($part:ident),*) => {
            None$(.or(command.$part.as_ref().map(|part| part.request_id)))*
        };
    }
    request_id_of!(
        consumer_stats,
        new_txn,
        add_partition_to_txn,
        add_subscription_to_txn,
        end_txn,
        end_txn_on_partition,
        end_txn_on_subscription,
        tc_client_connect_request
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsar::message::Codec;
    use pulsar::message::proto;
    use pulsar::message::proto::ServerError;
    use tokio_util::bytes::BytesMut;
    use tokio_util::codec::Decoder as _;

    use super::super::BrokerConfig;
    use super::super::codec::write_command;

    fn dialogue() -> Dialogue {
        let topics = Arc::new(Mutex::new(Topics::new(&BrokerConfig::default())));
        Dialogue::new(topics, 0, "pulsar://here".to_owned(), Instant::now())
    }

    fn say(dialogue: &mut Dialogue, command: &BaseCommand) -> Result<(), Goodbye> {
        let mut frame = BytesMut::new();
        write_command(command, &mut frame);
        dialogue.take(&frame, Instant::now())
    }

    fn answer(dialogue: &mut Dialogue) -> Option<BaseCommand> {
        let message = Codec.decode(&mut dialogue.outbox.ready).unwrap();
        message.map(|message| message.command)
    }

    fn connect() -> BaseCommand {
        BaseCommand {
            r#type: Type::Connect as i32,
            connect: Some(proto::CommandConnect {
                protocol_version: Some(12),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn connect_comes_first_and_once() {
        let mut early = dialogue();
        assert!(say(&mut early, &replies::ping()).is_err());
        let mut dialogue = dialogue();
        say(&mut dialogue, &connect()).unwrap();
        let connected = answer(&mut dialogue).unwrap().connected.unwrap();
        assert_eq!(connected.protocol_version, Some(12));
        assert_eq!(connected.max_message_size, Some(5 * 1024 * 1024));
        say(&mut dialogue, &replies::ping()).unwrap();
        assert!(answer(&mut dialogue).unwrap().pong.is_some());
        let goodbye = say(&mut dialogue, &connect()).unwrap_err();
        dialogue.count(&goodbye);
        assert_eq!(dialogue.topics.lock().counts().frames_refused, 1);
    }

    #[test]
    fn what_is_not_served_is_refused_in_words() {
        let mut dialogue = dialogue();
        say(&mut dialogue, &connect()).unwrap();
        answer(&mut dialogue).unwrap();
        let new_transaction = BaseCommand {
            r#type: Type::NewTxn as i32,
            new_txn: Some(proto::CommandNewTxn { request_id: 7, ..Default::default() }),
            ..Default::default()
        };
        say(&mut dialogue, &new_transaction).unwrap();
        let error = answer(&mut dialogue).unwrap().error.unwrap();
        assert_eq!(error.request_id, 7);
        assert_eq!(error.error(), ServerError::NotAllowedError);
        assert_eq!(error.message, "not supported by the embedded broker");
        let flow = BaseCommand {
            r#type: Type::Flow as i32,
            flow: Some(proto::CommandFlow::default()),
            ..Default::default()
        };
        say(&mut dialogue, &flow).unwrap();
        assert_eq!(answer(&mut dialogue), None);
    }

    #[test]
    fn a_command_without_its_part_ends_the_connection() {
        let mut dialogue = dialogue();
        say(&mut dialogue, &connect()).unwrap();
        for number in 4..=63 {
            let bare = BaseCommand { r#type: number, ..Default::default() };
            let said = say(&mut dialogue, &bare);
            let needs_part =
                [4, 5, 6, 10, 11, 12, 15, 16, 20, 21, 23, 28, 29, 32, 34, 39].contains(&number);
            let unknown = Type::try_from(number).is_err();
            assert_eq!(said.is_err(), needs_part || unknown, "type {number}");
        }
    }

    #[test]
    fn a_dropped_dialogue_frees_its_names() {
        let mut dialogue = dialogue();
        let topics = Arc::clone(&dialogue.topics);
        say(&mut dialogue, &connect()).unwrap();
        let producer = BaseCommand {
            r#type: Type::Producer as i32,
            producer: Some(CommandProducer { topic: "t".to_owned(), ..Default::default() }),
            ..Default::default()
        };
        say(&mut dialogue, &producer).unwrap();
        let live = |topics: &Mutex<Topics>| {
            let counts = topics.lock().counts();
            counts.topics.values().map(|t| t.producers.len()).sum::<usize>()
        };
        assert_eq!(live(&topics), 1);
        drop(dialogue);
        assert_eq!(live(&topics), 0);
    }
}
