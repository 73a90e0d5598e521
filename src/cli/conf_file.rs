//! The file of `--conf-file`: Java properties, read as pulsar-perf reads a `client.conf`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::str::FromStr;

use java_properties::LineContent;
use java_properties::PropertiesIter;

/// A file of settings that cannot be used. No variant has a value in it: it might be a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfError {
    /// There is no such file, or it is not ours to read.
    #[error("--conf-file {path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// A line that is not one of Java properties.
    #[error("--conf-file {path}, line {line}: {error}")]
    Malformed {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        error: java_properties::PropertiesError,
    },
    /// A value that is not what the key stands for.
    #[error("--conf-file {path}, line {line}: {key} is not understood: {reason}")]
    Value {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: usize,
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
}

/// What stands in the file; without a file nothing does.
#[derive(Default)]
pub(super) struct ConfFile {
    path: String,
    /// Key to line and value. The last one of a key counts, as Java's `Properties` have it.
    values: BTreeMap<String, (usize, String)>,
}

impl ConfFile {
    /// Reads the file, in Latin-1 as Java does. A value that is empty counts as not there: a stock
    /// `client.conf` has `authPlugin=`.
    ///
    /// # Errors
    /// When it cannot be read, or is not one of Java properties.
    pub(super) fn read(path: &str) -> Result<Self, ConfError> {
        let unreadable = |error| ConfError::Unreadable { path: path.to_owned(), error };
        let file = File::open(path).map_err(unreadable)?;
        let mut values = BTreeMap::new();
        let mut last = 0;
        for line in PropertiesIter::new(file) {
            let line = line.map_err(|error| {
                let line = error.line_number().unwrap_or(last + 1);
                ConfError::Malformed { path: path.to_owned(), line, error }
            })?;
            last = line.line_number();
            if let LineContent::KVPair(key, value) = line.consume_content() {
                values.insert(key, (last, value.trim().to_owned()));
            }
        }
        values.retain(|_, (_, value)| !value.is_empty());
        Ok(Self { path: path.to_owned(), values })
    }

    /// Returns the text of a key.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.values.get(key).map(|(_, value)| value.clone())
    }

    /// Returns the value of a key.
    ///
    /// # Errors
    /// When it is not one of this type.
    pub(super) fn value<T: FromStr<Err: fmt::Display>>(
        &self,
        key: &'static str,
    ) -> Result<Option<T>, ConfError> {
        let Some((line, text)) = self.values.get(key) else { return Ok(None) };
        text.parse().map(Some).map_err(|error: T::Err| {
            let (path, reason) = (self.path.clone(), error.to_string());
            ConfError::Value { path, line: *line, key, reason }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(text: &[u8]) -> Result<ConfFile, ConfError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        ConfFile::read(file.path().to_str().unwrap())
    }

    #[test]
    fn java_properties_are_read_as_java_reads_them() {
        let file = read(
            b"# a comment\n! another\n\na=1\nb: 2\nc 3\n  d = with = and : \n\
              e=lon\\\n   ger\nf=\\u00e9\\t|\nh=\xe9\nempty=\na=last\ng\\ key=x\n",
        );
        let file = file.unwrap();
        for (key, value) in [
            ("a", "last"),
            ("b", "2"),
            ("c", "3"),
            ("d", "with = and :"),
            ("e", "longer"),
            ("f", "\u{e9}\t|"),
            ("h", "\u{e9}"),
            ("g key", "x"),
        ] {
            assert_eq!(file.text(key).as_deref(), Some(value), "{key}");
        }
        assert_eq!(file.text("empty"), None);
        assert_eq!(file.value::<u32>("b").unwrap(), Some(2));
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_value() {
        let said = read(b"# x\nflag=s3cr3t\n").unwrap().value::<bool>("flag").unwrap_err();
        let said = said.to_string();
        assert!(said.contains("line 2: flag") && !said.contains("s3cr3t"), "{said}");
        let said = read(b"a=1\nb=\\u12\n").err().unwrap().to_string();
        assert!(said.contains("line 2"), "{said}");
        let said = ConfFile::read("/no/such.conf").err().unwrap().to_string();
        assert!(said.contains("--conf-file /no/such.conf"), "{said}");
    }
}
