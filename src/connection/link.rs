//! One connection to a broker that speaks in whole commands: what the `framed` transport moves
//! bytes over.
//!
//! Until the run starts it asks and waits for answers; after that nothing in it waits: what cannot
//! be written or read at once is tried again when the socket is ready.

use std::io;
use std::io::IoSlice;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use prost::Message;
use pulsar::proto;
use pulsar::proto::BaseCommand;
use pulsar::proto::base_command::Type;
use tokio::net::TcpStream;

use super::Cause;
use crate::batch::ProducerHead;
use crate::credentials::Credentials;

/// The newest protocol that this client was written for: 19 added nothing that a producer uses.
const PROTOCOL_VERSION: i32 = 19;

/// What the broker's statistics call this client.
const CLIENT_VERSION: &str = concat!("producer-load-", env!("CARGO_PKG_VERSION"));

/// Bytes of a message at most, where the broker does not say.
const MESSAGE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// A command that a broker may send to a producer is far smaller than this; a larger one is no
/// command.
const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// Reads at a time.
const READ_BYTES: usize = COMMAND_BYTES_MAX + 8;

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
    #[error("the broker has said nothing for {} s, though it was asked", .0.as_secs())]
    Silent(Duration),
    /// The broker closed a producer: its topic was moved, unloaded or deleted.
    #[error("the broker closed producer {0}")]
    ProducerClosed(u64),
    /// The broker said no.
    #[error("the broker refused: {0}")]
    Refused(Cause),
    /// What came is no command.
    #[error("the broker sent what is no command: {0}")]
    Malformed(&'static str),
}

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

/// A connection to one broker.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    arrivals: Arrivals,
    message_bytes_max: usize,
    requests: u64,
    credentials: Option<Credentials>,
}

impl Link {
    /// Connects to `address` and greets the broker; through a proxy, `proxied` names the broker.
    ///
    /// # Errors
    /// When nobody listens there, or the broker refuses.
    pub async fn open(
        address: &str,
        proxied: Option<String>,
        credentials: Option<Credentials>,
    ) -> Result<Self, Cause> {
        let secret = credentials.as_ref().map(Credentials::secret).transpose();
        let secret = secret.map_err(|error| Cause::unreadable(&error))?;
        let stream = TcpStream::connect(address).await.map_err(Cause::trouble)?;
        stream.set_nodelay(true).map_err(Cause::trouble)?;
        let mut link = Self {
            stream,
            arrivals: Arrivals::default(),
            message_bytes_max: MESSAGE_BYTES_MAX,
            requests: 0,
            credentials,
        };
        let connect = proto::CommandConnect {
            client_version: CLIENT_VERSION.to_owned(),
            protocol_version: Some(PROTOCOL_VERSION),
            proxy_to_broker_url: proxied,
            auth_method_name: link.credentials.as_ref().map(|known| known.method().to_owned()),
            auth_data: secret,
            feature_flags: Some(proto::FeatureFlags {
                supports_auth_refresh: Some(link.credentials.is_some()),
                ..proto::FeatureFlags::default()
            }),
            ..proto::CommandConnect::default()
        };
        let command = BaseCommand { connect: Some(connect), ..of_type(Type::Connect) };
        link.write_all(&encoded(&command)).await.map_err(Cause::trouble)?;
        let answer = link.answer(|command| command.connected.clone()).await?;
        if let Some(bytes) = answer.max_message_size.and_then(|bytes| usize::try_from(bytes).ok()) {
            link.message_bytes_max = bytes;
        }
        Ok(link)
    }

    /// Returns how many bytes the broker takes in one message.
    #[must_use]
    pub const fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    /// Creates a producer, which registers the schema.
    ///
    /// # Errors
    /// When the broker refuses, or the connection is lost.
    pub async fn create_producer(
        &mut self,
        producer_id: u64,
        topic: &str,
        name: &str,
        schema: proto::Schema,
    ) -> Result<ProducerHead, Cause> {
        self.requests += 1;
        let request_id = self.requests;
        let producer = proto::CommandProducer {
            topic: topic.to_owned(),
            producer_id,
            request_id,
            producer_name: Some(name.to_owned()),
            user_provided_producer_name: Some(true),
            schema: Some(schema),
            epoch: Some(0),
            ..proto::CommandProducer::default()
        };
        let command = BaseCommand { producer: Some(producer), ..of_type(Type::Producer) };
        self.write_all(&encoded(&command)).await.map_err(Cause::trouble)?;
        // A producer that has to wait for another one is answered twice.
        let is_ready = |answer: &proto::CommandProducerSuccess| {
            answer.request_id == request_id && answer.producer_ready.unwrap_or(true)
        };
        let answer = self.answer(|command| command.producer_success.clone().filter(is_ready));
        let answer = answer.await?;
        Ok(ProducerHead { name: answer.producer_name, schema_version: answer.schema_version })
    }

    /// Returns the frame that proves who we are once more: the broker asks before a token expires,
    /// and the file or variable has a new one by then.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn proof(&self) -> io::Result<Vec<u8>> {
        let secret = self.credentials.as_ref().map(Credentials::secret).transpose()?;
        let response = proto::CommandAuthResponse {
            client_version: Some(CLIENT_VERSION.to_owned()),
            protocol_version: Some(PROTOCOL_VERSION),
            response: Some(proto::AuthData {
                auth_method_name: self.credentials.as_ref().map(|known| known.method().to_owned()),
                auth_data: secret,
            }),
        };
        let command = BaseCommand { auth_response: Some(response), ..of_type(Type::AuthResponse) };
        Ok(encoded(&command))
    }

    /// Waits for the answer that `find` finds; an error of the broker's ends the wait.
    async fn answer<T>(&mut self, find: impl Fn(&BaseCommand) -> Option<T>) -> Result<T, Cause> {
        loop {
            while let Some(command) = self.arrivals.next_command().map_err(Cause::trouble)? {
                if let Some(answer) = find(&command) {
                    return Ok(answer);
                }
                if let Some(error) = command.error {
                    return Err(Cause::refused(error.error, error.message));
                }
                if command.ping.is_some() {
                    self.write_all(&pong()).await.map_err(Cause::trouble)?;
                }
                if command.auth_challenge.is_some() {
                    let response = self.proof().map_err(|error| Cause::unreadable(&error))?;
                    self.write_all(&response).await.map_err(Cause::trouble)?;
                }
            }
            self.stream.readable().await.map_err(Cause::trouble)?;
            self.read().map_err(Cause::trouble)?;
        }
    }

    /// Writes all of `bytes`, waiting where the socket is full.
    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes as much as the socket takes; 0: nothing for now.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn write(&self, slices: &[IoSlice<'_>]) -> Result<usize, LinkError> {
        match self.stream.try_write_vectored(slices) {
            Ok(0) => Err(LinkError::Closed),
            Ok(written) => Ok(written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what has arrived; returns whether anything has.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn read(&mut self) -> Result<bool, LinkError> {
        match self.stream.try_read(self.arrivals.room()) {
            Ok(0) => Err(LinkError::Closed),
            Ok(bytes) => {
                self.arrivals.arrived(bytes);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
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
        let is_readable = self.stream.poll_read_ready(cx).is_ready();
        let is_writable = is_full && self.stream.poll_write_ready(cx).is_ready();
        if is_readable || is_writable { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn of_type(kind: Type) -> BaseCommand {
    BaseCommand { r#type: kind.into(), ..BaseCommand::default() }
}

/// Returns the frame of a command without a payload.
fn encoded(command: &BaseCommand) -> Vec<u8> {
    let size = u32::try_from(command.encoded_len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(8 + command.encoded_len());
    frame.extend((size + 4).to_be_bytes());
    frame.extend(size.to_be_bytes());
    frame.extend(command.encode_to_vec());
    frame
}

/// Returns the frame that asks whether the broker is there.
#[must_use]
pub fn ping() -> Vec<u8> {
    encoded(&BaseCommand { ping: Some(proto::CommandPing {}), ..of_type(Type::Ping) })
}

/// Returns the frame that says that this client is there.
#[must_use]
pub fn pong() -> Vec<u8> {
    encoded(&BaseCommand { pong: Some(proto::CommandPong {}), ..of_type(Type::Pong) })
}

/// Returns the frame that closes a producer.
#[must_use]
pub fn close_producer(producer_id: u64, request_id: u64) -> Vec<u8> {
    let close = proto::CommandCloseProducer { producer_id, request_id };
    encoded(&BaseCommand { close_producer: Some(close), ..of_type(Type::CloseProducer) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
