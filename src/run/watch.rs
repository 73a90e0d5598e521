//! What the main thread does while the others work: log once a second, and see to the end.

use std::convert::Infallible;
use std::time::Instant;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;
use crossbeam_channel::at;
use crossbeam_channel::never;
use crossbeam_channel::select;

use crate::clock;
use crate::clock::Moment;
use crate::metrics::Board;
use crate::plan::Plan;
use crate::publisher::Cancel;
use crate::report::Abandoned;
use crate::report::Case;
use crate::report::Outcome;
use crate::report::Series;
use crate::run::Abandoning;
use crate::run::Outside;
use crate::run::Sample;
use crate::run::Seconds;
use crate::run::place::Place;
use crate::run::seconds::LastSecond;
use crate::run::seconds::Second;
use crate::run::telling::Judged;
use crate::run::telling::Telling;
use crate::stop::StopHandle;
use crate::units;

const SECOND_NS: u64 = 1_000_000_000;

/// Tells when lanes and publisher have ended: each thread holds a token that it drops at its end.
pub(super) struct Ends {
    lanes: Receiver<Infallible>,
    publisher: Receiver<Infallible>,
}

impl Ends {
    /// Makes the ends with a token for each lane and one for the publisher.
    pub(super) fn new(lanes: u32) -> (Self, Vec<Sender<Infallible>>, Sender<Infallible>) {
        let (lane_token, lanes_ended) = crossbeam_channel::bounded(0);
        let (publisher_token, publisher_ended) = crossbeam_channel::bounded(0);
        let lane_tokens = (0..lanes).map(|_| lane_token.clone()).collect();
        (Self { lanes: lanes_ended, publisher: publisher_ended }, lane_tokens, publisher_token)
    }
}

/// How a run ended, as seen from the main thread.
pub(super) struct Watched {
    /// When the last lane ended, in nanoseconds since the start.
    pub(super) lanes_ended_ns: u64,
    /// Whether a signal ended it.
    pub(super) stopped_by_signal: bool,
    /// Why it was given up before its end, if it was.
    pub(super) abandoned: Option<Abandoned>,
    /// What had been used when the warm-up ended; `None`: there was none.
    pub(super) warmup: Option<Sample>,
    /// The run second by second.
    pub(super) series: Series,
    /// Why the log of histograms is not whole, if it is not.
    pub(super) histograms_failure: Option<String>,
}

/// The watch over one run.
pub(super) struct Watch<'a> {
    plan: &'a Plan,
    start: Moment,
    outside: &'a Outside,
    ends: &'a Ends,
    seconds: Seconds<'a>,
    abandoning: Abandoning<'a>,
    abandoned: Option<Abandoned>,
    tick: Tick,
    telling: Telling,
    /// CPUs that are ours.
    cpus: f64,
    /// Where the run shows itself.
    board: &'a Board,
    signals_seen: u32,
    stopped_by_signal: bool,
    lanes_ended_ns: Option<u64>,
    /// Once everything was due: how many records the broker had answered for, and since when.
    answered: Option<(u64, Moment)>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        start: Moment,
        outside: &'a Outside,
        ends: &'a Ends,
        seconds: Seconds<'a>,
        cpus: f64,
        board: &'a Board,
    ) -> Self {
        let tick = Tick::first(start, plan.batching.window_ns);
        Self {
            plan,
            start,
            outside,
            ends,
            seconds,
            abandoning: Abandoning::new(plan, 0),
            abandoned: None,
            tick,
            telling: Telling::new(outside.screen),
            cpus,
            board,
            signals_seen: 0,
            stopped_by_signal: false,
            lanes_ended_ns: None,
            answered: None,
        }
    }

    /// Begins the log so far into the whole run.
    pub(super) fn from(mut self, resumed_ns: u64) -> Self {
        let begun = self.start.plus_ns(resumed_ns);
        self.tick = Tick::first(begun, self.plan.batching.window_ns);
        self.abandoning = Abandoning::new(self.plan, resumed_ns);
        self
    }

    /// Watches until the publisher has ended.
    pub(super) fn until_the_end(mut self, stop: &StopHandle, cancel: &Cancel) -> Watched {
        let mut lanes = self.ends.lanes.clone();
        let mut patience: Receiver<Instant> = never();
        let mut over = self.outside.until.map_or_else(never, |until| at(until.instant()));
        let mut warmup = None;
        let mut warmed_up = match self.plan.load.warmup_ns {
            0 => never(),
            warmup_ns => at(self.start.plus_ns(warmup_ns).instant()),
        };
        loop {
            select! {
                recv(self.ends.publisher) -> _ => break,
                recv(self.outside.signals) -> _ => self.on_signal(stop, cancel),
                recv(lanes) -> _ => {
                    lanes = never();
                    let elapsed_ns = clock::now().ns_since(self.start);
                    self.lanes_ended_ns = Some(elapsed_ns);
                    self.board.drain();
                    patience = at(clock::now().plus_ns(self.plan.drain_timeout_ns).instant());
                }
                recv(warmed_up) -> _ => {
                    warmed_up = never();
                    warmup = Some(self.seconds.sample());
                    self.abandoning.warmed_up(self.seconds.stats.counts());
                    log::info!("the warm-up is over: from now on it counts");
                }
                recv(patience) -> _ => {
                    patience = never();
                    log::warn!("the drain timeout is over; what has no receipt counts as unknown");
                    cancel.cancel();
                }
                recv(over) -> _ => {
                    over = never();
                    log::warn!("the time limit is over; what has no receipt counts as unknown");
                    self.stopped_by_signal |= !self.is_schedule_over();
                    stop.set();
                    cancel.cancel();
                }
                recv(at(self.tick.due.instant())) -> _ => {
                    self.on_tick(stop);
                    if self.is_stalled() {
                        log::warn!("no receipt for the drain timeout; what is left is not sent");
                        stop.set();
                        cancel.cancel();
                    }
                }
            }
        }
        let (window_ns, mut tick) = (self.plan.batching.window_ns, self.tick);
        let LastSecond { second, series, histograms_failure } = self.seconds.end();
        if let Some(last) = second.filter(|last| last.point.acknowledged > 0) {
            let (now, case) =
                (tick.end(clock::now(), window_ns), case(self.plan, self.cpus, &last));
            let judged = Judged { behind: 0, is_missed: false, finding: case.finding() };
            self.telling.tell(now.ns_since(self.start), tick.advance(now), &last, &judged);
        }
        self.telling.end();
        let now_ns = clock::now().ns_since(self.start);
        Watched {
            lanes_ended_ns: self.lanes_ended_ns.unwrap_or(now_ns),
            stopped_by_signal: self.stopped_by_signal,
            abandoned: self.abandoned,
            warmup,
            series,
            histograms_failure,
        }
    }

    /// Tells the second, and gives the run up if it is to be.
    fn on_tick(&mut self, stop: &StopHandle) {
        let now = clock::now();
        self.board.turn();
        let second = self.seconds.take();
        let judged = self.judged(now, &second);
        let lasted_ns = self.tick.advance(now);
        self.telling.tell(now.ns_since(self.start), lasted_ns, &second, &judged);
        self.give_up_if_broken(now, &second, stop);
    }

    /// Judges a second by whether the run is behind at its end.
    fn judged(&self, now: Moment, second: &Second) -> Judged {
        let window_ns = self.plan.batching.window_ns;
        // A second ends half a window late, so that receipts can have come.
        let until_ns = now.ns_since(self.start).saturating_sub(window_ns / 2);
        let schedule = self.plan.load.schedule();
        let place = Place {
            until_ns,
            window_ns,
            lanes_ended_ns: self.lanes_ended_ns,
            scheduled: second.counts.scheduled + second.counts.skipped,
            done: second.counts.done(),
        };
        let due = |ns: u64| schedule.due_before(ns).unwrap_or_default();
        let in_second = due(until_ns).saturating_sub(due(until_ns.saturating_sub(SECOND_NS)));
        let (behind, outcome) = (place.behind(&schedule), place.outcome(&schedule));
        let case = Case {
            outcome,
            due: in_second.max(second.point.scheduled),
            ..case(self.plan, self.cpus, second)
        };
        Judged { behind, is_missed: outcome == Outcome::Missed, finding: case.finding() }
    }

    /// Stops the run when an objective is broken and that is to end it.
    fn give_up_if_broken(&mut self, now: Moment, second: &Second, stop: &StopHandle) {
        if self.abandoned.is_some() || self.stopped_by_signal || self.lanes_ended_ns.is_some() {
            return;
        }
        let elapsed_ns = now.ns_since(self.start);
        let stats = self.seconds.stats;
        self.abandoned = self.abandoning.judge(elapsed_ns, &second.counts, stats);
        if let Some(Abandoned { objective, .. }) = &self.abandoned {
            log::warn!("stopping: the objective {objective} is broken");
            stop.set();
        }
    }

    /// Returns whether everything was due already: lanes that are still at it are late.
    fn is_schedule_over(&self) -> bool {
        let elapsed_ns = clock::now().ns_since(self.start);
        let schedule = self.plan.load.schedule();
        let are_all_due =
            || schedule.count().is_some_and(|all| schedule.due_before(elapsed_ns) == Some(all));
        elapsed_ns >= schedule.end_ns() || self.lanes_ended_ns.is_some() || are_all_due()
    }

    /// Returns whether lanes are still at what was due long ago, and the broker has answered for
    /// nothing for the drain timeout: it would never end.
    fn is_stalled(&mut self) -> bool {
        let (counts, now) = (self.seconds.stats.counts(), clock::now());
        let answered = counts.acknowledged + counts.failed + counts.unknown;
        if let Some((_, since)) = self.answered.filter(|(before, _)| *before == answered) {
            let waited_ns = now.ns_since(since);
            return self.lanes_ended_ns.is_none() && waited_ns >= self.plan.drain_timeout_ns;
        }
        self.answered = self.is_schedule_over().then_some((answered, now));
        false
    }

    fn on_signal(&mut self, stop: &StopHandle, cancel: &Cancel) {
        self.signals_seen += 1;
        self.board.drain();
        // Once every lane has ended, a signal cuts nothing short but the wait for receipts.
        self.stopped_by_signal |= self.lanes_ended_ns.is_none() && self.abandoned.is_none();
        if self.signals_seen == 1 {
            let patience = units::duration_text(self.plan.drain_timeout_ns);
            log::info!("stopping: waiting up to {patience} for receipts (again: end at once)");
            stop.set();
        } else {
            stop.set();
            cancel.cancel();
        }
    }
}

/// Returns what a second is judged by, as one that went well.
fn case(plan: &Plan, cpus: f64, second: &Second) -> Case {
    let point = &second.point;
    Case {
        spent: second.spent,
        outcome: Outcome::Held,
        lanes: plan.lanes,
        cpus,
        has_embedded_broker: plan.service_url.is_none(),
        errors: point.failed + point.unknown,
        resent: point.resent,
        waiting: 0,
        due: point.scheduled,
        away: second.counts.producers_away(),
    }
}

/// When a second ends.
#[derive(Clone, Copy)]
struct Tick {
    due: Moment,
    last: Moment,
}

impl Tick {
    /// Half a batch window after each full second: the batches of the second have their receipts
    /// then, and none of the next second has.
    fn first(start: Moment, window_ns: u64) -> Self {
        let due = start.plus_ns(SECOND_NS + window_ns / 2);
        Self { due, last: start.plus_ns(window_ns / 2) }
    }

    /// Returns when the second ends that the run ended in: one of whole seconds ends half a window
    /// before the second is over, and has its full second.
    fn end(&self, now: Moment, window_ns: u64) -> Moment {
        if self.due.ns_since(now) <= window_ns { self.due.max(now) } else { now }
    }

    /// Begins the next second; returns how long this one was.
    fn advance(&mut self, now: Moment) -> u64 {
        let lasted_ns = now.ns_since(self.last);
        self.last = now;
        self.due = self.due.plus_ns(SECOND_NS);
        lasted_ns
    }
}
