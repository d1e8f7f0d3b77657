//! What the operating system grants.

use super::{Breach, Rules};
use crate::config::finding::{Code, Severity};

/// What is known of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::config) struct Machine {
    /// File descriptors this process can have at most; `None` for no limit.
    pub(in crate::config) descriptors: Option<u64>,
}

impl Machine {
    /// This one. The hard limit counts: a process may raise its soft one up to it.
    pub(in crate::config) fn this() -> Self {
        Self {
            descriptors: rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum,
        }
    }
}

impl Rules<'_> {
    pub(super) fn machine(&mut self) {
        let Some(limit) = self.machine.descriptors else {
            return;
        };
        let caps = self.draft.value.connection_limits();
        let connections: u64 = caps.iter().map(|(_, number)| number).sum();
        let reserved = u64::from(self.draft.value.node.reserved_descriptors);
        if connections.saturating_add(reserved) <= limit {
            return;
        }
        let sum = caps.iter().map(|(key, number)| format!("`{key}` {number}"));
        let message = format!(
            "{} and `node.reserved_descriptors` {reserved} want more file descriptors than the \
             {limit} this process may have",
            sum.collect::<Vec<_>>().join(", "),
        );
        let keys: Vec<_> = caps
            .iter()
            .map(|(key, number)| (*key, format!("{number}")))
            .collect();
        self.report(Breach {
            code: Code::Resources,
            severity: Severity::Warning,
            message,
            help: "raise LimitNOFILE (systemd) or ulimit -n, or lower the limits on connections; \
                   as it is, connections may be refused before their limit is reached"
                .to_owned(),
            keys: &keys,
        });
    }
}
