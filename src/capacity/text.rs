//! The answer for a person, in at most 80 columns.

use std::fmt::Write;

use super::Answer;
use super::Credits;
use super::Origin;
use crate::report::text::folded;
use crate::units::bytes_text;
use crate::units::counted;
use crate::units::cpu_text;
use crate::units::duration_text;
use crate::units::grouped;
use crate::units::memory_text;

/// Renders the answer.
#[must_use]
pub fn render(answer: &Answer) -> String {
    let mut text = format!("\n{}\n", folded(&heading(answer)));
    let lines = [
        ("a record", record(answer)),
        ("a pod", pod(answer)),
        ("", pod_limits(answer)),
        ("memory", memory(answer)),
        ("a node", node(answer)),
        ("network", network(answer)),
        ("credits", credits(answer)),
        ("headroom", headroom(answer)),
        ("cost", cost(answer)),
    ];
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a string cannot fail.
        writeln!(text, "  {name:<10}{}", folded(value)).ok();
    }
    text + "\n" + &table(answer)
}

fn heading(answer: &Answer) -> String {
    let target = grouped(round(answer.question.target_per_second));
    let (pods, nodes) = (answer.fleet.pods, answer.fleet.nodes);
    let [pods, nodes] = [(pods, "pod"), (nodes, "node")].map(|(n, what)| counted(n.into(), what));
    let rate = grouped(round(answer.pod.rate_per_second));
    let node = &answer.question.node.name;
    format!("{target} messages a second: {pods} of {rate} a second on {nodes} ({node})")
}

fn record(answer: &Answer) -> String {
    let cost = &answer.cost;
    let origin = match cost.origin {
        Origin::Measured { runs, spread } => {
            let spread = percent(spread);
            format!("measured here{}, median of {runs} runs, spread {spread}", lanes(answer))
        }
        Origin::Given => "by --per-core-rate".to_owned(),
    };
    format!(
        "{} of CPU and {} a second for waking up ({origin}), {:.0} bytes on the wire",
        duration_text(round(cost.cpu_ns.per_record)),
        duration_text(round(cost.cpu_ns.idle_per_second)),
        cost.wire_bytes.per_record
    )
}

/// Says where this machine has not the CPUs for a pod's lanes.
fn lanes(answer: &Answer) -> String {
    let (all, measured) = (answer.cost.lanes, answer.cost.lanes_measured);
    if measured == all {
        return String::new();
    }
    format!(" with {measured} of {all} lanes, for which there are CPUs")
}

fn pod(answer: &Answer) -> String {
    let (asked, pod) = (answer.question.pod, &answer.pod);
    let (cpu, memory) = (cpu_text(asked.cpu_millis), memory_text(asked.memory_bytes));
    format!(
        "{cpu} CPU, {memory}, {}; uses {} of its CPU",
        counted(answer.cost.lanes.into(), "lane"),
        percent(pod.cpu_share)
    )
}

fn pod_limits(answer: &Answer) -> String {
    let pod = &answer.pod;
    let [max, planned] = [pod.rate_max_per_second, pod.rate_planned_per_second].map(round);
    format!(
        "as fast as it goes {} a second; planned for {} at most ({} of its CPU and of the node's \
         network), bound by {}",
        grouped(max),
        grouped(planned),
        percent(answer.question.fill),
        pod.bound_by.name()
    )
}

fn memory(answer: &Answer) -> String {
    let (pod, idle) = (&answer.pod, answer.cost.memory_idle_bytes);
    let (idle, most) = (bytes_text(idle), bytes_text(pod.memory_bytes_max));
    let limit = pod.memory_limit_bytes.map_or_else(String::new, |bytes| {
        format!(", with --memory-limit {}K: the default does not fit", bytes >> 10)
    });
    format!("{idle} at rest, {most} while a broker stands still{limit}")
}

fn node(answer: &Answer) -> String {
    let node = &answer.node;
    format!(
        "{} at most (bound by {}), {} on the fullest",
        counted(node.pods_max.into(), "pod"),
        node.bound_by.name(),
        node.pods
    )
}

fn network(answer: &Answer) -> String {
    let node = &answer.question.node;
    let burst = if node.network_burst_bits > node.network_bits {
        format!(" (for some minutes up to {:.1} Gbit/s)", node.network_burst_bits / 1e9)
    } else {
        String::new()
    };
    format!(
        "{:.1} Mbit/s a node: {} of the {} Mbit/s that it carries all the time{burst}",
        answer.node.network_share * node.network_bits / 1e6,
        percent(answer.node.network_share),
        grouped(round(node.network_bits / 1e6)),
    )
}

fn credits(answer: &Answer) -> String {
    let Some(credits) = answer.node.credits else {
        let unknown = "not reckoned: a node of this name has some; say --node-credits";
        let is_unknown = answer.question.node.has_unknown_credits();
        return if is_unknown { unknown.to_owned() } else { String::new() };
    };
    let Credits { earned_per_hour: earned, spent_per_hour: spent, .. } = credits;
    let outcome = match credits.burst_hours {
        None => "sustained: the balance grows".to_owned(),
        Some(hours) => format!(
            "BURST: a full balance lasts {hours:.1} hours, then the node slows down, or on an \
             unlimited one pays {:.2} dollars an hour",
            credits.surplus_dollars_per_hour
        ),
    };
    format!("earns {earned:.0} an hour, spends {spent:.1}; {outcome}")
}

fn headroom(answer: &Answer) -> String {
    let fleet = &answer.fleet;
    format!(
        "the same pods and nodes carry {} a second, {:.1} times the target, bound by {}",
        grouped(round(fleet.rate_planned_per_second)),
        fleet.headroom,
        fleet.bound_by.name()
    )
}

fn cost(answer: &Answer) -> String {
    let node = &answer.question.node;
    let spot = if node.is_spot_known { "" } else { " (spot: reckoned as 40 % of that)" };
    let origin = match node.prices_of {
        Some(listed) => format!("list price of {listed}: check"),
        None => "by --node-price".to_owned(),
    };
    format!("{} dollars an hour and node, {origin}{spot}", node.dollars_per_hour)
}

/// Puts this fleet beside that of the replaced system.
fn table(answer: &Answer) -> String {
    let (ours, theirs) = (&answer.fleet, &answer.replaced);
    let mut text = format!(
        "  {:<24}{:>6}{:>8}{:>16}{:>12}\n",
        "a month", "pods", "nodes", "on demand", "spot"
    );
    let rows = [
        (
            "producer-load",
            ours.pods,
            ours.nodes,
            ours.dollars_per_month,
            ours.spot_dollars_per_month,
        ),
        (
            "the replaced system",
            theirs.pods,
            theirs.nodes,
            theirs.dollars_per_month,
            theirs.spot_dollars_per_month,
        ),
    ];
    for (name, pods, nodes, on_demand, spot) in rows {
        let [pods, nodes] = [pods, nodes].map(|number| grouped(number.into()));
        let [on_demand, spot] =
            [on_demand, spot].map(|dollars| format!("${}", dollars_text(dollars)));
        // Writing to a string cannot fail.
        writeln!(text, "  {name:<24}{pods:>6}{nodes:>8}{on_demand:>16}{spot:>12}").ok();
    }
    text
}

fn dollars_text(dollars: f64) -> String {
    if dollars < 100.0 { format!("{dollars:.2}") } else { grouped(round(dollars)) }
}

pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// Rounds what is shown to a whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
pub(super) const fn round(number: f64) -> u64 {
    number.round() as u64
}
