//! `broker`: the embedded broker by itself, until a signal.

use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::num::NonZeroU64;

use clap::Args;

use crate::broker;
use crate::broker::BrokerConfig;
use crate::broker::BrokerError;
use crate::broker::Fault;
use crate::broker::FaultError;
use crate::broker::Faults;
use crate::clock;
use crate::signals;
use crate::trust::ClientCertificate;

use super::batches::parse_bytes;

mod summary;

/// How many checksums go by for one that a sink checks, unless it is told otherwise: at 200 KB a
/// batch that costs less than a tenth of a nanosecond a record.
const CHECK_EVERY: NonZeroU64 = NonZeroU64::new(100).unwrap();

/// What is kept of each topic unless told otherwise: five minutes of 1,000 records a second.
const RETAIN_BYTES: usize = 64 * 1024 * 1024;

const EXAMPLES: &str = "Examples:\n  producer-load broker\n  \
                        producer-load broker --listen 127.0.0.1:6651 --fault receipt-delay=10ms\n  \
                        producer-load broker --sink";

fn long_help() -> String {
    let faults = broker::described_faults();
    let faults: Vec<String> = faults.map(|(fault, does)| format!("  {fault}: {does}")).collect();
    format!("Faults, each with an example of its value:\n{}\n\n{EXAMPLES}", faults.join("\n"))
}

/// What the broker can be told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = long_help())]
pub(super) struct BrokerArgs {
    /// The address to listen on.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "PRODUCER_LOAD_LISTEN",
        default_value = "127.0.0.1:6650"
    )]
    listen: SocketAddr,
    /// Answer that every topic has this many partitions; 0: not partitioned.
    #[arg(long, value_name = "COUNT", env = "PRODUCER_LOAD_PARTITIONS", default_value_t = 0)]
    partitions: u32,
    /// Misbehave, for example drop-connection-every=3s. May be given several times; --help lists
    /// the faults.
    #[arg(long, value_name = "NAME=VALUE", env = "PRODUCER_LOAD_FAULTS", value_delimiter = ',')]
    fault: Vec<Fault>,
    /// With --fault: what chance follows from; the same seed strikes alike. [default: 0]
    #[arg(long, value_name = "NUMBER", env = "PRODUCER_LOAD_SEED")]
    seed: Option<u64>,
    /// Keep the newest bytes of each topic (or partition) for consumers: 64M, 2G. [default: 64M]
    #[arg(long, value_name = "SIZE", env = "PRODUCER_LOAD_RETAIN", value_parser = parse_bytes)]
    retain: Option<usize>,
    /// Rather than overwrite what not every subscription has acknowledged, or what is kept while
    /// there is none, read no more from those who send. Consume on connections of your own.
    #[arg(long, env = "PRODUCER_LOAD_HOLD")]
    hold: bool,
    /// Drop what a producer has sent before under the same name, as Pulsar does where deduplication
    /// is on; --resume needs it.
    #[arg(long, env = "PRODUCER_LOAD_DEDUPLICATE")]
    deduplicate: bool,
    /// Count what comes without opening it, so that a benchmark measures its producer.
    #[arg(long, env = "PRODUCER_LOAD_SINK")]
    sink: bool,
    /// With --sink: check one checksum in COUNT; 1: all of them. [default: 100]
    #[arg(long, value_name = "COUNT", env = "PRODUCER_LOAD_CHECK_EVERY")]
    check_every: Option<NonZeroU64>,
    /// Speak TLS (pulsar+ssl://) and show this certificate: a PEM file, with those between it and
    /// its authority. Needs --tls-key-file.
    #[arg(
        long,
        value_name = "FILE",
        env = "PRODUCER_LOAD_BROKER_TLS_CERT_FILE",
        requires = "tls_key_file"
    )]
    tls_cert_file: Option<String>,
    /// The certificate's private key: a PEM file.
    #[arg(
        long,
        value_name = "FILE",
        env = "PRODUCER_LOAD_BROKER_TLS_KEY_FILE",
        requires = "tls_cert_file"
    )]
    tls_key_file: Option<String>,
}

impl BrokerArgs {
    fn config(&self) -> Result<BrokerConfig, ServeError> {
        let sink_check_every = match self.check_every {
            Some(_) if !self.sink => {
                let why = "without --sink every checksum is checked; leave it away, or add --sink";
                return Err(ServeError::NoEffect { flag: "--check-every", why });
            }
            given => self.sink.then(|| given.unwrap_or(CHECK_EVERY)),
        };
        if self.retain.is_some() && self.sink {
            let why = "a sink keeps nothing; leave it away, or leave --sink away";
            return Err(ServeError::NoEffect { flag: "--retain", why });
        }
        if self.hold && self.sink {
            let why = "a sink keeps nothing; leave it away, or leave --sink away";
            return Err(ServeError::NoEffect { flag: "--hold", why });
        }
        if self.deduplicate && self.sink {
            let why = "a sink takes all that comes; leave it away, or leave --sink away";
            return Err(ServeError::NoEffect { flag: "--deduplicate", why });
        }
        if let Some(fault) = self.fault.iter().find(|it| self.sink && it.needs_records()) {
            return Err(ServeError::NothingToSpoil { fault: fault.name() });
        }
        if self.seed.is_some() && self.fault.is_empty() {
            let why = "nothing happens by chance; leave it away, or add --fault";
            return Err(ServeError::NoEffect { flag: "--seed", why });
        }
        Ok(BrokerConfig {
            partitions: self.partitions,
            faults: Faults::combine(self.fault.iter().copied())?,
            seed: self.seed.unwrap_or_default(),
            retain_bytes_max: if self.sink { 0 } else { self.retain.unwrap_or(RETAIN_BYTES) },
            hold: self.hold,
            deduplicate: self.deduplicate,
            sink_check_every,
            certificate: self.tls_cert_file.clone().zip(self.tls_key_file.clone()).map(
                |(certificate_file, key_file)| ClientCertificate { certificate_file, key_file },
            ),
        })
    }
}

/// Why the broker did not serve.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}; choose another --listen")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The broker cannot start.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The faults contradict each other.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// A flag that was given and could change nothing.
    #[error("{flag} has no effect: {why}")]
    NoEffect {
        /// The flag.
        flag: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// A fault that strikes what is kept, where nothing is.
    #[error("the fault {fault} has no effect: a sink keeps nothing; leave --sink away")]
    NothingToSpoil {
        /// The fault.
        fault: &'static str,
    },
    /// Signals or output do not work.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Serves until a signal, then prints what came.
pub(super) fn serve(arguments: &BrokerArgs) -> Result<(), ServeError> {
    let config = arguments.config()?;
    let address = arguments.listen;
    let listener =
        TcpListener::bind(address).map_err(|source| ServeError::Listen { address, source })?;
    let signals = signals::watch(|| ())?;
    let broker = broker::start(listener, config)?;
    let how = if arguments.sink { " as a sink" } else { "" };
    log::info!("serving{how} at {}", broker.service_url());
    // An error means that the watch has ended, which it does not while the process lives.
    signals.recv().ok();
    let counts = broker.stop();
    io::stdout().write_all(summary::render(&counts, clock::wall_us_of).as_bytes())?;
    Ok(())
}
