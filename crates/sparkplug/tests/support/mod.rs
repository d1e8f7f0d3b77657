//! An edge node as a test wants it, with an encoder of its own.
#![allow(dead_code, reason = "each test uses some of it")]
#![expect(clippy::unwrap_used, reason = "help for tests fails as tests do")]

use std::collections::BTreeMap;

use spica_model::{Kind, Position, Quality, Seq, Timestamp, Topic};
use spica_sparkplug::{Arrival, Draft, Effect, HANDLER, Limits, Machine, Note, Topics};

/// A metric of a payload: every value is a double or an integer.
#[derive(Debug, Clone, Default)]
pub(crate) struct M {
    pub(crate) name: Option<String>,
    pub(crate) alias: Option<u64>,
    pub(crate) double: Option<f64>,
    pub(crate) long: Option<u64>,
    pub(crate) historical: bool,
    pub(crate) transient: bool,
    pub(crate) timestamp: Option<u64>,
}

pub(crate) fn named(name: &str, alias: u64, double: f64) -> M {
    M {
        name: Some(name.to_owned()),
        alias: Some(alias),
        double: Some(double),
        ..M::default()
    }
}

pub(crate) fn by_alias(alias: u64, double: f64) -> M {
    M {
        alias: Some(alias),
        double: Some(double),
        ..M::default()
    }
}

pub(crate) fn bd_seq(number: u64) -> M {
    M {
        name: Some("bdSeq".to_owned()),
        long: Some(number),
        ..M::default()
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        out.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn field(out: &mut Vec<u8>, number: u64, kind: u64) {
    varint(out, number << 3 | kind);
}

fn bytes(out: &mut Vec<u8>, number: u64, value: &[u8]) {
    field(out, number, 2);
    varint(out, value.len() as u64);
    out.extend(value);
}

fn metric(m: &M) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(name) = &m.name {
        bytes(&mut out, 1, name.as_bytes());
    }
    let datatype = if m.long.is_some() { 8 } else { 10 };
    let flags = [(5, m.historical), (6, m.transient)];
    let flags = flags.map(|(number, flag)| (number, flag.then_some(1)));
    let numbers = [
        (2, m.alias),
        (3, m.timestamp),
        (4, Some(datatype)),
        (11, m.long),
    ];
    for (number, value) in flags.into_iter().chain(numbers) {
        if let Some(value) = value {
            field(&mut out, number, 0);
            varint(&mut out, value);
        }
    }
    if let Some(double) = m.double {
        field(&mut out, 13, 1);
        out.extend(double.to_le_bytes());
    }
    out
}

pub(crate) fn payload(seq: Option<u64>, metrics: &[M]) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, 1, 0);
    varint(&mut out, 1_700_000_000_000);
    for it in metrics {
        bytes(&mut out, 2, &metric(it));
    }
    if let Some(seq) = seq {
        field(&mut out, 3, 0);
        varint(&mut out, seq);
    }
    out
}

/// A record of the lane.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    /// Seconds.
    pub(crate) at: u32,
}

pub(crate) fn message(
    kind: &str,
    who: &str,
    seq: impl Into<Option<u64>>,
    metrics: &[M],
) -> Message {
    Message {
        topic: format!("spBv1.0/g/{kind}/{who}"),
        payload: payload(seq.into(), metrics),
        at: 1_000,
    }
}

pub(crate) fn position(seq: u64) -> Position {
    format!("1/normal/{seq}").parse().unwrap()
}

/// A machine, and all that has come of what it was given.
pub(crate) struct World {
    pub(crate) machine: Machine,
    pub(crate) next: u64,
    /// By key: what is written twice is one fact.
    pub(crate) written: BTreeMap<Vec<u8>, Effect>,
    /// Keys in the order in which they were first written.
    pub(crate) order: Vec<Vec<u8>>,
    /// What is noted, by topic.
    pub(crate) notes: BTreeMap<String, Vec<u8>>,
    pub(crate) limits: Limits,
}

impl World {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            machine: machine(&limits),
            next: 1,
            written: BTreeMap::new(),
            order: Vec::new(),
            notes: BTreeMap::new(),
            limits,
        }
    }

    /// Gives a message and says what came of it.
    pub(crate) fn give(&mut self, message: &Message) -> Vec<Effect> {
        let seq = self.next;
        self.next += 1;
        self.give_at(seq, message)
    }

    pub(crate) fn give_at(&mut self, seq: u64, message: &Message) -> Vec<Effect> {
        let mut out = Vec::new();
        let arrival = Arrival {
            position: position(seq),
            received: Timestamp::from_secs(message.at),
            topic: &message.topic,
            payload: &message.payload,
        };
        self.machine.take(arrival, &mut out);
        self.write(&out);
        out
    }

    /// Says that a message has been waited for long enough.
    pub(crate) fn overdue(&mut self, since: u64) -> Vec<Effect> {
        let mut out = Vec::new();
        let at = (position(self.next), Timestamp::from_secs(1_000));
        self.next += 1;
        self.machine
            .overdue("g/e", Seq(since), at.0, at.1, &mut out);
        self.write(&out);
        out
    }

    fn write(&mut self, effects: &[Effect]) {
        for effect in effects {
            let key = effect.draft().key.as_bytes().to_vec();
            if !self.written.contains_key(&key) {
                self.order.push(key.clone());
                self.written.insert(key, effect.clone());
            }
        }
    }

    pub(crate) fn note(&mut self) {
        for note in self.machine.notes() {
            self.write_note(note);
        }
    }

    pub(crate) fn write_note(&mut self, note: Note) {
        let topic = note.topic.as_str().to_owned();
        match note.payload {
            Some(payload) => drop(self.notes.insert(topic, payload)),
            None => drop(self.notes.remove(&topic)),
        }
    }

    /// The machine is lost, and made again from its notes.
    pub(crate) fn restart(&mut self) {
        self.machine = machine(&self.limits);
        let root = format!("root/{HANDLER}/");
        for kind in ["edges/", "births/"] {
            for (topic, payload) in &self.notes {
                let topic = topic.strip_prefix(&root).unwrap();
                if topic.starts_with(kind) {
                    self.machine.remember(topic, payload);
                }
            }
        }
    }
}

fn machine(limits: &Limits) -> Machine {
    let topics = Topics::new(Topic::new("root").unwrap());
    Machine::new(topics, limits.clone())
}

/// Effects in short: `topic = payload`, with what is unusual.
pub(crate) fn shown(effects: &[Effect]) -> Vec<String> {
    effects.iter().map(one).collect()
}

fn one(effect: &Effect) -> String {
    let draft = effect.draft();
    let topic = draft.topic.below("root").unwrap();
    match effect {
        Effect::Stale(_) => format!("{topic} stale"),
        Effect::Put(Draft { payload, .. }) => {
            let payload = match std::str::from_utf8(payload) {
                Ok(text) if !topic.starts_with("spBv1.0") => text,
                _ => "…",
            };
            let event = if draft.kind == Kind::Event {
                "event "
            } else {
                ""
            };
            let doubt = if draft.quality == Quality::Good {
                ""
            } else {
                " bad"
            };
            format!("{event}{topic} = {payload}{doubt}")
        }
    }
}

/// What is written but for statuses.
pub(crate) fn values(effects: &[Effect]) -> Vec<String> {
    let mut shown = shown(effects);
    shown.retain(|it| !it.contains("/status = "));
    shown
}
