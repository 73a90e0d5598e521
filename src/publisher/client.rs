//! The `client` transport: records through the `pulsar` crate's own producer, one by one.
//!
//! The crate keeps one batch of a producer in flight, so each stream's producer on each partition
//! has a loop of its own. A batch ends where ours ends: the crate's limit is one record more than
//! ours, and every batch is flushed. The crate reconnects and resends by itself; what it gives up
//! on after its own timeout is unknown. It cannot set a record's sequence id or a batch's
//! properties.

use futures::future;
use pulsar::Producer;
use pulsar::TokioExecutor;
use pulsar::producer::Message;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::batch::RecordBorder;
use crate::clock;
use crate::connection::Cause;
use crate::connection::ConnectError;
use crate::connection::Session;
use crate::connection::Taken;
use crate::handover::PublisherEnd;
use crate::plan::Plan;
use crate::stop::StopHandle;

use super::outstanding::Accounting;
use super::outstanding::Outstanding;

/// Every stream's producers, one a partition.
pub(super) struct Client {
    producers: Vec<Producer<TokioExecutor>>,
    runtime: Handle,
}

impl Drop for Client {
    fn drop(&mut self) {
        // The crate starts a task when a producer is dropped, which takes a runtime to be in.
        let _entered = self.runtime.enter();
        self.producers.clear();
    }
}

type Loops = JoinSet<Result<(), String>>;

impl Client {
    /// Creates the producers, all at once.
    pub(super) async fn create(
        plan: &Plan,
        session: &Session,
        observe: &mut dyn FnMut(Taken),
    ) -> Result<Self, ConnectError> {
        let client = session.client().await?;
        let client = &client;
        let routing = plan.routing(session.partitions());
        let records_max = u32::try_from(plan.batching.records_max).unwrap_or(u32::MAX - 1);
        let create = (0..).zip(routing.routes()).flat_map(|(stream, route)| {
            (0..route.partitions).map(move |partition| async move {
                let (name, at) = (plan.stream_name(stream), (route.topic as usize, partition));
                session.create_producer(client, &name, at, records_max + 1).await
            })
        });
        let mut producers = Vec::new();
        for (producer, taken) in future::try_join_all(create).await? {
            observe(taken);
            producers.push(producer);
        }
        observe(session.schema_registered());
        let runtime = Handle::current();
        Ok(Self { producers, runtime })
    }

    /// Closes every producer.
    pub(super) async fn close(mut self) {
        let closing = self.producers.iter_mut().map(Producer::close);
        for error in future::join_all(closing).await.into_iter().filter_map(Result::err) {
            log::debug!("a producer was not closed: {error}");
        }
    }

    /// Hands each batch to its producer's loop until all is answered, cancelled or lost. Whatever
    /// the end, the lanes are stopped and have ended when this returns, so that every batch is
    /// counted.
    pub(super) async fn serve(
        mut self,
        end: PublisherEnd,
        accounting: Accounting,
        stop: &StopHandle,
        cancel: &CancellationToken,
    ) -> Result<(), String> {
        let mut loops = JoinSet::new();
        let mut queues = Vec::new();
        for producer in std::mem::take(&mut self.producers) {
            let (queue, batches) = unbounded_channel();
            queues.push(queue);
            loops.spawn(send_all(producer, batches));
        }
        let served = {
            let deal = deal(&end, &accounting, queues);
            tokio::pin!(deal);
            tokio::select! {
                () = &mut deal => drain(&mut loops, cancel).await,
                () = cancel.cancelled() => Ok(()),
                lost = first_end(&mut loops) => lost,
            }
        };
        // What the loops still hold is counted where it is dropped.
        loops.shutdown().await;
        stop.set();
        while let Some(batch) = end.next().await {
            drop(Outstanding::new(batch, clock::now(), accounting.clone()));
        }
        served
    }
}

/// Gives every batch to the queue of its producer until the lanes have ended. The queues need no
/// bound of their own: there are only so many buffers.
async fn deal(
    end: &PublisherEnd,
    accounting: &Accounting,
    queues: Vec<UnboundedSender<Outstanding>>,
) {
    while let Some(batch) = end.next().await {
        // A loop that has ended ends the run; its batch is counted where it is dropped.
        if let Some(queue) = queues.get(batch.producer as usize) {
            drop(queue.send(Outstanding::new(batch, clock::now(), accounting.clone())));
        }
    }
}

/// Waits for every loop to end; a cancel ends the wait.
async fn drain(loops: &mut Loops, cancel: &CancellationToken) -> Result<(), String> {
    while !loops.is_empty() {
        tokio::select! {
            ended = first_end(loops) => ended?,
            () = cancel.cancelled() => break,
        }
    }
    Ok(())
}

/// Waits for the next loop to end.
async fn first_end(loops: &mut Loops) -> Result<(), String> {
    match loops.join_next().await {
        Some(Ok(ended)) => ended,
        Some(Err(error)) => Err(format!("a producer's loop failed: {error}")),
        None => Ok(()),
    }
}

/// Sends one producer's batches in turn, each after the receipt of the one before.
async fn send_all(
    mut producer: Producer<TokioExecutor>,
    mut batches: UnboundedReceiver<Outstanding>,
) -> Result<(), String> {
    let mut receipts = Vec::new();
    let mut told = false;
    while let Some(mut outstanding) = batches.recv().await {
        let Some(batch) = outstanding.send() else {
            continue;
        };
        for border in &batch.borders {
            let receipt = producer.send_non_blocking(message(batch, border)).await;
            receipts.push(receipt.map_err(|error| Cause::from(error).to_string())?);
        }
        // Returns when the receipt has come; an error of its own is an error of each record's too.
        producer.send_batch().await.map_err(|error| Cause::from(error).to_string())?;
        let (mut failed, mut unanswered) = (0, None);
        for receipt in receipts.drain(..) {
            match receipt.await.map_err(Cause::from) {
                Ok(_) => {}
                Err(cause) if cause.is_final_refusal() => {
                    if !told {
                        log::warn!("the broker refused a batch: {cause}; {}", cause.hint());
                        told = true;
                    }
                    failed += 1;
                }
                Err(cause) => unanswered = Some(cause),
            }
        }
        if failed == 0 && unanswered.is_none() {
            outstanding.acknowledged();
        } else {
            outstanding.refused(failed);
        }
        if let Some(cause) = unanswered {
            return Err(cause.to_string());
        }
    }
    if let Err(error) = producer.close().await {
        // Every receipt has come; that the broker closed the producer first takes nothing away.
        log::debug!("a producer was not closed: {error}");
    }
    Ok(())
}

fn message(batch: &Batch, border: &RecordBorder) -> Message {
    let (key, payload) = batch.key_and_payload(border);
    Message {
        payload: payload.to_vec(),
        partition_key: (!key.is_empty()).then(|| String::from_utf8_lossy(key).into_owned()),
        event_time: Some(border.event_time_ms),
        ..Message::default()
    }
}
