//! What the schedule promises: exact, monotone, nothing lost, whoever walks it.

use proptest::prelude::*;

use super::*;

fn paced(millionths: u64, seconds: u64) -> Schedule {
    Schedule::new(Rate::PerSecondMillionths(millionths), Some(Duration::from_secs(seconds)))
}

fn staged(text: &str, records: Option<u64>) -> Schedule {
    Schedule::of(text.parse::<Stages>().unwrap().list(), records)
}

#[test]
fn a_thousand_a_second_for_ten_seconds_are_ten_thousand() {
    let schedule = paced(1_000_000_000, 10);
    assert_eq!(schedule.count(), Some(10_000));
    assert_eq!(schedule.due_ns(0), 0);
    assert_eq!(schedule.due_ns(9_999), 9_999_000_000);
}

#[test]
fn due_and_count_are_inverse_over_small_domains() {
    for millionths in [1, 3, 7, 100_000, 333_333, 1_000_000, 7_777_777, 123_456_789] {
        let schedule = paced(millionths, 1_000_000);
        for index in 0..schedule.count().unwrap().min(2_000) {
            let due = schedule.due_ns(index);
            assert!(schedule.due_before(due).unwrap() <= index, "{millionths} {index}");
            assert!(schedule.due_before(due + 1).unwrap() > index, "{millionths} {index}");
        }
    }
}

#[test]
fn a_million_million_records_do_not_overflow() {
    let schedule = paced(1_000_000_000_000, 1_000_001);
    assert_eq!(schedule.count(), Some(1_000_001_000_000));
    assert_eq!(schedule.due_ns(1_000_000_000_000), 1_000_000_000_000_000);
    // A year from the highest rate to half of it, in the last of which records stand close still.
    let ramp = staged("366d@1000m..500m,1d@1m", None);
    assert_eq!(ramp.count(), Some(366 * 86_400 * 750_000_000 + 86_400 * 1_000_000));
    let last = 366 * 86_400 * 750_000_000 - 1;
    assert_eq!(ramp.due_ns(last), 366 * 86_400 * 1_000_000_000 - 2);
    assert_eq!(ramp.due_ns(last + 1), 366 * 86_400 * 1_000_000_000);
}

#[test]
fn at_maximum_rate_every_record_is_due_when_it_begins() {
    let schedule = Schedule::new(Rate::Max, Some(Duration::from_secs(1)));
    let mut cursor = schedule.cursor(2, 4);
    cursor.advance();
    assert_eq!((cursor.index(), cursor.due_ns()), (6, Some(0)));
    assert_eq!((schedule.count(), schedule.paced_until_ns()), (None, 0));
    let last = staged("1s@0.5,1s@max", None);
    assert_eq!([0, 1, 99].map(|index| last.due_ns(index)), [0, 1_000_000_000, 1_000_000_000]);
    assert_eq!((last.count(), last.due_before(1_000_000_000)), (None, Some(1)));
    assert_eq!(last.due_before(1_000_000_001), None);
}

#[test]
fn so_many_records_are_so_many_and_end_the_schedule() {
    let schedule = Schedule::of(
        &[Stage { duration_ns: u64::MAX, pace: "1000".parse::<Rate>().unwrap().into() }],
        Some(2_500),
    );
    assert_eq!((schedule.count(), schedule.end_ns()), (Some(2_500), 2_500_000_000));
    assert_eq!(schedule.due_before(u64::MAX), Some(2_500));
    let max = Schedule::of(&[Stage { duration_ns: u64::MAX, pace: Pace::Max }], Some(7));
    let walked = (0..3).map(|stream| walk(&max, stream, 3).len()).sum::<usize>();
    assert_eq!((max.count(), max.end_ns(), walked), (Some(7), u64::MAX, 7));
}

#[test]
fn a_ramp_is_where_its_quadratic_is() {
    let schedule = staged("1m@1k..50k", None);
    assert_eq!(schedule.count(), Some(1_530_000));
    let slope = 49_000.0 / 60.0;
    for index in (0..1_530_000_u32).step_by(1_009) {
        let records = f64::from(index);
        let root = (1_000.0_f64.powi(2) + 2.0 * slope * records).sqrt();
        let exact_s = 2.0 * records / (1_000.0 + root);
        let due_s = Duration::from_nanos(schedule.due_ns(index.into())).as_secs_f64();
        // Within a step of a millisecond the line is a stair, an eighth of its rise off at most.
        assert!((due_s - exact_s).abs() < 0.000_000_2, "{index}: {due_s} {exact_s}");
    }
}

#[test]
fn what_is_no_stage_is_refused_with_the_mend() {
    for (text, said) in [
        ("30s", "30s@1k"),
        ("", "30s@1k"),
        ("0s@1k", "above 0"),
        ("10s@fast", "50k"),
        ("10s@1k..max", "stage @max"),
        ("10s@max,10s@1k", "only the last"),
        ("1500us@1..2", "whole milliseconds"),
        ("3y@1", "duration"),
        ("400d@1..2", "366 days"),
        ("6y@1", "duration"),
        ("2000d@1,2000d@1", "ten years"),
        ("5s@0,1s@0..0", "above 0"),
        ("10s@-1", "above 0"),
    ] {
        let error = text.parse::<Stages>().unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
    let stages: Stages = "30s@1k, 1m@1k..50k ,10s@max".parse().unwrap();
    assert_eq!((stages.list().len(), stages.rate_max()), (3, Rate::Max));
}

/// Returns every index of a stream with its due time.
fn walk(schedule: &Schedule, stream: u64, streams: u64) -> Vec<(u64, u64)> {
    let mut cursor = schedule.cursor(stream, streams);
    let mut walked = Vec::new();
    while let Some(due_ns) = cursor.due_ns() {
        walked.push((cursor.index(), due_ns));
        cursor.advance();
    }
    walked
}

/// Stages of a few hundred records: pauses, steps and ramps up and down, some of them very slow.
fn some_stages() -> impl Strategy<Value = Vec<Stage>> {
    let rate = || prop_oneof![Just(0_u64), 1_u64..3_000_000, 1_000_000_u64..200_000_000_000];
    let steady = (1_u64..40_000_000, rate())
        .prop_map(|(duration_ns, rate)| (duration_ns, Pace::Paced { from: rate, to: rate }));
    let ramp = (1_u64..30, rate(), rate())
        .prop_map(|(steps, from, to)| (steps * 1_000_000, Pace::Paced { from, to }));
    let stage =
        prop_oneof![steady, ramp].prop_map(|(duration_ns, pace)| Stage { duration_ns, pace });
    proptest::collection::vec(stage, 1..6)
}

/// Returns how many records stages have: the exact integral, in parts of a record.
fn integral(stages: &[Stage]) -> u128 {
    let of = |stage: &Stage| match stage.pace {
        Pace::Paced { from, to } => u128::from(stage.duration_ns) * u128::from(from + to),
        Pace::Max => 0,
    };
    stages.iter().map(of).sum()
}

proptest! {
    /// Walking a stream gives the same due times as asking for each index.
    #[test]
    fn a_cursor_never_drifts(millionths in 1_u64..2_000_000_000_000, streams in 1_u64..20,
                             stream in 0_u64..20, first in 0_u64..1_000_000_000) {
        let schedule = paced(millionths, 100_000_000);
        let first = first * streams + stream % streams;
        let mut cursor = schedule.cursor(first, streams);
        for step in 0..200 {
            let index = first + step * streams;
            prop_assert_eq!(cursor.index(), index);
            let is_due = index < schedule.count().unwrap();
            prop_assert_eq!(cursor.due_ns(), is_due.then(|| schedule.due_ns(index)));
            cursor.advance();
        }
    }

    /// Streams together own every index of the run, once, each due when one stream has it due.
    #[test]
    fn streams_deal_out_the_whole_run(stages in some_stages(), streams in 1_u64..9,
                                      records in proptest::option::of(0_u64..5_000)) {
        let schedule = Schedule::of(&stages, records);
        let alone = walk(&schedule, 0, 1);
        let mut together: Vec<_> =
            (0..streams).flat_map(|stream| walk(&schedule, stream, streams)).collect();
        together.sort_unstable();
        prop_assert_eq!(Some(alone.len() as u64), schedule.count());
        prop_assert_eq!(&alone, &together);
        for (index, due_ns) in alone {
            prop_assert_eq!(schedule.due_ns(index), due_ns);
        }
    }

    /// A later record is due later, at rates up to a thousand million a second at the earliest in
    /// the next nanosecond.
    #[test]
    fn due_times_rise(stages in some_stages()) {
        let walked = walk(&Schedule::of(&stages, None), 0, 1);
        for pair in walked.windows(2) {
            prop_assert!(pair[0].1 < pair[1].1, "{:?}", pair);
        }
    }

    /// Every stage has the records of its exact integral, and no border loses a fraction of one.
    #[test]
    fn every_stage_counts_exactly(stages in some_stages()) {
        let schedule = Schedule::of(&stages, None);
        let mut end_ns = 0;
        for done in 1..=stages.len() {
            end_ns += stages[done - 1].duration_ns;
            let count = u64::try_from(integral(&stages[..done]).div_ceil(UNIT)).unwrap();
            prop_assert_eq!(schedule.due_before(end_ns), Some(count));
        }
        prop_assert_eq!(schedule.count(), schedule.due_before(end_ns));
        prop_assert_eq!(schedule.end_ns(), end_ns);
    }

    /// Counting what is due before a moment and asking when a record is due agree everywhere.
    #[test]
    fn counts_and_due_times_agree(stages in some_stages()) {
        let schedule = Schedule::of(&stages, None);
        for (index, due_ns) in walk(&schedule, 0, 1).into_iter().step_by(7) {
            prop_assert!(schedule.due_before(due_ns).unwrap() <= index);
            prop_assert!(schedule.due_before(due_ns + 1).unwrap() > index);
        }
    }
}
