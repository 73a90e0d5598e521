//! The flags of batches and of what may be on its way, named as pulsar-perf names them.

use std::time::Duration;

use clap::Args;
use clap::ValueEnum;

use crate::batch::Compression;
use crate::plan::BatchSettings;
use crate::plan::Transport;
use crate::units::parse_duration_positive;

#[derive(Debug, Args)]
#[command(next_help_heading = "Batches")]
pub(super) struct BatchArgs {
    /// Records due within this time share a batch [ms where no unit is given]. Default: 10ms
    #[arg(
        short = 'b', long, value_name = "DURATION", env = "PRODUCER_LOAD_BATCH_TIME_WINDOW",
        value_parser = parse_window
    )]
    batch_time_window: Option<Duration>,
    /// Records in a batch at most (also -bm). Default: 1000
    #[arg(
        long, value_name = "COUNT", env = "PRODUCER_LOAD_BATCH_MAX_MESSAGES",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    batch_max_messages: Option<u32>,
    /// Bytes in a batch at most (also -bb), never more than the broker takes: 256K, 1M, 100000.
    /// Default: 256K
    #[arg(
        long, value_name = "BYTES", env = "PRODUCER_LOAD_BATCH_MAX_BYTES",
        value_parser = parse_bytes
    )]
    batch_max_bytes: Option<usize>,
    /// Send each record as a message by itself (also -db).
    #[arg(long, env = "PRODUCER_LOAD_DISABLE_BATCHING")]
    disable_batching: bool,
    /// Compress batches: NONE, LZ4, ZLIB, ZSTD, ZSTD:LEVEL or SNAPPY. Default: NONE
    #[arg(short = 'z', long, value_name = "TYPE", env = "PRODUCER_LOAD_COMPRESSION")]
    compression: Option<Compression>,
    /// Records on their way at most (without a receipt), all producers together.
    #[arg(
        short = 'o', long, value_name = "COUNT", env = "PRODUCER_LOAD_MAX_OUTSTANDING",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    max_outstanding: Option<u32>,
    /// Memory for batches that are filled or on their way (also -ml): 64M, 1G. Default: 16M a lane
    #[arg(
        long, value_name = "BYTES", env = "PRODUCER_LOAD_MEMORY_LIMIT", value_parser = parse_bytes
    )]
    memory_limit: Option<usize>,
    /// How batches reach Pulsar.
    #[arg(long, value_name = "HOW", env = "PRODUCER_LOAD_TRANSPORT", default_value = "framed")]
    transport: TransportArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TransportArg {
    /// As finished frames, over connections of its own.
    Framed,
    /// Record by record through the `pulsar` crate, to compare with.
    Client,
}

/// Names of one dash and several letters, as pulsar-perf has them, and what they stand for.
const SINGLE_DASH: [(&str, &str); 6] = [
    ("-bm", "--batch-max-messages"),
    ("-bb", "--batch-max-bytes"),
    ("-db", "--disable-batching"),
    ("-ml", "--memory-limit"),
    ("-pn", "--producer-name"),
    ("-cf", "--conf-file"),
];

/// Replaces names of one dash and several letters by what they stand for.
pub(super) fn spelled_out(argument: String) -> String {
    let (name, value) = argument.split_once('=').unwrap_or((&argument, ""));
    match SINGLE_DASH.iter().find(|(short, _)| *short == name) {
        None => argument,
        Some((_, long)) if name.len() == argument.len() => (*long).to_owned(),
        Some((_, long)) => format!("{long}={value}"),
    }
}

impl BatchArgs {
    /// Returns what was typed.
    pub(super) fn settings(&self) -> BatchSettings {
        let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        BatchSettings {
            window: self.batch_time_window,
            records_max: self.batch_max_messages.map(size),
            bytes_max: self.batch_max_bytes,
            is_disabled: self.disable_batching,
            memory_bytes_max: self.memory_limit,
            outstanding_max: self.max_outstanding.map(size),
            compression: self.compression,
            transport: match self.transport {
                TransportArg::Framed => Transport::Framed,
                TransportArg::Client => Transport::Client,
            },
        }
    }
}

/// Reads a duration; without a unit they are milliseconds, as in pulsar-perf.
fn parse_window(text: &str) -> Result<Duration, String> {
    let is_number = text.trim().parse::<f64>().is_ok();
    let with_unit = if is_number { format!("{}ms", text.trim()) } else { text.to_owned() };
    parse_duration_positive(&with_unit).map_err(|error| error.to_string())
}

/// Reads a size: bytes, or with K, M or G the thousands of 1,024.
pub(super) fn parse_bytes(text: &str) -> Result<usize, String> {
    let text = text.trim().trim_end_matches("iB").trim_end_matches(['B', 'b']);
    let (number, unit) = match text.chars().last() {
        Some('k' | 'K') => (&text[..text.len() - 1], 1_024),
        Some('m' | 'M') => (&text[..text.len() - 1], 1_024 * 1_024),
        Some('g' | 'G') => (&text[..text.len() - 1], 1_024 * 1_024 * 1_024),
        _ => (text, 1),
    };
    let bytes = number.trim().parse::<usize>().ok().and_then(|n| n.checked_mul(unit));
    match bytes {
        Some(bytes) if bytes >= 1_024 => Ok(bytes),
        Some(_) => Err("it is less than 1K".to_owned()),
        None => Err("it is not a size, such as 256K or 64M".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_windows_are_read() {
        assert_eq!(parse_bytes("256K"), Ok(262_144));
        assert_eq!(parse_bytes("64MiB"), Ok(67_108_864));
        assert_eq!(parse_bytes("100000"), Ok(100_000));
        assert!(parse_bytes("x").is_err() && parse_bytes("1").is_err());
        assert!(parse_bytes("99999999999999999999G").is_err());
        assert_eq!(parse_window("2.5"), Ok(Duration::from_micros(2_500)));
        assert_eq!(parse_window("1s"), Ok(Duration::from_secs(1)));
        assert!(parse_window("0").is_err());
    }

    #[test]
    fn names_of_one_dash_stand_for_long_ones() {
        let spelled = |text: &str| spelled_out(text.to_owned());
        assert_eq!(spelled("-bm"), "--batch-max-messages");
        assert_eq!(spelled("-bm=500"), "--batch-max-messages=500");
        assert_eq!(spelled("-b"), "-b");
        assert_eq!(spelled("--batch-max-bytes"), "--batch-max-bytes");
    }
}
