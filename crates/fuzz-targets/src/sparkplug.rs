//! Fuzz target: what edge nodes of Sparkplug publish. The first byte says how often the machine is lost
//! on the way; then messages, each with a head of four bytes: what it is, who it is from, and the
//! length of its payload (big-endian).

use std::collections::BTreeMap;

use spica_model::{Epoch, Lane, Position, Seq, Timestamp, Topic};
use spica_sparkplug::{Arrival, Effect, HANDLER, Limits, Machine, Topics};

const KINDS: [&str; 8] = [
    "NBIRTH", "NDATA", "DBIRTH", "DDATA", "NDEATH", "DDEATH", "NCMD", "STATE",
];
const NODE: &str = "root";

/// Effects by their keys, and notes by their topics.
#[derive(Default)]
struct World {
    facts: BTreeMap<Vec<u8>, Effect>,
    notes: BTreeMap<String, Vec<u8>>,
}

/// Runs the target on one input.
///
/// # Panics
/// If a value is no JSON, a limit is passed, or a machine that is lost on the way writes something else
/// than one that is not.
pub fn run(data: &[u8]) {
    let Some((every, rest)) = data.split_first() else {
        return;
    };
    let messages = messages(rest);
    let whole = follow(&messages, usize::MAX);
    check(&whole);
    let lost = follow(&messages, usize::from(*every % 8) + 1);
    assert_eq!(whole.facts, lost.facts, "a restart has changed something");
}

fn limits() -> Limits {
    // What edge nodes share is enough for all of them: who comes first when it is not, a restart may
    // change.
    Limits {
        devices: 2,
        metrics: 50,
        reorder_messages: 4,
        ..Limits::default()
    }
}

/// Topics and payloads.
fn messages(mut data: &[u8]) -> Vec<(String, &[u8])> {
    let mut messages = Vec::new();
    while let Some((head, rest)) = data.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]])).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        data = rest;
        let kind = KINDS[usize::from(head[0]) % KINDS.len()];
        let edge = head[1] & 3;
        let device = match kind.starts_with('D') {
            true => format!("/d{}", head[1] >> 6),
            false => String::new(),
        };
        messages.push((format!("spBv1.0/g/{kind}/e{edge}{device}"), payload));
    }
    messages
}

/// Lets a machine take the messages, which is lost after every so many and goes on from its notes.
fn follow(messages: &[(String, &[u8])], every: usize) -> World {
    let mut world = World::default();
    let mut machine = machine(&world);
    let (mut at, mut taken) = (0, 0);
    while at < messages.len() {
        take(&mut machine, &mut world, at, &messages[at]);
        at += 1;
        taken += 1;
        if taken >= every {
            write_notes(&mut machine, &mut world);
            let kept = machine.kept().map_or(at, |seq| place(seq).min(at));
            machine = self::machine(&world);
            // What waits comes once more; and then as much as it takes to get further.
            taken = 0;
            if kept < at {
                (kept..at).for_each(|at| take(&mut machine, &mut world, at, &messages[at]));
            }
        }
    }
    world
}

fn place(seq: Seq) -> usize {
    usize::try_from(seq.0).unwrap_or(usize::MAX)
}

fn take(machine: &mut Machine, world: &mut World, at: usize, (topic, payload): &(String, &[u8])) {
    let position = Position {
        epoch: Epoch::FIRST,
        lane: Lane::Normal,
        seq: Seq(at as u64 + 1),
    };
    let mut effects = Vec::new();
    let arrival = Arrival {
        position,
        received: Timestamp::from_micros(at as i64 * 3_000_000),
        topic,
        payload,
    };
    machine.take(arrival, &mut effects);
    for effect in effects {
        let key = effect.draft().key.as_bytes().to_vec();
        world.facts.entry(key).or_insert(effect);
    }
}

fn write_notes(machine: &mut Machine, world: &mut World) {
    for note in machine.notes() {
        let topic = note.topic.as_str().to_owned();
        match note.payload {
            Some(payload) => drop(world.notes.insert(topic, payload)),
            None => drop(world.notes.remove(&topic)),
        }
    }
}

/// A machine that knows what is noted.
fn machine(world: &World) -> Machine {
    let Ok(node) = Topic::new(NODE) else {
        unreachable!("it is a topic")
    };
    let mut machine = Machine::new(Topics::new(node), limits());
    let root = format!("{NODE}/{HANDLER}/");
    for kind in ["edges/", "births/"] {
        for (topic, payload) in &world.notes {
            if let Some(topic) = topic.strip_prefix(&root).filter(|it| it.starts_with(kind)) {
                machine.remember(topic, payload);
            }
        }
    }
    machine
}

/// What is written is what it says it is.
fn check(world: &World) {
    for effect in world.facts.values() {
        let Effect::Put(draft) = effect else {
            continue;
        };
        let topic = draft.topic.below(NODE).unwrap_or_default();
        if topic.starts_with("sparkplug/") {
            let json = serde_json::from_slice::<serde_json::Value>(&draft.payload);
            assert!(json.is_ok(), "{topic}: {:?}", draft.payload);
        }
    }
}
