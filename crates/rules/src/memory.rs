//! What topics said last.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use spica_model::{Record, Seq, Topic};

/// Payloads longer than this are not remembered.
const PAYLOAD_BYTES: usize = 16 << 10;

/// What topics said last, for rules that compare with it: a bounded number of topics, of which those
/// go first that came first.
#[derive(Debug)]
pub struct Memory {
    last: HashMap<Topic, (Seq, Bytes)>,
    order: VecDeque<Topic>,
    most: usize,
    forgotten: u64,
}

impl Memory {
    /// A memory of at most `most` topics.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            last: HashMap::new(),
            order: VecDeque::new(),
            most,
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
                *known = (seq, payload);
            }
            return;
        }
        if self.order.len() >= self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.last.remove(&oldest);
            self.forgotten += 1;
        }
        self.order.push_back(record.topic.clone());
        self.last.insert(record.topic.clone(), (seq, payload));
    }

    /// How many topics it has forgotten since it was made.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
