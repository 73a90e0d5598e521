//! What the broker prints when it ends: a line a topic for people, then the same for scripts.
//!
//! The lines for scripts begin with `counted` and are words `NAME=NUMBER`; the topic stands last,
//! as it is the only value that is no number. Times are microseconds since 1970-01-01 UTC.

use std::fmt::Write as _;
use std::time::Instant;

use crate::broker::BrokerCounts;
use crate::broker::TopicCounts;
use crate::units::bytes_text;
use crate::units::grouped;

/// Renders the counts; `wall_us` dates a point of monotonic time.
pub(super) fn render(counts: &BrokerCounts, wall_us: impl Fn(Instant) -> u64) -> String {
    let mut lines = Vec::new();
    for (name, topic) in &counts.topics {
        let (records, batches) = (grouped(topic.records), grouped(topic.batches));
        let bytes = bytes_text(topic.payload_bytes);
        lines.push(format!("{name}: {records} records in {batches} batches, {bytes}"));
        if topic.repeated_batches > 0 {
            let batches = grouped(topic.repeated_batches);
            lines.push(format!("{name}: {batches} batches dropped that had come before"));
        }
        if topic.overrun_batches > 0 {
            let batches = grouped(topic.overrun_batches);
            lines.push(format!("{name}: {batches} batches overwritten before they were read"));
        }
    }
    let broken = counts.checksum_errors + counts.malformed_batches;
    lines.push(format!("{} connections, {broken} broken batches", counts.connections));
    let (checked, wrong) = (grouped(counts.checksums_checked), counts.checksum_errors);
    lines.push(format!("{checked} checksums checked, {wrong} wrong"));
    let faults = counts.faults.iter();
    lines.extend(faults.map(|(name, times)| format!("fault {name}: {} times", grouped(*times))));
    lines.extend(counts.topics.iter().map(|(name, topic)| counted(name, topic, &wall_us)));
    lines.push(format!(
        "counted connections={} checksums_checked={} checksums_wrong={} malformed_batches={} \
         frames_refused={}",
        counts.connections,
        counts.checksums_checked,
        counts.checksum_errors,
        counts.malformed_batches,
        counts.frames_refused
    ));
    let faults = counts.faults.iter().map(|(name, times)| format!(" {name}={times}"));
    let faults: String = faults.collect();
    if !faults.is_empty() {
        lines.push(format!("counted faults:{faults}"));
    }
    lines.join("\n") + "\n"
}

fn counted(name: &str, topic: &TopicCounts, wall_us: impl Fn(Instant) -> u64) -> String {
    let mut line = format!(
        "counted records={} batches={} payload_bytes={} entry_bytes={}",
        topic.records, topic.batches, topic.payload_bytes, topic.entry_bytes
    );
    // Writing to a String cannot fail.
    write!(line, " overrun_batches={}", topic.overrun_batches).ok();
    // A topic that took nothing has no times; 0 keeps the words in their places.
    let (first, last) = topic.taken.map_or((0, 0), |(a, b)| (wall_us(a), wall_us(b)));
    write!(line, " first_us={first} last_us={last} topic={name}").ok();
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn people_and_scripts_are_told_the_same() {
        let first = clock::now();
        let taken = Some((first.instant(), first.plus_ns(7_000).instant()));
        let topic = TopicCounts {
            batches: 2,
            records: 1_500,
            payload_bytes: 3_000,
            entry_bytes: 3_600,
            overrun_batches: 1_001,
            taken,
            ..TopicCounts::default()
        };
        let mut counts =
            BrokerCounts { connections: 1, checksums_checked: 2, ..BrokerCounts::default() };
        counts.checksum_errors = 1;
        counts.faults = [("half-open", 2), ("refuse", 1_000)].into();
        counts.topics.insert("persistent://a/b/c".to_owned(), topic);
        counts.topics.insert("persistent://a/b/empty".to_owned(), TopicCounts::default());
        let wall_us = |at: Instant| if at == first.instant() { 5 } else { 12 };
        assert_eq!(
            render(&counts, wall_us),
            "persistent://a/b/c: 1,500 records in 2 batches, 2.9 KiB\n\
             persistent://a/b/c: 1,001 batches overwritten before they were read\n\
             persistent://a/b/empty: 0 records in 0 batches, 0 B\n\
             1 connections, 1 broken batches\n\
             2 checksums checked, 1 wrong\n\
             fault half-open: 2 times\n\
             fault refuse: 1,000 times\n\
             counted records=1500 batches=2 payload_bytes=3000 entry_bytes=3600 \
             overrun_batches=1001 first_us=5 last_us=12 topic=persistent://a/b/c\n\
             counted records=0 batches=0 payload_bytes=0 entry_bytes=0 overrun_batches=0 \
             first_us=0 last_us=0 topic=persistent://a/b/empty\n\
             counted connections=1 checksums_checked=2 checksums_wrong=1 malformed_batches=0 \
             frames_refused=0\n\
             counted faults: half-open=2 refuse=1000\n"
        );
    }
}
