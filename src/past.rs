//! Reports read back: of runs that are over, on this machine or on others.
//!
//! A file is one report, as `--report FILE` writes it, or a log in which lines have the mark that
//! `--report -` gives them, whatever stands before it. A report is read whole or not at all: one
//! that was cut off, that another program wrote or that has another format is an error that names
//! it.

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use serde::Deserialize;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::report::Cpu;
use crate::report::FORMAT_VERSION;
use crate::report::Histograms;
use crate::report::LINE_MARK;
use crate::report::Latencies;
use crate::report::Losses;
use crate::report::Memory;
use crate::report::Point;
use crate::report::ProducerEnd;
use crate::report::RateReached;
use crate::report::Series;
use crate::report::Time;
use crate::report::Totals;
use crate::report::Waits;
use crate::stats::LATENCY_NS_MAX;

mod differing;

pub use differing::differences;

/// Above this a file is taken for something else than a report; the longest have some megabytes.
const BYTES_MAX: u64 = 256 << 20;

/// A report that was read. What a later version adds is left out.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Past {
    /// Where it was read.
    #[serde(skip)]
    pub name: String,
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// What was meant, as it stands there.
    pub plan: Value,
    /// Where it ran.
    pub environment: Value,
    /// When it began and how long it took.
    pub time: Time,
    /// What became of the records.
    pub totals: Totals,
    /// How fast.
    pub rate: RateReached,
    /// How long records took.
    pub latency: Latencies,
    /// All of that.
    pub histograms: Histograms,
    /// The run second by second.
    pub series: Series,
    /// What it cost.
    pub cpu: Cpu,
    /// What it waited for.
    pub waits: Waits,
    /// What was lost on the way and brought back.
    pub losses: Option<Losses>,
    /// What it held.
    pub memory: Memory,
    /// How far each producer came.
    pub producers: Vec<ProducerEnd>,
    /// What to think of it.
    pub verdict: PastVerdict,
    /// Of which runs it was made, where it was of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Value>,
}

/// The verdict of a run that is over.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PastVerdict {
    /// The exit code.
    pub code: u8,
    /// `held`, or what was the limit.
    pub limit: String,
    /// How that shows.
    pub evidence: String,
    /// What helps.
    pub mend: Option<String>,
    /// What makes the measurement itself doubtful.
    pub warnings: Vec<String>,
    /// The objectives that were not reached.
    pub objectives_failed: Vec<String>,
    /// The objective for which the run was stopped before its end.
    pub abandoned: Option<Value>,
    /// One line.
    pub text: String,
}

/// A report that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// It cannot be read.
    #[error("{name} cannot be read: {error}")]
    Unreadable {
        /// Where it should be.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// It ends too soon.
    #[error("{name} is cut off: the report has no end")]
    CutOff {
        /// Where it stands.
        name: String,
    },
    /// More than can be told apart.
    #[error(
        "{name} has several reports, one behind the other: give each a file of its own, or keep \
         the marked lines of --report -"
    )]
    Several {
        /// Where they stand.
        name: String,
    },
    /// Something else.
    #[error("{name} has no report of producer-load ({why}); --report FILE writes one")]
    Foreign {
        /// Where it stands.
        name: String,
        /// How that shows.
        why: String,
    },
    /// Of another version.
    #[error("{name} has format version {version}, and this program reads {FORMAT_VERSION}")]
    OtherFormat {
        /// Where it stands.
        name: String,
        /// The version.
        version: Value,
    },
}

/// Reads the reports of a file, one after the other, and hands each on; `-` is standard input.
///
/// # Errors
/// When one cannot be read, or what takes them refuses one.
pub fn read<E: From<PastError>>(
    file: &str,
    take: &mut impl FnMut(Past) -> Result<(), E>,
) -> Result<(), E> {
    if file == "-" {
        return read_from("standard input", io::stdin().lock(), take);
    }
    let unreadable = |error| PastError::Unreadable { name: file.to_owned(), error };
    read_from(file, BufReader::with_capacity(1 << 16, File::open(file).map_err(unreadable)?), take)
}

fn read_from<E: From<PastError>>(
    file: &str,
    mut input: impl BufRead,
    take: &mut impl FnMut(Past) -> Result<(), E>,
) -> Result<(), E> {
    let unreadable = |error| PastError::Unreadable { name: file.to_owned(), error };
    let mut number = skip_blank(&mut input).map_err(unreadable)?;
    if input.fill_buf().map_err(unreadable)?.first() == Some(&b'{') {
        let mut text = Vec::new();
        input.take(BYTES_MAX).read_to_end(&mut text).map_err(unreadable)?;
        return take(parse(file.to_owned(), &text)?);
    }
    let (mut line, mut found) = (Vec::new(), 0);
    loop {
        number += 1;
        line.clear();
        let read = input.by_ref().take(BYTES_MAX).read_until(b'\n', &mut line);
        if read.map_err(unreadable)? == 0 {
            break;
        }
        let mark = LINE_MARK.as_bytes();
        if let Some(at) = line.windows(mark.len()).position(|part| part == mark) {
            found += 1;
            take(parse(format!("{file}:{number}"), line[at + mark.len()..].trim_ascii_end())?)?;
        }
    }
    if found == 0 {
        let why = format!("it neither begins with {{ nor has a line with {LINE_MARK:?}");
        return Err(PastError::Foreign { name: file.to_owned(), why }.into());
    }
    Ok(())
}

/// Skips the white space that a file begins with; returns how many lines that were.
fn skip_blank(input: &mut impl BufRead) -> io::Result<u64> {
    let mut lines = 0;
    loop {
        let ready = input.fill_buf()?;
        let blank = ready.len() - ready.trim_ascii_start().len();
        let is_all = blank == ready.len();
        lines += ready[..blank].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        input.consume(blank);
        if blank == 0 || !is_all {
            return Ok(lines);
        }
    }
}

/// Returns whether an object stands behind the first one.
fn are_several(text: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    let is_whole = matches!(values.next(), Some(Ok(_)));
    is_whole && text[values.byte_offset()..].trim_ascii_start().starts_with(b"{")
}

/// Reads several files whole, for what needs all of them at once.
///
/// # Errors
/// When one of them cannot be read.
pub fn read_all(files: &[String]) -> Result<Vec<Past>, PastError> {
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        read::<PastError>(file, &mut |past| {
            all.push(past);
            Ok(())
        })?;
    }
    Ok(all)
}

/// Reads a report, and says of what is none why it is not.
fn parse(name: String, text: &[u8]) -> Result<Past, PastError> {
    match serde_json::from_slice::<Past>(text) {
        Ok(past) if past.format_version == FORMAT_VERSION => Ok(Past { name, ..past }),
        Ok(past) => Err(PastError::OtherFormat { name, version: past.format_version.into() }),
        Err(_) if are_several(text) => Err(PastError::Several { name }),
        Err(error) if error.is_eof() => Err(PastError::CutOff { name }),
        Err(error) => {
            let value = serde_json::from_slice::<Value>(text).unwrap_or_default();
            match value.get("format_version") {
                Some(version) if *version != FORMAT_VERSION => {
                    Err(PastError::OtherFormat { name, version: version.clone() })
                }
                _ => Err(PastError::Foreign { name, why: error.to_string() }),
            }
        }
    }
}

impl Past {
    /// Returns where it ran.
    #[must_use]
    pub fn host(&self) -> &str {
        self.environment["host"].as_str().unwrap_or("?")
    }

    /// Reads one of its histograms; `None`: nothing was measured.
    ///
    /// # Errors
    /// When it is none of this program's, whose bounds are all the same.
    pub fn histogram(&self, text: Option<&String>) -> Result<Option<Histogram<u64>>, PastError> {
        let Some(text) = text else { return Ok(None) };
        let foreign = |why: String| PastError::Foreign { name: self.name.clone(), why };
        let bytes = STANDARD.decode(text).map_err(|error| foreign(error.to_string()))?;
        let read: Histogram<u64> = Deserializer::new()
            .deserialize(&mut &bytes[..])
            .map_err(|error| foreign(format!("a histogram: {error}")))?;
        if (read.low(), read.high(), read.sigfig()) != (1, LATENCY_NS_MAX, 3) {
            return Err(foreign("a histogram has other bounds".to_owned()));
        }
        Ok(Some(read))
    }

    /// Returns whether its cost says nothing.
    #[must_use]
    pub fn is_debug_build(&self) -> bool {
        self.environment["debug_build"] == true
    }

    /// Returns its points between the warm-up and the last one, which covers less than the others;
    /// the first is left out too, since connections are new in it. All of them where so few are
    /// left.
    #[must_use]
    pub fn steady_points(&self) -> &[Point] {
        let points = &self.series.points;
        let warmup_ns = self.plan["warmup_ns"].as_u64().unwrap_or_default();
        let warm = warmup_ns.div_ceil(self.series.interval_ns.max(1)).max(1);
        let from = usize::try_from(warm).unwrap_or(usize::MAX);
        match points.get(from..points.len().saturating_sub(1)) {
            Some(steady) if steady.len() >= 2 => steady,
            _ => points,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::OnceLock;

    use super::*;
    use crate::report::Report;
    use crate::report::tests::measured;

    fn all(text: &str) -> Result<Vec<Past>, PastError> {
        let mut all = Vec::new();
        read_from::<PastError>("pod.log", text.as_bytes(), &mut |past| {
            all.push(past);
            Ok(())
        })?;
        Ok(all)
    }

    /// The report of a run that was not measured, to be changed by tests.
    pub(crate) fn past() -> Past {
        static PAST: OnceLock<Past> = OnceLock::new();
        let json = || Report::new(measured()).json();
        PAST.get_or_init(|| parse("a.json".to_owned(), json().as_bytes()).unwrap()).clone()
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let json = Report::new(measured()).json();
        let past = all(&json).unwrap().remove(0);
        let written: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_value(&past).unwrap(), written);
        assert_eq!(past.name, "pod.log");
    }

    #[test]
    fn a_log_has_its_reports_wherever_they_stand() {
        let json = Report::new(measured()).json();
        let log = format!("Sent 7\n[pod/load-0] 2026 {LINE_MARK}{json}\n\n{LINE_MARK}{json}");
        let names =
            |log: &str| -> Vec<_> { all(log).unwrap().into_iter().map(|past| past.name).collect() };
        assert_eq!(names(&log), ["pod.log:2", "pod.log:4"]);
        assert_eq!(names(&format!("\n \n{log}")), ["pod.log:4", "pod.log:6"]);
        assert_eq!(names(&format!("\n  {json}\n")), ["pod.log"]);
    }

    #[test]
    fn what_is_no_report_is_named_and_why() {
        let json = Report::new(measured()).json();
        let cut = &json[..json.len() / 2];
        let other = json.replacen("\"format_version\":1", "\"format_version\":2", 1);
        for (text, said) in [
            (cut.to_owned(), "pod.log is cut off"),
            (format!("{json}\n{json}\n"), "pod.log has several reports"),
            (format!("x\n{LINE_MARK}{cut}\ny"), "pod.log:2 is cut off"),
            (other, "pod.log has format version 2"),
            ("{\"format_version\":9}".to_owned(), "format version 9"),
            ("{\"a\":1}".to_owned(), "pod.log has no report"),
            ("{\"a\" 1}".to_owned(), "pod.log has no report"),
            (String::new(), "pod.log has no report"),
            ("a line\nanother".to_owned(), "pod.log has no report"),
        ] {
            let error = all(&text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let missing = read_all(&["/nowhere/a.json".to_owned()]).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/a.json cannot be read"), "{missing}");
    }
}
