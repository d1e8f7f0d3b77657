//! The book of all facts that clients ever wanted kept. A fact's number is its idempotency key.

use spica_cases::Draft;
use spica_model::Timestamp;

use crate::words::{Key, Us};

/// The topic of what devices report in the critical lane; one more, and it is the normal lane's.
const REPORTS: u8 = 8;
/// The topic of what desks decide.
const DECISIONS: u8 = 10;

/// What a fact says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// A value.
    Value,
    /// A part of a picture; the last one says that it is complete.
    Part { picture: u16, part: u8 },
    /// A command's step: queued, sent, confirmed.
    Command { command: u16, step: u8 },
    /// What a device reports about whoever wears it.
    Report { report: u16 },
    /// All that a desk has decided on one input: one batch.
    Decided { batch: u32 },
}

/// What a device reports about whoever wears it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    pub(crate) device: u8,
    /// The event's name, as in its topic.
    pub(crate) name: &'static str,
    /// For a timer: after how many seconds it runs out.
    pub(crate) seconds: u8,
    /// When it happened.
    pub(crate) at: Us,
}

/// All that a desk has decided on one input.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The reign in which it was decided.
    pub(crate) epoch: u32,
    /// When, as that desk saw it.
    pub(crate) received: Timestamp,
    pub(crate) drafts: Vec<Draft>,
}

/// A fact.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fact {
    /// 0 critical, 1 normal.
    pub(crate) lane: u8,
    pub(crate) topic: u8,
    pub(crate) says: Says,
    /// Itself, unless somebody has entered another fact once more under a key of its own.
    pub(crate) of: Key,
}

/// The book.
#[derive(Debug, Default)]
pub(crate) struct Book {
    facts: Vec<Fact>,
    /// For each command, the keys of its three steps.
    pub(crate) commands: Vec<[Key; 3]>,
    /// For each picture, the keys of its parts.
    pub(crate) pictures: Vec<Vec<Key>>,
    pub(crate) reports: Vec<Report>,
    pub(crate) batches: Vec<Batch>,
}

impl Book {
    pub(crate) fn fact(&self, key: Key) -> Fact {
        self.facts[key as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.facts.len()
    }

    /// A new value on a topic. A topic belongs to one lane.
    pub(crate) fn value(&mut self, topic: u8) -> Key {
        self.enter(topic, Says::Value)
    }

    /// A new picture of so many parts.
    pub(crate) fn picture(&mut self, parts: u8) -> u16 {
        let picture = u16::try_from(self.pictures.len()).unwrap_or(u16::MAX);
        let keys = (0..parts).map(|part| self.enter(1, Says::Part { picture, part }));
        let keys = keys.collect();
        self.pictures.push(keys);
        picture
    }

    /// A new command.
    pub(crate) fn command(&mut self) -> u16 {
        let command = u16::try_from(self.commands.len()).unwrap_or(u16::MAX);
        let keys = [0, 1, 2].map(|step| self.enter(0, Says::Command { command, step }));
        self.commands.push(keys);
        command
    }

    /// A new report of a device. Ends of what it reported go to the normal lane.
    pub(crate) fn report(&mut self, report: Report) -> Key {
        let number = u16::try_from(self.reports.len()).unwrap_or(u16::MAX);
        let ends = report.name.ends_with("-ended");
        let topic = REPORTS + u8::from(ends);
        let key = self.enter(topic, Says::Report { report: number });
        self.reports.push(report);
        key
    }

    /// What a desk has decided.
    pub(crate) fn decided(&mut self, decided: Batch) -> Key {
        let batch = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
        self.batches.push(decided);
        self.enter(DECISIONS, Says::Decided { batch })
    }

    /// What a desk has decided with this fact, if it is that.
    pub(crate) fn batch(&self, key: Key) -> Option<&Batch> {
        match self.fact(key).says {
            Says::Decided { batch } => self.batches.get(batch as usize),
            _ => None,
        }
    }

    /// The same fact under another key: a bug that is planted.
    pub(crate) fn another(&mut self, key: Key) -> Key {
        let fact = self.fact(key);
        let another = self.enter(fact.topic, Says::Value);
        self.facts[another as usize].of = fact.of;
        another
    }

    fn enter(&mut self, topic: u8, says: Says) -> Key {
        let key = Key::try_from(self.facts.len()).unwrap_or(Key::MAX);
        let lane = topic % 2;
        self.facts.push(Fact {
            lane,
            topic,
            says,
            of: key,
        });
        key
    }
}
