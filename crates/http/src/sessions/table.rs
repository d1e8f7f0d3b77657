//! The sessions of a node that are reached by requests.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{HeaderValue, header};
use parking_lot::Mutex;
use spica_live_hub::Saturated;

use crate::problem::Problem;
use crate::sessions::key::Key;
use crate::sessions::room::Room;
use crate::state::App;

/// The sessions of a node that are reached by requests.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    rooms: Mutex<HashMap<Key, Arc<Room>>>,
}

impl Sessions {
    pub(crate) fn insert(&self, key: Key, room: Arc<Room>) {
        self.rooms.lock().insert(key, room);
    }

    pub(crate) fn remove(&self, key: &Key) {
        self.rooms.lock().remove(key);
    }

    /// The room of the session `text`, if it is that of the token `id`.
    ///
    /// # Errors
    /// 404 if there is none.
    pub(crate) fn find(&self, text: &str, id: &str) -> Result<Arc<Room>, Problem> {
        let key: Option<Key> = text.parse().ok();
        key.and_then(|key| self.rooms.lock().get(&key).cloned())
            .filter(|room| room.is_of(id))
            .ok_or_else(|| {
                Problem::not_found("there is no such session any more: open a new one and resume")
            })
    }
}

/// Asks for room for a session, before its client is let in.
///
/// # Errors
/// 503 that says when to try again.
pub(crate) fn admit(app: &App) -> Result<(), Problem> {
    app.parts.live.admit().map_err(|saturated| {
        app.parts.metrics.sessions.refused("saturated");
        busy(&saturated)
    })
}

/// 503 that says when to try again.
pub(crate) fn busy(saturated: &Saturated) -> Problem {
    let seconds = saturated.retry_after.as_secs_f64().ceil().max(1.0);
    let value = HeaderValue::try_from(format!("{seconds:.0}"));
    let value = value.unwrap_or(HeaderValue::from_static("1"));
    Problem::busy(&*saturated.detail).with_header(header::RETRY_AFTER, value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn the_seconds_until_there_may_be_room_are_rounded_up() {
        let after = |millis| {
            let saturated = Saturated {
                retry_after: Duration::from_millis(millis),
                detail: "full".into(),
            };
            let response = busy(&saturated).into_response();
            assert_eq!(response.status(), 503);
            response.headers()["retry-after"].clone()
        };
        assert_eq!(after(2_500), "3");
        assert_eq!(after(3_000), "3");
        assert_eq!(after(0), "1");
    }
}
