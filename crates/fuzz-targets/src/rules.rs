//! Fuzz targets: rules files, and their expressions. Whatever was accepted is applied to records.

use bytes::Bytes;
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic, limits,
};
use spica_rules::{RuleSet, Verdict, Want};

/// Longest file that is applied: what is longer is only read.
const USED_BYTES: usize = 20_000;
/// Payloads of the records, in the order in which their topic says them.
const PAYLOADS: [&str; 5] = [
    r#"{"value": 91.5, "to": "x", "list": [1, 2, "a"], "deep": {"b": null}}"#,
    "[1, [2, [3]], 9223372036854775807]",
    "\"open\"",
    "no JSON: ü",
    "",
];

/// Runs the target on a rules file.
///
/// # Panics
/// If a problem does not point into the text, or rules that were accepted break a promise.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match RuleSet::parse(text) {
        Ok(set) if text.len() <= USED_BYTES => apply(&set),
        Ok(_) => {}
        Err(problems) => {
            assert!((1..=100).contains(&problems.len()));
            for problem in problems {
                assert!((1..=1 + text.matches('\n').count()).contains(&problem.line));
                assert!(problem.column >= 1 && !problem.reason.is_empty());
            }
        }
    }
}

/// Runs the target on an expression, as a condition and as a payload.
///
/// # Panics
/// As [`run`].
pub fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if text.contains("'''") || text.len() > 4_000 {
        return;
    }
    for shape in [
        "when = '''EXPRESSION'''\nthen = [{ republish = { topic = \"a\" } }]",
        "then = [{ republish = { topic = \"a\", payload = '''EXPRESSION''' } }]",
        "then = [{ republish = { topic = '''a/EXPRESSION''', text = '''EXPRESSION''' } }]",
    ] {
        let rule = shape.replace("EXPRESSION", text);
        run(format!("[[rule]]\nname = \"r\"\ntopics = [\"#\"]\n{rule}\n").as_bytes());
    }
}

fn apply(set: &RuleSet) {
    let Ok(node) = Topic::new("root/s1") else {
        return;
    };
    let mut previous = None;
    for (seq, payload) in (1..).zip(PAYLOADS) {
        for topic in ["plant/3/t", "a"] {
            let Ok(topic) = node.join(topic) else {
                return;
            };
            let record = record(topic, seq, payload);
            check(&set.judge(&node, &record, previous.as_ref(), Want::Journal));
            for sink in 0..set.sinks().len() {
                check(&set.judge(&node, &record, previous.as_ref(), Want::Sink(sink)));
            }
        }
        previous = Some(Bytes::from(payload));
    }
}

fn check(verdict: &Verdict) {
    for draft in &verdict.drafts {
        assert!(draft.topic.is_within("root/s1"));
        assert!(draft.payload.len() <= limits::PAYLOAD_BYTES);
        let below = draft.topic.below("root/s1").unwrap_or("system");
        let first = below.split('/').next().unwrap_or_default();
        assert!(!spica_rules::RESERVED_ROOTS.contains(&first), "{below}");
    }
    for case in &verdict.cases {
        assert!(Topic::new(case.source.clone()).is_ok() && case.text.len() <= 500);
    }
    for post in &verdict.posts {
        assert!(post.body.len() <= limits::PAYLOAD_BYTES);
    }
    for failure in verdict.failures() {
        assert!(!failure.place.is_empty() && !failure.reason.is_empty());
    }
}

fn record(topic: Topic, seq: u64, payload: &'static str) -> Record {
    Record {
        position: Position {
            epoch: Epoch::FIRST,
            lane: Lane::Normal,
            seq: Seq(seq),
        },
        topic,
        kind: Kind::Event,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::from_secs(5),
        source_time: None,
        content_type: ContentType::Json,
        payload: Bytes::from(payload),
        key: None,
        cause: None,
        properties: None,
    }
}
