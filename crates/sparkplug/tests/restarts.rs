//! Whatever comes and whenever the machine is lost: what it writes is what it would have written.

mod support;

use proptest::prelude::*;
use spica_sparkplug::{Effect, Limits};
use support::{Message, World, bd_seq, by_alias, message, named, shown};

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    Message(Message),
    /// The oldest gap is overdue.
    Overdue,
}

fn step() -> impl Strategy<Value = Step> {
    let edge = prop_oneof![Just("e"), Just("f")];
    let device = prop_oneof![Just("d"), Just("x")];
    let kind = 0..10_u8;
    (kind, edge, device, 0..6_u64, 0..3_u64, 1..4_u64, 0..40_u32).prop_map(
        |(kind, edge, device, seq, session, alias, second)| {
            let below = format!("{edge}/{device}");
            let metrics = [named("m", alias, 1.0), named("n", 3, 2.0)];
            let metrics = &metrics[..alias.min(2) as usize];
            let value = [by_alias(alias, f64::from(second))];
            let message = match kind {
                0 => message("NBIRTH", edge, 0, &[metrics, &[bd_seq(session)]].concat()),
                1 => message("NDEATH", edge, None, &[bd_seq(session)]),
                2 => message("DBIRTH", &below, seq, metrics),
                3 => message("DDEATH", &below, seq, &[]),
                4..7 => message("NDATA", edge, seq, &value),
                7..9 => message("DDATA", &below, seq, &value),
                _ => return Step::Overdue,
            };
            Step::Message(Message {
                at: 1_000 + second,
                ..message
            })
        },
    )
}

fn limits() -> Limits {
    Limits {
        reorder_messages: 3,
        devices: 2,
        ..Limits::default()
    }
}

fn run(world: &mut World, steps: &[Step]) -> Vec<Option<u64>> {
    steps.iter().map(|step| take(world, step)).collect()
}

/// Takes a step; for an overdue one, says since when.
fn take(world: &mut World, step: &Step) -> Option<u64> {
    match step {
        Step::Message(message) => {
            world.give(message);
            None
        }
        Step::Overdue => {
            let mut waiting = world.machine.waiting();
            let since = waiting
                .find(|(id, _)| *id == "g/e")
                .map(|(_, since)| since.0);
            drop(waiting);
            world.overdue(since.unwrap_or(0));
            since.or(Some(0))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    })]

    /// The lane is read by a machine that is lost at any moment, in the middle of writing what came of
    /// a batch, and by one that is not. Both write the same values; when births are asked for, and how
    /// often that was, may differ.
    #[test]
    fn a_machine_that_is_lost_writes_what_it_would_have(
        steps in proptest::collection::vec(step(), 1..60),
        crashes in proptest::collection::vec((1..12_usize, 0..30_usize), 0..8),
    ) {
        let mut whole = World::new(limits());
        let overdue = run(&mut whole, &steps);

        let mut lost = World::new(limits());
        let (mut place, mut crashes) = (0, crashes.into_iter());
        while place < steps.len() {
            // A batch, of which some is written before the machine is lost.
            let (batch, written) = crashes.next().unwrap_or((steps.len(), usize::MAX));
            let end = (place + batch).min(steps.len());
            let facts = lost.order.len();
            for at in place..end {
                lost.next = at as u64 + 1;
                match (&steps[at], overdue[at]) {
                    (Step::Message(message), _) => drop(lost.give(message)),
                    (Step::Overdue, since) => drop(lost.overdue(since.unwrap_or(0))),
                }
            }
            let kept = lost.machine.kept().map_or(end, |seq| seq.0 as usize);
            let notes = lost.machine.notes();
            let effects = lost.order.len() - facts;
            if written < effects {
                // Nothing of what was not written is known.
                for key in lost.order.split_off(facts + written) {
                    lost.written.remove(&key);
                }
            } else {
                let of_notes = written - effects;
                let is_whole = of_notes >= notes.len();
                if is_whole {
                    notes.into_iter().for_each(|note| lost.write_note(note));
                    place = kept.max(place);
                    if end == steps.len() {
                        break;
                    }
                }
            }
            lost.restart();
        }
        let facts = |world: &World| -> Vec<String> {
            let written = world.written.iter();
            let fact = |(key, effect): (&Vec<u8>, &Effect)| {
                let shown = shown(std::slice::from_ref(effect));
                format!("{}: {}", String::from_utf8_lossy(key), shown[0])
            };
            let facts: Vec<String> = written.map(fact).collect();
            let is_value = |fact: &String| !fact.contains("/status = ") && !fact.contains("/NCMD/");
            facts.into_iter().filter(is_value).collect()
        };
        prop_assert_eq!(facts(&lost), facts(&whole));
    }

    #[test]
    fn any_bytes_are_a_payload_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(payload) = spica_sparkplug::Payload::decode(&bytes, 100) {
            for metric in &payload.metrics {
                let mut out = Vec::new();
                if metric.write_json(None, &mut out).is_ok() {
                    prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
                }
            }
        }
    }
}
