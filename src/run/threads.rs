//! Threads of a run: how they are pinned, stopped and joined.

use std::thread::ScopedJoinHandle;

use crate::stop::StopHandle;

/// Sets the stop when it goes, which a panic or an early return cannot avoid.
pub(super) struct StopOnDrop<'a>(pub(super) &'a StopHandle);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Joins a thread; returns why it failed, if it did.
pub(super) fn joined<E: ToString>(thread: ScopedJoinHandle<'_, Result<(), E>>) -> Option<String> {
    let name = thread.thread().name().unwrap_or("a thread").to_owned();
    match thread.join() {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(payload) => {
            let text = panic_text(&*payload);
            Some(format!("{name} panicked: {text}; this is a bug, please report it"))
        }
    }
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}

/// Pins the calling thread.
pub(super) fn pin(lane: u32, cpu: usize) {
    if !core_affinity::set_for_current(core_affinity::CoreId { id: cpu }) {
        log::warn!("lane {lane} cannot be pinned to CPU {cpu}; it runs unpinned");
    }
}
