//! A lane's thread allocates nothing after its start, whatever it makes and however it is sealed.

use allocation_counter::measure;
use bumpalo::Bump;
use producer_load::batch::BatchLimits;
use producer_load::batch::Compression;
use producer_load::batch::FrameSealer;
use producer_load::batch::FrameSealerParts;
use producer_load::batch::ProducerHead;
use producer_load::batch::RecordSealer;
use producer_load::batch::Sealer;
use producer_load::clock;
use producer_load::domain;
use producer_load::generator::LaneParts;
use producer_load::generator::Resumption;
use producer_load::generator::run_lane;
use producer_load::handover;
use producer_load::pacer::Pacer;
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
use producer_load::units::Sources;

const BARE: BatchLimits = BatchLimits {
    records_max: 100,
    bytes_max: 65_536,
    record_bytes_max: 400,
    head_bytes: 0,
    spare_bytes: 0,
    are_noted: true,
};

/// Returns how often a whole lane of `records` records allocates on its own thread.
fn lane_allocations(
    program: &Program,
    records: u64,
    limits: BatchLimits,
    sealer: impl Sealer,
) -> u64 {
    let (mut ends, publisher) = handover::hand_over(1, 8, limits);
    let (_handle, stop) = stop::stop();
    let stats = Stats::new(1);
    let duration = std::time::Duration::from_micros(records * 20);
    let parts = LaneParts {
        streams: vec![0],
        streams_total: 1,
        window_ns: 10_000_000,
        max_lag_ns: 0,
        measuring: Measuring { from_ns: 0, paced_until_ns: u64::MAX },
        schedule: Schedule::new("50k".parse().unwrap(), Some(duration)),
        start: clock::now(),
        start_wall_ms: 1_700_000_000_000,
        resumption: &Resumption::default(),
        routing: &Routing::new(Rule::default(), &[1], 1, 100),
        program,
        sealer,
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

/// Both runs pass the start, where the arena and the thread's waiting place are made; what the
/// longer one allocates more, it allocates in the steady state.
fn assert_steady(what: &str, lane: impl Fn(u64) -> u64) {
    let steady = lane(30_000).saturating_sub(lane(15_000));
    // A thread that waits for the first time in a new place may register itself once more.
    assert!(steady <= 16, "{what}: {steady} allocations for 15,000 records");
}

fn program(domain: &str) -> Program {
    let domain = domain::find(domain).unwrap();
    compiled(domain.name, domain.schema_text)
}

fn compiled(name: &str, text: &str) -> Program {
    let schema = EventSchema::parse(name, text).unwrap();
    let identity = Identity::new(1, 2, "0/1".parse().unwrap());
    let sources = Sources { first: 0, end: 1_000 };
    Program::compile(&schema, &Parameters::new(identity, sources)).unwrap()
}

#[test]
fn a_lane_allocates_nothing_after_its_start() {
    let program = program("sensor_telemetry");
    assert_steady("bare records", |records| {
        lane_allocations(&program, records, BARE, RecordSealer)
    });
    for compression in
        [Compression::None, Compression::Lz4, Compression::Zstd(1), Compression::Snappy]
    {
        let limits = compression.limits(100, 65_536, 400);
        let parts = FrameSealerParts {
            producers: [ProducerHead::default()].into(),
            origin: "0badcafe/42/0/1".to_owned(),
            streams: 4,
            compression,
            is_batching: true,
        };
        assert_steady(&compression.to_string(), |records| {
            let sealer = FrameSealer::new(parts.clone(), &limits).unwrap();
            lane_allocations(&program, records, limits, sealer)
        });
    }
}

#[test]
fn no_type_is_made_with_an_allocation() {
    let own = ("every_type", include_str!("../schemas/every_type.avsc"));
    for (name, text) in domain::DOMAINS.iter().map(|it| (it.name, it.schema_text)).chain([own]) {
        let program = compiled(name, text);
        let (mut draw, mut window) = (program.draw(), vec![0; program.bytes_max()]);
        let mut arena = Bump::with_capacity(1_024);
        let counted = measure(|| {
            for index in 0..10_000 {
                program.begin(&mut draw, index, 1_700_000_000_000);
                program.key(&mut draw, &arena);
                program.encode(&mut draw, &mut window);
                arena.reset();
            }
        });
        assert_eq!(counted.count_total, 0, "{name}");
    }
}
