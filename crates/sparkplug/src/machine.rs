//! The machine: all edge nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use spica_model::{Position, Seq, Timestamp};

use crate::birth::Birth;
use crate::counts::Counts;
use crate::edge::{Delivery, Edge, Shared, Turn};
use crate::effect::Effect;
use crate::limits::Limits;
use crate::message::{Message, MessageType};
use crate::note::{EdgeNote, Notes};
use crate::payload::{METRICS_MAX, Payload};
use crate::topics::{Subject, Topics};

/// A record of the lane, as far as the machine is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Where it stands. Arrivals come in order.
    pub position: Position,
    /// When it was received: the machine's time.
    pub received: Timestamp,
    /// Its topic below the node.
    pub topic: &'a str,
    /// Its payload.
    pub payload: &'a [u8],
}

/// All edge nodes, as far as one lane of the journal tells of them.
#[derive(Debug, Clone)]
pub struct Machine {
    edges: BTreeMap<String, Edge>,
    shared: Shared,
    /// Edge nodes that have changed since they were noted.
    unnoted: BTreeSet<String>,
    /// Edge nodes with messages that wait.
    waiting: BTreeSet<String>,
    /// What is to be noted of edge nodes that had to make room for others.
    forgotten: Notes,
    online: usize,
}

impl Machine {
    /// One that knows no edge node.
    #[must_use]
    pub const fn new(topics: Topics, limits: Limits) -> Self {
        let shared = Shared {
            topics,
            limits,
            counts: Counts::NONE,
            metrics: 0,
            held_bytes: 0,
        };
        Self {
            edges: BTreeMap::new(),
            shared,
            unnoted: BTreeSet::new(),
            waiting: BTreeSet::new(),
            forgotten: Vec::new(),
            online: 0,
        }
    }

    /// Learns from a note, by its topic below [`HANDLER`](crate::HANDLER): all that begin with
    /// `edges/` first. What cannot be read is passed over: a birth will be asked for.
    pub fn remember(&mut self, topic: &str, payload: &[u8]) {
        if let Some(id) = topic.strip_prefix("edges/") {
            let note = serde_json::from_slice::<EdgeNote>(payload);
            if let Ok(note) = note
                && self.edges.len() < self.shared.limits.edges
            {
                self.online += usize::from(note.online);
                self.edges.insert(id.to_owned(), Edge::of(note));
            }
        } else if let Some(path) = topic.strip_prefix("births/") {
            self.remember_birth(path, payload);
        }
    }

    fn remember_birth(&mut self, path: &str, payload: &[u8]) {
        let mut slashes = path.match_indices('/').map(|(at, _)| at);
        let (id, device) = match (slashes.next(), slashes.next()) {
            (Some(_), Some(at)) => (&path[..at], Some(&path[at + 1..])),
            _ => (path, None),
        };
        let shared = &mut self.shared;
        let Some(edge) = self.edges.get_mut(id) else {
            return;
        };
        let Ok(payload) = Payload::decode(payload, METRICS_MAX) else {
            return;
        };
        // A birth of an earlier session, which it was not yet time to remove.
        if !edge.note.online
            || payload
                .seq
                .is_none_or(|session| session < edge.note.session)
        {
            return;
        }
        let subject = Subject { id, device };
        let room = shared.limits.metrics_total.saturating_sub(shared.metrics);
        let mut birth = Birth::of(&payload, &shared.topics, subject, room);
        birth.place = Seq(payload.timestamp.unwrap_or_default());
        edge.written = edge.written.max(birth.place);
        shared.metrics += birth.len();
        match device {
            None => edge.node = Some(birth),
            Some(device) if edge.devices.len() < shared.limits.devices => {
                edge.devices.insert(device.into(), birth);
            }
            Some(_) => shared.metrics -= birth.len(),
        }
    }

    /// Takes a record, and says what comes of it. Records that were taken before change nothing, nor
    /// do those that are no message of an edge node.
    pub fn take(&mut self, arrival: Arrival<'_>, out: &mut Vec<Effect>) {
        let Some(message) = Message::of(arrival.topic) else {
            return;
        };
        if matches!(
            message.kind,
            MessageType::NodeCommand | MessageType::DeviceCommand
        ) {
            return;
        }
        let id = format!("{}/{}", message.group, message.edge);
        if !self.make_room(&id, &message) {
            self.shared.counts.refused += 1;
            return;
        }
        let edge = self.edges.entry(id.clone()).or_default();
        if arrival.position.seq <= edge.note.place() {
            return;
        }
        edge.note.place = arrival.position.seq.0;
        let was_online = edge.note.online;
        let mut turn = Turn {
            id: &id,
            shared: &mut self.shared,
            out,
            at: arrival.position.seq,
            is_written: arrival.position.seq <= edge.written,
        };
        hear(edge, &mut turn, &message, arrival);
        edge.tell(&mut turn, arrival.position);
        self.online = self.online + usize::from(edge.note.online) - usize::from(was_online);
        self.done(id);
    }

    /// Takes the record that says that a message has been waited for long enough: that of the edge
    /// node `<group>/<edge>` which is missing since the place `since`, see [`Machine::waiting`].
    pub fn overdue(
        &mut self,
        id: &str,
        since: Seq,
        position: Position,
        received: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        let Some(edge) = self.edges.get_mut(id) else {
            return;
        };
        if position.seq <= edge.note.place() {
            return;
        }
        edge.note.place = position.seq.0;
        let mut turn = Turn {
            id,
            shared: &mut self.shared,
            out,
            at: position.seq,
            is_written: position.seq <= edge.written,
        };
        edge.overdue(&mut turn, since, position, received);
        edge.tell(&mut turn, position);
        self.done(id.to_owned());
    }

    fn done(&mut self, id: String) {
        let is_waiting = self
            .edges
            .get(&id)
            .is_some_and(|it| it.waiting_from.is_some());
        if is_waiting {
            self.waiting.insert(id.clone());
        } else {
            self.waiting.remove(&id);
        }
        self.unnoted.insert(id);
    }

    /// Whether there is room for an edge node, once the one is forgotten that has been offline for
    /// longest. Ids that no topic can have are refused, too.
    fn make_room(&mut self, id: &str, message: &Message<'_>) -> bool {
        if self.edges.contains_key(id) {
            return true;
        }
        let topics = &self.shared.topics;
        let subject = Subject {
            id,
            device: message.device,
        };
        if topics.status(subject).is_err() || topics.birth_note(subject).is_err() {
            return false;
        }
        if self.edges.len() < self.shared.limits.edges {
            return true;
        }
        let offline = self.edges.iter().filter(|(_, edge)| !edge.note.online);
        let oldest = offline.min_by_key(|(_, edge)| edge.note.since);
        let Some(oldest) = oldest.map(|(id, _)| id.clone()) else {
            return false;
        };
        if let Some(edge) = self.edges.remove(&oldest) {
            self.unnoted.remove(&oldest);
            self.forgotten.extend(edge.forget(&oldest, topics));
        }
        true
    }

    /// What is to be noted now, behind all effects. While messages of an edge node wait, it is noted as
    /// it was before the first of them, so that after a restart they come once more.
    pub fn notes(&mut self) -> Notes {
        let mut notes = take(&mut self.forgotten);
        for id in take(&mut self.unnoted) {
            let Some(edge) = self.edges.get_mut(&id) else {
                continue;
            };
            if edge.waiting_from.is_none() {
                edge.write_notes(&id, &self.shared.topics);
            } else {
                self.unnoted.insert(id);
            }
            notes.append(&mut edge.notes);
        }
        notes
    }

    /// The edge nodes of which messages wait, with the place of the first one that had to.
    pub fn waiting(&self) -> impl Iterator<Item = (&str, Seq)> {
        let since = |id: &String| self.edges.get(id)?.waiting_from;
        self.waiting
            .iter()
            .filter_map(move |id| Some((id.as_str(), since(id)?)))
    }

    /// The place up to which no record is needed again, once all notes are written; none if that is
    /// everywhere.
    #[must_use]
    pub fn kept(&self) -> Option<Seq> {
        let first = self.waiting().map(|(_, since)| since).min()?;
        Some(Seq(first.0.saturating_sub(1)))
    }

    /// How many edge nodes are online.
    #[must_use]
    pub const fn online(&self) -> usize {
        self.online
    }

    /// What has been counted since it was last asked.
    pub fn take_counts(&mut self) -> Counts {
        take(&mut self.shared.counts)
    }
}

/// Lets an edge node hear a message.
fn hear(edge: &mut Edge, turn: &mut Turn<'_>, message: &Message<'_>, arrival: Arrival<'_>) {
    let payload = match Payload::decode(arrival.payload, METRICS_MAX) {
        Ok(payload) => payload,
        Err(_) => {
            turn.shared.counts.undecodable += 1;
            return;
        }
    };
    let delivery = Delivery {
        position: arrival.position,
        received: arrival.received,
        kind: message.kind,
        device: message.device.map(Into::into),
    };
    match message.kind {
        MessageType::NodeBirth => edge.node_birth(turn, &delivery, &payload),
        MessageType::NodeDeath => edge.node_death(turn, &delivery, &payload),
        _ => edge.sequenced(turn, delivery, &payload, arrival.payload),
    }
}
