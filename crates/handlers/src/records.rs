//! The records that handlers leave in the node's own journal.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use serde::Serialize;
use spica_clock::SharedClock;
use spica_journal::{SharedJournal, SubmitError, Ticket};
use spica_model::{Cause, ContentType, Kind, Lane, NewRecord, Op, Quality, Topic};

/// The longest that is waited before the reasons to wait are looked at again.
const LOOK: Duration = Duration::from_millis(50);

/// Writes the records of handlers. All of them stand in the normal lane.
#[derive(Clone)]
pub(crate) struct Scribe {
    pub(crate) journal: SharedJournal,
    pub(crate) clock: SharedClock,
    pub(crate) node: Topic,
}

/// A record to write.
pub(crate) struct Draft {
    topic: String,
    kind: Kind,
    op: Op,
    payload: Vec<u8>,
}

impl Draft {
    pub(crate) const fn put(topic: String, payload: Vec<u8>) -> Self {
        Self {
            topic,
            kind: Kind::State,
            op: Op::Put,
            payload,
        }
    }

    pub(crate) const fn delete(topic: String) -> Self {
        Self {
            topic,
            kind: Kind::State,
            op: Op::Delete,
            payload: Vec::new(),
        }
    }
}

/// What an operator did, for the audit trail.
#[derive(Serialize)]
pub(crate) struct Step<'a> {
    pub(crate) what: &'static str,
    pub(crate) by: &'a str,
    pub(crate) why: &'a str,
    pub(crate) letters: Vec<String>,
}

/// Why records are not, or not known to be, in the journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The active partner writes.
    #[error("this node does not serve")]
    NotServing,
    /// Try again later.
    #[error("{0}")]
    Failed(String),
    /// There was no time to wait any longer. They may still get there.
    #[error("the commit takes too long")]
    Late,
}

impl Scribe {
    /// The topic above all that belongs to one handler.
    pub(crate) fn folder(&self, name: &str) -> String {
        format!("{}/handlers/{name}", self.node)
    }

    /// Whether a topic belongs to some handler's records.
    pub(crate) fn is_ours(&self, topic: &Topic) -> bool {
        let below = topic.below(self.node.as_str());
        below.is_some_and(|rest| rest.starts_with("handlers/"))
    }

    /// A step of the audit trail of a handler.
    pub(crate) fn step(&self, name: &str, step: &Step<'_>) -> Draft {
        Draft {
            topic: format!("{}/steps", self.folder(name)),
            kind: Kind::Event,
            op: Op::Put,
            // Texts in a struct always are JSON.
            payload: serde_json::to_vec(step).unwrap_or_default(),
        }
    }

    /// Appends records as one batch; does not wait for the disk.
    pub(crate) fn append(&self, by: &str, drafts: &[Draft]) -> Result<Ticket, WriteError> {
        let failed = |error: &dyn std::fmt::Display| WriteError::Failed(error.to_string());
        let cause = Cause::new(by).map_err(|error| failed(&error))?;
        let received = self.clock.wall();
        let topics = drafts.iter().map(|draft| Topic::new(draft.topic.as_str()));
        let topics = topics.collect::<Result<Vec<_>, _>>();
        let topics = topics.map_err(|error| failed(&error))?;
        let pairs = drafts.iter().zip(&topics);
        let records = pairs.map(|(draft, topic)| new_record(draft, topic, received, &cause));
        let records: Vec<_> = records.collect();
        let submitted = self.journal.submit(Lane::Normal, &records);
        submitted.map_err(|error| match error {
            SubmitError::Passive => WriteError::NotServing,
            other => failed(&other),
        })
    }

    /// Appends records as one batch and waits until they are durable, as long as `patient` says so.
    pub(crate) fn write(
        &self,
        by: &str,
        drafts: &[Draft],
        patient: impl Fn() -> bool,
    ) -> Result<(), WriteError> {
        let mut durable = self.append(by, drafts)?.durable();
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut durable).poll(&mut cx) {
                Poll::Ready(Ok(())) => return Ok(()),
                Poll::Ready(Err(error)) => return Err(WriteError::Failed(error.to_string())),
                Poll::Pending if !patient() => return Err(WriteError::Late),
                Poll::Pending => std::thread::park_timeout(LOOK),
            }
        }
    }
}

fn new_record<'a>(
    draft: &'a Draft,
    topic: &'a Topic,
    received: spica_model::Timestamp,
    cause: &'a Cause,
) -> NewRecord<'a> {
    NewRecord {
        topic,
        kind: draft.kind,
        op: draft.op,
        quality: Quality::Good,
        received,
        source_time: None,
        content_type: &ContentType::Json,
        payload: &draft.payload,
        key: None,
        cause: Some(cause),
        properties: None,
    }
}

/// Wakes a thread that parks.
pub(crate) struct Unpark(pub(crate) Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
