//! Runs at one rate after the other, each with its own warm-up, producers and end, to search with.
//!
//! What a run leaves behind must not burden the next one: records on their way are bounded to half
//! a second's worth, late ones are soon dropped, and what is still unanswered at the end is given
//! the time that the broker needs for it, before the next run begins. The time limit holds whatever
//! a broker does: a run that would not fit in is not begun, and one that is waiting for receipts
//! is cut.

use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use crate::clock;
use crate::clock::Moment;
use crate::connection::ConnectError;
use crate::plan::LoadSettings;
use crate::plan::Metric;
use crate::plan::Objective;
use crate::plan::Objectives;
use crate::plan::Plan;
use crate::plan::PlanError;
use crate::plan::Settings;
use crate::plan::Surroundings;
use crate::publisher::PublishError;
use crate::report::Report;
use crate::rng;
use crate::run;
use crate::run::Outside;
use crate::run::RunError;
use crate::search;
use crate::search::Limits;
use crate::search::Outcome;
use crate::search::Probe;
use crate::search::Tried;
use crate::units::UnitError;

/// What has to be reached where nobody said otherwise.
const OBJECTIVES: [(Metric, &str); 2] =
    [(Metric::Rate, "rate>=99%"), (Metric::Errors, "errors<=0%")];

/// A record later than this is dropped: the probe has failed, and the next one is not to wait.
const MAX_LAG: Duration = Duration::from_secs(3);

/// How long to wait for receipts after the end.
const DRAIN: Duration = Duration::from_secs(10);

/// A probe that has less than this for its last receipts is not begun: with half a second's worth
/// of records on their way whatever holds is answered by then.
const SETTLE: Duration = Duration::from_secs(1);

/// So long a broker rests between two probes, and at most.
const REST_NS: u64 = 1_000_000_000;
const REST_NS_MAX: u64 = 30_000_000_000;

/// What of the time limit is left to close the last run and to print.
const CLOSING: Duration = Duration::from_millis(100);

/// Below so much time beyond that of a probe a connection may take no longer than a few seconds,
/// where nobody said how long.
const PLENTY: Duration = Duration::from_secs(100);
const CONNECT: Duration = Duration::from_secs(10);

/// Records on their way at most, where nobody said otherwise, in parts of those of a second.
const OUTSTANDING_PART: f64 = 2.0;
const OUTSTANDING_MIN: f64 = 2_000.0;

/// What is searched with.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Which rates, and how many probes.
    pub limits: Limits,
    /// How long each is measured.
    pub duration: Duration,
    /// How long each warms up before.
    pub warmup: Duration,
    /// How long the search may take.
    pub time_max: Duration,
    /// What a rate has to reach.
    pub objectives: Option<Objectives>,
}

impl Wish {
    /// Returns the least time that a probe takes.
    #[must_use]
    pub fn probe_time(&self) -> Duration {
        self.warmup + self.duration + SETTLE
    }
}

/// Why a search ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The settings contradict each other.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A run could not begin.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A run failed.
    #[error("a probe failed: {0}")]
    Failed(String),
    /// A rate that cannot be said.
    #[error(transparent)]
    Rate(#[from] UnitError),
}

/// Searches the highest rate that holds. A signal ends it with the best so far.
///
/// # Errors
/// When a run cannot begin, or fails otherwise than by its objectives.
pub fn search(
    settings: &Settings,
    wish: &Wish,
    here: &Surroundings,
    outside: &Outside,
) -> Result<Outcome, SearchError> {
    let objectives = with_defaults(wish.objectives.as_ref());
    let start = clock::now();
    let end = start.plus_ns(nanoseconds(wish.time_max.saturating_sub(CLOSING)));
    let mut prober = Prober {
        settings,
        wish,
        objectives: &objectives,
        here,
        outside: Outside { until: Some(end), ..outside.clone() },
        end,
        probes: Vec::new(),
        rested: start,
        is_stopped: false,
        is_late: false,
    };
    let found = search::search(wish.limits, |rate| prober.probe(rate))?;
    let texts = objectives.iter().map(|objective| objective.text().to_owned()).collect();
    let Prober { is_stopped, is_late, probes, .. } = prober;
    Ok(Outcome::new(found, texts, probes).ended_early(is_stopped, is_late))
}

/// Adds the objectives that nobody spoke of.
fn with_defaults(typed: Option<&Objectives>) -> Vec<Objective> {
    let mut objectives = typed.map_or_else(Vec::new, |typed| typed.0.clone());
    for (metric, text) in OBJECTIVES {
        if objectives.iter().all(|objective| objective.metric != metric) {
            objectives.extend(text.parse::<Objective>());
        }
    }
    objectives
}

struct Prober<'a> {
    settings: &'a Settings,
    wish: &'a Wish,
    objectives: &'a [Objective],
    here: &'a Surroundings,
    outside: Outside,
    /// When the time is over.
    end: Moment,
    probes: Vec<Probe>,
    /// When the broker will have got over with the last probe.
    rested: Moment,
    /// Whether a signal came.
    is_stopped: bool,
    /// Whether no time was left for the next probe.
    is_late: bool,
}

impl Prober<'_> {
    /// Runs at this rate; `None`: no time is left, or a signal came.
    fn probe(&mut self, rate: f64) -> Result<Option<Tried>, SearchError> {
        if self.is_stopped {
            return Ok(None);
        }
        if !self.has_time() {
            return Ok(self.is_over());
        }
        self.rest();
        if self.is_stopped {
            return Ok(None);
        }
        let start = clock::now();
        let number = self.probes.len() + 1;
        log::info!("probe {number}: {rate} messages a second");
        let plan = Plan::resolve(self.settings_at(rate, number)?, &self.of_probe(number))?;
        let report = match run::run(plan, self.here.clone(), &self.outside, None) {
            Err(RunError::Publish(PublishError::Connect(ConnectError::Interrupted { .. }))) => None,
            // The last of the time went into an attempt to connect: what is known counts.
            Err(_) if number > 1 && !self.has_time() => return Ok(self.is_over()),
            run => Some(run?).filter(|report| !report.time.stopped_by_signal),
        };
        let Some(report) = report else {
            if clock::now() >= self.end {
                return Ok(self.is_over());
            }
            self.is_stopped = true;
            return Ok(None);
        };
        let verdict = &report.verdict;
        if verdict.code == 1 && report.totals.failed == 0 {
            return Err(SearchError::Failed(verdict.text.clone()));
        }
        let probe = probe_of(rate, &report);
        log::info!("{}", probe.row().trim_start());
        let (has_held, achieved) = (probe.held, probe.achieved_per_second);
        self.probes.push(probe);
        self.rested = clock::now().plus_ns(rest_ns(&report));
        let left = self.left(self.rested.ns_since(start));
        Ok(Some(Tried { rate, has_held, achieved, left }))
    }

    /// Returns whether another probe fits in, behind the broker's rest.
    fn has_time(&self) -> bool {
        let began = self.rested.max(clock::now());
        began.plus_ns(nanoseconds(self.wish.probe_time())) <= self.end
    }

    /// Notes that the time is over.
    fn is_over(&mut self) -> Option<Tried> {
        log::info!("no time is left for another probe");
        self.is_late = true;
        None
    }

    /// Returns how many probes there is time for: one of a rate that holds, and as many more as
    /// take as long as the last one.
    fn left(&self, last_ns: u64) -> usize {
        let needed_ns = nanoseconds(self.wish.probe_time());
        let left_ns = self.end.ns_since(self.rested);
        left_ns.checked_sub(needed_ns).map_or(0, |more_ns| {
            1 + usize::try_from(more_ns / last_ns.max(needed_ns)).unwrap_or(usize::MAX)
        })
    }

    /// Returns the settings of a run at this rate.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
    fn settings_at(&self, rate: f64, number: usize) -> Result<Settings, UnitError> {
        let mut settings = self.settings.clone();
        if let Some(name) = &mut settings.producer_name {
            *name = format!("{name}-{number}");
        }
        let few = (rate / OUTSTANDING_PART).max(OUTSTANDING_MIN) as usize;
        settings.batching.outstanding_max.get_or_insert(few);
        let planned = self.wish.warmup + self.wish.duration;
        let left_ns = self.end.ns_since(clock::now()).saturating_sub(nanoseconds(planned));
        let left = Duration::from_nanos(left_ns);
        let connect = settings.connect_timeout.or((left < PLENTY).then_some(CONNECT));
        Ok(Settings {
            load: LoadSettings {
                rate: Some(rate.to_string().parse()?),
                duration: Some(planned),
                warmup: Some(self.wish.warmup),
                objectives: Some(Objectives(self.objectives.to_vec())),
                ..LoadSettings::default()
            },
            max_lag: Some(MAX_LAG),
            drain_timeout: DRAIN,
            connect_timeout: connect.map(|timeout| timeout.min(left)),
            ..settings
        })
    }

    /// Returns the surroundings of a probe, whose producers have names of their own.
    fn of_probe(&self, number: usize) -> Surroundings {
        let start_token = rng::mix(self.here.start_token ^ number as u64);
        Surroundings { start_token, ..self.here.clone() }
    }

    /// Lets the broker get over with what it has not answered of the last probe.
    fn rest(&mut self) {
        let rest = Duration::from_nanos(self.rested.ns_since(clock::now()));
        self.is_stopped = self.outside.signals.recv_timeout(rest) != Err(RecvTimeoutError::Timeout);
    }
}

/// Returns how long a broker needs for what it has not answered.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
fn rest_ns(report: &Report) -> u64 {
    let reached = report.rate.achieved_per_second.max(1.0);
    let backlog_ns = (report.totals.unknown as f64 / reached * 1e9) as u64;
    (REST_NS + backlog_ns).min(REST_NS_MAX)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Judges a run as a probe.
#[expect(clippy::cast_precision_loss, reason = "a rate for display")]
fn probe_of(rate: f64, report: &Report) -> Probe {
    let verdict = &report.verdict;
    let seconds = report.time.elapsed_ns as f64 / 1e9;
    Probe {
        rate_per_second: rate,
        achieved_per_second: report.totals.acknowledged as f64 / seconds,
        held: verdict.objectives_failed.is_empty() && report.totals.failed == 0,
        objectives_failed: verdict.objectives_failed.clone(),
        limit: verdict.limit,
        evidence: verdict.evidence.clone(),
        mend: verdict.mend,
        response_p99_ns: report.latency.response.map(|response| response.p99_ns),
        elapsed_ns: report.time.elapsed_ns,
    }
}
