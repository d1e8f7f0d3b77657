//! What the sessions of a node share: those that are reached by requests, and whether there is room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderValue, header};
use parking_lot::Mutex;
use spica_live_hub::Saturated;

use crate::problem::Problem;
use crate::sessions::key::Key;
use crate::sessions::room::Room;

/// The sessions of a node.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    rooms: Mutex<HashMap<Key, Arc<Room>>>,
    /// Until when new ones are turned away, and why.
    closed: Mutex<Option<(Instant, Saturated)>>,
}

impl Sessions {
    /// Remembers that a session found no room: others are turned away before they have said hello.
    pub(crate) fn turn_away(&self, now: Instant, saturated: &Saturated) {
        *self.closed.lock() = Some((now + saturated.retry_after, saturated.clone()));
    }

    /// Whether there may be room for a session.
    ///
    /// # Errors
    /// 503 if one was turned away just now.
    pub(crate) fn has_room(&self, now: Instant) -> Result<(), Problem> {
        let mut closed = self.closed.lock();
        match &*closed {
            Some((until, saturated)) if *until > now => Err(busy(saturated)),
            _ => {
                *closed = None;
                Ok(())
            }
        }
    }

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

/// 503 that says when to try again.
pub(crate) fn busy(saturated: &Saturated) -> Problem {
    let seconds = saturated.retry_after.as_secs_f64().ceil().max(1.0);
    let value = HeaderValue::try_from(format!("{seconds:.0}"));
    let value = value.unwrap_or(HeaderValue::from_static("1"));
    Problem::busy(&*saturated.detail).with_header(header::RETRY_AFTER, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use std::time::Duration;

    #[test]
    fn who_comes_while_there_is_no_room_is_told_when_to_come_again() {
        let now = spica_clock::Clock::monotonic(&spica_clock::ManualClock::new(
            spica_model::Timestamp::EPOCH,
        ));
        let sessions = Sessions::default();
        sessions.has_room(now).unwrap();
        let saturated = Saturated {
            retry_after: Duration::from_millis(2_500),
            detail: "full".into(),
        };
        sessions.turn_away(now, &saturated);
        let refused = sessions.has_room(now + Duration::from_secs(2)).unwrap_err();
        let response = refused.into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "3");
        sessions.has_room(now + Duration::from_secs(3)).unwrap();
    }
}
