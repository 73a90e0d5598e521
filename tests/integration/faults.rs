//! The embedded broker's faults, each seen by a client that says exactly what the test wants said.

use std::net::TcpListener;
use std::num::NonZeroU64;
use std::time::Duration;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::broker::BrokerCounts;
use producer_load::broker::BrokerHandle;
use producer_load::broker::Faults;
use producer_load::clock;
use producer_load::clock::Moment;
use pulsar::message::proto::ServerError;

use crate::program::run;
use crate::raw_client::RawClient;
use crate::raw_client::batch_frame;

/// A broker that reads everything, and a sink.
const KINDS: [Option<NonZeroU64>; 2] = [None, NonZeroU64::new(1)];

fn start(faults: &[&str], sink_check_every: Option<NonZeroU64>) -> BrokerHandle {
    let faults = Faults::combine(faults.iter().map(|fault| fault.parse().unwrap())).unwrap();
    let retain_bytes_max = if sink_check_every.is_some() { 0 } else { 16 * 1024 * 1024 };
    let config =
        BrokerConfig { faults, sink_check_every, retain_bytes_max, ..BrokerConfig::default() };
    broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap()
}

fn seconds_since(start: Moment) -> f64 {
    Duration::from_nanos(clock::now().ns_since(start)).as_secs_f64()
}

/// Waits for what is bound to happen, and fails when it does not.
fn eventually(mut happened: impl FnMut() -> bool) {
    let patience = clock::now();
    while !happened() {
        assert!(seconds_since(patience) < 20.0, "it never happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn connections_are_reset_and_refused_for_a_while() {
    let broker = start(&["drop-connection-every=300ms", "refuse=200ms"], None);
    let url = broker.service_url();
    let mut refused = 0;
    for _ in 0..2 {
        let mut client = None;
        eventually(|| {
            client = RawClient::try_connect(&url).ok();
            refused += u64::from(client.is_none());
            client.is_some()
        });
        let mut client = client.unwrap();
        client.open_producer("p", 0);
        client.wait_until_closed();
    }
    let counts = broker.stop();
    assert_eq!(counts.faults["drop-connection-every"], 2);
    assert_eq!(counts.faults["refuse"], refused);
    // One at the start, and at least one behind the first reset.
    assert!(refused >= 2, "{refused}");
}

#[test]
fn what_is_sent_to_a_closed_producer_vanishes() {
    for kind in KINDS {
        let broker = start(&["close-producer-every=300ms"], kind);
        let mut client = RawClient::connect(&broker.service_url());
        client.open_producer("p", 0);
        let closed = client.hear().close_producer.unwrap();
        assert_eq!(closed.producer_id, 0);
        client.write(&batch_frame(0, &[b"lost"], 1)).unwrap();
        client.ping();
        assert!(client.hear().pong.is_some(), "neither receipt nor error");
        assert_eq!(broker.counts().records(), 0);
        // Closed again before its SEND comes, the producer has to be created once more.
        eventually(|| {
            let opened = client.open_producer("p", 1);
            client.write(&batch_frame(0, &[b"taken"], 1)).unwrap();
            opened.producer_success.is_some() && client.hear().send_receipt.is_some()
        });
        assert_eq!(broker.stop().records(), 1);
    }
}

#[test]
fn a_share_of_the_sends_fails_the_same_at_every_run() {
    const SENDS: u64 = 200;
    let outcomes = |kind| {
        let broker = start(&["send-error=30%"], kind);
        let mut client = RawClient::connect(&broker.service_url());
        client.open_producer("p", 0);
        let mut outcomes = Vec::new();
        for sequence_id in 0..SENDS {
            client.write(&batch_frame(sequence_id, &[b"record"], 1)).unwrap();
            let answer = client.hear();
            if let Some(error) = &answer.send_error {
                assert_eq!(error.error(), ServerError::PersistenceError);
                assert_eq!(error.sequence_id, sequence_id);
            }
            outcomes.push(answer.send_receipt.is_some());
        }
        let counts = broker.stop();
        let taken = outcomes.iter().filter(|taken| **taken).count() as u64;
        assert_eq!((counts.records(), counts.faults["send-error"]), (taken, SENDS - taken));
        assert!((120..=160).contains(&taken), "{taken}");
        outcomes
    };
    assert_eq!(outcomes(KINDS[0]), outcomes(KINDS[1]));
}

#[test]
fn reading_stops_once_and_nothing_is_lost() {
    for kind in KINDS {
        let broker = start(&["stop-reading-for=500ms"], kind);
        let mut client = RawClient::connect(&broker.service_url());
        client.open_producer("p", 0);
        let mut sent = 0;
        let (mut slowest, began) = (0.0_f64, clock::now());
        while seconds_since(began) < 2.0 {
            let asked = clock::now();
            client.write(&batch_frame(sent, &[b"record"], 1)).unwrap();
            assert_eq!(client.hear().send_receipt.unwrap().sequence_id, sent);
            slowest = slowest.max(seconds_since(asked));
            sent += 1;
            std::thread::sleep(Duration::from_millis(1));
        }
        let counts = broker.stop();
        assert_eq!((counts.records(), counts.faults["stop-reading-for"]), (sent, 1));
        assert!(slowest > 0.3, "{slowest}");
    }
}

#[test]
fn a_connection_falls_silent_and_its_names_are_free_later() {
    for kind in KINDS {
        let broker = start(&["half-open=400ms"], kind);
        let url = broker.service_url();
        let mut silent = RawClient::connect(&url);
        assert!(silent.open_producer("p", 0).producer_success.is_some());
        eventually(|| broker.counts().faults.contains_key("half-open"));
        silent.ping();
        assert!(silent.hears_nothing_for(Duration::from_millis(100)));
        let mut busy = 0;
        eventually(|| {
            let answer = RawClient::connect(&url).open_producer("p", 0);
            busy += u64::from(answer.error.is_some());
            answer.producer_success.is_some()
        });
        assert!(busy > 0, "the name was free at once");
        assert!(silent.hears_nothing_for(Duration::from_millis(100)));
    }
}

#[test]
fn receipts_are_rationed() {
    const RECORDS: u32 = 40;
    for kind in KINDS {
        let broker = start(&["receipt-rate=100"], kind);
        let mut clients = ["p", "q"].map(|name| {
            let mut client = RawClient::connect(&broker.service_url());
            client.open_producer(name, 0);
            client
        });
        let sent = clock::now();
        for sequence_id in 0..u64::from(RECORDS) / 4 {
            for client in &mut clients {
                client.write(&batch_frame(sequence_id * 2, &[b"a", b"b"], 2)).unwrap();
            }
        }
        for sequence_id in 0..u64::from(RECORDS) / 4 {
            for client in &mut clients {
                assert_eq!(client.hear().send_receipt.unwrap().sequence_id, sequence_id * 2);
            }
        }
        assert!(seconds_since(sent) >= f64::from(RECORDS) / 100.0);
    }
}

/// Sends ten thousand numbered records in batches of a hundred and returns the numbers that are
/// kept, `None` where one is altered beyond reading.
fn kept_of_ten_thousand(faults: &[&str]) -> (Vec<Option<u32>>, BrokerCounts) {
    let broker = start(faults, None);
    let mut client = RawClient::connect(&broker.service_url());
    client.open_producer("p", 0);
    for batch in 0..100 {
        // Doubled, so that a flipped bit is seen.
        let records = (batch * 100..batch * 100 + 100).map(|n: u32| [n.to_be_bytes(); 2].concat());
        let records: Vec<Vec<u8>> = records.collect();
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        client.write(&batch_frame(u64::from(batch) * 100, &records, 100)).unwrap();
        assert!(client.hear().send_receipt.is_some());
    }
    let mut numbers = Vec::new();
    for entry in broker.entries("raw") {
        for (_, payload) in entry.records().unwrap() {
            let (number, again) = payload.split_at(4);
            let number = u32::from_be_bytes(number.try_into().unwrap());
            numbers.push((number.to_be_bytes() == again).then_some(number));
        }
    }
    (numbers, broker.stop())
}

#[test]
fn records_are_lost_repeated_reordered_and_altered_as_often_as_said() {
    let faults = ["lose=3", "repeat=2", "reorder=2", "flip-bit=1"];
    let (kept, counts) = kept_of_ten_thousand(&faults);
    // Three gone, two more.
    assert_eq!((kept.len(), counts.records()), (9_999, 10_000));
    let struck = ["lose", "repeat", "reorder", "flip-bit"].map(|name| counts.faults[name]);
    assert_eq!(struck, [3, 2, 2, 1]);
    assert_eq!(kept.iter().filter(|number| number.is_none()).count(), 1);
    let known: Vec<u32> = kept.iter().flatten().copied().collect();
    let backwards = known.windows(2).filter(|pair| pair[1] < pair[0]).count();
    let repeated = known.windows(2).filter(|pair| pair[1] == pair[0]).count();
    assert_eq!((backwards, repeated), (2, 2));
    let missing = (0..10_000).filter(|number| !known.contains(number)).count();
    assert_eq!(missing, 3 + 1, "lost, or altered");
    assert_eq!(kept_of_ten_thousand(&faults).0, kept, "the same seed strikes alike");
    assert!(kept_of_ten_thousand(&[]).0.into_iter().eq((0..10_000).map(Some)));
}

#[test]
fn some_receipts_are_wrong() {
    for kind in KINDS {
        let broker = start(&["corrupt-receipt=2"], kind);
        let mut client = RawClient::connect(&broker.service_url());
        client.open_producer("p", 0);
        let mut wrong = 0;
        for place in 0..100 {
            client.write(&batch_frame(place * 10, &[b"record"], 1)).unwrap();
            wrong += u64::from(client.hear().send_receipt.unwrap().sequence_id != place * 10);
        }
        assert_eq!((wrong, broker.stop().faults["corrupt-receipt"]), (2, 2));
    }
}

#[test]
fn the_help_describes_every_fault_and_bad_ones_are_refused() {
    let help = run(&["broker", "--help"]).out;
    for (example, _) in broker::described_faults() {
        assert!(help.contains(&format!("  {example}: ")), "{help}");
    }
    for (arguments, code, words) in [
        (&["--fault", "half-open"][..], 2, "needs a value, such as half-open=5s"),
        (&["--fault", "refuse=1s,refuse=2s"], 104, "refuse is given twice"),
        (&["--sink", "--fault", "lose=1"], 104, "the fault lose has no effect: a sink keeps"),
        (&["--seed", "3"], 104, "--seed has no effect"),
    ] {
        let said = run(&[&["broker", "--listen", "127.0.0.1:0"], arguments].concat());
        assert_eq!(said.code, Some(code), "{}", said.log);
        assert!(said.log.contains(words), "{}", said.log);
    }
}
