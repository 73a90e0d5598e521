//! A run that goes on and on while the broker is cut off, stopped, killed and started again in an
//! order of chance: nothing is lost, nothing is counted wrong, and nothing grows.
//!
//! First come rounds. Each is the life of a broker with faults of its own; in its middle the
//! process may be stopped or killed. At its end the producer is frozen until all that was on its
//! way has come, verify reads everything, and the broker is killed. What the next one holds has to
//! go on where this one ended. The second half is one broker with all steady faults at once: there
//! it, too, has to be flat. The producer is one process from the beginning to the end.
//!
//! `scripts/soak` runs it for minutes, the tests for seconds.

use std::path::Path;
use std::time::Duration;

use producer_load::clock;
use producer_load::clock::Moment;
use serde_json::Value;

use crate::program::run;

mod course;
mod gauge;
mod judgement;
mod process;

use course::Course;
use course::Deed;
use course::Round;
use course::STEADY;
use gauge::Sample;
use gauge::Series;
use judgement::Held;
use judgement::wrong_report;
use judgement::wrong_result;
use process::Running;
use process::happens;
use process::has_bytes_on_their_way;
use process::since;

/// Each has one producer, so that it is known to a record what has to be there.
const TOPICS: [&str; 2] = ["soak-0", "soak-1"];

/// What a broker keeps of a topic: in a round everything, then so little that it soon is full.
const RETAINED: &str = "4G";
const RETAINED_STEADY: &str = "1M";

/// How long the run may take beyond its time to overcome what came last.
const OVERTIME: Duration = Duration::from_mins(2);

/// How long the longest fault keeps a broker from reading what has come.
const DRAINED_WITHIN: Duration = Duration::from_secs(3);

/// What was asked for.
struct Wish {
    seconds: u64,
    seed: u64,
    rates: &'static [&'static str],
    /// Instead of all faults, to show that what they do wrong is found.
    planted: Option<&'static [&'static str]>,
}

/// Returns how many connections and producers a run has lost, as it says.
fn losses(producer: &Running) -> usize {
    let said = producer.said();
    [" is lost: ", "lost producer "].map(|words| said.matches(words).count()).iter().sum()
}

/// A soak while it runs.
struct Soak<'a> {
    wish: &'a Wish,
    folder: &'a Path,
    start: Moment,
    /// Of the broker, the same all the time; 0 before the first one.
    port: u16,
    brokers: u32,
    producer_samples: Series,
    broker_samples: Series,
    earlier: [Option<Held>; TOPICS.len()],
    records: u64,
    repeated: u64,
    findings: Vec<String>,
}

#[expect(clippy::print_stdout, reason = "it is captured unless minutes are to be watched")]
fn say(text: &str) {
    println!("{text}");
}

impl Soak<'_> {
    fn url(&self) -> String {
        format!("pulsar://127.0.0.1:{}", self.port)
    }

    /// Starts a broker, where the ones before it were.
    fn broker(&mut self, faults: &[&str], seed: u64, retained: &str) -> Running {
        let faults = self.wish.planted.unwrap_or(faults);
        let (listen, seed) = (format!("127.0.0.1:{}", self.port), seed.to_string());
        let mut arguments = vec!["broker", "--listen", &listen, "--retain", retained];
        if !faults.is_empty() {
            arguments.extend(["--seed", &seed]);
        }
        arguments.extend(faults.iter().flat_map(|fault| ["--fault", fault]));
        self.brokers += 1;
        let broker = Running::start(self.folder, &format!("broker-{}", self.brokers), &arguments);
        let port = || {
            let said = broker.said();
            let (_, rest) = said.split_once("pulsar://127.0.0.1:")?;
            rest.lines().next()?.trim().parse::<u16>().ok()
        };
        assert!(happens(|| port().is_some()), "{}", broker.said());
        self.port = port().unwrap();
        broker
    }

    fn producer(&self, stages: &str) -> Running {
        let (url, seed) = (self.url(), self.wish.seed.to_string());
        let report = self.report_file();
        let mut arguments = vec!["-u", &url, "-t", "soak", "--num-topics", "2", "-n", "1"];
        arguments.extend(["--lanes", "1", "--max-lag", "0", "--drain-timeout", "90s"]);
        arguments.extend(["--keep-alive-interval", "1s", "--connect-timeout", "60s"]);
        arguments.extend(["--stages", stages, "--seed", &seed, "--report", &report]);
        Running::start(self.folder, "producer", &arguments)
    }

    fn report_file(&self) -> String {
        self.folder.join("report.json").to_str().unwrap().to_owned()
    }

    /// Waits and samples the producer, and this broker too if it is given.
    fn wait(&mut self, how_long: Duration, producer: &mut Running, broker: Option<u32>) {
        let begun = clock::now();
        let period = Duration::from_millis(self.wish.seconds)
            .clamp(Duration::from_millis(20), Duration::from_secs(1));
        while since(begun) < how_long && producer.ended().is_none() {
            std::thread::sleep(period.min(how_long));
            self.producer_samples.sample(producer.id());
            if let Some(broker) = broker {
                self.broker_samples.sample(broker);
            }
        }
    }

    /// Plays one round to its end; the broker is dead then.
    fn play(&mut self, round: &Round, length: Duration, producer: &mut Running, broker: Running) {
        let mut broker = broker;
        let lost_before = losses(producer);
        self.wait(length / 2, producer, None);
        let deed = if self.wish.planted.is_some() { Deed::Leave } else { round.deed };
        match deed {
            Deed::Leave => {}
            Deed::Stop(ms) => {
                broker.signal("STOP");
                self.wait(Duration::from_millis(ms), producer, None);
                broker.signal("CONT");
            }
            Deed::Kill(ms) => {
                broker.kill();
                self.wait(Duration::from_millis(ms), producer, None);
                broker = self.broker(round.faults, round.seed, RETAINED);
                // What the dead one held nobody knows.
                self.earlier = [None; TOPICS.len()];
            }
        }
        self.wait(length / 2, producer, None);
        producer.signal("STOP");
        let drained = clock::now();
        while has_bytes_on_their_way(self.port) && since(drained) < DRAINED_WITHIN {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(100));
        let may_reorder = round.faults.iter().any(|fault| fault.starts_with("send-error"));
        let may_repeat = losses(producer) > lost_before;
        self.verify(may_reorder, may_repeat, &[]);
        broker.kill();
        producer.signal("CONT");
    }

    /// Verifies what a broker holds of each topic, and holds it against what was there before.
    fn verify(&mut self, may_reorder: bool, may_repeat: bool, more: &[&str]) {
        let url = self.url();
        for (place, topic) in TOPICS.into_iter().enumerate() {
            let mut arguments = vec!["verify", "-u", &url, "-t", topic];
            arguments.extend(["--output-format", "json", "--connect-timeout", "60s"]);
            arguments.extend(["--keep-alive-interval", "300ms"]);
            arguments.extend(more);
            let said = run(&arguments);
            let Ok(result) = serde_json::from_str::<Value>(&said.out) else {
                self.findings.push(format!("verify failed: {}", said.log));
                continue;
            };
            let mut wrong = wrong_result(&result, may_reorder);
            let held = Held::read(&result);
            if let Some(held) = held {
                wrong.extend(held.wrong());
                if held.repeated > 0 && !may_repeat {
                    wrong.push(format!("{} repeated, and nothing was cut off", held.repeated));
                }
                self.records += held.records;
                self.repeated += held.repeated;
                if let Some(earlier) = &self.earlier[place] {
                    wrong.extend(held.wrong_behind(earlier));
                    self.repeated += held.shared_with(earlier);
                }
                self.earlier[place] = Some(held);
            }
            let wrong = wrong.into_iter().map(|wrong| {
                format!("{topic}, broker {}: {wrong}; {held:?}; {}", self.brokers, said.log.trim())
            });
            let known = self.findings.len();
            self.findings.extend(wrong);
            self.findings[known..].iter().for_each(|finding| say(finding));
        }
    }

    /// Holds the run's report, and how it ended, against what was seen.
    fn conclude(&mut self, producer: &mut Running) {
        if let Some(code @ (0 | 98)) = producer.ended().and_then(|status| status.code()) {
            let text = std::fs::read_to_string(self.report_file()).unwrap();
            let report: Value = serde_json::from_str(&text).unwrap();
            self.findings.extend(wrong_report(&report, self.repeated));
            say(&format!("totals: {}", report["totals"]));
            say(&format!("losses: {}, exit code {code}", report["losses"]));
        } else {
            let (code, said) = (producer.ended(), producer.said_last());
            self.findings.push(format!("the run ended with {code:?}: {said}"));
        }
        self.findings.extend(self.producer_samples.growth("the producer"));
        self.findings.extend(self.broker_samples.growth("the broker"));
        say(&format!("producer: {}", self.producer_samples.text()));
        say(&format!("broker:   {}", self.broker_samples.text()));
    }
}

/// Runs a soak; returns what was wrong.
fn soak(wish: &Wish) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut course = Course::new(wish.seed);
    let length = (wish.seconds / 45).clamp(3, 20);
    let stages = course.stages(wish.seconds, length, wish.rates);
    say(&format!("soak of {} s, seed {}: {stages}", wish.seconds, wish.seed));
    let mut soak = Soak {
        wish,
        folder: folder.path(),
        start: clock::now(),
        port: 0,
        brokers: 0,
        producer_samples: Series::default(),
        broker_samples: Series::default(),
        earlier: [None; TOPICS.len()],
        records: 0,
        repeated: 0,
        findings: Vec::new(),
    };
    let mut producer: Option<Running> = None;
    let mut rounds = 0;
    while since(soak.start).as_secs() < wish.seconds / 2 {
        let round = course.round(length);
        rounds += 1;
        let (records, repeated) = (soak.records, soak.repeated);
        if let Some(producer) = &mut producer {
            soak.wait(Duration::from_millis(round.away_ms), producer, None);
        }
        let broker = soak.broker(round.faults, round.seed, RETAINED);
        let producer = producer.get_or_insert_with(|| soak.producer(&stages));
        soak.play(&round, Duration::from_secs(length), producer, broker);
        let held = soak.producer_samples.0.last().copied().unwrap_or_default();
        let Sample { rss_kib, descriptors, threads } = held;
        say(&format!(
            "round {rounds}, {:.0} s: {round}: {} records, {} repeated; producer {rss_kib} KiB, \
             {descriptors} descriptors, {threads} threads; {} findings",
            since(soak.start).as_secs_f64(),
            soak.records - records,
            soak.repeated - repeated,
            soak.findings.len(),
        ));
    }
    let mut producer = producer.unwrap();
    let broker = soak.broker(STEADY, wish.seed, RETAINED_STEADY);
    say(&format!("to the end: {}", STEADY.join(", ")));
    while producer.ended().is_none()
        && since(soak.start) < Duration::from_secs(wish.seconds) + OVERTIME
    {
        soak.wait(Duration::from_secs(1), &mut producer, Some(broker.id()));
    }
    if producer.ended().is_some() {
        let report = soak.report_file();
        soak.verify(true, true, &["--report", &report]);
    }
    soak.conclude(&mut producer);
    say(&format!("{} records verified in {rounds} rounds", soak.records));
    soak.findings
}

fn number_of(variable: &str) -> Option<u64> {
    let said = std::env::var(variable).ok()?;
    Some(said.parse().unwrap_or_else(|_| panic!("{variable} is no number: {said}")))
}

#[test]
#[ignore = "takes minutes: scripts/soak runs it"]
fn soak_for_minutes() {
    let wish = Wish {
        seconds: number_of("SOAK_MINUTES").unwrap_or(1) * 60,
        seed: number_of("SOAK_SEED").unwrap_or(1),
        rates: &["1k", "3k", "10k", "30k", "100k"],
        planted: None,
    };
    let findings = soak(&wish);
    assert!(findings.is_empty(), "{} findings\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn seconds_of_a_soak_lose_nothing_and_leave_nothing_behind() {
    let rates = &["1k", "10k"];
    let findings = soak(&Wish { seconds: 18, seed: 2, rates, planted: None });
    assert!(findings.is_empty(), "{} findings\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn a_soak_finds_what_a_broker_loses_and_repeats() {
    let rates = &["5k"];
    for (planted, words) in
        [(&["lose=1"][..], " missing before "), (&["repeat=1"], " repeated, and nothing")]
    {
        let findings = soak(&Wish { seconds: 9, seed: 1, rates, planted: Some(planted) });
        assert!(findings.iter().any(|it| it.contains(words)), "{planted:?}: {findings:#?}");
    }
}
