//! What a run that begins shows of itself.

use std::sync::Arc;

use crate::cpu::Cgroup;
use crate::metrics::Shown;
use crate::run::Run;

/// Returns what there is to show of a run.
pub(super) fn of(run: &Run<'_>, cgroup: &Cgroup) -> Shown {
    let plan = run.plan;
    Shown {
        labels: vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("topic", plan.topic.to_string()),
            ("domain", plan.events.name.clone()),
            ("shard", plan.shard.to_string()),
            ("digest", plan.digest.clone()),
        ],
        stats: Arc::clone(&run.stats),
        schedule: plan.load.schedule(),
        start: run.start,
        resumed_ns: run.resumed_ns,
        cgroup: cgroup.clone(),
        cpus: run.cpus,
    }
}
