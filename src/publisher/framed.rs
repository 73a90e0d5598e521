//! The `framed` transport: moves the lanes' finished frames to the brokers and reads receipts.
//!
//! One task serves every connection. It takes what was handed over, writes as much as the sockets
//! take, reads what has arrived, and sleeps until a lane rings or a socket is ready. A frame is
//! written from the buffer that the lane filled: nothing is copied, and nothing is allocated for a
//! batch. What is lost, a connection or a single producer, is brought back beside it.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::future;
use std::pin::Pin;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use crate::batch::ProducerHead;
use crate::clock;
use crate::clock::Moment;
use crate::connection::Broker;
use crate::connection::ConnectError;
use crate::connection::Link;
use crate::connection::LinkError;
use crate::connection::News;
use crate::connection::Placed;
use crate::connection::ProducerIdentity;
use crate::connection::Recovery;
use crate::connection::Session;
use crate::connection::Taken;
use crate::connection::close_producer;
use crate::connection::ping;
use crate::handover::Next;
use crate::handover::PublisherEnd;
use crate::plan::Plan;
use crate::stats::PublisherCounters;
use crate::stats::Wait;
use crate::stop::StopHandle;
use crate::units::counted;

use super::outstanding::Accounting;
use super::outstanding::Outstanding;

mod alarms;
mod line;
mod producers;

use alarms::Alarms;
use line::Line;
use producers::Producers;

/// How long the broker may take to close the producers at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The connections and the producers on them.
pub(super) struct Framed {
    /// By place, which a line keeps; a place that is empty is used again.
    lines: Vec<Option<Line>>,
    producers: Producers,
    heads: Vec<ProducerHead>,
    keep_alive_ns: u64,
    /// How long a batch may take; 0: as long as it takes.
    send_timeout_ns: u64,
}

impl Framed {
    /// Opens a connection to every broker that serves a partition, and creates the producers.
    pub(super) async fn create(
        plan: &Plan,
        session: &mut Session,
        observe: &mut dyn FnMut(Taken),
    ) -> Result<Self, ConnectError> {
        let mut opened: Vec<(Broker, Link, Vec<ProducerIdentity>)> = Vec::new();
        // By topic and partition, the place of the link to its broker.
        let mut places = Vec::new();
        for topic in 0..session.topics() {
            let mut of_topic = Vec::new();
            for partition in 0..session.partitions()[topic].max(1) {
                let broker = session.broker_of(topic, partition).await?;
                let known = opened.iter().position(|(known, ..)| *known == broker);
                if known.is_none() {
                    let link = session.open_link(&broker).await?;
                    opened.push((broker, link, Vec::new()));
                }
                of_topic.push(known.unwrap_or(opened.len() - 1));
            }
            places.push(of_topic);
        }
        for (stream, route) in (0..).zip(plan.routing(session.partitions()).routes()) {
            let topic = route.topic as usize;
            for partition in 0..route.partitions {
                let (name, number) = (plan.stream_name(stream), route.producer(partition).into());
                let identity = ProducerIdentity { number, name, topic, partition, epoch: 0 };
                opened[places[topic][partition as usize]].2.push(identity);
            }
        }
        let (mut created, mut lines) = (Vec::new(), Vec::new());
        for (broker, link, identities) in opened {
            let all = session.create_framed_producers(broker, link, identities, observe).await?;
            for (broker, link, made) in all.into_iter().map(Placed::into_parts) {
                created.extend(made.into_iter().map(|made| (made, lines.len())));
                lines.push(Some(Line::new(broker, link)));
            }
        }
        observe(session.schema_registered());
        created.sort_by_key(|((identity, _), _)| identity.number);
        let heads = created.iter().map(|((_, head), _)| head.clone()).collect();
        let producers =
            Producers::new(created.into_iter().map(|((identity, _), place)| (identity, place)));
        let Plan { keep_alive_ns, send_timeout_ns, .. } = *plan;
        Ok(Self { lines, producers, heads, keep_alive_ns, send_timeout_ns })
    }

    /// Returns what the broker answered for each producer.
    pub(super) fn heads(&self) -> &[ProducerHead] {
        &self.heads
    }

    /// Returns how many bytes every broker takes in one message.
    pub(super) fn message_bytes_max(&self) -> usize {
        let sizes = self.lines.iter().flatten().map(|line| line.link.message_bytes_max());
        sizes.min().unwrap_or(usize::MAX)
    }

    /// Serves until every lane has ended and every receipt has come, it is cancelled, or the
    /// cluster refuses for good. Whatever the end, the lanes are stopped and have ended when this
    /// returns, so that every batch is counted.
    pub(super) async fn serve(
        mut self,
        session: Session,
        end: PublisherEnd,
        accounting: Accounting,
        stop: &StopHandle,
        cancel: &CancellationToken,
    ) -> Result<(), String> {
        let mut recovery = Recovery::start(session);
        let served = tokio::select! {
            served = self.keep_serving(&mut recovery, &end, &accounting) => served,
            () = cancel.cancelled() => Ok(()),
        };
        stop.set();
        let is_clean = served.is_ok() && !cancel.is_cancelled();
        if is_clean {
            // What the broker has not said by then takes nothing away from the receipts.
            tokio::time::timeout(CLOSE_TIMEOUT, self.close()).await.ok();
        }
        // What is held still is counted where it is dropped.
        drop(self);
        while let Some(batch) = end.next().await {
            drop(Outstanding::new(batch, clock::now(), accounting.clone()));
        }
        served
    }

    async fn keep_serving(
        &mut self,
        recovery: &mut Recovery,
        end: &PublisherEnd,
        accounting: &Accounting,
    ) -> Result<(), String> {
        let mut alarms = Alarms::new(clock::now(), self.keep_alive_ns, self.send_timeout_ns);
        let mut alarm = pin!(tokio::time::sleep_until(alarms.next().instant().into()));
        let counters = &accounting.stats.publisher;
        // Whether the runtime has looked at the sockets since they were last served.
        let mut is_fresh = true;
        loop {
            let now = clock::now();
            let have_ended = self.take_over(end, accounting, now);
            let mut is_busy = self.serve_lines(counters)?;
            while let Ok(news) = recovery.news.try_recv() {
                self.hear(news, counters)?;
                is_busy = true;
            }
            if now >= alarms.next() {
                if alarms.ask(now) {
                    self.ask(counters);
                }
                if alarms.expire(now) {
                    self.expire(now);
                }
                alarm.as_mut().reset(alarms.next().instant().into());
            }
            self.report_lost(recovery, counters);
            if have_ended && self.producers.are_settled() {
                return Ok(());
            }
            if is_busy {
                // Mostly there is nothing left to do then but to sleep, where the runtime looks
                // too; a bell that always rings would keep it from that.
                if !is_fresh {
                    tokio::task::yield_now().await;
                }
                is_fresh = !is_fresh;
                continue;
            }
            let wait = self.wait(counters).inspect(|wait| wait.begin(clock::now()));
            let (news, is_looked) = self.sleep(end, have_ended, recovery, alarm.as_mut()).await;
            wait.inspect(|wait| wait.end(clock::now()));
            if let Some(news) = news {
                self.hear(news, counters)?;
            }
            is_fresh |= is_looked;
        }
    }

    /// Takes every batch that was handed over; returns whether there will be no more.
    fn take_over(&mut self, end: &PublisherEnd, accounting: &Accounting, now: Moment) -> bool {
        loop {
            match end.try_next() {
                Next::Batch(batch) => {
                    let outstanding = Outstanding::new(batch, now, accounting.clone());
                    if let Some((place, outstanding)) = self.producers.take(outstanding)
                        && let Some(line) = &mut self.lines[place]
                    {
                        line.unsent.push_back(outstanding);
                    }
                }
                Next::Nothing => return false,
                Next::Ended => return true,
            }
        }
    }

    /// Writes and reads whatever the sockets let; returns whether they did. A line that fails is
    /// given up; what the broker refuses for good ends it all.
    fn serve_lines(&mut self, counters: &PublisherCounters) -> Result<bool, String> {
        let mut is_busy = false;
        for place in 0..self.lines.len() {
            let Some(line) = &mut self.lines[place] else { continue };
            let written = line.write(&mut self.producers);
            // A broker that closes a connection may have said why.
            let read = line.read(place, &mut self.producers);
            match (written, read) {
                (_, Err(error @ LinkError::Final(_))) => return Err(error.to_string()),
                (Ok(is_written), Ok(is_read)) => is_busy |= is_written || is_read,
                (Err(error), _) | (_, Err(error)) => {
                    self.lose(place, &error, counters);
                    is_busy = true;
                }
            }
        }
        Ok(is_busy)
    }

    /// Gives a line up, with the producers on it.
    fn lose(&mut self, place: usize, error: &LinkError, counters: &PublisherCounters) {
        let Some(line) = self.lines[place].take() else { return };
        counters.connections_lost.add(1);
        log::warn!("the connection to {} is lost: {error}", line.broker);
        let mut unsent: BTreeMap<usize, VecDeque<Outstanding>> = BTreeMap::new();
        for outstanding in line.unsent {
            let number = outstanding.producer().unwrap_or_default();
            unsent.entry(number).or_default().push_back(outstanding);
        }
        for number in self.producers.on_line(place) {
            self.producers.lose(number, place, unsent.remove(&number).unwrap_or_default());
        }
    }

    /// Has those brought back that were lost since the last time.
    fn report_lost(&mut self, recovery: &Recovery, counters: &PublisherCounters) {
        let lost = self.producers.newly_lost();
        if let [first, others @ ..] = &lost[..] {
            counters.producers_lost.add(lost.len() as u64);
            let others = match others.len() {
                0 => String::new(),
                n => format!(" and {}", counted(n as u64, "other")),
            };
            log::warn!("lost producer {}{others}; creating anew", first.identity.name);
        }
        for lost in lost {
            recovery.report(lost);
        }
    }

    /// Takes producers that are back, and sends what has no receipt.
    fn hear(&mut self, news: News, counters: &PublisherCounters) -> Result<(), String> {
        let (broker, link, numbers) = match news {
            News::Back { broker, link, producers } => (broker, link, producers),
            News::Final(error) => return Err(error.to_string()),
        };
        let free = self.lines.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.lines.push(None);
            self.lines.len() - 1
        });
        let mut back = Line::new(broker, *link);
        for number in &numbers {
            back.unsent.extend(self.producers.back(*number, place));
        }
        counters.producers_back.add(numbers.len() as u64);
        let producers = counted(numbers.len() as u64, "producer");
        let batches = counted(back.unsent.len() as u64, "batch");
        log::info!("{producers} back on {}, {batches} waited", back.broker);
        self.lines[place] = Some(back);
        // Over a line without producers nothing comes that matters.
        for (place, line) in self.lines.iter_mut().enumerate() {
            if self.producers.on_line(place).is_empty() {
                *line = None;
            }
        }
        Ok(())
    }

    /// Sleeps until a lane rings, a socket is ready, there is news, or the alarm goes off; also
    /// returns whether the runtime has looked at the sockets: not if it was ready at once.
    async fn sleep(
        &self,
        end: &PublisherEnd,
        have_ended: bool,
        recovery: &mut Recovery,
        mut alarm: Pin<&mut Sleep>,
    ) -> (Option<News>, bool) {
        let mut rung = pin!(end.rung());
        let mut polls = 0;
        let news = future::poll_fn(|cx| {
            polls += 1;
            let mut is_ready = !have_ended && rung.as_mut().poll(cx).is_ready();
            for line in self.lines.iter().flatten() {
                is_ready |= line.link.poll_ready(cx, line.is_full()).is_ready();
            }
            is_ready |= alarm.as_mut().poll(cx).is_ready();
            match recovery.news.poll_recv(cx) {
                Poll::Ready(Some(news)) => Poll::Ready(Some(news)),
                _ if is_ready => Poll::Ready(None),
                _ => Poll::Pending,
            }
        });
        (news.await, polls > 1)
    }

    /// Returns what a sleep is for: room in a socket, or receipts, if for either.
    fn wait<'a>(&self, counters: &'a PublisherCounters) -> Option<&'a Wait> {
        if self.lines.iter().flatten().any(Line::is_full) {
            return Some(&counters.socket_wait);
        }
        (!self.producers.are_settled()).then_some(&counters.receipt_wait)
    }

    /// Asks every broker whether it is there; one that has said nothing since it was last asked is
    /// taken to be lost.
    fn ask(&mut self, counters: &PublisherCounters) {
        for place in 0..self.lines.len() {
            let Some(line) = &mut self.lines[place] else { continue };
            if std::mem::take(&mut line.is_heard) {
                line.control.extend(ping());
            } else {
                let silent = LinkError::Silent(self.keep_alive_ns);
                self.lose(place, &silent, counters);
            }
        }
    }

    /// Gives up on batches that have waited longer than the send timeout.
    fn expire(&mut self, now: Moment) {
        let is_over = |batch: &Outstanding| batch.waited_ns(now) >= self.send_timeout_ns;
        let lines = self.lines.iter_mut().flatten();
        let unsent: Vec<_> = lines.flat_map(|line| line.take_out(is_over)).collect();
        self.producers.give_up(unsent, is_over);
    }

    /// Closes every producer and waits for the brokers' word.
    pub(super) async fn close(&mut self) {
        let mut open = 0;
        for (number, place) in self.producers.places() {
            if let Some(line) = &mut self.lines[place] {
                line.control.extend(close_producer(number, u64::MAX - number));
                open += 1;
            }
        }
        let closed: Result<(), LinkError> = async {
            while open > 0 {
                for line in self.lines.iter_mut().flatten() {
                    line.write(&mut self.producers)?;
                    line.link.read()?;
                    while let Some(command) = line.link.next_command()? {
                        open -= usize::from(command.success.is_some() || command.error.is_some());
                    }
                }
                if open > 0 {
                    future::poll_fn(|cx| {
                        let ready =
                            |line: &Line| line.link.poll_ready(cx, line.is_full()).is_ready();
                        let is_ready = self.lines.iter().flatten().any(ready);
                        if is_ready { Poll::Ready(()) } else { Poll::Pending }
                    })
                    .await;
                }
            }
            Ok(())
        }
        .await;
        if let Err(error) = closed {
            log::debug!("the producers were not closed: {error}");
        }
    }
}
