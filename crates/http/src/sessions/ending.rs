//! Why a session ends, and what its client is told.

use std::time::Duration;

use spica_live_hub::Saturated;
use spica_live_proto::{Bye, ByeCode};
use spica_ws_proto::{Violation, code};

use crate::state::App;

/// After how long a client should come again when the node stops: a restart takes about so long.
const STOPPING_RETRY: Duration = Duration::from_secs(1);

/// Why a session ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The client said so; with this close code, if it closed a WebSocket.
    Left(u16),
    /// The connection broke, or takes nothing.
    Broken,
    /// The node stops.
    Stopping,
    /// The node serves no more.
    NotActive,
    /// No valid token, or one whose role is not enough, or that is valid no more.
    Unauthorized(&'static str),
    /// The client broke the rules of frames.
    Protocol(String),
    /// The client broke the rules of WebSockets.
    Violation(Violation),
    /// No hello in time.
    NoHello,
    /// The client answers nothing.
    Silent,
    /// Nobody has read for too long.
    Unread,
    /// There is too much to do.
    Overloaded(Saturated),
}

impl Ending {
    /// The client said so.
    pub(crate) const LEFT: Self = Self::Left(code::NORMAL);

    /// What the client is told; nothing if it is gone or has said so itself.
    pub(crate) fn bye(&self, app: &App) -> Option<Bye> {
        let (code, detail) = self.code()?;
        let retry_after = match self {
            Self::Stopping => Some(STOPPING_RETRY),
            Self::Overloaded(saturated) => Some(saturated.retry_after),
            _ => None,
        };
        let standing = matches!(self, Self::NotActive).then(|| app.parts.role.standing());
        let active = standing
            .flatten()
            .and_then(|standing| standing.partner_http);
        Some(Bye {
            code,
            detail,
            retry_after_ms: retry_after
                .map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
            active: active.map(|active| active.to_string()),
        })
    }

    fn code(&self) -> Option<(ByeCode, String)> {
        let (code, detail) = match self {
            Self::Left(_) | Self::Broken => return None,
            Self::Stopping => (ByeCode::Stopping, "the node stops".to_owned()),
            Self::NotActive => {
                let detail = "the node is not the active one of its pair any more";
                (ByeCode::NotActive, detail.to_owned())
            }
            Self::Unauthorized(detail) => (ByeCode::Unauthorized, (*detail).to_owned()),
            Self::Protocol(detail) => (ByeCode::Protocol, detail.clone()),
            Self::Violation(violation) => (ByeCode::Protocol, violation.to_string()),
            Self::NoHello => {
                let detail = "no hello in time (http.live.hello_timeout)";
                (ByeCode::Timeout, detail.to_owned())
            }
            Self::Silent => {
                let detail = "the client answers no ping (http.live.heartbeat)";
                (ByeCode::Timeout, detail.to_owned())
            }
            Self::Unread => {
                let detail = "nobody reads the session (http.live.idle_session)";
                (ByeCode::Timeout, detail.to_owned())
            }
            Self::Overloaded(saturated) => (ByeCode::Overloaded, saturated.detail.clone()),
        };
        Some((code, detail))
    }

    /// The close code of a WebSocket.
    pub(crate) const fn close_code(&self) -> u16 {
        match self {
            Self::Left(code) => *code,
            Self::Broken => code::NORMAL,
            Self::Stopping | Self::NotActive => code::GOING_AWAY,
            Self::Protocol(_) => code::PROTOCOL,
            Self::Violation(violation) => violation.code(),
            Self::Unauthorized(_) | Self::NoHello | Self::Silent | Self::Unread => code::POLICY,
            Self::Overloaded(_) => code::TRY_AGAIN,
        }
    }

    /// The word under which it is counted.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Left(_) => "left",
            Self::Broken => "broken",
            Self::Stopping => "stopping",
            Self::NotActive => "not_active",
            Self::Unauthorized(_) => "unauthorized",
            Self::Protocol(_) | Self::Violation(_) => "protocol",
            Self::NoHello => "no_hello",
            Self::Silent => "silent",
            Self::Unread => "unread",
            Self::Overloaded(_) => "overloaded",
        }
    }
}
