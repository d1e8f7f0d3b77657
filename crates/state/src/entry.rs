//! What the tree knows about one topic.

use spica_model::{Kind, Lane, Op, Position, Record, Topic};

use crate::compact::{BUFFER_BYTES, bytes};

/// What an entry costs beside its records: what it says itself, the topic's buffer, and the map's
/// share, whose nodes are about half full.
const OVERHEAD_BYTES: usize = size_of::<Entry>() - size_of::<Record>()
    + BUFFER_BYTES
    + 2 * (size_of::<Topic>() + size_of::<Box<Entry>>());

/// What is known of a topic in each lane that has a record of it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The lane whose last record counts.
    shown: OfLane,
    /// The other lane, for the rare topic that appears in both.
    other: Option<Box<OfLane>>,
    /// Whether the topic is in the tree's list of changes.
    pub(crate) changed: bool,
}

/// What is known of a topic in one lane.
#[derive(Debug, Clone)]
struct OfLane {
    last: Record,
    /// The last record of kind `state`, where `last` is an event that came after it.
    beneath: Option<Box<Record>>,
}

impl Entry {
    pub(crate) const fn new(record: Record) -> Self {
        Self {
            shown: OfLane::new(record),
            other: None,
            changed: false,
        }
    }

    /// The last record of all.
    pub(crate) const fn shown(&self) -> &Record {
        &self.shown.last
    }

    /// The last record of kind `state`.
    pub(crate) fn state(&self) -> Option<&Record> {
        let of_other = self.other.as_ref().and_then(|other| other.state());
        match (self.shown.state(), of_other) {
            (Some(a), Some(b)) if beats(b, a) => Some(b),
            (Some(a), _) => Some(a),
            (None, of_other) => of_other,
        }
    }

    /// Whether the topic has a value, or a state stands although an event has deleted the topic.
    pub(crate) fn has_value(&self) -> bool {
        let is_put = |record: &Record| record.op == Op::Put;
        is_put(self.shown()) || self.state().is_some_and(is_put)
    }

    /// The records it holds, one to four.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.lanes()
            .flat_map(|lane| std::iter::once(&lane.last).chain(lane.beneath.as_deref()))
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let topic = self.shown().topic.as_bytes().len();
        OVERHEAD_BYTES + topic + self.records().map(bytes).sum::<usize>()
    }

    /// The last record of kind `state` of a lane.
    pub(crate) fn state_of(&self, lane: Lane) -> Option<&Record> {
        self.lane(lane)?.state()
    }

    /// Whether folding the record would change nothing: it is no later than what is known of its
    /// lane and its kind.
    pub(crate) fn knows(&self, record: &Record) -> bool {
        self.lane(record.position.lane)
            .is_some_and(|lane| lane.knows(record))
    }

    /// Takes in a record that is not [known](Self::knows). Whether the shown record is another now.
    pub(crate) fn take(&mut self, record: Record) -> bool {
        let before = self.shown().position;
        if self.shown.is(record.position.lane) {
            self.shown.take(record);
        } else if let Some(other) = &mut self.other {
            other.take(record);
        } else {
            self.other = Some(Box::new(OfLane::new(record)));
        }
        if let Some(other) = &mut self.other
            && beats(&other.last, &self.shown.last)
        {
            std::mem::swap(&mut self.shown, other);
        }
        self.shown().position != before
    }

    fn lanes(&self) -> impl Iterator<Item = &OfLane> {
        std::iter::once(&self.shown).chain(self.other.as_deref())
    }

    fn lane(&self, lane: Lane) -> Option<&OfLane> {
        self.lanes().find(|of| of.is(lane))
    }
}

impl OfLane {
    const fn new(last: Record) -> Self {
        Self {
            last,
            beneath: None,
        }
    }

    fn is(&self, lane: Lane) -> bool {
        self.last.position.lane == lane
    }

    fn state(&self) -> Option<&Record> {
        match self.last.kind {
            Kind::State => Some(&self.last),
            Kind::Event => self.beneath.as_deref(),
        }
    }

    fn knows(&self, record: &Record) -> bool {
        let known = match record.kind {
            Kind::State => self.state(),
            Kind::Event => Some(&self.last),
        };
        known.is_some_and(|known| !is_later(record.position, known.position))
    }

    fn take(&mut self, record: Record) {
        if !is_later(record.position, self.last.position) {
            // A state that comes after the event that stands on it.
            self.beneath = Some(Box::new(record));
            return;
        }
        let before = std::mem::replace(&mut self.last, record);
        match (before.kind, self.last.kind) {
            (_, Kind::State) => self.beneath = None,
            (Kind::State, Kind::Event) => self.beneath = Some(Box::new(before)),
            (Kind::Event, Kind::Event) => {}
        }
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
