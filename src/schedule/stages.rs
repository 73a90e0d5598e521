//! Stages as a person writes them: `30s@1k,1m@1k..50k,10s@max`.

use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;
use serde::ser::SerializeStruct;

use super::leg::STEP_NS;
use super::narrow;
use crate::units::Rate;
use crate::units::UnitError;
use crate::units::parse_duration_positive;

/// Stages at most: more come out of a program, which can as well start another run.
const STAGES_MAX: usize = 1_000;

/// The longest ramp: with more steps the sums of the highest rates would not fit 128 bits.
const RAMP_MAX: Duration = Duration::from_hours(366 * 24);

/// All stages together last at most this long, as any duration does.
const ALL_MAX: Duration = Duration::from_hours(10 * 366 * 24);

/// How fast a stage is, in millionths of a record a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// From one rate to another in a straight line; the same twice is steady, 0 is a pause.
    Paced {
        /// The rate at its start.
        from: u64,
        /// The rate at its end.
        to: u64,
    },
    /// As fast as it goes.
    Max,
}

impl From<Rate> for Pace {
    fn from(rate: Rate) -> Self {
        match rate {
            Rate::PerSecondMillionths(rate) => Self::Paced { from: rate, to: rate },
            Rate::Max => Self::Max,
        }
    }
}

/// A stretch of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// How long it lasts; `u64::MAX`: without an end.
    pub duration_ns: u64,
    /// How fast it is.
    pub pace: Pace,
}

impl Serialize for Stage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Stage", 3)?;
        let duration_ns = Some(self.duration_ns).filter(|&ns| ns < u64::MAX);
        fields.serialize_field("duration_ns", &duration_ns)?;
        let (from, to) = match self.pace {
            Pace::Max => (Rate::Max, Rate::Max),
            Pace::Paced { from, to } => {
                (Rate::PerSecondMillionths(from), Rate::PerSecondMillionths(to))
            }
        };
        fields.serialize_field("from_per_second", &from)?;
        fields.serialize_field("to_per_second", &to)?;
        fields.end()
    }
}

/// Why stages cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StageError {
    /// It is not a stage.
    #[error("'{0}' is not a stage, such as 30s@1k, 1m@1k..50k (a ramp) or 10s@max")]
    Unreadable(String),
    /// Its duration or one of its rates is none.
    #[error("stage '{stage}': {error}")]
    Unit {
        /// The stage.
        stage: String,
        /// What is wrong with it.
        error: UnitError,
    },
    /// A ramp to or from the maximum has no rate in between.
    #[error("stage '{0}': a ramp needs two rates, and max is none; write a stage @max of its own")]
    RampToMax(String),
    /// After the maximum nobody knows which record is next.
    #[error("stage '{0}': only the last stage can be at max")]
    MaxNotLast(String),
    /// A ramp's steps are milliseconds.
    #[error("stage '{0}': a ramp lasts whole milliseconds")]
    RampNotWhole(String),
    /// A ramp that is too long to be computed.
    #[error("stage '{0}': a ramp lasts at most 366 days")]
    RampTooLong(String),
    /// Too many or too long.
    #[error("there are at most 1,000 stages, of at most ten years together")]
    TooMany,
    /// No record is ever due.
    #[error("no stage has a rate above 0")]
    Nothing,
}

/// Stages, one after the other; at least one of them sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages(Vec<Stage>);

impl Stages {
    /// Returns them in their order.
    #[must_use]
    pub fn list(&self) -> &[Stage] {
        &self.0
    }

    /// Returns the highest rate of any.
    #[must_use]
    pub fn rate_max(&self) -> Rate {
        let highest = |stage: &Stage| match stage.pace {
            Pace::Paced { from, to } => from.max(to),
            Pace::Max => u64::MAX,
        };
        match self.0.iter().map(highest).max() {
            Some(rate) if rate < u64::MAX => Rate::PerSecondMillionths(rate),
            _ => Rate::Max,
        }
    }
}

impl FromStr for Stages {
    type Err = StageError;

    fn from_str(text: &str) -> Result<Self, StageError> {
        let stages = text.split(',').map(|stage| parse_stage(stage.trim()));
        let stages = stages.collect::<Result<Vec<_>, _>>()?;
        let all_but_last = &stages[..stages.len() - 1];
        let mut early = text.split(',').zip(all_but_last);
        if let Some((text, _)) = early.find(|(_, stage)| stage.pace == Pace::Max) {
            return Err(StageError::MaxNotLast(text.trim().to_owned()));
        }
        let all_ns: u128 = stages.iter().map(|stage| u128::from(stage.duration_ns)).sum();
        if stages.len() > STAGES_MAX || all_ns > ALL_MAX.as_nanos() {
            return Err(StageError::TooMany);
        }
        if stages.iter().all(|stage| stage.pace == Pace::Paced { from: 0, to: 0 }) {
            return Err(StageError::Nothing);
        }
        Ok(Self(stages))
    }
}

fn parse_stage(text: &str) -> Result<Stage, StageError> {
    let of_stage = |error| StageError::Unit { stage: text.to_owned(), error };
    let (duration, rates) =
        text.split_once('@').ok_or_else(|| StageError::Unreadable(text.to_owned()))?;
    let duration = parse_duration_positive(duration).map_err(of_stage)?;
    let duration_ns = narrow(duration.as_nanos());
    let Some((from, to)) = rates.split_once("..") else {
        let pace = parse_rate(rates).map_err(of_stage)?.into();
        return Ok(Stage { duration_ns, pace });
    };
    let [from, to] = [from, to].map(|rate| parse_rate(rate).map_err(of_stage));
    let (Rate::PerSecondMillionths(from), Rate::PerSecondMillionths(to)) = (from?, to?) else {
        return Err(StageError::RampToMax(text.to_owned()));
    };
    if from != to && !duration_ns.is_multiple_of(STEP_NS) {
        return Err(StageError::RampNotWhole(text.to_owned()));
    }
    if from != to && duration > RAMP_MAX {
        return Err(StageError::RampTooLong(text.to_owned()));
    }
    Ok(Stage { duration_ns, pace: Pace::Paced { from, to } })
}

/// Reads a rate; here 0 is one: a pause, or where a ramp begins.
fn parse_rate(text: &str) -> Result<Rate, UnitError> {
    match text.trim() {
        "0" => Ok(Rate::PerSecondMillionths(0)),
        rate => rate.parse(),
    }
}
