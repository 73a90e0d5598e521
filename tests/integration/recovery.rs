//! How lost producers come back: soon where somebody answers, slowly where nothing is got through.

use std::io::Read as _;
use std::io::Write as _;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::Faults;
use producer_load::clock;
use pulsar::message::proto::BaseCommand;
use pulsar::message::proto::CommandCloseProducer;
use pulsar::message::proto::CommandProducerSuccess;
use pulsar::message::proto::CommandSendReceipt;
use pulsar::message::proto::CommandSuccess;
use pulsar::message::proto::base_command::Type;
use pulsar::message::proto::command_lookup_topic_response::LookupType;

use crate::look_ups::sending_on;
use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::signal;
use crate::program::total;
use crate::raw_broker::RawBroker;
use crate::raw_broker::of_type;

/// Connections within so many seconds that are no storm: five quick ones, then three a second, each
/// with one for its look-up.
const fn connections_max(seconds: u64) -> u64 {
    2 * (6 + 4 * seconds)
}

/// Runs against a broker that takes nothing, and ends the run.
fn run_for(time: Duration, url: &str) -> Said {
    let arguments = ["-u", url, "--drain-timeout", "100ms", "--report", "-"];
    let child = program(&arguments).spawn().unwrap();
    thread::sleep(time);
    signal(&child, "INT");
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_broker_that_refuses_every_batch_is_not_stormed() {
    let faults = Faults::combine(["send-error=100%".parse().unwrap()]).unwrap();
    let config = BrokerConfig { faults, ..BrokerConfig::default() };
    let broker = broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap();
    let url = broker.service_url();
    let said = run_for(Duration::from_secs(4), &url);
    let report = said.report();
    assert_eq!(total(&report, "acknowledged"), 0, "{report}");
    let lost = report["losses"]["connections"].as_u64().unwrap();
    assert!(lost > 3, "{report}");
    let connections = broker.stop().connections;
    assert!(connections <= connections_max(4), "{connections}: {}", said.log);
}

/// Answers like a broker that takes what `sent` says.
fn taking<const N: usize>(
    command: &BaseCommand,
    own: &str,
    sent: impl FnOnce(u64, u64) -> [BaseCommand; N],
) -> Vec<BaseCommand> {
    if let Some(ask) = &command.producer {
        let answer = CommandProducerSuccess {
            request_id: ask.request_id,
            producer_name: ask.producer_name.clone().unwrap(),
            ..CommandProducerSuccess::default()
        };
        let kind = of_type(Type::ProducerSuccess);
        return vec![BaseCommand { producer_success: Some(answer), ..kind }];
    }
    if let Some(ask) = &command.close_producer {
        let success = CommandSuccess { request_id: ask.request_id, schema: None };
        return vec![BaseCommand { success: Some(success), ..of_type(Type::Success) }];
    }
    if let Some(send) = &command.send {
        return sent(send.producer_id, send.sequence_id).to_vec();
    }
    let served = sending_on(command, 0, |_| (own.to_owned(), LookupType::Connect));
    served.into_iter().collect()
}

fn closed(producer_id: u64) -> BaseCommand {
    let close = CommandCloseProducer { producer_id, ..CommandCloseProducer::default() };
    BaseCommand { close_producer: Some(close), ..of_type(Type::CloseProducer) }
}

fn receipt(producer_id: u64, sequence_id: u64) -> BaseCommand {
    let receipt = CommandSendReceipt { producer_id, sequence_id, ..CommandSendReceipt::default() };
    BaseCommand { send_receipt: Some(receipt), ..of_type(Type::SendReceipt) }
}

#[test]
fn a_broker_that_closes_the_producer_at_every_batch_is_not_stormed() {
    let broker =
        RawBroker::start(|command, own| taking(command, own, |producer, _| [closed(producer)]));
    let url = broker.url.clone();
    let said = run_for(Duration::from_secs(4), &url);
    assert!(said.report()["losses"]["producers"].as_u64().unwrap() > 3, "{}", said.log);
    let connects = broker.heard().iter().filter(|heard| heard.connect.is_some()).count() as u64;
    assert!(connects <= connections_max(4), "{connects}: {}", said.log);
}

#[test]
fn a_receipt_that_comes_behind_the_end_of_its_producer_counts() {
    let broker = RawBroker::start(|command, own| {
        taking(command, own, |producer, sequence_id| {
            let receipt = receipt(producer, sequence_id);
            if sequence_id == 0 { [closed(producer), receipt] } else { [receipt.clone(), receipt] }
        })
    });
    let url = broker.url.clone();
    let said =
        run(&["-u", &url, "-r", "100", "-b", "50", "-m", "20", "--max-lag", "0", "--report", "-"]);
    let report = said.report();
    assert_eq!((total(&report, "acknowledged"), total(&report, "resent")), (20, 0), "{report}");
    assert_eq!(report["losses"]["producers"], 1, "{report}");
    let sends = broker.heard().into_iter().filter_map(|heard| heard.send);
    let sends: Vec<u64> = sends.map(|send| send.sequence_id).collect();
    assert_eq!(sends, [0, 5, 10, 15]);
}

/// A way to a broker that can fall silent: what goes over it then is gone, and connections that
/// were open or are opened meanwhile stay dead.
fn way_to(broker: &str, is_silent: &Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("pulsar://{}", listener.local_addr().unwrap());
    let (address, is_silent) = (broker.replace("pulsar://", ""), Arc::clone(is_silent));
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            if is_silent.load(Ordering::Relaxed) {
                std::mem::forget(client);
                continue;
            }
            let server = TcpStream::connect(&address).unwrap();
            let is_dead = Arc::new(AtomicBool::new(false));
            let ends = [(&client, &server, false), (&server, &client, true)];
            for (from, to, is_down) in ends {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let (is_silent, is_dead) = (Arc::clone(&is_silent), Arc::clone(&is_dead));
                thread::spawn(move || carry(from, to, is_down, &is_silent, &is_dead));
            }
        }
    });
    url
}

fn carry(
    mut from: TcpStream,
    mut to: TcpStream,
    is_down: bool,
    is_silent: &AtomicBool,
    is_dead: &AtomicBool,
) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if is_silent.load(Ordering::Relaxed) {
            is_dead.store(true, Ordering::Relaxed);
        }
        if !is_dead.load(Ordering::Relaxed) && to.write_all(&bytes[..count]).is_err() {
            break;
        }
        if is_dead.load(Ordering::Relaxed) && !is_down {
            // The broker gives the dead one up, so that its producer's name is free.
            to.shutdown(Shutdown::Both).ok();
        }
    }
    if !is_dead.load(Ordering::Relaxed) {
        to.shutdown(Shutdown::Both).ok();
    } else if is_down {
        // The client hears nothing of it.
        std::mem::forget(to);
    }
}

#[test]
fn a_network_that_was_silent_for_long_is_used_as_soon_as_it_is_heard_again() {
    let serving =
        broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), BrokerConfig::default()).unwrap();
    let is_silent = Arc::new(AtomicBool::new(false));
    let way = way_to(&serving.service_url(), &is_silent);
    let front = RawBroker::start(move |command, _| {
        sending_on(command, 0, |_| (way.clone(), LookupType::Connect))
    });
    let door = way_to(&front.url, &is_silent);
    let fixed = ["-u", &door, "-d", "12s", "--max-lag", "0", "--keep-alive-interval", "400ms"];
    let child = program(&[&fixed[..], &["--report", "-"]].concat()).spawn().unwrap();
    let taken = || serving.counts().records();
    while taken() < 500 {
        thread::sleep(Duration::from_millis(5));
    }
    is_silent.store(true, Ordering::Relaxed);
    thread::sleep(Duration::from_secs(8));
    let before = taken();
    is_silent.store(false, Ordering::Relaxed);
    let healed = clock::now();
    // Two seconds and what a busy machine adds.
    let patience = healed.plus_ns(5_000_000_000);
    while taken() == before && clock::now() < patience {
        thread::sleep(Duration::from_millis(5));
    }
    let waited = Duration::from_nanos(clock::now().ns_since(healed));
    let is_back = taken() > before;
    let said = Said::from(child.wait_with_output().unwrap());
    assert!(is_back, "not after {waited:?}: {}", said.log);
    assert!(matches!(said.code, Some(0 | 98)), "{}", said.log);
    assert_eq!(total(&said.report(), "acknowledged"), 12_000, "{}", said.log);
}
