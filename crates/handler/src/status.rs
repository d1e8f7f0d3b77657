//! How handlers stand.

use std::fmt;

use spica_model::{Lane, Seq, Timestamp};

use crate::Pause;

/// What a handler of a lane is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It handles what comes.
    Running,
    /// An operator has paused it.
    Paused,
    /// It has failed and tries again.
    Retrying,
    /// It stands at a record that it cannot handle: there is no room for another dead letter.
    Blocked,
    /// It has crashed or hung and is made anew.
    Restarting,
    /// The node does not serve.
    Standby,
    /// Its lane has failed or was closed; it does nothing any more.
    Ended,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Running,
        Self::Paused,
        Self::Retrying,
        Self::Blocked,
        Self::Restarting,
        Self::Standby,
        Self::Ended,
    ];

    /// The word for it, such as `running`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Retrying => "retrying",
            Self::Blocked => "blocked",
            Self::Restarting => "restarting",
            Self::Standby => "standby",
            Self::Ended => "ended",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The last thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// When.
    pub at: Timestamp,
    /// What, for the operator.
    pub text: String,
}

/// How a handler of one lane stands. Counts begin with the process.
#[derive(Debug, Clone, PartialEq)]
pub struct HandlerStatus {
    /// The handler.
    pub name: String,
    /// The lane.
    pub lane: Lane,
    /// What it is at.
    pub state: State,
    /// Who has paused it, if it is.
    pub pause: Option<Pause>,
    /// The durable cursor: after a crash it goes on behind it.
    pub cursor: Seq,
    /// How far it is. It may have to do what lies between the cursor and this again.
    pub through: Seq,
    /// Durable records that it has not handled.
    pub lag_records: u64,
    /// Age of the oldest of them, in seconds; 0 if there is none.
    pub lag_seconds: f64,
    /// Records handled.
    pub handled: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Attempts after a failure.
    pub retries: u64,
    /// How often it crashed or hung and was made anew.
    pub restarts: u64,
    /// Records that retention removed before it came to them.
    pub gap_records: u64,
    /// Records that were damaged on disk.
    pub damaged_records: u64,
    /// Dead letters of this lane that are kept.
    pub dead_letters: usize,
    /// The last thing that went wrong.
    pub last_error: Option<LastError>,
}
