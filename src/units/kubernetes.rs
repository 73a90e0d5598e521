//! CPU and memory as Kubernetes writes them: `250m`, `0.25`, `64Mi`, `1Gi` (its API's `Quantity`).

use super::UnitError;
use super::millionths;

/// The suffixes of memory, the longer ones first: with an `i` thousands of 1,024, without of 1,000.
const MEMORY: [(&str, u64); 8] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
];

/// Reads CPUs, in thousandths of one: `250m` and `0.25` are 250.
///
/// # Errors
/// When the text is neither, or not above 0 and at most a million CPUs.
pub fn parse_cpu(text: &str) -> Result<u32, UnitError> {
    let (number, is_milli) = match text.trim().strip_suffix('m') {
        Some(number) => (number, true),
        None => (text.trim(), false),
    };
    let wanted = "CPUs as Kubernetes writes them, such as 250m, 0.25 or 2";
    let unreadable = || UnitError::Unreadable { text: text.to_owned(), wanted };
    let unit = if is_milli { 1_000_000 } else { 1_000 };
    let millis = millionths(number).ok_or_else(unreadable)? / unit;
    let range = "it must be 1m to 1000000";
    let out_of_range = || UnitError::OutOfRange { text: text.to_owned(), range };
    let millis = u32::try_from(millis).map_err(|_| out_of_range())?;
    Some(millis).filter(|it| (1..=1_000_000_000).contains(it)).ok_or_else(out_of_range)
}

/// Reads memory, in bytes: `64Mi`, `1Gi`, `512M`, `65536`.
///
/// # Errors
/// When the text is none of these, or not above 0.
pub fn parse_memory(text: &str) -> Result<u64, UnitError> {
    let trimmed = text.trim();
    let suffixed = |(suffix, unit)| Some((trimmed.strip_suffix(suffix)?, unit));
    let (number, unit) = MEMORY.into_iter().find_map(suffixed).unwrap_or((trimmed, 1));
    let wanted = "memory as Kubernetes writes it, such as 64Mi, 1Gi or 512M";
    let unreadable = || UnitError::Unreadable { text: text.to_owned(), wanted };
    let bytes = millionths(number).ok_or_else(unreadable)? * i128::from(unit) / 1_000_000;
    let range = "it must be above 0 and below 1024Ti";
    let out_of_range = || UnitError::OutOfRange { text: text.to_owned(), range };
    let bytes = u64::try_from(bytes).map_err(|_| out_of_range())?;
    Some(bytes).filter(|it| (1..1 << 50).contains(it)).ok_or_else(out_of_range)
}

/// Prints thousandths of a CPU as Kubernetes reads them.
#[must_use]
pub fn cpu_text(millis: u32) -> String {
    if millis.is_multiple_of(1_000) { (millis / 1_000).to_string() } else { format!("{millis}m") }
}

/// Prints bytes as Kubernetes reads them, in the largest unit that loses nothing.
#[must_use]
pub fn memory_text(bytes: u64) -> String {
    let fitting = MEMORY[..4].iter().rev().find(|(_, unit)| bytes.is_multiple_of(*unit));
    match fitting {
        Some((suffix, unit)) => format!("{}{suffix}", bytes / unit),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_read_in_both_notations() {
        for (text, millis) in [("250m", 250), ("0.25", 250), ("2", 2_000), ("1.5", 1_500)] {
            assert_eq!(parse_cpu(text), Ok(millis), "{text}");
            assert_eq!(parse_cpu(&cpu_text(millis)), Ok(millis));
        }
        for text in ["", "0", "-1", "0m", "0.0001", "many", "1e3", "250Mi", "10000000"] {
            assert!(parse_cpu(text).is_err(), "{text}");
        }
    }

    #[test]
    fn memory_is_read_in_thousands_of_both_kinds() {
        for (text, bytes) in
            [("64Mi", 67_108_864), ("1Gi", 1 << 30), ("512M", 512_000_000), ("1000", 1_000)]
        {
            assert_eq!(parse_memory(text), Ok(bytes), "{text}");
            assert_eq!(parse_memory(&memory_text(bytes)), Ok(bytes));
        }
        assert_eq!(memory_text(64 << 20), "64Mi");
        for text in ["", "0", "-64Mi", "64MiB", "64mi", "2000Ti"] {
            assert!(parse_memory(text).is_err(), "{text}");
        }
    }
}
