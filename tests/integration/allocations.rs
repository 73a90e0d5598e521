//! A lane's thread allocates nothing after its start.

use allocation_counter::measure;
use producer_load::batch::BatchLimits;
use producer_load::batch::RecordSealer;
use producer_load::clock;
use producer_load::domain::DOMAINS;
use producer_load::generator::LaneParts;
use producer_load::generator::run_lane;
use producer_load::handover;
use producer_load::pacer::Pacer;
use producer_load::program::Parameters;
use producer_load::program::Program;
use producer_load::rng::Identity;
use producer_load::routing::Routing;
use producer_load::schedule::Schedule;
use producer_load::schema::EventSchema;
use producer_load::stats::Stats;
use producer_load::stop;
use producer_load::units::Sources;

const LIMITS: BatchLimits = BatchLimits {
    records_max: 100,
    bytes_max: 65_536,
    record_bytes_max: 400,
    head_bytes: 0,
    spare_bytes: 0,
    are_noted: true,
};

/// Returns how often a whole lane of `records` records allocates on its own thread.
fn lane_allocations(program: &Program, records: u64) -> u64 {
    let (mut ends, publisher) = handover::hand_over(1, 8, LIMITS);
    let (_handle, stop) = stop::stop();
    let stats = Stats::new(1);
    let duration = std::time::Duration::from_micros(records * 20);
    let parts = LaneParts {
        streams: vec![0],
        streams_total: 1,
        window_ns: 10_000_000,
        max_lag_ns: 0,
        schedule: Schedule::new("50k".parse().unwrap(), Some(duration)),
        start: clock::now(),
        start_wall_ms: 1_700_000_000_000,
        routing: Routing::new(1, 100),
        program,
        sealer: RecordSealer,
        end: ends.remove(0),
        pacer: Pacer::calibrate(stop.clone(), 100, true),
        stop,
        lane: 0,
        stats: &stats,
    };
    let publishing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut received = 0;
        while let Some(batch) = runtime.block_on(publisher.next()) {
            received += batch.len() as u64;
            publisher.returns().give_back(batch);
        }
        received
    });
    let counted = measure(|| run_lane(parts));
    assert_eq!(publishing.join().unwrap(), records);
    counted.count_total
}

#[test]
fn a_lane_allocates_nothing_after_its_start() {
    let schema = EventSchema::parse("x", DOMAINS[0].schema_text).unwrap();
    let identity = Identity::new(1, 2, "0/1".parse().unwrap());
    let sources = Sources { first: 0, end: 1_000 };
    let program = Program::compile(&schema, &Parameters::new(identity, sources)).unwrap();
    // Both runs pass the start, where the arena and the thread's waiting place are made; what the
    // longer one allocates more, it allocates in the steady state.
    let (short, long) = (20_000, 40_000);
    let steady = lane_allocations(&program, long).saturating_sub(lane_allocations(&program, short));
    // A thread that waits for the first time in a new place may register itself once more.
    assert!(steady <= 16, "{steady} allocations for 20,000 records");
}
