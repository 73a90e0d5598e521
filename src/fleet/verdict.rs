//! The verdict of a fleet: the worst of its pods', and which those are.

use std::collections::BTreeMap;

use super::Pod;
use crate::past::Past;
use crate::past::PastVerdict;
use crate::units::counted;

/// Pods that did not run together for this share of the longest run were no fleet for long.
const TOGETHER: f64 = 0.9;

/// Names of pods that are listed before the rest is only counted.
const NAMES_MAX: usize = 5;

/// Of several ends the first decides, as in a single run.
const WORST_FIRST: [u8; 5] = [1, 105, 99, 98, 0];

/// Judges a fleet.
pub(super) fn of(sum: &Past, pods: &[Pod], missing: &[u64]) -> PastVerdict {
    let place = |code: u8| WORST_FIRST.iter().position(|it| *it == code).unwrap_or(0);
    let worst = pods.iter().map(|pod| pod.code).min_by_key(|code| place(*code)).unwrap_or(1);
    let of_worst: Vec<&Pod> = pods.iter().filter(|pod| pod.code == worst).collect();
    let mut by_limit = BTreeMap::<&str, Vec<&Pod>>::new();
    for pod in &of_worst {
        by_limit.entry(&pod.limit).or_default().push(pod);
    }
    // The limit that most of them had.
    let (limit, limited) = by_limit.into_iter().max_by_key(|(_, it)| it.len()).unwrap_or_default();
    let all = counted(pods.len() as u64, "pod");
    let named = |pods: &[&Pod]| {
        let mut names: Vec<&str> =
            pods.iter().take(NAMES_MAX).map(|pod| pod.producer_name.as_str()).collect();
        if pods.len() > NAMES_MAX {
            names.push("…");
        }
        names.join(", ")
    };
    let evidence = match limited.first() {
        Some(one) if pods.len() == 1 => one.evidence.clone(),
        Some(one) if worst > 0 || limit != "held" => {
            let many = limited.len();
            format!("{many} of {all} ({}); of the first: {}", named(&limited), one.evidence)
        }
        _ => format!("{all}, each held"),
    };
    let objectives = sum.verdict.objectives_failed.clone();
    let (code, text) = if !missing.is_empty() {
        let few: Vec<String> = missing.iter().take(NAMES_MAX).map(u64::to_string).collect();
        let more = if missing.len() > NAMES_MAX { ", …" } else { "" };
        let shards = counted(missing.len() as u64, "shard");
        (1, format!("no report of {shards}: {}{more}", few.join(", ")))
    } else if let [pod] = pods {
        let good = "the pod reached what was asked for".to_owned();
        (worst, if worst == 0 { good } else { pod.text.clone() })
    } else if worst == 0 {
        (0, format!("all of {all} reached what was asked for"))
    } else {
        let many = of_worst.len();
        let why = of_worst.first().map_or("", |pod| pod.text.as_str());
        (worst, format!("{many} of {all} ended with {worst} ({}): {why}", named(&of_worst)))
    };
    PastVerdict {
        code,
        limit: limit.to_owned(),
        evidence,
        mend: limited.first().and_then(|pod| pod.mend.clone()),
        warnings: apart(pods).into_iter().collect(),
        objectives_failed: objectives,
        abandoned: None,
        text,
    }
}

/// Says that pods did not run at the same time, if they did not: rates that were reached one after
/// the other do not add up.
#[expect(clippy::cast_precision_loss, reason = "a share")]
fn apart(pods: &[Pod]) -> Option<String> {
    let from = pods.iter().map(|pod| pod.started_wall_ms).max()?;
    let until = pods.iter().map(|pod| pod.ended_wall_ms).min()?;
    let longest = pods.iter().map(|pod| pod.ended_wall_ms - pod.started_wall_ms).max()?;
    let together = until.saturating_sub(from);
    ((together as f64) < TOGETHER * longest as f64).then(|| {
        let seconds = |ms: u64| ms as f64 / 1e3;
        format!(
            "all pods ran together for {:.1} s of {:.1} s: their rates do not add up",
            seconds(together),
            seconds(longest)
        )
    })
}
