//! The log: lines on standard error, for a person or as JSON.

use std::io;
use std::io::IsTerminal;
use std::io::Write;

use clap::ValueEnum;
use env_logger::Env;
use env_logger::Target;
use env_logger::fmt::Formatter;
use log::LevelFilter;
use log::Record;
use log::kv::Error;
use log::kv::Key;
use log::kv::Value;
use log::kv::VisitSource;
use log::kv::VisitValue;
use serde_json::Map;

use crate::console::Lines;
use crate::console::Screen;

/// What is logged unless `RUST_LOG` says otherwise. The `pulsar` crate is silent: it repeats itself
/// ten times a second while a broker is away, and what there is to say this program says itself.
const FILTER: &str = "info,pulsar=off";

/// The same where one command makes several runs: what each says once a second would hide what the
/// command says.
const FILTER_OF_RUNS: &str = "info,pulsar=off,producer_load::run=error";

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For a person.
    Text,
    /// One object a line, with the fields of what is logged once a second.
    Json,
}

/// Starts the log, of a command that makes several runs without what these say once a second.
pub(super) fn start(format: LogFormat, has_runs: bool) {
    let filter = if has_runs { FILTER_OF_RUNS } else { FILTER };
    let write = match format {
        LogFormat::Text => text,
        LogFormat::Json => json,
    };
    env_logger::Builder::from_env(Env::default().default_filter_or(filter))
        // It would log what it sends, a secret among it.
        .filter_module("ureq", LevelFilter::Warn)
        .target(Target::Pipe(Box::new(Lines)))
        .format(write)
        .init();
}

/// Returns the terminal that standard error is, for a line that is drawn anew.
pub(super) fn screen(format: LogFormat) -> Option<Screen> {
    let variable = |name| std::env::var_os(name).unwrap_or_default();
    let is_screen = io::stderr().is_terminal() && variable("TERM") != "dumb";
    // As no-color.org has it: set to anything.
    let is_coloured = variable("NO_COLOR").is_empty();
    (is_screen && format == LogFormat::Text).then_some(Screen { is_coloured })
}

fn text(line: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    writeln!(line, "{} {:<5} {}", line.timestamp_seconds(), record.level(), record.args())
}

fn json(line: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let mut fields = Map::new();
    fields.insert("time".to_owned(), line.timestamp_millis().to_string().into());
    fields.insert("level".to_owned(), record.level().as_str().to_lowercase().into());
    fields.insert("message".to_owned(), record.args().to_string().into());
    // The visitor fails at nothing.
    record.key_values().visit(&mut Fields(&mut fields)).ok();
    writeln!(line, "{}", serde_json::Value::Object(fields))
}

/// Takes the fields of a line.
struct Fields<'a>(&'a mut Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let field = self.0.entry(key.as_str()).or_insert(serde_json::Value::Null);
        value.visit(Field(field))
    }
}

/// Takes one field.
struct Field<'a>(&'a mut serde_json::Value);

impl VisitValue<'_> for Field<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        *self.0 = value.to_string().into();
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        *self.0 = serde_json::Value::Null;
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        *self.0 = value.into();
        Ok(())
    }
}
