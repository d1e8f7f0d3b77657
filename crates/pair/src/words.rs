//! What the nodes of a pair say of themselves.

use std::fmt;
use std::time::Duration;

use spica_model::{Epoch, Seq};

use crate::star::State;

/// Monotonic time since an origin that the shell chooses once.
pub type Time = Duration;

/// Which of the two a node is by configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The one that is preferred when both start.
    Primary,
    /// The other one.
    Backup,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Primary => Self::Backup,
            Self::Backup => Self::Primary,
        }
    }

    /// `primary` or `backup`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Backup => "backup",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a node knows durably of its part in the pair. Stored before anything depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    /// The newest epoch in which it was active; 0 if never.
    pub led: Epoch,
    /// The newest epoch in which it held, as the passive, everything that was acknowledged; 0 if
    /// never.
    pub complete: Epoch,
}

impl Default for Durable {
    fn default() -> Self {
        Self {
            led: Epoch(0),
            complete: Epoch(0),
        }
    }
}

impl Durable {
    /// The newest epoch up to which it holds everything that was ever acknowledged.
    #[must_use]
    pub fn authority(self) -> Epoch {
        self.led.max(self.complete)
    }
}

/// What a node finds out about itself when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What it had stored.
    pub durable: Durable,
    /// The newest epoch that its journal has seen.
    pub epoch: Epoch,
    /// The ends of its lanes.
    pub ends: [Seq; 2],
    /// Whether its journal is without damage that only the partner can make good.
    pub sound: bool,
}

/// What a node says with every heartbeat. Only a node whose journal answers says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Its side.
    pub side: Side,
    /// Its state.
    pub state: State,
    /// The epoch in which it is active or which it follows; else the newest that it has seen.
    pub epoch: Epoch,
    /// The newest epoch up to which it holds everything that was acknowledged.
    pub authority: Epoch,
    /// Whether its journal is without damage.
    pub sound: bool,
    /// The ends of its lanes.
    pub ends: [Seq; 2],
}
