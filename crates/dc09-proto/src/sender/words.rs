//! What goes into a sender, and what comes out.

use std::fmt;
use std::time::Duration;

use spica_model::Timestamp;

use crate::{EncodeError, ReplyError, Sequence};

/// The time, as the shell reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Monotonic, since an origin that the shell chooses once. All waiting goes by it.
    pub steady: Duration,
    /// The wall clock's, which messages say.
    pub wall: Timestamp,
}

/// By which way a message goes: each leads to a receiver of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// The one that is preferred.
    Main,
    /// The one that is taken when the main path does not answer.
    Backup,
}

impl Path {
    /// Both, the preferred one first.
    pub const ALL: [Self; 2] = [Self::Main, Self::Backup];

    /// `main` or `backup`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Backup => "backup",
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The caller's name of an event. An event that is queued again under its name, while it still
/// waits, is the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub u64);

/// What happens to a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// A connection that was asked for stands.
    Connected(Path),
    /// A connection is gone, or did not come about.
    Disconnected(Path),
    /// A receiver sent these bytes; they need not be a whole answer.
    Bytes(Path, &'a [u8]),
    /// Nothing, but the [deadline](super::Sender::deadline) is reached.
    Tick,
}

/// What a sender wants done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Connect to the path's receiver, then say [`Input::Connected`] or [`Input::Disconnected`].
    Connect(Path),
    /// Close the path's connection, or give up to connect. Nothing that this connection still says or
    /// does may reach the sender after that.
    Close(Path),
    /// Send these bytes on the path's connection.
    Send {
        /// The path.
        path: Path,
        /// The number of the message: what to keep, so that the next start goes on behind it.
        sequence: Sequence,
        /// Which event it is; None for a poll.
        event: Option<EventId>,
        /// One frame.
        bytes: Vec<u8>,
    },
    /// A receiver has acknowledged the event: it is done.
    Delivered {
        /// Which event.
        id: EventId,
        /// By which path.
        path: Path,
        /// Under which number.
        sequence: Sequence,
    },
    /// The event will not be sent again, and no receiver has taken it: tell the operator.
    Refused {
        /// Which event.
        id: EventId,
        /// Why.
        reason: Refusal,
    },
    /// The path has not answered several times in a row: tell the operator.
    PathFailed(Path),
    /// The path answers again.
    PathRestored(Path),
    /// Something came that does not count. Worth a line in a log.
    Ignored {
        /// By which path.
        path: Path,
        /// Why it does not count.
        why: Ignored,
    },
}

/// Why an event is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A receiver said `DUH`.
    #[error(
        "the station's receiver on the {0} path cannot process the event (DUH): ask the station \
         whether it knows the account and the codes"
    )]
    Duh(Path),
    /// Every receiver said `NAK` again and again.
    #[error(
        "every receiver of the station refuses the event's time although it was corrected (NAK): ask \
         the station whether it knows the account and its key"
    )]
    Nak,
    /// It fits into no frame.
    #[error("the event cannot be sent: {0}")]
    Encode(EncodeError),
}

/// Why something that came does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// It is no answer.
    #[error(transparent)]
    Unreadable(#[from] ReplyError),
    /// It is an answer to another account.
    #[error("the answer is for another account")]
    OtherAccount,
    /// It is an answer to a message that nobody waits for any more.
    #[error("the answer is to message {0}, for which nothing waits")]
    NotAwaited(Sequence),
}

/// The queue is full: the event was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{limit} events wait for the monitoring station already, so this one was not queued: the station \
     does not take them; look at the state of its paths"
)]
pub struct QueueFull {
    /// How many may wait.
    pub limit: usize,
}

/// How a sender stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How many events wait, with the one that is under way.
    pub queued: usize,
    /// How each path stands; one, if there is no backup.
    pub paths: Vec<PathStatus>,
    /// The number of the last message.
    pub last_sequence: Sequence,
    /// What was counted since the start.
    pub counters: Counters,
}

/// How a path stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathStatus {
    /// Which one.
    pub path: Path,
    /// Whether there is a connection.
    pub connected: bool,
    /// Whether it counts as failed.
    pub failed: bool,
    /// How often in a row it has not answered.
    pub misses: u32,
    /// How many microseconds the receiver's clock is ahead of ours, as far as it has complained.
    pub offset_micros: i64,
}

/// What a sender counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Events that were acknowledged.
    pub delivered: u64,
    /// Events that were given up.
    pub refused: u64,
    /// Events that found the queue full.
    pub full: u64,
    /// Frames sent, with polls and repeats.
    pub sent: u64,
    /// Messages and connections that were not answered.
    pub missed: u64,
    /// Polls that were answered.
    pub polls: u64,
    /// What came and did not count.
    pub ignored: u64,
}
