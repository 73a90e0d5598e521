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
use crate::cpu::Cgroup;
use crate::plan::Plan;
use crate::publisher::Cancel;
use crate::report::Abandoned;
use crate::report::Case;
use crate::report::Finding;
use crate::report::Outcome;
use crate::report::Series;
use crate::run::Abandoning;
use crate::run::Outside;
use crate::run::Sample;
use crate::run::Seconds;
use crate::run::seconds::LastSecond;
use crate::run::seconds::Second;
use crate::stats::Counts;
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
    live: Live<'a>,
    /// Records that an earlier run had sent, where this one goes on.
    done_before: u64,
    signals_seen: u32,
    stopped_by_signal: bool,
    lanes_ended_ns: Option<u64>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        start: Moment,
        outside: &'a Outside,
        ends: &'a Ends,
        seconds: Seconds<'a>,
        live: Live<'a>,
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
            live,
            done_before: 0,
            signals_seen: 0,
            stopped_by_signal: false,
            lanes_ended_ns: None,
        }
    }

    /// Begins the log so far into the whole run.
    pub(super) fn from(mut self, resumed_ns: u64) -> Self {
        let begun = self.start.plus_ns(resumed_ns);
        self.tick = Tick::first(begun, self.plan.batching.window_ns);
        self.abandoning = Abandoning::new(self.plan, resumed_ns);
        self.done_before = self.plan.load.schedule().due_before(resumed_ns).unwrap_or_default();
        self
    }

    /// Watches until the publisher has ended.
    pub(super) fn until_the_end(mut self, stop: &StopHandle, cancel: &Cancel) -> Watched {
        let mut lanes = self.ends.lanes.clone();
        let mut patience: Receiver<Instant> = never();
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
                    patience = at(clock::now().plus_ns(self.plan.drain_timeout_ns).instant());
                }
                recv(warmed_up) -> _ => {
                    warmed_up = never();
                    warmup = Some(Sample::now(self.seconds.stats, self.live.cgroup));
                    self.abandoning.warmed_up(self.seconds.stats.counts());
                    log::info!("the warm-up is over: from now on it counts");
                }
                recv(patience) -> _ => {
                    patience = never();
                    log::warn!("the drain timeout is over; what has no receipt counts as unknown");
                    cancel.cancel();
                }
                recv(at(self.tick.due.instant())) -> _ => self.on_tick(stop),
            }
        }
        let LastSecond { second, series, histograms_failure } = self.seconds.end();
        if let Some(last) = second {
            self.tick.log_last(&last, self.plan.batching.window_ns);
        }
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

    /// Logs the second, and when the run has fallen behind what the limit is.
    fn on_tick(&mut self, stop: &StopHandle) {
        let now = clock::now();
        let second = self.seconds.take();
        self.tick.log(now, &second);
        self.give_up_if_broken(now, &second, stop);
        // The line comes half a window late, so that receipts can have come.
        let until_ns = now.ns_since(self.start).saturating_sub(self.plan.batching.window_ns / 2);
        let schedule = self.plan.load.schedule();
        let due = |ns: u64| schedule.due_before(ns);
        let of_second = due(until_ns).zip(due(until_ns.saturating_sub(SECOND_NS)));
        let Some((due, due_before)) = of_second.filter(|_| self.lanes_ended_ns.is_none()) else {
            return;
        };
        let (before, counted) = (&second.before, &second.counts);
        let ended = |counts: &Counts| counts.failed + counts.unknown + counts.dropped;
        let done = self.done_before + counted.acknowledged + ended(counted);
        let behind = due.saturating_sub(done);
        let sent = counted.acknowledged - before.acknowledged;
        let errors = counted.failed + counted.unknown - before.failed - before.unknown;
        let in_second = due - due_before;
        let is_behind = behind > in_second / 2 && sent < in_second;
        if is_behind || errors > 0 {
            let sample = Sample::now(self.seconds.stats, self.live.cgroup);
            let case = Case {
                spent: sample.since(self.live.last),
                outcome: if is_behind { Outcome::Missed } else { Outcome::Held },
                lanes: self.plan.lanes,
                cpus: self.live.cpus,
                errors,
                resent: counted.resent - before.resent,
                due: in_second,
                away: counted.producers_away(),
            };
            self.live.last = sample;
            let Finding { limit, evidence, mend } = case.finding();
            let behind = units::counted(behind, "record");
            log::warn!("Not well: {behind} behind; limit: {limit} ({evidence}); {mend}");
        }
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

    fn on_signal(&mut self, stop: &StopHandle, cancel: &Cancel) {
        self.signals_seen += 1;
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

/// What the judgement of a second starts from.
pub(super) struct Live<'a> {
    pub(super) cgroup: &'a Cgroup,
    /// CPUs that are ours.
    pub(super) cpus: f64,
    /// What had been used when a second was last judged, or before the run.
    pub(super) last: Sample,
}

/// The log of once a second.
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

    /// Logs the second that the run ended in, if anything was acknowledged in it. A run of whole
    /// seconds ends half a window before the line is due, and has its full second.
    fn log_last(&mut self, last: &Second, window_ns: u64) {
        if last.point.acknowledged > 0 {
            let now = clock::now();
            let is_full = self.due.ns_since(now) <= window_ns;
            self.log(if is_full { self.due.max(now) } else { now }, last);
        }
    }

    fn log(&mut self, now: Moment, second: &Second) {
        let Second { counts: totals, point, .. } = second;
        let sent = point.acknowledged;
        let elapsed_ns = now.ns_since(self.last).max(1);
        let rate = u128::from(sent) * u128::from(SECOND_NS) + u128::from(elapsed_ns / 2);
        log::info!("Sent {sent} messages in last second");
        log::info!("Current rate: {} msg/sec", rate / u128::from(elapsed_ns));
        log::info!("Total sent: {} messages", totals.acknowledged);
        if sent == 0 && point.in_flight > 0 {
            log::warn!("No receipts: {} messages wait", point.in_flight);
        }
        if point.failed + point.unknown + point.dropped > 0 {
            log::warn!(
                "Not sent: {} failed, {} unknown, {} dropped",
                totals.failed,
                totals.unknown,
                totals.dropped
            );
        }
        self.last = now;
        self.due = self.due.plus_ns(SECOND_NS);
    }
}
