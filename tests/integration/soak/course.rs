//! What happens in a soak, as a pure function of its seed: rates, faults, and what is done to the
//! broker's process.

use std::collections::VecDeque;
use std::fmt;

use fastrand::Rng;

/// Each comes once, in an order of chance, before one comes again.
const FAULTS: [&[&str]; 14] = [
    &[],
    &["receipt-delay=50ms"],
    &["receipt-rate=20000"],
    &["drop-connection-every=700ms"],
    &["drop-connection-every=2s", "refuse=500ms"],
    &["close-producer-every=300ms"],
    &["send-error=2%"],
    &["stop-reading-for=1500ms"],
    &["half-open=1200ms"],
    &["corrupt-receipt=3"],
    &["drop-connection-every=900ms", "close-producer-every=400ms", "send-error=1%"],
    &["half-open=2s", "receipt-delay=20ms"],
    &["stop-reading-for=1s", "close-producer-every=500ms", "receipt-delay=10ms"],
    &["drop-connection-every=1s", "refuse=300ms", "receipt-rate=30000", "send-error=0.5%"],
];

/// Everything that can go on for ever, more gently.
pub(super) const STEADY: &[&str] = &[
    "drop-connection-every=6s",
    "refuse=100ms",
    "close-producer-every=2s",
    "send-error=0.2%",
    "half-open=5s",
    "receipt-delay=2ms",
];

/// What is done to the broker's process in the middle of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Nothing.
    Leave,
    /// It is stopped for so long, and goes on.
    Stop(u64),
    /// It is killed, and another one is there after so long.
    Kill(u64),
}

/// The life of one broker, or of two if the first one is killed in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) faults: &'static [&'static str],
    pub(super) seed: u64,
    pub(super) deed: Deed,
    /// How long nobody listens before it.
    pub(super) away_ms: u64,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = if self.faults.is_empty() { "no fault" } else { &self.faults.join(", ") };
        write!(f, "{faults}; ")?;
        match self.deed {
            Deed::Leave => {}
            Deed::Stop(ms) => write!(f, "stopped for {ms} ms; ")?,
            Deed::Kill(ms) => write!(f, "killed in the middle, away for {ms} ms; ")?,
        }
        write!(f, "away for {} ms before", self.away_ms)
    }
}

/// Everything that is to happen.
pub(super) struct Course {
    chance: Rng,
    deck: VecDeque<&'static [&'static str]>,
}

impl Course {
    pub(super) fn new(seed: u64) -> Self {
        Self { chance: Rng::with_seed(seed), deck: VecDeque::new() }
    }

    /// Returns stages of so many seconds each, all of them `seconds` long and the last at maximum
    /// rate.
    pub(super) fn stages(&mut self, seconds: u64, each: u64, rates: &[&str]) -> String {
        let count = (seconds / each).saturating_sub(1).max(1);
        let mut stages: Vec<String> = (0..count)
            .map(|_| format!("{each}s@{}", self.chance.choice(rates).unwrap_or(&"1k")))
            .collect();
        let rest = seconds.saturating_sub(count * each).saturating_sub(2);
        if rest > 0 {
            stages.push(format!("{rest}s@{}", rates[0]));
        }
        stages.push("2s@max".to_owned());
        stages.join(",")
    }

    /// Returns what happens next, in a round of so many seconds.
    pub(super) fn round(&mut self, seconds: u64) -> Round {
        if self.deck.is_empty() {
            let mut deck = FAULTS;
            self.chance.shuffle(&mut deck);
            self.deck.extend(deck);
        }
        let chance = &mut self.chance;
        Round {
            faults: self.deck.pop_front().unwrap_or_default(),
            seed: chance.u64(..),
            deed: match chance.u8(..4) {
                0 => Deed::Stop(chance.u64(100..200 * seconds)),
                1 => Deed::Kill(chance.u64(..100 * seconds)),
                _ => Deed::Leave,
            },
            away_ms: if chance.bool() { 0 } else { chance.u64(..100 * seconds) },
        }
    }
}

#[test]
fn the_same_seed_brings_the_same_and_every_fault_comes() {
    let rounds = |seed: u64| {
        let mut course = Course::new(seed);
        let stages = course.stages(90, 20, &["1k", "50k"]);
        assert!(stages.ends_with("2s@max"), "{stages}");
        let rounds: Vec<Round> = (0..FAULTS.len()).map(|_| course.round(20)).collect();
        (stages, rounds)
    };
    assert_eq!(rounds(3), rounds(3));
    assert_ne!(rounds(3), rounds(4));
    let (_, rounds) = rounds(3);
    assert!(FAULTS.iter().all(|faults| rounds.iter().any(|round| round.faults == *faults)));
    for deed in ["Leave", "Stop", "Kill"] {
        assert!(rounds.iter().any(|round| format!("{:?}", round.deed).starts_with(deed)), "{deed}");
    }
}
