//! The log: plain lines on standard error.

use std::io::Write;

use env_logger::Env;
use log::LevelFilter;

/// What is logged unless `RUST_LOG` says otherwise. The `pulsar` crate is silent: it repeats itself
/// ten times a second while a broker is away, and what there is to say this program says itself.
const FILTER: &str = "info,pulsar=off";

/// Starts the log.
pub(super) fn start() {
    env_logger::Builder::from_env(Env::default().default_filter_or(FILTER))
        // It would log what it sends, a secret among it.
        .filter_module("ureq", LevelFilter::Warn)
        .format(|line, record| {
            writeln!(line, "{} {:<5} {}", line.timestamp_seconds(), record.level(), record.args())
        })
        .init();
}
