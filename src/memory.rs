//! Memory: how much of it the process holds, as the kernel counts it, and what the processor is to
//! fetch from it.

use std::ops::Range;

use prefetch_index::prefetch_index;

/// Bytes that a processor fetches at once.
const LINE: usize = 64;

/// Has the processor fetch places that are soon read or written, while it goes on. Whether it does
/// is its own affair; places that are not there do no harm.
#[inline]
pub fn fetch<T>(data: &[T], places: Range<usize>) {
    let Some(last) = places.end.checked_sub(1) else { return };
    let step = const { if size_of::<T>() == 0 { LINE } else { LINE.div_ceil(size_of::<T>()) } };
    for place in places.step_by(step) {
        prefetch_index(data, place);
    }
    // It may lie in one more line.
    prefetch_index(data, last);
}

/// Returns the most that was ever resident, in bytes; `None` where `/proc` does not say.
#[must_use]
pub fn rss_bytes_max() -> Option<u64> {
    parse("VmHWM:", &std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Returns what is resident now, in bytes; `None` where `/proc` does not say.
#[must_use]
pub fn rss_bytes() -> Option<u64> {
    parse("VmRSS:", &std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Reads a line of `/proc/self/status` (proc(5), in kibibytes).
fn parse(name: &str, status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_need_not_be_there() {
        let data = [1_u64, 2, 3];
        for places in [0..0, 0..3, 2..400, usize::MAX - 1..usize::MAX] {
            fetch(&data, places.clone());
            fetch::<u64>(&[], places);
        }
        assert_eq!(data, [1, 2, 3]);
    }

    #[test]
    fn sizes_are_read_in_bytes() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t    5124 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(parse("VmHWM:", status), Some(5_246_976));
        assert_eq!(parse("VmRSS:", status), Some(1_024));
        assert_eq!(parse("VmHWM:", "VmHWM:\t many\n"), None);
        assert!(rss_bytes_max().is_none_or(|bytes| bytes > 100_000));
        assert!(rss_bytes().is_none_or(|bytes| bytes > 100_000));
    }
}
