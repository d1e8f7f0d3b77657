//! Whatever happens in whatever order, a client ends up with what the owner has, and knows of each
//! record that it has it or that it does not.

use std::time::Duration;

use proptest::prelude::*;
use spica_live_proto::{Deliver, Kinds, Recovery};
use spica_model::{Kind, Lane, Op};

use super::viewer::{Viewer, opening};
use super::world::{World, subscribe};
use crate::{Limits, SessionFrame};

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    Put(usize, usize),
    Delete(usize),
    Event(usize, bool),
    Tick,
    Turn(usize),
    /// A turn over a link that takes little.
    Thin(usize, usize),
    /// Whatever one has, it takes.
    Drain(usize),
    Answer,
    Open(usize),
    Reconnect(usize),
    /// A client that gives credit, now and then.
    Credit(usize, u64),
    Trim,
    Floor,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6usize, 0..6usize).prop_map(|(topic, value)| Step::Put(topic, value)),
        1 => (0..6usize).prop_map(Step::Delete),
        4 => (0..2usize, any::<bool>()).prop_map(|(topic, critical)| Step::Event(topic, critical)),
        5 => Just(Step::Tick),
        6 => (0..5usize).prop_map(Step::Turn),
        3 => (0..5usize, 1..700usize).prop_map(|(viewer, room)| Step::Thin(viewer, room)),
        1 => (0..5usize).prop_map(Step::Drain),
        3 => Just(Step::Answer),
        2 => (0..WANTS).prop_map(Step::Open),
        1 => (0..5usize).prop_map(Step::Reconnect),
        1 => (0..5usize, 1..600u64).prop_map(|(viewer, bytes)| Step::Credit(viewer, bytes)),
        1 => Just(Step::Trim),
        1 => Just(Step::Floor),
    ]
}

const WANTS: usize = 8;
const TOPICS: [&str; 6] = ["s/a", "s/b", "s/c", "s/d", "x/e", "s/f"];

fn wants(which: usize) -> spica_live_proto::Subscribe {
    let mut wants = subscribe(1, "#");
    match which {
        0 => {}
        1 => wants.deliver = Deliver::Latest,
        2 => wants.deliver = Deliver::Each,
        3 => {
            wants.deliver = Deliver::Each;
            wants.recovery = Some(Recovery::Precise);
        }
        4 => wants = subscribe(1, "s/+"),
        5 => wants.kinds = Kinds::Event,
        6 => wants.max_queue = Some(2),
        _ => {
            wants.recovery = Some(Recovery::Repeating);
            wants.delta = false;
        }
    }
    wants
}

/// Values that are similar, so that deltas are worth it, and one that is short.
fn value(which: usize) -> String {
    if which == 0 {
        return "1".into();
    }
    let same = "x".repeat(90);
    format!("{{\"same\":\"{same}\",\"n\":{which},\"only{which}\":true}}")
}

fn limits() -> Limits {
    Limits {
        queue: 4,
        frame_bytes: 700,
        tombstones: 2,
        history: 2,
        history_bytes: 3_000,
        cache_bytes: 1_500,
        resume: 12,
        held: 2,
        idle_topics: 3,
        linger: Duration::ZERO,
        ..Limits::default()
    }
}

struct Run {
    world: World,
    viewers: Vec<Viewer>,
    now: Duration,
}

impl Run {
    fn step(&mut self, step: &Step) {
        let Self { world, viewers, .. } = self;
        let count = viewers.len().max(1);
        // One topic is in the critical lane, and one in both.
        let lane = |topic: usize, value: usize| match topic {
            4 => Lane::Critical,
            5 if value.is_multiple_of(2) => Lane::Critical,
            _ => Lane::Normal,
        };
        match *step {
            Step::Put(topic, which) => {
                let payload = value(which);
                world.record(
                    lane(topic, which),
                    TOPICS[topic],
                    Kind::State,
                    Some(&payload),
                );
            }
            Step::Delete(topic) => {
                world.record(lane(topic, topic), TOPICS[topic], Kind::State, None);
            }
            Step::Event(topic, critical) => {
                let lane = if critical {
                    Lane::Critical
                } else {
                    Lane::Normal
                };
                world.record(lane, ["s/x", "x/y"][topic], Kind::Event, Some("{\"e\":1}"));
            }
            Step::Tick => {
                world.tick();
                self.now += Duration::from_millis(5);
                world.engine.expire(self.now);
            }
            Step::Turn(viewer) => {
                if let Some(viewer) = viewers.get_mut(viewer % count) {
                    viewer.turn(world, self.now);
                }
            }
            Step::Thin(viewer, room) => {
                if let Some(viewer) = viewers.get_mut(viewer % count) {
                    viewer.turn_within(world, room, self.now);
                }
            }
            Step::Drain(viewer) => {
                if let Some(viewer) = viewers.get_mut(viewer % count) {
                    while viewer.turn(world, self.now) {}
                }
            }
            Step::Answer => {
                world.collect_asks();
                if !world.asks.is_empty() {
                    let ask = world.asks.remove(0);
                    world.answer(ask);
                }
            }
            Step::Open(which) if viewers.len() < 5 => {
                let mut with = opening();
                with.credit = (which % 3 == 1).then_some(300);
                viewers.push(Viewer::open_with(world, wants(which), with));
            }
            Step::Reconnect(viewer) => {
                if let Some(viewer) = viewers.get_mut(viewer % count)
                    && !viewer.ended
                {
                    viewer.reconnect(world);
                }
            }
            Step::Credit(viewer, bytes) => {
                if let Some(viewer) = viewers.get(viewer % count) {
                    let frame = SessionFrame::Credit(bytes);
                    world.engine.say(viewer.id, frame, self.now);
                }
            }
            Step::Trim => {
                world.trimmed = world.taken.map(|it| (it / 2) as u64);
            }
            Step::Floor => {
                let heads = world.engine.heads();
                world.engine.set_floor(&heads);
            }
            Step::Open(_) => {}
        }
        self.bounds();
    }

    /// What is bounded is within its bounds at any time.
    fn bounds(&self) {
        let (engine, limits) = (&self.world.engine, limits());
        let levels = engine.levels();
        assert!(levels.cache_bytes <= limits.cache_bytes);
        assert!(levels.history_bytes <= limits.history_bytes);
        assert!(levels.tombstones <= limits.tombstones);
        for (_, group) in &engine.groups {
            for ring in group.rings.iter().flat_map(|rings| rings.iter()) {
                assert!(ring.len() <= limits.queue);
            }
        }
    }

    fn rest(&mut self) {
        self.world.answer_all();
        self.world.tick();
        for viewer in &mut self.viewers {
            let frame = SessionFrame::Credit(1 << 30);
            self.world.engine.say(viewer.id, frame, self.now);
            viewer.drain(&mut self.world);
        }
    }

    fn check(&self) {
        let standing = self.world.standing();
        for viewer in &self.viewers {
            if viewer.ended {
                assert!(self.world.trimmed != [0; 2], "only retention ends it");
                continue;
            }
            assert!(viewer.ready, "{:?}", viewer.frames);
            let wants = &viewer.wants;
            if wants.kinds != Kinds::Event && wants.deliver != Deliver::Each {
                let want: Vec<_> = standing
                    .values()
                    .filter(|it| it.op == Op::Put && wants.filter.matches(&it.topic))
                    .map(|it| (it.topic.as_str(), it.position.seq.0))
                    .collect();
                let have: Vec<_> = viewer
                    .values
                    .iter()
                    .map(|(topic, (at, _))| (topic.as_str(), at.2))
                    .collect();
                assert_eq!(have, want, "{:#?}", viewer.frames);
            }
            self.check_events(viewer);
        }
    }

    /// Each record since it began has come, or is in a gap.
    fn check_events(&self, viewer: &Viewer) {
        let wants = &viewer.wants;
        if wants.deliver == Deliver::Latest {
            assert!(viewer.events.is_empty());
            return;
        }
        let lossless = matches!(
            wants.recovery,
            Some(Recovery::Precise | Recovery::Repeating)
        );
        assert!(!lossless || viewer.gaps.is_empty());
        let each = |kind| wants.deliver == Deliver::Each || kind == Kind::Event;
        let since = viewer.since.unwrap();
        for (lane, since) in since.into_iter().enumerate() {
            let records = &self.world.journal[lane];
            for record in records.iter().filter(|it| each(it.kind)) {
                let seq = record.position.seq.0;
                if seq <= since || !wants.filter.matches(&record.topic) {
                    continue;
                }
                let lane = lane as u64;
                let came = viewer.events.contains(&(lane, seq));
                let mut gaps = viewer.gaps.iter();
                let in_gap = gaps.any(|gap| gap.0 == lane && (gap.1..=gap.2).contains(&seq));
                assert!(came || in_gap, "{lane} {seq}: {:#?}", viewer.frames);
            }
        }
    }
}

proptest! {
    #[test]
    fn clients_converge_and_know_what_they_miss(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut run = Run {
            world: World::new(limits()),
            viewers: Vec::new(),
            now: Duration::ZERO,
        };
        for step in &steps {
            run.step(step);
        }
        run.rest();
        run.check();
    }
}
