//! `broker`: the embedded broker by itself, until a signal.

use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;

use clap::Args;

use crate::broker;
use crate::broker::BrokerConfig;
use crate::broker::BrokerError;
use crate::broker::Fault;
use crate::broker::FaultError;
use crate::broker::Faults;
use crate::signals;
use crate::units::bytes_text;
use crate::units::grouped;

/// What the broker can be told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  producer-load broker\n  \
                        producer-load broker --listen 127.0.0.1:6651 --fault receipt-delay=10ms")]
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
    /// Misbehave: receipt-delay=DURATION. May be given several times.
    #[arg(long, value_name = "NAME[=VALUE]", env = "PRODUCER_LOAD_FAULTS", value_delimiter = ',')]
    fault: Vec<Fault>,
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
    /// Signals or output do not work.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Serves until a signal, then prints what came.
pub(super) fn serve(arguments: &BrokerArgs) -> Result<(), ServeError> {
    let address = arguments.listen;
    let listener =
        TcpListener::bind(address).map_err(|source| ServeError::Listen { address, source })?;
    let signals = signals::watch(|| ())?;
    let config = BrokerConfig {
        partitions: arguments.partitions,
        faults: Faults::combine(arguments.fault.iter().copied())?,
        ..BrokerConfig::default()
    };
    let broker = broker::start(listener, config)?;
    log::info!("serving at {}", broker.service_url());
    // An error means that the watch has ended, which it does not while the process lives.
    signals.recv().ok();
    let counts = broker.stop();
    let mut out = io::stdout();
    for (topic, counts) in &counts.topics {
        let (records, batches) = (grouped(counts.records), grouped(counts.batches));
        let bytes = bytes_text(counts.payload_bytes);
        writeln!(out, "{topic}: {records} records in {batches} batches, {bytes}")?;
    }
    let bad = counts.checksum_errors + counts.malformed_batches;
    writeln!(out, "{} connections, {bad} broken batches", counts.connections)?;
    Ok(())
}
