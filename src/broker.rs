//! The embedded broker: speaks Pulsar's protocol well enough for the official clients.
//!
//! It exists so that the program can be tried, tested and judged without a Pulsar: it counts what
//! arrives by itself, checks every checksum and every batch, and misbehaves on request.
//! It knows neither plan nor generator. The caller owns the port and the end.
//!
//! Inside: `door` is a bare connection or TLS, `session` moves bytes, `dialogue` answers commands,
//! `topics` is the state, `codec` and `entry` read what came, `sink` lets it pass unread, `faults`
//! and `mischief` spoil it.

mod codec;
mod counts;
mod deduplication;
mod cursor;
mod dialogue;
mod door;
mod entry;
mod faults;
mod mischief;
mod names;
mod needles;
mod outbox;
mod producers;
mod refusal;
mod replies;
mod ring;
mod schemas;
mod session;
mod sink;
mod spoil;
mod subscription;
mod topics;

use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::trust::ClientCertificate;

pub use counts::BrokerCounts;
pub use counts::TopicCounts;
pub use entry::Entry;
pub use entry::EntryError;
pub use faults::Fault;
pub use faults::FaultError;
pub use faults::Faults;
pub use faults::Share;
pub use faults::described as described_faults;

use dialogue::Dialogue;
use session::Intake;
use sink::Sink;
use topics::Topics;

/// Connections that may be open at the same time; each may hold one frame in memory.
const CONNECTIONS_MAX: usize = 1_000;

/// How often a client is asked whether it is there, as by the real broker.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long accepting rests after it failed, for example for want of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Says why the broker could not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The listener that was handed over cannot be used.
    #[error("the embedded broker cannot use its listener: {0}")]
    Listener(#[source] io::Error),
    /// The thread or its runtime could not be made.
    #[error("the embedded broker's thread cannot start: {0}")]
    Thread(#[source] io::Error),
    /// What it would show by TLS cannot be used.
    #[error("the embedded broker cannot speak TLS: {0}")]
    Certificate(#[source] io::Error),
}

/// How the broker behaves.
#[derive(Clone, Debug, Default)]
pub struct BrokerConfig {
    /// Partitions of every topic; 0: topics are not partitioned.
    pub partitions: u32,
    /// What it does wrong on purpose.
    pub faults: Faults,
    /// Where the chance in faults comes from.
    pub seed: u64,
    /// How many of a topic's newest bytes are kept for consumers; 0: none, and nobody can consume.
    pub retain_bytes_max: usize,
    /// Reads no more from whoever sends to a topic that is full of what its subscriptions have not
    /// acknowledged, rather than overwrite it.
    pub hold: bool,
    /// Drops what a producer of that name has sent before, and tells it where it stopped.
    pub deduplicate: bool,
    /// Makes it a sink, which opens and keeps no entry and checks one checksum in so many; `None`:
    /// it reads and checks everything.
    pub sink_check_every: Option<NonZeroU64>,
    /// Speaks TLS and shows this certificate; `None`: bare TCP.
    pub certificate: Option<ClientCertificate>,
}

/// The broker's state, readable from any thread while it runs.
#[derive(Clone, Debug)]
pub struct BrokerState(Arc<Mutex<Topics>>);

impl BrokerState {
    /// Makes the state of a broker that has seen nothing.
    #[must_use]
    pub fn new(config: &BrokerConfig) -> Self {
        Self(Arc::new(Mutex::new(Topics::new(config))))
    }

    /// Returns what was counted so far.
    #[must_use]
    pub fn counts(&self) -> BrokerCounts {
        self.0.lock().counts()
    }

    /// Returns what is kept of a topic, oldest entry first.
    #[must_use]
    pub fn entries(&self, topic: &str) -> Vec<Entry> {
        self.0.lock().entries(topic)
    }
}

/// A running broker on a thread of its own. Dropping it stops it.
#[derive(Debug)]
pub struct BrokerHandle {
    service_url: String,
    state: BrokerState,
    shutdown: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a broker on a listener that the caller has bound.
///
/// # Errors
/// When the listener cannot be used or no thread can be made.
pub fn start(
    listener: std::net::TcpListener,
    config: BrokerConfig,
) -> Result<BrokerHandle, BrokerError> {
    let tls = config.certificate.as_ref().map(door::acceptor).transpose();
    let tls = tls.map_err(BrokerError::Certificate)?;
    let address = listener.local_addr().map_err(BrokerError::Listener)?;
    let service_url = service_url(address, tls.is_some());
    listener.set_nonblocking(true).map_err(BrokerError::Listener)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BrokerError::Thread)?;
    let listener = {
        let _entered = runtime.enter();
        TcpListener::from_std(listener).map_err(BrokerError::Listener)?
    };
    let state = BrokerState::new(&config);
    let (shutdown, ending) = watch::channel(false);
    let running = run(listener, tls, config, state.clone(), ending);
    let thread = std::thread::Builder::new()
        .name("broker".to_owned())
        .spawn(move || runtime.block_on(running))
        .map_err(BrokerError::Thread)?;
    Ok(BrokerHandle { service_url, state, shutdown, thread: Some(thread) })
}

impl BrokerHandle {
    /// Returns the URL that clients on this machine connect to.
    #[must_use]
    pub fn service_url(&self) -> String {
        self.service_url.clone()
    }

    /// Returns what was counted so far.
    #[must_use]
    pub fn counts(&self) -> BrokerCounts {
        self.state.counts()
    }

    /// Returns what is kept of a topic, oldest entry first.
    #[must_use]
    pub fn entries(&self, topic: &str) -> Vec<Entry> {
        self.state.entries(topic)
    }

    /// Closes every connection, ends the thread and returns the last counts.
    #[must_use]
    pub fn stop(mut self) -> BrokerCounts {
        self.end();
        self.state.counts()
    }

    fn end(&mut self) {
        self.shutdown.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the embedded broker's thread panicked");
        }
    }
}

impl Drop for BrokerHandle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Serves connections until `shutdown` becomes true or its sender is gone.
async fn run(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    config: BrokerConfig,
    state: BrokerState,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut sessions = JoinSet::new();
    state.0.lock().mischief().begin_refusing(Instant::now());
    // Ends on the word and on the sender's end alike.
    let ending = async move { drop(shutdown.wait_for(|ending| *ending).await) };
    tokio::pin!(ending);
    loop {
        tokio::select! {
            () = &mut ending => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if sessions.len() < CONNECTIONS_MAX => {
                    log::debug!("embedded broker: connection from {peer}");
                    admit(&mut sessions, stream, tls.clone(), &config, &state);
                }
                Ok((_, peer)) => {
                    log::warn!("embedded broker: {peer} turned away, too many connections");
                    state.0.lock().counts_mut().connections_refused += 1;
                }
                Err(error) => {
                    log::warn!("embedded broker: cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            },
            Some(ended) = sessions.join_next() => {
                if let Err(error) = ended {
                    log::error!("embedded broker: a connection failed: {error}");
                }
            }
        }
    }
    sessions.shutdown().await;
}

fn admit(
    sessions: &mut JoinSet<()>,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    config: &BrokerConfig,
    state: &BrokerState,
) {
    let address = match stream.local_addr() {
        Ok(address) => address,
        Err(error) => return log::warn!("embedded broker: a connection was gone: {error}"),
    };
    let now = Instant::now();
    let mut topics = state.0.lock();
    if topics.mischief().refuses(now) {
        return session::reset(&stream);
    }
    let connection = topics.counts_mut().connections;
    topics.counts_mut().connections += 1;
    drop(topics);
    let topics = Arc::clone(&state.0);
    let dialogue = Dialogue::new(topics, connection, service_url(address, tls.is_some()), now);
    let intake = config.sink_check_every.map_or(Intake::Whole, |n| Intake::Sink(Sink::new(n)));
    sessions.spawn(session::serve(stream, tls, dialogue, intake, KEEP_ALIVE));
}

/// Returns the URL of an address; one that stands for all of the host's becomes the loopback one.
fn service_url(address: SocketAddr, is_tls: bool) -> String {
    let ip = match address.ip().to_canonical() {
        ip if !ip.is_unspecified() => ip,
        ip if ip.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
        _ => Ipv6Addr::LOCALHOST.into(),
    };
    let scheme = if is_tls { "pulsar+ssl" } else { "pulsar" };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_url_can_be_connected_to() {
        for (address, url) in [
            ("127.0.0.1:6650", "pulsar://127.0.0.1:6650"),
            ("0.0.0.0:1", "pulsar://127.0.0.1:1"),
            ("[::]:2", "pulsar://[::1]:2"),
            ("[::ffff:10.0.0.1]:3", "pulsar://10.0.0.1:3"),
        ] {
            assert_eq!(service_url(address.parse().unwrap(), false), url);
        }
        assert_eq!(service_url("[::1]:5".parse().unwrap(), true), "pulsar+ssl://[::1]:5");
    }

    #[test]
    fn a_broker_stops_when_told_and_when_dropped() {
        for told in [true, false] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let broker = start(listener, BrokerConfig::default()).unwrap();
            assert!(std::net::TcpStream::connect(address).is_ok());
            if told {
                assert!(broker.stop().topics.is_empty());
            } else {
                drop(broker);
            }
            assert!(std::net::TcpStream::connect(address).is_err());
        }
    }
}
