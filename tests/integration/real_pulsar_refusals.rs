//! What a real Apache Pulsar refuses: its own words, what to do about it, and the right end.

use serde_json::Value;
use serde_json::json;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::total;
use crate::pulsar::admin;
use crate::pulsar::eventually;
use crate::pulsar::messages_in;
use crate::pulsar::order;
use crate::pulsar::url;

/// Asserts that a run on a topic does not begin, and says why in one line.
fn assert_refused(topic: &str, words: &str) {
    let said = run(&["-u", &url(), "-t", topic, "-d", "1s"]);
    assert_eq!(said.code, Some(1), "{topic}: {}{}", said.out, said.log);
    assert!(said.log.contains(words), "{topic}: {}", said.log);
    assert_eq!(said.log.lines().count(), 1, "{topic}: {}", said.log);
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_refuses_a_topic_that_is_not_there() {
    let mend = "create the topic and its namespace, or allow automatic creation";
    let missing =
        format!("refused to look up the topic: Namespace not found (TopicNotFound); {mend}");
    assert_refused("public/nowhere/topic", &missing);
    assert_refused("no-tenant/nowhere/topic", "refused to look up the topic: ");
    order("PUT", "/namespaces/public/closed", "{}");
    let never = json!({ "allowAutoTopicCreation": false }).to_string();
    order("POST", "/namespaces/public/closed/autoTopicCreation", &never);
    assert_refused("public/closed/absent", &format!("(TopicNotFound); {mend}"));
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_refuses_a_schema_that_does_not_fit() {
    let other = r#"{"type":"record","name":"Other","fields":[{"name":"x","type":"int"}]}"#;
    let schema = json!({ "type": "AVRO", "schema": other, "properties": {} }).to_string();
    order("POST", "/schemas/public/default/taken/schema", &schema);
    let differs =
        "(IncompatibleSchema); another schema is registered for this topic: choose another";
    assert_refused("taken", differs);
    order("PUT", "/namespaces/public/fixed", "{}");
    order("POST", "/namespaces/public/fixed/isAllowAutoUpdateSchema", "false");
    let missing = "refused to create a producer: Schema not found and schema auto updating is \
                   disabled. (IncompatibleSchema); register this schema first";
    assert_refused("public/fixed/topic", missing);
    // Who has a schema does not notice that one is required.
    order("PUT", "/namespaces/public/enforced", "{}");
    order("POST", "/namespaces/public/enforced/schemaValidationEnforced", "true");
    let said = run(&["-u", &url(), "-t", "public/enforced/topic", "-d", "300ms"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_refuses_a_producer_of_a_terminated_topic() {
    assert_eq!(run(&["-u", &url(), "-t", "finished", "-d", "300ms"]).code, Some(0));
    order("POST", "/persistent/public/default/finished/terminate", "");
    let words = "Topic was already terminated (TopicTerminatedError); a terminated topic takes \
                 nothing: choose another";
    assert_refused("finished", words);
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_ends_a_run_by_terminating_its_topic() {
    let arguments = ["-u", &url(), "-t", "ending", "-r", "2k", "-d", "30s", "--report", "-"];
    let child = program(&arguments).spawn().unwrap();
    eventually(|| {
        (admin("GET", "/persistent/public/default/ending/stats", "").0 == 200).then_some(())
    });
    eventually(|| (messages_in("ending") > 500).then_some(()));
    order("POST", "/persistent/public/default/ending/terminate", "");
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(1), "{}", said.log);
    // A batch under way is refused, or the producer that comes back is.
    assert!(said.log.contains("ERROR publishing ended: the broker "), "{}", said.log);
    let mend = "(TopicTerminatedError); a terminated topic takes nothing: choose another";
    assert!(said.log.contains(mend), "{}", said.log);
    let report = said.report();
    let (acknowledged, there) = (total(&report, "acknowledged"), messages_in("ending"));
    let unsure = total(&report, "failed") + total(&report, "unknown");
    assert!((acknowledged..=acknowledged + unsure).contains(&there), "{there}: {report}");
    assert!(total(&report, "scheduled") < 60_000, "{report}");
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_refuses_messages_too_large_for_their_topic_and_takes_the_others() {
    let run = |flags: &[&str]| {
        let fixed = ["-u", &url(), "-t", "narrow", "-pn", "narrow", "--report", "-", "-d", "1s"];
        run(&[&fixed[..], flags].concat())
    };
    assert_eq!(run(&[]).code, Some(0));
    order("POST", "/persistent/public/default/narrow/maxMessageSize", "1275");
    let limit = |path: &str| admin("GET", &format!("{path}/narrow/maxMessageSize"), "").1;
    assert_eq!(limit("/persistent/public/default"), "1275");
    let said = eventually(|| {
        // The policy goes to the broker by way of a topic of its own.
        let said = run(&["-r", "20k", "-bm", "5", "--seed", "3"]);
        (said.code == Some(1)).then_some(said)
    });
    let report = said.report();
    // Five records have about this many bytes: some batches are larger, some are not.
    let (failed, acknowledged) = (total(&report, "failed"), total(&report, "acknowledged"));
    assert!(failed > 0 && acknowledged > 0, "{report}");
    assert_eq!((failed + acknowledged, failed % 5), (20_000, 0), "{report}");
    let words = "the broker refused a batch: Exceed maximum message size (NotAllowedError); make \
                 batches smaller";
    assert_eq!(said.log.matches(words).count(), 1, "{}", said.log);
    let all = run(&["-r", "20k", "-bm", "10"]).report();
    assert_eq!(total(&all, "failed"), 20_000, "{all}");
}

#[test]
#[ignore = "needs a real Pulsar: scripts/test provides it"]
fn real_pulsar_lets_a_name_be_used_once() {
    let named = ["-u", &url(), "-t", "named", "-pn", "me", "--seed", "7", "--report", "-"];
    let first = program(&[&named[..], &["-d", "5s"]].concat()).spawn().unwrap();
    eventually(|| {
        let (_, body) = admin("GET", "/persistent/public/default/named/stats", "");
        let stats: Value = serde_json::from_str(&body).unwrap_or_default();
        (stats["publishers"].as_array()?.len() == 1).then_some(())
    });
    let waiting = program(&[&named[..], &["-d", "1s"]].concat()).spawn().unwrap();
    let hasty = run(&[&named[..], &["-d", "1s", "--connect-timeout", "600ms"]].concat());
    assert_eq!(hasty.code, Some(1), "{}", hasty.log);
    let lines: Vec<&str> = hasty.log.lines().collect();
    assert_eq!(lines.len(), 2, "{}", hasty.log);
    assert!(
        lines[0].contains("cannot create a producer yet: Producer with name 'me-"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("refused to create a producer: Producer with name 'me-"),
        "{lines:?}"
    );
    let mend = "(ProducerBusy); another producer uses this name: choose another --producer-name";
    assert!(lines[1].contains(mend), "{lines:?}");
    // The first does not suffer, and who waits comes after it.
    for (child, count) in [(first, 5_000), (waiting, 1_000)] {
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!(said.code, Some(0), "{}", said.log);
        assert_eq!(total(&said.report(), "acknowledged"), count);
    }
    assert_eq!(messages_in("named"), 6_000);
}
