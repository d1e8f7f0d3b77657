//! A node in small: cases, alerts, a clock, and channels that answer as a test wants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use spica_alerts::{
    Alerts, ChannelKind, Exhausted, Message, Notice, NoticeId, Outcome, Plans, Reason,
};
use spica_cases::{
    Case, CaseId, CaseVerb, Cases, ConditionVerb, Draft, EventRule, Order, Output, Rules, Severity,
    Verb,
};
use spica_model::{ContentType, Kind, Op, Quality, Record, Timestamp, Topic};

/// Most tests use this file, or one that is made from it.
pub(crate) const PLANS: &str = r#"
time_zone = "Europe/Zurich"
[channels.mail]
kind = "email"
[channels.sms]
kind = "sms-http"
[channels.arc]
kind = "dc09"
[people.anna]
addresses = { sms = "+41790000001", mail = "anna@example.org" }
[people.bob]
addresses = { sms = "+41790000002" }
quiet_hours = [{ from = "22:00", to = "06:00" }]
[people.eve]
addresses = { mail = "eve@example.org" }
[rotas.duty]
otherwise = ["eve"]
shifts = [{ start = "0 8 * * *", duration = "10h", people = ["anna", "bob"] }]

[[plans]]
name = "life"
match = { severity = "emergency", conditions = ["man-down"] }
steps = [
  { notify = [{ rota = "duty" }, { channel = "arc", address = "1234" }] },
  { after = "2min", notify = [{ rota = "duty", place = 2 }] },
  { after = "5min", notify = [{ rota = "duty", place = "all" }, { person = "eve" }] },
]
repeat = 2
repeat_every = "10min"

[[plans]]
name = "things"
match = { conditions = ["low-battery"] }
steps = [{ notify = [{ person = "bob" }] }, { after = "1h", notify = [{ person = "anna", channels = ["mail"] }] }]
repeat = 0
notify_cleared = true
notify_closed = true
"#;

/// What left, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: Timestamp,
    pub(crate) key: String,
    pub(crate) to: String,
    pub(crate) reason: Reason,
    pub(crate) attempt: u32,
    pub(crate) outcome: Outcome,
}

/// How a channel answers.
pub(crate) type Answer = Box<dyn FnMut(&Message) -> Outcome>;

pub(crate) struct World {
    pub(crate) node: Topic,
    pub(crate) plans: Arc<Plans>,
    pub(crate) cases: Cases,
    pub(crate) alerts: Alerts,
    pub(crate) now: Timestamp,
    pub(crate) state: BTreeMap<Topic, Draft>,
    /// Everything that alerts wrote, in order.
    pub(crate) written: Vec<Draft>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) exhausted: Vec<Exhausted>,
    pub(crate) answer: Answer,
    seq: u64,
}

pub(crate) fn delivered() -> Outcome {
    Outcome::Delivered {
        answer: "ok".to_owned(),
    }
}

pub(crate) fn retry() -> Outcome {
    Outcome::Retry {
        answer: "busy".to_owned(),
        after: None,
    }
}

pub(crate) fn refused() -> Outcome {
    Outcome::Refused {
        answer: "unknown".to_owned(),
    }
}

pub(crate) fn plans(text: &str) -> Arc<Plans> {
    Arc::new(Plans::parse(text, &ChannelKind::ALL).expect("the plans of a test"))
}

fn rules() -> Rules {
    let raise = |condition: &str, severity| EventRule::Raise {
        condition: condition.to_owned(),
        severity,
    };
    let clear = |condition: &str| EventRule::Clear {
        condition: condition.to_owned(),
    };
    let events = [
        ("man-down", raise("man-down", Severity::Emergency)),
        ("man-up", clear("man-down")),
        ("battery-low", raise("low-battery", Severity::Medium)),
        ("battery-ok", clear("low-battery")),
        ("other", raise("other", Severity::High)),
    ];
    Rules {
        events: events.map(|(name, rule)| (name.to_owned(), rule)).into(),
        ..Rules::default()
    }
}

impl World {
    /// A node at this time (UTC), whose channels deliver everything.
    pub(crate) fn new(text: &str, now: &str) -> Self {
        let node = Topic::new("root/s1").unwrap();
        let plans = plans(text);
        let mut cases = Cases::new(node.clone(), rules());
        cases.begin(3);
        Self {
            alerts: Alerts::new(node.clone(), Arc::clone(&plans)),
            node,
            plans,
            cases,
            now: now.parse().unwrap(),
            state: BTreeMap::new(),
            written: Vec::new(),
            sent: Vec::new(),
            exhausted: Vec::new(),
            answer: Box::new(|_| delivered()),
            seq: 0,
        }
    }

    /// In the morning of a working day in Zurich: 09:00.
    pub(crate) fn morning() -> Self {
        Self::new(PLANS, "2026-11-23T08:00:00Z")
    }

    fn record(&mut self, topic: Topic, kind: Kind, payload: &[u8]) -> Record {
        self.seq += 1;
        Record {
            position: format!("3/critical/{}", self.seq).parse().unwrap(),
            topic,
            kind,
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

    /// An event of a device comes in.
    pub(crate) fn event(&mut self, serial: u32, name: &str) {
        let topic = format!("{}/devices/{serial:07}/events/{name}", self.node);
        let payload =
            format!(r#"{{"index":1,"code":1,"event":"{name}","detail":{{"battery_percent":17}}}}"#);
        let record = self.record(Topic::new(topic).unwrap(), Kind::Event, payload.as_bytes());
        let mut out = Output::default();
        self.cases.on_record(&record, self.now, &mut out);
        self.apply(out);
    }

    pub(crate) fn order(&mut self, verb: Verb) -> bool {
        let mut out = Output::default();
        let order = Order {
            verb,
            by: "operator:alice".to_owned(),
            why: Some("seen".to_owned()),
        };
        let done = self.cases.order(order, self.now, &mut out).is_ok();
        self.apply(out);
        done
    }

    pub(crate) fn order_case(&mut self, id: CaseId, verb: CaseVerb) -> bool {
        self.order(Verb::Case(id, verb))
    }

    pub(crate) fn acknowledge(&mut self, id: CaseId) {
        assert!(self.order_case(id, CaseVerb::Acknowledge));
    }

    pub(crate) fn order_condition(
        &mut self,
        serial: u32,
        condition: &str,
        verb: ConditionVerb,
    ) -> bool {
        self.order(Verb::Condition {
            source: format!("devices/{serial:07}"),
            condition: condition.to_owned(),
            verb,
        })
    }

    /// The changes of cases go to alerts, and everything into the state.
    pub(crate) fn apply(&mut self, out: Output) {
        let mut drafts = Vec::new();
        for change in &out.changes {
            self.alerts.on_change(change, self.now, &mut drafts);
        }
        for id in &out.forgotten {
            self.alerts.forget(*id, &mut drafts);
        }
        self.keep(out.drafts);
        self.write(drafts);
    }

    pub(crate) fn write(&mut self, drafts: Vec<Draft>) {
        self.written.extend(drafts.iter().cloned());
        self.keep(drafts);
    }

    fn keep(&mut self, drafts: Vec<Draft>) {
        for draft in drafts.into_iter().filter(|draft| draft.kind == Kind::State) {
            match draft.op {
                Op::Delete => self.state.remove(&draft.topic),
                _ => self.state.insert(draft.topic.clone(), draft),
            };
        }
    }

    /// Everything that is due now: time, then channels.
    pub(crate) fn work(&mut self) {
        for _ in 0..10_000 {
            let mut out = Output::default();
            self.cases.on_time(self.now, &mut out);
            self.apply(out);
            let mut drafts = Vec::new();
            let exhausted = self.alerts.on_time(&self.cases, self.now, &mut drafts);
            self.exhausted.extend(exhausted);
            self.write(drafts);
            let ready = self.alerts.ready(self.now, 10);
            for id in ready {
                self.attempt(id);
            }
            if self.next_due().is_none_or(|due| due > self.now) {
                return;
            }
        }
        panic!("there is always something due at {}", self.now);
    }

    pub(crate) fn attempt(&mut self, id: NoticeId) {
        let message = self.message(id);
        let outcome = (self.answer)(&message);
        self.sent.push(Sent {
            at: self.now,
            key: message.key.clone(),
            to: message.address.clone(),
            reason: message.reason,
            attempt: message.attempt,
            outcome: outcome.clone(),
        });
        self.settle(id, &outcome);
    }

    pub(crate) fn message(&self, id: NoticeId) -> Message {
        let message = self.alerts.message(id, &self.cases, self.now, None);
        message.expect("what is ready has a message")
    }

    pub(crate) fn settle(&mut self, id: NoticeId, outcome: &Outcome) {
        let mut drafts = Vec::new();
        let state = self
            .alerts
            .on_attempt(id, outcome, &self.cases, self.now, &mut drafts);
        assert!(state.is_some());
        self.write(drafts);
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let due = self.alerts.next_due();
        due.into_iter().chain(self.cases.next_due()).min()
    }

    /// Time goes on, from one thing that is due to the next.
    pub(crate) fn pass(&mut self, by: Duration) {
        let until = self.now.saturating_add(by);
        self.work();
        while let Some(due) = self.next_due().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.work();
        }
        self.now = until;
    }

    pub(crate) fn minutes(&mut self, minutes: u64) {
        self.pass(Duration::from_secs(minutes * 60));
    }

    pub(crate) fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// What a node knows that reads its state topics after a restart, in an order of its own.
    pub(crate) fn restart(&mut self) {
        self.cases = Cases::new(self.node.clone(), rules());
        self.alerts = Alerts::new(self.node.clone(), Arc::clone(&self.plans));
        let drafts: Vec<Draft> = self.state.values().rev().cloned().collect();
        for draft in drafts {
            let record = self.record(draft.topic, draft.kind, &draft.payload);
            self.cases.restore(&record);
            self.alerts.restore(&record);
        }
        self.cases.begin(3);
    }

    /// The only open case.
    pub(crate) fn case(&self) -> Arc<Case> {
        let mut open = self.cases.open();
        let case = Arc::clone(open.next().expect("a case"));
        assert!(open.next().is_none(), "there are several cases");
        case
    }

    pub(crate) fn notices(&self, case: CaseId) -> Vec<Notice> {
        self.alerts.notices(case).cloned().collect()
    }

    /// What left since the last call: when, counted from `since` in seconds; why; to whom.
    pub(crate) fn log(&mut self, since: Timestamp) -> Vec<String> {
        let line = |sent: Sent| {
            let at = sent.at.since(since).as_secs();
            format!("{at} {} {}", sent.reason, sent.to)
        };
        std::mem::take(&mut self.sent)
            .into_iter()
            .map(line)
            .collect()
    }

    /// The keys of notices that were delivered, each of which was delivered once.
    pub(crate) fn delivered(&self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for sent in &self.sent {
            assert!(
                !keys.contains(&sent.key),
                "{} was sent after it was delivered",
                sent.key
            );
            if matches!(sent.outcome, Outcome::Delivered { .. }) {
                keys.insert(sent.key.clone());
            }
        }
        keys
    }
}
