//! What becomes of a session when its connection ends, or when it ends itself.

use std::sync::Arc;

use spica_journal::SubmitError;
use spica_mqtt::Ending;

use crate::orders::Order;
use crate::session::{ConnectionId, Session, State};
use crate::station::Station;
use crate::{store, wills};

/// The connection is over. What it had of the session is given up, if it still had it.
pub(crate) fn leave(
    station: &Arc<Station>,
    session: &Arc<Session>,
    connection: ConnectionId,
    ending: Ending,
) {
    let (will, is_gone, has_routes) = {
        let mut state = session.state.lock();
        if state.connection != connection {
            return;
        }
        session.unwatch();
        station.sessions.count_connected(false);
        let will = detach(station, session, &mut state, ending);
        (will, state.is_gone, state.has_routes)
    };
    if let Some(will) = will {
        wills::publish(station, session, will);
    }
    if is_gone {
        clear(station, session);
    } else if has_routes {
        station.orders.give(Order::Left(Arc::clone(session)));
    }
}

/// Nobody is connected any more; the will that is to be published.
fn detach(
    station: &Station,
    session: &Arc<Session>,
    state: &mut State,
    ending: Ending,
) -> Option<Box<spica_mqtt::Will>> {
    let had_will = state.life.will().is_some();
    state.connection = 0;
    session.note_load(state);
    state.since = station.now();
    state.mail = std::collections::VecDeque::new();
    let will = state.life.ended(ending, state.since);
    if !state.life.is_durable() && state.life.will().is_none() {
        // Its wills are out or forgotten: nothing is left of it.
        end(state, had_will || state.is_kept);
        return will;
    }
    state.inbound.disconnected();
    state.outbound.disconnected(station.routed());
    keep(station, session, state);
    will
}

/// Writes down how the session stands, without anybody waiting for it: who needs it durable asks for
/// that. If the journal takes nothing now, what was written before stands, and more is sent again
/// after a crash.
pub(crate) fn keep(station: &Station, session: &Session, state: &mut State) {
    let record = store::record(station, session, state);
    let _ = store::submit_session(station, session, &record);
    let (number, note) = state.outbound.take_note(station.routed(), session.uid);
    let noted = store::submit_out(station, session, &note);
    if matches!(noted, Some(Ok(_))) {
        state.is_note_stale = false;
    }
    state.outbound.note_failed(number);
}

/// The session is over. [`clear`] is to follow, once its will is published: a crash in between finds
/// the will again.
pub(crate) const fn end(state: &mut State, is_kept: bool) {
    state.is_gone = true;
    state.is_unforgotten = is_kept;
}

/// Nobody finds a session that is over any more, and what was kept of it is deleted.
pub(crate) fn clear(station: &Station, session: &Arc<Session>) {
    let has_routes = {
        let mut state = session.state.lock();
        // Whoever has come with the client id meanwhile has seen to it, before anything new was kept.
        if std::mem::take(&mut state.is_unforgotten) {
            forget(station, &session.client_id);
        }
        state.has_routes
    };
    station.sessions.remove(session);
    let_go(station, session, has_routes);
}

/// The session's slot is free, as soon as nothing is routed there.
fn let_go(station: &Station, session: &Arc<Session>, has_routes: bool) {
    if has_routes {
        station.orders.give(Order::Remove(Arc::clone(session)));
    } else {
        station.sessions.free(session.slot);
    }
}

/// Deletes what is kept of a session; later, if the journal has no room now.
pub(crate) fn forget(station: &Station, client_id: &Arc<str>) {
    if let Err(SubmitError::Full { .. }) = store::submit_end(station, client_id) {
        station.unforgotten.lock().push(Arc::clone(client_id));
    }
}

/// Another session has taken the client id.
pub(crate) fn replaced(station: &Arc<Station>, session: &Arc<Session>) {
    let mut state = session.state.lock();
    if state.is_gone {
        if std::mem::take(&mut state.is_unforgotten) {
            forget(station, &session.client_id);
        }
        return;
    }
    let is_kept = state.life.is_durable() || state.life.will().is_some() || state.is_kept;
    let was_connected = state.connection != 0;
    let will = if was_connected {
        station.sessions.count_connected(false);
        state
            .life
            .ended(Ending::TakenOver { clean_start: true }, station.now())
    } else {
        // The session ends, and with it the wait for its client.
        state.life.will().cloned().map(Box::new)
    };
    session.unwatch();
    state.connection = 0;
    state.is_gone = true;
    session.note_load(&state);
    let has_routes = state.has_routes;
    drop(state);
    session.waker.wake();
    if let Some(will) = will {
        wills::publish(station, session, will);
    }
    if is_kept {
        forget(station, &session.client_id);
    }
    let_go(station, session, has_routes);
}
