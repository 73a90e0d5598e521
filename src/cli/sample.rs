//! `sample` and `schema`: records and their schema, printed instead of sent.

use std::fmt::Write as _;
use std::io;
use std::io::BufWriter;

use clap::Args;
use clap::ValueEnum;

use super::Failure;
use super::failed;
use super::print;
use super::produce::IdentityArgs;
use super::records::RecordArgs;
use super::surroundings;
use crate::clock;
use crate::plan::Plan;
use crate::plan::Settings;
use crate::plan::Surroundings;
use crate::program::FieldRow;
use crate::sample;
use crate::sample::Format;
use crate::sample::Sample;
use crate::sample::SampleError;

/// What `sample` can be told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  producer-load sample -n 3\n  \
                        producer-load sample --seed 7 --format avro > events.avro")]
pub(super) struct SampleArgs {
    /// How many records.
    #[arg(
        short = 'n',
        long,
        value_name = "COUNT",
        env = "PRODUCER_LOAD_SAMPLE_COUNT",
        default_value_t = 10
    )]
    count: u64,
    /// How they are printed.
    #[arg(
        long,
        value_name = "FORMAT",
        env = "PRODUCER_LOAD_SAMPLE_FORMAT",
        default_value = "json"
    )]
    format: FormatArg,
    /// The index of the first one.
    #[arg(long, value_name = "INDEX", env = "PRODUCER_LOAD_SAMPLE_FIRST", default_value_t = 0)]
    first: u64,
    /// The event time of all of them, in milliseconds since 1970. Default: now.
    #[arg(long, value_name = "MS", env = "PRODUCER_LOAD_SAMPLE_TIME")]
    event_time: Option<u64>,
    #[command(flatten)]
    records: RecordArgs,
    #[command(flatten)]
    identity: IdentityArgs,
}

/// What `schema` can be told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  producer-load schema\n  \
                        producer-load schema --domain order_events --fields")]
pub(super) struct SchemaArgs {
    /// Print a table instead: each field's type, how it is drawn, and its mean bytes in AVRO.
    #[arg(long)]
    fields: bool,
    #[command(flatten)]
    records: RecordArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatArg {
    /// A line of JSON each.
    Json,
    /// An AVRO object container file.
    Avro,
    /// A line of hexadecimal digits each: the bytes of the message.
    Hex,
}

/// Prints records.
pub(super) fn sample(arguments: &SampleArgs) -> Result<(), Failure> {
    let sample = Sample {
        first: arguments.first,
        count: arguments.count,
        event_time_ms: arguments.event_time.unwrap_or_else(clock::wall_ms),
        format: match arguments.format {
            FormatArg::Json => Format::Json,
            FormatArg::Avro => Format::Avro,
            FormatArg::Hex => Format::Hex,
        },
    };
    let plan = plan(arguments.identity.settings(&arguments.records))?;
    let mut out = BufWriter::new(io::stdout());
    let written =
        sample::sample(&plan, &sample, &mut out).and_then(|()| Ok(io::Write::flush(&mut out)?));
    match written {
        // A reader that has seen enough is no error.
        Err(SampleError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.map_err(failed)?,
    }
    say_how_to_repeat(arguments, &plan, &sample);
    Ok(())
}

/// Logs what was not given and decides the records.
fn say_how_to_repeat(arguments: &SampleArgs, plan: &Plan, sample: &Sample) {
    let seed = arguments.identity.seed.is_none().then(|| format!("--seed {}", plan.seed));
    let time = format!("--event-time {}", sample.event_time_ms);
    let time = arguments.event_time.is_none().then_some(time);
    let flags: Vec<String> = seed.into_iter().chain(time).collect();
    if !flags.is_empty() {
        log::info!("the same records again: {}", flags.join(" "));
    }
}

/// Prints the schema.
pub(super) fn schema(arguments: &SchemaArgs) -> Result<(), Failure> {
    let plan = plan(super::produce::settings_of_records(&arguments.records))?;
    if arguments.fields {
        let rows = sample::fields(&plan).map_err(failed)?;
        return print(&table(&rows));
    }
    let registered = sample::registered(&plan).map_err(failed)?;
    print(&(registered + "\n"))
}

/// Resolves a plan that sends nothing: without a service URL it is no mistake, wherever it is.
fn plan(settings: Settings) -> Result<Plan, Failure> {
    let here = Surroundings { in_kubernetes: false, ..surroundings::here() };
    Ok(Plan::resolve(settings, &here)?)
}

fn table(rows: &[FieldRow]) -> String {
    let width = |text: fn(&FieldRow) -> &str, title: &str| {
        let widths = rows.iter().map(|row| text(row).chars().count());
        widths.max().unwrap_or_default().max(title.len())
    };
    let (path, kind) = (width(|row| &row.path, "field"), width(|row| &row.kind, "type"));
    let mut text = format!("{:path$}  {:kind$}  {:>7}  drawn\n", "field", "type", "bytes");
    for row in rows {
        let drawn = shortened(&row.drawn);
        let bytes = row.bytes_mean.map(|bytes| format!("{bytes:.1}")).unwrap_or_default();
        // Writing to a string cannot fail.
        writeln!(text, "{:path$}  {:kind$}  {bytes:>7}  {drawn}", row.path, row.kind).ok();
    }
    let total: f64 = rows.iter().filter_map(|row| row.bytes_mean).sum();
    writeln!(text, "{:path$}  {:kind$}  {total:>7.1}", "total", "").ok();
    text
}

/// Cuts what is long, such as a list of a hundred options.
fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 100;
    if text.chars().count() <= CHARACTERS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARACTERS_MAX - 1).chain(['…']).collect()
}
