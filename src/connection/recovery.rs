//! Brings producers back that were lost: looks their topics up again, connects, and creates them
//! under their names, until that succeeds or no retry can mend it.
//!
//! It works beside the connections that still serve, as a task of the publisher's runtime: what was
//! lost goes in, links with producers on them come out. A link always is a new one: over an old one
//! the broker may still answer what was sent before.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use super::Broker;
use super::Cause;
use super::ConnectError;
use super::Link;
use super::ProducerIdentity;
use super::Session;
use super::Step;
use super::attempts;
use crate::clock;
use crate::clock::Moment;

/// The longest pause before the first attempt: producers that are lost one after the other come
/// back together.
const PAUSE_NS_MIN: u64 = 20_000_000;

/// The longest pause between two attempts.
const PAUSE_NS_MAX: u64 = 500_000_000;

/// How long the first attempts may take; those after a silence more, for a cluster that is slow.
const ANSWER_MIN: Duration = Duration::from_secs(2);

/// How long any attempt may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How often the log says that it still does not succeed.
const WARN_NS: u64 = 10_000_000_000;

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
    lost: UnboundedSender<ProducerIdentity>,
    /// What the task says.
    pub news: UnboundedReceiver<News>,
}

impl Recovery {
    /// Starts the task on the runtime that this is called in. It ends with the run.
    #[must_use]
    pub fn start(mut session: Session) -> Self {
        session.look_ups.hang_up();
        let (lost, reported) = unbounded_channel();
        let (sender, news) = unbounded_channel();
        let away = Vec::new();
        let task = Task { session, away, news: sender, jitter: fastrand::Rng::new(), warned: None };
        tokio::spawn(task.run(reported));
        Self { lost, news }
    }

    /// Reports a lost producer; its epoch is that of its next life.
    pub fn report(&self, lost: ProducerIdentity) {
        // A task that has ended has said why, and the run ends with it.
        drop(self.lost.send(lost));
    }
}

/// A producer that is not back yet.
struct Away {
    identity: ProducerIdentity,
    attempts: u32,
    /// How many of them nobody answered.
    silences: u32,
    next: Moment,
}

impl Away {
    /// Returns how long the next attempt may take.
    fn patience(&self) -> Duration {
        (ANSWER_MIN * 2_u32.saturating_pow(self.silences.min(10))).min(ANSWER_MAX)
    }
}

struct Task {
    session: Session,
    away: Vec<Away>,
    news: UnboundedSender<News>,
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
    async fn run(mut self, mut reported: UnboundedReceiver<ProducerIdentity>) {
        loop {
            let next = self.away.iter().map(|away| away.next).min();
            let due = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next.instant().into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                lost = reported.recv() => match lost {
                    Some(identity) => self.lost(identity),
                    None => return,
                },
                () = due => if let Err(error) = self.attempt().await {
                    // Whoever does not listen any more has ended.
                    drop(self.news.send(News::Final(error)));
                    return;
                },
            }
        }
    }

    /// Takes up a producer: together with those that were lost just before it, if there are any.
    fn lost(&mut self, identity: ProducerIdentity) {
        let just_before = self.away.iter().find(|away| away.attempts == 0).map(|away| away.next);
        let next = just_before.unwrap_or_else(|| self.after_pause(0));
        self.away.push(Away { identity, attempts: 0, silences: 0, next });
    }

    fn after_pause(&mut self, attempts: u32) -> Moment {
        clock::now().plus_ns(pause_ns(attempts, &mut self.jitter))
    }

    /// Tries to bring back those that are due.
    async fn attempt(&mut self) -> Result<(), ConnectError> {
        let now = clock::now();
        let mut due: Vec<_> = self.away.extract_if(.., |away| away.next <= now).collect();
        let mut brokers = BTreeMap::new();
        let mut groups: Vec<(Broker, Vec<Away>)> = Vec::new();
        while let Some(away) = due.pop() {
            let at = (away.identity.topic, away.identity.partition);
            if let Entry::Vacant(unknown) = brokers.entry(at) {
                match self.broker_of(&away).await {
                    Ok(broker) => drop(unknown.insert(broker)),
                    Err(cause) => {
                        let mut failed = vec![away];
                        // A door that does not answer for one does not answer for the next.
                        if matches!(cause, Cause::Trouble { .. }) {
                            failed.append(&mut due);
                        }
                        let address = self.session.look_ups.door(&self.session.target).to_string();
                        self.failed(failed, Step::LookUp, &address, cause)?;
                        continue;
                    }
                }
            }
            let broker = &brokers[&at];
            match groups.iter_mut().find(|(known, _)| known == broker) {
                Some((_, group)) => group.push(away),
                None => groups.push((broker.clone(), vec![away])),
            }
        }
        // The next attempt may be long after this one, and nobody reads these links meanwhile.
        self.session.look_ups.hang_up();
        for (broker, group) in groups {
            self.bring_back(broker, group).await?;
        }
        Ok(())
    }

    async fn broker_of(&mut self, away: &Away) -> Result<Broker, Cause> {
        let ProducerIdentity { topic, partition, .. } = away.identity;
        let topic = self.session.partition(topic, partition);
        let Session { target, look_ups, .. } = &mut self.session;
        let looked_up = timeout(away.patience(), look_ups.broker_of(target, &topic)).await;
        looked_up.unwrap_or_else(|_| {
            look_ups.next_door();
            Err(Cause::silence(Step::LookUp))
        })
    }

    /// Connects to a broker and creates these producers there.
    async fn bring_back(&mut self, broker: Broker, group: Vec<Away>) -> Result<(), ConnectError> {
        let patience = group.iter().map(Away::patience).max().unwrap_or(ANSWER_MIN);
        let opened = timeout(patience, broker.link(&self.session.target)).await;
        let mut link = match opened.unwrap_or_else(|_| Err(Cause::silence(Step::Connect))) {
            Ok(link) => link,
            Err(cause) => {
                return self.failed(group, Step::Connect, &broker.door.to_string(), cause);
            }
        };
        let wanted: Vec<_> = group.iter().map(|away| self.session.wanted(&away.identity)).collect();
        let (asked, schema) = (wanted.iter().collect::<Vec<_>>(), self.session.schema());
        let created = timeout(patience, link.create_producers(&asked, &schema)).await;
        let created = created.unwrap_or_else(|_| Err(Cause::silence(Step::CreateProducer)));
        let address = broker.broker.to_string();
        let answers = match created {
            Ok(answers) => answers,
            Err(cause) => return self.failed(group, Step::CreateProducer, &address, cause),
        };
        let (mut producers, mut failed) = (Vec::new(), Vec::new());
        let mut refusal: Option<Cause> = None;
        for (away, answer) in group.into_iter().zip(answers) {
            match answer {
                Ok(_) => producers.push(away.identity.number),
                Err(cause) => {
                    failed.push(away);
                    // One that ends the run is the one to tell.
                    refusal = Some(refusal.filter(Cause::ends_a_run).unwrap_or(cause));
                }
            }
        }
        if !producers.is_empty() {
            self.warned = None;
            drop(self.news.send(News::Back { broker, link: Box::new(link), producers }));
        }
        match refusal {
            Some(cause) => self.failed(failed, Step::CreateProducer, &address, cause),
            None => Ok(()),
        }
    }

    /// Notes that an attempt failed, and when the next one is.
    fn failed(
        &mut self,
        group: Vec<Away>,
        step: Step,
        address: &str,
        cause: Cause,
    ) -> Result<(), ConnectError> {
        let now = clock::now();
        if cause.ends_a_run() {
            return Err(attempts::error(step, address, cause, now));
        }
        if self.warned.is_none_or(|warned| now.ns_since(warned) >= WARN_NS) {
            self.warned = Some(now);
            log::warn!("cannot {} at {address} yet: {cause}; trying on", step.what());
        }
        let attempts = group.iter().map(|away| away.attempts + 1).max().unwrap_or_default();
        let next = self.after_pause(attempts);
        let silences = u32::from(cause.is_silence());
        let group = group.into_iter().map(|away| Away {
            attempts,
            silences: away.silences + silences,
            next,
            ..away
        });
        self.away.extend(group);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_that_lost_the_same_broker_come_back_one_by_one() {
        for attempts in 0..12 {
            let mut pauses: Vec<_> =
                (0..50).map(|pod| pause_ns(attempts, &mut fastrand::Rng::with_seed(pod))).collect();
            pauses.sort_unstable();
            let (first, last) = (pauses[0], pauses[49]);
            assert!(last <= PAUSE_NS_MAX, "{attempts}: {last}");
            // However the fifty are cut into ten slices of time, none has half of them.
            let slice = (last - first) / 10 + 1;
            let fullest = (0..10).map(|n| {
                let slice = first + n * slice..first + (n + 1) * slice;
                pauses.iter().filter(|pause| slice.contains(pause)).count()
            });
            assert!(fullest.max().unwrap() < 20, "{attempts}: {pauses:?}");
            assert!(attempts == 0 || last - first >= first / 2, "{attempts}: {pauses:?}");
        }
    }
}
