//! Sessions of edge nodes: births, data, deaths, and what goes missing between them.

mod support;

use spica_model::Timestamp;
use spica_sparkplug::{Counts, Effect, Limits};
use support::{M, Message, World, bd_seq, by_alias, message, named, payload, shown, values};

const ASKED: &str = "event spBv1.0/g/NCMD/e = …";

/// A world in which the edge node `e` has two metrics, its device `d` one, and message 2 is next.
fn born() -> World {
    let mut world = World::new(Limits::default());
    world.give(&birth(7));
    world.give(&message("DBIRTH", "e/d", 1, &[named("x", 10, 5.0)]));
    world.machine.take_counts();
    world
}

fn birth(session: u64) -> Message {
    let metrics = [bd_seq(session), named("t", 1, 1.5), named("a/b", 2, 2.0)];
    message("NBIRTH", "e", 0, &metrics)
}

fn data(seq: u64, value: f64) -> Message {
    message("NDATA", "e", seq, &[by_alias(1, value)])
}

#[test]
fn a_birth_gives_each_metric_a_state_and_aliases_hold_from_then_on() {
    let mut world = World::new(Limits::default());
    let effects = world.give(&birth(7));
    let states = [
        "sparkplug/g/e/metrics/t = 1.5",
        "sparkplug/g/e/metrics/a/b = 2.0",
    ];
    assert_eq!(values(&effects), states);
    let status = shown(&effects).pop().unwrap();
    assert!(
        status.contains(r#""bdSeq":7"#) && status.contains(r#""online":true"#),
        "{status}"
    );
    let effects = world.give(&message("DBIRTH", "e/d", 1, &[named("x", 10, 5.0)]));
    assert_eq!(
        values(&effects),
        ["sparkplug/g/e/devices/d/metrics/x = 5.0"]
    );
    let effects = world.give(&message("DDATA", "e/d", 2, &[by_alias(10, 6.0)]));
    assert_eq!(shown(&effects), ["sparkplug/g/e/devices/d/metrics/x = 6.0"]);
    let Effect::Put(draft) = &effects[0] else {
        panic!("a value is put");
    };
    let sent = Timestamp::from_micros(1_700_000_000_000_000);
    assert_eq!(
        draft.source_time,
        Some(sent),
        "that of the payload, without its own"
    );
    assert_eq!(draft.cause.as_str(), "record:1/normal/3");
    assert_eq!(world.machine.online(), 1);
}

#[test]
fn a_death_makes_all_states_stale() {
    let mut world = born();
    let effects = world.give(&message("NDEATH", "e", None, &[bd_seq(7)]));
    let stale = [
        "sparkplug/g/e/devices/d/metrics/x stale",
        "sparkplug/g/e/metrics/a/b stale",
        "sparkplug/g/e/metrics/t stale",
    ];
    assert_eq!(values(&effects), stale);
    assert_eq!(effects.len(), 5, "and both statuses");
    assert_eq!(world.machine.online(), 0);
    let effects = world.give(&data(2, 1.0));
    assert_eq!(values(&effects), [ASKED], "it is not there");
}

#[test]
fn a_device_dies_alone() {
    let mut world = born();
    let effects = world.give(&message("DDEATH", "e/d", 2, &[]));
    assert_eq!(
        values(&effects),
        ["sparkplug/g/e/devices/d/metrics/x stale"]
    );
    assert_eq!(
        values(&world.give(&data(3, 9.0))),
        ["sparkplug/g/e/metrics/t = 9.0"]
    );
    let effects = world.give(&message("DDATA", "e/d", 4, &[by_alias(10, 6.0)]));
    assert_eq!(values(&effects), [ASKED]);
}

/// MQTT keeps order within a topic only: the Will of the session before may come after the birth of
/// the next one, and would take a living edge node for dead.
#[test]
fn a_will_that_was_overtaken_by_the_next_birth_is_ignored() {
    let mut world = born();
    world.give(&birth(8));
    assert_eq!(world.give(&message("NDEATH", "e", None, &[bd_seq(7)])), []);
    assert_eq!(world.give(&message("NDEATH", "e", None, &[])), []);
    assert_eq!(world.machine.online(), 1);
    assert_eq!(world.machine.take_counts().deaths_ignored, 2);
}

#[test]
fn a_new_birth_ends_those_of_devices_and_metrics_that_are_gone() {
    let mut world = born();
    let metrics = [bd_seq(7), named("t", 1, 3.0), named("new", 3, 1.0)];
    let effects = world.give(&message("NBIRTH", "e", 0, &metrics));
    let expected = [
        "sparkplug/g/e/devices/d/metrics/x stale",
        "sparkplug/g/e/metrics/a/b stale",
        "sparkplug/g/e/metrics/t = 3.0",
        "sparkplug/g/e/metrics/new = 1.0",
    ];
    assert_eq!(values(&effects), expected);
}

#[test]
fn numbers_wrap() {
    let mut world = born();
    for seq in 2..600 {
        let effects = world.give(&data(seq % 256, 1.0));
        assert_eq!(effects.len(), 1, "{seq}");
    }
    assert_eq!(world.machine.take_counts().gaps, 0);
}

#[test]
fn messages_that_come_out_of_order_are_put_in_order() {
    let mut world = born();
    assert_eq!(world.give(&data(4, 4.0)), []);
    assert_eq!(world.give(&data(3, 3.0)), []);
    let waiting: Vec<_> = world
        .machine
        .waiting()
        .map(|(id, seq)| (id.to_owned(), seq.0))
        .collect();
    assert_eq!(waiting, [("g/e".to_owned(), 3)]);
    assert_eq!(world.machine.kept().map(|seq| seq.0), Some(2));
    let expected = [
        "sparkplug/g/e/metrics/t = 2.0",
        "sparkplug/g/e/metrics/t = 3.0",
        "sparkplug/g/e/metrics/t = 4.0",
    ];
    assert_eq!(shown(&world.give(&data(2, 2.0))), expected);
    assert_eq!(world.machine.kept(), None);
    assert_eq!(world.overdue(3), [], "it came in time");
}

#[test]
fn what_is_missing_for_too_long_is_given_up_and_a_birth_is_asked_for() {
    let mut world = born();
    world.give(&data(4, 4.0));
    assert_eq!(world.overdue(99), [], "something else is overdue");
    let effects = world.overdue(3);
    assert_eq!(values(&effects), ["sparkplug/g/e/metrics/t = 4.0", ASKED]);
    assert_eq!(
        values(&world.give(&data(5, 5.0))),
        ["sparkplug/g/e/metrics/t = 5.0"]
    );
    // What it was waited for comes after all: it must not take the place of what came after it.
    assert_eq!(values(&world.give(&data(2, 2.0))), Vec::<String>::new());
    let counts = world.machine.take_counts();
    let expected = Counts {
        gaps: 1,
        late: 1,
        rebirths: 1,
        rebirths_held_back: 1,
        values: 2,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
}

#[test]
fn a_birth_is_asked_for_once_in_a_while() {
    let mut world = World::new(Limits::default());
    let at = |second: u32| Message {
        at: second,
        ..data(2, 1.0)
    };
    for (second, asks) in [(1_000, 1), (1_009, 0), (1_010, 1), (1_011, 0), (500, 1)] {
        let asked = values(&world.give(&at(second)));
        assert_eq!(asked.len(), asks, "{second}");
    }
}

#[test]
fn an_alias_that_nobody_knows_is_a_reason_to_ask() {
    let mut world = born();
    let metrics = [by_alias(77, 1.0), by_alias(1, 9.0)];
    let effects = world.give(&message("NDATA", "e", 2, &metrics));
    assert_eq!(values(&effects), ["sparkplug/g/e/metrics/t = 9.0", ASKED]);
}

#[test]
fn values_of_the_past_are_events_and_transient_ones_nothing() {
    let mut world = born();
    let past = M {
        historical: true,
        timestamp: Some(1_600_000_000_000),
        ..by_alias(1, 0.5)
    };
    let transient = M {
        transient: true,
        ..by_alias(2, 0.5)
    };
    let effects = world.give(&message("NDATA", "e", 2, &[past, transient]));
    assert_eq!(shown(&effects), ["event sparkplug/g/e/history/t = 0.5"]);
    let Effect::Put(draft) = &effects[0] else {
        panic!("a value is put");
    };
    let then = Timestamp::from_micros(1_600_000_000_000_000);
    assert_eq!(draft.source_time, Some(then));
}

#[test]
fn what_cannot_be_read_is_counted_and_leaves_a_gap() {
    let mut world = born();
    let broken = Message {
        payload: vec![0xff; 3],
        ..data(2, 1.0)
    };
    assert_eq!(world.give(&broken), []);
    assert_eq!(world.give(&data(3, 1.0)), []);
    let counts = world.machine.take_counts();
    assert_eq!((counts.undecodable, counts.gaps), (1, 1));
}

#[test]
fn what_is_taken_twice_changes_nothing() {
    let mut world = born();
    let again = birth(9);
    assert_eq!(world.give_at(1, &again), []);
    assert_eq!(world.give_at(2, &again), []);
}

#[test]
fn commands_and_other_topics_are_nobodys_birth() {
    let mut world = World::new(Limits::default());
    for topic in ["spBv1.0/g/NCMD/e", "spBv1.0/STATE/spica", "plant/t"] {
        let other = Message {
            topic: topic.to_owned(),
            ..birth(1)
        };
        assert_eq!(world.give(&other), [], "{topic}");
    }
    assert_eq!(world.machine.notes(), []);
}

#[test]
fn messages_that_wait_are_bounded() {
    for limits in [
        Limits {
            reorder_messages: 2,
            ..Limits::default()
        },
        Limits {
            reorder_bytes: data(4, 1.0).payload.len() * 2,
            ..Limits::default()
        },
    ] {
        let mut world = World::new(limits);
        world.give(&birth(7));
        assert_eq!(world.give(&data(4, 4.0)), []);
        assert_eq!(world.give(&data(3, 3.0)), []);
        let expected = [
            "sparkplug/g/e/metrics/t = 3.0",
            "sparkplug/g/e/metrics/t = 4.0",
            "sparkplug/g/e/metrics/t = 6.0",
            ASKED,
        ];
        assert_eq!(values(&world.give(&data(6, 6.0))), expected);
        assert_eq!(world.machine.kept(), None);
    }
}

#[test]
fn metrics_and_devices_are_bounded() {
    let mut world = World::new(Limits {
        devices: 1,
        metrics: 2,
        metrics_total: 3,
        ..Limits::default()
    });
    let metrics: Vec<M> = (0..3).map(|it| named(&it.to_string(), it, 1.0)).collect();
    assert_eq!(
        values(&world.give(&message("NBIRTH", "e", 0, &metrics))).len(),
        2
    );
    let device = |seq, device: &str| message("DBIRTH", &format!("e/{device}"), seq, &metrics);
    assert_eq!(
        values(&world.give(&device(1, "d1"))).len(),
        1,
        "of all births three"
    );
    assert_eq!(world.give(&device(2, "d2")), [], "no second device");
    let counts = world.machine.take_counts();
    assert_eq!(counts.refused, 1 + 2 + 1);
    assert_eq!(
        counts.rebirths + counts.rebirths_held_back + counts.unknown,
        3
    );
    // Neither what was left out of a birth nor a device for which there is no room is asked for.
    assert_eq!(counts.rebirths, 0);
    // What dies makes room.
    world.give(&message("DDEATH", "e/d1", 3, &[]));
    assert_eq!(values(&world.give(&device(4, "d2"))).len(), 1);
}

#[test]
fn an_edge_node_takes_the_place_of_the_one_that_is_offline_for_longest() {
    let mut world = World::new(Limits {
        edges: 2,
        ..Limits::default()
    });
    let birth = |edge: &str| message("NBIRTH", edge, 0, &[bd_seq(1)]);
    world.give(&birth("a"));
    world.give(&birth("b"));
    world.note();
    assert_eq!(world.give(&birth("c")), [], "both are online");
    assert_eq!(world.machine.take_counts().refused, 1);
    world.give(&message("NDEATH", "a", None, &[bd_seq(1)]));
    assert_eq!(shown(&world.give(&birth("c"))).len(), 1);
    world.note();
    let kept: Vec<_> = world.notes.keys().collect();
    let names = ["births/g/b", "births/g/c", "edges/g/b", "edges/g/c"];
    assert_eq!(
        kept,
        names
            .map(|name| format!("root/handlers/sparkplug/{name}"))
            .each_ref()
    );
}

#[test]
fn names_that_no_topic_can_have_are_refused() {
    let mut world = World::new(Limits::default());
    let long = named(&"x".repeat(1_000), 1, 1.0);
    assert_eq!(
        values(&world.give(&message("NBIRTH", "e", 0, &[long]))).len(),
        0
    );
    assert_eq!(
        world.give(&message("NBIRTH", &"e".repeat(1_000), 0, &[])),
        []
    );
    assert_eq!(world.machine.take_counts().refused, 2);
}

#[test]
fn a_restart_keeps_aliases_and_numbers() {
    let mut world = born();
    world.note();
    world.restart();
    assert_eq!(world.machine.online(), 1);
    assert_eq!(
        values(&world.give(&data(2, 9.0))),
        ["sparkplug/g/e/metrics/t = 9.0"]
    );
    let effects = world.give(&message("DDATA", "e/d", 3, &[by_alias(10, 6.0)]));
    assert_eq!(shown(&effects), ["sparkplug/g/e/devices/d/metrics/x = 6.0"]);
    assert_eq!(world.give(&data(5, 9.0)), [], "it knows that 4 is missing");
}

/// The note of a death that was not followed by the removal of its births.
#[test]
fn births_of_a_session_that_is_over_are_forgotten() {
    let mut world = born();
    world.note();
    world.give(&birth(8));
    for note in world.machine.notes() {
        if note.payload.is_some() {
            world.write_note(note);
        }
    }
    world.restart();
    let effects = world.give(&message("DDATA", "e/d", 1, &[by_alias(10, 6.0)]));
    assert_eq!(values(&effects), [ASKED]);
}

#[test]
fn a_payload_without_a_number_is_taken_as_it_comes() {
    let mut world = born();
    let loose = Message {
        payload: payload(None, &[by_alias(1, 8.0)]),
        ..data(0, 0.0)
    };
    assert_eq!(
        values(&world.give(&loose)),
        ["sparkplug/g/e/metrics/t = 8.0"]
    );
    assert_eq!(
        values(&world.give(&data(2, 9.0))),
        ["sparkplug/g/e/metrics/t = 9.0"]
    );
}
