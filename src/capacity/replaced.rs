//! The system that this program replaces, as its document reckons it: 1,000 messages a second a pod
//! of 250m and 512Mi, 3 pods a node, a t3.medium at 30 dollars a month on demand and 12 as a spot
//! instance. For 50,000 a second these are its 50 pods, 17 nodes, 510 and 204 dollars.

use serde::Serialize;

use super::whole;

const PER_POD: f64 = 1_000.0;
const PODS_PER_NODE: u32 = 3;
const DOLLARS_PER_NODE: f64 = 30.0;
const SPOT_DOLLARS_PER_NODE: f64 = 12.0;

/// What the replaced system would take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Replaced {
    /// Pods.
    pub pods: u32,
    /// Nodes.
    pub nodes: u32,
    /// Dollars a month on demand.
    pub dollars_per_month: f64,
    /// Dollars a month as spot instances.
    pub spot_dollars_per_month: f64,
}

impl Replaced {
    /// Reckons it for so many records a second.
    pub(super) fn at(rate: f64) -> Self {
        let pods = whole((rate / PER_POD).ceil()).max(1);
        let nodes = pods.div_ceil(PODS_PER_NODE);
        Self {
            pods,
            nodes,
            dollars_per_month: f64::from(nodes) * DOLLARS_PER_NODE,
            spot_dollars_per_month: f64::from(nodes) * SPOT_DOLLARS_PER_NODE,
        }
    }
}
