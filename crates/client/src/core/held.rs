//! The values that a subscription holds.

use std::collections::HashMap;
use std::sync::Arc;

use spica_live_proto::{Full, Patch, Row, Stamp, Windowed, apply};
use spica_model::{Kind, Position, Quality, Topic, limits};

use super::value::{Content, Value};

/// Topics of one subscription that are held.
const MAX_TOPICS: usize = 1_000_000;

/// The values, and how old they may be. Shared with the application, which reads.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// By topic. A topic's last value; of a window, its last result.
    pub(crate) values: HashMap<Topic, Arc<Value>>,
    /// Whether they may be out of date.
    pub(crate) stale: bool,
    topics: HashMap<u64, Topic>,
}

/// Why a row does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It is about a value that is not held: begin anew.
    NotHeld,
    /// There are too many topics.
    TooMany,
}

impl Held {
    /// Another engine: numbers stand for other topics.
    pub(crate) fn forget_numbers(&mut self) {
        self.topics.clear();
    }

    /// What a row says; held from now on if it is a state's.
    ///
    /// # Errors
    /// If it does not apply to what is held.
    pub(crate) fn apply(&mut self, row: Row) -> Result<Arc<Value>, Misfit> {
        let value = Arc::new(match row {
            Row::Full(full) => self.full(full),
            Row::Delta { stamp, base, patch } => self.delta(&stamp, base, &patch)?,
            Row::Same(stamp) => {
                let base = self.base(&stamp)?;
                follow(base, &stamp, base.content.clone())
            }
            Row::Deleted { stamp, topic } => {
                self.name(stamp.topic_no, &topic);
                self.values.remove(&topic);
                return Ok(Arc::new(value(
                    topic,
                    &stamp,
                    Kind::State,
                    Content::Deleted,
                )));
            }
            Row::Window(windowed) => self.window(windowed),
        });
        if value.kind == Kind::State {
            if self.values.len() >= MAX_TOPICS && !self.values.contains_key(&value.topic) {
                return Err(Misfit::TooMany);
            }
            self.values.insert(value.topic.clone(), Arc::clone(&value));
        }
        Ok(value)
    }

    fn name(&mut self, number: u64, topic: &Topic) {
        if self.topics.len() >= 2 * MAX_TOPICS {
            self.topics.clear();
        }
        self.topics.insert(number, topic.clone());
    }

    fn base(&self, stamp: &Stamp) -> Result<&Value, Misfit> {
        let topic = self.topics.get(&stamp.topic_no).ok_or(Misfit::NotHeld)?;
        let value = self.values.get(topic).ok_or(Misfit::NotHeld)?;
        match value.content {
            Content::Payload { .. } => Ok(value),
            Content::Window { .. } | Content::Deleted => Err(Misfit::NotHeld),
        }
    }

    fn full(&mut self, full: Full) -> Value {
        self.name(full.stamp.topic_no, &full.topic);
        let content = Content::Payload {
            content_type: full.content_type,
            bytes: full.payload,
        };
        value(full.topic, &full.stamp, full.kind, content)
    }

    fn delta(&self, stamp: &Stamp, at: Position, patch: &Patch) -> Result<Value, Misfit> {
        let base = self.base(stamp)?;
        let Content::Payload {
            content_type,
            bytes,
        } = &base.content
        else {
            return Err(Misfit::NotHeld);
        };
        if base.position != at {
            return Err(Misfit::NotHeld);
        }
        // Whatever does not apply, a fresh full value heals.
        let made = apply(bytes, patch, limits::PAYLOAD_BYTES).map_err(|_| Misfit::NotHeld)?;
        let content = Content::Payload {
            content_type: content_type.clone(),
            bytes: made.into(),
        };
        Ok(follow(base, stamp, content))
    }

    fn window(&mut self, row: Windowed) -> Value {
        self.name(row.topic_no, &row.topic);
        Value {
            topic: row.topic,
            position: row.position,
            received: row.received,
            source: None,
            quality: Quality::Good,
            kind: Kind::State,
            content: Content::Window {
                results: row.results,
                from: row.from,
                to: row.to,
            },
        }
    }
}

fn value(topic: Topic, stamp: &Stamp, kind: Kind, content: Content) -> Value {
    Value {
        topic,
        position: stamp.position,
        received: stamp.received,
        source: stamp.source,
        quality: stamp.quality,
        kind,
        content,
    }
}

/// The next value of a topic, from a row that does not name it.
fn follow(base: &Value, stamp: &Stamp, content: Content) -> Value {
    value(base.topic.clone(), stamp, base.kind, content)
}
