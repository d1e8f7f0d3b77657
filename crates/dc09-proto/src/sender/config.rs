//! How a sender is set up.

use std::time::Duration;

use crate::{Account, Key, Number};

/// How one account sends. [`Config::new`] has the usual values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The account.
    pub account: Account,
    /// The receiver's number (`R`). The standard does without, but there are receivers whose answers
    /// cannot be read when it is not said.
    pub receiver: Option<Number>,
    /// The line's number (`L`).
    pub line: Option<Number>,
    /// Encrypts everything, and demands encrypted acknowledgements.
    pub key: Option<Key>,
    /// How often the main path is polled when nothing else is sent on it.
    pub main_poll: Duration,
    /// How often the backup path is polled; None if there is no backup.
    pub backup_poll: Option<Duration>,
    /// After how long a connection that does not come about counts as a miss.
    pub connect_within: Duration,
    /// After how long without an answer a message counts as missed.
    pub answer_within: Duration,
    /// After how many misses in a row events take the other path.
    pub switch_after: u32,
    /// After how many misses in a row a path counts as failed.
    pub fail_after: u32,
    /// How long after the first miss it is tried again; twice as long after each further one.
    pub backoff: Duration,
    /// The longest such pause.
    pub backoff_max: Duration,
    /// How long a connection is kept when nothing is to be sent.
    pub linger: Duration,
    /// Most events that wait at once.
    pub queue: usize,
}

/// Why a setup is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A time is nothing.
    #[error("{0} must be longer than nothing")]
    Zero(&'static str),
    /// A number is nothing.
    #[error("{0} must be 1 or more")]
    None(&'static str),
    /// The first pause is longer than the longest.
    #[error(
        "the longest pause between attempts ({most:?}) must not be shorter than the first ({first:?})"
    )]
    Backoff {
        /// The first pause.
        first: Duration,
        /// The longest one.
        most: Duration,
    },
}

impl Config {
    /// A setup with the usual values: no encryption, no backup; the main path is polled every 85 s.
    ///
    /// A dead main path is then known after at most 85 s and three attempts with their pauses, in
    /// all less than two minutes; the strictest category of EN 50136 asks for three.
    #[must_use]
    pub fn new(account: Account) -> Self {
        Self {
            account,
            receiver: "0".parse().ok(),
            line: "0".parse().ok(),
            key: None,
            main_poll: Duration::from_secs(85),
            backup_poll: None,
            connect_within: Duration::from_secs(5),
            answer_within: Duration::from_secs(5),
            switch_after: 3,
            fail_after: 3,
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            linger: Duration::from_secs(10),
            queue: 1_000,
        }
    }

    /// The usual interval of polls on a backup path.
    pub const BACKUP_POLL: Duration = Duration::from_secs(890);

    /// Says whether it can work.
    ///
    /// # Errors
    /// With what is wrong and what is allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let times = [
            (
                "the interval of polls on the main path",
                Some(self.main_poll),
            ),
            ("the interval of polls on the backup path", self.backup_poll),
            ("the time for a connection", Some(self.connect_within)),
            ("the time for an answer", Some(self.answer_within)),
            ("the first pause between attempts", Some(self.backoff)),
            ("the time that a connection is kept", Some(self.linger)),
        ];
        if let Some((name, _)) = times.iter().find(|(_, time)| *time == Some(Duration::ZERO)) {
            return Err(ConfigError::Zero(name));
        }
        if self.backoff_max < self.backoff {
            return Err(ConfigError::Backoff {
                first: self.backoff,
                most: self.backoff_max,
            });
        }
        let numbers = [
            (
                "the number of misses before the other path is taken",
                self.switch_after > 0,
            ),
            (
                "the number of misses before a path counts as failed",
                self.fail_after > 0,
            ),
            ("the number of events that may wait", self.queue > 0),
        ];
        match numbers.iter().find(|(_, is_some)| !is_some) {
            Some((name, _)) => Err(ConfigError::None(name)),
            None => Ok(()),
        }
    }

    /// The pause after so many misses in a row.
    pub(super) fn pause(&self, misses: u32) -> Duration {
        let doublings = misses.saturating_sub(1).min(31);
        self.backoff
            .saturating_mul(1 << doublings)
            .min(self.backoff_max)
    }
}
