//! What is done for producers that are away, each errand a task of its own: one that nobody answers
//! holds up no other, and may be answered yet while the next one is on its way.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use pulsar::proto::Schema;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;

use super::super::Broker;
use super::super::Cause;
use super::super::Link;
use super::super::Step;
use super::super::Target;
use super::super::link::Wanted;
use super::super::look_up::LookUps;

/// How long a cluster may take to answer that is there and slow.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(30);

/// What came of an errand, with the numbers of the producers that it was for.
pub(super) enum Event {
    /// A look-up of the search with this number was answered, by way of this door.
    Heard(LookUps, u64),
    /// A broker was reached that serves them.
    Reached(Broker, Box<Link>, Vec<u64>),
    /// The broker said of each whether it has it now.
    Answered(Broker, Box<Link>, Vec<(u64, Result<(), Cause>)>),
    /// Nothing.
    Failed(Failure, Vec<u64>),
}

/// What failed, and where.
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) address: String,
    pub(super) cause: Cause,
}

/// Looks topics up, one after the other, and connects to the brokers that serve them, to all at the
/// same time. `sought` has the producers of each topic.
pub(super) async fn search(
    number: u64,
    target: Arc<Target>,
    mut look_ups: LookUps,
    sought: BTreeMap<String, Vec<u64>>,
    events: UnboundedSender<Event>,
) {
    // Whoever does not listen any more has ended.
    let tell = |event| drop(events.send(event));
    let mut left: VecDeque<(String, Vec<u64>)> = sought.into_iter().collect();
    let mut groups: Vec<(Broker, Vec<u64>)> = Vec::new();
    while let Some((topic, mut producers)) = left.pop_front() {
        let address = look_ups.door(&target).to_string();
        let asked = timeout(ANSWER_MAX, look_ups.broker_of(&target, &topic)).await;
        match asked.unwrap_or_else(|_| Err(Cause::silence(Step::LookUp))) {
            Ok(broker) => {
                tell(Event::Heard(look_ups.anew(), number));
                match groups.iter_mut().find(|(known, _)| *known == broker) {
                    Some((_, group)) => group.extend(producers),
                    None => groups.push((broker, producers)),
                }
            }
            Err(cause) => {
                // A door that does not answer for one does not answer for the next.
                if matches!(cause, Cause::Trouble { .. }) {
                    producers.extend(left.drain(..).flat_map(|(_, others)| others));
                }
                tell(Event::Failed(Failure { step: Step::LookUp, address, cause }, producers));
            }
        }
    }
    // Nobody reads these links from here on.
    look_ups.hang_up();
    let target = &target;
    let reached = groups.into_iter().map(async |(broker, producers)| {
        let opened = timeout(ANSWER_MAX, broker.link(target)).await;
        match opened.unwrap_or_else(|_| Err(Cause::silence(Step::Connect))) {
            Ok(link) => tell(Event::Reached(broker, link.into(), producers)),
            Err(cause) => {
                let address = broker.door.to_string();
                tell(Event::Failed(Failure { step: Step::Connect, address, cause }, producers));
            }
        }
    });
    join_all(reached).await;
}

/// Creates producers over a link to their broker.
pub(super) async fn create(
    broker: Broker,
    mut link: Box<Link>,
    wanted: Vec<Wanted>,
    schema: Schema,
    patience: Duration,
    events: UnboundedSender<Event>,
) {
    let asked: Vec<_> = wanted.iter().collect();
    let created = timeout(patience, link.create_producers(&asked, &schema)).await;
    let numbers = wanted.iter().map(|wanted| wanted.number);
    let event = match created.unwrap_or_else(|_| Err(Cause::silence(Step::CreateProducer))) {
        Ok(answers) => {
            let answers = answers.into_iter().map(|answer| answer.map(|_| ()));
            Event::Answered(broker, link, numbers.zip(answers).collect())
        }
        Err(cause) => {
            let address = broker.broker.to_string();
            let failure = Failure { step: Step::CreateProducer, address, cause };
            Event::Failed(failure, numbers.collect())
        }
    };
    drop(events.send(event));
}
