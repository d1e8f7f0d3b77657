//! The table of Binary Star, exactly, with role errors made explicit.
//!
//! What it cannot know (which history is whole, who may go on alone) is decided by the machine
//! around it; this function is the pattern and nothing else.

use std::fmt;

/// The states of the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Started as the primary, partner not yet seen.
    Primary,
    /// Started as the backup, partner not yet seen.
    Backup,
    /// Serves.
    Active,
    /// Follows the active.
    Passive,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Primary, Self::Backup, Self::Active, Self::Passive];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Backup => "backup",
            Self::Active => "active",
            Self::Passive => "passive",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a node meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The partner, and its state.
    Peer(State),
    /// A request: a vote. Whether the partner's heartbeats are gone.
    Request {
        /// They are.
        expired: bool,
    },
}

/// What the pattern says to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Nothing.
    Ignore,
    /// Begin to serve.
    Activate,
    /// Begin to follow.
    Follow,
    /// Serve the request.
    Accept,
    /// Read and discard the request.
    Reject,
    /// The two do not fit together.
    Error(RoleError),
}

/// Two nodes whose states cannot be those of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// Both are configured as the primary.
    #[error("both nodes are configured as the primary: make one of them the backup")]
    DualPrimary,
    /// Both are configured as the backup.
    #[error("both nodes are configured as the backup: make one of them the primary")]
    DualBackup,
    /// Both serve.
    #[error("both nodes are active: the one with the older epoch steps down")]
    DualActive,
    /// Both follow.
    #[error("both nodes are passive: both begin again")]
    DualPassive,
}

/// The table.
#[must_use]
pub const fn decide(state: State, seen: Seen) -> Move {
    use State::{Active, Backup, Passive, Primary};
    match (state, seen) {
        (Primary, Seen::Peer(Primary)) => Move::Error(RoleError::DualPrimary),
        (Backup, Seen::Peer(Backup)) => Move::Error(RoleError::DualBackup),
        (Active, Seen::Peer(Active)) => Move::Error(RoleError::DualActive),
        (Passive, Seen::Peer(Passive)) => Move::Error(RoleError::DualPassive),
        (Primary, Seen::Peer(Backup)) | (Passive, Seen::Peer(Primary | Backup)) => Move::Activate,
        (Primary | Backup, Seen::Peer(Active)) => Move::Follow,
        (Active, Seen::Request { .. }) => Move::Accept,
        (Primary | Passive, Seen::Request { expired: true }) => Move::Activate,
        (Backup, Seen::Request { .. }) | (Primary | Passive, Seen::Request { expired: false }) => {
            Move::Reject
        }
        (Primary, Seen::Peer(Passive))
        | (Backup, Seen::Peer(Primary | Passive))
        | (Active, Seen::Peer(Primary | Backup | Passive))
        | (Passive, Seen::Peer(Active)) => Move::Ignore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reactor's column of the pattern, written down a second time, as the documents have it.
    #[test]
    fn the_table_is_the_patterns_cell_by_cell() {
        use Move::{Accept, Activate, Error, Follow, Ignore, Reject};
        use RoleError::{DualActive, DualBackup, DualPassive, DualPrimary};
        // Peer primary, backup, active, passive; request with a partner alive, and gone.
        let table = [
            (
                State::Primary,
                [
                    Error(DualPrimary),
                    Activate,
                    Follow,
                    Ignore,
                    Reject,
                    Activate,
                ],
            ),
            (
                State::Backup,
                [Ignore, Error(DualBackup), Follow, Ignore, Reject, Reject],
            ),
            (
                State::Active,
                [Ignore, Ignore, Error(DualActive), Ignore, Accept, Accept],
            ),
            (
                State::Passive,
                [
                    Activate,
                    Activate,
                    Ignore,
                    Error(DualPassive),
                    Reject,
                    Activate,
                ],
            ),
        ];
        for (state, row) in table {
            let peers = State::ALL.map(|peer| decide(state, Seen::Peer(peer)));
            assert_eq!(peers, row[..4], "{state} and its peer");
            let requests = [false, true].map(|expired| decide(state, Seen::Request { expired }));
            assert_eq!(requests, row[4..], "{state} and a request");
        }
    }
}
