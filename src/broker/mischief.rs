//! When the faults strike: the one place that decides it, for the broker and for each connection.
//!
//! What is common to all connections is a [`Mischief`], behind the lock of the state; what is one
//! connection's own, a [`Temper`]. Both draw from random streams of the broker's seed, so that the
//! same seed and the same commands bring the same faults. Nothing here waits or reads a clock.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use crate::rng;

use super::faults::Faults;
use super::needles::Needles;
use super::producers::ConnectionId;
use super::spoil::Blow;
use super::spoil::Harm;

/// How long after the broker's first SEND its connections are no longer read.
const STOP_READING_AFTER: Duration = Duration::from_secs(1);

/// The first record that is spoilt is one of so many.
const RECORDS_SPAN: u64 = 2_000;

/// The first receipt that is wrong is one of so many.
const RECEIPTS_SPAN: u64 = 20;

/// The random stream of what all connections share; those of the connections follow.
const SHARED_STREAM: u64 = 0;

/// The faults of a broker at work.
#[derive(Debug)]
pub(super) struct Mischief {
    faults: Faults,
    seed: u64,
    chance: Rng,
    refusing_until: Option<Instant>,
    /// When reading stops; known from the first SEND on.
    stop_reading_at: Option<Instant>,
    /// Until when the receipt rate is used up.
    receipts_until: Option<Instant>,
    receipts: Needles,
    records: [(Harm, Needles); 4],
    struck: BTreeMap<&'static str, u64>,
}

impl Mischief {
    pub(super) fn new(faults: Faults, seed: u64) -> Self {
        let mut chance = rng::numbered(seed, SHARED_STREAM);
        let harms = [
            (Harm::Lose, faults.lose),
            (Harm::Repeat, faults.repeat),
            (Harm::Reorder, faults.reorder),
            (Harm::FlipBit, faults.flip_bit),
        ];
        Self {
            faults,
            seed,
            receipts: Needles::new(faults.corrupt_receipt, RECEIPTS_SPAN, &mut chance),
            records: harms
                .map(|(harm, count)| (harm, Needles::new(count, RECORDS_SPAN, &mut chance))),
            chance,
            refusing_until: None,
            stop_reading_at: None,
            receipts_until: None,
            struck: BTreeMap::new(),
        }
    }

    /// Returns how often each fault has struck that strikes at moments of its own.
    pub(super) const fn struck(&self) -> &BTreeMap<&'static str, u64> {
        &self.struck
    }

    fn count(&mut self, name: &'static str) {
        *self.struck.entry(name).or_default() += 1;
    }

    /// Begins to refuse, if that is asked for: the broker has started, or has cut a connection.
    pub(super) fn begin_refusing(&mut self, now: Instant) {
        self.refusing_until = self.faults.refuse.map(|duration| now + duration);
    }

    /// Tells whether a connection is to be reset as soon as it is there.
    pub(super) fn refuses(&mut self, now: Instant) -> bool {
        let refuses = self.refusing_until.is_some_and(|end| now < end);
        if refuses {
            self.count("refuse");
        }
        refuses
    }

    /// Returns what a connection that was accepted at `now` will suffer.
    pub(super) fn temper(&self, connection: ConnectionId, now: Instant) -> Temper {
        let mut chance = rng::numbered(self.seed, SHARED_STREAM + 1 + connection);
        let cut = self.faults.drop_connection_every.map(|age| now + jittered(age, &mut chance));
        let mut temper = Temper {
            faults: self.faults,
            chance,
            cut,
            silence: self.faults.half_open.map(|age| now + age),
            closing: None,
            stop: None,
            deaf_until: None,
            has_sent: false,
        };
        temper.plan_closing(now);
        temper
    }

    /// Tells whether a SEND fails, though nothing is wrong with it.
    pub(super) fn fails_send(&mut self) -> bool {
        let fails = self.faults.send_error.strikes(&mut self.chance);
        if fails {
            self.count("send-error");
        }
        fails
    }

    /// Tells whether the next receipt is to be wrong.
    pub(super) fn corrupts_receipt(&mut self) -> bool {
        let corrupts = self.receipts.strike(1, &mut self.chance).is_some();
        if corrupts {
            self.count("corrupt-receipt");
        }
        corrupts
    }

    /// Returns what happens to one of an entry's records before they are kept. At most one of them
    /// is struck, so that no blow hides another.
    pub(super) fn blow(&mut self, records: u64) -> Option<Blow> {
        let mut blow = None;
        for (harm, needles) in &mut self.records {
            // The last of a batch has no next one to change places with.
            let count = records.saturating_sub(u64::from(*harm == Harm::Reorder));
            if blow.is_some() {
                needles.wait_for(count);
            } else if let Some(place) = needles.strike(count, &mut self.chance) {
                let place = usize::try_from(place).unwrap_or(0);
                blow = Some(Blow { harm: *harm, place, pick: self.chance.u64(..) });
            }
        }
        self.count(blow?.harm.name());
        blow
    }

    /// Returns when the receipt for that many records leaves.
    pub(super) fn receipt_due(&mut self, records: u64, now: Instant) -> Instant {
        let mut due = now;
        if let Some(rate) = self.faults.receipt_rate {
            let ns = u128::from(records) * 1_000_000_000 / u128::from(rate.get());
            let ns = u64::try_from(ns).unwrap_or(u64::MAX);
            due =
                self.receipts_until.map_or(now, |until| until.max(now)) + Duration::from_nanos(ns);
            self.receipts_until = Some(due);
        }
        due + self.faults.receipt_delay
    }

    /// Returns when the connection that sends is no longer read, if it is to come.
    fn stop_reading_at(&mut self, now: Instant) -> Option<Instant> {
        self.faults.stop_reading_for?;
        let at = *self.stop_reading_at.get_or_insert(now + STOP_READING_AFTER);
        (now <= at).then_some(at)
    }
}

/// What a connection suffers next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It is reset.
    Cut,
    /// It is neither read nor answered nor closed.
    FallSilent,
    /// The producers of one of its topics are closed; which one follows from the number.
    CloseProducers(u64),
    /// It is not read for a while. Nothing is left to be done but to wait.
    StopReading,
}

/// What one connection suffers, and when.
#[derive(Debug)]
pub(super) struct Temper {
    faults: Faults,
    chance: Rng,
    cut: Option<Instant>,
    silence: Option<Instant>,
    closing: Option<Instant>,
    stop: Option<Instant>,
    deaf_until: Option<Instant>,
    has_sent: bool,
}

impl Temper {
    /// Hears of a SEND. Only the first of a connection matters.
    pub(super) fn sent(&mut self, mischief: &mut Mischief, now: Instant) {
        if !self.has_sent {
            self.has_sent = true;
            self.stop = mischief.stop_reading_at(now);
        }
    }

    /// Tells whether the connection may be read.
    pub(super) fn listens(&self, now: Instant) -> bool {
        self.deaf_until.is_none_or(|end| end <= now)
    }

    /// Returns when something changes next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let moments = [self.cut, self.silence, self.closing, self.stop, self.deaf_until];
        moments.into_iter().flatten().min()
    }

    /// Returns the next deed that is due by `now`. Each is returned once.
    pub(super) fn due(&mut self, mischief: &mut Mischief, now: Instant) -> Option<Deed> {
        self.deaf_until = self.deaf_until.filter(|end| now < *end);
        let mut is_due = |moment: &mut Option<Instant>, name| {
            let due = moment.take_if(|at| *at <= now).is_some();
            if due {
                mischief.count(name);
            }
            due
        };
        if is_due(&mut self.cut, "drop-connection-every") {
            mischief.begin_refusing(now);
            return Some(Deed::Cut);
        }
        if is_due(&mut self.silence, "half-open") {
            return Some(Deed::FallSilent);
        }
        if is_due(&mut self.stop, "stop-reading-for") {
            self.deaf_until = self.faults.stop_reading_for.map(|duration| now + duration);
            return Some(Deed::StopReading);
        }
        if is_due(&mut self.closing, "close-producer-every") {
            self.plan_closing(now);
            return Some(Deed::CloseProducers(self.chance.u64(..)));
        }
        None
    }

    fn plan_closing(&mut self, now: Instant) {
        let period = self.faults.close_producer_every;
        self.closing = period.map(|period| now + jittered(period, &mut self.chance));
    }
}

/// Makes a duration a quarter longer at most, or shorter.
fn jittered(duration: Duration, chance: &mut Rng) -> Duration {
    duration.mul_f64(0.75 + chance.f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mischief(faults: &[&str]) -> Mischief {
        let faults = faults.iter().map(|text| text.parse().unwrap());
        Mischief::new(Faults::combine(faults).unwrap(), 7)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn without_faults_nothing_is_due() {
        let (mut mischief, now) = (mischief(&[]), Instant::now());
        let mut temper = mischief.temper(3, now);
        temper.sent(&mut mischief, now);
        assert_eq!(temper.next_due(), None);
        assert_eq!(temper.due(&mut mischief, now + ms(1_000_000)), None);
        mischief.begin_refusing(now);
        assert!(!mischief.refuses(now) && !mischief.fails_send());
        assert_eq!(mischief.receipt_due(1_000, now), now);
        assert!(mischief.struck().is_empty());
    }

    #[test]
    fn a_connection_is_cut_once_at_an_age_of_its_own_and_others_are_refused_then() {
        let mut mischief = mischief(&["drop-connection-every=1s", "refuse=200ms"]);
        let now = Instant::now();
        let mut ages = Vec::new();
        for connection in 0..100 {
            let mut temper = mischief.temper(connection, now);
            let cut = temper.next_due().unwrap();
            assert!((ms(750)..=ms(1_250)).contains(&(cut - now)));
            assert_eq!(temper.due(&mut mischief, cut - ms(1)), None);
            assert_eq!(temper.due(&mut mischief, cut), Some(Deed::Cut));
            assert_eq!(temper.due(&mut mischief, cut), None);
            assert!(mischief.refuses(cut) && !mischief.refuses(cut + ms(200)));
            assert_eq!(mischief.temper(connection, now).next_due(), Some(cut), "it is seeded");
            ages.push(cut - now);
        }
        ages.sort();
        ages.dedup();
        assert!(ages.len() > 90, "all at the same time");
        assert_eq!(mischief.struck()["drop-connection-every"], 100);
    }

    #[test]
    fn producers_are_closed_again_and_again() {
        let mut mischief = mischief(&["close-producer-every=1s"]);
        let now = Instant::now();
        let mut temper = mischief.temper(0, now);
        for round in 1..=20 {
            let at = temper.next_due().unwrap();
            assert!(matches!(temper.due(&mut mischief, at), Some(Deed::CloseProducers(_))));
            assert!(at - now <= ms(1_250) * round && at - now >= ms(750) * round);
        }
    }

    #[test]
    fn reading_stops_once_a_second_after_the_first_send() {
        let mut mischief = mischief(&["stop-reading-for=2s"]);
        let now = Instant::now();
        let mut tempers = [0, 1].map(|connection| mischief.temper(connection, now));
        assert_eq!(tempers[0].next_due(), None, "nothing was sent");
        tempers[0].sent(&mut mischief, now);
        tempers[1].sent(&mut mischief, now + ms(500));
        for temper in &mut tempers {
            let stop = temper.next_due().unwrap();
            assert_eq!(stop, now + STOP_READING_AFTER);
            assert!(temper.listens(stop));
            assert_eq!(temper.due(&mut mischief, stop), Some(Deed::StopReading));
            assert!(!temper.listens(stop + ms(1_999)));
            assert_eq!(temper.next_due(), Some(stop + ms(2_000)));
            assert!(temper.listens(stop + ms(2_000)));
            assert_eq!(temper.due(&mut mischief, stop + ms(2_000)), None);
            assert_eq!(temper.next_due(), None);
        }
        let mut late = mischief.temper(2, now);
        late.sent(&mut mischief, now + ms(1_001));
        assert_eq!(late.next_due(), None, "it is over");
    }

    #[test]
    fn a_rate_of_receipts_is_shared_and_no_time_is_saved_up() {
        let mut mischief = mischief(&["receipt-rate=1000", "receipt-delay=5ms"]);
        let now = Instant::now();
        assert_eq!(mischief.receipt_due(10, now), now + ms(15));
        assert_eq!(mischief.receipt_due(10, now), now + ms(25));
        let later = now + ms(10_000);
        assert_eq!(mischief.receipt_due(10, later), later + ms(15));
        assert!(mischief.receipt_due(u64::MAX, now) > later);
    }
}
