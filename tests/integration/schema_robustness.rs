//! Whatever the text of a schema is, it is compiled or refused: never a panic, never an endless
//! loop, never more memory than a schema may take.
//!
//! A case is a number: the same number is the same text in every run. `scripts/fuzz-schemas` runs
//! many of them; the tests run a few thousand.

use std::fs::File;
use std::io;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fastrand::Rng;
use producer_load::clock;
use producer_load::memory;
use producer_load::program::Parameters;
use producer_load::program::Program;
use producer_load::rng::mix;
use producer_load::schema::Encoding;
use producer_load::schema::EventSchema;
use producer_load::schema::inline_options;
use producer_load::units::Sources;
use rustix::time::ClockId;
use rustix::time::clock_gettime;

use crate::records::EVENT_TIME_MS;
use crate::records::identity;

mod mutate;
mod texts;

use mutate::Seeds;

/// Processor time that a case may take.
const CASE_NS_MAX: u64 = 2_000_000_000;

/// Time without an end of a case after which it counts as endless.
const ENDLESS: Duration = Duration::from_secs(120);

/// What the process may take at most, in the run of the script.
const MEMORY_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Programs with shorter records than this are tried out as a run does; of longer ones a few
/// records are made.
const TRIED_BYTES_MAX: usize = 64 * 1024;

fn text_of(seeds: &Seeds, case: u64) -> String {
    let rng = &mut Rng::with_seed(mix(case));
    if rng.u8(..3) == 0 { texts::hostile(rng) } else { seeds.text(rng) }
}

/// How far a text came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// It is no schema.
    Unparsed,
    /// It is one that cannot be made.
    Refused,
    /// Its records were made.
    Made,
}

/// Takes a text through everything that a run does before its first message.
fn run(case: u64, text: &str) -> Result<Came, String> {
    let none = |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
    let Ok(text) = inline_options(text, &none) else { return Ok(Came::Unparsed) };
    let Ok(schema) = EventSchema::parse("case", &text) else { return Ok(Came::Unparsed) };
    if schema.shape().is_err_and(|error| error.path.is_empty()) {
        return Err("an error without a path".to_owned());
    }
    let end = match case % 4 {
        0 => 1,
        1 => 50,
        2 => 10_000,
        _ => 10_000_000_000,
    };
    let sources = Sources { first: 0, end };
    let mut came = Came::Refused;
    for encoding in [Encoding::Avro, Encoding::Json] {
        let parameters = Parameters { encoding, ..Parameters::new(identity(case), sources) };
        match Program::compile(&schema, &parameters) {
            Ok(program) => made(&schema, &program)?,
            Err(error) if error.to_string().is_empty() => return Err("an empty error".to_owned()),
            Err(_) => continue,
        }
        came = Came::Made;
    }
    Ok(came)
}

fn made(schema: &EventSchema, program: &Program) -> Result<(), String> {
    if program.bytes_max() <= TRIED_BYTES_MAX {
        return program.try_out(schema, EVENT_TIME_MS).map_err(|error| error.to_string());
    }
    let (mut draw, mut window) = (program.draw(), vec![0; program.bytes_max()]);
    for index in [0, 1 << 40] {
        program.begin(&mut draw, index, EVENT_TIME_MS);
        program.encode(&mut draw, &mut window);
    }
    Ok(())
}

fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// What a run of cases came to.
#[derive(Debug, Default)]
struct Tally {
    came: [u64; 3],
    /// The longest case: its processor time, and which it was.
    longest: (u64, u64),
    /// What must not be, with its text.
    failures: Vec<String>,
}

/// Where a thread is: the case, and when it began (nanoseconds; 0: it has ended).
#[derive(Default)]
struct Place {
    case: AtomicU64,
    since_ns: AtomicU64,
}

/// What the threads of a run share.
struct Cases {
    run: fn(u64, &str) -> Result<Came, String>,
    began: clock::Moment,
    next: AtomicU64,
    end: u64,
    places: [Place; WORKERS],
    tally: Mutex<Tally>,
}

const WORKERS: usize = 2;
const FAILURES_MAX: usize = 10;

impl Cases {
    /// Runs cases until there are none left. Where the process ends in the middle of one, such as
    /// by an overflow of its stack, the file has its number.
    fn work(&self, worker: usize, file: &File) {
        let seeds = Seeds::read();
        let place = &self.places[worker];
        loop {
            let case = self.next.fetch_add(1, Ordering::Relaxed);
            if case >= self.end {
                break;
            }
            file.write_at(format!("{case:>20}\n").as_bytes(), worker as u64 * 21).unwrap();
            place.case.store(case, Ordering::Relaxed);
            place.since_ns.store(clock::now().ns_since(self.began).max(1), Ordering::Release);
            let text = text_of(&seeds, case);
            let began = thread_cpu_ns();
            let ended = catch_unwind(AssertUnwindSafe(|| (self.run)(case, &text)));
            self.note(case, &text, thread_cpu_ns() - began, ended);
        }
        place.since_ns.store(0, Ordering::Release);
    }

    fn note(
        &self,
        case: u64,
        text: &str,
        taken_ns: u64,
        ended: std::thread::Result<Result<Came, String>>,
    ) {
        let mut tally = self.tally.lock().unwrap();
        tally.longest = tally.longest.max((taken_ns, case));
        let what = match ended {
            Ok(Ok(came)) => {
                tally.came[came as usize] += 1;
                return;
            }
            Ok(Err(what)) => what,
            Err(_) => "a panic".to_owned(),
        };
        if tally.failures.len() < FAILURES_MAX {
            let text: String = text.chars().take(2_000).collect();
            tally.failures.push(format!("case {case}: {what}: {text}"));
        }
    }

    /// Returns a case that has not ended for too long.
    fn endless(&self, after: Duration) -> Option<u64> {
        let now = u128::from(clock::now().ns_since(self.began));
        let stuck = self.places.iter().find(|place| {
            let since = u128::from(place.since_ns.load(Ordering::Acquire));
            since > 0 && now > since + after.as_nanos()
        });
        stuck.map(|place| place.case.load(Ordering::Relaxed))
    }
}

/// Runs cases `first` to `end` and returns what they came to.
fn run_cases(
    cases: std::ops::Range<u64>,
    file: File,
    run: fn(u64, &str) -> Result<Came, String>,
    endless: Duration,
) -> Tally {
    let cases = Arc::new(Cases {
        run,
        began: clock::now(),
        next: AtomicU64::new(cases.start),
        end: cases.end,
        places: Default::default(),
        tally: Mutex::default(),
    });
    let file = Arc::new(file);
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (cases, file) = (Arc::clone(&cases), Arc::clone(&file));
            std::thread::spawn(move || cases.work(worker, &file))
        })
        .collect();
    while !workers.iter().all(std::thread::JoinHandle::is_finished) {
        std::thread::sleep(Duration::from_millis(10));
        if let Some(case) = cases.endless(endless) {
            panic!("case {case} does not end: {}", text_of(&Seeds::read(), case));
        }
    }
    let tally = std::mem::take(&mut *cases.tally.lock().unwrap());
    tally
}

fn assert_well(tally: &Tally, case_ns_max: u64) {
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n"));
    let (taken_ns, case) = tally.longest;
    assert!(taken_ns < case_ns_max, "case {case} took {} ms", taken_ns / 1_000_000);
}

#[test]
fn texts_are_compiled_or_refused() {
    let tally = run_cases(0..3_000, tempfile::tempfile().unwrap(), run, ENDLESS);
    // Without optimisation everything takes about ten times as long.
    assert_well(&tally, 10 * CASE_NS_MAX);
    assert!(tally.came.iter().all(|count| *count > 300), "{:?}", tally.came);
}

#[test]
#[ignore = "runs for minutes: scripts/fuzz-schemas runs it"]
fn fuzz_schemas_in_great_number() {
    let variable = |name: &str, otherwise| {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
    };
    let first = variable("PRODUCER_LOAD_FUZZ_FIRST", 0);
    let count = variable("PRODUCER_LOAD_FUZZ_CASES", 1_000_000);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-schemas.cases");
    let file = File::create(path).unwrap();
    let tally = run_cases(first..first + count, file, run, ENDLESS);
    let [unparsed, refused, made] = tally.came;
    let memory = memory::rss_bytes_max().unwrap();
    writeln!(
        io::stdout(),
        "{count} cases: {unparsed} no schemas, {refused} refused, {made} made; the longest took \
         {} ms (case {}), memory {} MiB at most",
        tally.longest.0 / 1_000_000,
        tally.longest.1,
        memory >> 20,
    )
    .unwrap();
    assert_well(&tally, CASE_NS_MAX);
    assert!(memory < MEMORY_BYTES_MAX, "{} MiB", memory >> 20);
}

#[test]
fn a_case_is_the_same_text_every_time() {
    let (one, other) = (Seeds::read(), Seeds::read());
    assert!((0..200).all(|case| text_of(&one, case) == text_of(&other, case)));
    assert_ne!(text_of(&one, 1), text_of(&one, 2));
}

#[test]
fn what_must_not_be_is_found() {
    let planted = |case, _: &str| match case {
        3 => panic!("planted"),
        5 => Err("planted".to_owned()),
        _ => Ok(Came::Made),
    };
    let file = || tempfile::tempfile().unwrap();
    let tally = run_cases(0..9, file(), planted, ENDLESS);
    assert_eq!(tally.came, [0, 0, 7]);
    let (found, mut cases) = (tally.failures.join("\n"), [3, 5].iter());
    assert!(cases.all(|case| found.contains(&format!("case {case}: "))), "{found}");
    assert!(catch_unwind(|| assert_well(&tally, u64::MAX)).is_err());
    let slow = Tally { longest: (CASE_NS_MAX, 1), ..Tally::default() };
    assert!(catch_unwind(|| assert_well(&slow, CASE_NS_MAX)).is_err());
    let sleeps = |case, _: &str| {
        std::thread::sleep(Duration::from_millis(if case == 7 { 600 } else { 0 }));
        Ok(Came::Made)
    };
    let ended = catch_unwind(|| run_cases(0..9, file(), sleeps, Duration::from_millis(100)));
    let said = ended.unwrap_err().downcast::<String>().unwrap();
    assert!(said.starts_with("case 7 does not end"), "{said}");
}
