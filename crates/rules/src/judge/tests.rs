use spica_cases::Severity;
use spica_model::{Lane, Quality, Restated, Seq, Timestamp};

use super::*;

const RULES: &str = r##"
max_hops = 2
[[sink]]
name = "erp"
url = "https://example.org/x"
[[rule]]
name = "hot"
topics = ["plant/+/t"]
when = 'payload.value > 80 && quality == "good"'
then = [
  { republish = { topic = "alerts/{levels[1]}", payload = '#{ at: levels[1], c: payload.value }', retain = true, lane = "critical" } },
  { case = { source = "plant/{levels[1]}", condition = "too-hot", severity = "high", text = "{payload.value} °C", clear = "payload.value < 75" } },
  { post = { sink = "erp", body = "payload.value * 2" } },
]
[[rule]]
name = "edge"
topics = ["door"]
when = 'payload == "open" && previous != "open"'
then = [{ republish = { topic = "opened" } }]
[[rule]]
name = "echo"
topics = ["#"]
when = 'topic == "loop"'
then = [{ republish = { topic = "loop", text = "{payload}!" } }]
"##;

fn node() -> Topic {
    Topic::new("root/s1").unwrap()
}

fn record(topic: &str, payload: &str) -> Record {
    Record {
        position: "1/normal/7".parse().unwrap(),
        topic: node().join(topic).unwrap(),
        kind: Kind::Event,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::from_secs(5),
        source_time: Some(Timestamp::from_secs(4)),
        content_type: ContentType::Json,
        payload: Bytes::from(payload.to_owned()),
        key: None,
        cause: None,
        properties: None,
    }
}

fn rules() -> RuleSet {
    RuleSet::parse(RULES).unwrap()
}

fn judge(record: &Record, previous: Option<&str>) -> Verdict {
    let previous = previous.map(|text| Bytes::from(text.to_owned()));
    rules().judge(&node(), record, previous.as_ref(), Want::Journal)
}

#[test]
fn a_record_that_fulfils_a_rule_is_reshaped_and_raises() {
    let verdict = judge(&record("plant/3/t", r#"{"value": 91.5}"#), None);
    let [draft] = &*verdict.drafts else {
        panic!("{verdict:?}");
    };
    assert_eq!(draft.topic.as_str(), "root/s1/alerts/3");
    assert_eq!(draft.payload, r#"{"at":"3","c":91.5}"#);
    assert_eq!((draft.lane, draft.kind), (Lane::Critical, Kind::State));
    assert_eq!(draft.source_time, Some(Timestamp::from_secs(4)));
    assert_eq!(draft.key.as_bytes(), "rule:hot/0/1/normal/7");
    assert_eq!(draft.cause.as_str(), "record:1/normal/7");
    let case = CaseCall {
        source: "plant/3".to_owned(),
        condition: "too-hot".to_owned(),
        severity: Severity::High,
        active: true,
        text: "91.5 °C".to_owned(),
    };
    assert_eq!(verdict.cases, [case]);
    assert_eq!(verdict.posts, []);
    let again = judge(&record("plant/3/t", r#"{"value": 91.5}"#), None);
    assert_eq!(again.drafts, verdict.drafts, "the same twice is the same");
}

#[test]
fn a_case_ends_where_its_rule_says() {
    for (value, holds) in [(91, Some(true)), (78, None), (74, Some(false))] {
        let verdict = judge(
            &record("plant/3/t", &format!(r#"{{"value": {value}}}"#)),
            None,
        );
        let said = verdict.cases.first().map(|case| case.active);
        assert_eq!(said, holds, "{value}");
    }
    let mut bad = record("plant/3/t", r#"{"value": 91}"#);
    bad.quality = Quality::Bad;
    assert_eq!(judge(&bad, None).cases, []);
}

#[test]
fn a_sink_gets_what_is_its_own() {
    let hot = record("plant/3/t", r#"{"value": 91}"#);
    let verdict = rules().judge(&node(), &hot, None, Want::Sink(0));
    assert_eq!((verdict.drafts.len(), verdict.cases.len()), (0, 0));
    let post = Post {
        key: "root/s1:rule:hot/2/1/normal/7".to_owned(),
        body: Bytes::from_static(b"182"),
        content_type: "application/json",
    };
    assert_eq!(verdict.posts, [post]);
}

#[test]
fn what_the_topic_said_before_counts() {
    let open = record("door", "\"open\"");
    assert_eq!(judge(&open, Some("\"shut\"")).drafts.len(), 1);
    assert_eq!(judge(&open, Some("\"open\"")).drafts.len(), 0);
    assert_eq!(judge(&open, None).drafts.len(), 1);
}

#[test]
fn a_rule_that_feeds_itself_ends() {
    let mut next = record("loop", "\"a\"");
    for hops in 1..=2_u64 {
        let mut verdict = judge(&next, None);
        let draft = verdict.drafts.pop().unwrap();
        next.position.seq = Seq(7 + hops);
        next.payload = draft.payload;
        next.properties = draft.properties;
    }
    assert_eq!(next.payload, "a!!");
    let verdict = judge(&next, None);
    assert_eq!(verdict.drafts, []);
    assert!(verdict.rules[0].looped);
}

#[test]
fn a_rule_that_fails_says_where_and_the_others_go_on() {
    let text = r##"
[[rule]]
name = "bad"
topics = ["x"]
then = [
  { republish = { topic = "y" } },
  { republish = { topic = "{payload.to}" } },
]
[[rule]]
name = "good"
topics = ["x"]
then = [{ republish = { topic = "z" } }]
"##;
    let set = RuleSet::parse(text).unwrap();
    for (to, why) in [
        ("\"devices/1\"", "written by the node itself"),
        ("\"a/+\"", "wildcards"),
        ("[1]", "list"),
        ("null", "no such value"),
    ] {
        let record = record("x", &format!(r#"{{"to": {to}}}"#));
        let verdict = set.judge(&node(), &record, None, Want::Journal);
        let failure = verdict.failures().next().unwrap().to_string();
        assert!(
            failure.starts_with("rule \"bad\", then[1].republish.topic: ") && failure.contains(why),
            "{failure}"
        );
        let topics: Vec<_> = verdict.drafts.iter().map(|it| it.topic.as_str()).collect();
        assert_eq!(topics, ["root/s1/z"], "all that a rule wants, or nothing");
    }
}

#[test]
fn copies_deletions_and_what_is_internal_are_passed_over() {
    let mut copy = record("loop", "1");
    copy.op = Op::Restate(Restated {
        epoch: copy.position.epoch,
        seq: Seq(3),
        deletes: false,
    });
    let mut deleted = record("loop", "");
    deleted.op = Op::Delete;
    let elsewhere = Record {
        topic: Topic::new("root/s2/loop").unwrap(),
        ..record("loop", "1")
    };
    for passed in [copy, deleted, elsewhere, record("system/loop", "1")] {
        assert_eq!(judge(&passed, None).rules, [], "{passed:?}");
    }
}
