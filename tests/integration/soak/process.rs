//! A process that is started, stopped, let go on, and killed, and that never outlives the test.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ExitStatus;
use std::time::Duration;

use producer_load::clock;
use producer_load::clock::Moment;

use crate::program::program;
use crate::program::signal;

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// Lines of its log that are shown of a process that failed.
const LINES_SHOWN: usize = 40;

/// Returns how long ago something was.
pub(super) fn since(start: Moment) -> Duration {
    Duration::from_nanos(clock::now().ns_since(start))
}

/// Waits for what is bound to happen; returns whether it did.
pub(super) fn happens(mut happened: impl FnMut() -> bool) -> bool {
    let start = clock::now();
    while !happened() {
        if since(start) > PATIENCE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// A process of the program, and the file with what it says.
pub(super) struct Running {
    pub(super) child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts the program; what it says goes to a file of this folder.
    pub(super) fn start(folder: &Path, name: &str, arguments: &[&str]) -> Self {
        let log = folder.join(name);
        let file = File::create(&log).unwrap();
        let mut command = program(arguments);
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Self { child, log }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, unless the process has ended.
    pub(super) fn signal(&mut self, name: &str) {
        if self.ended().is_none() {
            signal(&self.child, name);
        }
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Returns how the process ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Returns all that it has said.
    pub(super) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Returns the last of what it has said.
    pub(super) fn said_last(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Returns whether bytes wait in the sockets of this local port to be read, or to be sent to it.
pub(super) fn has_bytes_on_their_way(port: u16) -> bool {
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    let end = format!(":{port:04X}");
    // proc_net_tcp: number, local address, remote address, state, tx_queue:rx_queue.
    sockets.lines().skip(1).any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (sent, received) = words[4].split_once(':').unwrap();
        let waits = |queue: &str| u64::from_str_radix(queue, 16).unwrap() > 0;
        let is_listening = words[3] == "0A";
        let is_ours =
            words[1].ends_with(&end) && waits(received) || words[2].ends_with(&end) && waits(sent);
        is_ours && !is_listening
    })
}
