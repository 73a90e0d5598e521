//! The answer as a kustomize patch (strategic merge) of the Deployment `event-producer`, which
//! makes the pods what was measured.

use std::fmt::Write;
use std::iter;

use serde_json::Value;

use super::Answer;
use crate::units::cpu_text;
use crate::units::grouped;
use crate::units::memory_text;

use super::text::percent;
use super::text::round;

/// What was measured that a pod can be told.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Variables of its environment.
    pub variables: Vec<(String, String)>,
    /// The schema's file, which has to be brought to it.
    pub schema_file: Option<String>,
}

/// Renders the patch.
#[must_use]
pub fn render(answer: &Answer, said: &Said) -> String {
    let (pod, fleet) = (answer.question.pod, answer.fleet);
    let target = grouped(round(answer.question.target_per_second));
    let (cpu, memory) = (cpu_text(pod.cpu_millis), memory_text(pod.memory_bytes));
    let mut text = format!(
        "# {target} messages a second on {nodes} x {node}, by `producer-load capacity`,\n\
         # planned with {fill} of a pod's CPU and of a node's network.\n\
         {schema}\
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
        fill = percent(answer.question.fill),
        schema = said.schema_file.as_deref().map_or_else(String::new, schema_note),
        nodes = fleet.nodes,
        node = answer.question.node.name,
        pods = fleet.pods,
    );
    for (name, value) in variables(answer, said) {
        let (indent, value) = (" ".repeat(12), Value::from(value));
        // A string of JSON is one of YAML, too. Writing to a string cannot fail.
        writeln!(text, "{indent}- name: {name}\n{indent}  value: {value}").ok();
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

/// Returns the pods' variables: what was reckoned goes before what was said.
fn variables(answer: &Answer, said: &Said) -> Vec<(String, String)> {
    let rate = ("MESSAGES_PER_SECOND", answer.pod.rate_per_second.to_string());
    let limit = answer.pod.memory_limit_bytes.map(|bytes| format!("{}K", bytes >> 10));
    let limit = limit.map(|limit| ("PRODUCER_LOAD_MEMORY_LIMIT", limit));
    let reckoned = iter::once(rate).chain(limit).map(|(name, value)| (name.to_owned(), value));
    let mut variables: Vec<_> = reckoned.collect();
    for (name, value) in &said.variables {
        if variables.iter().all(|(known, _)| known != name) {
            variables.push((name.clone(), value.clone()));
        }
    }
    variables
}

fn schema_note(file: &str) -> String {
    let file = file.escape_debug();
    format!(
        "# Measured with --schema-file {file}, which a patch cannot bring:\n\
         # mount it, name it by PRODUCER_LOAD_SCHEMA_FILE and take EVENT_TYPE away.\n"
    )
}
