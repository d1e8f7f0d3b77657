//! Conflation: a subscription that asks for it gets, of each topic, the newest message at most once in
//! a while. What is replaced before it was sent is counted.

use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use spica_matcher::matches;
use spica_model::Lane;
use spica_mqtt::Chunk;
use spica_mqtt_proto::UserProperties;
use spica_settings::Span;

/// The user property of a SUBSCRIBE that asks for it: how often at most, such as `500ms`.
pub(crate) const PROPERTY: &str = "spica-conflate";
/// The shortest time between two messages of a topic.
pub(crate) const SHORTEST: Duration = Duration::from_millis(20);
/// The longest.
pub(crate) const LONGEST: Duration = Duration::from_secs(3_600);
/// Topics that wait at once: a message of one more is sent unconflated.
const TOPICS_MAX: usize = 100_000;

/// How often at most a SUBSCRIBE wants each topic's newest message, if it wants that.
pub(crate) fn wanted(user: &UserProperties<'_>) -> Option<Duration> {
    let asked: Span = user.get(PROPERTY)?.parse().ok()?;
    Some(asked.as_duration().clamp(SHORTEST, LONGEST))
}

/// What a session has asked to be conflated. Time is steady, from any start.
#[derive(Debug, Default)]
pub(crate) struct Conflator {
    rules: Vec<(Box<str>, Duration)>,
    /// By topic: its newest message, as a QoS 0 packet; in the order in which the topics came.
    waiting: HashMap<Box<str>, Waiting>,
    /// When the first that waits is due.
    due: Option<Duration>,
    /// Counts what comes.
    turn: u64,
    replaced: u64,
}

#[derive(Debug)]
struct Waiting {
    packet: Bytes,
    lane: Lane,
    turn: u64,
}

impl Conflator {
    /// A filter is to be conflated from now on, or with another interval.
    pub(crate) fn add(&mut self, filter: &str, interval: Duration) {
        self.remove(filter);
        self.rules.push((filter.into(), interval));
    }

    /// A filter is not to be conflated any more. Whether none is left.
    pub(crate) fn remove(&mut self, filter: &str) -> bool {
        self.rules.retain(|(its, _)| **its != *filter);
        self.rules.is_empty()
    }

    /// Takes a message, if its topic is conflated. One that waits is replaced.
    pub(crate) fn take(&mut self, now: Duration, topic: &str, packet: &Bytes, lane: Lane) -> bool {
        let matching = self
            .rules
            .iter()
            .filter(|(filter, _)| matches(filter, topic));
        let Some(interval) = matching.map(|(_, interval)| *interval).min() else {
            return false;
        };
        self.turn += 1;
        let turn = self.turn;
        if let Some(waiting) = self.waiting.get_mut(topic) {
            waiting.packet = packet.clone();
            waiting.lane = lane;
            self.replaced += 1;
            return true;
        }
        if self.waiting.len() >= TOPICS_MAX {
            return false;
        }
        let waiting = Waiting {
            packet: packet.clone(),
            lane,
            turn,
        };
        self.waiting.insert(topic.into(), waiting);
        let due = now + interval;
        self.due = Some(self.due.map_or(due, |before| before.min(due)));
        true
    }

    /// When something is due.
    pub(crate) const fn due(&self) -> Option<Duration> {
        self.due
    }

    /// What is due now, as chunks in the order in which the topics came; all that waits goes together.
    pub(crate) fn flush(&mut self, now: Duration) -> Vec<Chunk> {
        if self.due.is_none_or(|due| now < due) {
            return Vec::new();
        }
        self.due = None;
        let mut all: Vec<Waiting> = self.waiting.drain().map(|(_, waiting)| waiting).collect();
        all.sort_unstable_by_key(|waiting| waiting.turn);
        let chunk = |waiting: Waiting| Chunk {
            messages: 1,
            largest: u32::try_from(waiting.packet.len()).unwrap_or(u32::MAX),
            bytes: waiting.packet,
            lane: waiting.lane,
        };
        all.into_iter().map(chunk).collect()
    }

    /// How many messages were replaced since it was asked last.
    pub(crate) const fn take_replaced(&mut self) -> u64 {
        std::mem::replace(&mut self.replaced, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn sent(conflator: &mut Conflator, now: u64) -> Vec<Bytes> {
        let chunks = conflator.flush(ms(now)).into_iter();
        chunks.map(|chunk| chunk.bytes).collect()
    }

    #[test]
    fn the_newest_of_each_topic_is_sent_once_in_a_while() {
        let mut conflator = Conflator::default();
        conflator.add("a/+", ms(100));
        let mut take = |now, topic, packet: &'static str| {
            let packet = Bytes::from_static(packet.as_bytes());
            conflator.take(ms(now), topic, &packet, Lane::Normal)
        };
        assert!(take(0, "a/x", "1"));
        assert!(take(10, "a/y", "2"));
        assert!(take(50, "a/x", "3"));
        assert!(!take(50, "b", "4"), "nobody asked for that");
        assert_eq!(conflator.due(), Some(ms(100)));
        assert!(sent(&mut conflator, 99).is_empty());
        assert_eq!(sent(&mut conflator, 100), ["3", "2"]);
        assert_eq!(conflator.take_replaced(), 1);
        assert_eq!(conflator.due(), None);
        assert!(sent(&mut conflator, 500).is_empty());
    }

    #[test]
    fn the_shortest_interval_of_those_that_match_holds() {
        let mut conflator = Conflator::default();
        conflator.add("#", ms(1_000));
        conflator.add("a", ms(50));
        assert!(conflator.take(ms(0), "a", &Bytes::from_static(b"1"), Lane::Normal));
        assert_eq!(conflator.due(), Some(ms(50)));
        assert!(!conflator.remove("a"));
        assert!(conflator.remove("#"));
    }

    #[test]
    fn what_is_beyond_the_limit_is_not_conflated() {
        let mut conflator = Conflator::default();
        conflator.add("#", ms(50));
        let packet = Bytes::from_static(b"1");
        for topic in 0..TOPICS_MAX {
            assert!(conflator.take(ms(0), &topic.to_string(), &packet, Lane::Normal));
        }
        assert!(!conflator.take(ms(0), "one more", &packet, Lane::Normal));
        assert!(conflator.take(ms(0), "7", &packet, Lane::Normal));
    }
}
