//! The file of `--conf-file`: Java properties, read as pulsar-perf reads a `client.conf`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;

use java_properties::LineContent;
use java_properties::PropertiesIter;

use crate::topic::ServiceUrl;

/// Where the cluster may stand, the first that is there. pulsar-perf has the last before the
/// second: it can use the admin address, and this program cannot.
const SERVICE_URLS: [&str; 3] = ["brokerServiceUrl", "serviceUrl", "webServiceUrl"];

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
    /// No cluster, where none was typed either.
    #[error(
        "--conf-file {path} does not say where the cluster is: brokerServiceUrl=pulsar://HOST:6650"
    )]
    NoCluster {
        /// The file.
        path: String,
    },
    /// A setting by which the connection would have to be made in a way that this program cannot.
    #[error("--conf-file {path}, line {line}: {key} is not supported; {hint}")]
    Unsupported {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: usize,
        /// The key.
        key: &'static str,
        /// What to do about it.
        hint: &'static str,
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
        let read = Self { path: path.to_owned(), values };
        read.check_support()?;
        Ok(read)
    }

    /// Refuses what would have the run connect otherwise than it was told to.
    fn check_support(&self) -> Result<(), ConfError> {
        let unsupported = |key, hint| {
            let line = self.values.get(key).map_or(0, |(line, _)| *line);
            Err(ConfError::Unsupported { path: self.path.clone(), line, key, hint })
        };
        if self.values.contains_key("proxyServiceUrl") {
            let hint = "a Pulsar proxy is reached by its address as brokerServiceUrl";
            return unsupported("proxyServiceUrl", hint);
        }
        if self.flag("useKeyStoreTls")? == Some(true) {
            let hint =
                "name PEM files: tlsTrustCertsFilePath, tlsCertificateFilePath, tlsKeyFilePath";
            return unsupported("useKeyStoreTls", hint);
        }
        Ok(())
    }

    /// Returns where the cluster is; without a file nowhere.
    ///
    /// # Errors
    /// When the file does not say, or not as this program could connect to it.
    pub(super) fn service_url(&self) -> Result<Option<ServiceUrl>, ConfError> {
        match SERVICE_URLS.into_iter().find(|key| self.values.contains_key(*key)) {
            Some(key) => self.parsed(key, str::parse),
            None if self.path.is_empty() => Ok(None),
            None => Err(ConfError::NoCluster { path: self.path.clone() }),
        }
    }

    /// Returns the text of a key.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.values.get(key).map(|(_, value)| value.clone())
    }

    /// Returns whether a key is true, in whatever case, as Java reads it.
    ///
    /// # Errors
    /// When it is neither true nor false.
    pub(super) fn flag(&self, key: &'static str) -> Result<Option<bool>, ConfError> {
        self.parsed(key, |text| text.to_ascii_lowercase().parse::<bool>())
    }

    fn parsed<T, E: fmt::Display>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, ConfError> {
        let Some((line, text)) = self.values.get(key) else { return Ok(None) };
        parse(text).map(Some).map_err(|error| {
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
    }

    #[test]
    fn the_first_url_that_is_there_counts_and_no_other_is_read() {
        let url = |text: &str| {
            let url = read(text.as_bytes()).and_then(|file| file.service_url());
            url.map(|url| url.unwrap().to_string()).map_err(|error| error.to_string())
        };
        let web = "webServiceUrl=http://web:8080/\n";
        for text in ["brokerServiceUrl=pulsar://a:1\nserviceUrl=?\n", "serviceUrl=pulsar://a:1\n"] {
            assert_eq!(url(&format!("{web}{text}")).unwrap(), "pulsar://a:1", "{text}");
        }
        let said = url(web).unwrap_err();
        assert!(said.contains("line 1: webServiceUrl") && said.contains("port 6650"), "{said}");
        let said = url("brokerServiceUrl=\nauthPlugin=token\n").unwrap_err();
        assert!(said.contains("does not say where the cluster is"), "{said}");
        assert_eq!(ConfFile::default().service_url().unwrap(), None);
    }

    #[test]
    fn what_would_connect_otherwise_is_refused() {
        let refused = |text: &str| read(text.as_bytes()).err().unwrap().to_string();
        let said = refused("proxyProtocol=SNI\nproxyServiceUrl=pulsar+ssl://proxy\n");
        assert!(said.contains("line 2: proxyServiceUrl is not supported"), "{said}");
        let said = refused("useKeyStoreTls=True\n");
        assert!(said.contains("useKeyStoreTls is not supported; name PEM"), "{said}");
        // As a stock client.conf has them.
        let stock =
            "useKeyStoreTls=false\ntlsTrustStoreType=JKS\nproxyServiceUrl=\nproxyProtocol=\n";
        assert_eq!(read(stock.as_bytes()).unwrap().flag("useKeyStoreTls").unwrap(), Some(false));
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_value() {
        let said = read(b"# x\nflag=s3cr3t\n").unwrap().flag("flag").unwrap_err();
        let said = said.to_string();
        assert!(said.contains("line 2: flag") && !said.contains("s3cr3t"), "{said}");
        let said = read(b"a=1\nb=\\u12\n").err().unwrap().to_string();
        assert!(said.contains("line 2"), "{said}");
        let said = ConfFile::read("/no/such.conf").err().unwrap().to_string();
        assert!(said.contains("--conf-file /no/such.conf"), "{said}");
    }
}
