//! What the station counts, beside what stands before it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use spica_model::Lane;
use spica_mqtt::Pushed;
use spica_mqtt_proto::Reason;

/// The label of what is counted per reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByReason {
    reason: &'static str,
}

/// The labels of what clients may not do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByDenial {
    action: &'static str,
    reason: &'static str,
}

/// The label of what is counted per lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByLane {
    lane: &'static str,
}

/// The counters and gauges of the station. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) front: spica_front::Metrics,
    pub(crate) sessions: Gauge,
    pub(crate) subscriptions: Gauge,
    pub(crate) connects_refused: Family<ByReason, Counter>,
    pub(crate) publishes_refused: Family<ByReason, Counter>,
    pub(crate) subscribes_refused: Family<ByReason, Counter>,
    pub(crate) denials: Family<ByDenial, Counter>,
    pub(crate) reloads: Family<ByReason, Counter>,
    pub(crate) records: Family<ByLane, Counter>,
    pub(crate) publishes_in: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) qos0_in: Counter,
    pub(crate) delivered_fast: Counter,
    pub(crate) queued: Counter,
    pub(crate) conflated: Counter,
    pub(crate) dropped: Family<ByReason, Counter>,
    pub(crate) journal_full: Counter,
    pub(crate) circles: Counter,
    pub(crate) wills: Counter,
    pub(crate) expired: Counter,
    pub(crate) missed: Counter,
    pub(crate) lagged: Counter,
    pub(crate) check_ins_dropped: Counter,
    pub(crate) commands_sent: Counter,
    pub(crate) command_answers: Family<ByReason, Counter>,
}

impl Metrics {
    pub(crate) fn connect_refused(&self, reason: Reason) {
        count(&self.connects_refused, reason.as_str());
    }

    pub(crate) fn publish_refused(&self, reason: Reason) {
        count(&self.publishes_refused, reason.as_str());
    }

    pub(crate) fn subscribe_refused(&self, reason: Reason) {
        count(&self.subscribes_refused, reason.as_str());
    }

    /// A client may not do what it wants to.
    pub(crate) fn denied(&self, action: &'static str, reason: &'static str) {
        self.denials
            .get_or_create(&ByDenial { action, reason })
            .inc();
    }

    /// The access file was read again.
    pub(crate) fn reloaded(&self, is_taken: bool) {
        count(&self.reloads, if is_taken { "taken" } else { "refused" });
    }

    /// A device has answered a command.
    pub(crate) fn command_answered(&self, outcome: &'static str) {
        count(&self.command_answers, outcome);
    }

    /// Records were submitted.
    pub(crate) fn taken(&self, lane: Lane, records: usize) {
        let lane = ByLane {
            lane: lane.as_str(),
        };
        self.records.get_or_create(&lane).inc_by(records as u64);
    }

    /// A message was given to a session, or not.
    pub(crate) fn routed(&self, pushed: Pushed) {
        match pushed {
            Pushed::Queued => {
                self.queued.inc();
            }
            Pushed::Full => count(&self.dropped, "queue-full"),
            Pushed::TooLarge => count(&self.dropped, "too-large"),
            Pushed::Behind | Pushed::Known => {}
        }
    }

    /// Makes them known to `registry`, with names that begin with `mqtt_`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("mqtt");
        self.front.register(registry);
        registry.register(
            "sessions",
            "Sessions, connected or kept",
            self.sessions.clone(),
        );
        registry.register("subscriptions", "Subscriptions", self.subscriptions.clone());
        registry.register(
            "connects_refused",
            "Clients turned away",
            self.connects_refused.clone(),
        );
        registry.register(
            "publishes_refused",
            "Publishes refused",
            self.publishes_refused.clone(),
        );
        registry.register(
            "subscribes_refused",
            "Subscriptions refused",
            self.subscribes_refused.clone(),
        );
        registry.register(
            "denials",
            "What clients may not do, by what it is and why; to send: they wait",
            self.denials.clone(),
        );
        registry.register(
            "access_reloads",
            "Times the access file was read again: taken, or refused as something is wrong in it",
            self.reloads.clone(),
        );
        registry.register("records", "Records submitted", self.records.clone());
        registry.register(
            "publishes_in",
            "Publishes received, of any QoS",
            self.publishes_in.clone(),
        );
        registry.register(
            "bytes_in",
            "Bytes of packets received from clients that were let in",
            self.bytes_in.clone(),
        );
        registry.register("qos0_in", "QoS 0 publishes received", self.qos0_in.clone());
        registry.register(
            "qos0_fanned_out",
            "QoS 0 messages given to connected subscribers",
            self.delivered_fast.clone(),
        );
        registry.register(
            "queued",
            "Messages given to sessions as records",
            self.queued.clone(),
        );
        registry.register(
            "conflated",
            "Messages replaced by newer ones where that was asked for",
            self.conflated.clone(),
        );
        registry.register("dropped", "Messages not delivered", self.dropped.clone());
        registry.register(
            "journal_full",
            "Waits since the journal's queue was full",
            self.journal_full.clone(),
        );
        registry.register(
            "circles",
            "Publishes of bridges that went no further since they had been here before",
            self.circles.clone(),
        );
        registry.register("wills", "Wills published", self.wills.clone());
        registry.register(
            "sessions_expired",
            "Sessions that expired",
            self.expired.clone(),
        );
        registry.register(
            "records_missed",
            "Records that sessions behind could not be given: removed or damaged",
            self.missed.clone(),
        );
        registry.register(
            "batches_lagged",
            "Batches that sessions were fed from the journal instead",
            self.lagged.clone(),
        );
        registry.register(
            "check_ins_dropped",
            "Check-ins of devices that were not recorded: the journal's queue was full",
            self.check_ins_dropped.clone(),
        );
        registry.register(
            "commands_sent",
            "Commands handed to devices",
            self.commands_sent.clone(),
        );
        registry.register(
            "command_answers",
            "Answers of devices to commands, by what became of them",
            self.command_answers.clone(),
        );
    }
}

fn count(family: &Family<ByReason, Counter>, reason: &'static str) {
    family.get_or_create(&ByReason { reason }).inc();
}
