//! Which session a client gets.

use std::sync::Arc;

use spica_mqtt::{Ending, Negotiated, Refused, Will};
use spica_mqtt_proto::{Reason, UserProperties};

use crate::access::{Proof, Who};
use crate::device::Device;
use crate::orders::Order;
use crate::session::{ConnectionId, Session, State};
use crate::station::Station;
use crate::{leaving, uid, wills};

/// Who comes.
pub(crate) struct Arriving<'a> {
    pub(crate) id: ConnectionId,
    pub(crate) who: Arc<Who>,
    pub(crate) will: Option<Will>,
    pub(crate) clean_start: bool,
    /// What else it says.
    pub(crate) user: UserProperties<'a>,
}

/// Gives a client its session: the one it left, unless it wants a new one or there is none. Whoever
/// is connected to it is cut off. Whether it was there.
///
/// # Errors
/// If the session is somebody else's.
pub(crate) fn attach(
    station: &Arc<Station>,
    negotiated: &Negotiated<'_>,
    arriving: &Arriving<'_>,
) -> Result<(Arc<Session>, bool), Refused> {
    if let Some(session) = station.sessions.get(negotiated.client_id) {
        if !is_own(&session.state.lock(), &arriving.who) {
            let what = "this client identifier has a session of another user";
            return Err(Refused {
                reason: Reason::NotAuthorized,
                what,
            });
        }
        if !arriving.clean_start
            && let Some(will) = resume(station, &session, negotiated, arriving)
        {
            if let Some(will) = will {
                wills::publish(station, &session, will);
            }
            recheck(station, &session, &arriving.who);
            return Ok((session, true));
        }
    }
    let client_id: Arc<str> = negotiated.client_id.into();
    let now = station.now();
    let (session, before) = station.sessions.insert(&client_id, |slot| {
        let mut state = State::new(&station.limits, now);
        take(station, &mut state, negotiated, arriving);
        Session::new(Arc::clone(&client_id), slot, uid::uid(), now, state)
    });
    session.watch(negotiated.terms.keep_alive_secs, station.now_ms());
    station.sessions.count_connected(true);
    if let Some(before) = before {
        leaving::replaced(station, &before);
    }
    Ok((session, false))
}

/// Whether a session is that of who comes: nobody gets what somebody else has subscribed to. On an
/// open node nobody is anybody.
fn is_own(state: &State, who: &Who) -> bool {
    who.proof == Proof::Open || state.is_gone || state.user == who.user
}

/// Ends the subscriptions of a session that its client may not have any more.
pub(crate) fn recheck(station: &Arc<Station>, session: &Arc<Session>, who: &Who) {
    let subscriptions: Vec<String> = station
        .routes
        .read()
        .subscriptions(session.slot)
        .map(|it| it.filter.to_owned())
        .collect();
    let may = |filter: &String| {
        let may = station
            .access
            .may_subscribe(who, &session.client_id, filter);
        may.is_ok()
    };
    let filters: Vec<String> = subscriptions.into_iter().filter(|it| !may(it)).collect();
    if !filters.is_empty() {
        tracing::info!(client = %session.client_id, ?filters, "an MQTT client may not have these subscriptions any more");
        station.orders.give(Order::Revoke {
            session: Arc::clone(session),
            filters,
        });
    }
}

/// Takes the session over, if it outlives its connections; with the will that is to be published.
fn resume(
    station: &Arc<Station>,
    session: &Arc<Session>,
    negotiated: &Negotiated<'_>,
    arriving: &Arriving<'_>,
) -> Option<Option<Box<Will>>> {
    let mut state = session.state.lock();
    if state.is_gone || !state.life.is_durable() || !is_own(&state, &arriving.who) {
        return None;
    }
    let mut will = None;
    if state.connection == 0 {
        station.sessions.count_connected(true);
    } else {
        let ending = Ending::TakenOver { clean_start: false };
        will = state.life.ended(ending, station.now());
        state.inbound.disconnected();
        state.outbound.disconnected(station.routed());
    }
    take(station, &mut state, negotiated, arriving);
    session.note_load(&state);
    drop(state);
    session.watch(negotiated.terms.keep_alive_secs, station.now_ms());
    // Whoever was connected sees that it is not any more.
    session.waker.wake();
    Some(will)
}

fn take(
    station: &Station,
    state: &mut State,
    negotiated: &Negotiated<'_>,
    arriving: &Arriving<'_>,
) {
    let will = arriving.will.clone();
    state.life.connected(negotiated.expiry_secs, will);
    state.user.clone_from(&arriving.who.user);
    state.who = Some(Arc::clone(&arriving.who));
    state.denied = 0;
    let open_ids = station.limits.open_ids;
    state.attach(arriving.id, &negotiated.terms, open_ids, station.now());
    state.set_device(Device::of(station, &arriving.who, arriving.user));
}
