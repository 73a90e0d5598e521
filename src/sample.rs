//! `sample` and `schema`: what would be sent, without a broker.

use std::io;
use std::io::Write;

use crate::clock;
use crate::plan::Plan;
use crate::program::DatumText;
use crate::program::FieldRow;
use crate::program::PrepareError;
use crate::program::Program;
use crate::schema::EventSchema;
use crate::schema::FieldError;
use crate::schema::SchemaError;

mod container;

use container::Container;

/// Why there is no sample.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The schema cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// No records can be made of it.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The shape of the schema.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// It cannot be written.
    #[error("the sample cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// How records are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A line of JSON each.
    Json,
    /// An AVRO object container file.
    Avro,
    /// A line of hexadecimal digits each: the bytes of the message.
    Hex,
}

/// Which records are printed, and how.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The first one's index.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// The event time of all of them, in milliseconds since 1970.
    pub event_time_ms: u64,
    /// How.
    pub format: Format,
}

/// Writes the records that the plan would send.
///
/// # Errors
/// When the schema cannot be used or nothing can be written.
pub fn sample(plan: &Plan, sample: &Sample, out: &mut impl Write) -> Result<(), SampleError> {
    let (schema, program) = prepared(plan)?;
    let text = DatumText::of(&schema)?;
    let mut container = match sample.format {
        Format::Avro => Some(Container::begin(out, schema.registered_text(), plan.seed)?),
        Format::Json | Format::Hex => None,
    };
    let mut draw = program.draw();
    let mut window = vec![0; program.bytes_max().max(program.datum_bytes_max())];
    for index in sample.first..sample.first.saturating_add(sample.count) {
        program.begin(&mut draw, index, sample.event_time_ms);
        match (&mut container, sample.format) {
            (Some(container), _) => container.add(out, program.datum(&mut draw, &mut window))?,
            (None, Format::Hex) => {
                let bytes = program.encode(&mut draw, &mut window);
                window[..bytes].iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
                out.write_all(b"\n")?;
            }
            (None, _) => {
                let mut line = text.text(program.datum(&mut draw, &mut window));
                line.push(b'\n');
                out.write_all(&line)?;
            }
        }
    }
    if let Some(container) = container {
        container.end(out)?;
    }
    Ok(())
}

/// Returns the text that would be registered with the broker.
///
/// # Errors
/// When the schema cannot be used.
pub fn registered(plan: &Plan) -> Result<String, SampleError> {
    let (schema, _) = prepared(plan)?;
    Ok(schema.registered_text().to_owned())
}

/// Returns a row for each field.
///
/// # Errors
/// When the schema cannot be used.
pub fn fields(plan: &Plan) -> Result<Vec<FieldRow>, SampleError> {
    let (schema, program) = prepared(plan)?;
    Ok(program.field_rows(&schema, clock::wall_ms())?)
}

/// Compiles the plan's schema and tries it out as a run does, so that what a run refuses is refused
/// here, too.
fn prepared(plan: &Plan) -> Result<(EventSchema, Program), SampleError> {
    let schema = EventSchema::parse(&plan.events.name, &plan.events.schema_text)?.of_records()?;
    let program = Program::prepare(&schema, &plan.parameters(), clock::wall_ms())?;
    Ok((schema, program))
}
