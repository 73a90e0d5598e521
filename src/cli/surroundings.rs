//! Where the program runs, read once and handed to the plan.

use crate::clock;
use crate::cpu::Cpus;
use crate::plan::Surroundings;
use crate::rng;
use crate::units::Shard;
use crate::units::UnitError;

/// Reads a shard, whose index Kubernetes may have to say.
pub(super) fn shard(text: &str) -> Result<Shard, UnitError> {
    Shard::of_pod(text, std::env::var("JOB_COMPLETION_INDEX").ok().as_deref())
}

/// Reads host name, CPUs and environment, and makes a token that no other start shares.
pub(super) fn here() -> Surroundings {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let process = u64::from(std::process::id());
    Surroundings {
        cpus: Cpus::of_this_process(),
        // fastrand seeds its own generator from the system's entropy; time and process id stay in
        // so that two machines without entropy of their own still differ.
        start_token: rng::mix(fastrand::u64(..) ^ rng::mix(clock::wall_ms()) ^ process),
        in_kubernetes: std::env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
        host,
    }
}
