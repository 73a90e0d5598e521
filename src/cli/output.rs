//! Where `--report` goes: a file that is known to be writable before the run, or standard output.

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::PathBuf;

use crate::report::LINE_MARK;
use crate::report::Report;

/// A report that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("--report {path}: {source}")]
pub(super) struct OutputError {
    path: String,
    source: io::Error,
}

/// Where the report goes.
#[derive(Debug)]
pub(super) enum Output {
    /// One marked line.
    Line,
    /// A file.
    File(PathBuf),
}

impl Output {
    /// Makes sure that the file can be written, without touching what is in it.
    pub(super) fn open(path: &str) -> Result<Self, OutputError> {
        if path == "-" {
            return Ok(Self::Line);
        }
        let error = |source| OutputError { path: path.to_owned(), source };
        OpenOptions::new().create(true).append(true).open(path).map_err(error)?;
        Ok(Self::File(path.into()))
    }

    /// Writes the report.
    pub(super) fn write(&self, report: &Report) -> Result<(), OutputError> {
        let json = report.json();
        let (path, written) = match self {
            Self::Line => {
                ("-".to_owned(), io::stdout().write_all(format!("{LINE_MARK}{json}\n").as_bytes()))
            }
            Self::File(path) => (path.display().to_string(), fs::write(path, json + "\n")),
        };
        written.map_err(|source| OutputError { path, source })
    }
}
