//! What one record costs, drawn and encoded: the compiled program beside apache-avro's cached
//! writer, thread CPU time. And what a start costs: compiling, and encoding 10,000 sources.
//!
//! Prints the CRC of all bytes made, so that a faster program has to make the same ones.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up has failed")]
#![allow(clippy::print_stderr, reason = "the digest is what a bench has to say")]

use std::hint::black_box;

use bumpalo::Bump;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use producer_load::domain::DOMAINS;
use producer_load::program::FORESIGHT;
use producer_load::program::Parameters;
use producer_load::program::Program;
use producer_load::rng::Identity;
use producer_load::schema::EventSchema;
use producer_load::units::Sources;

#[path = "baseline/sensor_telemetry.rs"]
mod baseline;
#[path = "cpu/time.rs"]
mod time;

use baseline::ReferenceEncoder;
use time::CpuTime;

const RECORDS: u64 = 1_000;
const EVENT_TIME_MS: u64 = 1_700_000_000_000;
const SOURCES: Sources = Sources { first: 0, end: 10_000 };

fn identity() -> Identity {
    Identity::new(1, 42, "0/1".parse().unwrap())
}

fn parameters() -> Parameters {
    Parameters::new(identity(), SOURCES)
}

fn programs(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(RECORDS));
    for domain in DOMAINS {
        let schema = EventSchema::parse(domain.name, domain.schema_text).unwrap();
        let program = Program::compile(&schema, &parameters()).unwrap();
        let mut draw = program.draw();
        let mut window = vec![0; program.bytes_max() * 2 + 1_000_000];
        let mut batch = |window: &mut [u8]| {
            (0..RECORDS).fold(0, |at, index| {
                // Nine records on each time, so that every step of a lifecycle is among them.
                program.begin(&mut draw, index * 9, EVENT_TIME_MS);
                program.foresee((index + FORESIGHT) * 9);
                at + program.encode(&mut draw, &mut window[at..])
            })
        };
        let bytes = batch(&mut window);
        let crc = crc32c::crc32c(&window[..bytes]);
        eprintln!("encode/{}: {RECORDS} records, {bytes} bytes, {crc:08x}", domain.name);
        group.bench_function(format!("{}/program", domain.name), |bencher| {
            bencher.iter(|| batch(black_box(&mut window)));
        });
    }
    group.finish();
}

fn cached_writer(criterion: &mut Criterion<CpuTime>) {
    let schema = EventSchema::parse(DOMAINS[0].name, DOMAINS[0].schema_text).unwrap();
    let encoder = ReferenceEncoder::new(&schema, identity(), SOURCES).unwrap();
    let (mut arena, mut bytes) = (Bump::new(), Vec::with_capacity(1 << 20));
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(RECORDS));
    group.bench_function("sensor_telemetry/write_ser", |bencher| {
        bencher.iter(|| {
            arena.reset();
            bytes.clear();
            for index in 0..RECORDS {
                let record = encoder.draw(&arena, index, EVENT_TIME_MS);
                encoder.encode(&record, black_box(&mut bytes)).unwrap();
            }
        });
    });
    group.finish();
}

fn start(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("start");
    for domain in DOMAINS {
        group.bench_function(format!("{}/10000_sources", domain.name), |bencher| {
            bencher.iter(|| {
                let schema = EventSchema::parse(domain.name, domain.schema_text).unwrap();
                black_box(Program::compile(&schema, &parameters()).unwrap())
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime::Thread);
    targets = programs, cached_writer, start
}
criterion_main!(benches);
