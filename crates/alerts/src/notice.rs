//! Notices: one notification of one case to one person or receiver, and its life.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use spica_cases::{CaseId, Severity};
use spica_model::Timestamp;

/// Which notice of which case: `3-17/2`. A notice that tests has a case of epoch 0, which no reign has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoticeId {
    /// What it is about.
    pub case: CaseId,
    /// Which one of the case, from 1.
    pub number: u32,
}

/// A text that is no [`NoticeId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a notice is written as its case and its number, such as 3-17/2")]
pub struct ParseNoticeIdError;

impl NoticeId {
    /// Whether it tests a channel and is about no real case.
    #[must_use]
    pub const fn is_test(self) -> bool {
        self.case.epoch == 0
    }
}

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.case, self.number)
    }
}

impl FromStr for NoticeId {
    type Err = ParseNoticeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (case, number) = text.split_once('/').ok_or(ParseNoticeIdError)?;
        let digits = !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
        let number = if digits { number } else { "" };
        Ok(Self {
            case: case.parse().map_err(|_| ParseNoticeIdError)?,
            number: number.parse().map_err(|_| ParseNoticeIdError)?,
        })
    }
}

macro_rules! words {
    ($type:ident, $($variant:ident = $text:literal),+) => {
        impl $type {
            /// Every one there is.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it, as in payloads.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = String;

            /// Reads the word back; the error lists the words there are.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!("{text:?} is none of {}", [$($text),+].join(", "))),
                }
            }
        }
    };
}

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The case was raised: the first step of its plan.
    Raised,
    /// Nobody acknowledged it: a later step.
    Escalated,
    /// Nobody acknowledged it: the last step once more.
    Repeated,
    /// The condition is normal again.
    Cleared,
    /// The case was closed.
    Closed,
    /// Somebody tries a channel.
    Test,
}

words!(
    Reason,
    Raised = "raised",
    Escalated = "escalated",
    Repeated = "repeated",
    Cleared = "cleared",
    Closed = "closed",
    Test = "test"
);

impl Reason {
    /// Whether it asks for somebody who acknowledges, rather than telling how it ended.
    #[must_use]
    pub const fn wants_somebody(self) -> bool {
        matches!(self, Self::Raised | Self::Escalated | Self::Repeated)
    }
}

/// Where a notice stands in its life. All but `Waiting` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeState {
    /// Not yet sent, or to be tried again.
    Waiting,
    /// The channel took it.
    Delivered,
    /// The channel refused it for good, or its attempts or its time are used up.
    Failed,
    /// No longer wanted, since somebody acknowledged the case before it left.
    Dropped,
}

words!(
    NoticeState,
    Waiting = "waiting",
    Delivered = "delivered",
    Failed = "failed",
    Dropped = "dropped"
);

/// A channel and an address on it, as in [`Notice`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    /// The channel by its name in the plan file.
    pub channel: String,
    /// Whom it is sent to; empty if the channel has only one receiver.
    pub address: String,
}

/// One notification to one person or receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which one.
    pub id: NoticeId,
    /// The person's name in the plan file; `None` for a receiver that is no person.
    pub person: Option<String>,
    /// The channel by its name in the plan file.
    pub channel: String,
    /// Whom it is sent to: a phone number, a mail address, whatever the channel's kind wants; empty
    /// if the channel has only one receiver.
    pub address: String,
    /// Why.
    pub reason: Reason,
    /// How severe its case was when it was made; the severer ones leave first.
    pub severity: Severity,
    /// Which step of the plan asked for it, from 1; 0 if none did.
    pub step: u32,
    /// Where it stands.
    pub state: NoticeState,
    /// How often it was tried.
    pub attempts: u32,
    /// How often it may be tried; `None` if only `give_up_at` limits it.
    pub attempts_max: Option<u32>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it is tried next, while it waits.
    pub next_at: Timestamp,
    /// When it is tried no more.
    pub give_up_at: Option<Timestamp>,
    /// When its state became final.
    pub settled_at: Option<Timestamp>,
    /// What the channel said to the last attempt, at most 500 bytes.
    pub last_answer: Option<String>,
    /// What is tried beside it once it fails or takes too long; empty when that has been started.
    pub fallbacks: Vec<Destination>,
    /// When the first of `fallbacks` is tried even though nothing failed.
    pub fallback_at: Option<Timestamp>,
}

impl Notice {
    /// Its channel and address.
    #[must_use]
    pub fn to(&self) -> Destination {
        Destination {
            channel: self.channel.clone(),
            address: self.address.clone(),
        }
    }
}

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The other side took it.
    Delivered {
        /// What it said.
        answer: String,
    },
    /// It may work later.
    Retry {
        /// What went wrong.
        answer: String,
        /// Not before so long, if the other side said so.
        after: Option<Duration>,
    },
    /// It will never work: an unknown address, a message that is refused.
    Refused {
        /// What the other side said.
        answer: String,
    },
}

impl Outcome {
    /// `delivered`, `retry` or `refused`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Retry { .. } => "retry",
            Self::Refused { .. } => "refused",
        }
    }

    /// What the other side said, or what went wrong.
    #[must_use]
    pub fn answer(&self) -> &str {
        match self {
            Self::Delivered { answer } | Self::Refused { answer } | Self::Retry { answer, .. } => {
                answer
            }
        }
    }
}
