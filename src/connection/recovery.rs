//! Brings producers back that were lost: looks their topics up again, connects, and creates them
//! under their names, until that succeeds or no retry can mend it.
//!
//! It works beside the connections that still serve, as tasks of the publisher's runtime: what was
//! lost goes in, links with producers on them come out. A link always is a new one: over an old one
//! the broker may still answer what was sent before.
//!
//! A search that nobody answers is waited for and not relied upon: another one is begun beside it
//! every two seconds. A cluster that is slow answers the first one in its own time; one that cannot
//! be heard, and whose connections stay dead when it can be heard again, answers the next one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::unbounded_channel;

use super::Broker;
use super::Cause;
use super::ConnectError;
use super::Link;
use super::ProducerIdentity;
use super::Session;
use super::Step;
use super::Target;
use super::attempts;
use crate::clock;
use crate::clock::Moment;

mod errand;

use errand::ANSWER_MAX;
use errand::Event;
use errand::Failure;

/// The longest pause before the first attempt: producers that are lost one after the other come
/// back together.
const PAUSE_NS_MIN: u64 = 20_000_000;

/// The longest pause between two attempts.
const PAUSE_NS_MAX: u64 = 500_000_000;

/// A search that has heard nothing for so long gets another one beside it.
const SILENCE_NS: u64 = 2_000_000_000;

/// How long producers may take to be created at first; after a silence longer, for a topic that is
/// slow to load: what was asked for twice is refused as taken.
const CREATED_WITHIN: Duration = Duration::from_secs(2);

/// How often the log says that it still does not succeed.
const WARN_NS: u64 = 10_000_000_000;

/// A producer that was lost.
pub struct Lost {
    /// Which; its epoch is that of its next life.
    pub identity: ProducerIdentity,
    /// Whether the life that it lost brought a receipt. One that is lost again and again without
    /// any is brought back ever more slowly, like one that cannot be brought back.
    pub is_proven: bool,
}

/// What became of producers that were lost.
pub enum News {
    /// They are back, over this link.
    Back {
        /// The broker at its other end.
        broker: Broker,
        /// The link.
        link: Box<Link>,
        /// Their numbers.
        producers: Vec<u64>,
    },
    /// One never comes back.
    Final(ConnectError),
}

/// Where lost producers are reported, and where they come back.
pub struct Recovery {
    lost: UnboundedSender<Lost>,
    /// What the task says.
    pub news: UnboundedReceiver<News>,
}

impl Recovery {
    /// Starts the task on the runtime that this is called in. It ends with the run.
    #[must_use]
    pub fn start(mut session: Session) -> Self {
        session.look_ups.hang_up();
        let (lost, reported) = unbounded_channel();
        let (news_sender, news) = unbounded_channel();
        let (events, happened) = unbounded_channel();
        let task = Task {
            target: Arc::new(session.target.clone()),
            session,
            away: BTreeMap::new(),
            unproven: BTreeMap::new(),
            events,
            news: news_sender,
            searches: 0,
            jitter: fastrand::Rng::new(),
            warned: None,
        };
        tokio::spawn(task.run(reported, happened));
        Self { lost, news }
    }

    /// Reports a lost producer.
    pub fn report(&self, lost: Lost) {
        // A task that has ended has said why, and the run ends with it.
        drop(self.lost.send(lost));
    }
}

/// A producer that is not back yet.
struct Away {
    identity: ProducerIdentity,
    /// Attempts that failed.
    attempts: u32,
    /// How often nobody said whether it was created.
    silences: u32,
    /// When a search for it is begun; `None` while it is being created.
    next: Option<Moment>,
    /// The newest search for it that is under way.
    search: Option<u64>,
}

impl Away {
    /// Returns how long its creation may take.
    fn patience(&self) -> Duration {
        (CREATED_WITHIN * 2_u32.saturating_pow(self.silences.min(10))).min(ANSWER_MAX)
    }
}

struct Task {
    session: Session,
    /// The session's, for every errand.
    target: Arc<Target>,
    /// By number.
    away: BTreeMap<u64, Away>,
    /// The attempts to begin with when a producer is lost again before any receipt came, by number.
    unproven: BTreeMap<u64, u32>,
    events: UnboundedSender<Event>,
    news: UnboundedSender<News>,
    /// Searches that were begun.
    searches: u64,
    jitter: fastrand::Rng,
    warned: Option<Moment>,
}

/// Returns the pause before an attempt: twice as long each time, at least half of that, so that
/// many that lost the same broker at the same moment do not come back at the same.
fn pause_ns(attempts: u32, jitter: &mut fastrand::Rng) -> u64 {
    let longest = PAUSE_NS_MIN.saturating_mul(2_u64.saturating_pow(attempts)).min(PAUSE_NS_MAX);
    // The first one is spread from zero: most often the next broker is there already.
    let shortest = if attempts == 0 { 0 } else { longest / 2 };
    jitter.u64(shortest..=longest)
}

impl Task {
    async fn run(
        mut self,
        mut reported: UnboundedReceiver<Lost>,
        mut happened: UnboundedReceiver<Event>,
    ) {
        loop {
            let next = self.away.values().filter_map(|away| away.next).min();
            let due = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next.instant().into()).await,
                    None => std::future::pending().await,
                }
            };
            let done = tokio::select! {
                lost = reported.recv() => match lost {
                    Some(lost) => {
                        self.lost(lost);
                        Ok(())
                    }
                    None => return,
                },
                Some(event) = happened.recv() => self.happened(event),
                () = due => {
                    self.search();
                    Ok(())
                }
            };
            if let Err(error) = done {
                // Whoever does not listen any more has ended.
                drop(self.news.send(News::Final(error)));
                return;
            }
        }
    }

    /// Takes up a producer: together with those that were lost just before it, if there are any.
    fn lost(&mut self, Lost { identity, is_proven }: Lost) {
        let before = self.unproven.remove(&identity.number).unwrap_or_default();
        let attempts = if is_proven { 0 } else { before };
        let mut others = self.away.values();
        let just_before = others.find(|away| away.search.is_none() && away.attempts == attempts);
        let just_before = just_before.and_then(|away| away.next);
        let next = Some(just_before.unwrap_or_else(|| self.after_pause(attempts)));
        let number = identity.number;
        let away = Away { identity, attempts, silences: 0, next, search: None };
        self.away.insert(number, away);
    }

    fn after_pause(&mut self, attempts: u32) -> Moment {
        clock::now().plus_ns(pause_ns(attempts, &mut self.jitter))
    }

    /// Returns when a search that is asked now has been silent for too long: not for all processes
    /// at the same moment.
    fn after_silence(&mut self) -> Moment {
        clock::now().plus_ns(self.jitter.u64(SILENCE_NS * 3 / 4..=SILENCE_NS))
    }

    /// Begins a search for those that are due.
    fn search(&mut self) {
        let (now, silent_from) = (clock::now(), self.after_silence());
        self.searches += 1;
        let mut sought: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let mut is_silent = false;
        for (number, away) in &mut self.away {
            if away.next.is_some_and(|next| next <= now) {
                is_silent |= away.search.replace(self.searches).is_some();
                away.next = Some(silent_from);
                let ProducerIdentity { topic, partition, .. } = away.identity;
                let topic = self.session.partition(topic, partition);
                sought.entry(topic).or_default().push(*number);
            }
        }
        if is_silent {
            self.warn("cannot bring producers back yet: no answer came");
            self.session.look_ups.next_door();
        }
        let (target, look_ups) = (Arc::clone(&self.target), self.session.look_ups.anew());
        let events = self.events.clone();
        tokio::spawn(errand::search(self.searches, target, look_ups, sought, events));
    }

    fn happened(&mut self, event: Event) -> Result<(), ConnectError> {
        match event {
            Event::Heard(look_ups, search) => {
                self.session.look_ups = look_ups;
                let silent_from = self.after_silence();
                let sought = self.away.values_mut().filter(|away| away.search == Some(search));
                sought.for_each(|away| away.next = away.next.and(Some(silent_from)));
                Ok(())
            }
            Event::Reached(broker, link, producers) => {
                self.create(broker, link, &producers);
                Ok(())
            }
            Event::Answered(broker, link, answers) => self.answered(broker, link, answers),
            Event::Failed(failure, producers) => {
                if failure.step == Step::CreateProducer {
                    self.were_not_created(&producers, &failure.cause);
                }
                self.failed(failure, &producers)
            }
        }
    }

    /// Does something to those of some producers that are away and not being created: of several
    /// searches the first one that succeeds is the one that counts.
    fn each_sought(&mut self, producers: &[u64], mut act: impl FnMut(&mut Away)) {
        for number in producers {
            if let Some(away) = self.away.get_mut(number).filter(|away| away.next.is_some()) {
                act(away);
            }
        }
    }

    /// Creates producers at a broker.
    fn create(&mut self, broker: Broker, link: Box<Link>, producers: &[u64]) {
        let mut patience = CREATED_WITHIN;
        let mut identities = Vec::new();
        self.each_sought(producers, |away| {
            away.next = None;
            patience = patience.max(away.patience());
            identities.push(away.identity.clone());
        });
        if identities.is_empty() {
            return;
        }
        let wanted = identities.iter().map(|identity| self.session.wanted(identity)).collect();
        let (schema, events) = (self.session.schema(), self.events.clone());
        tokio::spawn(errand::create(broker, link, wanted, schema, patience, events));
    }

    /// Notes that nobody creates these producers any more.
    fn were_not_created(&mut self, producers: &[u64], cause: &Cause) {
        for number in producers {
            if let Some(away) = self.away.get_mut(number) {
                away.next = Some(clock::now());
                away.silences += u32::from(cause.is_silence());
            }
        }
    }

    /// Takes what a broker said of each producer.
    fn answered(
        &mut self,
        broker: Broker,
        link: Box<Link>,
        answers: Vec<(u64, Result<(), Cause>)>,
    ) -> Result<(), ConnectError> {
        let (mut producers, mut failed) = (Vec::new(), Vec::new());
        let mut refusal: Option<Cause> = None;
        for (number, answer) in answers {
            match answer {
                Ok(()) => {
                    let away = self.away.remove(&number);
                    self.unproven.insert(number, away.map_or(0, |away| away.attempts) + 1);
                    producers.push(number);
                }
                Err(cause) => {
                    failed.push(number);
                    // One that ends the run is the one to tell.
                    refusal = Some(refusal.filter(Cause::ends_a_run).unwrap_or(cause));
                }
            }
        }
        let address = broker.broker.to_string();
        if !producers.is_empty() {
            self.warned = None;
            drop(self.news.send(News::Back { broker, link, producers }));
        }
        match refusal {
            Some(cause) => {
                self.were_not_created(&failed, &cause);
                self.failed(Failure { step: Step::CreateProducer, address, cause }, &failed)
            }
            None => Ok(()),
        }
    }

    /// Notes that an attempt failed, and when the next one is; unless another one has succeeded
    /// meanwhile.
    fn failed(&mut self, failure: Failure, producers: &[u64]) -> Result<(), ConnectError> {
        let mut attempts = 0;
        self.each_sought(producers, |away| attempts = attempts.max(away.attempts + 1));
        if attempts == 0 {
            return Ok(());
        }
        let Failure { step, address, cause } = failure;
        if cause.ends_a_run() {
            return Err(attempts::error(step, &address, cause, clock::now()));
        }
        self.warn(&format!("cannot {} at {address} yet: {cause}", step.what()));
        if step == Step::LookUp && matches!(cause, Cause::Trouble { .. }) {
            self.session.look_ups.next_door();
        }
        let next = Some(self.after_pause(attempts));
        self.each_sought(producers, |away| {
            (away.attempts, away.next, away.search) = (attempts, next, None);
        });
        Ok(())
    }

    /// Says now and then that it still does not succeed.
    fn warn(&mut self, what: &str) {
        let now = clock::now();
        if self.warned.is_none_or(|warned| now.ns_since(warned) >= WARN_NS) {
            self.warned = Some(now);
            log::warn!("{what}; trying on");
        }
    }
}

#[cfg(test)]
#[path = "recovery/tests.rs"]
mod tests;
