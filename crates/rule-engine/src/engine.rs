//! Rules, ready to run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
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
use crate::reload::Stamp;
use crate::sink::SinkFactory;
use crate::target::Target;

/// The longest that one call of a handler goes on to begin something new, and that a POST may take.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// The rules file: relative paths in it count from its directory, and it can be read again.
    pub file: PathBuf,
    /// Topics of each lane whose last payload is remembered.
    pub previous_topics: usize,
    /// When a handler that does not come back is taken for one that hangs.
    pub hang_after: Duration,
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
    /// The rules in force.
    pub(crate) loaded: RwLock<Arc<Loaded>>,
    pub(crate) journal: SharedJournal,
    pub(crate) standing: Arc<dyn Standing>,
    pub(crate) cases: Cases,
    pub(crate) clock: SharedClock,
    pub(crate) runtime: Handle,
    pub(crate) metrics: Metrics,
    pub(crate) file: PathBuf,
    /// How the file looked when it was read last.
    pub(crate) stamp: Mutex<Option<Stamp>>,
    pub(crate) patience: Duration,
    node: Topic,
    previous_topics: usize,
}

/// A rules file that was read, and all that it names.
pub(crate) struct Loaded {
    pub(crate) set: Arc<RuleSet>,
    /// Of each sink, in the order of the file.
    pub(crate) targets: Vec<Target>,
}

impl Loaded {
    /// Where the sink of this name is.
    pub(crate) fn target(&self, name: &str) -> Option<(usize, &Target)> {
        let sinks = self.set.sinks().iter().zip(&self.targets);
        let mut sinks = sinks.enumerate();
        sinks.find_map(|(number, (sink, target))| (sink.name == name).then_some((number, target)))
    }
}

impl Engine {
    /// Rules that work with `parts`; `set` is what stands in its file.
    ///
    /// # Errors
    /// If a sink cannot be used, or the node's path is too long.
    pub fn new(set: RuleSet, parts: Parts) -> Result<Self, OpenError> {
        let root = parts.node.join(&format!("handlers/{NAME}/standing"))?;
        // A handler must come back long before it is taken for one that hangs.
        let patience = PATIENCE.min(parts.hang_after / 3);
        let stamp = Stamp::of(&parts.file);
        let loaded = load_targets(set, &parts.file, patience)?;
        Ok(Self(Arc::new(Inner {
            loaded: RwLock::new(Arc::new(loaded)),
            journal: parts.journal,
            standing: parts.standing,
            cases: Cases::new(root, parts.cases),
            clock: parts.clock,
            runtime: parts.runtime,
            metrics: parts.metrics,
            file: parts.file,
            stamp: Mutex::new(stamp),
            patience,
            node: parts.node,
            previous_topics: parts.previous_topics,
        })))
    }

    /// The handlers: `rules`, and one for each sink. One that is new begins with what comes from now
    /// on: nobody wants alarms of last year.
    ///
    /// # Errors
    /// If the place to begin at cannot be kept.
    pub fn factories(&self) -> Result<Vec<Arc<dyn Factory>>, OpenError> {
        let mut factories: Vec<Arc<dyn Factory>> = vec![Arc::new(RulesFactory(self.clone()))];
        for sink in self.loaded().set.sinks() {
            factories.push(Arc::new(SinkFactory::new(self, &sink.name)));
        }
        for factory in &factories {
            self.begin(factory.name())?;
        }
        Ok(factories)
    }

    /// The rules in force.
    pub(crate) fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.0.loaded.read())
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

    pub(crate) fn reader(&self, loaded: &Loaded, want: Want) -> Reader {
        let inner = &self.0;
        Reader::new(
            Arc::clone(&loaded.set),
            inner.node.clone(),
            want,
            inner.previous_topics,
        )
    }
}

/// Opens all that a rules file names.
pub(crate) fn load_targets(
    set: RuleSet,
    file: &std::path::Path,
    patience: Duration,
) -> Result<Loaded, OpenError> {
    let base = file.parent().unwrap_or(std::path::Path::new(""));
    let sinks = set.sinks().iter();
    let targets = sinks.map(|sink| Target::open(sink, base, patience));
    Ok(Loaded {
        targets: targets.collect::<Result<_, _>>()?,
        set: Arc::new(set),
    })
}
