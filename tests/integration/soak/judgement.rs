//! What verify and the report of a run say, held against each other: findings are what is wrong.

use serde_json::Value;

/// verify holds so much at most, whatever it reads.
const VERIFY_BYTES_MAX: u64 = 64 << 20;

/// What one broker held of one topic when nothing was on its way any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Positions in the stream: of the first record, and behind the last one.
    first: u64,
    end: u64,
    pub(super) records: u64,
    pub(super) repeated: u64,
    missing: u64,
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no {name} in {value}"))
}

impl Held {
    /// Reads the result of a verification of a topic with one producer; `None`: there was nothing.
    pub(super) fn read(result: &Value) -> Option<Self> {
        let counts = &result["counts"];
        let span = result["spans"].as_array().unwrap().first()?;
        let streams = span["stream"].as_str().unwrap().split_once('/').unwrap().1;
        let position = |name| number(span, name) / streams.parse::<u64>().unwrap();
        Some(Self {
            first: position("first_index"),
            end: position("last_index") + 1,
            records: number(counts, "records"),
            repeated: number(counts, "repeated"),
            missing: number(counts, "missing"),
        })
    }

    /// Says what is missing behind the first record that is there. What an earlier broker held is
    /// not: verify knows of one life alone, and counts it.
    pub(super) fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.missing != self.first && self.missing != 0 {
            wrong.push(format!("{} missing before record {}", self.missing, self.first));
        }
        let distinct = self.records - self.repeated;
        if distinct != self.end - self.first {
            wrong.push(format!("{distinct} records of {} to {}", self.first, self.end));
        }
        wrong
    }

    /// Returns whether the ring has let go of what came first.
    const fn is_open(&self) -> bool {
        self.missing == 0 && self.first > 0
    }

    /// Says what was lost between an earlier life and this one: receipts came for it, and neither
    /// holds it.
    pub(super) fn wrong_behind(&self, earlier: &Self) -> Vec<String> {
        let lost = self.first.checked_sub(earlier.end).filter(|lost| *lost > 0 && !self.is_open());
        lost.map(|lost| format!("{lost} lost behind record {}", earlier.end)).into_iter().collect()
    }

    /// Returns how many records both lives hold.
    pub(super) const fn shared_with(&self, earlier: &Self) -> u64 {
        earlier.end.saturating_sub(self.first)
    }
}

/// Says what verify found that no fault of a connection explains.
pub(super) fn wrong_result(result: &Value, may_reorder: bool) -> Vec<String> {
    let counts = &result["counts"];
    let mut kinds = vec!["dropped", "repeated_or_late", "altered", "foreign"];
    kinds.extend(["malformed_batches", "wrong_checksums"]);
    if !may_reorder {
        kinds.push("reordered");
    }
    let mut wrong: Vec<String> = kinds
        .into_iter()
        .map(|kind| (number(counts, kind), kind))
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{count} {kind}: {}", result["examples"]))
        .collect();
    for list in ["unread", "silent_producers"] {
        if result[list].as_array().is_some_and(|list| !list.is_empty()) {
            wrong.push(format!("{list}: {}", result[list]));
        }
    }
    let bytes = number(result, "rss_bytes_max");
    if bytes > VERIFY_BYTES_MAX {
        wrong.push(format!("verify held {bytes} bytes"));
    }
    wrong
}

/// Says what is wrong with the report of the run: `repeated` were there more than once.
pub(super) fn wrong_report(report: &Value, repeated: u64) -> Vec<String> {
    let of = |name| number(&report["totals"], name);
    let mut wrong = Vec::new();
    let ends = of("acknowledged") + of("failed") + of("unknown") + of("dropped");
    if of("scheduled") != ends {
        wrong.push(format!("{} were scheduled and {ends} have a fate", of("scheduled")));
    }
    if of("acknowledged") != of("scheduled") {
        wrong.push(format!("not all were acknowledged: {}", report["totals"]));
    }
    if repeated > of("resent") {
        wrong.push(format!("{repeated} repeated, {} resent", of("resent")));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result(first: u64, last: u64, records: u64, repeated: u64, missing: u64) -> Value {
        let mut counts = json!({ "records": records, "repeated": repeated, "missing": missing });
        for kind in ["dropped", "repeated_or_late", "reordered", "altered", "foreign"] {
            counts[kind] = 0.into();
        }
        for kind in ["malformed_batches", "wrong_checksums"] {
            counts[kind] = 0.into();
        }
        let span = json!({ "stream": "1/2", "first_index": first, "last_index": last });
        json!({
            "counts": counts, "spans": [span], "examples": [], "unread": [],
            "silent_producers": [], "rss_bytes_max": 9 << 20,
        })
    }

    #[test]
    fn what_is_missing_repeated_or_lost_between_two_lives_is_found() {
        // Of stream 1 of 2 the records at 10 to 19, two of them twice.
        let whole = Held::read(&result(21, 39, 12, 2, 10)).unwrap();
        assert_eq!(whole.wrong(), [""; 0]);
        // verify calls it missing, and it is not there to be counted.
        assert_eq!(Held::read(&result(21, 39, 11, 2, 11)).unwrap().wrong().len(), 2);
        assert_eq!(Held::read(&result(21, 39, 11, 2, 10)).unwrap().wrong().len(), 1);
        // A ring that was overrun: what was before is not known to be missing.
        let open = Held::read(&result(61, 79, 12, 2, 0)).unwrap();
        assert_eq!((open.wrong(), open.wrong_behind(&whole)), (vec![], vec![]));
        let behind = |first| Held::read(&result(first, 99, 40, 0, first / 2)).unwrap();
        assert_eq!(behind(41).wrong_behind(&whole), [""; 0]);
        assert_eq!(behind(37).wrong_behind(&whole), [""; 0]);
        assert_eq!(behind(43).wrong_behind(&whole).len(), 1);
        assert_eq!((behind(37).shared_with(&whole), behind(43).shared_with(&whole)), (2, 0));
        assert_eq!(Held::read(&json!({ "spans": [] , "counts": {} })), None);
    }

    #[test]
    fn whatever_else_verify_finds_is_wrong() {
        let right = result(1, 39, 20, 0, 0);
        assert_eq!(wrong_result(&right, false), [""; 0]);
        for kind in ["dropped", "repeated_or_late", "reordered", "altered", "foreign"] {
            let mut wrong = right.clone();
            wrong["counts"][kind] = 1.into();
            assert_eq!(wrong_result(&wrong, false).len(), 1, "{kind}");
            assert_eq!(wrong_result(&wrong, true).len(), usize::from(kind != "reordered"));
        }
        let mut wrong = right.clone();
        wrong["unread"] = json!(["a topic"]);
        wrong["rss_bytes_max"] = (VERIFY_BYTES_MAX + 1).into();
        assert_eq!(wrong_result(&wrong, false).len(), 2);
    }

    #[test]
    fn a_report_that_does_not_add_up_is_found() {
        let report = |scheduled: u64, acknowledged: u64, unknown: u64| {
            json!({ "totals": {
                "scheduled": scheduled, "acknowledged": acknowledged, "unknown": unknown,
                "failed": 0, "dropped": 0, "resent": 3,
            }})
        };
        assert_eq!(wrong_report(&report(9, 9, 0), 3), [""; 0]);
        assert_eq!(wrong_report(&report(9, 9, 0), 4).len(), 1);
        assert_eq!(wrong_report(&report(9, 8, 1), 0).len(), 1);
        assert_eq!(wrong_report(&report(9, 8, 0), 0).len(), 2);
    }
}
