//! Making a record again from what it says of itself, and comparing.

use bumpalo::Bump;

use super::origin::Origin;
use crate::plan::Plan;
use crate::program::CompileError;
use crate::program::Draw;
use crate::program::KeyChoice;
use crate::program::Parameters;
use crate::program::Program;
use crate::rng::Identity;
use crate::routing::Mode;
use crate::routing::Route;
use crate::routing::Routing;
use crate::schema::EventSchema;
use crate::units::Shard;
use crate::wire::Entry;

/// Shards that may be read at a time: of each what its sources decide is kept.
const SHARDS_MAX: usize = 256;

/// What differs from the record that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    Key,
    Payload,
}

impl Difference {
    /// Returns what to say of it.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Key => "the key is another one",
            Self::Payload => "the payload is another one",
        }
    }
}

/// The program of one shard, and what it draws with.
#[derive(Debug)]
struct Shards {
    shard: Shard,
    program: Program,
    draw: Draw,
}

/// Makes records again.
#[derive(Debug)]
pub(super) struct Replay<'a> {
    plan: &'a Plan,
    schema: &'a EventSchema,
    shards: Vec<Shards>,
    window: Vec<u8>,
    arena: Bump,
}

impl<'a> Replay<'a> {
    pub(super) fn new(plan: &'a Plan, schema: &'a EventSchema) -> Self {
        Self { plan, schema, shards: Vec::new(), window: Vec::new(), arena: Bump::new() }
    }

    /// Returns the place of an origin's program, which is compiled if it is the first of its shard;
    /// `None`: there is no such shard, or too many are read.
    pub(super) fn place(&mut self, origin: &Origin) -> Result<Option<usize>, CompileError> {
        let Some(shard) = origin.shard() else { return Ok(None) };
        if let Some(place) = self.shards.iter().position(|known| known.shard == shard) {
            return Ok(Some(place));
        }
        let sources = shard.part_of(self.plan.sources_total);
        let Some((sources, identity)) = sources.zip(origin.identity()) else { return Ok(None) };
        if self.shards.len() == SHARDS_MAX {
            return Ok(None);
        }
        let parameters = Parameters { identity, sources, ..self.plan.parameters() };
        let program = Program::compile(self.schema, &parameters)?;
        self.window.resize(self.window.len().max(program.bytes_max()), 0);
        let draw = program.draw();
        self.shards.push(Shards { shard, program, draw });
        Ok(Some(self.shards.len() - 1))
    }

    /// Compares a record with the one that is made from its index and event time.
    #[inline]
    pub(super) fn compare(
        &mut self,
        place: usize,
        identity: Identity,
        entry: &Entry<'_>,
    ) -> Option<Difference> {
        let Shards { program, draw, .. } = &mut self.shards[place];
        program.begin_of(identity, draw, entry.sequence_id, entry.event_time_ms);
        let is_key_same = program.key(draw, &self.arena) == entry.key;
        let bytes = program.encode(draw, &mut self.window);
        self.arena.reset();
        if self.window[..bytes] == *entry.payload {
            (!is_key_same).then_some(Difference::Key)
        } else {
            Some(Difference::Payload)
        }
    }

    /// Returns the partition of a record that did not come, where that follows from its index
    /// alone: from its source, by key.
    pub(super) fn partition(
        &mut self,
        place: usize,
        identity: Identity,
        partitions: u32,
        index: u64,
    ) -> Option<u32> {
        let by_source = self.plan.events.key == KeyChoice::Source;
        if partitions <= 1 || !by_source || self.plan.routing.mode != Mode::Key {
            return (partitions <= 1).then_some(0);
        }
        let route: Route = Routing::new(self.plan.routing, &[partitions], 1, 1).of(0);
        let Shards { program, draw, .. } = &mut self.shards[place];
        program.begin_of(identity, draw, index, 0);
        let partition = route.partition(index, program.key(draw, &self.arena));
        self.arena.reset();
        Some(partition)
    }
}
