//! How far each producer came: what verify holds the end of a topic against.

use serde::Deserialize;
use serde::Serialize;

use crate::plan::Plan;
use crate::routing::Routing;
use crate::stats::Counter;

/// How far one producer came on one partition.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ProducerEnd {
    /// Its name.
    pub name: String,
    /// The topic.
    pub topic: String,
    /// The partition of it.
    pub partition: u32,
    /// The last index that was given to the connection for it; `null`: none was. What was handed
    /// over behind that counts as dropped.
    pub last_index: Option<u64>,
}

impl ProducerEnd {
    /// Lists all producers of a run, in the order of their numbers, by the index behind the last
    /// one of each.
    #[must_use]
    pub fn all(plan: &Plan, routing: &Routing, ends: &[Counter]) -> Vec<Self> {
        let topics = plan.topics();
        let mut all = Vec::with_capacity(ends.len());
        for (stream, route) in (0..).zip(routing.routes()) {
            for partition in 0..route.partitions {
                let end = ends.get(route.producer(partition) as usize);
                all.push(Self {
                    name: plan.stream_name(stream),
                    topic: topics[route.topic as usize].to_string(),
                    partition,
                    last_index: end.and_then(|end| end.get().checked_sub(1)),
                });
            }
        }
        all
    }
}
