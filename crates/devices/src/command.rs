//! The life of a command: queued, sent, and settled in one of four ways.
//!
//! ```text
//!            sent            result 0
//!  queued ─────────▶ sent ─────────────▶ confirmed
//!    │              ▲ │ │    result > 0
//!    │              └─┘ ├──────────────▶ refused
//!    │             sent │
//!    ├──────────────────┴──▶ expired (its time is over)
//!    └──────────────────┴──▶ cancelled (an operator)
//! ```
//!
//! A command that was sent but has no result yet goes out again in the device's next connection:
//! whether the device saw it is not known. Settled states are final.

use std::fmt;
use std::str::FromStr;

use spica_model::Timestamp;

use crate::Serial;

/// Where a command stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandState {
    /// It waits for the device to dial in.
    Queued,
    /// It was put on the wire at least once; the device has not answered.
    Sent,
    /// The device has done it.
    Confirmed,
    /// The device has refused it.
    Refused,
    /// Its time was over before the device answered.
    Expired,
    /// An operator took it back before the device answered. If it was sent, the device may still
    /// have done it.
    Cancelled,
}

impl CommandState {
    /// Every state, in the order of life.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Sent,
        Self::Confirmed,
        Self::Refused,
        Self::Expired,
        Self::Cancelled,
    ];

    /// The word for it, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing can happen to the command any more.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Queued | Self::Sent)
    }
}

impl fmt::Display for CommandState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CommandState {
    type Err = String;

    /// Reads the word back; the error lists the words there are.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let state = Self::ALL.into_iter().find(|state| state.as_str() == text);
        state.ok_or_else(|| {
            format!(
                "{text:?} is none of {}",
                Self::ALL.map(Self::as_str).join(", ")
            )
        })
    }
}

/// Something a device is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Whose command it is.
    pub serial: Serial,
    /// Its number, unique among the device's kept commands.
    pub id: u16,
    /// What is asked, as the device knows it.
    pub code: u8,
    /// What is asked, for people.
    pub name: String,
    /// The arguments, as they go on the wire (before escaping).
    pub arguments: Vec<u8>,
    /// Where it stands.
    pub state: CommandState,
    /// When it was queued; no two commands of a device have the same time.
    pub queued_at: Timestamp,
    /// From when on it is not sent any more.
    pub expires_at: Timestamp,
    /// When it was last sent.
    pub sent_at: Option<Timestamp>,
    /// When it was settled.
    pub settled_at: Option<Timestamp>,
    /// How often it was sent.
    pub attempts: u32,
    /// What the device answered: 0 done, else its reason to refuse.
    pub result: Option<u8>,
    /// Who asked.
    pub by: String,
}

/// What can happen to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It goes on the wire.
    Send,
    /// The device answers: 0 done, else refused with that code.
    Settle(u8),
    /// Its time is over.
    Expire,
    /// An operator takes it back.
    Cancel,
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send => f.write_str("sent"),
            Self::Settle(result) => write!(f, "settled with result {result}"),
            Self::Expire => f.write_str("expired"),
            Self::Cancel => f.write_str("cancelled"),
        }
    }
}

/// A transition that the life of a command does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    /// Not from this state.
    #[error("command {id} is {from}: it cannot be {transition}")]
    Illegal {
        /// The command.
        id: u16,
        /// Where it stands.
        from: CommandState,
        /// What was to happen to it.
        transition: Transition,
    },
    /// It is not sent after its time.
    #[error("command {id} may not be sent any more: it expired at {expires_at}")]
    Overdue {
        /// The command.
        id: u16,
        /// When its time was over.
        expires_at: Timestamp,
    },
    /// It does not expire before its time.
    #[error("command {id} may not expire yet: it has time until {expires_at}")]
    Early {
        /// The command.
        id: u16,
        /// When its time will be over.
        expires_at: Timestamp,
    },
}

impl Command {
    /// The command after `transition` at `now`.
    ///
    /// # Errors
    /// If its life has no such transition from where it stands, or not at this time. A device's
    /// answer is taken even when the command's time is over but nobody has noted it yet: it is true.
    pub fn after(&self, transition: Transition, now: Timestamp) -> Result<Self, TransitionError> {
        use CommandState::{Cancelled, Confirmed, Expired, Queued, Refused, Sent};
        let state = match (self.state, transition) {
            (Queued | Sent, Transition::Send) if self.is_due(now) => {
                return Err(self.overdue());
            }
            (Queued | Sent, Transition::Expire) if !self.is_due(now) => {
                return Err(self.early());
            }
            (Queued | Sent, Transition::Send) => return Ok(self.sent(now)),
            (Sent, Transition::Settle(0)) => Confirmed,
            (Sent, Transition::Settle(_)) => Refused,
            (Queued | Sent, Transition::Expire) => Expired,
            (Queued | Sent, Transition::Cancel) => Cancelled,
            (Queued, Transition::Settle(_)) | (Confirmed | Refused | Expired | Cancelled, _) => {
                return Err(self.illegal(transition));
            }
        };
        let result = match transition {
            Transition::Settle(result) => Some(result),
            _ => None,
        };
        Ok(Self {
            state,
            result,
            settled_at: Some(now),
            ..self.clone()
        })
    }

    /// Whether its time is over at `now`.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    fn sent(&self, now: Timestamp) -> Self {
        Self {
            state: CommandState::Sent,
            sent_at: Some(now),
            attempts: self.attempts.saturating_add(1),
            ..self.clone()
        }
    }

    const fn illegal(&self, transition: Transition) -> TransitionError {
        TransitionError::Illegal {
            id: self.id,
            from: self.state,
            transition,
        }
    }

    const fn overdue(&self) -> TransitionError {
        TransitionError::Overdue {
            id: self.id,
            expires_at: self.expires_at,
        }
    }

    const fn early(&self) -> TransitionError {
        TransitionError::Early {
            id: self.id,
            expires_at: self.expires_at,
        }
    }
}

#[cfg(test)]
mod tests;
