//! The machine.

use std::sync::Arc;

use serde_json::Value;
use spica_alerts::{
    Alerts, Exhausted, Message, Notice, NoticeId, Outcome, Plans, TestError, TestTarget,
};
use spica_cases::{
    Case, CaseId, Cases, Draft, NODE_BYTES, Order, OrderError, Output, Rules, Severity, Topics,
    Trouble, What,
};
use spica_model::{Kind, Lane, Op, Record, Seq, Timestamp, Topic, TopicError};

use crate::Mark;

/// The condition of an escalation to whose end nobody has acknowledged.
const EXHAUSTED: &str = "escalation-exhausted";

/// What that condition is about.
fn exhausted_source(case: CaseId) -> String {
    format!("system/escalations/{case}")
}

/// Cases, alerts, and how far both have come in the journal.
pub struct Alarms {
    mark_topic: Topic,
    mark: Mark,
    cases: Cases,
    alerts: Alerts,
}

impl Alarms {
    /// A machine for `node` that knows nothing yet.
    ///
    /// # Errors
    /// If the node's path leaves no room below it.
    pub fn new(node: &Topic, rules: Rules, plans: Arc<Plans>) -> Result<Self, TopicError> {
        Ok(Self {
            mark_topic: Self::mark_topic(node)?,
            mark: Mark::default(),
            cases: Cases::new(node.clone(), rules),
            alerts: Alerts::new(node.clone(), plans),
        })
    }

    /// Where the mark of `node` stands.
    ///
    /// # Errors
    /// If the node's path leaves no room below it.
    pub fn mark_topic(node: &Topic) -> Result<Topic, TopicError> {
        if node.as_bytes().len() > NODE_BYTES {
            return Err(TopicError::TooLong);
        }
        Ok(Topics::new(node.clone()).mark())
    }

    /// Takes over what a state topic says: a case, a condition, an escalation, a notice, a device. In
    /// any order, before [`Alarms::begin`].
    pub fn restore(&mut self, record: &Record) {
        self.cases.restore(record);
        self.alerts.restore(record);
    }

    /// Begins, or goes on, after `mark` in the reign `epoch`. Returns the mark's own record: it is to
    /// be durable before anything is shown to the machine, so that a crash finds where it began.
    pub fn begin(&mut self, epoch: u64, mark: Mark) -> Vec<Draft> {
        self.cases.begin(epoch);
        self.mark = mark;
        vec![self.mark_draft()]
    }

    /// How far it has come.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        self.mark
    }

    /// The cases.
    #[must_use]
    pub const fn cases(&self) -> &Cases {
        &self.cases
    }

    /// The alerts.
    #[must_use]
    pub const fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// A notice that is kept.
    #[must_use]
    pub fn notice(&self, id: NoticeId) -> Option<&Notice> {
        self.alerts.notice(id)
    }

    /// Decides on durable records of a lane, in order; those that it has seen are passed over. Records
    /// are taken until one has consequences of more than `enough` drafts together: says how many were
    /// taken, beside the drafts.
    pub fn on_records(
        &mut self,
        lane: Lane,
        records: &[Record],
        enough: usize,
        now: Timestamp,
    ) -> (usize, Vec<Draft>) {
        let mut drafts = Vec::new();
        let mut taken = 0;
        for record in records {
            taken += 1;
            let seq = record.position.seq;
            if seq <= self.mark.of(lane) {
                continue;
            }
            let mut out = Output::default();
            self.cases.on_record(record, now, &mut out);
            self.consequences(out, now, &mut drafts);
            self.mark.pass(lane, seq);
            if record.topic == self.mark_topic && record.key.is_some() {
                // Entered again from a journal that had diverged: its mark is about another history.
                drafts.push(self.mark_draft());
            }
            if drafts.len() >= enough {
                break;
            }
        }
        (taken, self.marked(drafts))
    }

    /// Goes on behind records that cannot be read.
    pub fn pass(&mut self, lane: Lane, through: Seq) {
        self.mark.pass(lane, through);
    }

    /// Decides on what is due at `now`.
    pub fn on_time(&mut self, now: Timestamp) -> Vec<Draft> {
        let mut drafts = Vec::new();
        let mut out = Output::default();
        self.cases.on_time(now, &mut out);
        self.consequences(out, now, &mut drafts);
        let exhausted = self.alerts.on_time(&self.cases, now, &mut drafts);
        for exhausted in &exhausted {
            self.nobody_came(exhausted, now, &mut drafts);
        }
        self.marked(drafts)
    }

    /// Does what a person wants: which cases it is about, or why it is refused. There may be drafts
    /// also beside a refusal: what was due before it.
    pub fn order(
        &mut self,
        order: Order,
        now: Timestamp,
    ) -> (Result<Vec<CaseId>, OrderError>, Vec<Draft>) {
        let mut drafts = Vec::new();
        let mut out = Output::default();
        let cases = self.cases.order(order, now, &mut out);
        self.consequences(out, now, &mut drafts);
        (cases, self.marked(drafts))
    }

    /// Takes notice of a trouble of the node itself, or of its end.
    pub fn trouble(&mut self, trouble: &Trouble, now: Timestamp) -> Vec<Draft> {
        let mut drafts = Vec::new();
        self.trouble_into(trouble, now, &mut drafts);
        self.marked(drafts)
    }

    /// Takes notice of what became of messages.
    pub fn on_attempts(
        &mut self,
        attempts: impl IntoIterator<Item = (NoticeId, Outcome)>,
        now: Timestamp,
    ) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for (id, outcome) in attempts {
            self.alerts
                .on_attempt(id, &outcome, &self.cases, now, &mut drafts);
        }
        self.marked(drafts)
    }

    /// Makes notices that are only a test; says which.
    ///
    /// # Errors
    /// If nobody can be told so; nothing is changed then.
    pub fn test(
        &mut self,
        target: &TestTarget,
        now: Timestamp,
    ) -> Result<(Vec<NoticeId>, Vec<Draft>), TestError> {
        let mut drafts = Vec::new();
        let notices = self.alerts.test(target, now, &mut drafts)?;
        Ok((notices, self.marked(drafts)))
    }

    /// When something is due next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let due = [self.cases.next_due(), self.alerts.next_due()];
        due.into_iter().flatten().min()
    }

    /// The next notices that are to go out at `now`, the severest first, at most `max`. They are in
    /// flight from now on.
    pub fn ready(&mut self, now: Timestamp, max: usize) -> Vec<NoticeId> {
        self.alerts.ready(now, max)
    }

    /// What a notice says, with `link` to acknowledge its case.
    #[must_use]
    pub fn message(&self, id: NoticeId, now: Timestamp, link: Option<String>) -> Option<Message> {
        self.alerts.message(id, &self.cases, now, link)
    }

    /// A case that is kept.
    #[must_use]
    pub fn case(&self, id: CaseId) -> Option<&Arc<Case>> {
        self.cases.get(id)
    }

    fn trouble_into(&mut self, trouble: &Trouble, now: Timestamp, drafts: &mut Vec<Draft>) {
        let mut out = Output::default();
        self.cases.trouble(trouble, now, &mut out);
        self.consequences(out, now, drafts);
    }

    fn consequences(&mut self, out: Output, now: Timestamp, drafts: &mut Vec<Draft>) {
        drafts.extend(out.drafts);
        for change in &out.changes {
            self.alerts.on_change(change, now, drafts);
            if matches!(change.step.what, What::Acknowledged | What::Closed) {
                self.somebody_came(change.after.id, now, drafts);
            }
        }
        for case in out.forgotten {
            self.alerts.forget(case, drafts);
        }
    }

    /// A plan has come to its end, and nobody has acknowledged: that is a case of its own, which may
    /// have a plan of its own.
    fn nobody_came(&mut self, exhausted: &Exhausted, now: Timestamp, drafts: &mut Vec<Draft>) {
        let Some(case) = self.cases.get(exhausted.case).cloned() else {
            return;
        };
        let trouble = Trouble {
            source: exhausted_source(case.id),
            condition: EXHAUSTED.into(),
            severity: case.severity.max(Severity::High),
            active: true,
            text: format!(
                "Nobody has acknowledged case {} ({}, {}): plan {} has come to its end",
                case.id, case.text, case.source, exhausted.plan
            ),
            detail: Value::String(case.id.to_string()),
        };
        self.trouble_into(&trouble, now, drafts);
    }

    /// What was said because nobody came is over.
    fn somebody_came(&mut self, id: CaseId, now: Timestamp, drafts: &mut Vec<Draft>) {
        let source = exhausted_source(id);
        if self.cases.condition(&source, EXHAUSTED).is_none() {
            return;
        }
        let trouble = Trouble {
            source,
            condition: EXHAUSTED.into(),
            severity: Severity::High,
            active: false,
            text: String::new(),
            detail: Value::Null,
        };
        self.trouble_into(&trouble, now, drafts);
    }

    /// With the mark behind them, if there are any.
    fn marked(&self, mut drafts: Vec<Draft>) -> Vec<Draft> {
        if !drafts.is_empty() {
            drafts.push(self.mark_draft());
        }
        drafts
    }

    fn mark_draft(&self) -> Draft {
        Draft {
            topic: self.mark_topic.clone(),
            kind: Kind::State,
            op: Op::Put,
            payload: self.mark.encode(),
            key: None,
            cause: None,
        }
    }
}
