//! What the kernel's scheduler says of threads: time on a CPU, and time in which one was wanted and
//! not given (kernel documentation: `sched-stats`, `/proc/<pid>/schedstat`).

use std::fs;
use std::ops::AddAssign;
use std::path::Path;

/// Time of one thread or of several together, since they began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadTime {
    /// Time on a CPU, in nanoseconds.
    pub cpu_ns: u64,
    /// Time in which it could have run and had no CPU, in nanoseconds.
    pub delay_ns: u64,
}

impl ThreadTime {
    /// Reads the calling thread; `None` where the kernel does not say.
    #[must_use]
    pub fn of_this_thread() -> Option<Self> {
        Self::read(Path::new("/proc/thread-self"))
    }

    /// Adds up the threads of this process whose names begin so.
    #[must_use]
    pub fn of_threads(prefix: &str) -> Self {
        let mut sum = Self::default();
        for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            if name.starts_with(prefix) {
                sum += Self::read(&task.path()).unwrap_or_default();
            }
        }
        sum
    }

    /// Returns what was added since `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            delay_ns: self.delay_ns.saturating_sub(earlier.delay_ns),
        }
    }

    fn read(task: &Path) -> Option<Self> {
        parse(&fs::read_to_string(task.join("schedstat")).ok()?)
    }
}

impl AddAssign for ThreadTime {
    fn add_assign(&mut self, other: Self) {
        self.cpu_ns += other.cpu_ns;
        self.delay_ns += other.delay_ns;
    }
}

/// Reads `CPU_NS DELAY_NS SLICES`.
fn parse(text: &str) -> Option<ThreadTime> {
    let mut numbers = text.split_whitespace().map(str::parse);
    let (cpu_ns, delay_ns) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(ThreadTime { cpu_ns, delay_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_has_time() {
        let read = parse("194385720 5060431 42\n");
        assert_eq!(read, Some(ThreadTime { cpu_ns: 194_385_720, delay_ns: 5_060_431 }));
        assert_eq!(parse(""), None);
        let working = std::thread::Builder::new().name("working-1".to_owned()).spawn(|| {
            let sum = (0..3_000_000_u64).fold(0, |sum, n| std::hint::black_box(sum ^ n));
            let own = ThreadTime::of_this_thread();
            (sum, own, ThreadTime::of_threads("working"), ThreadTime::of_threads("nobody"))
        });
        let (_, own, seen, nobody) = working.unwrap().join().unwrap();
        assert!(own.unwrap().cpu_ns > 0 && seen.cpu_ns >= own.unwrap().cpu_ns);
        assert_eq!(nobody, ThreadTime::default());
    }
}
