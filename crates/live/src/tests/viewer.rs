//! A client of one subscription, written from `docs/live.md` alone: it keeps what it is told, and
//! checks that what it is told can be.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value;
use spica_live_proto::{Encoding, Patch, Subscribe, apply};
use spica_model::{Epoch, Place, Seq};

use super::world::World;
use crate::{Opening, SessionFrame, SessionId};

type At = (u64, u64, u64);

/// A client with one session and one subscription.
pub(crate) struct Viewer {
    pub(crate) id: SessionId,
    pub(crate) wants: Subscribe,
    /// The values by topic, with their positions.
    pub(crate) values: BTreeMap<String, (At, Vec<u8>)>,
    numbers: HashMap<u64, String>,
    /// Records that came one by one: lane and number.
    pub(crate) events: BTreeSet<(u64, u64)>,
    /// Lane, first, last.
    pub(crate) gaps: Vec<(u64, u64, u64)>,
    /// Gaps of this session.
    new_gaps: usize,
    /// Where the lanes stood when it began first.
    pub(crate) since: Option<[u64; 2]>,
    last: [u64; 2],
    pub(crate) at: Option<Place>,
    pub(crate) ready: bool,
    pub(crate) ended: bool,
    pub(crate) resets: u32,
    pub(crate) resumed: Option<bool>,
    pub(crate) rows: [u32; 5],
    pub(crate) frames: Vec<Value>,
    /// Whether each record is delivered.
    each: bool,
    /// Whether there was ever less room than a frame has.
    pub(crate) is_tight: bool,
}

pub(crate) fn opening() -> Opening {
    Opening {
        encoding: Encoding::Json,
        hidden: None,
        credit: None,
        bytes_per_s: 0,
    }
}

impl Viewer {
    pub(crate) fn open(world: &mut World, wants: Subscribe) -> Self {
        Self::open_with(world, wants, opening())
    }

    pub(crate) fn open_with(world: &mut World, wants: Subscribe, opening: Opening) -> Self {
        let is_tight = opening.credit.is_some();
        let id = world.engine.open(opening, Duration::ZERO);
        let mut viewer = Self {
            id,
            each: wants.deliver == spica_live_proto::Deliver::Each,
            is_tight,
            wants,
            values: BTreeMap::new(),
            numbers: HashMap::new(),
            events: BTreeSet::new(),
            gaps: Vec::new(),
            new_gaps: 0,
            since: None,
            last: [0; 2],
            at: None,
            ready: false,
            ended: false,
            resets: 0,
            resumed: None,
            rows: [0; 5],
            frames: Vec::new(),
        };
        viewer.subscribe(world);
        viewer
    }

    fn subscribe(&mut self, world: &mut World) {
        let frame = SessionFrame::Subscribe(Box::new(self.wants.clone()));
        world.engine.say(self.id, frame, Duration::ZERO);
    }

    /// Comes back in a new session: where it was if it had got ready, anew if not.
    pub(crate) fn reconnect(&mut self, world: &mut World) {
        world.engine.close(self.id, Duration::ZERO);
        self.id = world.engine.open(opening(), Duration::ZERO);
        self.wants.after = self.at.filter(|_| self.ready);
        if self.wants.after.is_none() {
            self.values.clear();
            self.events.clear();
            self.gaps.clear();
            self.since = None;
        }
        self.new_gaps = self.gaps.len();
        self.last = [0; 2];
        self.ready = false;
        self.resumed = None;
        self.subscribe(world);
    }

    /// Takes one turn. Whether anything came.
    pub(crate) fn turn(&mut self, world: &mut World, now: Duration) -> bool {
        self.turn_within(world, usize::MAX, now)
    }

    /// As `turn`, over a link that takes only so much.
    pub(crate) fn turn_within(&mut self, world: &mut World, room: usize, now: Duration) -> bool {
        self.is_tight |= room < world.engine.store.limits.frame_bytes;
        let frames = world.engine.turn_within(self.id, room, now);
        for frame in &frames {
            self.take(world, frame);
        }
        !frames.is_empty()
    }

    pub(crate) fn drain(&mut self, world: &mut World) {
        for _ in 0..10_000 {
            world.answer_all();
            let has_moved = self.turn(world, Duration::ZERO);
            world.collect_asks();
            if !has_moved && world.asks.is_empty() {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn take(&mut self, world: &World, frame: &[u8]) {
        let limit = world.engine.store.limits.frame_bytes;
        let frame_len = frame.len();
        let frame: Value = serde_json::from_slice(frame).unwrap();
        assert!(!self.ended, "nothing comes after the end: {frame}");
        match frame["t"].as_str().unwrap() {
            "subscribed" => {
                self.resumed = frame["resumed"].as_bool();
                let at = place(&frame["at"]);
                self.at = (self.resumed == Some(true)).then_some(at);
                let since = spica_model::Lane::ALL.map(|lane| at.seq(lane).0);
                self.since.get_or_insert(since);
            }
            "data" => {
                let rows = frame["u"].as_array().unwrap();
                assert!(frame_len <= limit || rows.len() == 1, "{frame_len} bytes");
                for row in rows {
                    self.row(world, row.as_array().unwrap());
                }
                self.moves_to(place(&frame["at"]));
            }
            "ready" => {
                self.ready = true;
                self.moves_to(place(&frame["at"]));
            }
            "gap" => {
                let lane = u64::from(frame["lane"] == "normal");
                let (from, to) = (number(&frame["from"]), number(&frame["to"]));
                assert!(from <= to);
                for seq in from..=to {
                    assert!(!self.events.contains(&(lane, seq)), "{seq} was sent");
                }
                self.gaps.push((lane, from, to));
            }
            "reset" => {
                self.values.clear();
                self.last = [0; 2];
                self.resets += 1;
                self.at = None;
                // Part of what follows is no place to come back with.
                self.ready = false;
            }
            "ended" => self.ended = true,
            "stats" | "refused" => {}
            other => panic!("{other}"),
        }
        self.frames.push(frame);
    }

    fn moves_to(&mut self, at: Place) {
        if let Some(before) = self.at.replace(at) {
            for lane in spica_model::Lane::ALL {
                assert!(before.seq(lane) <= at.seq(lane), "a place never goes back");
            }
        }
    }

    fn row(&mut self, world: &World, row: &[Value]) {
        let tag = number(&row[0]) as usize;
        self.rows[tag] += 1;
        let named = matches!(tag, 0 | 2 | 4);
        let at = if named { 3 } else { 2 };
        let position = (number(&row[at]), number(&row[at + 1]), number(&row[at + 2]));
        if named {
            let topic = row[2].as_str().unwrap().to_owned();
            let known = self.numbers.insert(number(&row[1]), topic.clone());
            assert!(
                known.is_none_or(|known| known == topic),
                "a number is one topic's"
            );
        }
        let topic = self.numbers[&number(&row[1])].clone();
        let (lane, seq) = (position.0, position.2);
        let record = world.find(lane as usize, seq);
        assert_eq!(record.topic.as_str(), topic);
        let is_state = record.kind == spica_model::Kind::State;
        // States come by turns when there is room for few.
        let is_by_turns = is_state && self.is_tight && !self.each;
        assert!(
            is_by_turns || seq > self.last[lane as usize],
            "in the order of the lane"
        );
        if !is_by_turns {
            self.last[lane as usize] = seq;
        }
        let stood = self.since.is_some_and(|since| seq <= since[lane as usize]);
        if !is_state || (self.each && !stood) {
            assert!(matches!(tag, 0 | 2), "events come whole");
            let in_gap = self.gaps[self.new_gaps..]
                .iter()
                .any(|gap| gap.0 == lane && (gap.1..=gap.2).contains(&seq));
            assert!(!in_gap, "what is in a gap does not come");
            let is_new = self.events.insert((lane, seq));
            assert!(
                is_new,
                "{seq} came twice: {:?} {:#?} {row:?}",
                self.wants, self.frames
            );
        }
        let payload = match tag {
            0 => serde_json::to_vec(&row[11]).unwrap(),
            1 => {
                let base = (number(&row[8]), number(&row[9]), number(&row[10]));
                let (held, value) = &self.values[&topic];
                assert_eq!(*held, base, "the client holds the base");
                assert_eq!(row[11], 0, "JSON has merge patches");
                let patch = Patch::Merge(serde_json::to_string(&row[12]).unwrap());
                apply(value, &patch, 1 << 20).unwrap()
            }
            2 => {
                if is_state {
                    self.values.remove(&topic);
                }
                return;
            }
            3 => self.values[&topic].1.clone(),
            _ => panic!("{tag}"),
        };
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        assert_eq!(json(&payload), json(&record.payload), "the owner's value");
        if is_state {
            self.values.insert(topic, (position, payload));
        }
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn place(value: &Value) -> Place {
    let n = |at: usize| value[at].as_u64().unwrap();
    let lane = |at: usize| (Epoch(u32::try_from(n(at)).unwrap()), Seq(n(at + 1)));
    Place::new(lane(0), lane(2))
}
