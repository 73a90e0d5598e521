//! What one record costs: drawn and written by the reference encoder, thread CPU time.
//!
//! Prints the CRC of all bytes made, so that a faster encoder has to make the same ones.

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
use producer_load::reference::ReferenceEncoder;
use producer_load::rng::Identity;
use producer_load::schema::EventSchema;
use producer_load::units::Sources;

#[path = "cpu/time.rs"]
mod time;

use time::CpuTime;

const RECORDS: u64 = 1_000;
const EVENT_TIME_MS: u64 = 1_700_000_000_000;

fn encode(criterion: &mut Criterion<CpuTime>) {
    let schema = EventSchema::parse(DOMAINS[0].name, DOMAINS[0].schema_text).unwrap();
    let identity = Identity::new(1, 42, "0/1".parse().unwrap());
    let sources = Sources { first: 0, end: 10_000 };
    let encoder = ReferenceEncoder::new(&schema, identity, sources).unwrap();
    let (mut arena, mut bytes) = (Bump::new(), Vec::with_capacity(1 << 20));
    let mut batch = |bytes: &mut Vec<u8>| {
        arena.reset();
        bytes.clear();
        for index in 0..RECORDS {
            let record = encoder.draw(&arena, index, EVENT_TIME_MS);
            encoder.encode(&record, bytes).unwrap();
        }
    };
    batch(&mut bytes);
    eprintln!("encode: {RECORDS} records, {} bytes, {:08x}", bytes.len(), crc32c::crc32c(&bytes));
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(RECORDS));
    group.bench_function("sensor_telemetry/reference", |bencher| {
        bencher.iter(|| batch(black_box(&mut bytes)));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime::Thread);
    targets = encode
}
criterion_main!(benches);
