//! What the tree knows about one topic.

use spica_model::{Lane, Op, Position, Record};

use crate::compact::bytes;

/// The last record of a topic in each lane that has one.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The one that counts.
    shown: Record,
    /// The last one of the other lane, for the rare topic that appears in both.
    other: Option<Box<Record>>,
    /// Whether the topic is in the tree's list of changes.
    pub(crate) changed: bool,
}

impl Entry {
    pub(crate) const fn new(record: Record) -> Self {
        Self {
            shown: record,
            other: None,
            changed: false,
        }
    }

    pub(crate) const fn shown(&self) -> &Record {
        &self.shown
    }

    pub(crate) fn is_put(&self) -> bool {
        self.shown.op == Op::Put
    }

    /// The records it holds: one, or two.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        std::iter::once(&self.shown).chain(self.other.as_deref())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.records().map(bytes).sum()
    }

    /// Whether the record at `position` is no later than what is known of its lane.
    pub(crate) fn knows(&self, position: Position) -> bool {
        let last = self.records().find(|r| r.position.lane == position.lane);
        last.is_some_and(|last| !is_later(position, last.position))
    }

    /// Takes in a record that is not [known](Self::knows). Whether the shown record is another now.
    pub(crate) fn take(&mut self, record: Record) -> bool {
        let before = self.shown.position;
        if self.shown.position.lane == record.position.lane {
            self.shown = record;
        } else {
            self.other = Some(Box::new(record));
        }
        if let Some(other) = &mut self.other
            && beats(other, &self.shown)
        {
            std::mem::swap(&mut self.shown, other);
        }
        self.shown.position != before
    }
}

/// Whether `a` stands after `b`, both of one lane of one owner, in whose history epochs only rise
/// and sequences go on counting across them.
fn is_later(a: Position, b: Position) -> bool {
    (a.epoch, a.seq) > (b.epoch, b.seq)
}

/// Whether `a` counts rather than `b`, a record of the other lane.
fn beats(a: &Record, b: &Record) -> bool {
    let rank = |r: &Record| (r.received, r.position.lane == Lane::Critical);
    rank(a) > rank(b)
}
