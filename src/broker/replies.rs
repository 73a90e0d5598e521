//! The broker's answers as protocol commands, one small function each.

use pulsar::message::proto;
use pulsar::message::proto::BaseCommand;
use pulsar::message::proto::CommandSend;
use pulsar::message::proto::base_command::Type;
use pulsar::message::proto::command_lookup_topic_response::LookupType;
use pulsar::message::proto::command_partitioned_topic_metadata_response::LookupType as Outcome;

use super::codec::MESSAGE_BYTES_MAX;
use super::refusal::Refusal;
use super::topics::LastMessage;
use super::topics::Message;
use super::topics::Notice;
use super::topics::Position;
use super::topics::ProducerOpened;
use super::topics::Taken;

/// The newest protocol version that the `pulsar` crate's types know.
const PROTOCOL_VERSION: i32 = proto::ProtocolVersion::V19 as i32;

fn command(kind: Type) -> BaseCommand {
    BaseCommand { r#type: kind as i32, ..Default::default() }
}

/// `CONNECTED`, in the older of the two sides' versions.
pub(super) fn connected(client_version: i32) -> BaseCommand {
    BaseCommand {
        connected: Some(proto::CommandConnected {
            server_version: concat!("producer-load embedded broker ", env!("CARGO_PKG_VERSION"))
                .to_owned(),
            protocol_version: Some(client_version.min(PROTOCOL_VERSION)),
            max_message_size: i32::try_from(MESSAGE_BYTES_MAX).ok(),
        }),
        ..command(Type::Connected)
    }
}

pub(super) fn ping() -> BaseCommand {
    BaseCommand { ping: Some(proto::CommandPing {}), ..command(Type::Ping) }
}

pub(super) fn pong() -> BaseCommand {
    BaseCommand { pong: Some(proto::CommandPong {}), ..command(Type::Pong) }
}

pub(super) fn success(request_id: u64) -> BaseCommand {
    BaseCommand {
        success: Some(proto::CommandSuccess { request_id, schema: None }),
        ..command(Type::Success)
    }
}

/// `CLOSE_PRODUCER` by the broker, which nobody asked for: `ServerCnx.closeProducer` numbers it -1.
pub(super) fn close_producer(producer_id: u64) -> BaseCommand {
    BaseCommand {
        close_producer: Some(proto::CommandCloseProducer { producer_id, request_id: u64::MAX }),
        ..command(Type::CloseProducer)
    }
}

pub(super) fn error(request_id: u64, refusal: &Refusal) -> BaseCommand {
    BaseCommand {
        error: Some(proto::CommandError {
            request_id,
            error: refusal.code() as i32,
            message: refusal.to_string(),
        }),
        ..command(Type::Error)
    }
}

pub(super) fn partitions(request_id: u64, found: &Result<u32, Refusal>) -> BaseCommand {
    let outcome = found.as_ref().map_or(Outcome::Failed, |_| Outcome::Success);
    let refusal = found.as_ref().err();
    BaseCommand {
        partition_metadata_response: Some(proto::CommandPartitionedTopicMetadataResponse {
            partitions: found.as_ref().ok().copied(),
            request_id,
            response: Some(outcome as i32),
            error: refusal.map(|refusal| refusal.code() as i32),
            message: refusal.map(Refusal::to_string),
        }),
        ..command(Type::PartitionedMetadataResponse)
    }
}

/// `LOOKUP_RESPONSE`: connect to `service_url`, which is this broker.
pub(super) fn look_up(request_id: u64, found: &Result<String, Refusal>) -> BaseCommand {
    let outcome = match found {
        Ok(_) => LookupType::Connect,
        Err(_) => LookupType::Failed,
    };
    let refusal = found.as_ref().err();
    let is_kind = |url: &&String, is_tls| url.starts_with("pulsar+ssl:") == is_tls;
    let url = |is_tls| found.as_ref().ok().filter(|url| is_kind(url, is_tls)).cloned();
    BaseCommand {
        lookup_topic_response: Some(proto::CommandLookupTopicResponse {
            broker_service_url: url(false),
            broker_service_url_tls: url(true),
            response: Some(outcome as i32),
            request_id,
            authoritative: Some(true),
            error: refusal.map(|refusal| refusal.code() as i32),
            message: refusal.map(Refusal::to_string),
            ..Default::default()
        }),
        ..command(Type::LookupResponse)
    }
}

pub(super) fn producer_success(request_id: u64, opened: ProducerOpened) -> BaseCommand {
    BaseCommand {
        producer_success: Some(proto::CommandProducerSuccess {
            request_id,
            producer_name: opened.name,
            last_sequence_id: Some(opened.last_sequence_id),
            schema_version: Some(opened.schema_version),
            topic_epoch: None,
            producer_ready: Some(true),
        }),
        ..command(Type::ProducerSuccess)
    }
}

pub(super) fn schema(
    request_id: u64,
    found: Result<(Vec<u8>, proto::Schema), Refusal>,
) -> BaseCommand {
    let refusal = found.as_ref().err();
    let error_code = refusal.map(|refusal| refusal.code() as i32);
    let error_message = refusal.map(Refusal::to_string);
    let (schema_version, schema) = found.ok().unzip();
    BaseCommand {
        get_schema_response: Some(proto::CommandGetSchemaResponse {
            request_id,
            error_code,
            error_message,
            schema,
            schema_version,
        }),
        ..command(Type::GetSchemaResponse)
    }
}

pub(super) fn schema_created(request_id: u64, created: Result<Vec<u8>, Refusal>) -> BaseCommand {
    let refusal = created.as_ref().err();
    BaseCommand {
        get_or_create_schema_response: Some(proto::CommandGetOrCreateSchemaResponse {
            request_id,
            error_code: refusal.map(|refusal| refusal.code() as i32),
            error_message: refusal.map(Refusal::to_string),
            schema_version: created.ok(),
        }),
        ..command(Type::GetOrCreateSchemaResponse)
    }
}

/// `SEND_RECEIPT`: the entry is taken and lies where it says.
pub(super) fn send_receipt(send: &CommandSend, taken: &Taken) -> BaseCommand {
    BaseCommand {
        send_receipt: Some(proto::CommandSendReceipt {
            producer_id: send.producer_id,
            sequence_id: send.sequence_id.wrapping_add(u64::from(taken.is_receipt_wrong)),
            message_id: Some(message_id(taken.position)),
            highest_sequence_id: send.highest_sequence_id,
        }),
        ..command(Type::SendReceipt)
    }
}

fn message_id(position: Position) -> proto::MessageIdData {
    proto::MessageIdData {
        ledger_id: position.ledger_id,
        entry_id: position.entry_id,
        ..Default::default()
    }
}

/// `MESSAGE`: the head of an entry for a consumer.
pub(super) fn message(consumer_id: u64, message: &Message) -> BaseCommand {
    let delivery = &message.delivery;
    BaseCommand {
        message: Some(proto::CommandMessage {
            consumer_id,
            message_id: message_id(message.position),
            redelivery_count: Some(delivery.redelivery_count),
            ack_set: delivery.left.clone(),
            consumer_epoch: delivery.epoch,
        }),
        ..command(Type::Message)
    }
}

/// `ACK_RESPONSE`: the acknowledgement is taken.
pub(super) fn ack_response(consumer_id: u64, request_id: u64) -> BaseCommand {
    BaseCommand {
        ack_response: Some(proto::CommandAckResponse {
            consumer_id,
            request_id: Some(request_id),
            ..Default::default()
        }),
        ..command(Type::AckResponse)
    }
}

/// What a client is told about its consumer unasked.
pub(super) fn notice(notice: Notice) -> BaseCommand {
    match notice {
        Notice::Closed { consumer_id } => BaseCommand {
            close_consumer: Some(proto::CommandCloseConsumer { consumer_id, request_id: u64::MAX }),
            ..command(Type::CloseConsumer)
        },
        Notice::Active { consumer_id, is_active } => BaseCommand {
            active_consumer_change: Some(proto::CommandActiveConsumerChange {
                consumer_id,
                is_active: Some(is_active),
            }),
            ..command(Type::ActiveConsumerChange)
        },
    }
}

/// `GET_LAST_MESSAGE_ID_RESPONSE`; a topic that holds nothing ends at -1.
pub(super) fn last_message_id(request_id: u64, last: &LastMessage) -> BaseCommand {
    let nowhere = Position { ledger_id: u64::MAX, entry_id: u64::MAX };
    BaseCommand {
        get_last_message_id_response: Some(proto::CommandGetLastMessageIdResponse {
            last_message_id: proto::MessageIdData {
                batch_index: Some(last.batch_index),
                ..message_id(last.last.unwrap_or(nowhere))
            },
            request_id,
            consumer_mark_delete_position: Some(message_id(last.acknowledged)),
        }),
        ..command(Type::GetLastMessageIdResponse)
    }
}

/// `GET_TOPICS_OF_NAMESPACE_RESPONSE`: all of them; the client looks for its pattern by itself.
pub(super) fn topics_of_namespace(request_id: u64, topics: Vec<String>) -> BaseCommand {
    BaseCommand {
        get_topics_of_namespace_response: Some(proto::CommandGetTopicsOfNamespaceResponse {
            request_id,
            topics,
            ..Default::default()
        }),
        ..command(Type::GetTopicsOfNamespaceResponse)
    }
}

/// `SEND_ERROR`: the entry is refused.
pub(super) fn send_error(send: &CommandSend, refusal: &Refusal) -> BaseCommand {
    BaseCommand {
        send_error: Some(proto::CommandSendError {
            producer_id: send.producer_id,
            sequence_id: send.sequence_id,
            error: refusal.code() as i32,
            message: refusal.to_string(),
        }),
        ..command(Type::SendError)
    }
}
