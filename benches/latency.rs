//! What the latencies cost a record when a batch's receipt comes, service time and response times.
//!
//! Each case has a rate and how late the last record's receipt is: the closer records stand and the
//! longer they took, the more of them fall into one bucket. What the histograms get once a second
//! is part of it. Prints the count, the median and a CRC of the histogram that one round of every
//! case makes.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::print_stderr, reason = "the digest is what a bench has to say")]

use std::hint::black_box;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use producer_load::schedule::Schedule;
use producer_load::stats::Latency;
use producer_load::units::Rate;

#[path = "cpu/time.rs"]
mod time;

use time::CpuTime;

/// Records in a batch, as many as the default has.
const RECORDS: u64 = 1_000;

/// Batches whose receipts come one after the other, so that buckets vary as in a run.
const BATCHES: u64 = 100;

/// Records a second, and how long after the last record of a batch its receipt comes.
const CASES: [(u64, u64); 4] =
    [(1_000_000, 200_000), (1_000_000, 10_000_000), (1_000_000, 2_000_000_000), (50_000, 200_000)];

/// Enters the latencies of every batch.
fn enter(latency: &mut Latency, batches: &[Vec<u64>], late_ns: u64) {
    for (due_ns, jitter_ns) in batches.iter().zip((0..).step_by(997)) {
        let now_ns = due_ns.last().copied().unwrap_or_default() + late_ns + jitter_ns;
        latency.record_service(late_ns, due_ns.len() as u64);
        latency.record_responses(due_ns, now_ns);
    }
}

fn crc(latency: &Latency) -> u32 {
    latency.response.iter_recorded().fold(0, |crc, bucket| {
        let words = [bucket.value_iterated_to(), bucket.count_at_value().into()];
        words.iter().fold(crc, |crc, word| crc32c::crc32c_append(crc, &word.to_le_bytes()))
    })
}

fn latency(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("latency");
    group.throughput(Throughput::Elements(RECORDS * BATCHES));
    for (rate, late_ns) in CASES {
        let schedule = Schedule::new(Rate::PerSecondMillionths(rate * 1_000_000), None);
        let batch = |number| (0..RECORDS).map(|i| schedule.due_ns(number * RECORDS + i)).collect();
        let batches: Vec<Vec<u64>> = (0..BATCHES).map(batch).collect();
        let mut once = Latency::default();
        enter(&mut once, &batches, late_ns);
        once.settle();
        let (count, median) = (once.response.len(), once.response.value_at_quantile(0.5));
        eprintln!("latency/{rate}/{late_ns}: {count}, p50 {median} ns, {:08x}", crc(&once));
        group.bench_function(format!("{rate}/{late_ns}"), |bencher| {
            let mut latency = Latency::default();
            bencher.iter(|| {
                enter(&mut latency, black_box(&batches), late_ns);
                latency.settle();
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime::Thread);
    targets = latency
}
criterion_main!(benches);
