//! The only file that reads a clock. Everything else is handed a number.
//!
//! Monotonic time is nanoseconds around when the process first asked; it orders and measures. Wall
//! time is milliseconds since 1970-01-01 UTC; it dates records and is read once, when a run starts.

use std::sync::OnceLock;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use rustix::time::ClockId;
use rustix::time::clock_gettime;

/// What the process's first reading counts as: moments long before it can be named too, such as
/// when a run that goes on would have started.
const ORIGIN_NS: u64 = 1 << 62;

/// A point of monotonic time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// Returns the moment `ns` nanoseconds after this one.
    #[must_use]
    pub const fn plus_ns(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }

    /// Returns the moment `ns` nanoseconds before this one.
    #[must_use]
    pub const fn minus_ns(self, ns: u64) -> Self {
        Self(self.0.saturating_sub(ns))
    }

    /// Returns the moment as a number, for what is shared between threads; never 0.
    #[must_use]
    pub const fn ns(self) -> u64 {
        self.0
    }

    /// Returns how many nanoseconds this moment is after `earlier`, 0 when it is before.
    #[must_use]
    pub const fn ns_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the same point as the standard library's type, for calls that wait until a deadline;
    /// one before the process's first reading is over at that.
    #[must_use]
    pub fn instant(self) -> Instant {
        origin() + Duration::from_nanos(self.0.saturating_sub(ORIGIN_NS))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// Reads the monotonic clock (about 25 ns).
#[must_use]
pub fn now() -> Moment {
    let elapsed_ns = u64::try_from(origin().elapsed().as_nanos()).unwrap_or(u64::MAX);
    Moment(ORIGIN_NS.saturating_add(elapsed_ns))
}

/// Reads the wall clock in milliseconds since 1970-01-01 UTC.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Says what the wall clock showed at a point of monotonic time, in microseconds since 1970-01-01
/// UTC. A clock that was set in between puts it where the clock is now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
pub fn wall_us_of(instant: Instant) -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.saturating_sub(instant.elapsed()).as_micros()).unwrap_or(u64::MAX)
}

/// Reads the CPU time that the whole process has used so far, user and system, in nanoseconds.
#[must_use]
pub fn process_cpu_ns() -> u64 {
    cpu_ns(ClockId::ProcessCPUTime)
}

/// Reads the CPU time that the calling thread has used so far, user and system, in nanoseconds.
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    cpu_ns(ClockId::ThreadCPUTime)
}

fn cpu_ns(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}
