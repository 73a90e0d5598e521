//! What a node has: a few of Amazon EC2's instance types, and what Kubernetes leaves of them.
//!
//! Where the figures come from:
//! * Virtual CPUs, memory, sustained network bandwidth and pods: Karpenter's reference of instance
//!   types (`instance-cpu`, `instance-memory`, `instance-network-bandwidth`, `pods`), made from
//!   EC2's own `DescribeInstanceTypes`.
//! * The most that the network bursts to: "up to" in `DescribeInstanceTypes`.
//! * CPU credits: EC2 User Guide, "Key concepts for burstable performance instances".
//! * Prices on demand: Karpenter's `zz_generated.pricing_aws.go`, us-east-1, Linux.
//! * What EKS reserves: awslabs/amazon-eks-ami, `nodeadm/internal/kubelet/config.go`
//!   (`getCPUMillicoresToReserve`, `GetMemoryMebibytesToReserve`), and its hard eviction threshold.

use serde::Serialize;

/// When the prices of the table were read, and where they hold.
const PRICES_OF: &str = "us-east-1, 2026-07-20";

/// What a spot instance costs where nobody said it, as a share of the price on demand: the replaced
/// system's document has 12 dollars of 30. Spot prices change by the hour and by the zone.
const SPOT_SHARE: f64 = 0.4;

/// What is lost of a machine's memory to the hypervisor and the kernel: Karpenter's estimate.
const MEMORY_LOST: f64 = 0.075;

/// Kubernetes evicts pods when less than this is free.
const EVICTION_BYTES: u64 = 100 << 20;

/// Pods that every node of EKS runs for itself: `aws-node` and `kube-proxy`.
const OWN_PODS: u32 = 2;

/// What these two ask for: 50m and 100m, as EKS's add-ons have them.
const OWN_CPU_MILLIS: u32 = 150;

/// A kind of node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// The instance type.
    pub name: String,
    /// Virtual CPUs, each a hardware thread, of Graviton a core.
    pub vcpus: u32,
    /// Memory in bytes, as it is sold.
    pub memory_bytes: u64,
    /// What the network carries all the time, in bits a second.
    pub network_bits: f64,
    /// What it carries for some minutes, in bits a second.
    pub network_burst_bits: f64,
    /// Pods at most.
    pub pods_max: u32,
    /// CPU credits earned in an hour, minutes of a virtual CPU; `null` where CPU needs none.
    pub credits_per_hour: Option<f64>,
    /// What an hour costs on demand, in dollars.
    pub dollars_per_hour: f64,
    /// What an hour costs as a spot instance, in dollars.
    pub spot_dollars_per_hour: f64,
    /// Whether somebody said the spot price; else it is a share of the other.
    pub is_spot_known: bool,
    /// Where and when the price on demand was listed; `null`: somebody said it.
    pub prices_of: Option<&'static str>,
}

/// What of a kind of node is otherwise than in the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeChanges {
    /// Virtual CPUs.
    pub vcpus: Option<u32>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// What the network carries all the time, in bits a second.
    pub network_bits: Option<f64>,
    /// What it carries for some minutes, in bits a second.
    pub network_burst_bits: Option<f64>,
    /// Pods at most.
    pub pods_max: Option<u32>,
    /// CPU credits earned in an hour.
    pub credits_per_hour: Option<f64>,
    /// Dollars an hour on demand.
    pub dollars_per_hour: Option<f64>,
    /// Dollars an hour as a spot instance.
    pub spot_dollars_per_hour: Option<f64>,
}

/// A row: name, virtual CPUs, memory in GiB, network in Mbit/s sustained and at most, pods, CPU
/// credits an hour, dollars an hour.
type Row = (&'static str, u32, u64, f64, f64, u32, Option<f64>, f64);

const TABLE: [Row; 10] = [
    ("t3.medium", 2, 4, 256.0, 5_000.0, 17, Some(24.0), 0.0416),
    ("t3.large", 2, 8, 512.0, 5_000.0, 35, Some(36.0), 0.0832),
    ("t3.xlarge", 4, 16, 1_024.0, 5_000.0, 58, Some(96.0), 0.1664),
    ("m5.large", 2, 8, 750.0, 10_000.0, 29, None, 0.096),
    ("m6i.large", 2, 8, 781.0, 12_500.0, 29, None, 0.096),
    ("m7g.large", 2, 8, 937.0, 12_500.0, 29, None, 0.0816),
    ("c5.large", 2, 4, 750.0, 10_000.0, 29, None, 0.085),
    ("c6i.large", 2, 4, 781.0, 12_500.0, 29, None, 0.085),
    ("c6i.xlarge", 4, 8, 1_562.0, 12_500.0, 58, None, 0.17),
    ("c5.4xlarge", 16, 32, 5_000.0, 10_000.0, 234, None, 0.68),
];

/// A kind of node that is not in the table.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "there is no node '{name}' in the table, which has {}; of another one say --node-cpu, \
     --node-memory, --node-network, --node-pods and --node-price",
    known()
)]
pub struct NodeUnknown {
    /// What was asked for.
    name: String,
}

fn known() -> String {
    TABLE.map(|row| row.0).join(", ")
}

impl Node {
    /// Finds a kind of node, with what is otherwise; one that is not in the table has to be
    /// described in full.
    ///
    /// # Errors
    /// When it is not in the table and something is missing.
    pub fn find(name: &str, changes: &NodeChanges) -> Result<Self, NodeUnknown> {
        let row = TABLE.iter().find(|row| row.0 == name);
        let known =
            row.map(|&(name, vcpus, gib, mbits, burst_mbits, pods, credits, dollars)| Self {
                name: name.to_owned(),
                vcpus,
                memory_bytes: gib << 30,
                network_bits: mbits * 1e6,
                network_burst_bits: burst_mbits * 1e6,
                pods_max: pods,
                credits_per_hour: credits,
                dollars_per_hour: dollars,
                spot_dollars_per_hour: dollars * SPOT_SHARE,
                is_spot_known: false,
                prices_of: Some(PRICES_OF),
            });
        let described = || {
            let dollars_per_hour = changes.dollars_per_hour?;
            Some(Self {
                name: name.to_owned(),
                vcpus: changes.vcpus?,
                memory_bytes: changes.memory_bytes?,
                network_bits: changes.network_bits?,
                network_burst_bits: changes.network_bits?,
                pods_max: changes.pods_max?,
                credits_per_hour: None,
                dollars_per_hour,
                spot_dollars_per_hour: dollars_per_hour * SPOT_SHARE,
                is_spot_known: false,
                prices_of: None,
            })
        };
        let node = known.or_else(described);
        Ok(node.ok_or_else(|| NodeUnknown { name: name.to_owned() })?.with(changes))
    }

    fn with(self, changes: &NodeChanges) -> Self {
        let dollars_per_hour = changes.dollars_per_hour.unwrap_or(self.dollars_per_hour);
        let network_bits = changes.network_bits.unwrap_or(self.network_bits);
        let burst_bits = changes.network_burst_bits.unwrap_or(self.network_burst_bits);
        let spot = changes.spot_dollars_per_hour;
        Self {
            vcpus: changes.vcpus.unwrap_or(self.vcpus),
            memory_bytes: changes.memory_bytes.unwrap_or(self.memory_bytes),
            network_bits,
            network_burst_bits: burst_bits.max(network_bits),
            pods_max: changes.pods_max.unwrap_or(self.pods_max),
            credits_per_hour: changes.credits_per_hour.or(self.credits_per_hour),
            prices_of: self.prices_of.filter(|_| changes.dollars_per_hour.is_none()),
            dollars_per_hour,
            spot_dollars_per_hour: spot.unwrap_or(dollars_per_hour * SPOT_SHARE),
            is_spot_known: spot.is_some(),
            ..self
        }
    }

    /// Returns the thousandths of a CPU that pods may ask for: EKS reserves 6 % of the first CPU, 1
    /// % of the second, 0.5 % of the next two and 0.25 % of the others, and every node has pods of
    /// its own.
    #[must_use]
    pub fn cpu_millis(&self) -> u32 {
        let part = |from: u32, to: u32| self.vcpus.min(to).saturating_sub(from);
        // In hundred-thousandths of a CPU, so that nothing is rounded.
        let reserved = 6_000 * part(0, 1) + 1_000 * part(1, 2) + 500 * part(2, 4);
        let reserved = (reserved + 250 * part(4, u32::MAX)) / 100;
        (self.vcpus * 1_000).saturating_sub(reserved + OWN_CPU_MILLIS)
    }

    /// Returns the memory that pods may ask for: EKS reserves 255 MiB and 11 for each pod that
    /// there may be.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an estimate of two digits")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the whole")]
    pub fn memory_bytes_free(&self) -> u64 {
        let lost = (self.memory_bytes as f64 * MEMORY_LOST) as u64;
        let reserved = (255 + 11 * u64::from(self.pods_max)) << 20;
        self.memory_bytes.saturating_sub(lost + reserved + EVICTION_BYTES)
    }

    /// Returns whether it is one of EC2's T family, and nobody said how many credits it earns.
    #[must_use]
    pub fn has_unknown_credits(&self) -> bool {
        let is_burstable = self
            .name
            .strip_prefix('t')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        is_burstable && self.credits_per_hour.is_none()
    }

    /// Returns how many pods of ours there can be by number alone.
    #[must_use]
    pub const fn pods_free(&self) -> u32 {
        self.pods_max.saturating_sub(OWN_PODS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> Node {
        Node::find(name, &NodeChanges::default()).unwrap()
    }

    #[test]
    fn what_is_left_of_a_node_is_what_karpenter_publishes() {
        // Its reference's `cpu`, `memory` in MiB and `pods`, without the pods of the node's own.
        for (name, millis, mib, pods) in [
            ("t3.medium", 1_930, 3_246, 17),
            ("t3.large", 1_930, 6_837, 35),
            ("t3.xlarge", 3_920, 14_162, 58),
            ("m5.large", 1_930, 6_903, 29),
            ("c6i.large", 1_930, 3_114, 29),
            ("c5.4xlarge", 15_890, 27_381, 234),
        ] {
            let node = node(name);
            assert_eq!(node.cpu_millis() + OWN_CPU_MILLIS, millis, "{name}");
            let free_mib = node.memory_bytes_free() >> 20;
            assert!(free_mib.abs_diff(mib) <= 1, "{name}: {free_mib}");
            assert_eq!(node.pods_free() + OWN_PODS, pods, "{name}");
        }
    }

    #[test]
    fn a_price_that_somebody_said_counts() {
        let spot_dollars_per_hour = Some(0.0125);
        let changes = NodeChanges { spot_dollars_per_hour, ..NodeChanges::default() };
        let said = Node::find("t3.medium", &changes).unwrap();
        assert!(said.is_spot_known && said.spot_dollars_per_hour.to_bits() == 0.0125_f64.to_bits());
        let changes = NodeChanges { dollars_per_hour: Some(1.0), ..NodeChanges::default() };
        let other = Node::find("t3.medium", &changes).unwrap();
        assert_eq!((said.prices_of, other.prices_of), (Some(PRICES_OF), None));
        assert!(!other.is_spot_known && (other.spot_dollars_per_hour - 0.4).abs() < 1e-9);
    }

    #[test]
    fn a_node_of_ones_own_is_described_in_full() {
        let mut changes = NodeChanges {
            vcpus: Some(8),
            memory_bytes: Some(16 << 30),
            network_bits: Some(1e9),
            pods_max: Some(110),
            ..NodeChanges::default()
        };
        let said = Node::find("ours", &changes).unwrap_err().to_string();
        assert!(said.contains("t3.medium") && said.contains("--node-price"), "{said}");
        changes.dollars_per_hour = Some(0.3);
        let ours = Node::find("ours", &changes).unwrap();
        assert_eq!(ours.cpu_millis(), 8_000 - 90 - 150);
        assert!(ours.prices_of.is_none() && !ours.has_unknown_credits());
        assert!(Node::find("t4g.large", &changes).unwrap().has_unknown_credits());
        changes.credits_per_hour = Some(36.0);
        changes.network_burst_bits = Some(5e9);
        let told = Node::find("t4g.large", &changes).unwrap();
        assert!(!told.has_unknown_credits() && (told.network_burst_bits - 5e9).abs() < 1.0);
    }
}
