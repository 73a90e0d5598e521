//! Commands without a payload, as frames (`PulsarApi.proto`, and the public "Pulsar binary
//! protocol": `[total u32][command size u32][BaseCommand]`, big endian).

use prost::Message;
use pulsar::proto;
use pulsar::proto::BaseCommand;
use pulsar::proto::base_command::Type;

use crate::topic::Endpoint;

/// The newest protocol that this client was written for: 19 added nothing that a producer uses.
const PROTOCOL_VERSION: i32 = 19;

/// What the broker's statistics call this client.
const CLIENT_VERSION: &str = concat!("producer-load-", env!("CARGO_PKG_VERSION"));

pub(super) fn of_type(kind: Type) -> BaseCommand {
    BaseCommand { r#type: kind.into(), ..BaseCommand::default() }
}

/// Returns the frame of a command without a payload.
pub(super) fn encoded(command: &BaseCommand) -> Vec<u8> {
    let size = u32::try_from(command.encoded_len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(8 + command.encoded_len());
    frame.extend((size + 4).to_be_bytes());
    frame.extend(size.to_be_bytes());
    frame.extend(command.encode_to_vec());
    frame
}

/// Returns the frame that greets a broker; through a proxy it names the broker.
pub(super) fn connect(
    method: Option<&str>,
    secret: Option<Vec<u8>>,
    proxied: Option<&Endpoint>,
) -> Vec<u8> {
    let connect = proto::CommandConnect {
        client_version: CLIENT_VERSION.to_owned(),
        protocol_version: Some(PROTOCOL_VERSION),
        proxy_to_broker_url: proxied.map(ToString::to_string),
        auth_method_name: method.map(str::to_owned),
        auth_data: secret,
        feature_flags: Some(proto::FeatureFlags {
            supports_auth_refresh: Some(method.is_some()),
            ..proto::FeatureFlags::default()
        }),
        ..proto::CommandConnect::default()
    };
    encoded(&BaseCommand { connect: Some(connect), ..of_type(Type::Connect) })
}

/// Returns the frame that proves once more who we are.
pub(super) fn proof(method: Option<&str>, secret: Option<Vec<u8>>) -> Vec<u8> {
    let response = proto::CommandAuthResponse {
        client_version: Some(CLIENT_VERSION.to_owned()),
        protocol_version: Some(PROTOCOL_VERSION),
        response: Some(proto::AuthData {
            auth_method_name: method.map(str::to_owned),
            auth_data: secret,
        }),
    };
    encoded(&BaseCommand { auth_response: Some(response), ..of_type(Type::AuthResponse) })
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
