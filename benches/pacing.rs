//! How late a pacer is: deadlines as a lane at 1,000, 100,000 and 1,000,000 records a second meets
//! them, one a batch window or one a full batch, whichever comes first.
//!
//! Lateness is wall time, so it says as much about the machine as about the pacer; what the waiting
//! costs is measured as thread CPU time beside it. Prints p50, p99 and the maximum.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up has failed")]
#![allow(clippy::print_stderr, reason = "lateness is what this bench has to say")]

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use hdrhistogram::Histogram;
use producer_load::clock;
use producer_load::pacer::Pacer;
use producer_load::pacer::Waited;
use producer_load::schedule::Schedule;
use producer_load::stop;
use producer_load::units::Rate;

#[path = "cpu/time.rs"]
mod time;

use time::CpuTime;

const WINDOW_NS: u64 = 10_000_000;
const BATCH_RECORDS_MAX: u64 = 1_000;
const DEADLINES: u64 = 50;

fn pacing(criterion: &mut Criterion<CpuTime>) {
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
