//! Rules, bridges and the Sparkplug host of a node.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use spica_bridge::Bridge;
use spica_desk::Reporter;
use spica_handler::Factory;
use spica_journal::Journal;
use spica_model::{Kind, Lane, Record, Seq, Topic};
use spica_rule_engine::Engine;
use spica_rules::RulesControl;
use spica_sparkplug_host::Host;
use spica_views::Views;
use tokio::runtime::Handle;

use crate::NodeError;
use crate::alarms::Shared;
use crate::config::Config;
use crate::duties::while_serving;
use crate::handling::ToDesk as Troubles;
use crate::supervise::Supervisor;

/// What becomes of records by itself: rules, bridges to other brokers, and what edge nodes publish.
pub(crate) struct Automation {
    rules: Option<Engine>,
    bridges: Vec<Bridge>,
    sparkplug: Option<Host>,
}

/// What rules, bridges and the Sparkplug host count.
pub(crate) struct Counts {
    rules: spica_rule_engine::Metrics,
    bridges: spica_bridge::Metrics,
    sparkplug: spica_sparkplug_host::Metrics,
}

/// Makes what they count known to `registry`.
pub(crate) fn metrics(registry: &mut Registry) -> Counts {
    let counts = Counts {
        rules: spica_rule_engine::Metrics::default(),
        bridges: spica_bridge::Metrics::default(),
        sparkplug: spica_sparkplug_host::Metrics::default(),
    };
    counts.rules.register(registry);
    counts.bridges.register(registry);
    counts.sparkplug.register(registry);
    counts
}

/// The state tree, for all of them.
struct Tree {
    views: Arc<Views>,
    runtime: Handle,
}

impl spica_rule_engine::Standing for Tree {
    fn visit(&self, prefix: &str, each: &mut dyn FnMut(&Record)) {
        self.views.visit(prefix, |record| each(record));
    }

    fn applied(&self, lane: Lane) -> Seq {
        self.views.status().applied[lane.index()]
    }
}

impl spica_bridge::Standing for Tree {
    fn is_set(&self, topic: &Topic) -> bool {
        self.views.get(topic).is_some()
    }
}

impl spica_sparkplug_host::Standing for Tree {
    fn visit(&self, prefix: &str, each: &mut dyn FnMut(&Record)) {
        self.views.visit(prefix, |record| each(record));
    }

    fn state(&self, topic: &Topic) -> Option<Record> {
        let last = self.views.get(topic);
        last.filter(|record| record.kind == Kind::State)
    }

    fn shows(&self, lane: Lane, seq: Seq, within: Duration) -> bool {
        let applied = async { tokio::time::timeout(within, self.views.applied(lane, seq)).await };
        // Whether it was in time, or the views have ended, is seen by what they show.
        let _ = self.runtime.block_on(applied);
        self.views.status().applied[lane.index()] >= seq
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
        let tree = Arc::new(Tree {
            views: Arc::clone(&shared.views),
            runtime: runtime.clone(),
        });
        let mut rules = None;
        if let Some(file) = &config.rules.file {
            let path = file.as_path();
            let set =
                spica_rule_engine::load(path).map_err(|error| NodeError::part("rules", error))?;
            let parts = spica_rule_engine::Parts {
                journal: Arc::clone(&shared.journal),
                standing: Arc::clone(&tree) as Arc<dyn spica_rule_engine::Standing>,
                cases: Arc::new(ToDesk(reporter.clone())),
                clock: Arc::clone(&shared.clock),
                node: shared.views.node().clone(),
                runtime: runtime.clone(),
                file: path.to_owned(),
                previous_topics: config.rules.previous_topics,
                hang_after: config.handlers.hang_after.into(),
                metrics: counts.rules,
            };
            let engine = Engine::new(set, parts);
            rules = Some(engine.map_err(|error| NodeError::part("rules", error))?);
        }
        let parts = spica_bridge::Parts {
            journal: Arc::clone(&shared.journal),
            standing: Arc::clone(&tree) as Arc<dyn spica_bridge::Standing>,
            clock: Arc::clone(&shared.clock),
            node: shared.views.node().clone(),
            runtime,
            base: PathBuf::new(),
            troubles: Arc::new(Troubles(reporter)),
            hang_after: config.handlers.hang_after.into(),
            metrics: counts.bridges,
        };
        let open = |settings| Bridge::open(settings, parts.clone());
        let bridges: Result<_, _> = config.bridges.iter().map(open).collect();
        let bridges = bridges.map_err(|error| NodeError::part("bridge", error))?;
        let open = |settings: &spica_sparkplug_host::Settings| {
            let parts = spica_sparkplug_host::Parts {
                journal: Arc::clone(&shared.journal),
                standing: Arc::clone(&tree) as Arc<dyn spica_sparkplug_host::Standing>,
                clock: Arc::clone(&shared.clock),
                node: shared.views.node().clone(),
                metrics: counts.sparkplug.clone(),
            };
            Host::open(settings.clone(), parts)
        };
        let sparkplug = config.sparkplug.as_ref().map(open).transpose();
        let sparkplug = sparkplug.map_err(|error| NodeError::part("Sparkplug host", error))?;
        Ok(Self {
            rules,
            bridges,
            sparkplug,
        })
    }

    /// The rules, for people who steer them; none without a rules file.
    pub(crate) fn rules(&self) -> Option<Arc<dyn RulesControl>> {
        let rules = self.rules.clone();
        rules.map(|rules| Arc::new(rules) as Arc<dyn RulesControl>)
    }

    /// The handlers of rules, sinks, of what goes out over bridges and of what edge nodes publish.
    ///
    /// # Errors
    /// If one of them cannot begin.
    pub(crate) fn factories(
        &self,
        journal: &dyn Journal,
    ) -> Result<Vec<Arc<dyn Factory>>, NodeError> {
        let mut factories = Vec::new();
        if let Some(rules) = &self.rules {
            let handlers = rules.factories();
            factories.extend(handlers.map_err(|error| NodeError::part("rules", error))?);
        }
        for bridge in &self.bridges {
            let handler = bridge.factory();
            factories.extend(handler.map_err(|error| NodeError::part("bridge", error))?);
        }
        if let Some(host) = &self.sparkplug {
            let handler = host.factory();
            factories.push(handler.map_err(|error| NodeError::part("Sparkplug host", error))?);
        }
        let names: BTreeSet<&str> = factories.iter().map(|factory| factory.name()).collect();
        forget_others(journal, &names);
        Ok(factories)
    }

    /// Starts what comes in over bridges, where and while the node serves; and the look at the rules
    /// file, everywhere.
    pub(crate) fn duties(&self, supervisor: &mut Supervisor, shared: &Shared) {
        if let Some(rules) = self.rules.clone() {
            supervisor.run("rules file", move || rules.clone().watch());
        }
        for bridge in self.bridges.iter().filter(|bridge| bridge.takes_in()) {
            let (bridge, role) = (bridge.clone(), Arc::clone(&shared.role));
            supervisor.run("bridge", move || {
                let bridge = bridge.clone();
                while_serving(Arc::clone(&role), move || bridge.clone().take_in())
            });
        }
        if let Some(host) = self.sparkplug.clone() {
            let role = Arc::clone(&shared.role);
            supervisor.run("Sparkplug host", move || {
                let host = host.clone();
                while_serving(Arc::clone(&role), move || {
                    let host = host.clone();
                    async move { host.serve().await }
                })
            });
        }
    }

    /// Says to edge nodes that this node leaves, and no other takes over from it.
    pub(crate) async fn leave(&self) {
        if let Some(host) = &self.sparkplug {
            host.leave().await;
        }
    }
}

/// Removes the cursors of rules, sinks, bridges and the Sparkplug host that are configured no longer: retention would
/// wait for them for ever.
fn forget_others(journal: &dyn Journal, names: &BTreeSet<&str>) {
    for cursor in journal.cursors() {
        let lane = format!("-{}", cursor.lane);
        let Some(handler) = cursor.name.strip_suffix(&lane) else {
            continue;
        };
        let is_ours = matches!(handler, "rules" | "sparkplug")
            || handler.starts_with("sink-")
            || handler.starts_with("bridge-");
        if !is_ours || names.contains(handler) {
            continue;
        }
        match journal.remove_cursor(&cursor.name, cursor.lane) {
            Ok(()) => tracing::info!(
                handler,
                lane = %cursor.lane,
                "it is configured no longer: the journal keeps nothing for it any more"
            ),
            Err(error) => tracing::warn!(handler, %error, "a cursor cannot be removed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use spica_journal::memory::MemoryJournal;

    use super::*;

    #[test]
    fn the_journal_keeps_nothing_for_what_is_configured_no_longer() {
        let journal = MemoryJournal::new();
        for name in [
            "rules",
            "sink-erp",
            "sink-old",
            "bridge-old",
            "sparkplug",
            "history",
        ] {
            for lane in Lane::ALL {
                let cursor = format!("{name}-{lane}");
                journal.open_cursor(&cursor, lane, Seq::ZERO).unwrap();
            }
        }
        forget_others(&*journal, &["rules", "sink-erp"].into());
        let left: BTreeSet<String> = journal.cursors().into_iter().map(|it| it.name).collect();
        let names = ["rules", "sink-erp", "history"];
        let expected = names
            .iter()
            .flat_map(|name| Lane::ALL.map(|lane| format!("{name}-{lane}")));
        assert_eq!(left, expected.collect());
    }
}
