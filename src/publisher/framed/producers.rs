//! The producers of the `framed` transport, each with its batches that have no answer yet.
//!
//! A batch waits here until its receipt comes, whatever becomes of the connection meanwhile: a
//! producer that comes back sends again what has no answer, the same bytes in the same order.

use std::collections::VecDeque;

use crate::connection::LinkError;
use crate::connection::Lost;
use crate::connection::ProducerIdentity;

use super::super::outstanding::Outstanding;

/// One producer.
struct Producer {
    /// Its epoch is that of its next life.
    identity: ProducerIdentity,
    /// The place of its line; `None` while it is away.
    line: Option<usize>,
    /// Written whole over that line, in order.
    in_flight: VecDeque<Outstanding>,
    /// While it is away, what is to be sent once it is back, in order.
    waiting: VecDeque<Outstanding>,
    /// Whether a receipt came since it was last lost.
    is_proven: bool,
    /// The last index that has its fate: older answers repeat what is known.
    settled: Option<u64>,
}

/// All producers, by their numbers.
pub(super) struct Producers {
    all: Vec<Producer>,
    /// Batches without a fate.
    unsettled: usize,
    /// Those that were lost and not reported yet.
    lost: Vec<Lost>,
}

impl Producers {
    /// Takes producers that were created, each with the place of its line.
    pub(super) fn new(created: impl IntoIterator<Item = (ProducerIdentity, usize)>) -> Self {
        let all = created.into_iter().map(|(identity, line)| Producer {
            identity: ProducerIdentity { epoch: identity.epoch + 1, ..identity },
            line: Some(line),
            in_flight: VecDeque::new(),
            waiting: VecDeque::new(),
            is_proven: false,
            settled: None,
        });
        Self { all: all.collect(), unsettled: 0, lost: Vec::new() }
    }

    /// Returns whether every batch has its fate.
    pub(super) const fn are_settled(&self) -> bool {
        self.unsettled == 0
    }

    /// Takes a batch that was handed over; returns it with the line that it goes to, unless its
    /// producer is away.
    pub(super) fn take(&mut self, outstanding: Outstanding) -> Option<(usize, Outstanding)> {
        let number = outstanding.producer()?;
        let producer = self.all.get_mut(number)?;
        self.unsettled += 1;
        let Some(line) = producer.line else {
            producer.waiting.push_back(outstanding);
            return None;
        };
        Some((line, outstanding))
    }

    /// Notes that a batch was written whole.
    pub(super) fn sent(&mut self, outstanding: Outstanding) {
        let producer = outstanding.producer().and_then(|number| self.all.get_mut(number));
        if let Some(producer) = producer {
            producer.in_flight.push_back(outstanding);
        }
    }

    fn get(&mut self, producer_id: u64) -> Result<&mut Producer, LinkError> {
        let number = usize::try_from(producer_id).unwrap_or(usize::MAX);
        let producer = self.all.get_mut(number);
        producer.ok_or(LinkError::Malformed("an answer to a producer that there is not"))
    }

    /// Counts the producer's first batch as confirmed. Receipts of a producer come in the order of
    /// its batches; one of a batch that has its fate already, or that came over a line which the
    /// producer has left, repeats what is known or will be said again.
    pub(super) fn acknowledged(
        &mut self,
        line: usize,
        producer_id: u64,
        sequence_id: u64,
    ) -> Result<(), LinkError> {
        let producer = self.get(producer_id)?;
        let is_it = |first: &mut Outstanding| {
            first.batch().is_some_and(|batch| batch.first_index == sequence_id)
        };
        let first = producer.in_flight.pop_front_if(is_it);
        // The broker may still answer a producer that it has closed.
        let first = first
            .or_else(|| producer.waiting.pop_front_if(|first| first.is_sent() && is_it(first)));
        match first {
            Some(first) => {
                producer.settled = first.batch().map(|batch| batch.last_index);
                producer.is_proven = true;
                first.acknowledged();
                self.unsettled -= 1;
                Ok(())
            }
            None if producer.settled.is_some_and(|settled| sequence_id <= settled) => Ok(()),
            None if producer.line != Some(line) => Ok(()),
            None => Err(LinkError::Malformed("a receipt of a batch that was not sent")),
        }
    }

    /// Counts a batch as refused for good. The broker refuses some before it has stored those ahead
    /// of them, and names a batch by its first record or by its last
    /// (`MessagePublishContext.completed` in Pulsar's `Producer.java`).
    pub(super) fn refused(&mut self, producer_id: u64, sequence_id: u64) -> Result<(), LinkError> {
        let producer = self.get(producer_id)?;
        let is_it = |outstanding: &Outstanding| {
            let batch = outstanding.batch();
            batch.is_some_and(|it| [it.first_index, it.last_index].contains(&sequence_id))
        };
        let refused =
            [&mut producer.in_flight, &mut producer.waiting].into_iter().find_map(|all| {
                let place = all.iter().position(is_it)?;
                all.remove(place)
            });
        let refused = refused.ok_or(LinkError::Malformed("a refusal of a batch not sent"))?;
        refused.refused(usize::MAX);
        self.unsettled -= 1;
        Ok(())
    }

    /// Returns the numbers of the producers on a line.
    pub(super) fn on_line(&self, line: usize) -> Vec<usize> {
        let all = self.all.iter().enumerate();
        all.filter(|(_, producer)| producer.line == Some(line)).map(|(number, _)| number).collect()
    }

    /// Returns each producer that is on a line, with that.
    pub(super) fn places(&self) -> impl Iterator<Item = (u64, usize)> {
        (0..).zip(&self.all).filter_map(|(number, producer)| Some((number, producer.line?)))
    }

    /// Takes a producer off a line with what that has not written yet, if it is on it.
    pub(super) fn lose(&mut self, number: usize, line: usize, unsent: VecDeque<Outstanding>) {
        let producer = self.all.get_mut(number).filter(|producer| producer.line == Some(line));
        let Some(producer) = producer else { return };
        producer.line = None;
        producer.waiting = std::mem::take(&mut producer.in_flight);
        producer.waiting.extend(unsent);
        producer.waiting.iter_mut().for_each(Outstanding::send_again);
        let is_proven = std::mem::take(&mut producer.is_proven);
        self.lost.push(Lost { identity: producer.identity.clone(), is_proven });
        producer.identity.epoch += 1;
    }

    /// Returns the producers that were lost since the last time.
    pub(super) fn newly_lost(&mut self) -> Vec<Lost> {
        std::mem::take(&mut self.lost)
    }

    /// Puts a producer on a line; returns what is to be sent over it first.
    pub(super) fn back(&mut self, number: u64, line: usize) -> VecDeque<Outstanding> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(producer) = self.all.get_mut(number) else { return VecDeque::new() };
        producer.line = Some(line);
        std::mem::take(&mut producer.waiting)
    }

    /// Gives up on batches for which `is_over` holds. `unsent` is what a line has not written yet.
    pub(super) fn give_up(
        &mut self,
        unsent: impl IntoIterator<Item = Outstanding>,
        is_over: impl Fn(&Outstanding) -> bool,
    ) {
        for producer in &mut self.all {
            for queue in [&mut producer.in_flight, &mut producer.waiting] {
                while let Some(first) = queue.pop_front_if(|first| is_over(first)) {
                    self.unsettled -= 1;
                    producer.settled = first.batch().map(|batch| batch.last_index);
                    first.given_up();
                }
            }
        }
        for outstanding in unsent {
            let producer = outstanding.producer().and_then(|number| self.all.get_mut(number));
            if let (Some(producer), Some(batch)) = (producer, outstanding.batch()) {
                self.unsettled -= 1;
                producer.settled = Some(batch.last_index);
            }
            outstanding.given_up();
        }
    }
}
