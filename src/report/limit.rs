//! What was the limit: a table of what binds a run, in the order in which one hides the next.
//!
//! A quota also makes threads wait for a CPU, a thread without a CPU also keeps its neighbour
//! waiting, and whatever stands still fills the window in the end. So the first row that applies is
//! the limit. Shares are of the time that was looked at.

use crate::cpu::ThreadTime;
use crate::cpu::Throttling;
use crate::units::counted;
use crate::units::duration_text;
use crate::units::grouped;

/// What a stretch of a run used and waited for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// How long the stretch was, in nanoseconds.
    pub elapsed_ns: u64,
    /// CPU time of the process, in nanoseconds.
    pub process_cpu_ns: u64,
    /// Time of all lanes together.
    pub lanes: ThreadTime,
    /// Time of the publisher.
    pub publisher: ThreadTime,
    /// What the quota took; `None` where no control group counts it.
    pub throttling: Option<Throttling>,
    /// How long lanes waited for empty buffers, in nanoseconds.
    pub buffer_wait_ns: u64,
    /// How long sockets were full, in nanoseconds.
    pub socket_wait_ns: u64,
    /// How long there was nothing to do but to wait for receipts, in nanoseconds.
    pub receipt_wait_ns: u64,
}

/// How a stretch compares with what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target was reached.
    Held,
    /// It was missed.
    Missed,
    /// There was none: as fast as it goes.
    NoTarget,
}

/// A stretch to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What it used and waited for.
    pub spent: Spent,
    /// How it compares with the target.
    pub outcome: Outcome,
    /// Generator threads.
    pub lanes: u32,
    /// CPUs that are ours.
    pub cpus: f64,
    /// Whether the broker is part of this process, and uses its CPUs too.
    pub has_embedded_broker: bool,
    /// Records that were refused or never answered.
    pub errors: u64,
    /// Records that were sent again.
    pub resent: u64,
    /// Records whose receipts were not waited for any longer, while others still came.
    pub waiting: u64,
    /// Records that were due.
    pub due: u64,
    /// Producers that are lost and not back.
    pub away: u64,
}

/// The limit, how it shows and what helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `held`, or what was the limit.
    pub limit: &'static str,
    /// How it shows, in one line.
    pub evidence: String,
    /// What to do about it, in one line; empty where nothing is to be done.
    pub mend: &'static str,
}

/// From this share of the time on a thread has no time left.
const SATURATED: f64 = 0.9;

/// From this share on a wait is more than jitter.
const WAITED: f64 = 0.1;

/// From this share on the quota counts: it strikes in the middle of a batch.
const THROTTLED: f64 = 0.05;

/// When more than one record in so many had to be sent again, the run was disturbed: a broker that
/// refuses one SEND in a hundred is told from one that went away once.
const RESENT_PART: u64 = 200;

/// A row: when it applies, how that shows, what helps.
struct Row {
    limit: &'static str,
    applies: fn(&Case) -> bool,
    evidence: fn(&Case) -> String,
    mend: &'static str,
}

const TABLE: [Row; 8] = [
    Row {
        limit: "errors",
        applies: |case| case.away > 0 || case.errors > 0 || case.resent > case.due / RESENT_PART,
        evidence: |case| {
            if case.away > 0 {
                return format!("{} lost and not back", counted(case.away, "producer"));
            }
            let (records, resent) = (counted(case.due, "record"), grouped(case.resent));
            let errors = grouped(case.errors);
            format!("{errors} of {records} refused or never answered, {resent} sent again")
        },
        mend: "the log names the broker's reason; mend that first",
    },
    Row {
        limit: "held",
        applies: |case| case.outcome == Outcome::Held,
        evidence: |case| format!("lanes used {}, publisher {}", case.lane_cpu(), case.publisher()),
        mend: "",
    },
    Row {
        limit: "quota",
        applies: |case| case.throttled() >= THROTTLED,
        evidence: |case| {
            let throttling = case.spent.throttling.unwrap_or_default();
            let (times, time) = (throttling.periods, duration_text(throttling.ns));
            format!("the CPU quota of {} stopped us {} times for {time}", case.cpus, grouped(times))
        },
        mend: "raise the CPU limit, or lower the rate (--per-core-rate follows the limit)",
    },
    Row {
        limit: "stolen CPU",
        applies: |case| {
            let (cpu, delay) = case.pressed();
            delay >= WAITED && cpu + delay >= SATURATED && !case.has_no_cpu_left()
        },
        evidence: |case| {
            let (cpu, delay) = case.pressed();
            let [cpu, delay] = [cpu, delay].map(percent);
            format!(
                "a thread ran {cpu} of the time and had no CPU for {delay} in which it could have"
            )
        },
        mend: "others use these CPUs: give this process CPUs of its own, or ask for more",
    },
    Row {
        limit: "lane CPU",
        applies: |case| {
            let is_more = case.spent.lanes.cpu_ns >= case.spent.publisher.cpu_ns;
            case.lane_share() >= SATURATED || case.has_no_cpu_left() && is_more
        },
        evidence: |case| {
            if case.lane_share() < SATURATED {
                return case.no_cpu_left();
            }
            format!("lanes used {} of {}", case.lane_cpu(), counted(case.lanes.into(), "thread"))
        },
        mend: "more --lanes where there are CPUs, else a simpler schema or less compression",
    },
    Row {
        limit: "publisher CPU",
        applies: |case| case.publisher_share() >= SATURATED || case.has_no_cpu_left(),
        evidence: |case| {
            if case.publisher_share() < SATURATED {
                return case.no_cpu_left();
            }
            format!("the publisher used {} of its thread", case.publisher())
        },
        mend: "larger batches, compression, no TLS, or a second process",
    },
    Row {
        limit: "window",
        applies: |case| case.starved() >= WAITED || case.awaited() >= 0.5 || case.waiting > 0,
        evidence: |case| {
            let [starved, socket, receipts] = [
                case.starved(),
                case.share(case.spent.socket_wait_ns),
                case.share(case.spent.receipt_wait_ns),
            ]
            .map(percent);
            let waiting = match case.waiting {
                0 => String::new(),
                waiting => format!("; {} have no receipt yet", counted(waiting, "record")),
            };
            format!(
                "waited for buffers {starved}, full sockets {socket}, receipts {receipts}{waiting}"
            )
        },
        mend: "the broker or the network is slower than the load; a larger --memory-limit or \
               --max-outstanding helps where only the way is long",
    },
    Row {
        limit: "hand-over",
        applies: |_| true,
        evidence: |case| {
            format!("no thread was busy (lanes {}) and none waited long", case.lane_cpu())
        },
        mend: "records left late: try a longer --batch-time-window, or another machine",
    },
];

impl Case {
    /// Returns the limit: the first row of the table that applies; the last one always does.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let row = TABLE.iter().find(|row| (row.applies)(self)).unwrap_or(&TABLE[TABLE.len() - 1]);
        Finding { limit: row.limit, evidence: (row.evidence)(self), mend: row.mend }
    }

    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn share(&self, ns: u64) -> f64 {
        ns as f64 / self.spent.elapsed_ns.max(1) as f64
    }

    fn throttled(&self) -> f64 {
        self.share(self.spent.throttling.unwrap_or_default().ns)
    }

    /// Returns the shares of the time in which the more pressed of a lane and the publisher had a
    /// CPU, and in which it had none: a thread that sleeps loses nothing to others.
    fn pressed(&self) -> (f64, f64) {
        let delay = |time: ThreadTime, threads| self.share(time.delay_ns) / f64::from(threads);
        let lane = (self.lane_share(), delay(self.spent.lanes, self.lanes));
        let publisher = (self.publisher_share(), delay(self.spent.publisher, 1));
        if lane.0 + lane.1 >= publisher.0 + publisher.1 { lane } else { publisher }
    }

    /// Returns whether this process used up what CPU it has.
    fn has_no_cpu_left(&self) -> bool {
        self.share(self.spent.process_cpu_ns) >= SATURATED * self.cpus
    }

    /// Says who used up the CPUs, in shares of them, since no thread alone shows it.
    fn no_cpu_left(&self) -> String {
        let [process, lanes, publisher] =
            [self.spent.process_cpu_ns, self.spent.lanes.cpu_ns, self.spent.publisher.cpu_ns]
                .map(|ns| percent(self.share(ns) / self.cpus));
        let cpus = if self.cpus > 1.0 { "CPUs" } else { "CPU" };
        let broker = if self.has_embedded_broker { ", the embedded broker with it," } else { "" };
        let used = format!("this process{broker} used {process} of {} {cpus}", self.cpus);
        format!("{used}: lanes {lanes}, publisher {publisher}")
    }

    fn lane_share(&self) -> f64 {
        self.share(self.spent.lanes.cpu_ns) / f64::from(self.lanes)
    }

    fn publisher_share(&self) -> f64 {
        self.share(self.spent.publisher.cpu_ns)
    }

    fn lane_cpu(&self) -> String {
        percent(self.lane_share())
    }

    fn publisher(&self) -> String {
        percent(self.publisher_share())
    }

    fn starved(&self) -> f64 {
        self.share(self.spent.buffer_wait_ns) / f64::from(self.lanes)
    }

    fn awaited(&self) -> f64 {
        self.share(self.spent.socket_wait_ns + self.spent.receipt_wait_ns)
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds of a lane and a publisher on two CPUs that missed the target for no reason.
    fn missed(change: impl FnOnce(&mut Case)) -> Finding {
        let busy = |cpu_ns| ThreadTime { cpu_ns, delay_ns: 20_000_000 };
        let mut case = Case {
            spent: Spent {
                elapsed_ns: 10_000_000_000,
                process_cpu_ns: 3_000_000_000,
                lanes: busy(1_500_000_000),
                publisher: busy(1_400_000_000),
                throttling: Some(Throttling { periods: 2, ns: 30_000_000 }),
                buffer_wait_ns: 40_000_000,
                receipt_wait_ns: 900_000_000,
                ..Spent::default()
            },
            outcome: Outcome::Missed,
            lanes: 1,
            cpus: 2.0,
            has_embedded_broker: false,
            errors: 0,
            resent: 90,
            waiting: 0,
            due: 500_000,
            away: 0,
        };
        change(&mut case);
        case.finding()
    }

    #[test]
    fn each_limit_shows_in_its_own_numbers() {
        let limit = |change: fn(&mut Case)| missed(change).limit;
        assert_eq!(limit(|_| ()), "hand-over");
        assert_eq!(limit(|case| case.outcome = Outcome::Held), "held");
        assert_eq!(limit(|case| case.errors = 1), "errors");
        assert_eq!(limit(|case| case.resent = 2_501), "errors");
        assert_ne!(limit(|case| case.resent = 2_500), "errors");
        let away = missed(|case| (case.away, case.spent.receipt_wait_ns) = (1, 9_000_000_000));
        assert_eq!((away.limit, &*away.evidence), ("errors", "1 producer lost and not back"));
        assert_eq!(limit(|case| case.spent.buffer_wait_ns = 6_400_000_000), "window");
        assert_eq!(limit(|case| case.spent.receipt_wait_ns = 8_100_000_000), "window");
        let slow = missed(|case| case.waiting = 55_000);
        assert_eq!(slow.limit, "window");
        assert!(slow.evidence.ends_with("; 55,000 records have no receipt yet"), "{slow:?}");
        assert_eq!(limit(|case| case.spent.publisher.cpu_ns = 9_700_000_000), "publisher CPU");
        assert_eq!(limit(|case| case.spent.lanes.cpu_ns = 9_900_000_000), "lane CPU");
        let stolen = ThreadTime { cpu_ns: 5_000_000_000, delay_ns: 4_800_000_000 };
        assert_eq!(missed(|case| case.spent.lanes = stolen).limit, "stolen CPU");
        let throttled = Some(Throttling { periods: 97, ns: 7_100_000_000 });
        let finding = missed(|case| case.spent.throttling = throttled);
        assert_eq!(finding.limit, "quota");
        assert!(finding.evidence.contains("97 times for 7.10 s"), "{finding:?}");
    }

    #[test]
    fn what_hides_another_limit_is_named_first() {
        // Throttled threads wait for a CPU, and those that feed from them wait for buffers.
        let quota = missed(|case| {
            case.spent.throttling = Some(Throttling { periods: 97, ns: 7_100_000_000 });
            case.spent.lanes.delay_ns = 7_000_000_000;
            case.spent.buffer_wait_ns = 5_000_000_000;
        });
        assert_eq!(quota.limit, "quota");
        let publisher = missed(|case| {
            case.spent.publisher.cpu_ns = 9_900_000_000;
            case.spent.buffer_wait_ns = 8_000_000_000;
        });
        assert_eq!(publisher.limit, "publisher CPU");
        let errors = missed(|case| (case.errors, case.outcome) = (5_000, Outcome::Held));
        assert_eq!(errors.limit, "errors");
    }

    #[test]
    fn two_threads_of_ours_that_share_a_cpu_steal_from_nobody() {
        let finding = missed(|case| {
            case.cpus = 1.0;
            case.spent.process_cpu_ns = 9_900_000_000;
            case.spent.lanes = ThreadTime { cpu_ns: 5_600_000_000, delay_ns: 4_000_000_000 };
            case.spent.publisher = ThreadTime { cpu_ns: 4_200_000_000, delay_ns: 5_000_000_000 };
        });
        assert_eq!(finding.limit, "lane CPU");
        let shares = "this process used 99.0 % of 1 CPU: lanes 56.0 %, publisher 42.0 %";
        assert_eq!(finding.evidence, shares);
    }

    #[test]
    fn whoever_used_up_the_cpus_shows_by_them() {
        let spent = |case: &mut Case, [process, lanes, publisher]: [u64; 3]| {
            case.spent.process_cpu_ns = process * 100_000_000;
            case.spent.lanes.cpu_ns = lanes * 100_000_000;
            case.spent.publisher.cpu_ns = publisher * 100_000_000;
        };
        let embedded = missed(|case| {
            (case.cpus, case.has_embedded_broker) = (0.5, true);
            spent(case, [48, 4, 14]);
        });
        assert_eq!(embedded.limit, "publisher CPU");
        let shares = "this process, the embedded broker with it, used 96.0 % of 0.5 CPU: \
                      lanes 8.0 %, publisher 28.0 %";
        assert_eq!(embedded.evidence, shares);
        // Each of four lanes used less than the publisher, and all of them more.
        let lanes = missed(|case| {
            case.lanes = 4;
            spent(case, [194, 120, 70]);
        });
        assert_eq!(lanes.limit, "lane CPU");
        let shares = "this process used 97.0 % of 2 CPUs: lanes 60.0 %, publisher 35.0 %";
        assert_eq!(lanes.evidence, shares);
        // A thread without time left says so itself.
        let thread = missed(|case| spent(case, [194, 30, 96]));
        assert_eq!(thread.evidence, "the publisher used 96.0 % of its thread");
    }
}
