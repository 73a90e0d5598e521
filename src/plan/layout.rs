//! What producers are called: a name stands for everything that decides which records lie behind
//! it, so that a broker that remembers a name remembers a producer of the same plan.

use super::Plan;
use crate::program::KeyChoice;
use crate::routing::KeyHash;
use crate::routing::Mode;
use crate::routing::Rule;

impl Plan {
    /// Returns the producer name of a stream, the same on every topic and partition.
    #[must_use]
    pub fn stream_name(&self, stream: u32) -> String {
        let (name, shard) = (&self.producer_name, self.shard.index);
        format!("{name}-{:08x}-{shard}-{stream}", self.layout())
    }

    /// Folds everything that decides what records there are, which stream each belongs to and
    /// where it lies into 32 bits. A plan that was changed in any of it cannot go on where another
    /// one stopped.
    fn layout(&self) -> u32 {
        let Self { topics, streams, .. } = self;
        let Rule { mode, hash } = self.routing;
        let hash = match hash {
            KeyHash::Java => "java",
            KeyHash::Murmur3 => "murmur3",
        };
        let in_turn = format!("{} in turn", self.stripe());
        let way = match mode {
            Mode::Single => "single".to_owned(),
            Mode::RoundRobin => in_turn,
            // Every record has its source for a key: none goes in turn.
            Mode::Key if self.events.key == KeyChoice::Source => format!("by {hash}"),
            Mode::Key => format!("by {hash}, else {in_turn}"),
        };
        let text = format!("{}\ntopics {topics} streams {streams}\n{way}", self.origin());
        crc32c::crc32c(text.as_bytes())
    }
}
