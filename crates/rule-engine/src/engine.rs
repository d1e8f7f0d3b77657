//! Rules, ready to run.

use std::path::PathBuf;
use std::sync::Arc;

use spica_clock::SharedClock;
use spica_handler::Factory;
use spica_journal::{CursorError, SharedJournal};
use spica_model::{Lane, Record, Topic, TopicError};
use spica_rules::{RuleSet, Want};
use tokio::runtime::Handle;

use crate::cases::{CaseSink, Cases, Standing};
use crate::journal::{NAME, RulesFactory};
use crate::metrics::Metrics;
use crate::reading::Reader;
use crate::sink::SinkFactory;

/// What rules work with.
pub struct Parts {
    /// Where records go.
    pub journal: SharedJournal,
    /// What `state` topics say.
    pub standing: Arc<dyn Standing>,
    /// Where is told which conditions hold.
    pub cases: Arc<dyn CaseSink>,
    /// Time.
    pub clock: SharedClock,
    /// The node's own topic.
    pub node: Topic,
    /// Where HTTP runs.
    pub runtime: Handle,
    /// The directory of the rules file: relative paths in it count from here.
    pub base: PathBuf,
    /// Topics of each lane whose last payload is remembered.
    pub previous_topics: usize,
    /// Where they count.
    pub metrics: Metrics,
}

/// Why rules cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A sink cannot be used.
    #[error("the rules' sink {name:?}: {key} {reason}")]
    Sink {
        /// Its name.
        name: String,
        /// Which of its settings.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The node's path is too long.
    #[error("the node's path leaves no room for the topics of rules: {0}")]
    Topic(#[from] TopicError),
    /// The place that they begin at cannot be kept.
    #[error("the place at which rules begin cannot be kept: {0}")]
    Cursor(#[from] CursorError),
}

/// Rules, ready to run; cheap to clone.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) set: Arc<RuleSet>,
    pub(crate) journal: SharedJournal,
    pub(crate) standing: Arc<dyn Standing>,
    pub(crate) cases: Cases,
    pub(crate) clock: SharedClock,
    pub(crate) runtime: Handle,
    pub(crate) base: PathBuf,
    pub(crate) metrics: Metrics,
    node: Topic,
    previous_topics: usize,
}

impl Engine {
    /// Rules that work with `parts`.
    ///
    /// # Errors
    /// If the node's path is too long.
    pub fn new(set: RuleSet, parts: Parts) -> Result<Self, OpenError> {
        let root = parts.node.join(&format!("handlers/{NAME}/standing"))?;
        Ok(Self(Arc::new(Inner {
            set: Arc::new(set),
            journal: parts.journal,
            standing: parts.standing,
            cases: Cases::new(root, parts.cases),
            clock: parts.clock,
            runtime: parts.runtime,
            base: parts.base,
            metrics: parts.metrics,
            node: parts.node,
            previous_topics: parts.previous_topics,
        })))
    }

    /// The handlers: `rules`, and one for each sink. One that is new begins with what comes from now
    /// on: nobody wants alarms of last year.
    ///
    /// # Errors
    /// If a sink cannot be used, or the place to begin at not be kept.
    pub fn factories(&self) -> Result<Vec<Arc<dyn Factory>>, OpenError> {
        let mut factories: Vec<Arc<dyn Factory>> = vec![Arc::new(RulesFactory(self.clone()))];
        for (number, sink) in self.0.set.sinks().iter().enumerate() {
            factories.push(Arc::new(SinkFactory::open(self, number, sink)?));
        }
        for factory in &factories {
            self.begin(factory.name())?;
        }
        Ok(factories)
    }

    /// Lets a handler that is new begin here. Where its place is noted, it goes on there.
    fn begin(&self, name: &str) -> Result<(), OpenError> {
        let inner = &self.0;
        let noted = inner.node.join(&format!("handlers/{name}/place"))?;
        let mut is_noted = false;
        let mut found = |_: &Record| is_noted = true;
        inner.standing.visit(noted.as_str(), &mut found);
        if is_noted {
            return Ok(());
        }
        for lane in Lane::ALL {
            let durable = inner.journal.status(lane).durable;
            let cursor = format!("{name}-{lane}");
            inner.journal.open_cursor(&cursor, lane, durable)?;
        }
        Ok(())
    }

    pub(crate) fn reader(&self, want: Want) -> Reader {
        let inner = &self.0;
        Reader::new(
            Arc::clone(&inner.set),
            inner.node.clone(),
            want,
            inner.previous_topics,
        )
    }
}
