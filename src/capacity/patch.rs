//! The answer as a kustomize patch (strategic merge) of the Deployment `event-producer`.

use std::fmt::Write;

use super::Answer;
use crate::units::cpu_text;
use crate::units::grouped;
use crate::units::memory_text;

use super::text::round;

/// Renders the patch.
#[must_use]
pub fn render(answer: &Answer) -> String {
    let (pod, fleet) = (answer.question.pod, answer.fleet);
    let target = grouped(round(answer.question.target_per_second));
    let (cpu, memory) = (cpu_text(pod.cpu_millis), memory_text(pod.memory_bytes));
    let mut text = format!(
        "# {target} messages a second on {nodes} x {node}, by `producer-load capacity`.\n\
         apiVersion: apps/v1\n\
         kind: Deployment\n\
         metadata:\n  \
           name: event-producer\n\
         spec:\n  \
           replicas: {pods}\n  \
           template:\n    \
             spec:\n      \
               containers:\n        \
                 - name: producer\n          \
                   env:\n",
        nodes = fleet.nodes,
        node = answer.question.node.name,
        pods = fleet.pods,
    );
    let limit = answer.pod.memory_limit_bytes;
    let variables = [
        ("MESSAGES_PER_SECOND", Some(answer.pod.rate_per_second.to_string())),
        ("PRODUCER_LOAD_MEMORY_LIMIT", limit.map(|bytes| format!("{}K", bytes >> 10))),
    ];
    for (name, value) in variables {
        if let Some(value) = value {
            let indent = " ".repeat(12);
            // Writing to a string cannot fail.
            writeln!(text, "{indent}- name: {name}\n{indent}  value: \"{value}\"").ok();
        }
    }
    text + &format!(
        "          resources:\n            \
           requests:\n              \
             cpu: {cpu}\n              \
             memory: {memory}\n            \
           limits:\n              \
             cpu: {cpu}\n              \
             memory: {memory}\n"
    )
}
