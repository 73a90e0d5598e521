//! Which topic and partition a record goes to: a pure function of its stream and its key, or of its
//! index where it has none.
//!
//! A stream has one topic and a producer on each of its partitions. A keyed record lands where the
//! Java client would put it: the hash of the key, without its sign, modulo the number of partitions
//! (`RoundRobinPartitionMessageRouterImpl`, `JavaStringHash`, `Murmur3_32Hash`). Java does so in
//! every mode; here a mode that was asked for holds for keyed records too.

use std::str::FromStr;

use serde::Serialize;

/// How records are spread over partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// By key where there is one, else in turn.
    #[default]
    Key,
    /// In turn, a batch of every stream to each partition.
    RoundRobin,
    /// Each stream to one partition.
    Single,
}

/// How a key becomes a number, as the Java client's `hashingScheme` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyHash {
    /// `JavaStringHash`, the default of every client.
    #[default]
    Java,
    /// `Murmur3_32Hash`.
    Murmur3,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// How records are spread.
    pub mode: Mode,
    /// How keys are hashed.
    pub hash: KeyHash,
}

/// A name that stands for no mode or hash.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("it is not {expected}")]
pub struct RuleUnknown {
    expected: &'static str,
}

impl FromStr for Mode {
    type Err = RuleUnknown;

    fn from_str(text: &str) -> Result<Self, RuleUnknown> {
        match text {
            "key" => Ok(Self::Key),
            "round-robin" => Ok(Self::RoundRobin),
            "single" => Ok(Self::Single),
            _ => Err(RuleUnknown { expected: "key, round-robin or single" }),
        }
    }
}

impl FromStr for KeyHash {
    type Err = RuleUnknown;

    fn from_str(text: &str) -> Result<Self, RuleUnknown> {
        match text {
            "java" | "JavaStringHash" => Ok(Self::Java),
            "murmur3" | "Murmur3_32Hash" => Ok(Self::Murmur3),
            _ => Err(RuleUnknown { expected: "java or murmur3" }),
        }
    }
}

/// The rule for the topics of one run. Producers are numbered stream by stream, and of a stream
/// partition by partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    rule: Rule,
    stripe: u64,
    streams: u32,
    /// Partitions of each topic, at least one.
    topics: Vec<u32>,
}

impl Routing {
    /// Makes the rule for topics of so many partitions (0: not partitioned, which is one), written
    /// by so many streams, with so many records in a stripe.
    #[must_use]
    pub fn new(rule: Rule, topics: &[u32], streams: u32, stripe: u64) -> Self {
        let topics = topics.iter().map(|&partitions| partitions.max(1)).collect();
        Self { rule, stripe: stripe.max(1), streams, topics }
    }

    /// Returns what was asked for.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// Returns the way of a stream's records.
    #[must_use]
    pub fn of(&self, stream: u32) -> Route {
        let topics = u32::try_from(self.topics.len()).unwrap_or(u32::MAX);
        let (round, topic) = (stream / topics, stream % topics);
        let before = &self.topics[..topic as usize];
        let of_all: u32 = self.topics.iter().sum();
        Route {
            rule: self.rule,
            stripe: self.stripe,
            topic,
            partitions: self.topics[topic as usize],
            first_producer: round * of_all + before.iter().sum::<u32>(),
            single: round % self.topics[topic as usize],
        }
    }

    /// Returns how many producers some streams have.
    #[must_use]
    pub fn producers_of(&self, streams: &[u32]) -> u64 {
        streams.iter().map(|&stream| u64::from(self.of(stream).partitions)).sum()
    }

    /// Returns every stream's way, in order.
    pub fn routes(&self) -> impl Iterator<Item = Route> {
        (0..self.streams).map(|stream| self.of(stream))
    }
}

/// The way of one stream's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    rule: Rule,
    stripe: u64,
    /// The topic that the stream writes, among those of the run.
    pub topic: u32,
    /// How many partitions it has.
    pub partitions: u32,
    first_producer: u32,
    single: u32,
}

impl Route {
    /// Returns the producer of a partition.
    #[must_use]
    pub const fn producer(self, partition: u32) -> u32 {
        self.first_producer + partition
    }

    /// Returns whether a record with this key has its partition by it.
    #[must_use]
    pub fn is_by_key(self, key: &[u8]) -> bool {
        self.rule.mode == Mode::Key && !key.is_empty()
    }

    /// Returns the partition of records with a key of this hash, where keys decide.
    #[must_use]
    pub fn partition_of(self, hash: u32) -> Option<u32> {
        (self.rule.mode == Mode::Key).then(|| self.by_hash(hash))
    }

    fn by_hash(self, hash: u32) -> u32 {
        (hash & 0x7fff_ffff) % self.partitions
    }

    /// Returns the partition of a record, `0..partitions`.
    #[must_use]
    pub fn partition(self, index: u64, key: &[u8]) -> u32 {
        self.partition_by(index, key, || self.rule.hash.of(key))
    }

    /// Returns the partition of a record whose key was perhaps hashed before.
    pub fn partition_by(self, index: u64, key: &[u8], hash: impl FnOnce() -> u32) -> u32 {
        if self.partitions == 1 {
            0
        } else if self.rule.mode == Mode::Single {
            self.single
        } else if self.is_by_key(key) {
            self.by_hash(hash())
        } else {
            let partition = (index / self.stripe) % u64::from(self.partitions);
            u32::try_from(partition).unwrap_or_default()
        }
    }
}

/// The hashes of keys that come again, each computed once: hashing a key costs more than a look at
/// what is known.
#[derive(Debug)]
pub struct KeyHashes {
    hash: KeyHash,
    /// By the key's number; no hash without its sign bit is [`UNKNOWN`].
    known: Box<[u32]>,
}

const UNKNOWN: u32 = u32::MAX;

impl KeyHashes {
    /// Makes room for this many keys.
    #[must_use]
    pub fn new(rule: Rule, keys: usize) -> Self {
        Self { hash: rule.hash, known: vec![UNKNOWN; keys].into() }
    }

    /// Returns the hash of a key that came before.
    #[must_use]
    pub fn known(&self, number: usize) -> Option<u32> {
        self.known.get(number).copied().filter(|&hash| hash != UNKNOWN)
    }

    /// Returns the hash of a key, without its sign bit.
    pub fn of(&mut self, number: usize, key: &[u8]) -> u32 {
        let Some(known) = self.known.get_mut(number) else { return self.hash.of(key) };
        if *known == UNKNOWN {
            *known = self.hash.of(key) & 0x7fff_ffff;
        }
        *known
    }
}

impl KeyHash {
    fn of(self, key: &[u8]) -> u32 {
        match self {
            Self::Java => java_string_hash(key),
            // Reading from memory cannot fail.
            Self::Murmur3 => murmur3::murmur3_32(&mut &*key, 0).unwrap_or_default(),
        }
    }
}

/// Returns `String.hashCode()` of Java: over UTF-16 code units, `31 * hash + unit`, wrapping.
fn java_string_hash(key: &[u8]) -> u32 {
    const POWERS: [u32; 4] = [31, 31 * 31, 31 * 31 * 31, 31 * 31 * 31 * 31];
    if key.is_ascii() {
        // Four at a time: each product waits for the one before it only once.
        let (fours, rest) = key.as_chunks::<4>();
        let hash = fours.iter().fold(0, |hash: u32, &[a, b, c, d]| {
            let four = u32::from(a) * POWERS[2]
                + u32::from(b) * POWERS[1]
                + u32::from(c) * POWERS[0]
                + u32::from(d);
            hash.wrapping_mul(POWERS[3]).wrapping_add(four)
        });
        return rest.iter().fold(hash, |hash, &byte| step(hash, byte.into()));
    }
    String::from_utf8_lossy(key).encode_utf16().fold(0, |hash, unit| step(hash, unit.into()))
}

const fn step(hash: u32, unit: u32) -> u32 {
    hash.wrapping_mul(31).wrapping_add(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(mode: Mode, partitions: u32) -> Route {
        let rule = Rule { mode, hash: KeyHash::Java };
        Routing::new(rule, &[partitions], 1, 100).of(0)
    }

    #[test]
    fn hashes_are_those_of_java() {
        // jshell> "hello".hashCode() and so on.
        let hash = |text: &str| java_string_hash(text.as_bytes());
        assert_eq!(hash(""), 0);
        assert_eq!(hash("hello"), 99_162_322);
        assert_eq!(hash("source-0000001").cast_signed(), 759_410_303);
        assert_eq!(hash("Zürich €𝄞").cast_signed(), 2_033_246_644);
        // The reference vectors of MurmurHash3_x86_32 (SMHasher).
        assert_eq!(KeyHash::Murmur3.of(b""), 0);
        assert_eq!(KeyHash::Murmur3.of(b"Hello, world!"), 0xc036_3e43);
    }

    #[test]
    fn keys_land_where_the_java_client_puts_them() {
        // Made with the Java client; tests/golden/README.md says how.
        let vectors = include_str!("../tests/golden/partitions.csv");
        let (head, lines) = vectors.split_once('\n').unwrap();
        let counts: Vec<u32> = head.split(';').skip(3).map(|n| n.parse().unwrap()).collect();
        let mut keys = 0;
        for line in lines.lines() {
            let cells: Vec<&str> = line.split(';').collect();
            let (key, hash) = (cells[0].as_bytes(), cells[1].parse::<KeyHash>().unwrap());
            // Java's hashes have no sign.
            assert_eq!((hash.of(key) & 0x7fff_ffff).to_string(), cells[2], "{line}");
            let rule = Rule { mode: Mode::Key, hash };
            for (&partitions, theirs) in counts.iter().zip(&cells[3..]) {
                let route = Routing::new(rule, &[partitions], 1, 100).of(0);
                assert_eq!(route.partition(0, key).to_string(), *theirs, "{line}");
            }
            keys += 1;
        }
        assert!(keys > 80 && counts == [4, 7, 16, 64], "{keys} {counts:?}");
        // The one difference: Java hashes an empty key, to which nothing but 0 comes; a record
        // without a key and one with an empty key are the same to us, and dealt in turn.
        assert_eq!(route(Mode::Key, 4).partition(100, b""), 1);
    }

    #[test]
    fn keys_decide_and_stripes_deal_in_turn() {
        let route = route(Mode::Key, 4);
        assert_eq!(route.partition(1, b"hello"), 99_162_322 % 4);
        let mut hashes = KeyHashes::new(Rule::default(), 2);
        for (number, key) in [(0, "hello"), (1, "source-0000001"), (0, "hello"), (2, "hello")] {
            let hash = hashes.of(number, key.as_bytes());
            let again = route.partition_by(0, key.as_bytes(), || hash);
            assert_eq!(again, route.partition(0, key.as_bytes()), "{number}");
        }
        assert_eq!(route.partition(2, b"hello"), route.partition(1, b"hello"));
        let striped: Vec<u32> = (0..10).map(|stripe| route.partition(stripe * 100, b"")).collect();
        assert_eq!(striped, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]);
        assert_eq!(route.partition(99, b""), 0);
        assert_eq!(self::route(Mode::Key, 0).partition(7, b"hello"), 0);
    }

    #[test]
    fn a_mode_that_was_asked_for_holds_for_keys_too() {
        let turns = route(Mode::RoundRobin, 4);
        assert_eq!([0, 100, 200].map(|index| turns.partition(index, b"hello")), [0, 1, 2]);
        let rule = Rule { mode: Mode::Single, ..Rule::default() };
        let routing = Routing::new(rule, &[4, 4], 6, 100);
        let of = |stream| [0, 100, 200].map(|index| routing.of(stream).partition(index, b"hello"));
        assert_eq!((of(0), of(1), of(2), of(5)), ([0; 3], [0; 3], [1; 3], [2; 3]));
    }

    #[test]
    fn every_producer_has_one_number() {
        let routing = Routing::new(Rule::default(), &[3, 0, 2], 7, 1);
        let numbers: Vec<u32> = routing
            .routes()
            .flat_map(|route| (0..route.partitions).map(move |partition| route.producer(partition)))
            .collect();
        assert_eq!(numbers, (0..15).collect::<Vec<_>>());
        let topics: Vec<u32> = routing.routes().map(|route| route.topic).collect();
        assert_eq!(topics, [0, 1, 2, 0, 1, 2, 0]);
    }
}
