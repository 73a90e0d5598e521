//! Lanes against a publisher that is a plain loop: what they hand over, when, and what they count.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::batch::BatchLimits;
use crate::batch::RecordSealer;
use crate::clock;
use crate::domain::DOMAINS;
use crate::handover;
use crate::handover::Next;
use crate::handover::PublisherEnd;
use crate::program::Parameters;
use crate::rng::Identity;
use crate::routing::Rule;
use crate::schedule::Stage;
use crate::schedule::Stages;
use crate::schema::EventSchema;
use crate::stats::Counts;
use crate::stats::Measuring;
use crate::stats::Stats;
use crate::stop;
use crate::units::Rate;
use crate::units::Sources;

const LIMITS: BatchLimits = BatchLimits {
    records_max: 100,
    bytes_max: 64 * 1024,
    record_bytes_max: 400,
    head_bytes: 0,
    spare_bytes: 0,
    are_noted: true,
};

struct Bench {
    rate: Rate,
    duration: Option<Duration>,
    lanes: u32,
    streams: u32,
    partitions: u32,
    buffers: usize,
    max_lag_ns: u64,
    warmup_ns: u64,
    /// Instead of a rate for a duration.
    schedule: Option<Schedule>,
    stop_after: Option<Duration>,
    /// The longest response time that a receipt has shown.
    known_ns: u64,
    /// The last index that each producer has sent.
    sent_before: Vec<Option<u64>>,
}

impl Default for Bench {
    fn default() -> Self {
        Self {
            rate: "20k".parse().unwrap(),
            duration: Some(Duration::from_millis(200)),
            lanes: 1,
            streams: 1,
            partitions: 1,
            buffers: 8,
            max_lag_ns: 0,
            warmup_ns: 0,
            schedule: None,
            stop_after: None,
            known_ns: 0,
            sent_before: Vec::new(),
        }
    }
}

/// A record's key and payload, as handed over.
type Seen = (Vec<u8>, Vec<u8>);

impl Bench {
    /// Runs lanes; `receive` empties the publisher's end until they are done.
    fn run<T>(&self, receive: impl FnOnce(PublisherEnd, Moment) -> T) -> (T, Counts) {
        let (received, stats) = self.measure(receive);
        (received, stats.counts())
    }

    /// Does the same, and returns all that was counted.
    fn measure<T>(&self, receive: impl FnOnce(PublisherEnd, Moment) -> T) -> (T, Stats) {
        let schema = EventSchema::parse("x", DOMAINS[0].schema_text).unwrap();
        let identity = Identity::new(1, 2, "0/1".parse().unwrap());
        let sources = Sources { first: 0, end: 1_000 };
        let program = Program::compile(&schema, &Parameters::new(identity, sources)).unwrap();
        assert!(program.bytes_max() + program.key_bytes_max() <= LIMITS.record_bytes_max);
        let (ends, publisher) = handover::hand_over(self.lanes, self.buffers, LIMITS);
        let (handle, stop) = stop::stop();
        let stats = Stats::new(self.lanes);
        stats.publisher.response_ns_max.set(self.known_ns);
        let routing = Routing::new(Rule::default(), &[self.partitions], self.streams, 100);
        let routing = &routing;
        let constant = || Schedule::new(self.rate, self.duration);
        let schedule = self.schedule.clone().unwrap_or_else(constant);
        let schedule = &schedule;
        let start = clock::now().plus_ns(5_000_000);
        let resumption = match &self.sent_before[..] {
            [] => Resumption::default(),
            last => Resumption::new(routing, self.streams, last, false).unwrap(),
        };
        let received = std::thread::scope(|scope| {
            for (lane, end) in (0..).zip(ends) {
                let parts = LaneParts {
                    resumption: &resumption,
                    streams: (lane..self.streams).step_by(self.lanes as usize).collect(),
                    streams_total: self.streams,
                    window_ns: 10_000_000,
                    max_lag_ns: self.max_lag_ns,
                    measuring: Measuring {
                        from_ns: self.warmup_ns,
                        paced_until_ns: schedule.paced_until_ns(),
                    },
                    schedule: schedule.clone(),
                    start,
                    start_wall_ms: 1_700_000_000_000,
                    routing,
                    program: &program,
                    sealer: RecordSealer,
                    end,
                    pacer: Pacer::calibrate(stop.clone(), 100, true),
                    stop: stop.clone(),
                    lane: lane as usize,
                    stats: &stats,
                };
                scope.spawn(move || run_lane(parts));
            }
            if let Some(after) = self.stop_after {
                let moment = start.plus_ns(u64::try_from(after.as_nanos()).unwrap());
                let handle = &handle;
                scope.spawn(move || {
                    std::thread::sleep(Duration::from_nanos(moment.ns_since(clock::now())));
                    handle.set();
                });
            }
            receive(publisher, start)
        });
        (received, stats)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "dropped once the lanes have ended")]
/// Takes every batch as soon as it comes, gives the buffer back, and returns all records in order.
fn receive_all(publisher: PublisherEnd, start: Moment) -> Vec<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut seen = Vec::new();
    let mut previous = BTreeMap::new();
    while let Some(batch) = runtime.block_on(publisher.next()) {
        assert!(clock::now() >= start.plus_ns(batch.first_due_ns));
        let producer = (batch.stream, batch.partition);
        assert_eq!(batch.previous_index, previous.insert(producer, batch.last_index));
        assert!((1..=LIMITS.records_max).contains(&batch.len()));
        for border in &batch.borders {
            let (key, payload) = batch.key_and_payload(border);
            seen.push((key.to_vec(), payload.to_vec()));
        }
        publisher.returns().give_back(batch);
    }
    seen.sort_unstable();
    seen
}

#[test]
fn one_and_four_lanes_with_equal_streams_make_the_same_records() {
    let of = |lanes| {
        let (seen, totals) = Bench { lanes, streams: 4, ..Bench::default() }.run(receive_all);
        assert_eq!((totals.scheduled, totals.dropped), (4_000, 0));
        assert_eq!(seen.len(), 4_000);
        seen
    };
    assert_eq!(of(1), of(4));
}

#[test]
fn keyed_records_keep_to_their_partition_and_none_is_lost() {
    let bench = Bench { streams: 3, partitions: 4, buffers: 2, ..Bench::default() };
    let (seen, totals) = bench.run(|publisher, _| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut records = Vec::new();
        let route = Routing::new(Rule::default(), &[4], 3, 100).of(0);
        while let Some(batch) = runtime.block_on(publisher.next()) {
            for border in &batch.borders {
                let (key, payload) = batch.key_and_payload(border);
                assert_eq!(route.partition(0, key), batch.partition);
                records.push(payload.to_vec());
            }
            publisher.returns().give_back(batch);
        }
        records.sort_unstable();
        records.dedup();
        records.len()
    });
    assert_eq!((seen as u64, totals.scheduled, totals.dropped), (4_000, 4_000, 0));
}

#[test]
fn a_stop_ends_the_schedule_at_once_and_counts_on() {
    let stop_after = Some(Duration::from_millis(95));
    let bench = Bench { duration: None, stop_after, streams: 2, ..Bench::default() };
    let (seen, totals) = bench.run(receive_all);
    assert_eq!(totals.scheduled, totals.dropped + seen.len() as u64);
    // 95 ms at 20,000/s; a batch that had begun to be due leaves whole. Generous for a busy
    // machine.
    assert!((1_900..4_000).contains(&totals.scheduled), "{totals:?}");
}

#[test]
fn a_stop_does_not_wait_for_a_record_that_is_due_much_later() {
    let stop_after = Some(Duration::from_millis(20));
    let rate = "0.1".parse().unwrap();
    let bench = Bench { duration: None, stop_after, rate, ..Bench::default() };
    let began = clock::now();
    let (seen, totals) = bench.run(receive_all);
    assert_eq!((seen.len(), totals.scheduled, totals.dropped), (1, 1, 0));
    assert!(clock::now().ns_since(began) < 5_000_000_000);
}

#[test]
fn out_of_buffers_a_lane_waits_catches_up_and_counts_the_wait() {
    let (taken, totals) = Bench { buffers: 2, ..Bench::default() }.run(|publisher, start| {
        std::thread::sleep(Duration::from_millis(60));
        receive_all(publisher, start).len() as u64
    });
    assert_eq!((taken, totals.scheduled, totals.dropped), (4_000, 4_000, 0));
    assert!(totals.buffer_waits > 0 && totals.buffer_wait_ns > 10_000_000, "{totals:?}");
}

#[test]
fn what_is_later_than_the_lag_allows_is_dropped_and_counted_with_its_lag() {
    // What receipts have shown is no excuse for what was too late.
    for known_ns in [0, u64::MAX] {
        let bench = Bench { buffers: 1, max_lag_ns: 20_000_000, known_ns, ..Bench::default() };
        let (taken, stats) = bench.measure(|publisher, start| {
            std::thread::sleep(Duration::from_millis(100));
            receive_all(publisher, start).len() as u64
        });
        let totals = stats.counts();
        assert_eq!(totals.scheduled, 4_000);
        assert_eq!(totals.dropped, 4_000 - taken);
        assert!(totals.dropped > 500, "{totals:?}");
        // Nothing else enters here.
        let response = &stats.latency.lock().response;
        assert_eq!(response.len(), totals.dropped);
        assert!(response.min() > 19_900_000 && response.max() > 80_000_000, "{response:?}");
    }
}

#[test]
fn what_a_stop_cuts_off_makes_no_run_faster_and_hides_no_broker_that_stands_still() {
    let cut_off = |known_ns| {
        let stop_after = Some(Duration::from_millis(100));
        let bench = Bench { duration: None, buffers: 1, stop_after, known_ns, ..Bench::default() };
        let (_, stats) = bench.measure(|publisher, start| {
            std::thread::sleep(Duration::from_millis(110));
            receive_all(publisher, start).len()
        });
        let response = stats.latency.lock().response.clone();
        (stats.counts().dropped, response)
    };
    let (dropped, all) = cut_off(0);
    assert!(dropped > 1_000 && all.len() == dropped, "{dropped} {}", all.len());
    assert!(all.min() < 10_000_000 && all.max() > 80_000_000, "{all:?}");
    let (dropped, longer) = cut_off(50_000_000);
    assert!(longer.len() > 300 && longer.len() < dropped, "{dropped} {}", longer.len());
    assert!(longer.min() > 49_900_000, "{longer:?}");
    assert_eq!(cut_off(u64::MAX).1.len(), 0);
}

#[test]
fn a_publisher_that_leaves_ends_the_lanes_and_nothing_is_lost_from_the_count() {
    let bench = Bench { duration: None, lanes: 2, streams: 2, ..Bench::default() };
    let (taken, totals) = bench.run(|publisher, start| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut taken = 0;
        while clock::now().ns_since(start) < 50_000_000 {
            taken += runtime.block_on(publisher.next()).map_or(0, |batch| batch.len() as u64);
        }
        while let Next::Batch(batch) = publisher.try_next() {
            taken += batch.len() as u64;
        }
        taken
    });
    // Between the last look and the end of the channel a batch may have been handed to nobody.
    assert!(totals.scheduled >= totals.dropped + taken, "{totals:?} {taken}");
}

#[test]
fn at_maximum_rate_full_batches_leave_and_every_stream_has_its_turn() {
    let rate = Rate::Max;
    let bench = Bench { rate, streams: 3, buffers: 4, ..Bench::default() };
    let (by_stream, totals) = bench.run(|publisher, _| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut by_stream, mut partial) = (BTreeMap::<u32, u64>::new(), 0);
        while let Some(batch) = runtime.block_on(publisher.next()) {
            *by_stream.entry(batch.stream).or_default() += batch.len() as u64;
            partial += u64::from(batch.len() < LIMITS.records_max);
            publisher.returns().give_back(batch);
        }
        assert!(partial <= 3, "{partial} batches left before they were full");
        by_stream
    });
    let sum: u64 = by_stream.values().sum();
    assert_eq!((totals.scheduled, totals.dropped), (sum, 0));
    let (least, most) = (by_stream.values().min().unwrap(), by_stream.values().max().unwrap());
    assert!(by_stream.len() == 3 && most - least <= 100, "{by_stream:?}");
}

/// With fewer buffers than partitions batches are sealed to make room, and hardly one gets full.
#[test]
fn at_maximum_rate_the_end_comes_when_no_batch_gets_full_any_more() {
    let bench = Bench { rate: Rate::Max, partitions: 16, buffers: 2, ..Bench::default() };
    let began = clock::now();
    let (taken, totals) = bench.run(|publisher, _| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut taken = 0;
        while let Some(batch) = runtime.block_on(publisher.next()) {
            std::thread::sleep(Duration::from_millis(5));
            taken += batch.len() as u64;
            publisher.returns().give_back(batch);
            assert!(clock::now().ns_since(began) < 20_000_000_000, "it goes on behind its end");
        }
        taken
    });
    assert_eq!((taken, totals.dropped), (totals.scheduled, 0));
}

#[test]
fn stages_are_walked_to_their_end_and_the_warm_up_is_told_apart() {
    let stages: Stages = "50ms@20k,0.1s@20k..40k,50ms@0,25ms@40k".parse().unwrap();
    let schedule = Some(Schedule::of(stages.list(), None));
    let bench = Bench { lanes: 2, streams: 3, warmup_ns: 75_000_000, schedule, ..Bench::default() };
    let (seen, totals) = bench.run(receive_all);
    assert_eq!((seen.len(), totals.scheduled, totals.dropped), (5_000, 5_000, 0));
    // 50 ms at 20,000/s and the first quarter of the ramp: 25 ms at 22,500/s in the mean.
    assert_eq!(totals.warmup, 1_563);
}

#[test]
fn a_number_of_records_is_exact_at_every_rate() {
    for rate in ["30k", "max"] {
        let stage = Stage { duration_ns: u64::MAX, pace: rate.parse::<Rate>().unwrap().into() };
        let schedule = Some(Schedule::of(&[stage], Some(2_345)));
        let bench = Bench { lanes: 2, streams: 4, schedule, ..Bench::default() };
        let (seen, totals) = bench.run(receive_all);
        assert_eq!((seen.len(), totals.scheduled, totals.dropped), (2_345, 2_345, 0));
    }
}

#[test]
fn a_last_stage_at_maximum_rate_begins_when_the_paced_ones_end() {
    let stages: Stages = "45ms@10k,50ms@max".parse().unwrap();
    let schedule = Some(Schedule::of(stages.list(), None));
    let bench = Bench { streams: 2, schedule, ..Bench::default() };
    let (batches, totals) = bench.run(|publisher, start| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut batches = Vec::new();
        while let Some(batch) = runtime.block_on(publisher.next()) {
            assert!(clock::now() >= start.plus_ns(batch.last_due_ns));
            assert!((batch.first_due_ns < 45_000_000) == (batch.last_due_ns < 45_000_000));
            batches.push((batch.last_due_ns, batch.len() as u64));
            publisher.returns().give_back(batch);
        }
        batches
    });
    let of = |is_paced: bool| {
        let of_both = batches.iter().filter(|(due_ns, _)| (*due_ns < 45_000_000) == is_paced);
        of_both.map(|(_, records)| records).sum::<u64>()
    };
    assert_eq!(of(true), 450);
    assert!(of(false) > 1_000, "{batches:?}");
    assert_eq!((totals.scheduled, totals.dropped), (of(true) + of(false), 0));
    assert_eq!(totals.unpaced, of(false));
}

#[test]
fn what_an_earlier_run_has_sent_is_counted_as_skipped() {
    let bench = Bench {
        lanes: 2,
        streams: 2,
        partitions: 2,
        sent_before: vec![Some(1_400), Some(1_000), Some(1_801), Some(1_001)],
        ..Bench::default()
    };
    let (seen, totals) = bench.run(|publisher, _| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut seen = 0;
        while let Some(batch) = runtime.block_on(publisher.next()) {
            seen += batch.len() as u64;
            publisher.returns().give_back(batch);
        }
        seen
    });
    assert_eq!((totals.scheduled, totals.skipped), (seen, 4_000 - seen));
    assert!(totals.skipped > 1_002, "{totals:?}");
}
