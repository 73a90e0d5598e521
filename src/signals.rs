//! SIGINT and SIGTERM as messages: the first asks for a stop, the second for an end.

use std::io;
use std::thread;

use crossbeam_channel::Receiver;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

/// Signals that may wait to be read; more than a person sends.
const QUEUE: usize = 16;

/// Starts to watch; `on_signal` runs at each, in a thread of its own, before the message is sent.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn watch(on_signal: impl Fn() + Send + 'static) -> io::Result<Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (sender, receiver) = crossbeam_channel::bounded(QUEUE);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for _ in signals.forever() {
            on_signal();
            // Nobody may listen any more, or the queue may be full of signals: both mean an end.
            sender.try_send(()).ok();
        }
    })?;
    Ok(receiver)
}
