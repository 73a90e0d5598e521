//! The flags that say what records are and who sends them.

use std::fs;
use std::io;
use std::path::Path;

use clap::Args;
use clap::ValueEnum;

use crate::domain;
use crate::domain::Domain;
use crate::domain::DomainUnknown;
use crate::plan::Events;
use crate::program::KeyChoice;
use crate::program::SourceChoice;
use crate::schema;
use crate::schema::Encoding;

/// Sources at most: an id has seven digits and may grow, a number of sources need not.
const SOURCES_MAX: u64 = 10_000_000_000;

/// A larger schema file is something else that was named by mistake.
const SCHEMA_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[derive(Debug, Args)]
#[command(next_help_heading = "Records")]
pub(super) struct RecordArgs {
    /// The kind of events: `sensor_telemetry`, `order_events` (e-commerce), `transaction_events`
    /// (finance), `game_events`, `shipment_events` (logistics), `sensor_data`.
    #[arg(
        long, value_name = "DOMAIN", env = "EVENT_TYPE", default_value = "sensor_telemetry",
        value_parser = parse_domain
    )]
    domain: &'static Domain,
    /// Make records of this AVRO schema instead (.avsc); how its fields are drawn stands beside
    /// them, as schemas/README.md says.
    #[arg(
        long, value_name = "FILE", env = "PRODUCER_LOAD_SCHEMA_FILE", conflicts_with = "domain",
        value_parser = read_schema
    )]
    schema_file: Option<SchemaFile>,
    /// How records are written.
    #[arg(long, value_name = "ENCODING", env = "PRODUCER_LOAD_ENCODING", default_value = "avro")]
    encoding: EncodingArg,
    /// The message key: source, none, or the path of a field.
    #[arg(long, value_name = "KEY", env = "PRODUCER_LOAD_KEY", default_value = "source")]
    key: KeyChoice,
    /// How many event sources there are, over all shards.
    #[arg(
        long, visible_alias = "event-source-count", value_name = "COUNT",
        env = "EVENT_SOURCE_COUNT", default_value = "10000", value_parser = parse_sources
    )]
    pub(super) sources: u64,
    /// How often each sends: uniform, rotate (in turn), zipf or zipf:S (the first most often).
    #[arg(
        long,
        value_name = "CHOICE",
        env = "PRODUCER_LOAD_SOURCE_CHOICE",
        default_value = "uniform"
    )]
    source_choice: SourceChoice,
}

/// A schema of the user's: its file's name, and its text with its options files in place.
#[derive(Clone, Debug)]
struct SchemaFile {
    name: String,
    text: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EncodingArg {
    /// Bare AVRO datums.
    Avro,
    /// JSON text with the same schema, which is registered as JSON.
    Json,
}

impl RecordArgs {
    /// Returns what records are.
    pub(super) fn events(&self) -> Events {
        let (name, schema_text) = match &self.schema_file {
            Some(file) => (file.name.clone(), file.text.clone()),
            None => (self.domain.name.to_owned(), self.domain.schema_text.to_owned()),
        };
        Events {
            name,
            schema_text,
            key: self.key.clone(),
            encoding: match self.encoding {
                EncodingArg::Avro => Encoding::Avro,
                EncodingArg::Json => Encoding::Json,
            },
            source_choice: self.source_choice,
        }
    }

    /// Returns the domain's name, or that of the schema's file.
    pub(super) fn origin(&self) -> Result<&'static str, String> {
        self.schema_file.as_ref().map_or(Ok(self.domain.name), |file| Err(file.name.clone()))
    }
}

fn parse_domain(text: &str) -> Result<&'static Domain, DomainUnknown> {
    domain::find(text)
}

/// Reads a schema file; options files are looked for where the program was started, then beside it.
fn read_schema(name: &str) -> Result<SchemaFile, String> {
    let text = read(Path::new(name)).map_err(|error| format!("it cannot be read: {error}"))?;
    let text = String::from_utf8(text).map_err(|_| "it is not text".to_owned())?;
    let beside = |file: &str| {
        read(Path::new(file)).or_else(|error| {
            let folder = Path::new(name).parent().ok_or(error)?;
            read(&folder.join(file))
        })
    };
    let text = schema::inline_options(&text, &beside).map_err(|error| error.to_string())?;
    Ok(SchemaFile { name: name.to_owned(), text })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = fs::metadata(path)?.len();
    if bytes > SCHEMA_BYTES_MAX {
        let what = format!("it has {bytes} bytes, more than {SCHEMA_BYTES_MAX}");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    fs::read(path)
}

fn parse_sources(text: &str) -> Result<u64, String> {
    match text.trim().parse() {
        Ok(0) => Err("there must be at least 1 source".to_owned()),
        Ok(sources) if sources <= SOURCES_MAX => Ok(sources),
        Ok(_) => Err(format!("at most {SOURCES_MAX} sources")),
        Err(_) => Err("it is not a whole number, such as 10000".to_owned()),
    }
}
