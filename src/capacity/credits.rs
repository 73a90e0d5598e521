//! CPU credits: whether a node of EC2's T family can go on for ever, or lives on what it saved.
//!
//! EC2 User Guide, "Key concepts for burstable performance instances": a credit is a minute of a
//! virtual CPU, and as many can be saved as are earned in 24 hours. T3 nodes launch as unlimited:
//! what they use beyond their credits costs 5 cents a CPU and hour (Linux, "EC2 On-Demand
//! Pricing").

use serde::Serialize;

use super::Node;

/// Hours that credits are saved for at most.
const HOURS_SAVED_MAX: f64 = 24.0;

/// What an hour of a CPU beyond the credits costs, in dollars.
const SURPLUS_DOLLARS: f64 = 0.05;

/// The credits of the fullest node.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Credits {
    /// Earned in an hour.
    pub earned_per_hour: f64,
    /// Spent in an hour by our pods; what else runs on the node spends more.
    pub spent_per_hour: f64,
    /// Whether the load can go on for ever.
    pub is_sustained: bool,
    /// How long the load can go on from a full balance; `null`: for ever.
    pub burst_hours: Option<f64>,
    /// What the rest costs an hour on an unlimited node, in dollars.
    pub surplus_dollars_per_hour: f64,
}

impl Credits {
    /// Reckons the credits of a node whose pods use so many CPUs; `None` where CPU needs none.
    pub(super) fn of(node: &Node, cpus: f64) -> Option<Self> {
        let earned_per_hour = node.credits_per_hour?;
        let spent_per_hour = cpus * 60.0;
        let lacking = spent_per_hour - earned_per_hour;
        let is_sustained = lacking <= 0.0;
        Some(Self {
            earned_per_hour,
            spent_per_hour,
            is_sustained,
            burst_hours: (!is_sustained).then(|| HOURS_SAVED_MAX * earned_per_hour / lacking),
            surplus_dollars_per_hour: lacking.max(0.0) / 60.0 * SURPLUS_DOLLARS,
        })
    }
}
