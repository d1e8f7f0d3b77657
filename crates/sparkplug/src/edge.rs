//! An edge node: its session, its sequence, what waits.

mod life;
mod noting;
mod sequence;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use spica_model::{Position, Seq, Timestamp, Topic, TopicError};

use crate::birth::Birth;
use crate::counts::Counts;
use crate::effect::{Draft, Effect};
use crate::limits::Limits;
use crate::message::MessageType;
use crate::note::{EdgeNote, Notes};
use crate::payload::rebirth_command;
use crate::topics::{Subject, Topics};

/// An edge node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edge {
    /// What survives.
    pub(crate) note: EdgeNote,
    /// What it has said it is, while it is online.
    pub(crate) node: Option<Birth>,
    /// Its devices that are online.
    pub(crate) devices: BTreeMap<Box<str>, Birth>,
    /// Messages that wait for one before them.
    held: Vec<Held>,
    /// The place up to which everything was written, though it is not noted: a birth that stands there
    /// is, and notes come behind all effects. Its messages come once more, and change nothing but
    /// what is known of it.
    pub(crate) written: Seq,
    /// The place of the first message that had to wait, while any does.
    pub(crate) waiting_from: Option<Seq>,
    /// A device was refused: that its values have no birth is no reason to ask for one.
    is_cut: bool,
    /// Births that have changed, and are not noted.
    unnoted: BTreeSet<Option<Box<str>>>,
    /// Notes that are not written.
    pub(crate) notes: Notes,
    /// Whose status has changed.
    changed: BTreeSet<Option<Box<str>>>,
}

/// A message, as far as effects come of it.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) position: Position,
    pub(crate) received: Timestamp,
    pub(crate) kind: MessageType,
    pub(crate) device: Option<Box<str>>,
}

/// A message that waits.
#[derive(Debug, Clone)]
struct Held {
    seq: u8,
    delivery: Delivery,
    payload: Box<[u8]>,
}

/// What all edge nodes share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) topics: Topics,
    pub(crate) limits: Limits,
    pub(crate) counts: Counts,
    /// Metrics of all births.
    pub(crate) metrics: usize,
    /// Bytes of all payloads that wait.
    pub(crate) held_bytes: usize,
}

/// What an edge node does its work with, for one record.
pub(crate) struct Turn<'a> {
    /// `<group>/<edge>`
    pub(crate) id: &'a str,
    pub(crate) shared: &'a mut Shared,
    pub(crate) out: &'a mut Vec<Effect>,
    /// The place of the record, which need not be that of the message: one may have waited.
    pub(crate) at: Seq,
    /// Whether all that comes of the record was written before.
    pub(crate) is_written: bool,
}

impl<'a> Turn<'a> {
    const fn subject<'b>(&self, device: Option<&'b str>) -> Subject<'b>
    where
        'a: 'b,
    {
        Subject {
            id: self.id,
            device,
        }
    }

    /// A record that comes of a message. `mark` tells it from others that come of the same one.
    fn put(&mut self, topic: Topic, of: Position, mark: &str, fill: impl FnOnce(&mut Draft)) {
        if self.is_written {
            return;
        }
        // A position and a mark are always short enough for a key.
        if let Ok(mut draft) = Draft::new(topic, of, mark) {
            fill(&mut draft);
            self.out.push(Effect::Put(draft));
        }
    }

    fn stale(&mut self, topic: &Topic, of: Position) {
        let mark = format!("s{:016x}", fingerprint(topic));
        if !self.is_written
            && let Ok(draft) = Draft::new(topic.clone(), of, &mark)
        {
            self.out.push(Effect::Stale(draft));
        }
    }
}

/// FNV-1a: a number for a topic that is the same in every version of the program.
fn fingerprint(topic: &Topic) -> u64 {
    let bytes = topic.as_bytes().iter();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Edge {
    /// One that is remembered, without its births.
    pub(crate) fn of(note: EdgeNote) -> Self {
        Self {
            note,
            ..Self::default()
        }
    }

    /// What is said of it because of a record at `of`, if anything has changed.
    pub(crate) fn tell(&mut self, turn: &mut Turn<'_>, of: Position) {
        for device in std::mem::take(&mut self.changed) {
            let topic = turn.shared.topics.status(turn.subject(device.as_deref()));
            let (Ok(topic), status) = (topic, self.status(device.as_deref())) else {
                continue;
            };
            let mark = format!("t{:016x}", fingerprint(&topic));
            turn.put(topic, of, &mark, |draft| {
                draft.payload = status.to_string().into_bytes();
            });
        }
    }

    fn status(&self, device: Option<&str>) -> serde_json::Value {
        let time = |micros: i64| Timestamp::from_micros(micros).to_string();
        let note = &self.note;
        if let Some(device) = device {
            let birth = self.devices.get(device);
            return json!({
                "online": birth.is_some(),
                "metrics": birth.map_or(0, Birth::len),
            });
        }
        json!({
            "online": note.online,
            "since": time(note.since),
            "bdSeq": note.bd_seq,
            "seq": note.next_seq.wrapping_sub(1),
            "born": note.born.map(time),
            "births": note.births,
            "deaths": note.deaths,
            "gaps": note.gaps,
            "rebirths": note.rebirths,
            "devices": self.devices.len(),
            "metrics": self.node.as_ref().map_or(0, Birth::len),
        })
    }

    /// Asks it to publish its births again, unless it was just asked.
    fn ask(&mut self, turn: &mut Turn<'_>, of: Position, now: Timestamp) {
        let least = turn.shared.limits.rebirth_interval;
        let asked = self.note.asked.map(Timestamp::from_micros);
        // A clock that was set back must not silence it.
        if asked.is_some_and(|asked| asked <= now && now.since(asked) < least) {
            turn.shared.counts.rebirths_held_back += 1;
            return;
        }
        let topic: Result<Topic, TopicError> = turn.shared.topics.command(turn.id);
        let Ok(topic) = topic else {
            return;
        };
        self.note.asked = Some(now.as_micros());
        self.note.rebirths += 1;
        self.changed.insert(None);
        turn.shared.counts.rebirths += 1;
        let millis = u64::try_from(now.as_micros() / 1_000).unwrap_or_default();
        turn.put(topic, of, "r", |draft| {
            draft.kind = spica_model::Kind::Event;
            draft.content_type = spica_model::ContentType::Bytes;
            draft.payload = rebirth_command(millis);
        });
    }
}
