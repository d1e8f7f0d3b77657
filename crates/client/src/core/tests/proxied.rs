//! The client's core against the engine of the server, with a bad proxy between: it holds frames up,
//! cuts in the middle of anything, and brings frames of older connections when a new one has begun.
//! Whatever it does, the client ends up with what the owner has, and knows of each event that it has
//! it or that it does not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use spica_live::{Ask, Checked, Engine, Limits, Opening, Past, Replayed, SessionFrame, SessionId};
use spica_live_proto::{Encoding, decode_server};
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
    TopicFilter,
};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Put(usize, u32),
    Delete(usize),
    Event(bool),
    Tick,
    Answer,
    /// The server gives this connection, the newest being 0, what its link takes.
    Serve(usize, usize),
    /// The client reads so many frames.
    Read(usize),
    /// Frames of an older connection come.
    Late(usize),
    Cut,
    /// The server notices that the oldest connection is gone.
    Notice,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..5usize, 0..4u32).prop_map(|(topic, value)| Step::Put(topic, value)),
        1 => (0..5usize).prop_map(Step::Delete),
        4 => any::<bool>().prop_map(Step::Event),
        5 => Just(Step::Tick),
        4 => Just(Step::Answer),
        8 => (0..3usize, 1..900usize).prop_map(|(which, room)| Step::Serve(which, room)),
        8 => (1..4usize).prop_map(Step::Read),
        4 => (1..4usize).prop_map(Step::Late),
        2 => Just(Step::Cut),
        1 => Just(Step::Notice),
    ]
}

/// A connection: the server's session, and the frames on their way.
struct Wire {
    session: SessionId,
    flying: VecDeque<Bytes>,
}

struct Run {
    engine: Engine,
    journal: [Vec<Record>; 2],
    taken: [usize; 2],
    asks: VecDeque<Ask>,
    core: Core,
    held: Arc<RwLock<Held>>,
    /// The newest is the last, and the client's.
    wires: Vec<Wire>,
    events: BTreeSet<(usize, u64)>,
    gaps: Vec<(usize, u64, u64)>,
}

impl Run {
    fn new() -> Self {
        let place = (Epoch(1), Seq(0));
        let limits = Limits {
            queue: 4,
            frame_bytes: 700,
            tombstones: 2,
            resume: 12,
            held: 3,
            ..Limits::default()
        };
        let mut core = Core::new(&Settings::new(Vec::new(), None));
        let wanted = crate::wanted(TopicFilter::new("#").unwrap());
        let (_, held) = core.subscribe(wanted).unwrap();
        let mut run = Self {
            engine: Engine::new(limits, &Place::new(place, place)),
            journal: Default::default(),
            taken: [0; 2],
            asks: VecDeque::new(),
            core,
            held,
            wires: Vec::new(),
            events: BTreeSet::new(),
            gaps: Vec::new(),
        };
        run.connect();
        run.rest();
        run
    }

    fn record(&mut self, lane: Lane, topic: &str, kind: Kind, payload: Option<String>) {
        let count = self.journal.iter().map(Vec::len).sum::<usize>();
        let records = &mut self.journal[lane.index()];
        records.push(Record {
            position: Position {
                epoch: Epoch(1),
                lane,
                seq: Seq(records.len() as u64 + 1),
            },
            topic: Topic::new(topic).unwrap(),
            kind,
            op: payload.as_ref().map_or(Op::Delete, |_| Op::Put),
            quality: Quality::Good,
            received: Timestamp::from_secs(u32::try_from(count).unwrap()),
            source_time: None,
            content_type: ContentType::Json,
            payload: payload.unwrap_or_default().into(),
            key: None,
            cause: None,
            properties: None,
        });
    }

    fn state(&mut self, topic: usize, value: Option<u32>) {
        let lane = if topic == 0 {
            Lane::Critical
        } else {
            Lane::Normal
        };
        let same = "x".repeat(90);
        let payload = value.map(|n| format!("{{\"n\":{n},\"same\":\"{same}\"}}"));
        self.record(lane, &format!("s/{topic}"), Kind::State, payload);
    }

    fn connect(&mut self) {
        let opening = Opening {
            encoding: Encoding::Json,
            hidden: None,
            credit: None,
            bytes_per_s: 0,
        };
        let session = self.engine.open(opening, Duration::ZERO);
        let welcome = br#"{"t":"welcome","session":"s","node":"root","engine":"e1","time":1,
            "heartbeat_ms":1000,"role":"reader","max_frame":65536,"max_subs":10}"#;
        self.wires.push(Wire {
            session,
            flying: [Bytes::from_static(welcome)].into(),
        });
        self.core.begin();
    }

    /// The connection is gone for the client; the server has yet to notice.
    fn cut(&mut self) {
        self.core.lost();
        self.connect();
    }

    fn tick(&mut self) {
        for (records, taken) in self.journal.iter().zip(&mut self.taken) {
            self.engine.take(&records[*taken..]);
            *taken = records.len();
        }
        self.engine.tick(Timestamp::EPOCH);
    }

    fn serve(&mut self, which: usize, room: usize) -> bool {
        let Some(at) = self.wires.len().checked_sub(which + 1) else {
            return false;
        };
        let wire = &mut self.wires[at];
        let frames = self.engine.turn_within(wire.session, room, Duration::ZERO);
        let has_more = !frames.is_empty();
        wire.flying.extend(frames);
        has_more
    }

    /// Lets the client read one frame. Whether there was one.
    fn read(&mut self) -> bool {
        let frame = self.wires.last_mut().and_then(|it| it.flying.pop_front());
        let Some(frame) = frame else { return false };
        self.receive(&frame).expect("the server makes sense");
        let Some(wire) = self.wires.last() else {
            return false;
        };
        for frame in self.core.take_out() {
            let frame = match frame {
                ClientFrame::Subscribe(subscribe) => SessionFrame::Subscribe(subscribe),
                ClientFrame::Unsubscribe(sub) => SessionFrame::Unsubscribe(sub),
                ClientFrame::Credit(_) => continue,
                other => panic!("{other:?}"),
            };
            self.engine.say(wire.session, frame, Duration::ZERO);
        }
        true
    }

    /// Lets the client read a frame of an older connection, when the new one has begun. It may give
    /// up this one for it.
    fn late(&mut self) {
        if self.core.welcome().is_none() {
            return;
        }
        let older = self.wires.len() - 1;
        let late = self.wires[..older]
            .iter_mut()
            .find_map(|it| it.flying.pop_front());
        if let Some(frame) = late
            && self.receive(&frame).is_err()
        {
            self.cut();
        }
    }

    fn receive(&mut self, frame: &Bytes) -> Result<(), Nonsense> {
        let incoming = decode_server(Encoding::Json, frame).unwrap();
        let Some(Event::Told(told)) = self.core.receive(incoming, frame.len())? else {
            return Ok(());
        };
        for item in told.items {
            match item {
                Item::Value(value) if value.kind == Kind::Event => {
                    let (lane, seq) = (value.position.lane.index(), value.position.seq.0);
                    assert!(self.events.insert((lane, seq)), "{lane} {seq} came twice");
                }
                Item::Gap { lane, from, to, .. } => {
                    self.gaps.push((lane.index(), from.0, to.0));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn answer(&mut self) -> bool {
        self.asks.extend(self.engine.take_asks());
        let Some(ask) = self.asks.pop_front() else {
            return false;
        };
        match ask {
            Ask::Load { group, heads, .. } => {
                let standing: Vec<_> = self.standing().into_values().collect();
                self.engine.load_states(group, &standing);
                for lane in Lane::ALL {
                    let after = heads.seq(lane).0;
                    self.engine
                        .load_events(group, lane.index(), after, Vec::<Past>::new());
                }
                self.engine.loaded(group);
            }
            Ask::Check { sub, .. } => {
                let checked = Checked {
                    known: [true; 2],
                    deletions: true,
                };
                self.engine.checked(sub, checked);
            }
            Ask::Replay {
                sub,
                want,
                lane,
                after,
                until,
                ..
            } => {
                let records = self.journal[lane.index()].iter();
                let within = |it: &&Record| it.position.seq > after && it.position.seq <= until;
                let records = records.filter(within).take(3).cloned().collect::<Vec<_>>();
                let to = records.last().map_or(until.0, |it| it.position.seq.0);
                let wanted = records.into_iter().filter(|it| want.is_event(it));
                let replayed = Replayed {
                    records: wanted.map(Arc::new).collect(),
                    to,
                    hole: None,
                };
                self.engine.replayed(sub, lane.index(), replayed);
            }
        }
        true
    }

    fn standing(&self) -> BTreeMap<Topic, Record> {
        let states = self.journal.iter().flatten();
        let states = states.filter(|it| it.kind == Kind::State);
        states.map(|it| (it.topic.clone(), it.clone())).collect()
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Put(topic, value) => self.state(topic, Some(value)),
            Step::Delete(topic) => self.state(topic, None),
            Step::Event(critical) => {
                let lane = Lane::ALL[usize::from(!critical)];
                self.record(lane, "e", Kind::Event, Some("1".into()));
            }
            Step::Tick => self.tick(),
            Step::Answer => {
                self.answer();
            }
            Step::Serve(which, room) => {
                self.serve(which, room);
            }
            Step::Read(frames) => {
                for _ in 0..frames {
                    self.read();
                }
            }
            Step::Late(frames) => (0..frames).for_each(|_| self.late()),
            Step::Cut => self.cut(),
            Step::Notice if self.wires.len() > 1 => {
                let gone = self.wires.remove(0);
                self.engine.close(gone.session, Duration::ZERO);
            }
            Step::Notice => {}
        }
    }

    /// Nothing more happens, and everything arrives.
    fn rest(&mut self) {
        self.tick();
        while self.serve(0, usize::MAX) | self.read() | self.answer() {}
    }

    fn check(&self) {
        let held = self.held.read();
        assert!(!held.stale);
        let have: BTreeMap<_, _> = held
            .values
            .values()
            .map(|it| (it.topic.clone(), it.position))
            .collect();
        let standing = self.standing().into_iter();
        let want = standing.filter(|(_, it)| it.op == Op::Put);
        let want: BTreeMap<_, _> = want.map(|(topic, it)| (topic, it.position)).collect();
        assert_eq!(have, want);
        for record in self.journal.iter().flatten() {
            let position = record.position;
            let (lane, seq) = (position.lane.index(), position.seq.0);
            let is_named =
                |gap: &(usize, u64, u64)| gap.0 == lane && (gap.1..=gap.2).contains(&seq);
            let is_known = self.events.contains(&(lane, seq)) || self.gaps.iter().any(is_named);
            assert!(record.kind == Kind::State || is_known, "{lane} {seq}");
        }
    }
}

proptest! {
    #[test]
    fn no_cut_and_no_late_frame_leads_to_a_wrong_view(
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.rest();
        run.check();
    }
}
