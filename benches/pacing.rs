//! What pacing costs a deadline in CPU time, and how far from the schedule lanes hand records over.
//!
//! Prints how late the pacer lets its thread go (wake-up and spin), and of whole lanes with the
//! real encoder the most that handed over and due ever differed, beside what is allowed: the
//! records of one batch window, and 0.05 % of those of 10 s.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up has failed")]
#![allow(clippy::print_stderr, reason = "deviation and lateness are what this bench has to say")]

use std::thread;
use std::time::Duration;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use hdrhistogram::Histogram;
use producer_load::batch::BatchLimits;
use producer_load::batch::RecordSealer;
use producer_load::clock;
use producer_load::domain;
use producer_load::generator::LaneParts;
use producer_load::generator::Resumption;
use producer_load::generator::run_lane;
use producer_load::handover;
use producer_load::handover::PublisherEnd;
use producer_load::pacer::Pacer;
use producer_load::pacer::Waited;
use producer_load::program::Parameters;
use producer_load::program::Program;
use producer_load::rng::Identity;
use producer_load::routing::Routing;
use producer_load::routing::Rule;
use producer_load::schedule::Schedule;
use producer_load::schema::EventSchema;
use producer_load::stats::Measuring;
use producer_load::stats::Stats;
use producer_load::stop;
use producer_load::units::Rate;
use producer_load::units::Sources;

#[path = "cpu/time.rs"]
mod time;

use time::CpuTime;

const WINDOW_NS: u64 = 10_000_000;
const BATCH_RECORDS_MAX: u64 = 1_000;
const DEADLINES: u64 = 50;
const BUFFERS: usize = 64;

/// From making the lanes to the first due time.
const LEAD_NS: u64 = 50_000_000;

/// Rates with the lanes that they are planned for, and how long each is kept up.
const PACED: [(&str, u32, u64); 6] =
    [("0.1", 1, 31), ("7", 1, 10), ("1k", 1, 10), ("50k", 1, 10), ("250k", 1, 10), ("1m", 2, 10)];

fn program() -> Program {
    let domain = domain::find("sensor_telemetry").unwrap();
    let schema = EventSchema::parse(domain.name, domain.schema_text).unwrap();
    let identity = Identity::new(1, 2, "0/1".parse().unwrap());
    let sources = Sources { first: 0, end: 10_000 };
    Program::compile(&schema, &Parameters::new(identity, sources)).unwrap()
}

/// Takes every batch of a run; returns how many records came, and the most by which that and what
/// was due ever differed, right before a batch came and right after.
fn followed(end: &PublisherEnd, schedule: &Schedule, start: clock::Moment) -> (u64, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut handed, mut most) = (0_u64, 0);
    while let Some(batch) = runtime.block_on(end.next()) {
        let due = schedule.due_before(clock::now().ns_since(start)).unwrap();
        most = most.max(handed.abs_diff(due));
        handed += batch.len() as u64;
        most = most.max(handed.abs_diff(due));
        end.returns().give_back(batch);
    }
    (handed, most)
}

/// Runs lanes at a rate to the end of the schedule.
fn deviation(program: &Program, rate: Rate, lanes: u32, duration: Duration) -> (u64, u64) {
    let schedule = Schedule::new(rate, Some(duration));
    let limits = BatchLimits {
        records_max: usize::try_from(BATCH_RECORDS_MAX).unwrap(),
        bytes_max: 256 * 1024,
        record_bytes_max: program.bytes_max() + program.key_bytes_max(),
        are_noted: true,
        ..BatchLimits::default()
    };
    let (ends, publisher) = handover::hand_over(lanes, BUFFERS, limits);
    let (_handle, stop) = stop::stop();
    let (stats, resumption) = (Stats::new(lanes), Resumption::default());
    let routing = Routing::new(Rule::default(), &[1], lanes, BATCH_RECORDS_MAX);
    let start = clock::now().plus_ns(LEAD_NS);
    thread::scope(|scope| {
        for (lane, end) in (0..lanes).zip(ends) {
            let (stop, schedule) = (stop.clone(), schedule.clone());
            let (stats, resumption, routing) = (&stats, &resumption, &routing);
            scope.spawn(move || {
                run_lane(LaneParts {
                    streams: vec![lane],
                    streams_total: lanes,
                    window_ns: WINDOW_NS,
                    max_lag_ns: 0,
                    measuring: Measuring { from_ns: 0, paced_until_ns: u64::MAX },
                    schedule,
                    start,
                    start_wall_ms: 1_700_000_000_000,
                    resumption,
                    routing,
                    program,
                    sealer: RecordSealer,
                    end,
                    pacer: Pacer::calibrate(stop.clone(), 100, true),
                    stop,
                    lane: lane as usize,
                    stats,
                });
            });
        }
        followed(&publisher, &schedule, start)
    })
}

/// Says how far from the schedule records were handed over, at every rate.
fn say_deviations() {
    // `cargo test` and scripts/test run a bench once, to see that it works.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let program = program();
    for (text, lanes, seconds) in PACED {
        let rate: Rate = text.parse().unwrap();
        let duration =
            if is_test { Duration::from_millis(100) } else { Duration::from_secs(seconds) };
        let (handed, most) = deviation(&program, rate, lanes, duration);
        let schedule = Schedule::new(rate, None);
        assert_eq!(Some(handed), Schedule::new(rate, Some(duration)).count(), "the count is exact");
        let window = schedule.due_before(WINDOW_NS).unwrap();
        let allowed = window + schedule.due_before(10_000_000_000).unwrap() / 2_000;
        eprintln!(
            "pacing {text}/s: {handed} records, at most {most} away from the schedule, \
             {window} in a window, {allowed} allowed"
        );
    }
}

fn pacing(criterion: &mut Criterion<CpuTime>) {
    say_deviations();
    for rate in ["1k", "100k", "1m"] {
        let parsed: Rate = rate.parse().unwrap();
        let schedule = Schedule::new(parsed, None);
        let window_records = schedule.due_before(WINDOW_NS).unwrap();
        let batch = window_records.min(BATCH_RECORDS_MAX);
        let deadlines_per_second = schedule.due_before(1_000_000_000).unwrap() / batch;
        let (_handle, stop) = stop::stop();
        let pacer = Pacer::calibrate(stop, deadlines_per_second, true);
        let mut lateness = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).unwrap();
        let mut group = criterion.benchmark_group("pacing");
        group.throughput(Throughput::Elements(DEADLINES)).sample_size(10);
        group.bench_function(rate, |bencher| {
            bencher.iter(|| {
                let start = clock::now();
                for deadline in 1..=DEADLINES {
                    let due = start.plus_ns(schedule.due_ns(deadline * batch));
                    assert_ne!(pacer.wait_until(due), Waited::Stopped);
                    lateness.saturating_record(clock::now().ns_since(due));
                }
            });
        });
        group.finish();
        let at = |quantile| lateness.value_at_quantile(quantile);
        let (p50, p99, max) = (at(0.5), at(0.99), lateness.max());
        eprintln!("pacing {rate}: late p50 {p50} ns, p99 {p99} ns, max {max} ns");
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime::Thread);
    targets = pacing
}
criterion_main!(benches);
