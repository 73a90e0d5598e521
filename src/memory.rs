//! What the process holds in memory, as the kernel counts it.

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
    fn sizes_are_read_in_bytes() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t    5124 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(parse("VmHWM:", status), Some(5_246_976));
        assert_eq!(parse("VmRSS:", status), Some(1_024));
        assert_eq!(parse("VmHWM:", "VmHWM:\t many\n"), None);
        assert!(rss_bytes_max().is_none_or(|bytes| bytes > 100_000));
        assert!(rss_bytes().is_none_or(|bytes| bytes > 100_000));
    }
}
