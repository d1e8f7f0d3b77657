//! One input that is being worked on.

use spica_model::{Cause, Kind, Op, Position, Record, Timestamp, Topic};

use crate::{Draft, Output};

/// Why something is done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reason<'a> {
    Record(Position),
    /// `timer`, `node`, or who ordered it.
    Word(&'a str),
}

/// One input that is being worked on.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) now: Timestamp,
    pub(super) out: &'a mut Output,
    reason: Reason<'a>,
}

impl<'a> Turn<'a> {
    pub(super) const fn of(record: &Record, now: Timestamp, out: &'a mut Output) -> Self {
        let reason = Reason::Record(record.position);
        Self { now, out, reason }
    }

    pub(super) const fn by(word: &'a str, now: Timestamp, out: &'a mut Output) -> Self {
        let reason = Reason::Word(word);
        Self { now, out, reason }
    }

    /// Sets a topic's value.
    pub(super) fn put(&mut self, topic: Topic, payload: Vec<u8>) {
        self.draft(topic, Kind::State, Op::Put, payload);
    }

    /// Deletes a topic.
    pub(super) fn delete(&mut self, topic: Topic) {
        self.draft(topic, Kind::State, Op::Delete, Vec::new());
    }

    /// Adds an event.
    pub(super) fn event(&mut self, topic: Topic, payload: Vec<u8>) {
        self.draft(topic, Kind::Event, Op::Put, payload);
    }

    fn draft(&mut self, topic: Topic, kind: Kind, op: Op, payload: Vec<u8>) {
        let cause = match self.reason {
            Reason::Record(position) => format!("record:{position}"),
            Reason::Word(word) => word.to_owned(),
        };
        self.out.drafts.push(Draft {
            topic,
            kind,
            op,
            payload,
            // No key: what was decided is durable together with how far was read, so it is decided
            // once. A record here with a key was entered again by a partner that parted.
            key: None,
            // Positions and names of people are short enough; without a cause is better than not.
            cause: Cause::new(cause).ok(),
        });
    }
}
