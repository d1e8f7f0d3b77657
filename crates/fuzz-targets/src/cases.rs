//! Fuzz target: payloads of cases, conditions and steps, as a decider reads them from a journal. The
//! first byte says of what.

use bytes::Bytes;
use spica_cases::{Case, Cases, Condition, Output, Part, Rules, StepRecord};
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};

const NODE: &str = "root/s1";

/// Runs the target on one input.
///
/// # Panics
/// If what was read is not read again from what is written for it, or a decider that starts from it
/// does not come to rest.
pub fn run(data: &[u8]) {
    let Some((what, payload)) = data.split_first() else {
        return;
    };
    match what % 4 {
        0 => case(payload),
        1 => condition(payload),
        2 => step(payload),
        _ => topic(payload),
    }
}

fn case(payload: &[u8]) {
    let Ok(id) = "3-17".parse() else { return };
    if let Ok(case) = Case::decode(id, payload) {
        let again = Case::decode(id, &case.encode());
        // Times of five-digit years and numbers beyond JSON's print as they cannot be read.
        assert!(
            again.is_err() || again == Ok(case.clone()),
            "{case:?} is {again:?}"
        );
        start("alarms/cases/3-17", payload);
    }
}

fn condition(payload: &[u8]) {
    if let Ok(condition) = Condition::decode(payload) {
        let again = Condition::decode(&condition.encode());
        assert!(
            again.is_err() || again == Ok(condition.clone()),
            "{condition:?} is {again:?}"
        );
        start("alarms/conditions/man-down/devices/1", payload);
    }
}

fn step(payload: &[u8]) {
    if let Ok(step) = StepRecord::decode(payload) {
        let again = StepRecord::decode(&step.encode());
        assert!(
            again.is_err() || again == Ok(step.clone()),
            "{step:?} is {again:?}"
        );
    }
}

fn topic(text: &[u8]) {
    let Ok(topic) = Topic::from_bytes(Bytes::copy_from_slice(text)) else {
        return;
    };
    let Ok(node) = Topic::new(NODE) else { return };
    let topics = spica_cases::Topics::new(node);
    let made = match Part::of(NODE, &topic) {
        Some(Part::Case(id)) => topics.case(id),
        Some(Part::CaseSteps(id)) => topics.case_steps(id),
        Some(Part::Escalation(id)) => topics.escalation(id),
        Some(Part::Notice(id, number)) => topics.notice(id, number),
        Some(Part::Attempts(id, number)) => topics.attempts(id, number),
        Some(Part::Mark) => topics.mark(),
        // The names of conditions are shorter than what a topic has room for.
        Some(Part::Condition { source, condition }) => topics
            .condition(&source, &condition)
            .unwrap_or_else(|_| topic.clone()),
        Some(Part::ConditionSteps { source, condition }) => topics
            .condition_steps(&source, &condition)
            .unwrap_or_else(|_| topic.clone()),
        None => return,
    };
    assert_eq!(made, topic, "a topic is made otherwise than it is read");
}

/// Starts from a state tree with this record, and lets everything happen that is due.
fn start(path: &str, payload: &[u8]) {
    let Ok(node) = Topic::new(NODE) else { return };
    let Ok(topic) = node.join(path) else { return };
    let record = Record {
        position: Position {
            epoch: Epoch(3),
            lane: Lane::Critical,
            seq: Seq(1),
        },
        topic,
        kind: Kind::State,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::EPOCH,
        source_time: None,
        content_type: ContentType::Json,
        payload: Bytes::copy_from_slice(payload),
        key: None,
        cause: None,
        properties: None,
    };
    let mut cases = Cases::new(node, Rules::default());
    cases.begin(3);
    cases.restore(&record);
    let mut out = Output::default();
    let now = Timestamp::from_micros(i64::MAX);
    for _ in 0..4 {
        cases.on_time(now, &mut out);
    }
    assert_eq!(cases.next_due(), None, "it does not come to rest");
    out.clear();
    cases.on_time(now, &mut out);
    assert!(out.is_empty(), "it does not come to rest");
}
