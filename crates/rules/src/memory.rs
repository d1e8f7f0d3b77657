//! What topics said last.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use spica_model::{Record, Seq, Topic};

/// Payloads longer than this are not remembered.
const PAYLOAD_BYTES: usize = 16 << 10;

/// What topics said last, for rules that compare with it: a bounded number of topics, with a bounded
/// number of bytes, of which those go first that came first.
#[derive(Debug)]
pub struct Memory {
    last: HashMap<Topic, (Seq, Bytes)>,
    order: VecDeque<Topic>,
    most: usize,
    bytes: usize,
    most_bytes: usize,
    forgotten: u64,
}

impl Memory {
    /// A memory of at most `most` topics, with `most_bytes` of payloads together.
    #[must_use]
    pub fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            last: HashMap::new(),
            order: VecDeque::new(),
            most,
            bytes: 0,
            most_bytes,
            forgotten: 0,
        }
    }

    /// What the topic of `record` said before it. A record that comes a second time finds nothing
    /// that is newer than itself.
    #[must_use]
    pub fn before(&self, record: &Record) -> Option<&Bytes> {
        let (seq, payload) = self.last.get(&record.topic)?;
        (*seq < record.origin().seq).then_some(payload)
    }

    /// Takes note of a record.
    pub fn note(&mut self, record: &Record) {
        let seq = record.origin().seq;
        let payload = if record.payload.len() > PAYLOAD_BYTES {
            Bytes::new()
        } else {
            // A part of a batch would keep all of it in memory.
            Bytes::copy_from_slice(&record.payload)
        };
        if let Some(known) = self.last.get_mut(&record.topic) {
            if known.0 < seq {
                self.bytes = self.bytes - known.1.len() + payload.len();
                *known = (seq, payload);
            }
        } else {
            self.bytes += payload.len();
            self.order.push_back(record.topic.clone());
            self.last.insert(record.topic.clone(), (seq, payload));
        }
        while self.order.len() > self.most || self.bytes > self.most_bytes {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            let gone = self.last.remove(&oldest);
            self.bytes -= gone.map_or(0, |(_, payload)| payload.len());
            self.forgotten += 1;
        }
    }

    /// How many topics it has forgotten since it was made.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use spica_model::{ContentType, Kind, Op, Quality, Timestamp};

    use super::*;

    fn record(topic: &str, seq: u64, payload: &[u8]) -> Record {
        Record {
            position: format!("1/normal/{seq}").parse().unwrap(),
            topic: Topic::new(topic).unwrap(),
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: Timestamp::EPOCH,
            source_time: None,
            content_type: ContentType::Text,
            payload: Bytes::copy_from_slice(payload),
            key: None,
            cause: None,
            properties: None,
        }
    }

    #[test]
    fn a_topic_says_what_it_said_before_and_nothing_newer() {
        let mut memory = Memory::new(10, 1_000);
        memory.note(&record("a", 1, b"one"));
        memory.note(&record("a", 3, b"three"));
        memory.note(&record("a", 2, b"two"));
        let before = |seq| memory.before(&record("a", seq, b"")).cloned();
        assert_eq!(before(4), Some(Bytes::from_static(b"three")));
        assert_eq!(before(3), None, "it came a second time");
        assert_eq!(memory.before(&record("b", 9, b"")), None);
    }

    #[test]
    fn beyond_a_limit_the_topic_that_came_first_is_forgotten() {
        let mut topics = Memory::new(2, 1_000);
        let mut bytes = Memory::new(100, 10);
        for (seq, topic) in (1..).zip(["a", "b", "a", "c"]) {
            topics.note(&record(topic, seq, b"1234"));
            bytes.note(&record(topic, seq, b"1234"));
        }
        for memory in [&topics, &bytes] {
            let known = ["a", "b", "c"].map(|it| memory.before(&record(it, 9, b"")).is_some());
            assert_eq!((known, memory.forgotten()), ([false, true, true], 1));
        }
        bytes.note(&record("d", 5, b"12345678901"));
        assert!(
            bytes.before(&record("d", 9, b"")).is_none(),
            "larger than all may be"
        );
        bytes.note(&record("e", 6, &[0; PAYLOAD_BYTES + 1]));
        assert_eq!(bytes.before(&record("e", 9, b"")), Some(&Bytes::new()));
    }
}
