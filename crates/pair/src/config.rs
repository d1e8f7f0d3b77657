//! How a half of a pair is set up.

use std::time::Duration;

use crate::Side;

/// Whether a node that has no witness goes on alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Solo {
    /// It does. When only the link between the two is cut and clients reach both, both may: their
    /// histories part then, and the loser's is re-entered when they meet again.
    #[default]
    Accept,
    /// It does not: nothing is acknowledged until the partner is back.
    Refuse,
}

/// How a half of a pair is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Which of the two this node is.
    pub side: Side,
    /// How often it says that it lives.
    pub heartbeat: Duration,
    /// After how long without a heartbeat the partner counts as gone.
    pub dead_after: Duration,
    /// Whether there is a witness, who alone then permits to go on alone.
    pub witness: bool,
    /// Without a witness: whether to go on alone.
    pub solo: Solo,
    /// After how long the witness is asked again, when it did not answer.
    pub ask_again: Duration,
    /// How many records the partner may lack when the active begins to wait for it.
    pub join_within: u64,
}

/// Why a setup is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The partner would be given up between two heartbeats.
    #[error(
        "the partner counts as gone after {dead_after:?}, which must be 2 heartbeats ({heartbeat:?}) or more"
    )]
    DeadTooSoon {
        /// The setting.
        dead_after: Duration,
        /// The other setting.
        heartbeat: Duration,
    },
    /// No heartbeat.
    #[error("the heartbeat must be longer than nothing")]
    NoHeartbeat,
}

impl Config {
    /// A setup with the usual times: 100 ms heartbeats, gone after 3 of them, no witness.
    #[must_use]
    pub const fn new(side: Side) -> Self {
        Self {
            side,
            heartbeat: Duration::from_millis(100),
            dead_after: Duration::from_millis(300),
            witness: false,
            solo: Solo::Accept,
            ask_again: Duration::from_millis(200),
            join_within: 4_096,
        }
    }

    /// Says whether it can work.
    ///
    /// # Errors
    /// With what is wrong and what is allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let Self {
            heartbeat,
            dead_after,
            ..
        } = *self;
        if heartbeat.is_zero() {
            return Err(ConfigError::NoHeartbeat);
        }
        if dead_after < heartbeat * 2 {
            return Err(ConfigError::DeadTooSoon {
                dead_after,
                heartbeat,
            });
        }
        Ok(())
    }
}
