//! The publisher stage: takes sealed batches, sends them, and counts what became of each record.
//!
//! It lives in one thread with a single-threaded runtime, which exists for the connection alone.
//! The runtime is made by the caller's thread to connect, and moves to the publisher's thread to
//! serve.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::batch::ProducerHead;
use crate::clock;
use crate::clock::Moment;
use crate::connection;
use crate::connection::ConnectError;
use crate::connection::Session;
use crate::connection::Taken;
use crate::connection::Target;
use crate::cpu::ThreadTime;
use crate::handover::PublisherEnd;
use crate::plan::Plan;
use crate::plan::Transport;
use crate::stats::Measuring;
use crate::stats::Stats;
use crate::stop::StopHandle;

mod client;
mod framed;
mod outstanding;

use client::Client;
use framed::Framed;
use outstanding::Accounting;

/// Why publishing could not begin or had to end.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The runtime could not be made.
    #[error("the publisher's runtime cannot start: {0}")]
    Runtime(#[from] io::Error),
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection was lost for good in the middle of the run.
    #[error("publishing ended: {reason}")]
    Lost {
        /// What the transport says.
        reason: String,
    },
}

/// Cancels a publisher's work from another thread: the first signal while it connects, the end of
/// patience while it drains.
#[derive(Clone, Debug, Default)]
pub struct Cancel(CancellationToken);

impl Cancel {
    /// Makes one that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what is cancelled.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }

    /// Cancels; later calls change nothing.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

/// A publisher with its producers created, ready to serve.
pub struct Publisher {
    runtime: Runtime,
    session: Session,
    sender: Sender,
}

/// How batches reach Pulsar.
enum Sender {
    /// As finished frames, over connections of our own.
    Framed(Box<Framed>),
    /// Record by record, through the `pulsar` crate.
    Client(Client),
}

impl Sender {
    async fn create(
        plan: &Plan,
        session: &mut Session,
        observe: &mut dyn FnMut(Taken),
    ) -> Result<Self, ConnectError> {
        Ok(match plan.transport {
            Transport::Framed => Self::Framed(Framed::create(plan, session, observe).await?.into()),
            Transport::Client => Self::Client(Client::create(plan, session, observe).await?),
        })
    }

    async fn close(self) {
        match self {
            Self::Framed(mut framed) => framed.close().await,
            Self::Client(client) => client.close().await,
        }
    }
}

impl Publisher {
    /// Connects and creates every stream's producers; `observe` is told each step.
    ///
    /// # Errors
    /// When the cluster cannot be reached or refuses, or `cancel` is cancelled first.
    pub fn connect(
        plan: &Plan,
        target: Target,
        cancel: &Cancel,
        observe: &mut dyn FnMut(Taken),
    ) -> Result<Self, PublishError> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let connected = runtime.block_on(async {
            let mut session = connection::connect(target, cancel.0.clone(), observe).await?;
            let sender = Sender::create(plan, &mut session, observe).await?;
            Ok::<_, ConnectError>((session, sender))
        });
        match connected {
            Ok((session, sender)) => Ok(Self { runtime, session, sender }),
            Err(error) => {
                // A name server that does not answer must not hold the end up.
                runtime.shutdown_background();
                Err(error.into())
            }
        }
    }

    /// Returns how many partitions each topic has; 0: it is not partitioned.
    #[must_use]
    pub fn partitions(&self) -> &[u32] {
        self.session.partitions()
    }

    /// Returns what the brokers answered for each producer, in the order of their numbers; none for
    /// a transport that makes no frames.
    #[must_use]
    pub fn heads(&self) -> &[ProducerHead] {
        match &self.sender {
            Sender::Framed(framed) => framed.heads(),
            Sender::Client(_) => &[],
        }
    }

    /// Returns how many bytes every broker takes in one message, where the transport knows.
    #[must_use]
    pub fn message_bytes_max(&self) -> Option<usize> {
        match &self.sender {
            Sender::Framed(framed) => Some(framed.message_bytes_max()),
            Sender::Client(_) => None,
        }
    }

    /// Closes every producer without having sent anything.
    pub fn close(self) {
        self.runtime.block_on(self.sender.close());
    }

    /// Serves until every lane has ended and every receipt has come, or `cancel` is cancelled; what
    /// is unanswered then counts as unknown. However it ends, `stop` is set and every lane has
    /// ended.
    ///
    /// # Errors
    /// When the connection is lost for good.
    pub fn serve(
        self,
        end: PublisherEnd,
        run: Serving<'_>,
        cancel: &Cancel,
    ) -> Result<(), PublishError> {
        let Self { runtime, session, sender } = self;
        let Serving { stats, start, measuring, stop } = run;
        let counters = Arc::clone(&stats);
        let accounting = Accounting { stats, returns: end.returns().clone(), start, measuring };
        runtime.spawn(turn(Arc::clone(&counters)));
        let served = runtime.block_on(async {
            match sender {
                Sender::Framed(framed) => {
                    framed.serve(session, end, accounting, stop, &cancel.0).await
                }
                Sender::Client(client) => client.serve(end, accounting, stop, &cancel.0).await,
            }
        });
        counters.publisher.cpu_ns.add(clock::thread_cpu_ns());
        counters.publisher.delay_ns.add(ThreadTime::of_this_thread().unwrap_or_default().delay_ns);
        // The crate closes its producers in the background; the end must not wait for a broker that
        // does not answer.
        runtime.shutdown_background();
        served.map_err(|reason| PublishError::Lost { reason })
    }
}

/// Says once a second that the runtime turns: a loop that keeps it busy keeps this from it.
async fn turn(stats: Arc<Stats>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        stats.publisher.turns.add(1);
    }
}

/// What a publisher needs to know of the run that it serves.
pub struct Serving<'a> {
    /// What it counts into.
    pub stats: Arc<Stats>,
    /// When the run starts.
    pub start: Moment,
    /// Which records are measured.
    pub measuring: Measuring,
    /// Ends the lanes when publishing ends first.
    pub stop: &'a StopHandle,
}
