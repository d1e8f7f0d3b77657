use proptest::prelude::*;

use super::*;

const NODE: &str = "root/s1";

fn topics() -> Topics {
    Topics::new(Topic::new(NODE).unwrap())
}

fn of(topic: &Topic) -> Option<Part> {
    Part::of(NODE, topic)
}

#[test]
fn topics_read_back_as_the_part_they_are() {
    let id = "3-17".parse().unwrap();
    let topics = topics();
    assert_eq!(topics.case(id).as_str(), "root/s1/alarms/cases/3-17");
    for (topic, part) in [
        (topics.case(id), Part::Case(id)),
        (topics.case_steps(id), Part::CaseSteps(id)),
        (topics.escalation(id), Part::Escalation(id)),
        (topics.notice(id, 0), Part::Notice(id, 0)),
        (topics.notice(id, u32::MAX), Part::Notice(id, u32::MAX)),
        (topics.attempts(id, 7), Part::Attempts(id, 7)),
        (topics.mark(), Part::Mark),
    ] {
        assert_eq!(of(&topic), Some(part), "{topic}");
    }
}

#[test]
fn what_no_topic_may_have_is_refused_in_a_source_too() {
    let topics = topics();
    for (source, condition) in [
        ("", "c"),
        ("a", ""),
        ("a/+", "c"),
        ("a#", "c"),
        ("a\n", "c"),
        ("a", "c/d"),
        ("a", "+"),
    ] {
        assert!(
            topics.condition(source, condition).is_err(),
            "{source} {condition}"
        );
    }
    let long = "c".repeat(CONDITION_BYTES + 1);
    assert!(topics.condition("a", &long).is_err());
}

#[test]
fn long_sources_are_cut_and_stay_apart() {
    let topics = topics();
    let long = "ü/".repeat(limits::TOPIC_BYTES);
    let (one, other) = (format!("{long}1"), format!("{long}2"));
    let one = topics.condition(&one, "stale").unwrap();
    let other = topics.condition(&other, "stale").unwrap();
    assert_ne!(one, other);
    for topic in [one, other] {
        let bytes = topic.as_bytes().len();
        assert!(bytes <= limits::TOPIC_BYTES && bytes + 4 > limits::TOPIC_BYTES);
        let Some(Part::Condition { source, condition }) = of(&topic) else {
            panic!("{topic} is a condition");
        };
        assert_eq!(condition, "stale");
        assert_eq!(source.rsplit_once('~').unwrap().1.len(), 16);
    }
}

#[test]
fn a_cut_source_has_the_same_name_in_every_version() {
    assert_eq!(hash("plant/pump1/level"), 0x71f5_13aa_6c4e_0551);
}

#[test]
fn the_longest_node_has_room_for_everything() {
    let topics = Topics::new(Topic::new("n".repeat(NODE_BYTES)).unwrap());
    let id = CaseId {
        epoch: u64::MAX,
        number: u64::MAX,
    };
    assert!(topics.attempts(id, u32::MAX).as_bytes().len() <= limits::TOPIC_BYTES);
    let condition = "c".repeat(CONDITION_BYTES);
    assert!(topics.condition(&"s".repeat(2_000), &condition).is_ok());
}

#[test]
#[should_panic(expected = "a node's path has 513 bytes")]
fn a_longer_node_is_an_error_of_ours() {
    let _ = Topics::new(Topic::new("n".repeat(NODE_BYTES + 1)).unwrap());
}

#[test]
fn other_topics_are_no_part() {
    for other in [
        "root/s1/alarms",
        "root/s1/alarms/cases/3-17/step",
        "root/s1/alarms/cases/03-17",
        "root/s1/alarms/cases/x",
        "root/s1/alarms/conditions/stale",
        "root/s1/alarms/conditions/stale/",
        "root/s1/alarms/conditions//a",
        "root/s1/alarms/escalations/3-17/x",
        "root/s1/alarms/notices/3-17",
        "root/s1/alarms/notices/3-17/007",
        "root/s1/alarms/notices/3-17/+7",
        "root/s1/alarms/notices/3-17/4294967296",
        "root/s1/alarms/notices/3-17/1/attempt",
        "root/s1/alarms/mark/x",
        "root/s1/alarm/cases/3-17",
        "root/s2/alarms/cases/3-17",
    ] {
        let Ok(topic) = Topic::new(other) else {
            continue;
        };
        assert_eq!(of(&topic), None, "{other}");
    }
}

proptest! {
    #[test]
    fn every_source_that_fits_reads_back(
        source in "[a-z/~ ü]{1,20}",
        condition in "[a-z][a-z0-9-]{0,20}",
    ) {
        let topics = topics();
        let topic = topics.condition(&source, &condition).unwrap();
        let part = Part::Condition { source: source.clone(), condition: condition.clone() };
        prop_assert_eq!(of(&topic), Some(part));
        let topic = topics.condition_steps(&source, &condition).unwrap();
        prop_assert_eq!(of(&topic), Some(Part::ConditionSteps { source, condition }));
    }
}
