//! Whether a pod fits on a node at all, and has what a run needs.

use crate::units::counted;
use crate::units::cpu_text;
use crate::units::memory_text;

use super::Cost;
use super::Pod;
use super::Question;
use super::whole;

/// The share of a pod's memory that is planned with; the rest is the kernel's part of it.
const MEMORY_FILL: f64 = 0.9;

/// Why there is no answer.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CapacityError {
    /// No node has room for such a pod.
    #[error("a pod of {asked} does not fit on {node}, which leaves pods {free}; take {mend}")]
    PodTooLarge {
        /// What the pod is given.
        asked: String,
        /// The node.
        node: String,
        /// What there is.
        free: String,
        /// What helps.
        mend: &'static str,
    },
    /// The pod cannot even hold the batches that it needs to go on.
    #[error(
        "--pod-memory {asked} is too small for a pod with {lanes}: it holds {idle} at the start \
         and needs {window} for batches; give it {needed} or more"
    )]
    MemoryTooSmall {
        /// What the pod is given.
        asked: String,
        /// Generator threads, with their noun.
        lanes: String,
        /// What the process holds.
        idle: String,
        /// What batches need.
        window: String,
        /// What would do.
        needed: String,
    },
    /// The pod's CPU is used up by idling.
    #[error(
        "--pod-cpu {asked} is too small: waking up for batches takes {idle} alone, however few \
         records are in them; give it {needed} or more, or take a longer --batch-time-window"
    )]
    CpuTooSmall {
        /// What the pod is given.
        asked: String,
        /// What idling takes.
        idle: String,
        /// What would do.
        needed: String,
    },
    /// More pods than can be counted.
    #[error("{pods:.0} pods are more than any cluster has; give each more --pod-cpu")]
    TooMany {
        /// So many.
        pods: f64,
    },
}

impl Question {
    /// Checks that a node has room for such a pod, which needs no cost to be known.
    ///
    /// # Errors
    /// When no node has.
    pub fn check_fit(&self) -> Result<(), CapacityError> {
        let Self { pod, ref node, .. } = *self;
        let too_large = |asked, free, mend| {
            Err(CapacityError::PodTooLarge { asked, node: node.name.clone(), free, mend })
        };
        if pod.cpu_millis > node.cpu_millis() {
            let free = cpu_text(node.cpu_millis());
            let mend = "less --pod-cpu or a larger --node";
            return too_large(cpu_text(pod.cpu_millis) + " CPU", free, mend);
        }
        if pod.memory_bytes > node.memory_bytes_free() {
            let free = rounded_text(node.memory_bytes_free());
            let mend = "less --pod-memory or a larger --node";
            return too_large(memory_text(pod.memory_bytes), free, mend);
        }
        Ok(())
    }
}

/// Refuses a pod that has no CPU left for records.
pub(super) fn check_cpu(pod: Pod, cost: &Cost, fill: f64) -> Result<(), CapacityError> {
    let idle_millis = cost.cpu_ns.idle_per_second / 1e6;
    if idle_millis < fill * f64::from(pod.cpu_millis) {
        return Ok(());
    }
    let needed = whole((2.0 * idle_millis / fill).ceil());
    let idle = format!("{idle_millis:.1}m");
    Err(CapacityError::CpuTooSmall {
        asked: cpu_text(pod.cpu_millis),
        idle,
        needed: cpu_text(needed),
    })
}

/// Returns what a pod may come to hold, and its limit for batches where the default does not fit.
#[expect(clippy::cast_precision_loss, reason = "memory in two digits")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a u64")]
pub(super) fn memory(pod: Pod, cost: &Cost) -> Result<(u64, Option<u64>), CapacityError> {
    let usable = (pod.memory_bytes as f64 * MEMORY_FILL) as u64;
    let idle = cost.memory_idle_bytes;
    if idle + cost.window_bytes <= usable {
        return Ok((idle + cost.window_bytes, None));
    }
    if idle + cost.window_bytes_min > usable {
        let needed = (idle + cost.window_bytes_min) as f64 / MEMORY_FILL;
        return Err(CapacityError::MemoryTooSmall {
            asked: memory_text(pod.memory_bytes),
            lanes: counted(cost.lanes.into(), "lane"),
            idle: rounded_text(idle),
            window: rounded_text(cost.window_bytes_min),
            needed: rounded_text(needed as u64 + (1 << 20)),
        });
    }
    // In whole KiB, which is what the flag reads.
    let window = (usable - idle) >> 10 << 10;
    Ok((idle + window, Some(window)))
}

/// Prints bytes in whole MiB, where they are that many.
fn rounded_text(bytes: u64) -> String {
    let unit = if bytes < 10 << 20 { 10 } else { 20 };
    memory_text(bytes >> unit << unit)
}
