//! A node's journal around a decider: what it wants becomes records, which come back to it.

#![expect(clippy::unwrap_used, reason = "in tests")]

use std::collections::BTreeMap;

use bytes::Bytes;
use spica_cases::{
    Case, CaseId, CaseVerb, Cases, Condition, ConditionVerb, Draft, EventRule, Order, OrderError,
    Output, Part, Rules, Severity, Trouble, Verb, What,
};
use spica_devices::{CheckIn, Registration};
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};

pub(crate) const NODE: &str = "root/s1";
pub(crate) const DEVICE: &str = "devices/0012345";

pub(crate) const fn at(secs: u32) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// The rules of the built-in profile, in short.
pub(crate) fn rules() -> Rules {
    let raise = |condition: &str, severity| EventRule::Raise {
        condition: condition.to_owned(),
        severity,
    };
    let clear = |condition: &str| EventRule::Clear {
        condition: condition.to_owned(),
    };
    let events = [
        ("man-down", raise("man down", Severity::Emergency)),
        ("man-down-cleared", clear("man down")),
        ("low-battery", raise("low battery", Severity::Medium)),
        ("charger-connected", clear("low battery")),
        ("door-open", raise("door open", Severity::Low)),
        ("door-shut", clear("door open")),
        (
            "amber-alert-started",
            EventRule::Start {
                condition: "amber alert expired".to_owned(),
                severity: Severity::High,
                after: "minutes".to_owned(),
                default_minutes: 30,
            },
        ),
        (
            "amber-alert-ended",
            EventRule::Stop {
                condition: "amber alert expired".to_owned(),
            },
        ),
    ];
    Rules {
        events: events.map(|(name, rule)| (name.to_owned(), rule)).into(),
        ..Rules::default()
    }
}

pub(crate) struct World {
    pub(crate) cases: Cases,
    pub(crate) rules: Rules,
    pub(crate) now: Timestamp,
    pub(crate) epoch: u32,
    /// The state tree.
    pub(crate) tree: BTreeMap<Topic, Record>,
    /// Everything that was ever wanted.
    pub(crate) drafts: Vec<Draft>,
    /// What the last call wanted.
    pub(crate) last: Output,
    seqs: [u64; 2],
}

impl World {
    pub(crate) fn new(rules: Rules) -> Self {
        let mut cases = Cases::new(Topic::new(NODE).unwrap(), rules.clone());
        cases.begin(1);
        Self {
            cases,
            rules,
            now: at(0),
            epoch: 1,
            tree: BTreeMap::new(),
            drafts: Vec::new(),
            last: Output::default(),
            seqs: [0; 2],
        }
    }

    fn place(&mut self, lane: Lane) -> Position {
        let seq = &mut self.seqs[lane.index()];
        *seq += 1;
        Position {
            epoch: Epoch(self.epoch),
            lane,
            seq: Seq(*seq),
        }
    }

    /// A record, not yet taken in.
    pub(crate) fn record(&mut self, lane: Lane, path: &str, payload: &[u8]) -> Record {
        Record {
            position: self.place(lane),
            topic: Topic::new(format!("{NODE}/{path}")).unwrap(),
            kind: Kind::State,
            op: Op::Put,
            quality: Quality::Good,
            received: self.now,
            source_time: None,
            content_type: ContentType::Json,
            payload: Bytes::copy_from_slice(payload),
            key: None,
            cause: None,
            properties: None,
        }
    }

    /// Takes a record in, and everything that follows from it.
    pub(crate) fn take(&mut self, record: Record) {
        let mut out = Output::default();
        self.cases.on_record(&record, self.now, &mut out);
        self.keep(record);
        self.absorb(out);
    }

    fn keep(&mut self, record: Record) {
        match record.op {
            Op::Delete => self.tree.remove(&record.topic),
            _ => self.tree.insert(record.topic.clone(), record),
        };
    }

    fn absorb(&mut self, out: Output) {
        for draft in &out.drafts {
            let path = draft.topic.below(NODE).unwrap().to_owned();
            let mut record = self.record(Lane::Critical, &path, &draft.payload);
            record.kind = draft.kind;
            record.op = draft.op;
            record.key.clone_from(&draft.key);
            let mut nothing = Output::default();
            self.cases.on_record(&record, self.now, &mut nothing);
            assert!(nothing.is_empty(), "{path} came back and said {nothing:?}");
            self.keep(record);
        }
        self.drafts.extend(out.drafts.iter().cloned());
        self.last = out;
    }

    /// Time passes to `now`, and everything that is due happens.
    pub(crate) fn pass(&mut self, now: Timestamp) {
        self.now = now;
        let mut all = Output::default();
        for call in 0.. {
            let due = self.cases.next_due().is_some_and(|due| due <= now);
            if !due && call > 0 {
                break;
            }
            assert!(call < 100_000, "it is due for ever");
            let mut out = Output::default();
            self.cases.on_time(now, &mut out);
            self.absorb(out.clone());
            all.drafts.append(&mut out.drafts);
            all.changes.append(&mut out.changes);
            all.forgotten.append(&mut out.forgotten);
        }
        self.last = all;
    }

    /// The node starts again, from its state tree.
    pub(crate) fn restart(&mut self) {
        let mut cases = Cases::new(Topic::new(NODE).unwrap(), self.rules.clone());
        cases.begin(u64::from(self.epoch));
        // In some order that is not that of the topics.
        let (odd, even): (Vec<_>, Vec<_>) = self
            .tree
            .values()
            .partition(|record| record.position.seq.0 % 2 == 1);
        for record in odd.into_iter().rev().chain(even) {
            cases.restore(record);
        }
        self.cases = cases;
    }

    /// An event of the device, in the lane that the profile has it in.
    pub(crate) fn event(&mut self, name: &str, source_time: Option<u32>) {
        self.event_with(name, source_time, "{}");
    }

    pub(crate) fn event_with(&mut self, name: &str, source_time: Option<u32>, detail: &str) {
        self.event_of(DEVICE, name, source_time, detail);
    }

    pub(crate) fn event_of(
        &mut self,
        device: &str,
        name: &str,
        source_time: Option<u32>,
        detail: &str,
    ) {
        let critical = name == "man-down";
        let lane = if critical {
            Lane::Critical
        } else {
            Lane::Normal
        };
        let payload = format!(r#"{{"index":1,"code":2,"event":"{name}","detail":{detail}}}"#);
        let mut record = self.record(lane, &format!("{device}/events/{name}"), payload.as_bytes());
        record.kind = Kind::Event;
        record.source_time = source_time.map(at);
        self.take(record);
    }

    pub(crate) fn check_in(&mut self, serial: &str) {
        let check_in = CheckIn {
            software_version: "1.0".to_owned(),
            remote: String::new(),
            station: "identicom".to_owned(),
        };
        let path = format!("devices/{serial}/check-in");
        let record = self.record(Lane::Normal, &path, &check_in.encode());
        self.take(record);
    }

    pub(crate) fn register(&mut self, serial: &str, change: impl FnOnce(&mut Registration)) {
        let mut registration = Registration {
            name: Some("Ann".to_owned()),
            customer: Some("Acme".to_owned()),
            ..Registration::default()
        };
        change(&mut registration);
        let path = format!("devices/{serial}/registration");
        let known = self
            .tree
            .get(&Topic::new(format!("{NODE}/{path}")).unwrap());
        let since = known.and_then(|it| Registration::decode(&it.payload).unwrap().1);
        let payload = registration.encode(since.unwrap_or(self.now));
        let record = self.record(Lane::Normal, &path, &payload);
        self.take(record);
    }

    pub(crate) fn delete(&mut self, path: &str) {
        let mut record = self.record(Lane::Normal, path, b"");
        record.op = Op::Delete;
        self.take(record);
    }

    pub(crate) fn value(&mut self, path: &str, payload: &str) {
        let record = self.record(Lane::Normal, path, payload.as_bytes());
        self.take(record);
    }

    pub(crate) fn trouble(&mut self, severity: Severity, active: bool) {
        let trouble = Trouble {
            source: "system/handlers/history".to_owned(),
            condition: "handler-trouble".to_owned(),
            severity,
            active,
            text: "The handler hangs".to_owned(),
            detail: serde_json::Value::Null,
        };
        let mut out = Output::default();
        self.cases.trouble(&trouble, self.now, &mut out);
        self.absorb(out);
    }

    pub(crate) fn order(&mut self, verb: Verb, why: Option<&str>) -> Result<usize, OrderError> {
        let order = Order {
            verb,
            by: "operator:alice".to_owned(),
            why: why.map(str::to_owned),
        };
        let mut out = Output::default();
        let done = self.cases.order(order, self.now, &mut out);
        assert!(done.is_ok() || out.is_empty(), "refused, but {out:?}");
        self.absorb(out);
        done.map(|changed| changed.len())
    }

    pub(crate) fn on_case(&mut self, id: CaseId, verb: CaseVerb) -> Result<usize, OrderError> {
        self.order(Verb::Case(id, verb), Some("seen"))
    }

    pub(crate) fn on_condition(
        &mut self,
        condition: &str,
        verb: ConditionVerb,
    ) -> Result<usize, OrderError> {
        let verb = Verb::Condition {
            source: DEVICE.to_owned(),
            condition: condition.to_owned(),
            verb,
        };
        self.order(verb, Some("as agreed"))
    }

    /// The one open case.
    pub(crate) fn one(&self) -> Case {
        let open: Vec<_> = self.cases.open().collect();
        assert_eq!(open.len(), 1, "{open:?}");
        Case::clone(open[0])
    }

    pub(crate) fn open(&self) -> usize {
        self.cases.open().count()
    }

    /// What the last call did to cases.
    pub(crate) fn steps(&self) -> Vec<What> {
        self.last
            .changes
            .iter()
            .map(|change| change.step.what)
            .collect()
    }

    /// What the tree has about conditions, as it can be read.
    pub(crate) fn conditions(&self) -> Vec<Condition> {
        let is = |topic: &Topic| matches!(Part::of(NODE, topic), Some(Part::Condition { .. }));
        let records = self.tree.values().filter(|record| is(&record.topic));
        records
            .map(|record| Condition::decode(&record.payload).unwrap())
            .collect()
    }
}
