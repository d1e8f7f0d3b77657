//! The rules file, read again when it changes or somebody says so.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use spica_rules::{ReloadInfo, RuleSet, RulesControl};
use tokio::time::sleep;

use crate::engine::{Engine, OpenError, load_targets};
use crate::load::{LoadError, load};

/// How often it is looked whether the file has changed.
const LOOK: Duration = Duration::from_secs(2);

/// How a file looks from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl Stamp {
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            bytes: metadata.len(),
        })
    }
}

/// Why other rules cannot take the place of those in force.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(
        "the sinks are {now} in the file, and {before} are in force: a sink is a handler, which \
         comes and goes only with a start of the node"
    )]
    Sinks {
        /// Their names in the file.
        now: String,
        /// Those in force.
        before: String,
    },
}

impl ReloadError {
    fn problems(self) -> Vec<String> {
        match self {
            Self::Load(LoadError::Wrong { path, problems }) => {
                let line = |problem| format!("{}:{problem}", path.display());
                problems.iter().map(line).collect()
            }
            other => vec![other.to_string()],
        }
    }
}

impl RulesControl for Engine {
    fn reload(&self) -> Result<ReloadInfo, Vec<String>> {
        let outcome = self.read_again();
        self.0.metrics.reloaded(outcome.is_ok());
        match outcome {
            Ok(info) => {
                tracing::info!(info.rules, info.sinks, "the rules file is read again");
                Ok(info)
            }
            Err(error) => {
                tracing::error!(%error, "the rules file cannot be used: what was before holds on");
                Err(error.problems())
            }
        }
    }
}

impl Engine {
    /// Reads the rules file again whenever it changes; never ends.
    #[expect(
        clippy::disallowed_methods,
        reason = "a file that an operator has written, and no acknowledgement waits for it"
    )]
    pub async fn watch(self) {
        loop {
            sleep(LOOK).await;
            let engine = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                if engine.is_stale() {
                    // What is wrong is logged and counted there.
                    let _ = engine.reload();
                }
            });
            if let Err(error) = looked.await {
                tracing::error!(%error, "the reading of the rules file has panicked");
            }
        }
    }

    /// Whether the file is another one than was read last.
    fn is_stale(&self) -> bool {
        Stamp::of(&self.0.file) != *self.0.stamp.lock()
    }

    fn read_again(&self) -> Result<ReloadInfo, ReloadError> {
        let inner = &self.0;
        // Held to the end: of two that read at once, the later one has the last word. And it is taken
        // before the file is read: what is written meanwhile is read again.
        let mut stamp = inner.stamp.lock();
        *stamp = Stamp::of(&inner.file);
        let loaded = load_targets(load(&inner.file)?, &inner.file, inner.patience)?;
        let before = self.loaded();
        let [now, old] = [&loaded.set, &before.set].map(|set| names(set));
        if now != old {
            let [now, before] = [now, old].map(|names| listed(&names));
            return Err(ReloadError::Sinks { now, before });
        }
        let info = ReloadInfo {
            rules: loaded.set.names().count(),
            sinks: loaded.set.sinks().len(),
        };
        inner.metrics.forget(&before.set, &loaded.set);
        let loaded = Arc::new(loaded);
        *inner.loaded.write() = Arc::clone(&loaded);
        inner.cases.end_those_without_rules(self, &loaded.set);
        Ok(info)
    }
}

fn names(set: &RuleSet) -> BTreeSet<String> {
    set.sinks().iter().map(|sink| sink.name.clone()).collect()
}

fn listed(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
