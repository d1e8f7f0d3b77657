//! What the station counts.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use spica_journal::Ticket;
use spica_model::Lane;

use crate::batch::Batch;

/// Upper bounds of the time until records are durable, in seconds.
const DURABLE_SECONDS: [f64; 12] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];

/// The label of what is counted per reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByReason {
    reason: &'static str,
}

/// The label of what is counted per lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByLane {
    lane: &'static str,
}

/// One metric per lane, each found without a look-up.
#[derive(Debug, Clone)]
pub(crate) struct ByLanes<M> {
    family: Family<ByLane, M>,
    lanes: [M; 2],
}

/// A counter per reason.
pub(crate) type Reasons = Family<ByReason, Counter>;

/// The counters and gauges of the station. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) front: spica_front::Metrics,
    pub(crate) dialogues: Counter,
    pub(crate) identities_refused: Reasons,
    pub(crate) bad_frames: Reasons,
    pub(crate) violations: Reasons,
    pub(crate) entries: ByLanes<Counter>,
    pub(crate) entries_duplicate: ByLanes<Counter>,
    pub(crate) entries_unknown: Counter,
    pub(crate) durable_seconds: ByLanes<Histogram>,
    pub(crate) journal_full: Counter,
    pub(crate) check_ins_dropped: Counter,
    pub(crate) pictures: Counter,
    pub(crate) picture_errors: Reasons,
    pub(crate) commands_sent: Counter,
    pub(crate) commands_answered: Counter,
    pub(crate) command_errors: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            front: spica_front::Metrics::default(),
            dialogues: Counter::default(),
            identities_refused: Family::default(),
            bad_frames: Family::default(),
            violations: Family::default(),
            entries: ByLanes::new(Counter::default),
            entries_duplicate: ByLanes::new(Counter::default),
            entries_unknown: Counter::default(),
            durable_seconds: ByLanes::new(|| Histogram::new(DURABLE_SECONDS)),
            journal_full: Counter::default(),
            check_ins_dropped: Counter::default(),
            pictures: Counter::default(),
            picture_errors: Family::default(),
            commands_sent: Counter::default(),
            commands_answered: Counter::default(),
            command_errors: Counter::default(),
        }
    }
}

/// Counts one more for `reason`.
pub(crate) fn count(family: &Reasons, reason: &'static str) {
    family.get_or_create(&ByReason { reason }).inc();
}

impl<M: Clone> ByLanes<M> {
    fn new(make: fn() -> M) -> Self {
        let family = Family::new_with_constructor(make);
        let lanes = Lane::ALL.map(|lane| family.get_or_create_owned(&lane.into()));
        Self { family, lanes }
    }

    fn of(&self, lane: Lane) -> &M {
        &self.lanes[lane.index()]
    }
}

impl From<Lane> for ByLane {
    fn from(lane: Lane) -> Self {
        Self {
            lane: lane.as_str(),
        }
    }
}

impl Metrics {
    /// Counts the records of a batch that was submitted.
    pub(crate) fn appended(&self, batch: &Batch, ticket: &Ticket) {
        let repeated = ticket.appended().filter(|appended| appended.duplicate);
        self.entries_duplicate
            .of(batch.lane)
            .inc_by(repeated.count() as u64);
        self.entries.of(batch.lane).inc_by(batch.len() as u64);
    }

    /// Notes how long a lane took until everything a connection had submitted was durable.
    pub(crate) fn durable(&self, lane: Lane, took: Duration) {
        self.durable_seconds.of(lane).observe(took.as_secs_f64());
    }

    /// Makes them known to `registry`, with names that begin with `identicom_`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("identicom");
        self.front.register(registry);
        self.register_frames(registry);
        self.register_entries(registry);
        self.register_pictures_and_commands(registry);
    }

    fn register_frames(&self, registry: &mut Registry) {
        registry.register("dialogues", "Devices accepted", self.dialogues.clone());
        registry.register(
            "identities_refused",
            "Devices turned away",
            self.identities_refused.clone(),
        );
        registry.register(
            "bad_frames",
            "Frames that are none",
            self.bad_frames.clone(),
        );
        registry.register(
            "violations",
            "Messages against the dialogue",
            self.violations.clone(),
        );
    }

    fn register_entries(&self, registry: &mut Registry) {
        registry.register(
            "entries",
            "Log entries taken, repeated ones included",
            self.entries.family.clone(),
        );
        registry.register(
            "entries_duplicate",
            "Log entries that were known already",
            self.entries_duplicate.family.clone(),
        );
        registry.register(
            "entries_unknown",
            "Log entries with an event the profile does not know",
            self.entries_unknown.clone(),
        );
        registry.register(
            "durable_seconds",
            "Time from a log page to its entries being durable",
            self.durable_seconds.family.clone(),
        );
        registry.register(
            "journal_full",
            "Waits since the journal's queue was full",
            self.journal_full.clone(),
        );
        registry.register(
            "check_ins_dropped",
            "Check-ins not recorded since the journal's queue was full",
            self.check_ins_dropped.clone(),
        );
    }

    fn register_pictures_and_commands(&self, registry: &mut Registry) {
        registry.register("pictures", "Pictures stored", self.pictures.clone());
        registry.register(
            "picture_errors",
            "Pictures or blocks not taken",
            self.picture_errors.clone(),
        );
        registry.register(
            "commands_sent",
            "Commands put on the wire",
            self.commands_sent.clone(),
        );
        registry.register(
            "commands_answered",
            "Commands that devices answered",
            self.commands_answered.clone(),
        );
        registry.register(
            "command_errors",
            "Changes of commands that could not be recorded",
            self.command_errors.clone(),
        );
    }
}
