//! What the reports of runs say of the records that have to be there.

use std::collections::HashMap;
use std::io;

use serde_json::Value;

/// A report that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It cannot be read.
    #[error("the report {file} cannot be read: {error}")]
    Unreadable {
        /// Its name.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// It is none.
    #[error("{file} is not the JSON report of a run by this version; write one with --report FILE")]
    NoReport {
        /// Its name.
        file: String,
    },
    /// The run was made from other records.
    #[error(
        "the run of {file} made other records: its digest is {digest}, these flags give \
         {expected}; give the same --domain or --schema-file, --sources, --key, --encoding and \
         --source-choice"
    )]
    OtherRecords {
        /// Its name.
        file: String,
        /// The run's digest.
        digest: String,
        /// Of what is expected.
        expected: String,
    },
}

/// What runs say that they did.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Whether any report was given.
    pub(super) is_known: bool,
    /// The last index that was sent, by producer, topic and partition.
    last: HashMap<(String, String, u32), Option<u64>>,
    pub(super) failed: u64,
    pub(super) unknown: u64,
    pub(super) dropped: u64,
    pub(super) resent: u64,
}

impl Expected {
    /// Reads reports of runs with this digest.
    pub(super) fn read(files: &[String], digest: &str) -> Result<Self, ReportError> {
        let mut expected = Self::default();
        for file in files {
            let text = std::fs::read_to_string(file)
                .map_err(|error| ReportError::Unreadable { file: file.clone(), error })?;
            let report: Option<Value> = serde_json::from_str(&text).ok();
            let no_report = || ReportError::NoReport { file: file.clone() };
            let report = report.ok_or_else(no_report)?;
            let other = report["plan"]["digest"].as_str().ok_or_else(no_report)?;
            if other != digest {
                return Err(ReportError::OtherRecords {
                    file: file.clone(),
                    digest: other.to_owned(),
                    expected: digest.to_owned(),
                });
            }
            expected.add(&report).ok_or_else(no_report)?;
        }
        Ok(expected)
    }

    fn add(&mut self, report: &Value) -> Option<()> {
        self.is_known = true;
        let totals = &report["totals"];
        self.failed += totals["failed"].as_u64()?;
        self.unknown += totals["unknown"].as_u64()?;
        self.dropped += totals["dropped"].as_u64()?;
        self.resent += totals["resent"].as_u64().unwrap_or_default();
        for producer in report["producers"].as_array()? {
            let name = producer["name"].as_str()?.to_owned();
            let topic = producer["topic"].as_str()?.to_owned();
            let partition = u32::try_from(producer["partition"].as_u64()?).ok()?;
            // A run that another one went on with has the same producers.
            let last = self.last.entry((name, topic, partition)).or_default();
            *last = (*last).max(producer["last_index"].as_u64());
        }
        Some(())
    }

    /// Returns the last index that a producer sent to a partition, `Some(None)`: none;
    /// `None`: no report says.
    #[expect(clippy::option_option, reason = "not known, known to be none, known")]
    pub(super) fn last_of(&self, name: &str, topic: &str, partition: u32) -> Option<Option<u64>> {
        if !self.is_known {
            return None;
        }
        self.last.get(&(name.to_owned(), topic.to_owned(), partition)).copied()
    }

    /// Returns whether a report names a producer.
    pub(super) fn names(&self, name: &str, topic: &str) -> bool {
        self.last.keys().any(|(known, of, _)| known == name && of == topic)
    }

    /// Returns the producers of which something has to be on these topics, and that are not known.
    pub(super) fn silent(
        &self,
        topics: &[String],
        is_known: impl Fn(&str, &str) -> bool,
    ) -> Vec<String> {
        let handed = self.last.iter().filter(|(_, last)| last.is_some());
        let silent =
            handed.filter(|((name, topic, _), _)| topics.contains(topic) && !is_known(name, topic));
        let mut names: Vec<String> = silent.map(|((name, ..), _)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}
