//! A record as it is entered again.

use spica_model::{Cause, Key, Kind, Record, Topic, limits};

/// Below the node: where `state` that came late stands.
const LATE: &str = "system/pair/late";

/// The record as a new one. It keeps its times, its payload and its key; without a key it gets one
/// that its old place makes. Its cause names that place.
///
/// One that is `late`, a `state` record that is older than what its topic has, becomes an `event`
/// below `<node>/system/pair/late`: history has it, and nobody who follows the topic sees an old
/// value after a newer one.
pub(super) fn again(record: &Record, node: &Topic, late: bool) -> Record {
    let mut again = record.clone();
    if late {
        again.topic = late_topic(&record.topic, node);
        again.kind = Kind::Event;
    }
    if again.key.is_none() {
        again.key = Key::new(format!("reentered:{}", record.position)).ok();
    }
    again.cause = cause(record);
    again
}

/// The original place first, then the original cause, if both fit.
fn cause(record: &Record) -> Option<Cause> {
    let place = format!("record:{}", record.position);
    let both = record
        .cause
        .as_ref()
        .map(|cause| format!("{place} {}", cause.as_str()))
        .filter(|both| both.len() <= limits::CAUSE_BYTES);
    Cause::new(both.unwrap_or(place)).ok()
}

/// A topic that is too long to stand below another one loses its name: the cause still says where
/// the record stood, and the file that it comes from is kept.
fn late_topic(topic: &Topic, node: &Topic) -> Topic {
    let rest = topic.below(node.as_str()).unwrap_or(topic.as_str());
    let below = |rest: &str| node.join(&format!("{LATE}/{rest}"));
    below(rest)
        .or_else(|_| below("too-long"))
        .unwrap_or_else(|_| topic.clone())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use spica_model::{ContentType, Epoch, Lane, Op, Position, Quality, Seq, Timestamp};

    use super::*;

    fn record(topic: &str, cause: Option<&str>) -> Record {
        Record {
            position: Position {
                epoch: Epoch(3),
                lane: Lane::Normal,
                seq: Seq(17),
            },
            topic: Topic::new(topic).unwrap(),
            kind: Kind::State,
            op: Op::Put,
            quality: Quality::Uncertain,
            received: Timestamp::from_secs(10),
            source_time: Some(Timestamp::from_secs(9)),
            content_type: ContentType::Text,
            payload: Bytes::from_static(b"open"),
            key: None,
            cause: cause.map(|cause| Cause::new(cause).unwrap()),
            properties: None,
        }
    }

    #[test]
    fn all_that_it_says_stays_and_the_old_place_makes_key_and_cause() {
        let node = Topic::new("root/s1").unwrap();
        let old = record("root/s1/door", Some("operator:alice"));
        let new = again(&old, &node, false);
        let cause = Cause::new("record:3/normal/17 operator:alice").unwrap();
        let key = Key::new("reentered:3/normal/17").unwrap();
        let expected = Record {
            key: Some(key),
            cause: Some(cause),
            ..old.clone()
        };
        assert_eq!(new, expected);
        let own = Key::new("device:7").unwrap();
        let keyed = Record {
            key: Some(own.clone()),
            ..old
        };
        assert_eq!(again(&keyed, &node, false).key, Some(own));
    }

    #[test]
    fn a_cause_that_leaves_no_room_gives_way_to_the_place() {
        let node = Topic::new("root/s1").unwrap();
        let longest = "c".repeat(limits::CAUSE_BYTES);
        let new = again(&record("root/s1/door", Some(&longest)), &node, false);
        assert_eq!(new.cause.unwrap().as_str(), "record:3/normal/17");
    }

    #[test]
    fn late_state_stands_elsewhere_as_an_event() {
        let node = Topic::new("root/s1").unwrap();
        let late = again(&record("root/s1/door", None), &node, true);
        assert_eq!(late.topic.as_str(), "root/s1/system/pair/late/door");
        assert_eq!(late.kind, Kind::Event);
        let long = format!("root/s1/{}", "t".repeat(limits::TOPIC_BYTES - 8));
        let late = again(&record(&long, None), &node, true);
        assert_eq!(late.topic.as_str(), "root/s1/system/pair/late/too-long");
    }
}
