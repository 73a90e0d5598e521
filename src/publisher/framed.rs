//! The `framed` transport: moves the lanes' finished frames to the brokers and reads receipts.
//!
//! One task serves every connection. It takes what was handed over, writes as much as the sockets
//! take, reads what has arrived, and sleeps until a lane rings or a socket is ready. A frame is
//! written from the buffer that the lane filled: nothing is copied, and nothing is allocated for a
//! batch.

use std::future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::batch::ProducerHead;
use crate::clock;
use crate::clock::Moment;
use crate::connection::Broker;
use crate::connection::ConnectError;
use crate::connection::Link;
use crate::connection::LinkError;
use crate::connection::Session;
use crate::connection::Taken;
use crate::connection::close_producer;
use crate::connection::ping;
use crate::handover::Next;
use crate::handover::PublisherEnd;
use crate::plan::Plan;
use crate::stats::PublisherCounters;
use crate::stop::StopHandle;

use super::outstanding::Accounting;
use super::outstanding::Outstanding;

mod line;

use line::Line;

/// How often the broker is asked whether it is there, as by every other client.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long the broker may take to close the producers at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The connections and the producers on them.
pub(super) struct Framed {
    lines: Vec<Line>,
    /// Which line each producer is on.
    line_of: Vec<usize>,
    heads: Vec<ProducerHead>,
}

impl Framed {
    /// Opens a connection to every broker that serves a partition, and creates the producers.
    pub(super) async fn create(
        plan: &Plan,
        session: &mut Session,
        observe: &mut dyn FnMut(Taken),
    ) -> Result<Self, ConnectError> {
        let mut links: Vec<(Broker, Link)> = Vec::new();
        // By topic and partition, the place of the link to its broker.
        let mut places = Vec::new();
        for topic in 0..session.topics() {
            let mut of_topic = Vec::new();
            for partition in 0..session.partitions()[topic].max(1) {
                let broker = session.broker_of(topic, partition).await?;
                let known = links.iter().position(|(known, _)| *known == broker);
                if known.is_none() {
                    let link = session.open_link(&broker).await?;
                    links.push((broker, link));
                }
                of_topic.push(known.unwrap_or(links.len() - 1));
            }
            places.push(of_topic);
        }
        let (mut line_of, mut heads) = (Vec::new(), Vec::new());
        for (stream, route) in (0..).zip(plan.routing(session.partitions()).routes()) {
            let name = plan.stream_name(stream);
            let topic = route.topic as usize;
            for partition in 0..route.partitions {
                let place = places[topic][partition as usize];
                let (broker, link) = &mut links[place];
                let (at, number) = ((topic, partition), route.producer(partition).into());
                let (head, taken) =
                    session.create_framed_producer(broker, link, number, &name, at).await?;
                observe(taken);
                heads.push(head);
                line_of.push(place);
            }
        }
        observe(session.schema_registered());
        let producers = heads.len();
        let opened = links.into_iter().map(|(_, link)| Line::new(link, producers));
        Ok(Self { lines: opened.collect(), line_of, heads })
    }

    /// Returns what the broker answered for each producer.
    pub(super) fn heads(&self) -> &[ProducerHead] {
        &self.heads
    }

    /// Returns how many bytes every broker takes in one message.
    pub(super) fn message_bytes_max(&self) -> usize {
        let sizes = self.lines.iter().map(|line| line.link.message_bytes_max());
        sizes.min().unwrap_or(usize::MAX)
    }

    /// Serves until every lane has ended and every receipt has come, it is cancelled, or a
    /// connection is lost. Whatever the end, the lanes are stopped and have ended when this
    /// returns, so that every batch is counted.
    pub(super) async fn serve(
        mut self,
        end: PublisherEnd,
        accounting: Accounting,
        stop: &StopHandle,
        cancel: &CancellationToken,
    ) -> Result<(), String> {
        let served = tokio::select! {
            served = self.keep_serving(&end, &accounting) => served,
            () = cancel.cancelled() => Ok(()),
        };
        stop.set();
        let is_clean = served.is_ok() && !cancel.is_cancelled();
        if is_clean {
            // What the broker has not said by then takes nothing away from the receipts.
            tokio::time::timeout(CLOSE_TIMEOUT, self.close()).await.ok();
        }
        // What the lines still hold is counted where it is dropped.
        drop(self);
        while let Some(batch) = end.next().await {
            drop(Outstanding::new(batch, accounting.clone()));
        }
        served.map_err(|error| error.to_string())
    }

    async fn keep_serving(
        &mut self,
        end: &PublisherEnd,
        accounting: &Accounting,
    ) -> Result<(), LinkError> {
        let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        keep_alive.reset();
        let counters = accounting.stats.clone();
        loop {
            let have_ended = self.take_over(end, accounting);
            let mut is_busy = false;
            for line in &mut self.lines {
                is_busy |= line.write()? | line.read()?;
            }
            if have_ended && self.lines.iter().all(Line::is_empty) {
                return Ok(());
            }
            if is_busy {
                // The runtime looks at the sockets meanwhile, which a bell that always rings would
                // keep it from.
                tokio::task::yield_now().await;
                continue;
            }
            let began = clock::now();
            let is_asked = self.sleep(end, have_ended, &mut keep_alive).await;
            self.count_wait(began, &counters.publisher);
            if is_asked {
                self.ask()?;
            }
        }
    }

    /// Takes every batch that was handed over; returns whether there will be no more.
    fn take_over(&mut self, end: &PublisherEnd, accounting: &Accounting) -> bool {
        loop {
            match end.try_next() {
                Next::Batch(batch) => {
                    let producer = batch.producer as usize;
                    let outstanding = Outstanding::new(batch, accounting.clone());
                    if let Some(&line) = self.line_of.get(producer) {
                        self.lines[line].unsent.push_back(outstanding);
                    }
                }
                Next::Nothing => return false,
                Next::Ended => return true,
            }
        }
    }

    /// Sleeps until a lane rings, a socket is ready, or it is time to ask whether the brokers are
    /// there; returns whether it is.
    async fn sleep(
        &self,
        end: &PublisherEnd,
        have_ended: bool,
        keep_alive: &mut tokio::time::Interval,
    ) -> bool {
        let mut rung = pin!(end.rung());
        future::poll_fn(|cx| {
            let mut is_ready = !have_ended && rung.as_mut().poll(cx).is_ready();
            for line in &self.lines {
                is_ready |= line.link.poll_ready(cx, line.is_full()).is_ready();
            }
            if keep_alive.poll_tick(cx).is_ready() {
                Poll::Ready(true)
            } else if is_ready {
                Poll::Ready(false)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Counts what a sleep was for: room in a socket, or receipts.
    fn count_wait(&self, began: Moment, counters: &PublisherCounters) {
        let waited_ns = clock::now().ns_since(began);
        if self.lines.iter().any(Line::is_full) {
            counters.socket_waits.add(1);
            counters.socket_wait_ns.add(waited_ns);
        } else if self.lines.iter().any(|line| !line.is_empty()) {
            counters.receipt_wait_ns.add(waited_ns);
        }
    }

    /// Asks every broker whether it is there; one that has said nothing since it was last asked is
    /// not.
    fn ask(&mut self) -> Result<(), LinkError> {
        for line in &mut self.lines {
            if !std::mem::take(&mut line.is_heard) {
                return Err(LinkError::Silent(KEEP_ALIVE));
            }
            line.control.extend(ping());
        }
        Ok(())
    }

    /// Closes every producer and waits for the brokers' word.
    pub(super) async fn close(&mut self) {
        for (number, line) in self.line_of.iter().enumerate() {
            let number = number as u64;
            self.lines[*line].control.extend(close_producer(number, u64::MAX - number));
        }
        let mut open = self.line_of.len();
        let closed: Result<(), LinkError> = async {
            while open > 0 {
                for line in &mut self.lines {
                    line.write()?;
                    line.link.read()?;
                    while let Some(command) = line.link.next_command()? {
                        open -= usize::from(command.success.is_some() || command.error.is_some());
                    }
                }
                if open > 0 {
                    future::poll_fn(|cx| {
                        let ready =
                            |line: &Line| line.link.poll_ready(cx, line.is_full()).is_ready();
                        if self.lines.iter().any(ready) { Poll::Ready(()) } else { Poll::Pending }
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
