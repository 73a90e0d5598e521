//! When attempts are made: apart from each other, and beside those that nobody answers.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use super::super::Attempts;
use super::super::LookUps;
use super::*;
use crate::schema::Encoding;
use crate::trust::Trust;

/// Returns a process of its own that has a producer on a topic.
fn session(service_url: &str) -> Session {
    let target = Target {
        service_url: service_url.parse().unwrap(),
        first_door: 0,
        proof: None.into(),
        trust: Trust::default(),
        listener_name: None,
        topics: vec!["events".parse().unwrap()],
        schema_name: "Event".to_owned(),
        schema_text: "{}".to_owned(),
        encoding: Encoding::Avro,
        timeout_ns: 0,
        name_timeout_ns: 0,
    };
    let now = clock::now();
    let interrupt = CancellationToken::new();
    let attempts = Attempts { interrupt, deadline: now, name_deadline: now };
    Session { target, look_ups: LookUps::new(0), attempts, partitions: vec![0] }
}

fn lost(number: u64) -> Lost {
    let name = format!("producer-{number}");
    let identity = ProducerIdentity { number, name, topic: 0, partition: 0, epoch: 1 };
    Lost { identity, is_proven: true }
}

/// Has so many processes lose their producers at the same moment while nobody listens, listens
/// after `away`, never answers, and returns when each connection came within `listening`.
fn arrivals(processes: u64, away: Duration, listening: Duration) -> Vec<u64> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let listen = thread::spawn(move || {
        thread::sleep(away);
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let began = clock::now();
        let mut open = Vec::new();
        let mut arrivals = Vec::new();
        while clock::now() < began.plus_ns(u64::try_from(listening.as_nanos()).unwrap()) {
            match listener.accept() {
                Ok((stream, _)) => {
                    open.push(stream);
                    arrivals.push(clock::now().ns_since(began));
                }
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        arrivals
    });
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("pulsar://{address}");
        let start = |number| {
            let recovery = Recovery::start(session(&url));
            recovery.report(lost(number));
            recovery
        };
        let _all: Vec<_> = (0..processes).map(start).collect();
        tokio::time::sleep(away + listening).await;
    });
    listen.join().unwrap()
}

#[test]
fn fifty_that_meet_a_broker_that_comes_back_do_not_come_at_once() {
    const SLICE_NS: u64 = 10_000_000;
    let arrivals = arrivals(50, Duration::from_millis(900), Duration::from_millis(1_400));
    // Each once: nobody is answered, and within a second and a half nobody asks again.
    assert_eq!(arrivals.len(), 50);
    let in_slice_of = |first: &u64| {
        let slice = *first..first + SLICE_NS;
        arrivals.iter().filter(|arrival| slice.contains(arrival)).count()
    };
    let fullest = arrivals.iter().map(in_slice_of).max().unwrap();
    assert!(fullest < 25, "{fullest}: {arrivals:?}");
}

#[test]
fn who_is_not_answered_asks_anew_beside_it() {
    let arrivals = arrivals(1, Duration::ZERO, Duration::from_millis(5_500));
    // At once, and then every second and a half to two seconds.
    assert!((3..=4).contains(&arrivals.len()), "{arrivals:?}");
}

#[test]
fn fifty_that_lost_the_same_broker_come_back_one_by_one() {
    for attempts in 0..12 {
        let mut pauses: Vec<_> =
            (0..50).map(|pod| pause_ns(attempts, &mut fastrand::Rng::with_seed(pod))).collect();
        pauses.sort_unstable();
        let (first, last) = (pauses[0], pauses[49]);
        assert!(last <= PAUSE_NS_MAX, "{attempts}: {last}");
        // However the fifty are cut into ten slices of time, none has half of them.
        let slice = (last - first) / 10 + 1;
        let fullest = (0..10).map(|n| {
            let slice = first + n * slice..first + (n + 1) * slice;
            pauses.iter().filter(|pause| slice.contains(pause)).count()
        });
        assert!(fullest.max().unwrap() < 20, "{attempts}: {pauses:?}");
        assert!(attempts == 0 || last - first >= first / 2, "{attempts}: {pauses:?}");
    }
}
