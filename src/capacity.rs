//! How many pods a rate takes, on how many nodes, for how much: arithmetic alone.
//!
//! What a record costs is handed in, measured by `gauge` or given. Both CPU and network are lines
//! over the rate: so much a second that a process uses whatever it sends, its wake-ups and the
//! heads of its batches, and so much for each record. A fleet is planned with a share of what pods
//! and nodes have ([`Question::fill`]), because a pod that uses its whole quota is stopped in the
//! middle of batches. One file a rendering: `text`, `patch`, the serialised struct for machines.

use serde::Serialize;

mod credits;
mod fit;
mod node;
mod patch;
mod replaced;
mod text;

pub use credits::Credits;
pub use fit::CapacityError;
pub use node::Node;
pub use node::NodeChanges;
pub use node::NodeUnknown;
pub use patch::Said;
pub use patch::render as patch;
pub use replaced::Replaced;
pub use text::render as text;

use fit::check_cpu;
use fit::memory;

/// Hours of a month, as EC2 reckons them.
const HOURS_A_MONTH: f64 = 730.0;

/// What TCP/IP adds to each 1,448 bytes in a frame of Ethernet's 1,500.
const WITH_HEADERS: f64 = 1_514.0 / 1_448.0;

/// What grows with the rate along a straight line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Line {
    /// So much a second at no rate.
    pub idle_per_second: f64,
    /// So much for each record.
    pub per_record: f64,
}

impl Line {
    /// Draws the line through what a record took at a low rate and at a high one.
    #[must_use]
    pub fn through((low, of_low): (f64, f64), (high, of_high): (f64, f64)) -> Self {
        let (at_low, at_high) = (low * of_low, high * of_high);
        let per_record = (at_high - at_low) / (high - low);
        Self { idle_per_second: (at_low - low * per_record).max(0.0), per_record }
    }

    /// Returns what is used in a second at this rate.
    #[must_use]
    pub fn at(self, rate: f64) -> f64 {
        self.idle_per_second + rate * self.per_record
    }

    /// Returns the rate that uses so much a second, 0 where idling uses more.
    #[must_use]
    pub fn rate_of(self, per_second: f64) -> f64 {
        ((per_second - self.idle_per_second) / self.per_record).max(0.0)
    }
}

/// What a pod's process costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// CPU of lanes and publisher at a rate that is held, in nanoseconds.
    pub cpu_ns: Line,
    /// The same of a record as fast as it goes, where nobody has to wake up, in nanoseconds.
    pub cpu_ns_fastest: f64,
    /// Bytes of the frames.
    pub wire_bytes: Line,
    /// The rate at which lanes or the publisher use their threads up, whatever the quota; `null`
    /// where it is not known.
    pub threads_rate_max: Option<f64>,
    /// Generator threads of a pod.
    pub lanes: u32,
    /// Generator threads that were measured: no more than this machine runs at once.
    pub lanes_measured: u32,
    /// What the process holds at a low rate, in bytes.
    pub memory_idle_bytes: u64,
    /// What batches on their way may take, of all lanes, in bytes.
    pub window_bytes: u64,
    /// The least that they need to go on, of all lanes, in bytes.
    pub window_bytes_min: u64,
    /// Where the CPU cost comes from.
    pub origin: Origin,
}

/// Where the CPU cost of a record comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It was measured on this machine.
    Measured {
        /// In so many runs.
        runs: usize,
        /// The dearest less the cheapest, as a share of the median, which is what counts.
        spread: f64,
    },
    /// It was said by `--per-core-rate`.
    Given,
}

/// What each pod is given: requests and limits alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pod {
    /// Thousandths of a CPU.
    pub cpu_millis: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// Records a second of the whole fleet.
    pub target_per_second: f64,
    /// The pods.
    pub pod: Pod,
    /// The nodes.
    pub node: Node,
    /// The share of a pod's CPU and of a node's network that is planned with.
    pub fill: f64,
}

/// What runs out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// CPU.
    Cpu,
    /// The threads of the lanes or of the publisher.
    Threads,
    /// Memory.
    Memory,
    /// What the network carries all the time.
    Network,
    /// The number of pods that a node may have.
    PodsPerNode,
}

impl Resource {
    /// Returns its name in a sentence.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Threads => "the threads of lanes and publisher",
            Self::Memory => "memory",
            Self::Network => "network",
            Self::PodsPerNode => "pods per node",
        }
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// What it was reckoned with.
    pub cost: Cost,
    /// Each pod.
    pub pod: PodAnswer,
    /// Each node.
    pub node: NodeAnswer,
    /// All of them.
    pub fleet: FleetAnswer,
    /// The replaced system at the same rate, as its document has it.
    pub replaced: Replaced,
}

/// What a pod does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PodAnswer {
    /// Records a second with all of its CPU, as fast as it goes.
    pub rate_max_per_second: f64,
    /// Records a second at most, as planned.
    pub rate_planned_per_second: f64,
    /// What keeps it from more.
    pub bound_by: Resource,
    /// Its share of the target: its `MESSAGES_PER_SECOND`.
    pub rate_per_second: f64,
    /// What it uses of its CPU, a share.
    pub cpu_share: f64,
    /// CPUs that it uses.
    pub cpus: f64,
    /// Bytes a second on the network, with TCP/IP's headers.
    pub network_bytes_per_second: f64,
    /// What it needs while a broker stands still and all batches are on their way, in bytes.
    pub memory_bytes_max: u64,
    /// Its `PRODUCER_LOAD_MEMORY_LIMIT`; `null`: the default fits.
    pub memory_limit_bytes: Option<u64>,
}

/// What a node carries.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeAnswer {
    /// Pods on it at most.
    pub pods_max: u32,
    /// What keeps it from more.
    pub bound_by: Resource,
    /// Pods on the fullest one.
    pub pods: u32,
    /// What these use of what the network carries all the time, a share.
    pub network_share: f64,
    /// CPU credits; `null` where CPU needs none.
    pub credits: Option<Credits>,
}

/// What all pods and nodes are and cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FleetAnswer {
    /// Pods.
    pub pods: u32,
    /// Nodes.
    pub nodes: u32,
    /// Records a second that the same pods on the same nodes are planned to reach.
    pub rate_planned_per_second: f64,
    /// That, as a multiple of the target.
    pub headroom: f64,
    /// What would run out first if the rate grew.
    pub bound_by: Resource,
    /// Dollars a month on demand, with surplus CPU credits.
    pub dollars_per_month: f64,
    /// Dollars a month as spot instances, with surplus CPU credits.
    pub spot_dollars_per_month: f64,
}

/// Pods that are counted; a cluster is planned for fewer.
const PODS_MAX: f64 = 1e6;

/// Answers.
///
/// # Errors
/// When a pod fits nowhere, or has not what it needs to run at all.
pub fn answer(question: Question, cost: Cost) -> Result<Answer, CapacityError> {
    question.check_fit()?;
    check_cpu(question.pod, &cost, question.fill)?;
    let pod = pod(&question, &cost)?;
    let pods = (question.target_per_second / pod.rate_planned_per_second).ceil().max(1.0);
    if pods > PODS_MAX {
        return Err(CapacityError::TooMany { pods });
    }
    let pod = pod.at(share(question.target_per_second, pods), &question, &cost);
    let pods = whole(pods);
    let (pods_max, bound_by) = pods_on_a_node(&question, &pod);
    let nodes = pods.div_ceil(pods_max);
    let on_one = pods.div_ceil(nodes);
    let kind = &question.node;
    let node = NodeAnswer {
        pods_max,
        bound_by,
        pods: on_one,
        network_share: pod.network_bytes_per_second * f64::from(on_one) * 8.0 / kind.network_bits,
        credits: Credits::of(kind, pod.cpus * f64::from(on_one)),
    };
    let fleet = fleet(&question, &cost, (pods, nodes), &node);
    let replaced = Replaced::at(question.target_per_second);
    Ok(Answer { question, cost, pod, node, fleet, replaced })
}

/// Returns what a pod can do, by itself and alone on a node.
fn pod(question: &Question, cost: &Cost) -> Result<PodAnswer, CapacityError> {
    let (memory_bytes_max, memory_limit_bytes) = memory(question.pod, cost)?;
    let by_network = (cost.network().rate_of(question.network_bytes()), Resource::Network);
    let (planned, bound_by) = least(rate_by_cpu(question, cost), by_network);
    let threads = cost.threads_rate_max.unwrap_or(f64::INFINITY);
    Ok(PodAnswer {
        rate_max_per_second: (question.pod.cpu_ns() / cost.cpu_ns_fastest).min(threads),
        rate_planned_per_second: planned,
        bound_by,
        rate_per_second: 0.0,
        cpu_share: 0.0,
        cpus: 0.0,
        network_bytes_per_second: 0.0,
        memory_bytes_max,
        memory_limit_bytes,
    })
}

impl PodAnswer {
    /// Returns it at the rate that it is to have.
    fn at(self, rate: f64, question: &Question, cost: &Cost) -> Self {
        let cpu_ns = cost.cpu_ns.at(rate);
        Self {
            rate_per_second: rate,
            cpu_share: cpu_ns / question.pod.cpu_ns(),
            cpus: cpu_ns / 1e9,
            network_bytes_per_second: cost.network().at(rate),
            ..self
        }
    }
}

/// Returns how many pods a node has room for, and what runs out.
fn pods_on_a_node(question: &Question, answer: &PodAnswer) -> (u32, Resource) {
    let Question { pod, ref node, .. } = *question;
    let of_network = question.network_bytes() / answer.network_bytes_per_second;
    let rooms = [
        (node.cpu_millis() / pod.cpu_millis, Resource::Cpu),
        (narrow(node.memory_bytes_free() / pod.memory_bytes), Resource::Memory),
        // No pod is planned with more than a node's network.
        (whole(of_network).max(1), Resource::Network),
        (node.pods_free(), Resource::PodsPerNode),
    ];
    rooms.into_iter().min_by_key(|(pods, _)| *pods).unwrap_or((1, Resource::PodsPerNode))
}

/// Returns what all pods and nodes together reach and cost.
fn fleet(
    question: &Question,
    cost: &Cost,
    (pods, nodes): (u32, u32),
    node: &NodeAnswer,
) -> FleetAnswer {
    let network_bytes = question.network_bytes() / f64::from(node.pods);
    let by_network = (cost.network().rate_of(network_bytes), Resource::Network);
    let (of_pod, bound_by) = least(rate_by_cpu(question, cost), by_network);
    let rate_planned_per_second = of_pod * f64::from(pods);
    let surplus = node.credits.map_or(0.0, |credits| credits.surplus_dollars_per_hour);
    let of_month = |dollars: f64| f64::from(nodes) * (dollars + surplus) * HOURS_A_MONTH;
    FleetAnswer {
        pods,
        nodes,
        rate_planned_per_second,
        headroom: rate_planned_per_second / question.target_per_second,
        bound_by,
        dollars_per_month: of_month(question.node.dollars_per_hour),
        spot_dollars_per_month: of_month(question.node.spot_dollars_per_hour),
    }
}

/// Returns the rate of a pod that its CPU allows, as planned.
fn rate_by_cpu(question: &Question, cost: &Cost) -> (f64, Resource) {
    let threads = cost.threads_rate_max.unwrap_or(f64::INFINITY);
    least(
        (cost.cpu_ns.rate_of(question.fill * question.pod.cpu_ns()), Resource::Cpu),
        (question.fill * threads, Resource::Threads),
    )
}

impl Cost {
    /// Returns bytes on the network, with TCP/IP's headers.
    fn network(&self) -> Line {
        Line {
            idle_per_second: self.wire_bytes.idle_per_second * WITH_HEADERS,
            per_record: self.wire_bytes.per_record * WITH_HEADERS,
        }
    }
}

impl Pod {
    /// Returns the CPU time that it has in a second, in nanoseconds.
    fn cpu_ns(self) -> f64 {
        f64::from(self.cpu_millis) * 1e6
    }
}

impl Question {
    /// Returns the bytes a second of a node's network that are planned with.
    fn network_bytes(&self) -> f64 {
        self.fill * self.node.network_bits / 8.0
    }
}

fn least(one: (f64, Resource), other: (f64, Resource)) -> (f64, Resource) {
    if other.0 < one.0 { other } else { one }
}

/// Returns the rate of each of so many pods in the millionths that a rate can be said in, rounded
/// up where the pods together would be slower than the target.
fn share(target: f64, pods: f64) -> f64 {
    let nearest = (target / pods * 1e6).round();
    let is_slower = nearest / 1e6 * pods < target;
    (nearest + f64::from(u8::from(is_slower))) / 1e6
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
const fn whole(number: f64) -> u32 {
    number as u32
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "capacity/tests.rs"]
mod tests;
