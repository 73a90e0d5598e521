//! What handing a batch over and back costs: one lane, one publisher, both threads' CPU time.
//!
//! Prints the CRC of the indices as they came over, in order.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up has failed")]
#![allow(clippy::print_stderr, reason = "the digest is what a bench has to say")]

use std::thread;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use producer_load::batch::BatchLimits;
use producer_load::handover;
use producer_load::stop;
use tokio::runtime::Builder;

#[path = "cpu/time.rs"]
mod time;

use time::CpuTime;

const BATCHES: u64 = 20_000;
const BUFFERS: usize = 64;
const LIMITS: BatchLimits = BatchLimits {
    records_max: 1,
    bytes_max: 64,
    record_bytes_max: 64,
    head_bytes: 0,
    spare_bytes: 0,
    are_noted: true,
};

/// Sends every batch over and back; returns a CRC of their indices.
fn there_and_back() -> u32 {
    let (mut lanes, publisher) = handover::hand_over(1, BUFFERS, LIMITS);
    let mut lane = lanes.remove(0);
    let (_handle, stop) = stop::stop();
    let sending = thread::spawn(move || {
        for index in 0..BATCHES {
            let mut batch = lane.take(&stop).unwrap();
            batch.first_index = index;
            lane.hand_over(batch).unwrap();
        }
    });
    let runtime = Builder::new_current_thread().build().unwrap();
    let crc = runtime.block_on(async {
        let mut crc = 0;
        while let Some(batch) = publisher.next().await {
            crc = crc32c::crc32c_append(crc, &batch.first_index.to_le_bytes());
            publisher.returns().give_back(batch);
        }
        crc
    });
    sending.join().unwrap();
    crc
}

fn handover(criterion: &mut Criterion<CpuTime>) {
    eprintln!("handover: {BATCHES} batches, {:08x}", there_and_back());
    let mut group = criterion.benchmark_group("handover");
    group.throughput(Throughput::Elements(BATCHES)).sample_size(20);
    group.bench_function("batch_there_and_back", |bencher| bencher.iter(there_and_back));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime::Process);
    targets = handover
}
criterion_main!(benches);
