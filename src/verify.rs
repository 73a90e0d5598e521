//! `verify`: reads what topics hold, makes every record again, and tells what is missing, repeated,
//! reordered, altered or foreign.
//!
//! A record is a pure function of what its batch says of itself, so that nothing is needed but the
//! flags that say what records are. What is held is bounded, however long the run was.
//!
//! Inside: `reading` brings messages of all partitions in order, `inspector` takes them apart,
//! `replay` makes records again, `ledger` knows what was seen, `chain` what was handed over.

use std::io;

use serde::Serialize;
use tokio::runtime::Builder;

use crate::clock;
use crate::connection;
use crate::connection::ConnectError;
use crate::connection::Taken;
use crate::connection::Target;
use crate::plan::Plan;
use crate::program::PrepareError;
use crate::program::Program;
use crate::publisher::Cancel;
use crate::schema::EventSchema;
use crate::schema::SchemaError;
use crate::topic::ServiceUrl;
use crate::topic::Topic;

mod chain;
mod expected;
mod findings;
mod inspector;
mod ledger;
mod origin;
mod outcome;
mod reading;
mod replay;
mod ring;

pub use expected::ReportError;
pub use findings::Counts;
pub use findings::Example;
pub use findings::Findings;
pub use findings::Kind;
pub use findings::Span;
pub use outcome::Outcome;
pub use outcome::Verdict;

use expected::Expected;
use inspector::Inspector;
use outcome::Observed;
use reading::Reading;
use reading::Until;
use replay::Replay;

/// Which messages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// All that are there when reading begins.
    Earliest,
    /// Those that come.
    Live,
}

/// What was asked for, beside the plan.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Which messages.
    pub from: From,
    /// How long, in nanoseconds, where it is live; `None`: until a signal.
    pub duration_ns: Option<u64>,
    /// Examples of each kind at most.
    pub examples_max: usize,
    /// Files with the reports of the runs.
    pub reports: Vec<String>,
}

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The schema cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// No records can be made of it.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A report cannot be used.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// There is no connection, or none any more.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The runtime could not be made.
    #[error("reading cannot start: {0}")]
    Runtime(#[from] io::Error),
}

/// Reads and compares what the plan's topics hold.
///
/// # Errors
/// When it cannot begin, or the cluster is lost for good meanwhile.
pub fn verify(
    plan: &Plan,
    service_url: &ServiceUrl,
    wish: &Wish,
    cancel: &Cancel,
) -> Result<Outcome, VerifyError> {
    let schema = EventSchema::parse(&plan.events.name, &plan.events.schema_text)?.of_records()?;
    // Tried out once, as a run does, so that a schema that makes no records is told before.
    Program::prepare(&schema, &plan.parameters(), clock::wall_ms())?;
    let expected = Expected::read(&wish.reports, &plan.digest)?;
    let target = Target::of(plan, &schema, service_url.clone());
    let topics: Vec<String> = plan.topics().iter().map(Topic::to_string).collect();
    let is_live = wish.from == From::Live;
    let replay = Replay::new(plan, &schema);
    let mut inspector = Inspector::new(&plan.digest, replay, &expected, wish.examples_max, is_live);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let began = clock::now();
    let word = cancel.token();
    let read = runtime.block_on(async {
        let observe = &mut |taken: Taken| log::debug!("{}: {}", taken.step.what(), taken.detail);
        let session = connection::connect(target, word.clone(), observe).await?;
        let partitions: u32 = session.partitions().iter().map(|count| (*count).max(1)).sum();
        let until = match wish.from {
            From::Earliest => Until::WhatIsThere,
            From::Live => {
                Until::Live(wish.duration_ns.map(|duration| clock::now().plus_ns(duration)))
            }
        };
        let reading = Reading::start(session, &topics, until, plan.keep_alive_ns).await?;
        log::info!("reading {partitions} partitions");
        let read = reading.run(&mut inspector, &word).await?;
        Ok::<_, VerifyError>((read, partitions))
    });
    // A name server that does not answer must not hold the end up.
    runtime.shutdown_background();
    let (read, partitions) = read?;
    inspector.finish();
    Ok(Outcome::new(Observed {
        plan,
        service_url: service_url.to_string(),
        from: wish.from,
        silent: expected.silent(&topics, |name, topic| inspector.knows(name, topic)),
        is_bounded: !is_live || wish.duration_ns.is_some(),
        partitions,
        elapsed_ns: clock::now().ns_since(began),
        read,
        inspector,
        expected: &expected,
    }))
}
