//! Why a run could not begin.

use std::io;

use crate::broker::BrokerError;
use crate::generator::ResumptionError;
use crate::metrics::ServerError;
use crate::program::PrepareError;
use crate::publisher::PublishError;
use crate::schema::SchemaError;
use crate::wire;

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The schema cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// No records can be made of it.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A message by itself has no room for such a key.
    #[error(
        "keys can take {bytes} bytes, and with --disable-batching at most {} are possible; leave \
         it away or choose another --key",
        wire::SINGLE_KEY_BYTES_MAX
    )]
    KeyTooLong {
        /// The most bytes of a key.
        bytes: usize,
    },
    /// The earlier run cannot go on.
    #[error(transparent)]
    Resume(#[from] ResumptionError),
    /// There is no connection.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Threads or the embedded broker cannot start.
    #[error("the run cannot start: {0}")]
    Start(#[from] io::Error),
    /// The embedded broker cannot start.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// Metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] ServerError),
}
