//! The handlers of a node, and how their trouble becomes cases.

use std::path::Path;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use spica_cases::Severity;
use spica_desk::Reporter;
use spica_handler::{Factory, Trouble, TroubleSink};
use spica_handlers::{Handlers, Metrics, NoMarks, Parts, Settings, StartError};
use spica_views::Views;

use crate::node::Shared;

/// Trouble of handlers and disks is a case of the node's own.
struct ToDesk(Reporter);

impl TroubleSink for ToDesk {
    fn tell(&self, trouble: Trouble) {
        self.0.report(spica_cases::Trouble {
            source: trouble.source,
            condition: trouble.condition.to_owned(),
            severity: severity(trouble.severity),
            active: trouble.active,
            text: trouble.text,
            detail: serde_json::Value::Null,
        });
    }
}

const fn severity(severity: spica_handler::Severity) -> Severity {
    match severity {
        spica_handler::Severity::Low => Severity::Low,
        spica_handler::Severity::Medium => Severity::Medium,
        spica_handler::Severity::High => Severity::High,
        spica_handler::Severity::Emergency => Severity::Emergency,
    }
}

/// Makes what handlers count known to `registry`.
pub(crate) fn metrics(registry: &mut Registry) -> Metrics {
    let metrics = Metrics::default();
    metrics.register(registry);
    metrics
}

/// Starts the handlers.
pub(crate) fn start(
    settings: &Settings,
    shared: &Shared,
    data_dir: &Path,
    reporter: Reporter,
    metrics: Metrics,
) -> Result<Arc<Handlers>, StartError> {
    let factories: Vec<Arc<dyn Factory>> = Vec::new();
    let parts = Parts {
        journal: Arc::clone(&shared.journal),
        standing: Arc::clone(&shared.views) as Arc<Views>,
        role: Arc::clone(&shared.role),
        clock: Arc::clone(&shared.clock),
        node: shared.views.node().clone(),
        troubles: Arc::new(ToDesk(reporter)),
        data_dir: data_dir.to_owned(),
        marks: Arc::new(NoMarks),
        metrics,
    };
    Handlers::start(settings.clone(), parts, factories)
}
