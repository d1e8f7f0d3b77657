//! What is bounded, at its bounds.

use std::time::Duration;

use spica_live_proto::{
    Deliver, Encoding, Incoming, Kinds, Recovery, Row, Subscribe, WindowKind, WindowOp, WindowSpec,
    decode_server,
};

use super::viewer::{Viewer, opening};
use super::world::{World, subscribe};
use crate::{Ask, Limits, Opening, SessionFrame};

fn events(filter: &str) -> Subscribe {
    let mut wants = subscribe(1, filter);
    wants.kinds = Kinds::Event;
    wants
}

fn windowed(kind: WindowKind) -> Subscribe {
    let mut wants = subscribe(1, "#");
    wants.window = Some(WindowSpec {
        kind,
        ops: vec![WindowOp::Sum, WindowOp::Count],
        field: String::new(),
    });
    wants
}

fn ready(world: &mut World, wants: Subscribe) -> Viewer {
    let mut viewer = Viewer::open(world, wants);
    viewer.drain(world);
    assert!(viewer.ready);
    viewer
}

#[test]
fn events_of_all_subscriptions_together_are_bounded() {
    let limits = Limits {
        total_bytes: 2_000,
        ..Limits::default()
    };
    let mut world = World::new(limits.clone());
    let mut viewers = ["a", "b", "c"].map(|filter| ready(&mut world, events(filter)));
    for n in 0..10 {
        for topic in ["a", "b", "c"] {
            world.event(topic, &n.to_string());
            world.tick();
            let levels = world.engine.levels();
            assert!(levels.queue_bytes <= limits.total_bytes, "{levels:?}");
        }
    }
    assert!(world.engine.counters().evicted >= 20, "most had to go");
    for (viewer, topic) in viewers.iter_mut().zip(["a", "b", "c"]) {
        viewer.drain(&mut world);
        assert!(!viewer.gaps.is_empty());
        for record in &world.journal[1] {
            let seq = record.position.seq.0;
            let came = viewer.events.contains(&(1, seq));
            let in_gap = viewer.gaps.iter().any(|gap| (gap.1..=gap.2).contains(&seq));
            assert!(
                came || in_gap || record.topic.as_str() != topic,
                "{topic} {seq}"
            );
        }
    }
    for viewer in &viewers {
        world.engine.close(viewer.id, Duration::ZERO);
    }
    world.engine.expire(limits.linger);
    assert_eq!(world.engine.levels().queue_bytes, 0);
}

#[test]
fn when_much_is_read_again_each_gets_little_at_a_time() {
    let limits = Limits {
        queue: 1,
        replay_bytes: 1,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let precise = || {
        let mut wants = events("#");
        wants.deliver = Deliver::Each;
        wants.recovery = Some(Recovery::Precise);
        wants
    };
    let mut viewers = [(); 2].map(|()| ready(&mut world, precise()));
    for n in 0..9 {
        world.event("e", &n.to_string());
    }
    world.tick();
    let mut asked = Vec::new();
    for viewer in &mut viewers {
        viewer.turn(&mut world, Duration::ZERO);
        world.collect_asks();
        let ask = world.asks.remove(0);
        let Ask::Replay { bytes, .. } = ask else {
            panic!("{ask:?}");
        };
        asked.push(bytes);
        world.answer(ask);
        assert!(world.engine.levels().replay_bytes > 0);
    }
    assert_eq!(asked, [64 << 10, 4 << 10]);
    for viewer in &mut viewers {
        viewer.drain(&mut world);
        assert_eq!((viewer.events.len(), viewer.gaps.len()), (9, 0));
    }
    assert_eq!(world.engine.levels().replay_bytes, 0);
}

#[test]
fn windows_keep_no_more_values_than_they_may() {
    let limits = Limits {
        window_values: 10,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let viewer = ready(&mut world, windowed(WindowKind::Sliding(4)));
    for _ in 0..2 {
        for topic in ["a", "b", "c"] {
            for _ in 0..4 {
                world.put(topic, "1");
            }
        }
    }
    world.tick();
    let frames = world.engine.turn(viewer.id, Duration::ZERO);
    let text = String::from_utf8(frames.concat()).unwrap();
    let topics = ["\"a\"", "\"b\"", "\"c\""].map(|topic| text.contains(topic));
    assert_eq!(topics, [true, true, false], "twelve are too many: {text}");
    assert_eq!(world.engine.counters().over_limit, 8);
}

#[test]
fn topics_that_nobody_shows_are_forgotten_beyond_the_limit() {
    let limits = Limits {
        idle_topics: 3,
        queue: 100,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let mut viewer = ready(&mut world, events("#"));
    for n in 0..40 {
        world.event(&format!("e/{}", n % 8), "1");
        world.tick();
        assert!(world.engine.levels().topics <= 3);
    }
    // A number that was forgotten with its topic stands for no other: the viewer looks.
    viewer.drain(&mut world);
    assert_eq!(viewer.events.len(), 40);
}

#[test]
fn windows_say_the_same_in_both_encodings() {
    let mut world = World::new(Limits::default());
    let json = ready(&mut world, windowed(WindowKind::Tumbling(2)));
    let with = Opening {
        encoding: Encoding::Cbor,
        ..opening()
    };
    let cbor = world.engine.open(with, Duration::ZERO);
    let subscribe = Box::new(windowed(WindowKind::Tumbling(2)));
    let frame = SessionFrame::Subscribe(subscribe);
    world.engine.say(cbor, frame, Duration::ZERO);
    world.answer_all();
    assert_eq!(world.engine.turn(cbor, Duration::ZERO).len(), 2, "ready");
    for value in ["1", "2.5", "1e308", "1e308"] {
        world.put("a", value);
        world.put("b", "\"no number\"");
        world.tick();
        let said = [(json.id, Encoding::Json), (cbor, Encoding::Cbor)].map(|(id, encoding)| {
            let frames = world.engine.turn(id, Duration::ZERO);
            let frames = frames.iter().map(|it| decode_server(encoding, it).unwrap());
            frames.collect::<Vec<_>>()
        });
        assert_eq!(format!("{:?}", said[0]), format!("{:?}", said[1]));
        if let [Incoming::Data { rows, .. }] = &said[1][..] {
            assert!(matches!(rows[..], [Row::Window(_)]), "{rows:?}");
        }
    }
    assert_eq!(world.engine.counters().unusable, 4);
}

#[test]
fn after_a_gap_and_a_cut_what_can_be_had_comes_after_all_and_once() {
    let limits = Limits {
        queue: 2,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let mut viewer = ready(&mut world, subscribe(1, "#"));
    world.put("s", "1");
    world.put("t", "1");
    for _ in 0..5 {
        world.event("e", "1");
    }
    world.tick();
    // The gap is known at once, while there is room for one value only, which is before it.
    viewer.turn_within(&mut world, 1, Duration::ZERO);
    assert_eq!(viewer.gaps, [(1, 1, 5)]);
    assert_eq!(viewer.events.len(), 0);
    viewer.reconnect(&mut world);
    viewer.drain(&mut world);
    assert_eq!(viewer.resumed, Some(true));
    let all: Vec<_> = viewer.events.iter().map(|(_, seq)| *seq).collect();
    assert_eq!(all, [3, 4, 5, 6, 7]);
}

#[test]
fn a_slow_session_remembers_few_topics_and_still_gets_all() {
    let limits = Limits {
        held: 4,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let mut viewer = ready(&mut world, subscribe(1, "#"));
    let topic = |n: u32| format!("s/{n}");
    for round in 0..30 {
        for n in 0..12 {
            world.put(&topic(n), &format!("{{\"round\":{round}}}"));
        }
        world.event("e", "1");
        world.tick();
        viewer.turn_within(&mut world, 400, Duration::ZERO);
    }
    assert!(
        viewer.rows[0] > 30,
        "something each time: {:?}",
        viewer.rows
    );
    while viewer.turn_within(&mut world, 400, Duration::ZERO) {}
    assert_eq!((viewer.values.len(), viewer.events.len()), (12, 30));
    for n in 0..12 {
        let (at, _) = &viewer.values[&topic(n)];
        let last = world.standing().into_values();
        let mut last = last.filter(|it| it.topic.as_str() == topic(n));
        assert_eq!(last.next().unwrap().position.seq.0, at.2);
    }
}
