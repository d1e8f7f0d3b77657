//! A year of shifts, check-ins, amber alerts and outages, against a model that looks at every device
//! in every minute. Without optimisation it is some weeks of fewer devices.

#![expect(clippy::unwrap_used, reason = "in tests")]

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use spica_cases::{CaseId, CaseVerb, Cases, Order, Output, Rules, Verb, What};
use spica_devices::{CheckIn, Registration};
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};

use crate::world::{NODE, at, rules};

const fn size() -> (usize, u32) {
    if cfg!(debug_assertions) {
        (100, 20)
    } else {
        (500, 365)
    }
}

/// Within how many minutes a device has to check in: 30, and 5 of grace.
const WITHIN: u32 = 35;
const DAY: u32 = 24 * 60;

/// SplitMix64: small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((z ^ (z >> 31)) % u64::from(limit)).unwrap()
    }

    fn one_in(&mut self, odds: u32) -> bool {
        self.below(odds) == 0
    }
}

/// A deadline that passed: the device, and the minute or the number of the amber alert.
type Missed = (usize, u32);

/// What is expected of a device: nothing but what the words say.
#[derive(Clone, Default)]
struct Expected {
    on_shift: bool,
    last: u32,
    missed: bool,
    amber: Option<(u32, u32)>,
}

#[derive(Default)]
struct Model {
    devices: Vec<Expected>,
    missed: Vec<Missed>,
    expired: Vec<Missed>,
}

impl Model {
    fn look(&mut self, number: usize, minute: u32) {
        let device = &mut self.devices[number];
        let deadline = device.last + WITHIN;
        if device.on_shift && !device.missed && minute >= deadline {
            device.missed = true;
            self.missed.push((number, deadline));
        }
        if let Some((_, alert)) = device.amber.take_if(|(until, _)| minute >= *until) {
            self.expired.push((number, alert));
        }
    }
}

/// The node, with as much of a journal as it needs.
struct Node {
    cases: Cases,
    now: u32,
    seq: u64,
    tree: BTreeMap<Topic, Record>,
    missed: Vec<Missed>,
    expired: Vec<Missed>,
    unseen: Vec<CaseId>,
}

fn fresh() -> Cases {
    let rules = Rules {
        // Each start reads them all.
        max_closed: 300,
        ..rules()
    };
    let mut cases = Cases::new(Topic::new(NODE).unwrap(), rules);
    cases.begin(1);
    cases
}

impl Node {
    fn take(&mut self, topic: &Topic, kind: Kind, payload: &Bytes) {
        self.seq += 1;
        let record = Record {
            position: Position {
                epoch: Epoch(1),
                lane: Lane::Normal,
                seq: Seq(self.seq),
            },
            topic: topic.clone(),
            kind,
            op: Op::Put,
            quality: Quality::Good,
            received: at(self.now * 60),
            source_time: None,
            content_type: ContentType::Json,
            payload: payload.clone(),
            key: None,
            cause: None,
            properties: None,
        };
        let mut out = Output::default();
        self.cases.on_record(&record, record.received, &mut out);
        if kind == Kind::State {
            self.tree.insert(record.topic.clone(), record);
        }
        self.follow(out);
    }

    fn follow(&mut self, out: Output) {
        for change in out.changes {
            let device = change.after.source.strip_prefix("devices/").unwrap();
            let device: usize = device.parse().unwrap();
            let detail = &change.after.detail;
            match (change.step.what, change.after.condition.as_str()) {
                (What::Raised | What::Repeated, "missed-check-in") => {
                    let deadline: Timestamp = detail["deadline"].as_str().unwrap().parse().unwrap();
                    let minute = u32::try_from(deadline.as_micros() / 60_000_000).unwrap();
                    self.missed.push((device, minute));
                    self.unseen.push(change.after.id);
                }
                (What::Raised | What::Repeated, "amber-alert-expired") => {
                    let alert = u32::try_from(detail["alert"].as_u64().unwrap()).unwrap();
                    self.expired.push((device, alert));
                    self.unseen.push(change.after.id);
                }
                _ => {}
            }
        }
        for draft in out.drafts {
            if draft.op == Op::Delete {
                self.tree.remove(&draft.topic);
            } else if draft.kind == Kind::State {
                self.seq += 1;
                let record = Record {
                    position: Position {
                        epoch: Epoch(1),
                        lane: Lane::Critical,
                        seq: Seq(self.seq),
                    },
                    topic: draft.topic,
                    kind: draft.kind,
                    op: draft.op,
                    quality: Quality::Good,
                    received: at(self.now * 60),
                    source_time: None,
                    content_type: ContentType::Json,
                    payload: draft.payload.into(),
                    key: None,
                    cause: None,
                    properties: None,
                };
                self.tree.insert(record.topic.clone(), record);
            }
        }
    }

    fn look(&mut self) {
        let now = at(self.now * 60);
        while self.cases.next_due().is_some_and(|due| due <= now) {
            let mut out = Output::default();
            self.cases.on_time(now, &mut out);
            self.follow(out);
        }
    }

    fn restart(&mut self) {
        self.cases = fresh();
        for record in self.tree.values() {
            self.cases.restore(record);
        }
        // As after every start.
        let mut out = Output::default();
        self.cases.on_time(at(self.now * 60), &mut out);
        self.follow(out);
    }

    /// Someone has seen to everything that is over.
    fn work(&mut self) {
        for id in std::mem::take(&mut self.unseen) {
            for verb in [CaseVerb::Acknowledge, CaseVerb::Clear, CaseVerb::Close] {
                let order = Order {
                    verb: Verb::Case(id, verb),
                    by: "operator:alice".to_owned(),
                    why: Some("he is well".to_owned()),
                };
                let mut out = Output::default();
                // A case may be named twice here, and be closed by then.
                let _ = self.cases.order(order, at(self.now * 60), &mut out);
                self.follow(out);
            }
        }
    }
}

/// A device, as it is outside.
struct Unit {
    registration: Topic,
    check_in: Topic,
    started: Topic,
    ended: Topic,
    shift_begins: u32,
    next: u32,
    amber_ends: Option<u32>,
}

impl Unit {
    fn new(number: usize, chance: &mut Chance) -> Self {
        let topic = |rest: &str| Topic::new(format!("{NODE}/devices/{number}/{rest}")).unwrap();
        Self {
            registration: topic("registration"),
            check_in: topic("check-in"),
            started: topic("events/amber-alert-started"),
            ended: topic("events/amber-alert-ended"),
            shift_begins: [6 * 60, 14 * 60, 22 * 60][number % 3] + chance.below(30),
            next: 0,
            amber_ends: None,
        }
    }
}

struct Year {
    node: Node,
    model: Model,
    units: Vec<Unit>,
    chance: Chance,
    alerts: u32,
    on: Bytes,
    off: Bytes,
    check_in: Bytes,
}

impl Year {
    fn new(devices: usize) -> Self {
        let mut chance = Chance(20_261_122);
        let registration = |enabled| Registration {
            enabled,
            ..Registration::default()
        };
        let check_in = CheckIn {
            software_version: "1.0".to_owned(),
            remote: String::new(),
            station: String::new(),
        };
        Self {
            node: Node {
                cases: fresh(),
                now: 0,
                seq: 0,
                tree: BTreeMap::new(),
                missed: Vec::new(),
                expired: Vec::new(),
                unseen: Vec::new(),
            },
            model: Model {
                devices: vec![Expected::default(); devices],
                ..Model::default()
            },
            units: (0..devices)
                .map(|number| Unit::new(number, &mut chance))
                .collect(),
            chance,
            alerts: 0,
            on: registration(true).encode(at(0)).into(),
            off: registration(false).encode(at(0)).into(),
            check_in: check_in.encode().into(),
        }
    }

    fn minute(&mut self, minute: u32) {
        self.node.now = minute;
        for number in 0..self.units.len() {
            let of_day = (minute + DAY - self.units[number].shift_begins) % DAY;
            if of_day == 0 {
                self.begin_shift(number, minute);
            } else if of_day == 8 * 60 {
                self.end_shift(number, minute);
            }
            if self.model.devices[number].on_shift && self.units[number].next <= minute {
                self.check_in(number, minute);
            }
            if self.units[number]
                .amber_ends
                .is_some_and(|ends| ends <= minute)
            {
                self.end_amber(number, minute);
            }
        }
        self.node.look();
        for number in 0..self.units.len() {
            self.model.look(number, minute);
        }
    }

    fn begin_shift(&mut self, number: usize, minute: u32) {
        self.check_in(number, minute);
        let on = self.on.clone();
        self.node
            .take(&self.units[number].registration, Kind::State, &on);
        self.model.devices[number].on_shift = true;
    }

    fn end_shift(&mut self, number: usize, minute: u32) {
        self.model.look(number, minute);
        // What was due before is told before.
        self.node.look();
        let off = self.off.clone();
        self.node
            .take(&self.units[number].registration, Kind::State, &off);
        let device = &mut self.model.devices[number];
        device.on_shift = false;
        device.missed = false;
    }

    fn check_in(&mut self, number: usize, minute: u32) {
        self.model.look(number, minute);
        let device = &mut self.model.devices[number];
        device.last = minute;
        device.missed = false;
        let payload = self.check_in.clone();
        self.node
            .take(&self.units[number].check_in, Kind::State, &payload);
        // Now and then one is out of reach for a while.
        let late = if self.chance.one_in(100) {
            self.chance.below(240)
        } else {
            0
        };
        self.units[number].next = minute + 20 + self.chance.below(14) + late;
        if self.chance.one_in(20) {
            self.begin_amber(number, minute);
        }
    }

    fn begin_amber(&mut self, number: usize, minute: u32) {
        self.alerts += 1;
        let minutes = 5 + self.chance.below(60);
        let payload = format!(
            r#"{{"detail":{{"minutes":{minutes},"alert":{}}}}}"#,
            self.alerts
        );
        self.model.look(number, minute);
        self.model.devices[number].amber = Some((minute + minutes, self.alerts));
        self.node
            .take(&self.units[number].started, Kind::Event, &payload.into());
        let ends = minute + 1 + self.chance.below(2 * minutes);
        self.units[number].amber_ends = (!self.chance.one_in(10)).then_some(ends);
    }

    fn end_amber(&mut self, number: usize, minute: u32) {
        self.model.look(number, minute);
        self.model.devices[number].amber = None;
        self.units[number].amber_ends = None;
        let payload = Bytes::from_static(b"{}");
        self.node
            .take(&self.units[number].ended, Kind::Event, &payload);
    }

    fn check_day(&self) {
        let mut seen = BTreeSet::new();
        for case in self.node.cases.open() {
            let fresh = seen.insert((&case.source, &case.condition));
            assert!(fresh, "two cases of {} {}", case.source, case.condition);
        }
    }
}

#[test]
fn in_a_year_no_deadline_is_missed_and_none_counts_twice() {
    let (devices, days) = size();
    let mut year = Year::new(devices);
    let mut up_again = 0;
    for minute in 1..=days * DAY {
        if minute < up_again {
            continue;
        }
        if minute == up_again || year.chance.one_in(3 * DAY) {
            year.node.now = minute;
            year.node.restart();
        }
        year.minute(minute);
        if minute % (8 * 60) == 0 {
            year.node.work();
        }
        if minute % DAY == 0 {
            year.check_day();
        }
        if year.chance.one_in(10 * DAY) {
            // The node is down: nobody reaches it, and shifts that begin or end meanwhile stay.
            up_again = minute + 1 + year.chance.below(90);
        }
    }
    let Year { node, model, .. } = &mut year;
    for list in [
        &mut node.missed,
        &mut node.expired,
        &mut model.missed,
        &mut model.expired,
    ] {
        list.sort_unstable();
    }
    assert!(model.missed.len() > 10 * days as usize && model.expired.len() > 5 * days as usize);
    assert_eq!(node.missed, model.missed);
    assert_eq!(node.expired, model.expired);
    let distinct = |list: &[Missed]| list.windows(2).all(|pair| pair[0] != pair[1]);
    assert!(distinct(&node.missed) && distinct(&node.expired));
}
