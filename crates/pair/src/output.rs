//! What a half of a pair wants done.

use spica_model::{Epoch, Lane, Seq};

use crate::star::RoleError;
use crate::witness::Question;
use crate::{Durable, Message};

/// When the active may acknowledge a record that is durable on its own disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Gate {
    /// Not at all.
    #[default]
    Closed,
    /// When the partner has it too.
    Pair,
    /// At once.
    Solo,
}

/// What becomes of a request. Votes are answered at once; `Wait` means that a decision is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Served here.
    Serve,
    /// Not served here.
    Refuse,
    /// A take-over is under way: ask again when the status changes.
    Wait,
}

/// Why a node must begin again: it stops serving, closes its parts, and starts as if it had just
/// been started. The only way out of being active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has handed over.
    HandedOver,
    /// The partner reigns in a later epoch.
    Outranked {
        /// The partner's epoch.
        by: Epoch,
    },
    /// The witness has given a later epoch to somebody else.
    WitnessRefused {
        /// The epoch that stands there.
        recorded: Epoch,
    },
    /// Its journal parted from the active's: what is behind `common` must be put aside first.
    Parted {
        /// The lane.
        lane: Lane,
        /// The last place that both have in common.
        common: Seq,
    },
    /// Both nodes were passive.
    DualPassive,
}

/// What an operator must hear. The active makes a critical record of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// This node is active now.
    Active {
        /// Its epoch.
        epoch: Epoch,
        /// Whether it took over from a partner that was active.
        took_over: bool,
    },
    /// The partner's heartbeats are gone.
    PartnerLost,
    /// The partner is there again.
    PartnerBack,
    /// Records are acknowledged although only this node has them.
    Alone {
        /// The epoch.
        epoch: Epoch,
        /// Whether a witness permitted it.
        witnessed: bool,
    },
    /// Nothing is acknowledged: the partner is gone and this node may not go on alone.
    Silent,
    /// The passive holds everything; records are acknowledged when both have them.
    Complete,
    /// A request came to a node whose partner is gone, and which may lack records: it does not take
    /// over.
    Stale {
        /// The newest epoch up to which it holds everything.
        authority: Epoch,
        /// The newest epoch that it knows of.
        newest: Epoch,
    },
    /// A request came to a backup that has not seen its partner since it started.
    UnhealthyStart,
    /// Neither node may serve: one is damaged, the other one lacks records.
    Undecided,
    /// This node is active, and its journal has found damaged records: only the partner can make them
    /// good.
    Damaged {
        /// Whether the partner holds everything, and takes over.
        hands_over: bool,
    },
    /// The follower's journal parted from the active's.
    Parted {
        /// The lane.
        lane: Lane,
        /// The last place that both have in common.
        common: Seq,
    },
    /// An operator made this node active.
    Promoted {
        /// Its epoch.
        epoch: Epoch,
    },
    /// The two nodes do not fit together.
    Role(RoleError),
}

/// What a half of a pair wants done, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Say this to the partner, after everything that was replicated before.
    Send(Message),
    /// Send [`Message::Promise`] for this epoch, with the ends of all that was acknowledged: to be
    /// looked up after the gate was set as the outputs before this one say.
    Promise(Epoch),
    /// Store this durably, then say [`Event::Stored`](crate::Event::Stored).
    Store(Durable),
    /// Ask the witness, then say [`Event::Witness`](crate::Event::Witness).
    Ask(Question),
    /// Let the journal begin this epoch durably, then say
    /// [`Event::EpochBegun`](crate::Event::EpochBegun).
    BeginEpoch(Epoch),
    /// Serve: take records in, in this epoch.
    Lead(Epoch),
    /// Follow the partner, who is active.
    Follow,
    /// When to acknowledge from now on.
    Gate(Gate),
    /// Take nothing more in; when all is on both nodes, say [`Event::Drained`](crate::Event::Drained).
    Drain,
    /// Stop serving and begin again.
    Restart(Reason),
    /// The two can be no pair: serve nobody until it is put right.
    Refuse(RoleError),
    /// Tell the operator.
    Tell(Notice),
}

impl Notice {
    /// A short name, for records and counters.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Active {
                took_over: true, ..
            } => "failover",
            Self::Active { .. } => "active",
            Self::PartnerLost => "partner-lost",
            Self::PartnerBack => "partner-back",
            Self::Alone { .. } => "solo",
            Self::Silent => "silent",
            Self::Complete => "complete",
            Self::Stale { .. } => "stale",
            Self::UnhealthyStart => "unhealthy-start",
            Self::Undecided => "undecided",
            Self::Damaged { .. } => "damaged",
            Self::Parted { .. } => "diverged",
            Self::Promoted { .. } => "promoted",
            Self::Role(_) => "role-error",
        }
    }
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Active { epoch, took_over: true } => {
                write!(f, "this node has taken over and is active in epoch {}", epoch.0)
            }
            Self::Active { epoch, .. } => write!(f, "this node is active in epoch {}", epoch.0),
            Self::PartnerLost => f.write_str("the partner's heartbeats are gone"),
            Self::PartnerBack => f.write_str("the partner is there again"),
            Self::Alone { epoch, witnessed } => write!(
                f,
                "records are acknowledged although only this node has them, in epoch {}, {}",
                epoch.0,
                if *witnessed { "as the witness permits" } else { "as there is no witness to ask" }
            ),
            Self::Silent => f.write_str(
                "nothing is acknowledged: the partner is gone and this node may not go on alone",
            ),
            Self::Complete => {
                f.write_str("the partner holds everything: records are acknowledged when both have them")
            }
            Self::Stale { authority, newest } => write!(
                f,
                "this node may lack records and does not take over: it holds everything up to epoch \
                 {}, but epoch {} has begun; start the partner, or order it with `spica pair promote`",
                authority.0, newest.0
            ),
            Self::UnhealthyStart => f.write_str(
                "a request came, but this is the backup and it has not seen its partner since it \
                 started: start the partner, or order it with `spica pair promote`",
            ),
            Self::Undecided => f.write_str(
                "neither node may serve: one is damaged and the other one lacks records; decide with \
                 `spica pair promote`",
            ),
            Self::Damaged { hands_over: true } => f.write_str(
                "records of this node are damaged: the partner, which holds everything, takes over, and \
                 this node gets them again from it",
            ),
            Self::Damaged { hands_over: false } => f.write_str(
                "records of this node are damaged and are not served; it goes on, for its partner does \
                 not hold everything: see to it that the partner is there, and what `spica journal \
                 verify` says",
            ),
            Self::Parted { lane, common } => write!(
                f,
                "the passive's {lane} lane parted from the active's after {}: what follows is put \
                 aside and re-entered as new records",
                common.0
            ),
            Self::Promoted { epoch } => {
                write!(f, "an operator made this node active, in epoch {}", epoch.0)
            }
            Self::Role(error) => error.fmt(f),
        }
    }
}
