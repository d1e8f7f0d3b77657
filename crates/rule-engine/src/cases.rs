//! Which conditions hold, by the rules: in the journal, and told to the desk.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use spica_cases::{Severity, Trouble};
use spica_model::{
    Cause, ContentType, Key, Kind, Lane, LimitError, NewRecord, Op, Quality, Record, Timestamp,
    Topic,
};
use spica_rules::CaseCall;

/// Conditions that may hold at once by the rules.
const STANDING_MAX: usize = 5_000;

/// Where is told which conditions hold. Telling the same again changes nothing.
pub trait CaseSink: Send + Sync + 'static {
    /// Takes note; does not block.
    fn tell(&self, trouble: Trouble);
}

/// What `state` topics say, as the journal was folded so far.
pub trait Standing: Send + Sync + 'static {
    /// Shows the last record of each topic that is `prefix` or below it.
    fn visit(&self, prefix: &str, each: &mut dyn FnMut(&Record));
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
}

/// A change that is to be durable before it counts.
pub(crate) struct Change {
    name: Name,
    held: Option<Held>,
    topic: Topic,
    payload: Vec<u8>,
    key: Key,
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

impl Cases {
    pub(crate) fn new(root: Topic, sink: Arc<dyn CaseSink>) -> Self {
        Self {
            root,
            sink,
            held: Mutex::default(),
        }
    }

    /// Learns what holds from what stands in the journal, and tells it all.
    pub(crate) fn resume(&self, standing: &dyn Standing) {
        let mut found = Vec::new();
        standing.visit(self.root.as_str(), &mut |record| {
            let name = record.topic.below(self.root.as_str());
            let name = name.and_then(|name| name.split_once('/'));
            if let Some((condition, source)) = name
                && record.op != Op::Delete
                && let Ok(held) = serde_json::from_slice::<Held>(&record.payload)
            {
                found.push(((condition.to_owned(), source.to_owned()), held));
            }
        });
        for (name, held) in found {
            self.tell(&name, Some(&held));
            self.held.lock().insert(name, held);
        }
    }

    /// What `calls` change, which a record at `place` has led to, after what `before` has changed.
    pub(crate) fn changes(
        &self,
        calls: &[CaseCall],
        place: &str,
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
                continue;
            }
            if known.is_none() && self.held.lock().len() + before.len() >= STANDING_MAX {
                return Err(CaseError::Full);
            }
            before.push(Change {
                topic: self.root.join(&format!("{}/{}", name.0, name.1))?,
                payload: match &held {
                    Some(held) => serde_json::to_vec(held)?,
                    None => Vec::new(),
                },
                name,
                held,
                key: Key::new(format!("rule-case:{number}/{place}"))?,
                cause: Cause::new(format!("record:{place}"))?,
            });
        }
        Ok(())
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
    pub(crate) fn as_new(&self, received: Timestamp) -> NewRecord<'_> {
        NewRecord {
            topic: &self.topic,
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
            payload: &self.payload,
            key: Some(&self.key),
            cause: Some(&self.cause),
            properties: None,
        }
    }

    /// Where conditions are written.
    pub(crate) const LANE: Lane = Lane::Critical;
}
