//! What a process holds, as the kernel counts it, again and again; and whether that grows.

use std::fs;
use std::path::Path;

/// Fewer samples than this say nothing.
const SAMPLES_MIN: usize = 40;

/// What a process holds at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) rss_kib: u64,
    pub(super) descriptors: u64,
    pub(super) threads: u64,
}

impl Sample {
    /// Reads what a process holds; `None`: it has ended.
    pub(super) fn of(process: u32) -> Option<Self> {
        let folder = Path::new("/proc").join(process.to_string());
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some(Self {
            rss_kib: number("VmRSS:")?,
            descriptors: fs::read_dir(folder.join("fd")).ok()?.count() as u64,
            threads: number("Threads:")?,
        })
    }
}

/// One thing that has to be flat.
struct Kind {
    name: &'static str,
    of: fn(&Sample) -> u64,
    /// How much more than before is no growth.
    slack: u64,
    /// And how many hundredths of what there was.
    slack_percent: u64,
}

/// Of memory, what the allocator keeps for the next fault; of descriptors, a connection that is
/// being replaced while it is counted, and those that are silent by chance.
const KINDS: [Kind; 3] = [
    Kind { name: "KiB resident", of: |it| it.rss_kib, slack: 2_048, slack_percent: 10 },
    Kind { name: "descriptors", of: |it| it.descriptors, slack: 2, slack_percent: 10 },
    Kind { name: "threads", of: |it| it.threads, slack: 1, slack_percent: 0 },
];

/// The samples of one process, in equal distances.
#[derive(Debug, Default)]
pub(super) struct Series(pub(super) Vec<Sample>);

impl Series {
    /// Adds what a process holds now.
    pub(super) fn sample(&mut self, process: u32) {
        self.0.extend(Sample::of(process));
    }

    /// Says what has grown: its median in the last quarter is more than that in the second one, by
    /// more than the slack. The first quarter is the warm-up.
    pub(super) fn growth(&self, name: &str) -> Vec<String> {
        let samples = self.0.len();
        if samples < SAMPLES_MIN {
            return vec![format!(
                "{name}: {samples} samples are too few to say whether it is flat"
            )];
        }
        let grown = KINDS.iter().filter_map(|kind| {
            let (before, after) = self.medians(kind.of);
            let slack = kind.slack + before * kind.slack_percent / 100;
            let what = kind.name;
            (after > before + slack).then(|| format!("{name}: {before} {what} became {after}"))
        });
        grown.collect()
    }

    /// Returns the medians of the second quarter and of the last one.
    fn medians(&self, of: fn(&Sample) -> u64) -> (u64, u64) {
        let quarter = self.0.len() / 4;
        let median = |samples: &[Sample]| {
            let mut values: Vec<u64> = samples.iter().map(of).collect();
            values.sort_unstable();
            values[values.len() / 2]
        };
        (median(&self.0[quarter..2 * quarter]), median(&self.0[3 * quarter..]))
    }

    /// Tells both medians of everything.
    pub(super) fn text(&self) -> String {
        if self.0.len() < SAMPLES_MIN {
            return format!("{} samples", self.0.len());
        }
        let texts = KINDS.iter().map(|kind| {
            let (before, after) = self.medians(kind.of);
            format!("{} {before} -> {after}", kind.name)
        });
        let texts: Vec<String> = texts.collect();
        format!("{} ({} samples, medians of quarters 2 and 4)", texts.join(", "), self.0.len())
    }
}

#[test]
fn what_grows_is_found_and_what_only_swings_is_not() {
    const SAMPLES: u64 = 400;
    let calm = Sample { rss_kib: 20_000, descriptors: 12, threads: 4 };
    let growth = |sample: &dyn Fn(u64) -> Sample| {
        let found = Series((0..SAMPLES).map(sample).collect()).growth("it");
        found.len()
    };
    // It warms up in the first quarter, and swings by a connection and half a MiB.
    let swinging = |n: u64| Sample {
        rss_kib: calm.rss_kib.min(500 * n) + n % 7 * 80,
        descriptors: calm.descriptors + n % 3,
        ..calm
    };
    assert_eq!(growth(&swinging), 0);
    // A descriptor in 30 samples, 30 KiB of 20,000 in one, a thread in a hundred.
    assert_eq!(growth(&|n| Sample { descriptors: calm.descriptors + n / 30, ..swinging(n) }), 1);
    assert_eq!(growth(&|n| Sample { rss_kib: calm.rss_kib + n * 30, ..swinging(n) }), 1);
    assert_eq!(growth(&|n| Sample { threads: calm.threads + n / 100, ..swinging(n) }), 1);
    assert_eq!(Series(vec![calm; SAMPLES_MIN - 1]).growth("it").len(), 1, "too few to say");
}

#[test]
fn a_process_is_read_as_it_is() {
    let own = std::process::id();
    let before = Sample::of(own).unwrap();
    let files: Vec<_> = (0..50).map(|_| fs::File::open("/proc/self/status").unwrap()).collect();
    let bytes = std::hint::black_box(vec![1_u8; 64 << 20]);
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || receiver.recv().is_err());
    let after = Sample::of(own).unwrap();
    // Other tests come and go beside this one.
    assert!(after.descriptors + 10 > before.descriptors + files.len() as u64, "{after:?}");
    assert!(after.rss_kib > 64 << 10, "{after:?}, {}", bytes.len());
    assert!(after.threads >= 2, "{after:?}");
    drop(sender);
    assert!(thread.join().unwrap());
    assert_eq!(Sample::of(u32::MAX), None);
}
