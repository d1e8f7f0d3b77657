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
    let will = {
        let mut state = session.state.lock();
        if state.connection != connection {
            return;
        }
        session.unwatch();
        station.sessions.count_connected(false);
        detach(station, session, &mut state, ending)
    };
    if let Some(will) = will {
        wills::publish(station, session, will);
    }
    station.orders.give(Order::Left(Arc::clone(session)));
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
        end(station, session, state, had_will || state.is_kept);
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

/// The session is over: nobody finds it any more, and what was kept of it is deleted.
pub(crate) fn end(station: &Station, session: &Arc<Session>, state: &mut State, is_kept: bool) {
    state.is_gone = true;
    if is_kept {
        // Before anybody else can have the client id, so that this ends no session but this.
        forget(station, &session.client_id);
    }
    station.sessions.remove(session);
    station.orders.give(Order::Remove(Arc::clone(session)));
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
        return;
    }
    if state.life.is_durable() || state.life.will().is_some() {
        forget(station, &session.client_id);
    }
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
    drop(state);
    session.waker.wake();
    if let Some(will) = will {
        wills::publish(station, session, will);
    }
    station.orders.give(Order::Remove(Arc::clone(session)));
}
