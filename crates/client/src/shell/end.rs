//! How a session ended, and what that means for the next one.

use std::time::Duration;

use spica_live_proto::{Bye, ByeCode};
use tokio::time::Instant;

use super::link::LinkError;

/// How a session ended.
pub(super) struct End {
    pub(super) reason: &'static str,
    pub(super) opened: Option<Instant>,
    pub(super) retry_after: Option<Duration>,
    pub(super) active: Option<String>,
    /// Another way may lead there.
    pub(super) way_failed: bool,
}

impl End {
    pub(super) const fn new(reason: &'static str) -> Self {
        Self {
            reason,
            opened: None,
            retry_after: None,
            active: None,
            way_failed: false,
        }
    }

    pub(super) fn of_bye(bye: Bye) -> Self {
        Self {
            retry_after: bye.retry_after_ms.map(Duration::from_millis),
            active: bye.active,
            ..Self::new(bye.code.as_str())
        }
    }

    /// Of a connection that never became a session.
    pub(super) fn of_error(error: LinkError) -> Self {
        match error {
            LinkError::Nobody => Self::new("cut"),
            LinkError::Cut => Self::failed_way("cut"),
            LinkError::Protocol => Self::failed_way("protocol"),
            LinkError::Status {
                status,
                retry_after,
                location,
            } => match status {
                401 | 403 => Self::new(ByeCode::Unauthorized.as_str()),
                301 | 302 | 307 | 308 => Self {
                    active: location,
                    ..Self::new(ByeCode::NotActive.as_str())
                },
                429 | 503 => Self {
                    retry_after,
                    ..Self::new(ByeCode::Overloaded.as_str())
                },
                _ => Self::failed_way("cut"),
            },
        }
    }

    pub(super) fn failed_way(reason: &'static str) -> Self {
        Self {
            way_failed: true,
            ..Self::new(reason)
        }
    }
}
