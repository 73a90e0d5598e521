//! Robustness over the text of a schema: whatever stands in a file, it is refused or makes records,
//! without a panic, without an endless loop and in little memory; and what makes records makes
//! those that apache-avro reads.
//!
//! `scripts/fuzz-schemas` runs many cases, the tests a few. A case follows from the seed and its
//! number, so that one can be made again.

use std::cell::RefCell;
use std::fs::File;
use std::io::Seek;
use std::io::Write;
use std::panic;
use std::panic::AssertUnwindSafe;
use std::sync::Once;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread::Builder;
use std::thread::Scope;
use std::time::Duration;

use bumpalo::Bump;
use fastrand::Rng;
use producer_load::clock;
use producer_load::memory;
use producer_load::program::KeyChoice;
use producer_load::program::Parameters;
use producer_load::program::Program;
use producer_load::rng::Identity;
use producer_load::schema::Encoding;
use producer_load::schema::EventSchema;
use producer_load::units::Sources;
use serde_json::Value;

mod hostile;
mod mutants;

use mutants::Corpus;

const CASES: u64 = 2_000;

/// 2023-11-14 22:13:20.123 UTC.
const EVENT_TIME_MS: u64 = 1_700_000_000_123;

/// A case may take so much of the processor's time.
const CASE_NS_MAX: u64 = 2_000_000_000;

/// After so many looks at a case that does not end, a second each, all ends.
const LOOKS_MAX: u32 = 60;

/// A case may hold so much at a time.
const CASE_BYTES_MAX: u64 = 256 << 20;

/// The process may hold so much when it runs nothing but these cases.
const PROCESS_BYTES_MAX: u64 = 512 << 20;

/// What a main thread has, nearly everywhere.
const STACK_BYTES: usize = 8 << 20;

/// Records of longer ones are not tried out, as that takes 32 of them.
const TRIED_BYTES_MAX: usize = 16 << 10;

/// Findings that are made small and printed.
const FINDINGS_MAX: usize = 20;

thread_local! {
    /// What the panic of a case says; `None` while no case runs on this thread.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What a text is compiled for.
#[derive(Clone, Debug)]
struct Wish {
    encoding: Encoding,
    key: KeyChoice,
}

impl Wish {
    fn of(rng: &mut Rng) -> Self {
        let encoding = if rng.u8(..) < 64 { Encoding::Json } else { Encoding::Avro };
        let key = match rng.u8(..16) {
            0 => KeyChoice::Field((*rng.choice(&["status", "word", "f0", "f0.a"]).unwrap()).into()),
            1 => KeyChoice::None,
            _ => KeyChoice::Source,
        };
        Self { encoding, key }
    }
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Unparsable,
    Refused,
    Made,
    /// What must not be: a panic with its place, or bytes that apache-avro does not agree with.
    Wrong(String),
}

/// Keeps what a panic says instead of printing it, on the threads that run cases.
fn keep_panics() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_ours = PANIC.with_borrow_mut(|said| {
                said.as_mut().map(|said| *said = info.to_string()).is_some()
            });
            if !is_ours {
                before(info);
            }
        }));
    });
}

/// Takes a text as far as it goes.
fn run(text: &str, wish: &Wish) -> End {
    PANIC.set(Some(String::new()));
    let ended = panic::catch_unwind(AssertUnwindSafe(|| end_of(text, wish)));
    let said = PANIC.take().unwrap_or_default();
    ended.unwrap_or(End::Wrong(said))
}

fn end_of(text: &str, wish: &Wish) -> End {
    let Ok(schema) = EventSchema::parse("fuzzed", text) else { return End::Unparsable };
    let identity = Identity::new(1, 2, "0/1".parse().unwrap());
    let sources = Sources { first: 0, end: 10 };
    let Wish { encoding, key } = wish.clone();
    let parameters = Parameters { encoding, key, ..Parameters::new(identity, sources) };
    let Ok(program) = Program::compile(&schema, &parameters) else { return End::Refused };
    let (mut draw, mut window) = (program.draw(), vec![0; program.bytes_max()]);
    let arena = Bump::new();
    for index in [0, 1, 1 << 40] {
        program.begin(&mut draw, index, EVENT_TIME_MS);
        let key_bytes = program.key(&mut draw, &arena).len();
        assert!(key_bytes <= program.key_bytes_max(), "the key has {key_bytes} bytes");
        program.encode(&mut draw, &mut window);
    }
    if program.bytes_max() <= TRIED_BYTES_MAX
        && let Err(error) = program.try_out(&schema, EVENT_TIME_MS)
    {
        return End::Wrong(format!("trial: {error}"));
    }
    End::Made
}

/// Where a panic was, or what a trial said without its numbers: what is the same in a smaller text.
fn kind(said: &str) -> String {
    let first = said.lines().next().unwrap_or_default();
    if first.starts_with("trial") {
        first.chars().filter(|c| !c.is_ascii_digit()).take(50).collect()
    } else {
        first.to_owned()
    }
}

/// Takes away what the finding does not need.
fn small(text: &str, wish: &Wish, said: &str) -> String {
    let Ok(mut schema) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    let is_it = |schema: &Value| match run(&schema.to_string(), wish) {
        End::Wrong(other) => kind(&other) == kind(said),
        _ => false,
    };
    if !is_it(&schema) {
        return text.to_owned();
    }
    while let Some(smaller) = mutants::smaller(&schema).into_iter().find(is_it) {
        schema = smaller;
    }
    schema.to_string()
}

/// What many cases came to.
#[derive(Debug, Default)]
struct Tally {
    unparsable: u64,
    refused: u64,
    made: u64,
    slowest: (u64, u64),
    hungriest: (u64, u64),
    findings: Vec<(String, String)>,
    too_much: Vec<String>,
}

impl Tally {
    fn add(&mut self, case: u64, text: &str, wish: &Wish) {
        let (mut end, before) = (End::Refused, clock::thread_cpu_ns());
        let allocated = allocation_counter::measure(|| end = run(text, wish));
        let taken = clock::thread_cpu_ns() - before;
        self.slowest = self.slowest.max((taken, case));
        self.hungriest = self.hungriest.max((allocated.bytes_max, case));
        if taken > CASE_NS_MAX || allocated.bytes_max > CASE_BYTES_MAX {
            self.too_much.push(format!("case {case}: {taken} ns, {} bytes", allocated.bytes_max));
        }
        match end {
            End::Unparsable => self.unparsable += 1,
            End::Refused => self.refused += 1,
            End::Made => self.made += 1,
            End::Wrong(said) => {
                let is_known = self.findings.iter().any(|(known, _)| *known == kind(&said));
                if !is_known && self.findings.len() < FINDINGS_MAX {
                    let small = small(text, wish, &said);
                    self.findings
                        .push((kind(&said), format!("case {case}, {wish:?}: {said}\n{small}")));
                }
            }
        }
    }
}

/// Runs the cases of a seed, calling `before` with the number of each.
fn cases(seed: u64, numbers: std::ops::Range<u64>, mut before: impl FnMut(u64) + Send) -> Tally {
    keep_panics();
    let (corpus, mut tally) = (Corpus::load(), Tally::default());
    let current = AtomicU64::new(numbers.start);
    std::thread::scope(|scope| {
        let watched = &current;
        scope.spawn(move || watch(watched));
        let worker = move || {
            let _ended = Ended(watched);
            for number in numbers {
                watched.store(number, Ordering::Relaxed);
                before(number);
                let (text, wish) = made_case(&corpus, seed, number);
                tally.add(number, &text, &wish);
            }
            tally
        };
        in_stack_of_main(scope, worker)
    })
}

/// Tells the watch that the cases have ended, however they did.
struct Ended<'w>(&'w AtomicU64);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }
}

/// Runs something with the stack that the program has where it compiles a schema.
fn in_stack_of_main<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    work: impl FnOnce() -> T + Send + 's,
) -> T {
    Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work).unwrap().join().unwrap()
}

/// Ends the process when a case does not end.
fn watch(current: &AtomicU64) {
    let (mut seen, mut looks) = (0, 0);
    loop {
        // Short, so that the end of the last case is seen at once.
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(50));
            if current.load(Ordering::Relaxed) == u64::MAX {
                return;
            }
        }
        let number = current.load(Ordering::Relaxed);
        looks = if number == seen { looks + 1 } else { 0 };
        seen = number;
        if looks > LOOKS_MAX {
            say(&format!("case {number} does not end"));
            std::process::abort();
        }
    }
}

fn made_case(corpus: &Corpus, seed: u64, number: u64) -> (String, Wish) {
    let mut rng = Rng::with_seed(producer_load::rng::mix(seed ^ producer_load::rng::mix(number)));
    let wish = Wish::of(&mut rng);
    (corpus.mutant(&mut rng), wish)
}

fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").unwrap();
}

fn assert_well(tally: &Tally) {
    let findings: Vec<_> = tally.findings.iter().map(|(_, text)| text.as_str()).collect();
    assert!(findings.is_empty(), "{} findings\n{}", findings.len(), findings.join("\n\n"));
    assert!(tally.too_much.is_empty(), "{:#?}", tally.too_much);
}

fn number_of(variable: &str) -> Option<u64> {
    let said = std::env::var(variable).ok()?;
    Some(said.parse().unwrap_or_else(|_| panic!("{variable} is no number: {said}")))
}

#[test]
fn any_text_is_refused_or_makes_records() {
    let tally = cases(1, 0..CASES, |_| {});
    assert_well(&tally);
    // What is always refused would show nothing.
    for (count, what) in [(tally.unparsable, "parse"), (tally.refused, "compile")] {
        assert!(count > CASES / 20, "{count} that do not {what}");
    }
    assert!(tally.made > CASES / 20, "{} that make records", tally.made);
}

#[test]
fn a_panic_and_a_wrong_byte_would_be_found() {
    keep_panics();
    PANIC.set(Some(String::new()));
    assert!(panic::catch_unwind(|| panic!("for the test")).is_err());
    let said = PANIC.take().unwrap();
    assert!(said.contains("for the test") && kind(&said).contains("schema_robustness.rs"));
    assert_eq!(kind("trial: record 7 differs"), kind("trial: record 12 differs"));
}

#[test]
#[ignore = "many cases: scripts/fuzz-schemas runs it"]
fn fuzz_schemas() {
    let seed = number_of("FUZZ_SEED").unwrap_or(1);
    if let Some(number) = number_of("FUZZ_CASE") {
        let (text, wish) = made_case(&Corpus::load(), seed, number);
        say(&text);
        keep_panics();
        let end = std::thread::scope(|scope| in_stack_of_main(scope, || run(&text, &wish)));
        say(&format!("{wish:?}: {end:?}"));
        return;
    }
    // What overflows the stack cannot be caught: the file says which case it was.
    let mut file = std::env::var("FUZZ_FILE").ok().map(|path| File::create(path).unwrap());
    let count = number_of("FUZZ_CASES").unwrap_or(CASES);
    let before = clock::now();
    let tally = cases(seed, 0..count, |number| {
        if let Some(file) = &mut file {
            file.rewind().unwrap();
            write!(file, "{number:<20}").unwrap();
        }
    });
    let seconds = before.instant().elapsed().as_secs();
    let rss = memory::rss_bytes_max().unwrap_or_default();
    let Tally { unparsable, refused, made, slowest, hungriest, .. } = tally;
    say(&format!(
        "{count} cases of seed {seed} in {seconds} s: {unparsable} unparsable, {refused} refused, \
         {made} made records\nslowest: case {} with {:.3} ms; most memory: case {} with {} KiB; \
         VmHWM {} MiB",
        slowest.1,
        Duration::from_nanos(slowest.0).as_secs_f64() * 1_000.0,
        hungriest.1,
        hungriest.0 >> 10,
        rss >> 20
    ));
    assert_well(&tally);
    assert!(rss < PROCESS_BYTES_MAX, "VmHWM is {rss} bytes");
}
