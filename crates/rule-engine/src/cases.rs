//! Which conditions hold, by the rules: in the journal, and told to the desk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use spica_cases::{Severity, Trouble};
use spica_handler::HandleError;
use spica_journal::{CommitError, SubmitError};
use spica_model::{
    Cause, ContentType, Key, Kind, Lane, LimitError, NewRecord, Op, Position, Quality, Record, Seq,
    Timestamp, Topic,
};
use spica_rules::{CaseCall, RuleSet};
use tokio::time::sleep;

use crate::engine::Engine;

/// Conditions that may hold at once by the rules.
const STANDING_MAX: usize = 5_000;
/// How often it is looked whether the state tree has caught up.
const LOOK: Duration = Duration::from_millis(5);

/// Where is told which conditions hold. Telling the same again changes nothing.
pub trait CaseSink: Send + Sync + 'static {
    /// Takes note; does not block.
    fn tell(&self, trouble: Trouble);
}

/// What `state` topics say, as the journal was folded so far.
pub trait Standing: Send + Sync + 'static {
    /// Shows the last record of each topic that is `prefix` or below it.
    fn visit(&self, prefix: &str, each: &mut dyn FnMut(&Record));

    /// Up to where a lane is folded.
    fn applied(&self, lane: Lane) -> Seq;
}

/// Condition and source.
type Name = (String, String);

/// What is known of a condition that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    severity: Severity,
    text: String,
}

/// The conditions that hold by the rules, of both lanes.
pub(crate) struct Cases {
    root: Topic,
    sink: Arc<dyn CaseSink>,
    held: Mutex<BTreeMap<Name, Held>>,
    /// Whoever changes what holds has it from the look to the note that the change is durable.
    turn: Mutex<()>,
}

/// A change that is to be durable before it counts.
pub(crate) struct Change {
    name: Name,
    held: Option<Held>,
    /// None if the journal says so already, and only the desk may not have heard of it.
    record: Option<ChangeRecord>,
}

struct ChangeRecord {
    topic: Topic,
    payload: Vec<u8>,
    key: Option<Key>,
    cause: Cause,
}

/// Why a condition cannot be raised.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaseError {
    #[error("{STANDING_MAX} conditions hold already by rules, the limit")]
    Full,
    #[error(transparent)]
    Topic(#[from] spica_model::TopicError),
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error("a condition cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// Why conditions cannot be ended.
#[derive(Debug, thiserror::Error)]
enum EndError {
    #[error(transparent)]
    Case(#[from] CaseError),
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Cases {
    pub(crate) fn new(root: Topic, sink: Arc<dyn CaseSink>) -> Self {
        Self {
            root,
            sink,
            held: Mutex::default(),
            turn: Mutex::default(),
        }
    }

    /// Lets nobody else change what holds. It is held while a commit takes place.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock()
    }

    /// Learns what holds from what stands in the journal, and tells it all. Conditions that no rule of
    /// `set` raises any more are ended.
    pub(crate) fn resume(&self, engine: &Engine, set: &RuleSet) -> Result<(), HandleError> {
        let _turn = self.turn();
        let inner = &engine.0;
        let durable = inner.journal.status(Change::LANE).durable;
        let end = inner.clock.monotonic() + inner.patience;
        while inner.standing.applied(Change::LANE) < durable {
            if inner.clock.monotonic() >= end {
                let why = "the state tree is behind the journal: what holds is not known yet";
                return Err(HandleError::unavailable(0, why));
            }
            inner.runtime.block_on(sleep(LOOK));
        }
        let found = self.standing(&*inner.standing);
        for (name, held) in &found {
            self.tell(name, Some(held));
        }
        *self.held.lock() = found;
        let ended = self.end_others(engine, set);
        ended.map_err(|error| HandleError::unavailable(0, error.to_string()))
    }

    fn standing(&self, standing: &dyn Standing) -> BTreeMap<Name, Held> {
        let mut found = BTreeMap::new();
        standing.visit(self.root.as_str(), &mut |record| {
            let name = record.topic.below(self.root.as_str());
            let name = name.and_then(|name| name.split_once('/'));
            if let Some((condition, source)) = name
                && record.op != Op::Delete
                && let Ok(held) = serde_json::from_slice::<Held>(&record.payload)
            {
                found.insert((condition.to_owned(), source.to_owned()), held);
            }
        });
        found
    }

    /// Ends what no rule raises any more, where the node serves.
    pub(crate) fn end_those_without_rules(&self, engine: &Engine, set: &RuleSet) {
        let _turn = self.turn();
        if let Err(error) = self.end_others(engine, set) {
            // They are ended when a node begins to serve with these rules.
            tracing::warn!(%error, "conditions of rules that are gone still hold");
        }
    }

    fn end_others(&self, engine: &Engine, set: &RuleSet) -> Result<(), EndError> {
        let known: BTreeSet<&str> = set.conditions().collect();
        let mut changes = Vec::new();
        for name in self.held.lock().keys() {
            if !known.contains(name.0.as_str()) {
                let cause = Cause::new("handler:rules").map_err(CaseError::from)?;
                changes.push(self.change(name.clone(), None, None, cause)?);
            }
        }
        let now = engine.0.clock.wall();
        let records: Vec<_> = changes.iter().filter_map(|it| it.as_new(now)).collect();
        if !records.is_empty() {
            let ticket = engine.0.journal.submit(Change::LANE, &records)?;
            block_on(ticket.durable())?;
        }
        self.changed(changes);
        Ok(())
    }

    /// What `calls` change, which the record at `origin` has led to, after what `before` has changed.
    /// If that record may have been handled `again`, the desk is told once more what has ended.
    pub(crate) fn changes(
        &self,
        calls: &[CaseCall],
        origin: Position,
        again: bool,
        before: &mut Vec<Change>,
    ) -> Result<(), CaseError> {
        for (number, call) in calls.iter().enumerate() {
            let name = (call.condition.clone(), call.source.clone());
            let held = call.active.then(|| Held {
                severity: call.severity,
                text: call.text.clone(),
            });
            let known = match before.iter().rfind(|change| change.name == name) {
                Some(change) => change.held.clone(),
                None => self.held.lock().get(&name).cloned(),
            };
            let severity = |held: &Option<Held>| held.as_ref().map(|held| held.severity);
            if severity(&known) == severity(&held) {
                if held.is_none() && again {
                    let record = None;
                    before.push(Change { name, held, record });
                }
                continue;
            }
            if known.is_none() && self.would_hold(before) >= STANDING_MAX {
                return Err(CaseError::Full);
            }
            let key = Key::new(format!("rule-case:{number}/{origin}"))?;
            let cause = Cause::new(format!("record:{origin}"))?;
            before.push(self.change(name, held, Some(key), cause)?);
        }
        Ok(())
    }

    /// How many conditions hold after `changes`.
    fn would_hold(&self, changes: &[Change]) -> usize {
        let held = self.held.lock();
        let last: BTreeMap<&Name, bool> = changes
            .iter()
            .map(|change| (&change.name, change.held.is_some()))
            .collect();
        let gone = |name: &&Name| last.get(*name) == Some(&false);
        let new = last
            .iter()
            .filter(|(name, holds)| **holds && !held.contains_key(**name));
        held.len() - held.keys().filter(gone).count() + new.count()
    }

    fn change(
        &self,
        name: Name,
        held: Option<Held>,
        key: Option<Key>,
        cause: Cause,
    ) -> Result<Change, CaseError> {
        let record = ChangeRecord {
            topic: self.root.join(&format!("{}/{}", name.0, name.1))?,
            payload: match &held {
                Some(held) => serde_json::to_vec(held)?,
                None => Vec::new(),
            },
            key,
            cause,
        };
        let record = Some(record);
        Ok(Change { name, held, record })
    }

    /// Takes note of what is durable, and tells it.
    pub(crate) fn changed(&self, changes: Vec<Change>) {
        for change in changes {
            self.tell(&change.name, change.held.as_ref());
            let mut held = self.held.lock();
            match change.held {
                Some(now) => held.insert(change.name, now),
                None => held.remove(&change.name),
            };
        }
    }

    fn tell(&self, (condition, source): &Name, held: Option<&Held>) {
        self.sink.tell(Trouble {
            source: source.clone(),
            condition: condition.clone(),
            severity: held.map_or(Severity::Low, |held| held.severity),
            active: held.is_some(),
            text: held.map_or_else(
                || format!("{condition} of {source} is over"),
                |held| held.text.clone(),
            ),
            detail: serde_json::Value::Null,
        });
    }
}

impl Change {
    /// The record of it, for the critical lane.
    pub(crate) fn as_new(&self, received: Timestamp) -> Option<NewRecord<'_>> {
        let record = self.record.as_ref()?;
        Some(NewRecord {
            topic: &record.topic,
            kind: Kind::State,
            op: if self.held.is_some() {
                Op::Put
            } else {
                Op::Delete
            },
            quality: Quality::Good,
            received,
            source_time: None,
            content_type: &ContentType::Json,
            payload: &record.payload,
            key: record.key.as_ref(),
            cause: Some(&record.cause),
            properties: None,
        })
    }

    /// Where conditions are written.
    pub(crate) const LANE: Lane = Lane::Critical;
}
