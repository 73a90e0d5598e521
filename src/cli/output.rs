//! Where `--report`, `--histogram-file` and `--emit-patch` go: files that are known to be writable
//! before the run, or standard output.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path;
use std::path::PathBuf;

use crate::plan::PlanError;
use crate::report::HistogramFile;

/// A file that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{flag} {path}: {source}")]
pub(super) struct OutputError {
    flag: &'static str,
    path: String,
    source: io::Error,
}

/// Refuses a report and a histogram log that would overwrite each other, and a log without a file.
pub(super) fn check(report: Option<&str>, histogram_file: Option<&str>) -> Result<(), PlanError> {
    let Some(log) = histogram_file else { return Ok(()) };
    if log == "-" {
        let why = "standard output is the report's; name a file";
        return Err(PlanError::NoEffect { flag: "--histogram-file -", why });
    }
    if report.is_some_and(|report| report != "-" && place(report) == place(log)) {
        let (one, other) = ("--report", "--histogram-file");
        return Err(PlanError::Contradiction { one, other, both: "write the same file" });
    }
    Ok(())
}

/// Returns where a file is, or would be.
fn place(path: &str) -> Option<PathBuf> {
    fs::canonicalize(path).or_else(|_| path::absolute(path)).ok()
}

/// Opens the file that both latencies are logged to, empty.
pub(super) fn histogram_file(path: &str) -> Result<HistogramFile, OutputError> {
    let flag = "--histogram-file";
    let error = |source| OutputError { flag, path: path.to_owned(), source };
    File::create(path).map(HistogramFile::new).map_err(error)
}

/// Where something goes that is written at the end.
#[derive(Debug)]
pub(super) struct Output {
    flag: &'static str,
    path: String,
    /// `None`: standard output.
    file: Option<File>,
    is_written: bool,
}

impl Output {
    /// Opens the file empty: the report of an earlier run must not pass for this one's.
    pub(super) fn open(flag: &'static str, path: &str) -> Result<Self, OutputError> {
        let path = path.to_owned();
        let file = match path.as_str() {
            "-" => None,
            file => Some(File::create(file).map_err(|source| OutputError {
                flag,
                path: path.clone(),
                source,
            })?),
        };
        Ok(Self { flag, path, file, is_written: false })
    }

    /// Writes a text, which stands behind this mark on standard output.
    pub(super) fn write(mut self, mark: &str, text: &str) -> Result<(), OutputError> {
        let written = match &mut self.file {
            None => io::stdout().write_all(format!("{mark}{text}").as_bytes()),
            Some(file) => file.write_all(text.as_bytes()),
        };
        self.is_written = true;
        let (flag, path) = (self.flag, self.path.clone());
        written.map_err(|source| OutputError { flag, path, source })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_and_a_log_do_not_overwrite_each_other() {
        let refused = |report, log| check(report, Some(log)).err().map(|error| error.to_string());
        for (report, log) in [(None, "-"), (Some("-"), "-")] {
            let said = refused(report, log).unwrap();
            assert!(said.contains("--histogram-file - has no effect"), "{said}");
        }
        for (report, log) in [("x", "x"), ("./x", "x"), ("/dev/./x", "/dev//x")] {
            let said = refused(Some(report), log).unwrap();
            assert!(said.starts_with("--report and --histogram-file both"), "{said}");
        }
        for (report, log) in [(None, "x"), (Some("-"), "x"), (Some("x"), "y/x")] {
            assert_eq!(refused(report, log), None);
        }
        assert_eq!(check(Some("-"), None), Ok(()));
    }
}
