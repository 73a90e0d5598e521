//! What the process holds in memory, as the kernel counts it.

/// Returns the most that was ever resident, in bytes; `None` where `/proc` does not say.
#[must_use]
pub fn rss_bytes_max() -> Option<u64> {
    parse_peak(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Reads `VmHWM` (proc(5), in kibibytes) out of the text of `/proc/self/status`.
fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        assert_eq!(parse_peak("VmPeak:\t  9 kB\nVmHWM:\t    5124 kB\n"), Some(5_246_976));
        assert_eq!(parse_peak("VmHWM:\t many\n"), None);
        assert!(rss_bytes_max().is_none_or(|bytes| bytes > 100_000));
    }
}
