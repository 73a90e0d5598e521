//! Whatever the text of a schema is, it is compiled or refused: never a panic, never an endless
//! loop, never more memory than a schema may take.
//!
//! A case is a number: the same number is the same text in every run. `scripts/fuzz-schemas` runs
//! many of them; the tests run a few thousand.

use std::fs::File;
use std::io;
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
    let sources = Sources { first: 0, end: [1, 50, 10_000, 10_000_000_000][case as usize % 4] };
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
    next: AtomicU64,
    end: u64,
    places: Vec<Place>,
    tally: Mutex<Tally>,
}

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
            place.since_ns.store(clock::now().ns_since(clock::Moment::default()).max(1), Ordering::Release);
            let text = text_of(&seeds, case);
            let began = thread_cpu_ns();
            let ended = catch_unwind(AssertUnwindSafe(|| run(case, &text)));
            let taken = thread_cpu_ns() - began;
            let mut tally = self.tally.lock().unwrap();
            tally.longest = tally.longest.max((taken, case));
            let failure = match ended {
                Ok(Ok(came)) => {
                    tally.came[came as usize] += 1;
                    None
                }
                Ok(Err(what)) => Some(what),
                Err(_) => Some("a panic".to_owned()),
            };
            if let Some(what) = failure.filter(|_| tally.failures.len() < FAILURES_MAX) {
                let text: String = text.chars().take(2_000).collect();
                tally.failures.push(format!("case {case}: {what}: {text}"));
            }
        }
        place.since_ns.store(0, Ordering::Release);
    }
}
