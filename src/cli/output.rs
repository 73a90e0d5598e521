//! Where `--report` and `--histogram-file` go: files that are known to be writable before the run,
//! or standard output.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;

use crate::report::HistogramFile;
use crate::report::LINE_MARK;
use crate::report::Report;

/// A file that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{flag} {path}: {source}")]
pub(super) struct OutputError {
    flag: &'static str,
    path: String,
    source: io::Error,
}

const REPORT: &str = "--report";

/// Opens the file that both latencies are logged to, empty.
pub(super) fn histogram_file(path: &str) -> Result<HistogramFile, OutputError> {
    let flag = "--histogram-file";
    let error = |source| OutputError { flag, path: path.to_owned(), source };
    File::create(path).map(HistogramFile::new).map_err(error)
}

/// Where the report goes.
#[derive(Debug)]
pub(super) struct Output {
    path: String,
    /// `None`: one marked line on standard output.
    file: Option<File>,
    is_written: bool,
}

impl Output {
    /// Opens the file empty: the report of an earlier run must not pass for this one's.
    pub(super) fn open(path: &str) -> Result<Self, OutputError> {
        let error = |source| OutputError { flag: REPORT, path: path.to_owned(), source };
        let file = match path {
            "-" => None,
            path => Some(File::create(path).map_err(error)?),
        };
        Ok(Self { path: path.to_owned(), file, is_written: false })
    }

    /// Writes the report.
    pub(super) fn write(mut self, report: &Report) -> Result<(), OutputError> {
        let json = report.json();
        let written = match &mut self.file {
            None => io::stdout().write_all(format!("{LINE_MARK}{json}\n").as_bytes()),
            Some(file) => file.write_all((json + "\n").as_bytes()),
        };
        self.is_written = true;
        written.map_err(|source| OutputError { flag: REPORT, path: self.path.clone(), source })
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.file.is_some() && !self.is_written {
            // The run did not begin: an empty file would look like a report that was cut off.
            fs::remove_file(&self.path).ok();
        }
    }
}
