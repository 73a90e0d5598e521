//! CPU time as criterion measures it: user and system time of a thread or of the whole process.
//!
//! These machines are shared: wall time says how busy the neighbours are, CPU time what the code
//! costs.

use criterion::Throughput;
use criterion::measurement::Measurement;
use criterion::measurement::ValueFormatter;
use producer_load::clock;

/// Which CPU time counts.
#[derive(Clone, Copy)]
pub(crate) enum CpuTime {
    /// The measuring thread's.
    #[allow(dead_code, reason = "each bench uses one of the two")]
    Thread,
    /// All threads'.
    #[allow(dead_code, reason = "each bench uses one of the two")]
    Process,
}

impl CpuTime {
    /// Reads it, in nanoseconds.
    pub(crate) fn read(self) -> u64 {
        match self {
            Self::Thread => clock::thread_cpu_ns(),
            Self::Process => clock::process_cpu_ns(),
        }
    }
}

impl Measurement for CpuTime {
    type Intermediate = u64;
    type Value = u64;

    fn start(&self) -> u64 {
        self.read()
    }

    fn end(&self, started: u64) -> u64 {
        self.read() - started
    }

    fn add(&self, a: &u64, b: &u64) -> u64 {
        a + b
    }

    fn zero(&self) -> u64 {
        0
    }

    #[expect(clippy::cast_precision_loss, reason = "criterion computes in f64")]
    fn to_f64(&self, value: &u64) -> f64 {
        *value as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        &Nanoseconds
    }
}

struct Nanoseconds;

impl ValueFormatter for Nanoseconds {
    fn scale_values(&self, _typical: f64, _values: &mut [f64]) -> &'static str {
        "ns CPU"
    }

    fn scale_throughputs(
        &self,
        _typical: f64,
        throughput: &Throughput,
        values: &mut [f64],
    ) -> &'static str {
        let (Throughput::Elements(count) | Throughput::Bytes(count)) = *throughput else {
            return "ns CPU";
        };
        #[expect(clippy::cast_precision_loss, reason = "criterion computes in f64")]
        let count = count as f64;
        for value in values {
            *value /= count;
        }
        "ns CPU/element"
    }

    fn scale_for_machines(&self, _values: &mut [f64]) -> &'static str {
        "ns"
    }
}
