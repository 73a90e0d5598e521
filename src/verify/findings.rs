//! What was found: a number of each, and examples.

use serde::Serialize;

/// What can be wrong with a record or batch, or be worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Handed over by its producer, and not there.
    Missing,
    /// Never handed over, as its producer says itself.
    Dropped,
    /// Handed over before the first one that is there: let go of by the broker, or lost.
    Gone,
    /// Let go of by the broker before it was read.
    Overrun,
    /// There more than once.
    Repeated,
    /// There more than once, or so late that it was taken to be missing.
    RepeatedOrLate,
    /// Behind a later one of its producer and partition.
    Reordered,
    /// Other bytes than its producer made, in key or payload.
    Altered,
    /// By somebody else, or made from another schema or by other flags.
    Foreign,
    /// A batch that is not what it says it is.
    MalformedBatch,
    /// A message whose checksum is wrong.
    WrongChecksum,
}

/// How often each was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All records, foreign ones too.
    pub records: u64,
    /// All messages, each a batch or a record by itself.
    pub batches: u64,
    /// See [`Kind::Missing`].
    pub missing: u64,
    /// See [`Kind::Dropped`].
    pub dropped: u64,
    /// See [`Kind::Gone`]; those among them that were dropped cannot be told.
    pub gone: u64,
    /// See [`Kind::Overrun`].
    pub overrun: u64,
    /// Messages that the broker let go of before they were read, by the jumps of message ids.
    pub overrun_messages: u64,
    /// Not there, but nothing later came to their partitions: they may have been on their way.
    pub open: u64,
    /// See [`Kind::Repeated`].
    pub repeated: u64,
    /// See [`Kind::RepeatedOrLate`].
    pub repeated_or_late: u64,
    /// See [`Kind::Reordered`].
    pub reordered: u64,
    /// See [`Kind::Altered`].
    pub altered: u64,
    /// See [`Kind::Foreign`].
    pub foreign: u64,
    /// See [`Kind::MalformedBatch`].
    pub malformed_batches: u64,
    /// See [`Kind::WrongChecksum`].
    pub wrong_checksums: u64,
}

impl Counts {
    /// Returns the number of a kind.
    const fn of(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Missing => &mut self.missing,
            Kind::Dropped => &mut self.dropped,
            Kind::Gone => &mut self.gone,
            Kind::Overrun => &mut self.overrun,
            Kind::Repeated => &mut self.repeated,
            Kind::RepeatedOrLate => &mut self.repeated_or_late,
            Kind::Reordered => &mut self.reordered,
            Kind::Altered => &mut self.altered,
            Kind::Foreign => &mut self.foreign,
            Kind::MalformedBatch => &mut self.malformed_batches,
            Kind::WrongChecksum => &mut self.wrong_checksums,
        }
    }
}

/// One thing that was found, with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What it is.
    pub kind: Kind,
    /// The producer's name.
    pub producer: String,
    /// Its stream, as `number/count`.
    pub stream: Option<String>,
    /// The record's index; of several the first one's.
    pub index: Option<u64>,
    /// How many records of the stream, from that one on.
    pub records: u64,
    /// The topic.
    pub topic: String,
    /// Its partition.
    pub partition: Option<u32>,
    /// Where the message stands, as `ledger:entry`.
    pub message_id: Option<String>,
    /// What is wrong, where the kind does not say it all.
    pub why: Option<String>,
}

/// How far what came of one producer reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The producer's name.
    pub producer: String,
    /// The topic.
    pub topic: String,
    /// Its stream, as `number/count`.
    pub stream: String,
    /// The lowest index that came.
    pub first_index: u64,
    /// The highest index that came.
    pub last_index: u64,
}

/// Everything that was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// How often.
    pub counts: Counts,
    /// Some of each, in the order in which they were found.
    pub examples: Vec<Example>,
    /// Of those that are gone, as many as belong to producers that a report names.
    #[serde(skip)]
    pub(super) gone_reported: u64,
    #[serde(skip)]
    examples_max: usize,
    #[serde(skip)]
    kept: [usize; 11],
}

impl Findings {
    /// Makes findings that keep so many examples of each kind.
    #[must_use]
    pub fn new(examples_max: usize) -> Self {
        Self { examples_max, ..Self::default() }
    }

    /// Counts what was found, and keeps it if it is one of the first of its kind.
    pub(super) fn add(&mut self, kind: Kind, records: u64, example: impl FnOnce() -> Example) {
        *self.counts.of(kind) += records;
        let kept = &mut self.kept[kind as usize];
        if *kept < self.examples_max {
            *kept += 1;
            self.examples.push(example());
        }
    }
}
