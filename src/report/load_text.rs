//! The load for a person: how fast, in which stages, and until when.

use crate::plan::Load;
use crate::plan::Objective;
use crate::plan::PerCore;
use crate::schedule::Pace;
use crate::schedule::Stage;
use crate::units::Rate;
use crate::units::counted;
use crate::units::duration_text;
use crate::units::grouped;

/// Says how fast, and where that comes from.
pub(super) fn rate(load: &Load) -> String {
    let rate = match load.rate {
        Rate::PerSecondMillionths(1_000_000) => "1 message a second".to_owned(),
        Rate::PerSecondMillionths(_) => format!("{} messages a second", number(load.rate)),
        Rate::Max => "as fast as it goes".to_owned(),
    };
    match load.per_core {
        _ if load.stages.len() > 1 => format!("{rate} at most, in stages"),
        None => rate,
        Some(per_core) => format!("{rate}\n{:14}= {}", "", arithmetic(per_core)),
    }
}

/// Prints a rate exactly, with commas between the thousands.
fn number(rate: Rate) -> String {
    let text = rate.to_string();
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    whole.parse().map_or_else(|_| text.clone(), |whole| grouped(whole) + fraction)
}

/// Says how a rate for each CPU was multiplied.
fn arithmetic(per_core: PerCore) -> String {
    let PerCore { rate, cpus, allowed, quota } = per_core;
    let quota = quota.map_or_else(|| "no quota".to_owned(), |quota| format!("quota {quota}"));
    let rate = number(rate);
    format!("{rate} a CPU x {cpus} CPUs ({allowed} allowed, {quota})")
}

/// Says each of several stages.
pub(super) fn stages(load: &Load) -> Vec<String> {
    match &load.stages[..] {
        [_] => Vec::new(),
        stages => stages.iter().map(stage).collect(),
    }
}

fn stage(stage: &Stage) -> String {
    let duration = duration_text(stage.duration_ns);
    match stage.pace {
        Pace::Max => format!("{duration} as fast as it goes"),
        Pace::Paced { from: 0, to: 0 } => format!("{duration} pause"),
        Pace::Paced { from, to } => {
            let [from, to] = [from, to].map(Rate::PerSecondMillionths).map(number);
            if from == to {
                format!("{duration} at {from}")
            } else {
                format!("{duration} from {from} to {to}")
            }
        }
    }
}

/// Says what ends the run.
pub(super) fn end(load: &Load) -> String {
    let records = load.records.map(|records| counted(records, "record"));
    match (load.duration_ns.map(duration_text), records) {
        (None, None) => "runs until SIGINT or SIGTERM".to_owned(),
        (Some(duration), None) => format!("after {duration}"),
        (None, Some(records)) => format!("after {records}"),
        (Some(duration), Some(records)) => format!("after {duration}, {records}"),
    }
}

/// Says how much may be missing without the target being missed.
pub(super) fn tolerance(load: &Load) -> String {
    let of = if load.rate == Rate::Max { "records" } else { "target" };
    // Of 0.01 * 100.0 and the like no more digits are shown than were typed.
    let percent = (load.tolerance * 1e8).round() / 1e6;
    format!("{percent} % of the {of} may be missing")
}

/// Says what has to be reached, if anything, and what happens when it is not.
pub(super) fn objectives(load: &Load) -> Option<String> {
    let objectives: Vec<&str> = load.objectives.iter().map(Objective::text).collect();
    let end = if load.abort_on_slo { "; one that is broken stops the run" } else { "" };
    (!objectives.is_empty()).then(|| objectives.join(", ") + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_exact_and_grouped() {
        for (rate, text) in
            [("0.1", "0.1"), ("500k", "500,000"), ("1234.5", "1,234.5"), ("max", "max")]
        {
            assert_eq!(number(rate.parse().unwrap()), text);
        }
    }
}
