//! Reading several partitions as one, so that none runs ahead of the others by more than the
//! ledgers can tell apart.
//!
//! Of the messages at hand the one that was published first is next. One that would push out of a
//! ledger what other partitions may still bring waits for them, unless they have nothing to say.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::VerifyError;
use super::inspector::Inspector;
use super::inspector::Place;
use super::ledger::Beginning;
use crate::clock;
use crate::clock::Moment;
use crate::connection::ConnectError;
use crate::connection::LinkError;
use crate::connection::MessageId;
use crate::connection::ReadFrom;
use crate::connection::Reader;
use crate::connection::Session;

/// Messages after which the sockets are asked again what has arrived.
const TURN: usize = 64;

/// How long a wait for bytes lasts at most, before the time is looked at.
const WAIT: Duration = Duration::from_millis(20);

/// How long a partition may say nothing, when more of it is known to exist, until it is given up.
const SILENCE_NS_MAX: u64 = 120_000_000_000;

/// How long a partition may say nothing, when nobody knows whether there is more, until the others
/// do not wait for it any more.
const PATIENCE_NS: u64 = 500_000_000;

/// When reading ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// When all is read that was there at the start.
    WhatIsThere,
    /// At a moment, if any, or on the word.
    Live(Option<Moment>),
}

/// How reading ended.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Whether the word came before the end.
    pub(super) is_interrupted: bool,
    /// Partitions that fell silent before their end.
    pub(super) unread: Vec<String>,
}

/// One partition.
struct Source<'a> {
    topic: &'a str,
    number: usize,
    partition: u32,
    partitions: u32,
    reader: Reader,
    /// When the message at the front was published; `None`: there is none.
    front_ms: Option<u64>,
    /// The last message that is wanted.
    last: Option<MessageId>,
    /// Known when the first message has come.
    beginning: Option<Beginning>,
    /// Messages that the broker let go of before the one at the front.
    overrun: u64,
    has_ended: bool,
    /// Since when it has nothing to say.
    silent_since: Moment,
}

/// Everything that is read.
pub(super) struct Reading<'a> {
    session: Session,
    sources: Vec<Source<'a>>,
    until: Until,
    /// How often brokers that say nothing are asked whether they are there.
    keep_alive_ns: u64,
}

impl<'a> Reading<'a> {
    /// Subscribes to every partition of the topics.
    pub(super) async fn start(
        mut session: Session,
        topics: &'a [String],
        until: Until,
        keep_alive_ns: u64,
    ) -> Result<Self, ConnectError> {
        let mut sources = Vec::new();
        for (number, topic) in topics.iter().enumerate() {
            let partitions = session.partitions()[number].max(1);
            for partition in 0..partitions {
                let is_live = until != Until::WhatIsThere;
                let from = if is_live { ReadFrom::Latest } else { ReadFrom::Earliest };
                let reader = session.read((number, partition), from).await?;
                let last = (!is_live).then(|| reader.last_at_start());
                let has_ended = last.is_some_and(|last| last.entry < 0);
                let beginning = is_live.then_some(Beginning::Live);
                let (front_ms, overrun, silent_since) = (None, 0, clock::now());
                sources.push(Source {
                    topic,
                    number,
                    partition,
                    partitions,
                    reader,
                    front_ms,
                    last,
                    beginning,
                    overrun,
                    has_ended,
                    silent_since,
                });
            }
        }
        Ok(Self { session, sources, until, keep_alive_ns })
    }

    /// Reads to the end, and shows every message to `inspector`.
    pub(super) async fn run(
        mut self,
        inspector: &mut Inspector<'_>,
        word: &CancellationToken,
    ) -> Result<Read, VerifyError> {
        let mut read = Read::default();
        while self.sources.iter().any(|source| !source.has_ended) {
            if let Until::Live(Some(end)) = self.until
                && clock::now() >= end
            {
                break;
            }
            if word.is_cancelled() {
                read.is_interrupted = true;
                break;
            }
            let mut has_stalled = false;
            for _ in 0..TURN {
                self.fetch().await?;
                let now_ms = if inspector.latency.is_some() { clock::wall_ms() } else { 0 };
                match self.next(inspector) {
                    Some(next) => self.sources[next].show(inspector, now_ms),
                    None => has_stalled = true,
                }
                if has_stalled {
                    break;
                }
            }
            if has_stalled {
                self.wait(word).await;
                self.ask_silent().await?;
                self.give_up_on_silent(&mut read);
            } else {
                tokio::task::yield_now().await;
            }
        }
        Ok(read)
    }

    /// Has every source bring its next message to the front, if it has arrived.
    async fn fetch(&mut self) -> Result<(), VerifyError> {
        for source in &mut self.sources {
            if source.front_ms.is_some() || source.has_ended {
                continue;
            }
            match source.reader.advance() {
                Ok(false) => {}
                Ok(true) => source.came(),
                Err(error) => source.recover(&mut self.session, &error).await?,
            }
        }
        Ok(())
    }

    /// Returns which source is next: of those that hold nobody up the one whose message was
    /// published first.
    fn next(&self, inspector: &Inspector<'_>) -> Option<usize> {
        let front = |(place, source): (usize, &Source<'_>)| Some((source.front_ms?, place));
        let mut fronts: Vec<_> = self.sources.iter().enumerate().filter_map(front).collect();
        fronts.sort_unstable();
        let (_, first) = *fronts.first()?;
        if self.sources.len() == 1 {
            return Some(first);
        }
        let is_free = |(_, place): &&(u64, usize)| {
            let source = &self.sources[*place];
            let body = source.reader.front().map_or(&[][..], |(_, body)| body);
            source.partitions == 1 || !inspector.would_lose(source.number, body)
        };
        if let Some((_, place)) = fronts.iter().find(is_free) {
            return Some(*place);
        }
        // All of them would push something out: whatever a silent one may bring has to come first.
        let now = clock::now();
        let is_awaited = |source: &Source<'_>| {
            let is_patient =
                self.until == Until::WhatIsThere || now.ns_since(source.silent_since) < PATIENCE_NS;
            source.front_ms.is_none() && !source.has_ended && is_patient
        };
        (!self.sources.iter().any(is_awaited)).then_some(first)
    }

    /// Waits for bytes.
    async fn wait(&self, word: &CancellationToken) {
        let ready = poll_fn(|cx| {
            let silent = self.sources.iter().filter(|it| it.front_ms.is_none() && !it.has_ended);
            // Each is polled, so that each wakes.
            let ready = silent.filter(|source| source.reader.poll_ready(cx).is_ready()).count();
            if ready > 0 { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::select! {
            // When nothing came the time is looked at.
            waited = timeout(WAIT, ready) => drop(waited),
            () = word.cancelled() => {}
        }
    }

    /// Asks brokers that say nothing whether they are there, and leaves those that are not.
    async fn ask_silent(&mut self) -> Result<(), VerifyError> {
        let now = clock::now();
        for source in self.sources.iter_mut().filter(|it| !it.has_ended && it.front_ms.is_none()) {
            if let Err(error) = source.reader.keep_alive(now, self.keep_alive_ns) {
                source.recover(&mut self.session, &error).await?;
            }
        }
        Ok(())
    }

    /// Gives up partitions that do not say what is known to exist.
    fn give_up_on_silent(&mut self, read: &mut Read) {
        if self.until != Until::WhatIsThere {
            return;
        }
        let now = clock::now();
        for source in self.sources.iter_mut().filter(|it| !it.has_ended && it.front_ms.is_none()) {
            if now.ns_since(source.silent_since) >= SILENCE_NS_MAX {
                source.has_ended = true;
                let (topic, partition) = (source.topic, source.partition);
                read.unread.push(format!("{topic}, partition {partition}"));
            }
        }
    }
}

impl Source<'_> {
    /// Notes what has come to the front.
    fn came(&mut self) {
        let Some((id, body)) = self.reader.front() else { return };
        self.front_ms = Some(Inspector::publish_time_ms(body));
        self.overrun = overrun(self.reader.before(), id);
        let beginning = beginning(id, self.reader.has_one_ledger());
        let beginning = self.beginning.get_or_insert(beginning);
        if self.overrun > 0 && *beginning == Beginning::Topic {
            // A producer that comes from now on may have begun in between.
            *beginning = Beginning::Kept;
        }
    }

    /// Shows the message at the front to the inspector, and takes it away.
    fn show(&mut self, inspector: &mut Inspector<'_>, now_ms: u64) {
        let Some((id, body)) = self.reader.front() else { return };
        let Self { topic, number, partition, partitions, .. } = *self;
        let beginning = self.beginning.unwrap_or(Beginning::Kept);
        let overrun = std::mem::take(&mut self.overrun);
        if overrun > 0 {
            inspector.overrun(topic, partition, overrun);
        }
        let place = Place { topic, number, partition, partitions, id, beginning };
        let records = inspector.inspect(&place, body, now_ms);
        self.reader.take(records);
        self.front_ms = None;
        self.has_ended = self.last.is_some_and(|last| id >= last);
        self.silent_since = clock::now();
    }

    /// Subscribes again behind what was taken last.
    async fn recover(
        &mut self,
        session: &mut Session,
        error: &LinkError,
    ) -> Result<(), VerifyError> {
        let (topic, partition) = (self.topic, self.partition);
        let is_live = self.last.is_none();
        let behind = self.reader.behind();
        let from = if behind.entry == i64::MAX {
            ReadFrom::Latest
        } else if behind.entry < 0 {
            ReadFrom::Earliest
        } else {
            ReadFrom::Behind(behind)
        };
        let skips =
            if from == ReadFrom::Latest { "; what comes until then is not read" } else { "" };
        log::warn!("{topic}, partition {partition}: {error}; subscribing again{skips}");
        self.reader = session.read_again((self.number, partition), from, is_live).await?;
        self.front_ms = None;
        self.silent_since = clock::now();
        Ok(())
    }
}

/// Returns how many messages the broker passed over between two of a partition: the entries of a
/// ledger have their numbers without a gap. What a ledger had that is gone as a whole is not known.
fn overrun(before: MessageId, id: MessageId) -> u64 {
    let jump = id.entry.saturating_sub(before.entry).saturating_sub(1);
    if id.ledger == before.ledger { u64::try_from(jump).unwrap_or_default() } else { 0 }
}

/// Returns what is known of what was before the first message of a partition. Pulsar lets go of
/// whole ledgers, so that its first entry tells nothing of older ones.
fn beginning(first: MessageId, has_one_ledger: bool) -> Beginning {
    if has_one_ledger && first.entry == 0 { Beginning::Topic } else { Beginning::Kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(ledger: i64, entry: i64) -> MessageId {
        MessageId { ledger, entry }
    }

    #[test]
    fn a_jump_within_a_ledger_is_what_was_passed_over() {
        assert_eq!(overrun(id(3, 7), id(3, 8)), 0);
        assert_eq!(overrun(id(3, 7), id(3, 18)), 10);
        assert_eq!(overrun(id(3, -1), id(3, 2)), 2, "nothing was there when reading began");
        assert_eq!(overrun(id(3, 7), id(5, 0)), 0);
        assert_eq!(overrun(id(-1, -1), id(5, 9)), 0);
        assert_eq!(overrun(id(3, 7), id(3, 7)), 0);
    }

    #[test]
    fn where_ledgers_are_let_go_of_the_first_entry_is_not_known_to_be_the_topics_first() {
        assert_eq!(beginning(id(1, 0), true), Beginning::Topic);
        assert_eq!(beginning(id(1, 4), true), Beginning::Kept);
        assert_eq!(beginning(id(9, 0), false), Beginning::Kept);
    }
}
