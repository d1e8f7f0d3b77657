//! How a half of a pair stands.

use std::time::Duration;

use spica_model::Epoch;

use crate::star::{RoleError, State};
use crate::{Beat, Gate, Side};

/// What a node is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Nothing.
    #[default]
    Settled,
    /// Getting a new epoch: a take-over, or going on alone.
    Claiming,
    /// Handing over to the partner.
    HandingOver,
    /// It will begin again.
    Leaving,
    /// The two are no pair.
    Refused(RoleError),
}

/// How much of the active's records the passive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// Nobody follows, or nobody is followed.
    #[default]
    Absent,
    /// It follows, and lacks records.
    CatchingUp {
        /// How many, of both lanes; 0 on the passive, which does not know.
        behind: u64,
    },
    /// It holds everything that is acknowledged.
    Complete,
    /// It lacks records of a later epoch and follows nobody.
    Stale,
}

/// How a half of a pair stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Status {
    /// Its side by configuration.
    pub side: Side,
    /// Its state.
    pub state: State,
    /// What it is in the middle of.
    pub phase: Phase,
    /// The epoch in which it is active or which it follows; else the newest that it has seen.
    pub epoch: Epoch,
    /// The newest epoch up to which it holds everything that was acknowledged.
    pub authority: Epoch,
    /// When it acknowledges.
    pub gate: Gate,
    /// How much the passive has.
    pub sync: Sync,
    /// Whether the partner's heartbeats come.
    pub partner_alive: bool,
    /// The partner's last heartbeat, and how long ago it came.
    pub partner: Option<(Beat, Duration)>,
    /// Whether its journal is sound.
    pub sound: bool,
}
