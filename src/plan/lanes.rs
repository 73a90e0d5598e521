//! How many threads generate, how many producers they feed, and on which CPUs.

use super::Pin;
use super::PlanError;
use super::Settings;
use super::Surroundings;
use crate::cpu::Cpus;
use crate::units::Rate;

/// Records a second that one lane is planned for. The encoder does more; the rest is headroom.
const LANE_RATE_PER_SECOND: f64 = 250_000.0;

/// Streams at most: each costs a producer on the broker.
const STREAMS_MAX: u32 = 1_024;

/// Lanes at most: more threads than any one machine's CPUs help nobody.
const LANES_MAX: u32 = 1_024;

/// Deals the allowed CPUs out to the lanes. Which CPU comes first follows from the start: processes
/// that share a machine, such as the replicas of a Deployment, must not all begin at the same one.
pub(super) fn lane_cpus(pin: Pin, lanes: u32, here: &Surroundings) -> Vec<usize> {
    let allowed = &here.cpus.allowed;
    let pinned = match pin {
        Pin::Auto => here.cpus.are_whole(),
        Pin::On => true,
        Pin::Off => false,
    };
    if !pinned || allowed.is_empty() {
        return Vec::new();
    }
    let first = usize::try_from(here.start_token % allowed.len() as u64).unwrap_or_default();
    (0..lanes as usize).map(|lane| allowed[(first + lane) % allowed.len()]).collect()
}

/// Decides how many threads generate and how many producers they feed.
pub(super) fn lanes_and_streams(
    settings: &Settings,
    rate: Rate,
    cpus: &Cpus,
) -> Result<(u32, u32), PlanError> {
    let limits = [
        ("--lanes", settings.lanes, LANES_MAX),
        ("--num-producers", settings.streams, STREAMS_MAX),
        ("--num-topics", Some(settings.topics), STREAMS_MAX),
    ];
    for (flag, value, max) in limits {
        if let Some(value) = value.filter(|&value| value > max) {
            return Err(PlanError::TooMany { flag, value, max });
        }
    }
    let topics = settings.topics;
    let typed = settings.streams.map(|of_topic| of_topic.saturating_mul(topics));
    let lanes = settings.lanes.unwrap_or_else(|| {
        let cpus = u32::try_from(cpus.whole()).unwrap_or(LANES_MAX).min(LANES_MAX);
        lanes_for(rate, cpus).min(typed.unwrap_or(STREAMS_MAX))
    });
    // As many on each topic, so that each gets an equal share of the records.
    let streams = typed.unwrap_or_else(|| lanes.next_multiple_of(topics));
    if streams > STREAMS_MAX {
        let flag = "producers on all topics:";
        return Err(PlanError::TooMany { flag, value: streams, max: STREAMS_MAX });
    }
    if lanes > streams {
        return Err(PlanError::LaneIdle { lanes, streams });
    }
    Ok((lanes, streams))
}

/// Returns as many lanes as the rate needs and the CPUs allow.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 4,000 lanes")]
fn lanes_for(rate: Rate, cpus: u32) -> u32 {
    let needed = rate.per_second().map_or(cpus, |r| (r / LANE_RATE_PER_SECOND).ceil() as u32);
    needed.clamp(1, cpus)
}
