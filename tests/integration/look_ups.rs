//! Who serves a topic: brokers that send us on, and partitions at several brokers.

use std::net::TcpListener;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerHandle;
use pulsar::message::proto::BaseCommand;
use pulsar::message::proto::CommandError;
use pulsar::message::proto::CommandLookupTopicResponse;
use pulsar::message::proto::CommandPartitionedTopicMetadataResponse;
use pulsar::message::proto::ServerError;
use pulsar::message::proto::base_command::Type;
use pulsar::message::proto::command_lookup_topic_response::LookupType;

use crate::program::run;
use crate::program::total;
use crate::raw_broker::RawBroker;
use crate::raw_broker::connected;
use crate::raw_broker::hang_up;
use crate::raw_broker::of_type;

fn start() -> BrokerHandle {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    broker::start(listener, BrokerConfig::default()).unwrap()
}

/// Answers like a broker that serves nothing itself: topics have so many partitions, and `serving`
/// says for each which URL a look-up is answered with, and whether that only sends us on.
pub(crate) fn sending_on(
    command: &BaseCommand,
    partitions: u32,
    serving: impl Fn(&str) -> (String, LookupType),
) -> Option<BaseCommand> {
    if command.connect.is_some() {
        return Some(connected());
    }
    if let Some(ask) = &command.partition_metadata {
        let answer = CommandPartitionedTopicMetadataResponse {
            request_id: ask.request_id,
            partitions: Some(partitions),
            ..CommandPartitionedTopicMetadataResponse::default()
        };
        let kind = of_type(Type::PartitionedMetadataResponse);
        return Some(BaseCommand { partition_metadata_response: Some(answer), ..kind });
    }
    let ask = command.lookup_topic.as_ref()?;
    let (url, kind) = serving(&ask.topic);
    let answer = CommandLookupTopicResponse {
        request_id: ask.request_id,
        broker_service_url: Some(url),
        response: Some(kind.into()),
        authoritative: Some(true),
        ..CommandLookupTopicResponse::default()
    };
    let kind = of_type(Type::LookupResponse);
    Some(BaseCommand { lookup_topic_response: Some(answer), ..kind })
}

#[test]
fn a_broker_that_sends_us_on_is_followed_and_told_so() {
    let serving = start();
    let last = serving.service_url();
    let second = RawBroker::start(move |command, _| {
        sending_on(command, 0, |_| (last.clone(), LookupType::Redirect))
    });
    let url = second.url.clone();
    let first = RawBroker::start(move |command, _| {
        sending_on(command, 0, |_| (url.clone(), LookupType::Redirect))
    });
    let said = run(&["-u", &first.url, "-d", "300ms", "-r", "1k", "--report", "-"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert_eq!(total(&said.report(), "acknowledged"), 300);
    assert_eq!(serving.stop().records(), 300);
    // Who is sent on says so to the next, which does not ask around again.
    let is_authoritative = |broker: &RawBroker| {
        let asks = broker.heard().into_iter().filter_map(|command| command.lookup_topic);
        asks.map(|ask| ask.authoritative()).collect::<Vec<_>>()
    };
    assert!(is_authoritative(&first).iter().all(|it| !it), "{:?}", first.heard());
    assert!(!is_authoritative(&second).is_empty());
    assert!(is_authoritative(&second).iter().all(|it| *it), "{:?}", second.heard());
}

#[test]
fn brokers_that_send_us_round_in_a_circle_are_told() {
    let broker = RawBroker::start(|command, own| {
        sending_on(command, 0, |_| (own.to_owned(), LookupType::Redirect))
    });
    let said = run(&["check", "-u", &broker.url, "--connect-timeout", "100ms"]);
    assert!(said.log.contains("sent on from broker to broker 20 times"), "{}", said.log);
    assert_eq!(said.code, Some(1), "{}", said.log);
}

#[test]
fn every_broker_has_one_connection_with_all_of_its_partitions() {
    let (one, other) = (start(), start());
    let urls = [one.service_url(), other.service_url()];
    let door = RawBroker::start(move |command, _| {
        sending_on(command, 4, |topic| {
            let partition: usize = topic.rsplit_once('-').unwrap().1.parse().unwrap();
            (urls[partition % 2].clone(), LookupType::Connect)
        })
    });
    let said = run(&["-u", &door.url, "-d", "500ms", "-r", "4k", "--report", "-"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert_eq!(total(&said.report(), "acknowledged"), 2_000);
    let (one, other) = (one.stop(), other.stop());
    assert_eq!(one.records() + other.records(), 2_000);
    for counts in [one, other] {
        assert_eq!(counts.connections, 1, "{counts:?}");
        assert!(counts.records() > 500, "{counts:?}");
    }
}

#[test]
fn a_door_that_greets_and_falls_silent_does_not_keep_us_from_the_next() {
    let serving = start();
    let silent = RawBroker::start(|command, _| command.connect.is_some().then(connected));
    let urls = format!("{},{}", silent.url, serving.service_url().replace("pulsar://", ""));
    // This seed begins at the first.
    let said = run(&["-u", &urls, "--seed", "1", "--connect-timeout", "20s", "-m", "10"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert!(said.log.contains("says nothing"), "{}", said.log);
    assert!(silent.heard().len() > 1, "{:?}", silent.heard());
}

#[test]
fn producers_that_a_broker_does_not_make_are_made_where_they_are_by_then() {
    for falls in [true, false] {
        let (one, other) = (start(), start());
        let leaving = RawBroker::start(move |command, _| match &command.producer {
            Some(_) if falls => hang_up(),
            Some(ask) => Some(not_here(ask.request_id)),
            None => command.connect.is_some().then(connected),
        });
        let urls = [one.service_url(), other.service_url()];
        let (first, asked) = (leaving.url.clone(), AtomicUsize::new(0));
        let door = RawBroker::start(move |command, _| {
            sending_on(command, 4, |topic| {
                let partition: usize = topic.rsplit_once('-').unwrap().1.parse().unwrap();
                // Each partition is asked for once, and the first by the first step.
                let has_left = asked.fetch_add(1, Relaxed) > 4;
                let url = if has_left { &urls[partition % 2] } else { &first };
                (url.clone(), LookupType::Connect)
            })
        });
        let said = run(&["-u", &door.url, "-d", "300ms", "-r", "4k", "--report", "-"]);
        assert_eq!(said.code, Some(0), "{}", said.log);
        assert_eq!(total(&said.report(), "acknowledged"), 1_200);
        let (one, other) = (one.stop().records(), other.stop().records());
        assert!(one + other == 1_200 && one > 0 && other > 0, "{one} {other}");
    }
}

/// Says that the topic is not served here.
fn not_here(request_id: u64) -> BaseCommand {
    let error = ServerError::ServiceNotReady.into();
    let error = CommandError { request_id, error, message: "elsewhere".to_owned() };
    BaseCommand { error: Some(error), ..of_type(Type::Error) }
}
