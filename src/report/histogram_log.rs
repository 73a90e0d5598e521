//! Both latencies second by second in HdrHistogram's own log format (version 1.3), for the tools
//! that read it.

use std::fs::File;
use std::io;
use std::io::LineWriter;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriter;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use hdrhistogram::serialization::interval_log::Tag;

use crate::stats::Latency;

/// The log writes the slowest in milliseconds, as Java's writer does.
const NS_PER_MS: f64 = 1e6;

/// What a log is written with: the file, and room for a line.
pub struct HistogramFile {
    file: LineWriter<File>,
    serializer: V2DeflateSerializer,
}

/// The log while it is written.
pub struct HistogramLog<'a> {
    writer: IntervalLogWriter<'a, 'a, LineWriter<File>, V2DeflateSerializer>,
}

impl HistogramFile {
    /// Takes an empty file.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self { file: LineWriter::new(file), serializer: V2DeflateSerializer::new() }
    }

    /// Writes the head of the log: when the run started, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin(&mut self, started_wall_ms: u64) -> io::Result<HistogramLog<'_>> {
        let start = UNIX_EPOCH + Duration::from_millis(started_wall_ms);
        let writer = IntervalLogWriterBuilder::new()
            .add_comment("[Histogram log format version 1.3]")
            .add_comment("[producer-load: nanoseconds; Tag=response: due to receipt, Tag=service:")
            .add_comment(" send to receipt]")
            .with_base_time(start)
            .with_start_time(start)
            .with_max_value_divisor(NS_PER_MS)
            .begin_log_with(&mut self.file, &mut self.serializer)?;
        Ok(HistogramLog { writer })
    }
}

impl HistogramLog<'_> {
    /// Writes what was measured in an interval, if anything was.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, latency: &Latency, from_ns: u64, until_ns: u64) -> io::Result<()> {
        let [from, until] = [from_ns, until_ns].map(Duration::from_nanos);
        for (name, histogram) in [("response", &latency.response), ("service", &latency.service)] {
            if !histogram.is_empty() {
                let lasted = until.saturating_sub(from);
                self.writer
                    .write_histogram(histogram, from, lasted, Tag::new(name))
                    .map_err(|error| io::Error::other(error.to_string()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::IntervalLogIterator;
    use hdrhistogram::serialization::interval_log::LogEntry;

    use super::*;

    #[test]
    fn what_was_logged_is_read_again_second_by_second() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut log_file = HistogramFile::new(file.reopen().unwrap());
        let mut log = log_file.begin(1_700_000_000_250).unwrap();
        let mut latency = Latency::default();
        latency.record_service(3_000_000, 7);
        log.write(&latency, 0, 1_005_000_000).unwrap();
        latency.record_response(9_000_000, 4);
        log.write(&latency, 1_005_000_000, 2_005_000_000).unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        assert!(text.starts_with("#[Histogram log format version 1.3]\n"), "{text}");
        assert!(text.contains("#[BaseTime: 1700000000.250 (seconds since epoch)]"), "{text}");
        let mut read = Vec::new();
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            if let LogEntry::Interval(interval) = entry.unwrap() {
                let bytes = STANDARD.decode(interval.encoded_histogram()).unwrap();
                let histogram: Histogram<u64> =
                    Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
                let tag = interval.tag().unwrap().as_str().to_owned();
                read.push((tag, interval.start_timestamp().as_millis(), histogram.len()));
            }
        }
        let of = |name: &str, start, count| (name.to_owned(), start, count);
        let expected = [of("service", 0, 7), of("response", 1_005, 4), of("service", 1_005, 7)];
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn a_file_that_takes_nothing_is_an_error() {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert!(HistogramFile::new(full).begin(1).is_err());
    }
}
