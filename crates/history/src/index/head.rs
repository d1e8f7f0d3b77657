//! What has come since the last flush, in memory.

use hashbrown::HashMap;
use spica_handler::Missed;
use spica_model::{Epoch, Record, Seq, Timestamp};

use crate::bucket::Bucket;
use crate::posting::Posting;

/// What has come since the last flush.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// By list, each in the order in which they came.
    pub(crate) postings: HashMap<u32, Vec<Posting>>,
    /// Names that have a list since.
    pub(crate) names: HashMap<Vec<u8>, u32>,
    /// By list and beginning of the minute in microseconds.
    pub(crate) minutes: HashMap<(u32, i64), Bucket>,
    pub(crate) missed: Vec<Missed>,
    /// The last record of the lane that is in the index.
    pub(crate) mark: Mark,
    /// How many records it holds.
    pub(crate) records: usize,
    /// Whether an earlier record came late.
    pub(crate) replayed: bool,
}

/// How far the index is, and the record that stands there: it ties the index to its journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) seq: Seq,
    /// None where the record was missed.
    pub(crate) record: Option<Trace>,
}

/// What is kept of a record to know it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) epoch: Epoch,
    pub(crate) received: Timestamp,
    pub(crate) topic: Vec<u8>,
}

impl Trace {
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            epoch: record.position.epoch,
            received: record.received,
            topic: record.topic.as_bytes().to_vec(),
        }
    }
}

impl Mark {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.seq.0.to_le_bytes().to_vec();
        if let Some(record) = &self.record {
            bytes.extend(record.epoch.0.to_le_bytes());
            bytes.extend(record.received.as_micros().to_le_bytes());
            bytes.extend(&record.topic);
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (seq, rest) = bytes.split_first_chunk()?;
        let seq = Seq(u64::from_le_bytes(*seq));
        if rest.is_empty() {
            return Some(Self { seq, record: None });
        }
        let (epoch, rest) = rest.split_first_chunk()?;
        let (received, topic) = rest.split_first_chunk()?;
        let record = Some(Trace {
            epoch: Epoch(u32::from_le_bytes(*epoch)),
            received: Timestamp::from_micros(i64::from_le_bytes(*received)),
            topic: topic.to_vec(),
        });
        Some(Self { seq, record })
    }
}

impl Head {
    /// A head that goes on behind `mark`.
    pub(crate) fn after(mark: Mark) -> Self {
        Self {
            mark,
            ..Self::default()
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(crate) fn post(&mut self, list: u32, posting: Posting) {
        self.postings.entry(list).or_default().push(posting);
    }

    pub(crate) fn count(&mut self, list: u32, minute: i64, value: Bucket) {
        self.minutes
            .entry((list, minute))
            .and_modify(|bucket| bucket.merge(&value))
            .or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_handler::contract::record;
    use spica_model::Lane;

    #[test]
    fn marks_read_back() {
        let seq = Seq(7);
        let record = Some(Trace::of(&record(Lane::Normal, seq)));
        for mark in [
            Mark::default(),
            Mark { seq, record: None },
            Mark { seq, record },
        ] {
            assert_eq!(Mark::decode(&mark.encode()), Some(mark));
        }
        assert_eq!(Mark::decode(b"short"), None);
        assert_eq!(Mark::decode(b"long enou"), None);
    }
}
