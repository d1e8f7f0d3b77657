//! How connections end.

use spica_mqtt::{Ending, Violation};
use spica_mqtt_proto::Reason;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client said goodbye.
    Said(Ending),
    /// The client is gone, without a word.
    Gone,
    /// The client broke a rule or a limit: it is told the reason, where its version can be.
    Bad(Reason, &'static str),
    /// Another connection has taken the session.
    TakenOver,
    /// The client was silent for too long.
    Silent,
    /// An operator, or a limit of the node, ends it.
    Kicked(Reason),
    /// The station stops.
    Stopping,
    /// The node serves no more.
    Deposed,
    /// The journal takes nothing any more.
    JournalFailed,
}

impl From<Violation> for End {
    fn from(violation: Violation) -> Self {
        Self::Bad(violation.reason, violation.what)
    }
}

impl End {
    /// What the client's DISCONNECT says, if it is told anything.
    pub(crate) const fn reason(self) -> Option<Reason> {
        match self {
            Self::Said(_) | Self::Gone => None,
            Self::Bad(reason, _) | Self::Kicked(reason) => Some(reason),
            Self::TakenOver => Some(Reason::SessionTakenOver),
            Self::Silent => Some(Reason::KeepAliveTimeout),
            Self::Stopping => Some(Reason::ServerShuttingDown),
            Self::Deposed => Some(Reason::UseAnotherServer),
            Self::JournalFailed => Some(Reason::ServerUnavailable),
        }
    }

    /// As the metrics call it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Said(Ending::Normal) => "client-disconnected",
            Self::Said(_) => "client-disconnected-with-will",
            Self::Gone => "client-closed",
            Self::Bad(..) => "violation",
            Self::TakenOver => "taken-over",
            Self::Silent => "keep-alive",
            Self::Kicked(_) => "kicked",
            Self::Stopping => "stopping",
            Self::Deposed => "passive",
            Self::JournalFailed => "journal-failed",
        }
    }

    /// What it means for the session's will.
    pub(crate) const fn ending(self) -> Ending {
        match self {
            Self::Said(ending) => ending,
            _ => Ending::Lost,
        }
    }
}
