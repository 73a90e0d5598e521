//! Typed quantities as a person writes them: `10ms`, `256KiB`, `50k`, `1/4`.
//!
//! Owns parsing and printing, so that the command line, the plan and the report agree on every
//! notation. A value that parsed is valid: no zero rate, no negative duration, no overflow later.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

mod kubernetes;

pub use kubernetes::cpu_text;
pub use kubernetes::memory_text;
pub use kubernetes::parse_cpu;
pub use kubernetes::parse_memory;

/// Says why a quantity cannot be read, and what to write instead.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnitError {
    /// The text is not a number with one of the known units.
    #[error("'{text}' is not {wanted}")]
    Unreadable {
        /// What was typed.
        text: String,
        /// What would be understood.
        wanted: &'static str,
    },
    /// Zero, negative or "unlimited" as other tools write it.
    #[error("a rate must be above 0; for the most that this process can send say max")]
    RateNotPositive,
    /// The number is outside of what the program can compute with.
    #[error("'{text}' is out of range: {range}")]
    OutOfRange {
        /// What was typed.
        text: String,
        /// The range that is accepted.
        range: &'static str,
    },
    /// Only Kubernetes can say which of the shards this is.
    #[error(
        "auto/{count} needs JOB_COMPLETION_INDEX, which is set in the pods of an Indexed Job \
         (completionMode: Indexed); elsewhere write 0/{count}, 1/{count} and so on"
    )]
    NoCompletionIndex {
        /// How many shards there are.
        count: u32,
    },
    /// Kubernetes says something else than the flag.
    #[error(
        "JOB_COMPLETION_INDEX is '{index}', and auto/{count} takes 0 to {count} - 1: the Job's \
         completions and the number of shards have to be the same"
    )]
    WrongCompletionIndex {
        /// What it is.
        index: String,
        /// How many shards there are.
        count: u32,
    },
    /// A shard that does not exist.
    #[error("shard {index}/{count} does not exist: shards of {count} count from 0 to {count} - 1")]
    ShardMissing {
        /// The shard asked for.
        index: u32,
        /// How many there are.
        count: u32,
    },
}

/// Splits `12.5ms` into its number and its unit.
fn number_and_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == '+'));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    (number, unit.trim())
}

/// Reads a decimal number exactly, in millionths: `0.1` is 100,000.
fn millionths(number: &str) -> Option<i128> {
    let (negative, digits) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() > 18 || fraction.len() > 6 {
        return None;
    }
    let mut value: i128 = 0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 10 + i128::from(digit.to_digit(10)?);
    }
    value *= 10_i128.pow(6 - u32::try_from(fraction.len()).ok()?);
    Some(if negative { -value } else { value })
}

/// Records a second: a number, or as fast as it goes.
///
/// A finite rate is held in millionths of a record a second, so that `0.1` and `333.333` are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Millionths of a record a second, 1 to 10^15 (a thousand million records a second).
    PerSecondMillionths(u64),
    /// Every batch leaves when it is full.
    Max,
}

impl Rate {
    /// The highest finite rate, in millionths: 10^9 records a second.
    const MILLIONTHS_MAX: i128 = 1_000_000_000_000_000;

    /// Returns records a second, `None` at maximum rate.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display and for ratios only")]
    pub fn per_second(self) -> Option<f64> {
        match self {
            Self::PerSecondMillionths(millionths) => Some(millionths as f64 / 1e6),
            Self::Max => None,
        }
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        if text.trim().eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        let unreadable = || UnitError::Unreadable {
            text: text.to_owned(),
            wanted: "a rate in messages a second, such as 1000, 0.5, 50k, 1.5m or max",
        };
        let (number, unit) = number_and_unit(text);
        let scale = match unit.to_ascii_lowercase().as_str() {
            "" => 1,
            "k" => 1_000,
            "m" => 1_000_000,
            _ => return Err(unreadable()),
        };
        let value = millionths(number).ok_or_else(unreadable)? * scale;
        if value <= 0 {
            return Err(UnitError::RateNotPositive);
        }
        if value > Self::MILLIONTHS_MAX {
            return Err(UnitError::OutOfRange {
                text: text.to_owned(),
                range: "a rate is at most 1000m messages a second",
            });
        }
        u64::try_from(value).map(Self::PerSecondMillionths).map_err(|_| unreadable())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per_second() {
            Some(rate) => write!(f, "{rate}"),
            None => f.write_str("max"),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.per_second() {
            Some(rate) => serializer.serialize_f64(rate),
            None => serializer.serialize_str("max"),
        }
    }
}

/// The longest duration that is accepted: ten years fit a schedule in nanoseconds many times over.
const DURATION_MAX: Duration = Duration::from_hours(10 * 366 * 24);

/// Reads a duration: `500us`, `10ms`, `30s`, `5m`, `8h`, `2d`; a bare number is seconds.
///
/// # Errors
/// Says what would be understood when the text is none of these, is negative, or is over ten years.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let unreadable = || UnitError::Unreadable {
        text: text.to_owned(),
        wanted: "a duration such as 500us, 10ms, 30s, 5m, 8h or 2d",
    };
    let (number, unit) = number_and_unit(text);
    let unit_ns: i128 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "" | "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return Err(unreadable()),
    };
    let ns = millionths(number).ok_or_else(unreadable)? * unit_ns / 1_000_000;
    let out_of_range = || UnitError::OutOfRange {
        text: text.to_owned(),
        range: "a duration is at least 0 and at most ten years",
    };
    let ns = u64::try_from(ns).map_err(|_| out_of_range())?;
    Some(Duration::from_nanos(ns)).filter(|d| *d <= DURATION_MAX).ok_or_else(out_of_range)
}

/// Reads a duration above zero.
///
/// # Errors
/// As [`parse_duration`], and for zero.
pub fn parse_duration_positive(text: &str) -> Result<Duration, UnitError> {
    match parse_duration(text)? {
        Duration::ZERO => {
            Err(UnitError::OutOfRange { text: text.to_owned(), range: "it must be above 0" })
        }
        duration => Ok(duration),
    }
}

/// Reads a share written in percent, `1%` or `0.5 %`, as a number from 0 to 1.
///
/// # Errors
/// When the text is no percentage from 0 % to 100 %.
pub fn parse_share(text: &str) -> Result<f64, UnitError> {
    let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
    percent.filter(|percent| (0.0..=100.0).contains(percent)).map_or_else(
        || Err(UnitError::Unreadable { text: text.to_owned(), wanted: "a share such as 1%" }),
        |percent: f64| Ok(percent / 100.0),
    )
}

/// Place `index` among `count` pods of one bounded fleet, written `index/count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shard {
    /// This process's place, from 0.
    pub index: u32,
    /// How many processes share the sources.
    pub count: NonZeroU32,
}

impl FromStr for Shard {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let unreadable = || UnitError::Unreadable {
            text: text.to_owned(),
            wanted: "a shard such as 0/4 (the first of four) or auto/4 (which one Kubernetes says)",
        };
        let (index, count) = text.split_once('/').ok_or_else(unreadable)?;
        let index: u32 = index.trim().parse().map_err(|_| unreadable())?;
        let count: NonZeroU32 = count.trim().parse().map_err(|_| unreadable())?;
        if index >= count.get() {
            return Err(UnitError::ShardMissing { index, count: count.get() });
        }
        Ok(Self { index, count })
    }
}

impl Shard {
    /// Reads `index/count`, or `auto/count` with the index from the variable that Kubernetes sets
    /// in the pods of an Indexed Job (`JOB_COMPLETION_INDEX`).
    ///
    /// # Errors
    /// When the text or that index cannot be read, or there is no such shard.
    pub fn of_pod(text: &str, completion_index: Option<&str>) -> Result<Self, UnitError> {
        let Some(count) = text.trim().strip_prefix("auto/") else { return text.parse() };
        // Read as that of the first shard, for the words where it cannot be.
        let first: Self = format!("0/{count}").parse().map_err(|error| match error {
            UnitError::Unreadable { wanted, .. } => {
                UnitError::Unreadable { text: text.to_owned(), wanted }
            }
            error => error,
        })?;
        let count = first.count.get();
        let index = completion_index.ok_or(UnitError::NoCompletionIndex { count })?;
        let wrong = || UnitError::WrongCompletionIndex { index: index.to_owned(), count };
        let index = index.parse().map_err(|_| wrong())?;
        if index < count { Ok(Self { index, ..first }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// The contiguous range of source indices that a process draws from: `first..end`, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// The first source.
    pub first: u64,
    /// The source after the last.
    pub end: u64,
}

impl Shard {
    /// Returns this shard's part of `0..sources`: contiguous, and over all shards disjoint and
    /// exhaustive. `None` when the part is empty, which it is for some shard when there are fewer
    /// sources than shards.
    #[must_use]
    pub fn part_of(self, sources: u64) -> Option<Sources> {
        let border = |index: u32| {
            let border = u128::from(sources) * u128::from(index) / u128::from(self.count.get());
            u64::try_from(border).unwrap_or(u64::MAX)
        };
        let part = Sources { first: border(self.index), end: border(self.index + 1) };
        (part.first < part.end).then_some(part)
    }
}

/// Prints a whole number with commas between the thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Prints a number of things, of one without the plural: `1 batch`, `2,000 batches`.
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    let plural = match (number, thing.ends_with("ch")) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {thing}{plural}", grouped(number))
}

/// Prints nanoseconds with the unit a person would use: `870 ns`, `41.2 us`, `3.05 ms`, `1.40 s`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn duration_text(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "us"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$} {unit}")
}

/// Prints bytes with a binary unit: `912 B`, `43.1 KiB`, `1.9 GiB`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
pub fn bytes_text(bytes: u64) -> String {
    let (value, unit) = match bytes {
        0..1_024 => return format!("{bytes} B"),
        1_024..1_048_576 => (bytes as f64 / 1024.0, "KiB"),
        1_048_576..1_073_741_824 => (bytes as f64 / 1_048_576.0, "MiB"),
        _ => (bytes as f64 / 1_073_741_824.0, "GiB"),
    };
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_exact_to_the_millionth() {
        assert_eq!("1000".parse(), Ok(Rate::PerSecondMillionths(1_000_000_000)));
        assert_eq!("0.1".parse(), Ok(Rate::PerSecondMillionths(100_000)));
        assert_eq!("1.5m".parse(), Ok(Rate::PerSecondMillionths(1_500_000_000_000)));
        assert_eq!("50K".parse(), Ok(Rate::PerSecondMillionths(50_000_000_000)));
        assert_eq!("max".parse(), Ok(Rate::Max));
    }

    #[test]
    fn unlimited_as_other_tools_write_it_is_refused_with_the_hint() {
        for text in ["0", "-1", "0.0", "-0.5k"] {
            let error = text.parse::<Rate>().unwrap_err();
            assert_eq!(error, UnitError::RateNotPositive, "{text}");
            assert!(error.to_string().contains("max"));
        }
        for text in ["", "fast", "10x", "1.2.3", "0.0000001", "10 000"] {
            assert!(matches!(text.parse::<Rate>(), Err(UnitError::Unreadable { .. })), "{text}");
        }
        assert!(matches!("1001m".parse::<Rate>(), Err(UnitError::OutOfRange { .. })));
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!(parse_share("1%"), Ok(0.01));
        assert_eq!(parse_share("0.5 %"), Ok(0.005));
        for text in ["1", "101%", "-1%", "NaN%", "%"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_read_as_written() {
        assert_eq!(parse_duration("10ms"), Ok(Duration::from_millis(10)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2d"), Ok(Duration::from_hours(48)));
        assert!(parse_duration("-1s").is_err());
        assert!(parse_duration("4000d").is_err());
        assert!(parse_duration("soon").is_err());
        assert!(parse_duration_positive("0s").is_err());
    }

    #[test]
    fn shards_exist_or_are_refused() {
        let shard: Shard = "3/4".parse().unwrap();
        assert_eq!((shard.index, shard.count.get()), (3, 4));
        assert!(matches!("4/4".parse::<Shard>(), Err(UnitError::ShardMissing { .. })));
        assert!("0/0".parse::<Shard>().is_err());
        assert!("1".parse::<Shard>().is_err());
    }

    #[test]
    fn a_pod_of_an_indexed_job_finds_its_shard() {
        let shard = |text: &str, index: Option<&str>| {
            Shard::of_pod(text, index).map(|shard| shard.to_string()).map_err(|e| e.to_string())
        };
        assert_eq!(shard("auto/4", Some("3")), Ok("3/4".to_owned()));
        assert_eq!(shard("1/4", Some("3")), Ok("1/4".to_owned()), "what was typed counts");
        assert!(shard("auto/4", None).unwrap_err().contains("completionMode: Indexed"));
        for index in ["4", "-1", "", "first"] {
            let said = shard("auto/4", Some(index)).unwrap_err();
            assert!(said.contains(&format!("is '{index}'")) && said.contains("completions"));
        }
        for text in ["auto/0", "auto/", "auto", "auto/four"] {
            assert!(shard(text, Some("0")).unwrap_err().contains(&format!("'{text}'")), "{text}");
        }
    }

    #[test]
    fn shards_are_contiguous_disjoint_and_exhaustive_for_every_count() {
        for sources in [1, 2, 7, 100, 10_000, 17_001] {
            for count in 1..=64_u32.min(u32::try_from(sources).unwrap()) {
                let count = NonZeroU32::new(count).unwrap();
                let mut end = 0;
                for index in 0..count.get() {
                    let part = Shard { index, count }.part_of(sources).unwrap();
                    assert_eq!(part.first, end, "shard {index}/{count} of {sources}");
                    end = part.end;
                }
                assert_eq!(end, sources);
            }
        }
        assert_eq!("1/3".parse::<Shard>().unwrap().part_of(1), None);
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "batch"), "1 batch");
        assert_eq!([counted(0, "batch"), counted(2_000, "topic")], ["0 batches", "2,000 topics"]);
        assert_eq!(duration_text(870), "870 ns");
        assert_eq!(duration_text(3_050_000), "3.05 ms");
        assert_eq!(duration_text(41_200), "41.2 us");
        assert_eq!(bytes_text(912), "912 B");
        assert_eq!(bytes_text(44_134), "43.1 KiB");
    }
}
