//! The host, ready to run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use spica_clock::SharedClock;
use spica_handler::Factory;
use spica_journal::{CursorError, SharedJournal};
use spica_model::{Lane, Record, Seq, Topic, TopicError};
use spica_sparkplug::HANDLER;
use tokio::sync::Notify;

use crate::config::{SettingError, Settings};
use crate::handler::{HostFactory, NAME};
use crate::metrics::Metrics;

/// What `state` topics say, as the journal was folded so far.
pub trait Standing: Send + Sync + 'static {
    /// Shows the last record of each topic that is `prefix` or below it.
    fn visit(&self, prefix: &str, each: &mut dyn FnMut(&Record));

    /// What a topic says, if that is a state.
    fn state(&self, topic: &Topic) -> Option<Record>;

    /// Blocks until the record at `seq` of `lane` and all before it are folded; whether that was so
    /// `within` some time.
    fn shows(&self, lane: Lane, seq: Seq, within: Duration) -> bool;
}

/// What the host works with.
#[derive(Clone)]
pub struct Parts {
    /// Where everything comes from and goes.
    pub journal: SharedJournal,
    /// What `state` topics say.
    pub standing: Arc<dyn Standing>,
    /// Time.
    pub clock: SharedClock,
    /// The node's own topic.
    pub node: Topic,
    /// Where it counts.
    pub metrics: Metrics,
}

/// Why the host cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting is wrong.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The node's path is too long.
    #[error("the node's path leaves no room for the topics of Sparkplug: {0}")]
    Topic(#[from] TopicError),
    /// The place that it begins at cannot be kept.
    #[error("the place at which Sparkplug begins cannot be kept: {0}")]
    Cursor(#[from] CursorError),
}

/// The host, ready to run; cheap to clone.
#[derive(Clone)]
pub struct Host(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) lane: Lane,
    pub(crate) parts: Parts,
    /// Where the host says that it is there.
    pub(crate) state: Topic,
    /// Where it is noted that a missing message has been waited for long enough.
    pub(crate) overdue: Topic,
    /// Of each edge node whose messages wait: since which place, and until when.
    pub(crate) deadlines: Mutex<BTreeMap<String, (Seq, Instant)>>,
    /// Somebody else has said that the host is not there.
    pub(crate) is_denied: std::sync::atomic::AtomicBool,
    /// There is something to do for [`Host::serve`].
    pub(crate) wake: Notify,
    /// The handler that may write: the last one that was made.
    pub(crate) writer: Mutex<u64>,
    pub(crate) handlers: AtomicU64,
    /// What the host last said of itself, in milliseconds since 1970.
    pub(crate) said: Mutex<u64>,
}

impl Host {
    /// A host that works with `parts`.
    ///
    /// # Errors
    /// If a setting is wrong, or the node's path is too long.
    pub fn open(settings: Settings, parts: Parts) -> Result<Self, OpenError> {
        settings.check()?;
        Ok(Self(Arc::new(Inner {
            lane: settings.lane.into(),
            state: parts.node.join(&settings.state_topic())?,
            overdue: parts.node.join(&format!("{HANDLER}/overdue"))?,
            settings,
            parts,
            deadlines: Mutex::default(),
            is_denied: std::sync::atomic::AtomicBool::new(false),
            wake: Notify::new(),
            writer: Mutex::default(),
            handlers: AtomicU64::new(0),
            said: Mutex::default(),
        })))
    }

    /// The handler. One that is new begins with what comes from now on.
    ///
    /// # Errors
    /// If the place to begin at cannot be kept.
    pub fn factory(&self) -> Result<Arc<dyn Factory>, OpenError> {
        let Inner { parts, lane, .. } = &*self.0;
        let noted = parts.node.join(&format!("{HANDLER}/place"))?;
        let mut is_noted = false;
        let mut found = |_: &Record| is_noted = true;
        parts.standing.visit(noted.as_str(), &mut found);
        if !is_noted {
            let durable = parts.journal.status(*lane).durable;
            let cursor = format!("{NAME}-{lane}");
            parts.journal.open_cursor(&cursor, *lane, durable)?;
        }
        for other in Lane::ALL.into_iter().filter(|other| other != lane) {
            // Retention would wait for it for ever. Mostly there is none.
            let _ = parts
                .journal
                .remove_cursor(&format!("{NAME}-{other}"), other);
        }
        Ok(Arc::new(HostFactory::new(self.clone())))
    }
}
