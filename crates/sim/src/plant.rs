//! Bugs that are planted on purpose: the simulator is worth what it finds.
//!
//! They live in the simulator's own shell, or stand between it and the cores; the cores know none.

use std::fmt;
use std::str::FromStr;

/// A bug to plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plant {
    /// The active acknowledges what only it holds, although the gate says *pair*.
    AckBeforePartner,
    /// What was written counts as durable before the flush is over.
    AckFromStaged,
    /// A node takes records of whoever sends them: an older epoch is not refused, not even by one that
    /// leads.
    SkipEpochCheck,
    /// The active cuts the diverged suffix of its partner off, and nobody keeps it.
    DropSuffix,
    /// A node counts itself as complete when it asks to be active.
    StaleVote,
    /// The passive is told a promise that it holds from the first moment on.
    EmptyPromise,
    /// The witness grants whoever asks with a higher epoch.
    WitnessIgnoresBasis,
    /// Going alone keeps the old epoch: the journal's refusal is taken as consent.
    SameEpochAlone,
    /// Damage that is found at the start is not told to the core.
    DamageHidden,
    /// That a node led or was complete is said to be stored, and is not.
    NeverStored,
    /// The handler saves its cursor first, and works then.
    CursorFirst,
    /// A suffix is re-entered as new facts, without their keys.
    ReentryWithoutKey,
    /// A retry is not looked up by its key.
    ForgetKeys,
    /// Histories are assumed, not compared: the follower goes on after its own end.
    AssumeHistories,
    /// The passive shows records before they are committed.
    ShowUncommitted,
    /// The passive acknowledges what it has not flushed.
    PassiveAcksStaged,
    /// The passive stamps records with its own clock.
    OwnStamp,
    /// The desk's mark is not stored with what was decided.
    MarkApart,
    /// A message leaves before the record that says so is durable.
    SendEarly,
    /// A desk that begins does not restore conditions.
    RestoreWithoutConditions,
    /// A desk that begins does not restore notices that were on their way.
    ForgetNotices,
    /// An operator is answered before what was ordered is durable.
    OrderEarly,
    /// A desk begins while what an earlier one has decided is not yet durable.
    BeginEarly,
    /// What a desk has decided in a reign that is over is entered again as if it counted.
    ReenterDecisions,
}

/// A name that no plant has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no planted bug has the name {0:?}")]
pub struct UnknownPlant(String);

impl Plant {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::AckBeforePartner,
        Self::AckFromStaged,
        Self::SkipEpochCheck,
        Self::DropSuffix,
        Self::StaleVote,
        Self::EmptyPromise,
        Self::WitnessIgnoresBasis,
        Self::SameEpochAlone,
        Self::DamageHidden,
        Self::NeverStored,
        Self::CursorFirst,
        Self::ReentryWithoutKey,
        Self::ForgetKeys,
        Self::AssumeHistories,
        Self::ShowUncommitted,
        Self::PassiveAcksStaged,
        Self::OwnStamp,
        Self::MarkApart,
        Self::SendEarly,
        Self::RestoreWithoutConditions,
        Self::ForgetNotices,
        Self::OrderEarly,
        Self::BeginEarly,
        Self::ReenterDecisions,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AckBeforePartner => "ack-before-partner",
            Self::AckFromStaged => "ack-from-staged",
            Self::SkipEpochCheck => "skip-epoch-check",
            Self::DropSuffix => "drop-suffix",
            Self::StaleVote => "stale-vote",
            Self::EmptyPromise => "empty-promise",
            Self::WitnessIgnoresBasis => "witness-ignores-basis",
            Self::SameEpochAlone => "same-epoch-alone",
            Self::DamageHidden => "damage-hidden",
            Self::NeverStored => "never-stored",
            Self::CursorFirst => "cursor-first",
            Self::ReentryWithoutKey => "reentry-without-key",
            Self::ForgetKeys => "forget-keys",
            Self::AssumeHistories => "assume-histories",
            Self::ShowUncommitted => "show-uncommitted",
            Self::PassiveAcksStaged => "passive-acks-staged",
            Self::OwnStamp => "own-stamp",
            Self::MarkApart => "mark-apart",
            Self::SendEarly => "send-early",
            Self::RestoreWithoutConditions => "restore-without-conditions",
            Self::ForgetNotices => "forget-notices",
            Self::OrderEarly => "order-early",
            Self::BeginEarly => "begin-early",
            Self::ReenterDecisions => "reenter-decisions",
        }
    }
}

impl fmt::Display for Plant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Plant {
    type Err = UnknownPlant;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|plant| plant.name() == text)
            .ok_or_else(|| UnknownPlant(text.to_owned()))
    }
}
