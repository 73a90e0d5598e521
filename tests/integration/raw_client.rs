//! A client that says exactly what a test wants said, byte by byte if need be.
//!
//! It encodes and decodes with the `pulsar` crate's codec, so that the broker's own is not its
//! judge.

use std::io::ErrorKind;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use prost::Message as _;
use pulsar::message::Codec;
use pulsar::message::Message;
use pulsar::message::Metadata;
use pulsar::message::Payload;
use pulsar::message::proto::BaseCommand;
use pulsar::message::proto::CommandConnect;
use pulsar::message::proto::CommandPing;
use pulsar::message::proto::CommandProducer;
use pulsar::message::proto::CommandSend;
use pulsar::message::proto::SingleMessageMetadata;
use pulsar::message::proto::base_command::Type;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Decoder as _;
use tokio_util::codec::Encoder as _;

/// How long a test waits for an answer before it fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection that has said CONNECT.
pub(crate) struct RawClient {
    stream: TcpStream,
    inbox: BytesMut,
}

impl RawClient {
    /// Connects and waits for CONNECTED.
    pub(crate) fn connect(service_url: &str) -> Self {
        Self::try_connect(service_url).unwrap()
    }

    /// Connects and waits for CONNECTED, or tells how the broker did not let it.
    pub(crate) fn try_connect(service_url: &str) -> std::io::Result<Self> {
        let address = service_url.strip_prefix("pulsar://").unwrap();
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let inbox = BytesMut::new();
        let mut client = Self { stream, inbox };
        let connect = BaseCommand {
            r#type: Type::Connect as i32,
            connect: Some(CommandConnect::default()),
            ..Default::default()
        };
        client.write(&frame(connect, None))?;
        assert!(client.try_hear()?.connected.is_some());
        Ok(client)
    }

    /// Sends a command without a payload.
    pub(crate) fn say(&mut self, command: BaseCommand) {
        self.write(&frame(command, None)).unwrap();
    }

    /// Sends bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits for the next command.
    pub(crate) fn hear(&mut self) -> BaseCommand {
        self.try_hear().unwrap()
    }

    fn try_hear(&mut self) -> std::io::Result<BaseCommand> {
        self.try_hear_all().map(|message| message.command)
    }

    /// Waits for the next command and what comes with it.
    pub(crate) fn hear_all(&mut self) -> Message {
        self.try_hear_all().unwrap()
    }

    fn try_hear_all(&mut self) -> std::io::Result<Message> {
        loop {
            if let Some(message) = Codec.decode(&mut self.inbox).unwrap() {
                return Ok(message);
            }
            if self.read()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Tells whether the broker says nothing for a while, and keeps the connection open.
    pub(crate) fn hears_nothing_for(&mut self, duration: Duration) -> bool {
        self.stream.set_read_timeout(Some(duration)).unwrap();
        let heard = self.read();
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        heard.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Returns the commands that have come whole, without waiting for more.
    pub(crate) fn heard(&mut self) -> Vec<BaseCommand> {
        let whole = std::iter::from_fn(|| Codec.decode(&mut self.inbox).unwrap());
        whole.map(|message| message.command).collect()
    }

    /// Asks whether the broker is there.
    pub(crate) fn ping(&mut self) {
        let ping = Some(CommandPing::default());
        self.say(BaseCommand { r#type: Type::Ping as i32, ping, ..Default::default() });
    }

    /// Waits until the broker closes the connection.
    pub(crate) fn wait_until_closed(&mut self) {
        loop {
            match self.read() {
                Ok(0) => return,
                Ok(_) => {}
                // A reset closes too: the broker did not read what was still on its way.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
                Err(error) => panic!("the broker kept the connection open: {error}"),
            }
        }
    }

    fn read(&mut self) -> std::io::Result<usize> {
        let mut bytes = [0; 4096];
        let count = self.stream.read(&mut bytes)?;
        self.inbox.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    /// Asks for a producer with id 0 on the topic `raw`.
    pub(crate) fn open_producer(&mut self, name: &str, epoch: u64) -> BaseCommand {
        self.say(BaseCommand {
            r#type: Type::Producer as i32,
            producer: Some(CommandProducer {
                topic: "raw".to_owned(),
                producer_name: Some(name.to_owned()),
                epoch: Some(epoch),
                ..Default::default()
            }),
            ..Default::default()
        });
        self.hear()
    }
}

fn frame(command: BaseCommand, payload: Option<Payload>) -> BytesMut {
    let mut bytes = BytesMut::new();
    let message = Message { command, payload };
    Codec.encode(message, &mut bytes).unwrap();
    bytes
}

/// Returns the frame of a batch for producer 0; it says it holds `stated` records.
pub(crate) fn batch_frame(sequence_id: u64, records: &[&[u8]], stated: i32) -> BytesMut {
    let mut data = Vec::new();
    for (place, record) in records.iter().enumerate() {
        let header = SingleMessageMetadata {
            payload_size: i32::try_from(record.len()).unwrap(),
            sequence_id: Some(sequence_id + place as u64),
            ..Default::default()
        };
        let size = u32::try_from(header.encoded_len()).unwrap();
        data.extend_from_slice(&size.to_be_bytes());
        data.extend_from_slice(&header.encode_to_vec());
        data.extend_from_slice(record);
    }
    let metadata = Metadata {
        producer_name: "raw".to_owned(),
        sequence_id,
        num_messages_in_batch: Some(stated),
        ..Default::default()
    };
    entry_frame(metadata, data, Some(stated))
}

/// Returns the frame of any entry for producer 0; its command says it holds `stated` records.
pub(crate) fn entry_frame(metadata: Metadata, data: Vec<u8>, stated: Option<i32>) -> BytesMut {
    let sequence_id = metadata.sequence_id;
    let send = CommandSend { sequence_id, num_messages: stated, ..Default::default() };
    let command = BaseCommand { r#type: Type::Send as i32, send: Some(send), ..Default::default() };
    frame(command, Some(Payload { metadata, data }))
}
