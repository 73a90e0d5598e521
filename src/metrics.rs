//! What a run shows while it runs: numbers for Prometheus, whether it lives, whether it is ready.
//!
//! The run writes three things on the [`Board`]: its stage, what it counts into, and that its own
//! loop turns. A thread of its own reads them when somebody asks; the hot threads know nothing of
//! it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;

use crate::clock;
use crate::clock::Moment;
use crate::cpu::Cgroup;
use crate::schedule::Schedule;
use crate::stats::Counter;
use crate::stats::Stats;
use crate::units::duration_text;

mod exposition;
mod pulse;
mod server;

pub use exposition::METRICS;
pub use exposition::Metric;
pub use server::Server;
pub use server::ServerError;

use pulse::Beat;
use pulse::Pulse;

/// A broker that answers for none of the records that wait for it counts as away after so long.
const SILENCE_NS: u64 = 10_000_000_000;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Prepares, connects, creates producers.
    Connecting,
    /// Produces.
    Producing,
    /// Waits for the last receipts.
    Draining,
}

/// What a run that has begun counts into, and what it is.
#[derive(Debug)]
pub struct Shown {
    /// What does not change while the run goes on, as labels.
    pub labels: Vec<(&'static str, String)>,
    /// Every counter.
    pub stats: Arc<Stats>,
    /// When records are due.
    pub schedule: Schedule,
    /// When the whole run starts.
    pub start: Moment,
    /// How far into it this one goes on, in nanoseconds.
    pub resumed_ns: u64,
    /// The control group of the process.
    pub cgroup: Cgroup,
    /// CPUs that are ours by affinity and quota.
    pub cpus: f64,
}

/// Where a run shows itself.
#[derive(Debug)]
pub struct Board {
    stage: AtomicU8,
    turns: Counter,
    shown: OnceLock<Shown>,
    pulse: Mutex<Pulse>,
}

impl Board {
    /// Makes the board of a run that connects.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stage: AtomicU8::new(Stage::Connecting as u8),
            turns: Counter::default(),
            shown: OnceLock::new(),
            pulse: Mutex::new(Pulse::default()),
        }
    }

    /// Shows a run that begins to produce.
    pub fn begin(&self, shown: Shown) {
        // A board has one run.
        drop(self.shown.set(shown));
        self.stage.store(Stage::Producing as u8, Relaxed);
    }

    /// Says that nothing new is produced any more.
    pub fn drain(&self) {
        self.stage.store(Stage::Draining as u8, Relaxed);
    }

    /// Says that the loop which watches the run turns.
    pub fn turn(&self) {
        self.turns.add(1);
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Relaxed) {
            stage if stage == Stage::Producing as u8 => Stage::Producing,
            stage if stage == Stage::Draining as u8 => Stage::Draining,
            _ => Stage::Connecting,
        }
    }

    /// Returns whether the engine's loops turn, which no broker can keep them from.
    ///
    /// # Errors
    /// Says which loop stands still.
    fn is_live(&self, now: Moment) -> Result<(), String> {
        // Connecting ends by its own timeouts.
        let Some(shown) = self.shown.get() else { return Ok(()) };
        self.pulse.lock().check(now, &self.beats(shown, now))
    }

    fn beats(&self, shown: &Shown, now: Moment) -> Vec<Beat> {
        let elapsed_ns = now.ns_since(shown.start);
        let mut beats = vec![
            Beat { name: "main".to_owned(), turns: self.turns.get(), rests: false },
            Beat {
                name: "publisher".to_owned(),
                turns: shown.stats.publisher.turns.get(),
                rests: false,
            },
        ];
        for (number, lane) in shown.stats.lanes.iter().enumerate() {
            let rests = lane.rests_until_ns.get() > elapsed_ns;
            let turns = lane.scheduled.get();
            beats.push(Beat { name: format!("lane-{number}"), turns, rests });
        }
        beats
    }

    /// Returns whether the run is connected and producing.
    ///
    /// # Errors
    /// Says what is missing.
    fn is_ready(&self, now: Moment) -> Result<(), String> {
        match (self.stage(), self.shown.get()) {
            (Stage::Producing, Some(shown)) => shown.is_produced(now),
            (Stage::Draining, _) => Err("draining".to_owned()),
            (Stage::Connecting | Stage::Producing, _) => Err("connecting".to_owned()),
        }
    }

    /// Returns every metric as Prometheus text; none before the run begins to produce.
    fn text(&self, now: Moment) -> String {
        self.shown.get().map(|shown| exposition::render(shown, now)).unwrap_or_default()
    }
}

impl Default for Board {
    fn default() -> Self {
        Self::new()
    }
}

impl Shown {
    /// Returns how many producers there are, over all topics and partitions.
    fn producers(&self) -> u64 {
        self.stats.ends.len() as u64
    }

    /// Returns whether every producer is there and the broker answers.
    fn is_produced(&self, now: Moment) -> Result<(), String> {
        let away = self.producers_away();
        if away > 0 {
            return Err(format!("{away} of {} producers are away", self.producers()));
        }
        let counts = self.stats.counts();
        let is_waited_for = counts.sent > counts.acknowledged + counts.failed + counts.unknown;
        let last_ns = counts.last_receipt_ns.max(self.resumed_ns);
        let silent_ns = now.ns_since(self.start.plus_ns(last_ns));
        if is_waited_for && silent_ns >= SILENCE_NS {
            return Err(format!("no receipt for {}", duration_text(silent_ns)));
        }
        Ok(())
    }

    /// Returns how many producers were lost and are not back; 0 for a transport that does not say.
    fn producers_away(&self) -> u64 {
        self.stats.counts().producers_away()
    }
}

/// Serves a board at this address until the server is dropped.
///
/// # Errors
/// When the address is taken or not ours.
pub fn serve(address: SocketAddr, board: Arc<Board>) -> Result<Server, ServerError> {
    Server::start(address, board, clock::now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_ready_while_it_produces_with_all_of_its_producers() {
        let board = Board::new();
        assert_eq!(board.is_ready(clock::now()), Err("connecting".to_owned()));
        assert_eq!(board.is_live(clock::now()), Ok(()));
        board.begin(exposition::tests::shown());
        assert_eq!(board.is_ready(clock::now()), Ok(()));
        let counted = &board.shown.get().unwrap().stats.publisher;
        counted.producers_lost.add(2);
        counted.producers_back.add(1);
        assert_eq!(board.is_ready(clock::now()), Err("1 of 2 producers are away".to_owned()));
        counted.producers_back.add(1);
        assert_eq!(board.is_ready(clock::now()), Ok(()));
        let later = board.shown.get().unwrap().start.plus_ns(60_000_000_000);
        assert_eq!(board.is_ready(later), Ok(()), "nothing is waited for");
        counted.sent.add(1);
        assert_eq!(board.is_ready(later), Err("no receipt for 60.0 s".to_owned()));
        counted.last_receipt_ns.set(55_000_000_000);
        assert_eq!(board.is_ready(later), Ok(()));
        board.drain();
        assert_eq!(board.is_ready(clock::now()), Err("draining".to_owned()));
    }

    #[test]
    fn a_lane_may_rest_until_its_next_batch_is_due_and_no_longer() {
        let board = Board::new();
        board.begin(exposition::tests::shown());
        let shown = board.shown.get().unwrap();
        let at = |seconds: u64| shown.start.plus_ns(seconds * 1_000_000_000);
        let live = |now: Moment| {
            board.turn();
            shown.stats.publisher.turns.add(1);
            board.is_live(now)
        };
        shown.stats.lanes[0].rests_until_ns.set(40_000_000_000);
        for seconds in [0, 20, 39] {
            assert_eq!(live(at(seconds)), Ok(()), "{seconds}");
        }
        assert_eq!(live(at(45)), Ok(()));
        assert!(live(at(60)).unwrap_err().contains("lane-0"), "it should have gone on at 40 s");
        shown.stats.lanes[0].scheduled.add(1);
        assert_eq!(live(at(61)), Ok(()));
        // Nobody turns.
        assert_eq!(board.is_live(at(70)), Ok(()));
        let told = board.is_live(at(90)).unwrap_err();
        assert!(told.contains("main") && told.contains("publisher"), "{told}");
    }
}
