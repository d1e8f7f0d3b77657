//! A batch as the rules read it: each record with what its topic said before.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use spica_model::{Lane, Record, Seq, Topic};
use spica_rules::{Memory, RuleSet, Verdict, Want};

use crate::cases::Standing;

/// Payloads that one lane of one handler remembers together, in bytes.
const PREVIOUS_BYTES: usize = 64 << 20;

/// Applies rules to batches of one lane.
pub(crate) struct Reader {
    set: Arc<RuleSet>,
    node: Topic,
    want: Want,
    /// What topics said last; none if no rule wants to know.
    memory: Option<Memory>,
}

/// What is to be done for the first records of a batch.
#[derive(Default)]
pub(crate) struct Reading {
    /// For each of them.
    pub(crate) verdicts: Vec<Verdict>,
    /// Why the last of them is given up, if it is.
    pub(crate) failure: Option<String>,
}

impl Reader {
    pub(crate) fn new(set: Arc<RuleSet>, node: Topic, want: Want, previous_topics: usize) -> Self {
        let memory = set
            .looks_back()
            .then(|| Memory::new(previous_topics, PREVIOUS_BYTES));
        Self {
            set,
            node,
            want,
            memory,
        }
    }

    /// Takes the place of another one, and keeps what that one remembers.
    pub(crate) fn replace(&mut self, by: Self) {
        let memory = self.memory.take();
        *self = by;
        if self.memory.is_some() && memory.is_some() {
            self.memory = memory;
        }
    }

    /// Learns what topics had said at `cursor`, as far as the state tree still has it.
    pub(crate) fn resume(&mut self, standing: &dyn Standing, lane: Lane, cursor: Seq) {
        let Some(memory) = &mut self.memory else {
            return;
        };
        standing.visit(self.node.as_str(), &mut |record| {
            let place = record.origin();
            if place.lane == lane && place.seq <= cursor {
                memory.note(record);
            }
        });
    }

    /// Applies the rules to a batch, up to the first record that a rule fails on. Nothing is
    /// remembered yet: the same batch may come again.
    pub(crate) fn read(&self, batch: &[Record]) -> Reading {
        let mut reading = Reading::default();
        let mut here: HashMap<&Topic, &Bytes> = HashMap::new();
        for record in batch {
            let before = self.memory.as_ref().and_then(|memory| {
                let earlier = here.get(&record.topic).copied();
                earlier.or_else(|| memory.before(record))
            });
            let verdict = self.set.judge(&self.node, record, before, self.want);
            if self.memory.is_some() {
                here.insert(&record.topic, &record.payload);
            }
            let failures: Vec<_> = verdict.failures().map(ToString::to_string).collect();
            reading.verdicts.push(verdict);
            if !failures.is_empty() {
                reading.failure = Some(failures.join("; "));
                break;
            }
        }
        reading
    }

    /// Takes note of records that are done.
    pub(crate) fn note(&mut self, done: &[Record]) {
        if let Some(memory) = &mut self.memory {
            for record in done {
                memory.note(record);
            }
        }
    }
}
