//! One connection to a broker that speaks in whole commands: what the `framed` transport moves
//! bytes over, and what asks where topics are.
//!
//! Until the run starts it asks and waits for answers; after that nothing in it waits: what cannot
//! be written or read at once is tried again when the socket is ready.

use std::io;
use std::io::IoSlice;
use std::task::Context;
use std::task::Poll;

use pulsar::proto;
use pulsar::proto::BaseCommand;
use pulsar::proto::ServerError;
use pulsar::proto::base_command::Type;

use super::Arrivals;
use super::Cause;
use super::Target;
use super::command;
use super::proof::Proof;
use super::socket::Socket;
use crate::batch::ProducerHead;
use crate::topic::Endpoint;
use crate::units::duration_text;

/// What the embedded broker calls itself, before its version.
const EMBEDDED_BROKER: &str = "producer-load embedded broker";

/// Bytes of a message at most, where the broker does not say.
const MESSAGE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Why a link is of no use any more.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The broker closed it.
    #[error("the broker closed the connection")]
    Closed,
    /// The network failed.
    #[error("the connection failed: {0}")]
    Network(#[from] io::Error),
    /// Nothing has come for too long.
    #[error("the broker has said nothing for {}, though it was asked", duration_text(*.0))]
    Silent(u64),
    /// The broker said no.
    #[error("the broker refused: {0}")]
    Refused(Cause),
    /// The broker said no, and always will.
    #[error("the broker refused for good: {}; {}", .0, .0.hint())]
    Final(Cause),
    /// What came is no command.
    #[error("the broker sent what is no command: {0}")]
    Malformed(&'static str),
}

/// A producer that is to be created.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Its number, among all of the process.
    pub(super) number: u64,
    /// Its name.
    pub(super) name: String,
    /// The topic, or the partition of one.
    pub(super) topic: String,
    /// How often it was created before: a later one succeeds an earlier one.
    pub(super) epoch: u64,
}

/// Reads a command that tells what became of one of the producers that were asked for.
fn created(
    command: &mut BaseCommand,
    wanted: &[&Wanted],
    place: impl Fn(u64) -> Option<usize>,
) -> Option<(usize, Result<ProducerHead, Cause>)> {
    if let Some(error) = command.error.take_if(|error| place(error.request_id).is_some()) {
        let cause = Cause::refused(error.error, error.message);
        return place(error.request_id).map(|at| (at, Err(cause)));
    }
    if let Some(closed) = command.close_producer.take() {
        let at = wanted.iter().position(|wanted| wanted.number == closed.producer_id)?;
        return Some((at, Err(Cause::trouble("closed as soon as it was made"))));
    }
    // A producer that has to wait for another one is answered twice.
    let is_ready = |answer: &mut proto::CommandProducerSuccess| {
        place(answer.request_id).is_some() && answer.producer_ready.unwrap_or(true)
    };
    let answer = command.producer_success.take_if(is_ready)?;
    let head = ProducerHead {
        // -1: it has none, or keeps no account.
        last_sequence_id: answer.last_sequence_id.and_then(|last| last.try_into().ok()),
        name: answer.producer_name,
        schema_version: answer.schema_version,
    };
    place(answer.request_id).map(|at| (at, Ok(head)))
}

/// A connection to one broker.
#[derive(Debug)]
pub struct Link {
    socket: Socket,
    arrivals: Arrivals,
    message_bytes_max: usize,
    is_embedded: bool,
    requests: u64,
    proof: Proof,
}

impl Link {
    /// Connects to `endpoint` and greets the broker there, or through a proxy the broker at
    /// `proxied`; once more where there is something else to show to a broker that refused.
    ///
    /// # Errors
    /// When nobody listens there, one side does not trust the other, or the broker refuses.
    pub(super) async fn open(
        target: &Target,
        endpoint: &Endpoint,
        proxied: Option<&Endpoint>,
    ) -> Result<Self, Cause> {
        let secret = target.proof.secret().await?;
        let opened = Self::greeted(target, endpoint, proxied, secret.clone()).await;
        match &opened {
            Err(Cause::Refused { kind: ServerError::AuthenticationError, .. })
                if target.proof.refused(secret.as_deref()) =>
            {
                let secret = target.proof.secret().await?;
                Self::greeted(target, endpoint, proxied, secret).await
            }
            _ => opened,
        }
    }

    /// Connects and greets once.
    async fn greeted(
        target: &Target,
        endpoint: &Endpoint,
        proxied: Option<&Endpoint>,
        secret: Option<Vec<u8>>,
    ) -> Result<Self, Cause> {
        let trust = target.service_url.is_tls().then_some(&target.trust);
        let mut link = Self {
            socket: Socket::open(endpoint, trust).await?,
            arrivals: Arrivals::default(),
            message_bytes_max: MESSAGE_BYTES_MAX,
            is_embedded: false,
            requests: 0,
            proof: target.proof.clone(),
        };
        let greeting = command::connect(link.proof.method(), secret, proxied);
        link.write_all(&greeting).await?;
        let answer = link.answer(|command| command.connected.take()).await?;
        link.proof.taken();
        if let Some(bytes) = answer.max_message_size.and_then(|bytes| usize::try_from(bytes).ok()) {
            link.message_bytes_max = bytes;
        }
        link.is_embedded = answer.server_version.starts_with(EMBEDDED_BROKER);
        Ok(link)
    }

    /// Returns how many bytes the broker takes in one message.
    #[must_use]
    pub const fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    /// Returns whether this program's own broker is at the other end.
    pub(super) const fn is_embedded(&self) -> bool {
        self.is_embedded
    }

    /// Returns what the bytes go by: `plain` or a version of TLS.
    pub(super) fn protocol(&self) -> String {
        self.socket.protocol()
    }

    const fn next_request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// Asks how many partitions a topic has; 0: it is not partitioned.
    pub(super) async fn partitions(&mut self, topic: &str) -> Result<u32, Cause> {
        let request_id = self.next_request();
        let ask = proto::CommandPartitionedTopicMetadata {
            topic: topic.to_owned(),
            request_id,
            ..proto::CommandPartitionedTopicMetadata::default()
        };
        let kind = Type::PartitionedMetadata;
        let ask = BaseCommand { partition_metadata: Some(ask), ..command::of_type(kind) };
        self.write_all(&command::encoded(&ask)).await?;
        let answer = self.answer(|command| {
            let answer = &mut command.partition_metadata_response;
            let answer = answer.take_if(|it| it.request_id == request_id);
            let answer = answer.map(|it| (it.partitions, it.error, it.message));
            // A proxy refuses as if it had been asked for a broker (`LookupProxyHandler.java`).
            let refusal = &mut command.lookup_topic_response;
            let refusal = refusal.take_if(|it| it.request_id == request_id);
            answer.or_else(|| refusal.map(|it| (None, it.error, it.message)))
        });
        let (partitions, error, words) = answer.await?;
        match error {
            Some(error) => Err(Cause::refused(error, words.unwrap_or_default())),
            None => Ok(partitions.unwrap_or_default()),
        }
    }

    /// Asks which broker serves a topic that is not partitioned, or a partition.
    pub(super) async fn look_up(
        &mut self,
        topic: &str,
        listener_name: Option<&str>,
        is_authoritative: bool,
    ) -> Result<proto::CommandLookupTopicResponse, Cause> {
        let request_id = self.next_request();
        let ask = proto::CommandLookupTopic {
            topic: topic.to_owned(),
            request_id,
            authoritative: Some(is_authoritative),
            advertised_listener_name: listener_name.map(str::to_owned),
            ..proto::CommandLookupTopic::default()
        };
        let ask = BaseCommand { lookup_topic: Some(ask), ..command::of_type(Type::Lookup) };
        self.write_all(&command::encoded(&ask)).await?;
        let answer = self.answer(|command| {
            command.lookup_topic_response.take_if(|it| it.request_id == request_id)
        });
        let answer = answer.await?;
        match answer.error {
            Some(error) => Err(Cause::refused(error, answer.message.unwrap_or_default())),
            None => Ok(answer),
        }
    }

    /// Creates producers, each of which registers the schema. All are asked for at once, so that
    /// many take hardly longer than one.
    pub(super) async fn create_producers(
        &mut self,
        wanted: &[&Wanted],
        schema: &proto::Schema,
    ) -> Result<Vec<Result<ProducerHead, Cause>>, Cause> {
        let mut asks = Vec::new();
        let first = self.requests + 1;
        for wanted in wanted {
            let producer = proto::CommandProducer {
                topic: wanted.topic.clone(),
                producer_id: wanted.number,
                request_id: self.next_request(),
                producer_name: Some(wanted.name.clone()),
                user_provided_producer_name: Some(true),
                schema: Some(schema.clone()),
                epoch: Some(wanted.epoch),
                ..proto::CommandProducer::default()
            };
            let ask = BaseCommand { producer: Some(producer), ..command::of_type(Type::Producer) };
            asks.extend(command::encoded(&ask));
        }
        self.write_all(&asks).await?;
        let place = |request_id: u64| {
            usize::try_from(request_id.checked_sub(first)?).ok().filter(|at| *at < wanted.len())
        };
        let mut answers: Vec<_> = wanted.iter().map(|_| None).collect();
        while answers.iter().any(Option::is_none) {
            let (at, answer) = self.answer(|command| created(command, wanted, place)).await?;
            answers[at] = Some(answer);
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// Returns the frame that proves who we are once more: the broker asks before a token expires,
    /// and the file or variable has a new one by then.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn proof(&self) -> io::Result<Vec<u8>> {
        Ok(command::proof(self.proof.method(), self.proof.at_hand()?))
    }

    /// Says a command that has a request's number, which `number` writes into it, and waits for the
    /// answer that `find` takes: on a link that is asked one thing after the other.
    pub(super) async fn ask<T>(
        &mut self,
        mut command: BaseCommand,
        number: impl FnOnce(&mut BaseCommand, u64),
        find: impl Fn(&mut BaseCommand) -> Option<T>,
    ) -> Result<T, Cause> {
        number(&mut command, self.next_request());
        self.write_all(&command::encoded(&command)).await?;
        self.answer(find).await
    }

    /// Waits for the answer that `find` takes; an error of the broker's ends the wait.
    async fn answer<T>(
        &mut self,
        find: impl Fn(&mut BaseCommand) -> Option<T>,
    ) -> Result<T, Cause> {
        loop {
            while let Some(mut command) = self.arrivals.next_command()? {
                if let Some(answer) = find(&mut command) {
                    return Ok(answer);
                }
                if let Some(error) = command.error {
                    return Err(Cause::refused(error.error, error.message));
                }
                if command.ping.is_some() {
                    self.write_all(&command::pong()).await?;
                }
                if command.auth_challenge.is_some() {
                    let response = self.proof().map_err(|error| Cause::unreadable(&error))?;
                    self.write_all(&response).await?;
                }
            }
            if !self.read()? {
                self.socket.readable().await?;
            }
        }
    }

    /// Writes all of `bytes`, waiting where the socket is full.
    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() || !self.socket.flush()? {
            let written = self.socket.write(&[IoSlice::new(rest)])?;
            rest = &rest[written..];
            if written == 0 {
                self.socket.writable().await?;
            }
        }
        Ok(())
    }

    /// Writes as much as the socket takes; 0: nothing for now.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn write(&mut self, slices: &[IoSlice<'_>]) -> Result<usize, LinkError> {
        Ok(self.socket.write(slices)?)
    }

    /// Writes what was taken by [`Link::write`] and is not on the wire yet.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn flush(&mut self) -> Result<(), LinkError> {
        self.socket.flush()?;
        Ok(())
    }

    /// Returns whether something that was taken by [`Link::write`] is not on the wire yet.
    #[must_use]
    pub fn holds_unwritten(&self) -> bool {
        self.socket.holds_unwritten()
    }

    /// Reads what has arrived; returns whether anything has.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn read(&mut self) -> Result<bool, LinkError> {
        match self.socket.read(self.arrivals.room())? {
            None => Ok(false),
            Some(0) => Err(LinkError::Closed),
            Some(bytes) => {
                self.arrivals.arrived(bytes);
                Ok(true)
            }
        }
    }

    /// Reads what has arrived into `room`; `None`: nothing has.
    ///
    /// # Errors
    /// When the connection is lost.
    pub(super) fn read_into(&mut self, room: &mut [u8]) -> Result<Option<usize>, LinkError> {
        match self.socket.read(room)? {
            Some(0) => Err(LinkError::Closed),
            bytes => Ok(bytes),
        }
    }

    /// Returns what has arrived behind the last command.
    pub(super) fn arrived(&self) -> &[u8] {
        self.arrivals.rest()
    }

    /// Returns the next command that has arrived.
    ///
    /// # Errors
    /// When it is none.
    pub fn next_command(&mut self) -> Result<Option<BaseCommand>, LinkError> {
        self.arrivals.next_command()
    }

    /// Polls for bytes to read, and where `is_full` for room to write.
    pub fn poll_ready(&self, cx: &mut Context<'_>, is_full: bool) -> Poll<()> {
        self.socket.poll_ready(cx, is_full)
    }
}
