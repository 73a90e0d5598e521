//! The log: lines on standard error, for a person or as JSON.

use std::io;
use std::io::IsTerminal;
use std::io::Write;

use clap::ValueEnum;
use env_logger::Env;
use env_logger::Target;
use env_logger::fmt::Formatter;
use log::LevelFilter;
use log::Metadata;
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

/// Crates that trace what they send, a secret among it, and the finest level at which they do not.
/// A directive of `RUST_LOG` cannot say more: one for a module of theirs would win over ours.
const DISCREET: [(&str, LevelFilter); 2] =
    [("pulsar", LevelFilter::Debug), ("ureq", LevelFilter::Warn)];

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
        .target(Target::Pipe(Box::new(Lines)))
        .format(
            move |line, record| {
                if is_discreet(record.metadata()) { write(line, record) } else { Ok(()) }
            },
        )
        .init();
}

/// Returns whether a record has no secret in it, as far as is known of who says it.
fn is_discreet(of: &Metadata<'_>) -> bool {
    DISCREET.iter().all(|(name, finest)| !of.target().starts_with(name) || of.level() <= *finest)
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

#[cfg(test)]
mod tests {
    use log::Level;

    use super::*;

    #[test]
    fn what_has_secrets_in_it_is_not_told() {
        for (target, level, is_told) in [
            ("pulsar::connection", Level::Trace, false),
            ("pulsar::connection", Level::Debug, true),
            ("ureq_proto::client", Level::Debug, false),
            ("ureq", Level::Warn, true),
            ("producer_load::run", Level::Trace, true),
        ] {
            let record = Metadata::builder().target(target).level(level).build();
            assert_eq!(is_discreet(&record), is_told, "{target} {level}");
        }
    }
}
