//! `capacity`: how many pods a rate takes, on which nodes.

use clap::Args;

use super::EXIT_IMPOSSIBLE;
use super::EXIT_STOPPED;
use super::Failure;
use super::batches::BatchArgs;
use super::failed;
use super::format::FormatArgs;
use super::origin;
use super::output::Output;
use super::outside;
use super::produce::settings_of_records;
use super::records::RecordArgs;
use super::surroundings;
use super::typed;
use crate::capacity;
use crate::capacity::Node;
use crate::capacity::NodeChanges;
use crate::capacity::NodeUnknown;
use crate::capacity::Pod;
use crate::capacity::Question;
use crate::capacity::Said;
use crate::gauge;
use crate::gauge::GaugeError;
use crate::plan::PlanError;
use crate::plan::Settings;
use crate::units::Rate;
use crate::units::parse_cpu;
use crate::units::parse_memory;
use crate::units::parse_share;

const EXAMPLES: &str = "\
Takes about 22 seconds, at most 30: it measures what a record costs here. Prices are list prices
of the day that the answer names: check them.

Examples:
  producer-load capacity --target 50k
  producer-load capacity --target 1m --pod-cpu 1 --node c6i.large --emit-patch patch.yaml";

/// What `capacity` can be told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CapacityArgs {
    #[command(flatten)]
    fleet: FleetArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    records: RecordArgs,
    #[command(flatten)]
    batches: BatchArgs,
    #[command(flatten)]
    format: FormatArgs,
    /// Write a kustomize patch of the Deployment event-producer to this file; `-` prints it
    /// behind the answer.
    #[arg(long, value_name = "FILE", env = "PRODUCER_LOAD_EMIT_PATCH", help_heading = "Output")]
    emit_patch: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Fleet")]
struct FleetArgs {
    /// Messages a second of all pods together: 1000, 50k, 1.5m.
    #[arg(long, value_name = "RATE", env = "PRODUCER_LOAD_TARGET", allow_hyphen_values = true)]
    target: Rate,
    /// CPU of each pod, request and limit: 250m, 0.25, 2.
    #[arg(
        long, value_name = "CPU", env = "PRODUCER_LOAD_POD_CPU", default_value = "250m",
        value_parser = parse_cpu
    )]
    pod_cpu: u32,
    /// Memory of each pod, request and limit: 64Mi, 1Gi.
    #[arg(
        long, value_name = "MEMORY", env = "PRODUCER_LOAD_POD_MEMORY", default_value = "64Mi",
        value_parser = parse_memory
    )]
    pod_memory: u64,
    /// The share of a pod's CPU and of a node's network to plan with; the rest is for bad moments.
    #[arg(
        long, value_name = "SHARE", env = "PRODUCER_LOAD_FILL", default_value = "80%",
        value_parser = parse_fill
    )]
    fill: f64,
    /// Messages a second that one CPU sends, measured before, instead of measuring here.
    #[arg(
        long,
        value_name = "RATE",
        env = "PRODUCER_LOAD_PER_CORE_RATE",
        allow_hyphen_values = true
    )]
    per_core_rate: Option<Rate>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Nodes")]
struct NodeArgs {
    /// The kind of node: t3.medium, t3.large, t3.xlarge, m5.large, m6i.large, m7g.large, c5.large,
    /// c6i.large, c6i.xlarge, c5.4xlarge, or another with CPU, memory, network, pods and price.
    #[arg(long, value_name = "TYPE", env = "PRODUCER_LOAD_NODE", default_value = "t3.medium")]
    node: String,
    /// Virtual CPUs of a node.
    #[arg(
        long, value_name = "COUNT", env = "PRODUCER_LOAD_NODE_CPU",
        value_parser = clap::value_parser!(u32).range(1..=1024)
    )]
    node_cpu: Option<u32>,
    /// Memory of a node: 4Gi.
    #[arg(
        long, value_name = "MEMORY", env = "PRODUCER_LOAD_NODE_MEMORY", value_parser = parse_memory
    )]
    node_memory: Option<u64>,
    /// What the network of a node carries all the time [Gbit/s].
    #[arg(
        long, value_name = "GBITS", env = "PRODUCER_LOAD_NODE_NETWORK",
        value_parser = parse_positive
    )]
    node_network: Option<f64>,
    /// What it carries for some minutes [Gbit/s].
    #[arg(
        long, value_name = "GBITS", env = "PRODUCER_LOAD_NODE_NETWORK_BURST",
        value_parser = parse_positive
    )]
    node_network_burst: Option<f64>,
    /// CPU credits that a node earns an hour, where it is one of the T family.
    #[arg(
        long, value_name = "COUNT", env = "PRODUCER_LOAD_NODE_CREDITS",
        value_parser = parse_positive
    )]
    node_credits: Option<f64>,
    /// Pods that a node may have, its own included.
    #[arg(
        long, value_name = "COUNT", env = "PRODUCER_LOAD_NODE_PODS",
        value_parser = clap::value_parser!(u32).range(3..=10_000)
    )]
    node_pods: Option<u32>,
    /// What a node costs an hour on demand [dollars].
    #[arg(
        long, value_name = "DOLLARS", env = "PRODUCER_LOAD_NODE_PRICE",
        value_parser = parse_positive
    )]
    node_price: Option<f64>,
    /// What a node costs an hour as a spot instance [dollars]. Default: 40 % of the other price
    #[arg(
        long, value_name = "DOLLARS", env = "PRODUCER_LOAD_NODE_SPOT_PRICE",
        value_parser = parse_positive
    )]
    node_spot_price: Option<f64>,
}

impl NodeArgs {
    fn find(&self) -> Result<Node, NodeUnknown> {
        let changes = NodeChanges {
            vcpus: self.node_cpu,
            memory_bytes: self.node_memory,
            network_bits: self.node_network.map(|gbits| gbits * 1e9),
            network_burst_bits: self.node_network_burst.map(|gbits| gbits * 1e9),
            pods_max: self.node_pods,
            credits_per_hour: self.node_credits,
            dollars_per_hour: self.node_price,
            spot_dollars_per_hour: self.node_spot_price,
        };
        Node::find(&self.node, &changes)
    }
}

impl CapacityArgs {
    fn question(&self) -> Result<Question, Failure> {
        let why = "it is no number to plan for; say a rate";
        let no_target = || PlanError::NoEffect { flag: "--target max", why };
        Ok(Question {
            target_per_second: self.fleet.target.per_second().ok_or_else(no_target)?,
            pod: Pod { cpu_millis: self.fleet.pod_cpu, memory_bytes: self.fleet.pod_memory },
            node: self.node.find().map_err(impossible)?,
            fill: self.fleet.fill,
        })
    }

    /// Returns the rate of a CPU, if it was said.
    fn given(&self) -> Result<Option<f64>, PlanError> {
        let why = "max says nothing of a CPU; say a rate, or leave it away to measure";
        let no_rate = || PlanError::NoEffect { flag: "--per-core-rate", why };
        self.fleet.per_core_rate.map(|rate| rate.per_second().ok_or_else(no_rate)).transpose()
    }
}

/// Measures, reckons and prints.
pub(super) fn capacity(arguments: &CapacityArgs) -> Result<(), Failure> {
    let (question, given) = (arguments.question()?, arguments.given()?);
    question.check_fit().map_err(impossible)?;
    let output = arguments.emit_patch.as_deref().map(|path| Output::open("--emit-patch", path));
    let output = output.transpose().map_err(failed)?;
    let settings = Settings {
        batching: arguments.batches.settings(),
        ..settings_of_records(&arguments.records)
    };
    let cpus = f64::from(question.pod.cpu_millis) / 1e3;
    let outside = outside()?;
    let cost = gauge::measure(&settings, cpus, given, &surroundings::here(), &outside)
        .map_err(not_measured)?;
    let answer = capacity::answer(question, cost).map_err(impossible)?;
    arguments.format.print(&answer, capacity::text)?;
    let patch = |output: Output| output.write("", &capacity::patch(&answer, &said(arguments)));
    output.map_or(Ok(()), patch).map_err(failed)
}

/// Returns what was said of records and batches; the domain also where nothing was, since a
/// Deployment may have another one.
fn said(arguments: &CapacityArgs) -> Said {
    const FILE: &str = "PRODUCER_LOAD_SCHEMA_FILE";
    const DOMAIN: &str = "EVENT_TYPE";
    let mut variables = origin::said(typed(), "capacity", &["Records", "Batches"]);
    variables.retain(|(name, _)| name != FILE && name != DOMAIN);
    let domain = arguments.records.origin();
    if let Ok(domain) = domain {
        variables.insert(0, (DOMAIN.to_owned(), domain.to_owned()));
    }
    Said { variables, schema_file: domain.err() }
}

/// Makes a capacity that does not exist an error of its exit code.
fn impossible(error: impl std::error::Error + 'static) -> Failure {
    Failure { code: EXIT_IMPOSSIBLE, error: Box::new(error) }
}

fn not_measured(error: GaugeError) -> Failure {
    match error {
        GaugeError::Plan(error) => error.into(),
        GaugeError::Stopped => Failure { code: EXIT_STOPPED, error: Box::new(error) },
        error => failed(error),
    }
}

fn parse_fill(text: &str) -> Result<f64, String> {
    let share = parse_share(text).map_err(|error| error.to_string())?;
    Some(share).filter(|share| *share >= 0.01).ok_or_else(|| "it must be 1% to 100%".to_owned())
}

fn parse_positive(text: &str) -> Result<f64, String> {
    let number =
        text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| format!("'{text}' is not a number above 0"))
}
