//! Rules and bridges of a node.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use prometheus_client::registry::Registry;
use spica_bridge::Bridge;
use spica_desk::Reporter;
use spica_handler::Factory;
use spica_model::{Record, Topic};
use spica_rule_engine::Engine;
use spica_views::Views;
use tokio::runtime::Handle;

use crate::NodeError;
use crate::alarms::Shared;
use crate::config::Config;
use crate::duties::while_serving;
use crate::supervise::Supervisor;

/// What becomes of records by itself: rules, and bridges to other brokers.
pub(crate) struct Automation {
    rules: Option<Engine>,
    bridges: Vec<Bridge>,
}

/// What rules and bridges count.
pub(crate) struct Counts {
    rules: spica_rule_engine::Metrics,
    bridges: spica_bridge::Metrics,
}

/// Makes what they count known to `registry`.
pub(crate) fn metrics(registry: &mut Registry) -> Counts {
    let counts = Counts {
        rules: spica_rule_engine::Metrics::default(),
        bridges: spica_bridge::Metrics::default(),
    };
    counts.rules.register(registry);
    counts.bridges.register(registry);
    counts
}

/// The state tree, for rules and bridges.
struct Tree(Arc<Views>);

impl spica_rule_engine::Standing for Tree {
    fn visit(&self, prefix: &str, each: &mut dyn FnMut(&Record)) {
        self.0.visit(prefix, |record| each(record));
    }
}

impl spica_bridge::Standing for Tree {
    fn is_set(&self, topic: &Topic) -> bool {
        self.0.get(topic).is_some()
    }
}

/// What rules find to be the matter is a case.
struct ToDesk(Reporter);

impl spica_rule_engine::CaseSink for ToDesk {
    fn tell(&self, trouble: spica_cases::Trouble) {
        self.0.report(trouble);
    }
}

impl Automation {
    /// Reads the rules file and opens the bridges. To be called on the node's runtime.
    ///
    /// # Errors
    /// If a file or a setting is wrong.
    pub(crate) fn open(
        config: &Config,
        shared: &Shared,
        reporter: Reporter,
        counts: Counts,
    ) -> Result<Self, NodeError> {
        let runtime = Handle::current();
        let tree = Arc::new(Tree(Arc::clone(&shared.views)));
        let mut rules = None;
        if let Some(file) = &config.rules.file {
            let path = file.as_path();
            let set =
                spica_rule_engine::load(path).map_err(|error| NodeError::part("rules", error))?;
            let parts = spica_rule_engine::Parts {
                journal: Arc::clone(&shared.journal),
                standing: Arc::clone(&tree) as Arc<dyn spica_rule_engine::Standing>,
                cases: Arc::new(ToDesk(reporter)),
                clock: Arc::clone(&shared.clock),
                node: shared.views.node().clone(),
                runtime: runtime.clone(),
                base: path.parent().unwrap_or(Path::new("")).to_owned(),
                previous_topics: config.rules.previous_topics,
                metrics: counts.rules,
            };
            let engine = Engine::new(set, parts);
            rules = Some(engine.map_err(|error| NodeError::part("rules", error))?);
        }
        let parts = spica_bridge::Parts {
            journal: Arc::clone(&shared.journal),
            standing: tree,
            clock: Arc::clone(&shared.clock),
            node: shared.views.node().clone(),
            runtime,
            base: PathBuf::new(),
            metrics: counts.bridges,
        };
        let open = |settings| Bridge::open(settings, parts.clone());
        let bridges: Result<_, _> = config.bridges.iter().map(open).collect();
        let bridges = bridges.map_err(|error| NodeError::part("bridge", error))?;
        Ok(Self { rules, bridges })
    }

    /// The handlers of rules, sinks and of what goes out over bridges.
    ///
    /// # Errors
    /// If one of them cannot begin.
    pub(crate) fn factories(&self) -> Result<Vec<Arc<dyn Factory>>, NodeError> {
        let mut factories = Vec::new();
        if let Some(rules) = &self.rules {
            let handlers = rules.factories();
            factories.extend(handlers.map_err(|error| NodeError::part("rules", error))?);
        }
        for bridge in &self.bridges {
            let handler = bridge.factory();
            factories.extend(handler.map_err(|error| NodeError::part("bridge", error))?);
        }
        Ok(factories)
    }

    /// Starts what comes in over bridges, where and while the node serves.
    pub(crate) fn duties(&self, supervisor: &mut Supervisor, shared: &Shared) {
        for bridge in self.bridges.iter().filter(|bridge| bridge.takes_in()) {
            let (bridge, role) = (bridge.clone(), Arc::clone(&shared.role));
            supervisor.run("bridge", move || {
                let bridge = bridge.clone();
                while_serving(Arc::clone(&role), move || bridge.clone().take_in())
            });
        }
    }
}
