//! What a session can rely on: order, fairness, limits, and frames that are shared.

use std::time::Duration;

use serde_json::Value;
use spica_live_proto::{Deliver, LimitChange, SubId, Subscribe, WindowKind, WindowOp, WindowSpec};
use spica_model::{Kind, Lane, Timestamp};

use super::viewer::{Viewer, opening};
use super::world::{World, subscribe};
use crate::{Limits, SessionFrame, SessionId};

fn ready(world: &mut World, wants: Subscribe) -> Viewer {
    let mut viewer = Viewer::open(world, wants);
    viewer.drain(world);
    assert!(viewer.ready);
    viewer
}

fn turn(world: &mut World, id: SessionId, now_ms: u64) -> Vec<Value> {
    let frames = world.engine.turn(id, Duration::from_millis(now_ms));
    let frames = frames.iter().map(|it| serde_json::from_slice(it).unwrap());
    frames.collect()
}

/// The lanes of the rows of all frames.
fn lanes(frames: &[Value]) -> Vec<u64> {
    let rows = frames.iter().filter_map(|it| it["u"].as_array()).flatten();
    rows.map(|row| row[3].as_u64().unwrap()).collect()
}

fn refused(frames: &[Value]) -> Option<&str> {
    let refused = frames.iter().find(|it| it["t"] == "refused")?;
    refused["code"].as_str()
}

fn say(world: &mut World, id: SessionId, wants: Subscribe) -> Vec<Value> {
    let frame = SessionFrame::Subscribe(Box::new(wants));
    world.engine.say(id, frame, Duration::ZERO);
    world.answer_all();
    turn(world, id, 0)
}

#[test]
fn the_critical_lane_goes_first_and_the_normal_one_has_an_eighth() {
    let limits = Limits {
        frame_bytes: 8_192,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let viewer = ready(&mut world, subscribe(1, "#"));
    let payload = format!("\"{}\"", "x".repeat(100));
    for _ in 0..200 {
        world.record(Lane::Normal, "n", Kind::Event, Some(&payload));
        world.record(Lane::Critical, "c", Kind::Event, Some(&payload));
    }
    world.tick();
    let lanes = lanes(&turn(&mut world, viewer.id, 0));
    let critical = lanes.iter().filter(|lane| **lane == 0).count();
    let normal = lanes.len() - critical;
    assert!(lanes.is_sorted(), "critical first");
    assert!(critical > 0 && normal > 0);
    assert!(normal * 8 + 8 >= lanes.len(), "{normal} of {}", lanes.len());
    assert!(critical > 5 * normal);
}

#[test]
fn critical_rows_of_all_subscriptions_come_before_normal_ones_fill_the_turn() {
    let limits = Limits {
        frame_bytes: 2_048,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let viewer = ready(&mut world, subscribe(1, "n"));
    say(&mut world, viewer.id, subscribe(2, "c"));
    let payload = format!("\"{}\"", "x".repeat(100));
    for _ in 0..50 {
        world.record(Lane::Normal, "n", Kind::Event, Some(&payload));
    }
    world.record(Lane::Critical, "c", Kind::Event, Some("1"));
    world.tick();
    let frames = turn(&mut world, viewer.id, 0);
    assert!(lanes(&frames).contains(&0), "{frames:?}");
}

#[test]
fn sessions_at_the_same_place_get_the_very_same_frame() {
    let mut world = World::new(Limits::default());
    let viewers: Vec<_> = (0..10)
        .map(|_| ready(&mut world, subscribe(1, "#")))
        .collect();
    for n in 0..3 {
        world.put("a", &format!("{{\"x\":\"{}\",\"n\":{n}}}", "y".repeat(80)));
        world.event("e", "1");
        world.tick();
        let before = *world.engine.counters();
        let frames: Vec<_> = viewers
            .iter()
            .map(|it| world.engine.turn(it.id, Duration::ZERO))
            .collect();
        assert!(
            frames
                .iter()
                .all(|it| it[0].as_ptr() == frames[0][0].as_ptr())
        );
        let after = world.engine.counters();
        assert_eq!(
            (after.built - before.built, after.shared - before.shared),
            (1, 9)
        );
        assert_eq!(after.delta_rows > before.delta_rows, n > 0);
    }
}

#[test]
fn a_slow_session_gets_changes_of_what_it_was_really_sent() {
    let limits = Limits {
        frame_bytes: 500,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let mut viewer = ready(&mut world, subscribe(1, "#"));
    let value = |n: u32| format!("{{\"x\":\"{}\",\"n\":{n}}}", "y".repeat(150));
    for n in 0..30 {
        for topic in ["a", "b", "c"] {
            world.put(topic, &value(n));
        }
        world.tick();
        // Never quite done.
        viewer.turn(&mut world, Duration::ZERO);
    }
    assert!(
        viewer.rows[1] > 20,
        "{:?}: the viewer checks each base",
        viewer.rows
    );
    viewer.drain(&mut world);
    assert!(viewer.values.values().all(|(at, _)| at.2 > 87));
}

#[test]
fn a_value_that_is_what_it_was_is_not_sent_again() {
    let mut world = World::new(Limits::default());
    let mut viewer = ready(&mut world, subscribe(1, "#"));
    let mut whole = subscribe(1, "#");
    whole.delta = false;
    let mut plain = ready(&mut world, whole);
    let value = format!("\"{}\"", "y".repeat(150));
    for _ in 0..3 {
        world.put("a", &value);
        world.tick();
        viewer.turn(&mut world, Duration::ZERO);
        plain.turn(&mut world, Duration::ZERO);
    }
    assert_eq!(viewer.rows, [1, 0, 0, 2, 0]);
    assert_eq!(plain.rows, [3, 0, 0, 0, 0]);
}

#[test]
fn nothing_is_sent_without_credit_and_it_goes_on_with_it() {
    let mut world = World::new(Limits::default());
    let mut with = opening();
    with.credit = Some(0);
    let mut viewer = Viewer::open_with(&mut world, subscribe(1, "#"), with);
    viewer.drain(&mut world);
    world.event("e", "1");
    world.tick();
    assert!(!viewer.turn(&mut world, Duration::ZERO));
    let credit = SessionFrame::Credit(1);
    world.engine.say(viewer.id, credit, Duration::ZERO);
    assert!(
        viewer.turn(&mut world, Duration::ZERO),
        "a byte is enough for a frame"
    );
    world.event("e", "1");
    world.tick();
    assert!(
        !viewer.turn(&mut world, Duration::ZERO),
        "which has to be paid back"
    );
    world
        .engine
        .say(viewer.id, SessionFrame::Credit(1), Duration::ZERO);
    assert!(!viewer.turn(&mut world, Duration::ZERO));
    world
        .engine
        .say(viewer.id, SessionFrame::Credit(10_000), Duration::ZERO);
    assert!(viewer.turn(&mut world, Duration::ZERO));
    assert_eq!(viewer.events.len(), 2);
}

#[test]
fn frames_keep_their_distance_and_conflate_what_lies_between() {
    let mut world = World::new(Limits::default());
    let mut wants = subscribe(1, "#");
    wants.limits.min_interval_ms = Some(100);
    let mut viewer = ready(&mut world, wants);
    let mut woken = Vec::new();
    let mut at = Vec::new();
    for ms in 0..400 {
        world.put("a", &ms.to_string());
        world.tick();
        world.engine.expire(Duration::from_millis(ms));
        world.engine.take_woken(&mut woken);
        if viewer.turn(&mut world, Duration::from_millis(ms)) {
            at.push(ms);
        }
    }
    assert_eq!(at, [0, 100, 200, 300]);
    let change = SessionFrame::Change {
        sub: Some(SubId(1)),
        limits: LimitChange {
            min_interval_ms: Some(0),
            bytes_per_s: None,
        },
    };
    world
        .engine
        .say(viewer.id, change, Duration::from_millis(399));
    assert!(
        viewer.turn(&mut world, Duration::from_millis(399)),
        "from now on"
    );
}

#[test]
fn a_session_that_waits_for_its_time_is_woken_then() {
    let mut world = World::new(Limits::default());
    let mut wants = subscribe(1, "#");
    wants.limits.bytes_per_s = Some(1_000);
    let mut viewer = ready(&mut world, wants);
    let payload = format!("\"{}\"", "x".repeat(900));
    world.event("e", &payload);
    world.event("e", &payload);
    world.tick();
    assert!(viewer.turn(&mut world, Duration::ZERO));
    assert!(!viewer.turn(&mut world, Duration::ZERO));
    let due = world.engine.deadline().unwrap();
    assert!(due > Duration::from_millis(500), "{due:?}");
    let mut woken = Vec::new();
    world.engine.take_woken(&mut woken);
    woken.clear();
    world.engine.expire(due);
    world.engine.take_woken(&mut woken);
    assert_eq!(woken, [viewer.id]);
    assert!(viewer.turn(&mut world, due));
    assert_eq!(viewer.events.len(), 2);
}

#[test]
fn only_sessions_with_news_are_woken_and_once() {
    let mut world = World::new(Limits::default());
    let mut one = ready(&mut world, subscribe(1, "a"));
    let other = ready(&mut world, subscribe(1, "b"));
    assert!(!one.turn(&mut world, Duration::ZERO));
    let mut woken = Vec::new();
    world.engine.take_woken(&mut woken);
    woken.clear();
    for _ in 0..3 {
        world.event("a", "1");
        world.tick();
    }
    world.engine.take_woken(&mut woken);
    assert_eq!(woken, [one.id]);
    assert_eq!(world.engine.due(), 1);
    one.turn(&mut world, Duration::ZERO);
    assert_eq!(world.engine.due(), 0);
    world.engine.close(other.id, Duration::ZERO);
}

#[test]
fn subscriptions_beyond_a_limit_are_refused() {
    let limits = Limits {
        subs: 2,
        groups: 3,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let viewer = ready(&mut world, subscribe(1, "a"));
    assert_eq!(
        refused(&say(&mut world, viewer.id, subscribe(1, "b"))),
        Some("in_use")
    );
    assert_eq!(
        refused(&say(&mut world, viewer.id, subscribe(2, "b"))),
        None
    );
    assert_eq!(
        refused(&say(&mut world, viewer.id, subscribe(3, "c"))),
        Some("limit")
    );
    let other = world.engine.open(opening(), Duration::ZERO);
    assert_eq!(refused(&say(&mut world, other, subscribe(1, "c"))), None);
    assert_eq!(
        refused(&say(&mut world, other, subscribe(2, "d"))),
        Some("limit")
    );
    assert_eq!(
        refused(&say(&mut world, other, subscribe(2, "a"))),
        None,
        "one that is there"
    );
    // A group that nobody is in any more makes room.
    world.engine.close(viewer.id, Duration::ZERO);
    let third = world.engine.open(opening(), Duration::ZERO);
    assert_eq!(refused(&say(&mut world, third, subscribe(1, "d"))), None);
}

#[test]
fn topics_beyond_the_limit_are_left_out_and_counted() {
    let limits = Limits {
        topics: 2,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let mut viewer = ready(&mut world, subscribe(1, "#"));
    for topic in ["a", "b", "c"] {
        world.put(topic, "1");
    }
    world.tick();
    viewer.drain(&mut world);
    assert_eq!(viewer.values.len(), 2);
    assert_eq!(world.engine.counters().over_limit, 1);
}

#[test]
fn answers_that_nobody_takes_are_bounded() {
    let limits = Limits {
        answers: 3,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let id = world.engine.open(opening(), Duration::ZERO);
    for about in 0..5 {
        let stats = SessionFrame::Stats {
            id: about,
            rtt_ms: None,
        };
        world.engine.say(id, stats, Duration::ZERO);
    }
    assert_eq!(turn(&mut world, id, 0).len(), 3);
    assert_eq!(world.engine.counters().answers_dropped, 2);
}

#[test]
fn a_slow_session_is_told_which_events_it_lost_and_the_books_say_how_many() {
    let mut world = World::new(Limits::default());
    let mut wants = subscribe(1, "#");
    wants.max_queue = Some(3);
    let mut viewer = ready(&mut world, wants);
    for _ in 0..5 {
        world.event("e", "1");
    }
    world.tick();
    viewer.drain(&mut world);
    assert_eq!(viewer.gaps, [(1, 1, 2)]);
    assert_eq!(viewer.events.len(), 3);
    let stats = SessionFrame::Stats {
        id: 7,
        rtt_ms: Some(1.5),
    };
    world.engine.say(viewer.id, stats, Duration::ZERO);
    let frames = turn(&mut world, viewer.id, 0);
    let stats = &frames[0];
    assert_eq!(stats["dropped"]["queue"], 2);
    assert_eq!((&stats["sent"], &stats["queue"]), (&3.into(), &0.into()));
}

fn windowed(kind: WindowKind) -> Subscribe {
    let mut wants = subscribe(1, "#");
    wants.window = Some(WindowSpec {
        kind,
        ops: vec![WindowOp::Mean, WindowOp::Count],
        field: "/v".into(),
    });
    wants
}

/// The results of the windows that a session is sent.
fn results(frames: &[Value]) -> Vec<Value> {
    let rows = frames.iter().filter_map(|it| it["u"].as_array()).flatten();
    rows.map(|row| row[7].clone()).collect()
}

#[test]
fn windows_say_what_they_compute_as_the_latest_of_their_topic() {
    let mut world = World::new(Limits::default());
    let tumbling = ready(&mut world, windowed(WindowKind::Tumbling(2)));
    let sliding = ready(&mut world, windowed(WindowKind::Sliding(2)));
    for n in 1..=3 {
        world.put("a", &format!("{{\"v\":{n}}}"));
    }
    world.put("a", "{\"v\":\"none\"}");
    world.tick();
    let mean = |mean: f64| serde_json::json!({"mean": mean, "count": 2});
    assert_eq!(results(&turn(&mut world, tumbling.id, 0)), [mean(1.5)]);
    assert_eq!(
        results(&turn(&mut world, sliding.id, 0)),
        [mean(2.5)],
        "conflated"
    );
    assert_eq!(world.engine.counters().unusable, 2);
}

#[test]
fn a_periodic_window_is_closed_by_the_clock_long_after_its_last_record() {
    let mut world = World::new(Limits::default());
    let viewer = ready(&mut world, windowed(WindowKind::Periodic(1_000)));
    world.engine.tick(Timestamp::from_secs(100));
    assert_eq!(world.engine.closes_at(), Some(Timestamp::from_secs(101)));
    for n in 1..=3 {
        world.put("a", &format!("{{\"v\":{n}}}"));
    }
    world.engine.take(&world.journal[1]);
    world.engine.tick(Timestamp::from_micros(100_500_000));
    assert_eq!(
        results(&turn(&mut world, viewer.id, 0)),
        Vec::<Value>::new()
    );
    world.engine.tick(Timestamp::from_secs(101));
    let closed = results(&turn(&mut world, viewer.id, 0));
    assert_eq!(closed, [serde_json::json!({"mean": 2, "count": 3})]);
    world.engine.tick(Timestamp::from_secs(102));
    assert!(
        turn(&mut world, viewer.id, 0).is_empty(),
        "nothing came meanwhile"
    );
}

#[test]
fn patches_are_composed() {
    let mut world = World::new(Limits::default());
    let mut wants = subscribe(1, "#");
    wants.merge_patch = true;
    wants.deliver = Deliver::Latest;
    let viewer = ready(&mut world, wants);
    world.put("a", "{\"x\":1,\"y\":{\"a\":1}}");
    world.put("a", "{\"x\":null,\"y\":{\"b\":2}}");
    world.tick();
    let frames = turn(&mut world, viewer.id, 0);
    let row = &frames[0]["u"][0];
    assert_eq!(
        row[11],
        serde_json::json!({"x": null, "y": {"a": 1, "b": 2}})
    );
}

#[test]
fn a_client_without_news_is_told_where_it_stands_now_and_then() {
    let limits = Limits {
        resume: 40,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let mut viewer = ready(&mut world, subscribe(1, "quiet"));
    for _ in 0..30 {
        world.event("loud", "1");
        world.tick();
        viewer.turn(&mut world, Duration::ZERO);
    }
    let at = viewer.at.unwrap().seq(Lane::Normal).0;
    assert!(at >= 20, "{at}: it can go on from there");
}

#[test]
fn what_nobody_wants_any_more_is_forgotten() {
    let mut world = World::new(Limits::default());
    let viewer = ready(&mut world, subscribe(1, "#"));
    let windows = ready(&mut world, windowed(WindowKind::Sliding(2)));
    for topic in ["a", "b"] {
        world.put(topic, "{\"v\":1}");
        world.put(topic, "{\"v\":1}");
        world.event(topic, "{\"v\":1}");
    }
    world.tick();
    let linger = world.engine.store.limits.linger;
    for id in [viewer.id, windows.id] {
        world.engine.close(id, Duration::ZERO);
    }
    world.engine.expire(linger);
    let levels = world.engine.levels();
    assert_eq!((levels.sessions, levels.subs, levels.groups), (0, 0, 0));
    assert_eq!(
        (
            levels.queue_bytes,
            levels.history_bytes,
            levels.replay_bytes
        ),
        (0, 0, 0)
    );
    let topics = &world.engine.store.topics;
    let topic = topics.find(&spica_model::Topic::new("a").unwrap()).unwrap();
    assert!(
        topics.get(topic).shown.is_none(),
        "it would be old when it is wanted again"
    );
}
