//! The plan for a person: what `--dry-run` prints.

use std::fmt::Write;

use crate::plan::Plan;
use crate::plan::Transport;
use crate::program::KeyChoice;
use crate::report::load_text;
use crate::routing::KeyHash;
use crate::routing::Mode;
use crate::routing::Rule;
use crate::topic::ServiceUrl;
use crate::trust::Trust;
use crate::units::bytes_text;
use crate::units::counted;
use crate::units::duration_text;
use crate::units::grouped;

/// Renders the plan.
#[must_use]
pub fn render(plan: &Plan) -> String {
    let mut text = String::from("plan\n");
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        writeln!(text, "  {name:<12}{value}").ok();
    };
    let broker =
        plan.service_url.as_ref().map_or("the EMBEDDED broker".into(), ToString::to_string);
    line("broker", broker);
    if let Some(credentials) = &plan.credentials {
        line("credentials", format!("by {}", credentials.plugin()));
    }
    if plan.service_url.as_ref().is_some_and(ServiceUrl::is_tls) {
        line("trust", trust(&plan.trust));
    }
    if let Some(name) = &plan.listener_name {
        line("listener", name.clone());
    }
    line("topic", topics(plan));
    let events = &plan.events;
    line("events", format!("{} as {}, digest {}", events.name, events.encoding, plan.digest));
    line("key", events.key.to_string());
    line("rate", load_text::rate(&plan.load));
    for stage in load_text::stages(&plan.load) {
        line("", stage);
    }
    line("end", load_text::end(&plan.load));
    if plan.load.warmup_ns > 0 {
        line("warm-up", format!("{}, not measured", duration_text(plan.load.warmup_ns)));
    }
    line("tolerance", load_text::tolerance(&plan.load));
    if let Some(objectives) = load_text::objectives(&plan.load) {
        line("objectives", objectives);
    }
    line("sources", sources(plan));
    line("seed", plan.seed.to_string());
    line("producers", format!("{} named {}", plan.streams, plan.stream_name(0)));
    line("routing", routing(plan));
    line("lanes", lanes(plan));
    line("batches", batches(plan));
    line(
        "late",
        match plan.max_lag_ns {
            0 => "caught up, however late".to_owned(),
            ns => format!("caught up, dropped after {}", duration_text(ns)),
        },
    );
    line("timeouts", timeouts(plan));
    line("transport", transport(plan));
    text
}

fn trust(trust: &Trust) -> String {
    let mut text = match &trust.authorities_file {
        _ if trust.is_anyone_trusted => "ANYONE: no certificate is checked".to_owned(),
        None => "the authorities that browsers trust".to_owned(),
        Some(file) => format!("the authorities in {file}"),
    };
    if !trust.is_anyone_trusted && !trust.is_host_name_checked {
        text += ", whatever host a certificate names";
    }
    if let Some(own) = &trust.certificate {
        write!(text, "; shows {}", own.certificate_file).ok();
    }
    text
}

/// Names the topic, or the first and last of several.
pub(super) fn topics(plan: &Plan) -> String {
    match &plan.topics()[..] {
        [first, .., last] => format!("{first} to {last}"),
        _ => plan.topic.to_string(),
    }
}

fn routing(plan: &Plan) -> String {
    let Rule { mode, hash } = plan.routing;
    let hash = match hash {
        KeyHash::Java => "Java's string hash",
        KeyHash::Murmur3 => "Murmur3",
    };
    match mode {
        Mode::Key if plan.events.key == KeyChoice::None => "in turn, there is no key".to_owned(),
        Mode::Key => format!("by key, {hash}; in turn without one"),
        Mode::RoundRobin => "in turn, whatever the key".to_owned(),
        Mode::Single => "one partition a producer".to_owned(),
    }
}

fn timeouts(plan: &Plan) -> String {
    let Plan { connect_timeout_ns, name_timeout_ns, drain_timeout_ns, send_timeout_ns, .. } = *plan;
    let [connect, name, drain, send] =
        [connect_timeout_ns, name_timeout_ns, drain_timeout_ns, send_timeout_ns].map(duration_text);
    let is_same = name_timeout_ns == connect_timeout_ns;
    let name = if is_same { String::new() } else { format!(", taken name {name}") };
    let send = if send_timeout_ns == 0 { "none" } else { &send };
    format!("connect {connect}{name}, drain {drain}, send {send}")
}

fn transport(plan: &Plan) -> String {
    match plan.transport {
        Transport::Framed => {
            let compression = plan.batching.compression;
            format!("framed, compression {compression}")
        }
        Transport::Client => "client, without sequence ids and batch properties of its own, \
             ends when a broker is away for 30 s"
            .to_owned(),
    }
}

fn lanes(plan: &Plan) -> String {
    match plan.lane_cpus.first() {
        None => format!("{}, not pinned", plan.lanes),
        Some(first) => format!("{}, pinned to the CPUs from {first} on", plan.lanes),
    }
}

fn sources(plan: &Plan) -> String {
    let (first, last) = (plan.sources.first, plan.sources.end - 1);
    let (total, choice) = (grouped(plan.sources_total), plan.events.source_choice);
    format!("{first} to {last} of {total}, shard {}, {choice}", plan.shard)
}

fn batches(plan: &Plan) -> String {
    let batching = &plan.batching;
    format!(
        "{}, up to {} or {}; {} a lane",
        duration_text(batching.window_ns),
        counted(batching.records_max as u64, "record"),
        bytes_text(batching.bytes_max as u64),
        counted(plan.buffers_per_lane as u64, "buffer")
    )
}
