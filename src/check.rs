//! `check`: every step on the way to the first record, one line each, with its time.
//!
//! It takes the same way as a run and sends nothing, so that nobody needs other tools in a
//! container.

use std::io;
use std::io::Write;

use crate::clock;
use crate::connection::Step;
use crate::connection::Taken;
use crate::connection::Target;
use crate::plan::Plan;
use crate::program::PrepareError;
use crate::program::Program;
use crate::publisher::Cancel;
use crate::publisher::PublishError;
use crate::publisher::Publisher;
use crate::schema::EventSchema;
use crate::schema::SchemaError;
use crate::topic::ServiceUrl;
use crate::units;

/// Why a check failed.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The schema cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// No records can be made of it.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A step failed.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The lines cannot be printed.
    #[error("the result cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Takes every step to `service_url` and writes a line for each to `out`.
///
/// # Errors
/// With the step that failed, after the lines of those before it.
pub fn check(
    plan: &Plan,
    service_url: ServiceUrl,
    cancel: &Cancel,
    out: &mut impl Write,
) -> Result<(), CheckError> {
    let schema = EventSchema::parse(&plan.events.name, &plan.events.schema_text)?.of_records()?;
    Program::prepare(&schema, &plan.parameters(), clock::wall_ms())?;
    let target = Target::of(plan, &schema, service_url);
    let mut written = Ok(());
    let observe = &mut |taken: Taken| {
        if written.is_ok() {
            written = write_line(out, &taken);
        }
    };
    let publisher = Publisher::connect(plan, target, cancel, observe)?;
    publisher.close();
    written?;
    writeln!(out, "ok: a run could start; nothing was sent")?;
    Ok(())
}

fn write_line(out: &mut impl Write, taken: &Taken) -> io::Result<()> {
    let name = match taken.step {
        Step::Resolve => "resolve",
        Step::Connect => "connect",
        Step::Authenticate => "authenticate",
        Step::LookUp => "look-up",
        Step::RegisterSchema => "schema",
        Step::CreateProducer => "producer",
        Step::Subscribe => "reader",
    };
    let took = taken.took_ns.map_or_else(|| "-".to_owned(), units::duration_text);
    writeln!(out, "{name:<13} {took:>8}  {}", taken.detail)
}
