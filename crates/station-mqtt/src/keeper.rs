//! What is due with time: silent clients, wills, sessions that expire, notes, statistics.

use std::sync::Arc;
use std::time::Duration;

use spica_mqtt::Due;
use spica_mqtt_proto::Reason;

use crate::access::{Again, Who};
use crate::arriving::recheck;
use crate::device;
use crate::leaving::{clear, end, forget, keep};
use crate::session::{NO_DEADLINE, OFFLINE, Session};
use crate::station::Station;
use crate::statistics::EVERY;
use crate::wills;

/// How often it is looked.
const TICK: Duration = Duration::from_millis(250);
/// How many ticks until what clients have acknowledged is noted.
const NOTE_TICKS: u32 = 20;
/// How many ticks until it is looked whether the access file has changed.
const FILE_TICKS: u32 = 8;
/// How many ticks until it is said how the station stands.
const SAY_TICKS: u32 = (EVERY.as_millis() / TICK.as_millis()) as u32;
/// After a start, how long clients may take to come back before their wills are published: all of
/// them have lost their connection, and for no fault of theirs.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Looks until the station stops.
pub(crate) async fn run(station: Arc<Station>) {
    let mut ticks: u32 = 0;
    let began = station.now_ms();
    let mut seen = station.access.generation();
    station.statistics.say(&station);
    loop {
        tokio::time::sleep(TICK).await;
        if station.is_stopping() {
            return;
        }
        ticks = ticks.wrapping_add(1);
        let now_ms = station.now_ms();
        let is_noting = ticks.is_multiple_of(NOTE_TICKS);
        if ticks.is_multiple_of(FILE_TICKS) {
            reload(&station).await;
        }
        if is_noting {
            count(&station);
        }
        if ticks.is_multiple_of(SAY_TICKS) {
            station.statistics.say(&station);
        }
        let generation = station.access.generation();
        let is_changed = std::mem::replace(&mut seen, generation) != generation;
        let is_over = u128::from(now_ms - began) >= GRACE.as_millis();
        for slot in 0..station.sessions.slots() {
            let Some(session) = station.sessions.at(slot) else {
                continue;
            };
            match session.deadline_ms() {
                OFFLINE if is_over => offline(&station, &session),
                OFFLINE => {}
                NO_DEADLINE => {}
                deadline if now_ms >= deadline => silent(&session),
                _ => {}
            }
            if is_noting {
                note(&station, &session);
                device::late(&station, &session, false);
            }
            if is_noting || is_changed {
                look_again(&station, &session);
            }
        }
        retry(&station);
    }
}

/// Counts sessions and subscriptions.
fn count(station: &Station) {
    let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let slots = 0..station.sessions.slots();
    let routes = station.routes.read();
    let subscriptions = slots.map(|slot| routes.subscriptions_of(slot)).sum();
    drop(routes);
    station.metrics.subscriptions.set(gauge(subscriptions));
    station.metrics.sessions.set(gauge(station.sessions.len()));
}

/// Reads the access file again if it has changed.
#[expect(
    clippy::disallowed_methods,
    reason = "a file that an operator has written, and no acknowledgement waits for it"
)]
async fn reload(station: &Arc<Station>) {
    if !station.access.is_stale() {
        return;
    }
    let access = Arc::clone(&station.access);
    // What is wrong is logged and counted there.
    let _ = tokio::task::spawn_blocking(move || access.refresh().is_ok()).await;
}

/// Looks whether a client may still do what it could when it came: tokens are revoked, users removed,
/// roles changed.
pub(crate) fn look_again(station: &Arc<Station>, session: &Arc<Session>) {
    let who = {
        let state = session.state.lock();
        if state.connection == 0 {
            return;
        }
        state.who.clone()
    };
    let Some(who) = who else { return };
    match station.access.again(&who, &session.client_id) {
        Again::Same => {}
        Again::Gone => kick(session, &who, Reason::NotAuthorized),
        Again::Expired => kick(session, &who, Reason::MaximumConnectTime),
        Again::Changed(now) => {
            let mut state = session.state.lock();
            if !state.who.as_ref().is_some_and(|it| Arc::ptr_eq(it, &who)) {
                return;
            }
            state.who = Some(Arc::clone(&now));
            drop(state);
            recheck(station, session, &now);
        }
    }
}

/// Cuts off a client, if it is still this one.
fn kick(session: &Session, who: &Arc<Who>, reason: Reason) {
    let mut state = session.state.lock();
    let is_same = state.who.as_ref().is_some_and(|it| Arc::ptr_eq(it, who));
    if state.connection != 0 && is_same {
        state.kicked = Some(reason);
        drop(state);
        session.waker.wake();
    }
}

fn silent(session: &Session) {
    let mut state = session.state.lock();
    if state.connection != 0 {
        state.kicked = Some(Reason::KeepAliveTimeout);
        drop(state);
        session.waker.wake();
    }
}

fn offline(station: &Arc<Station>, session: &Arc<Session>) {
    let mut state = session.state.lock();
    if state.connection != 0 || state.is_gone {
        return;
    }
    let due = state.life.due(station.now());
    if let Some(Due::Expired(_)) = &due {
        station.metrics.expired.inc();
        end(&mut state, true);
    }
    drop(state);
    // The will first: a crash in between finds it again.
    match due {
        None => {}
        Some(Due::Will(will)) => {
            wills::publish(station, session, will);
            keep(station, session, &mut session.state.lock());
        }
        Some(Due::Expired(will)) => {
            if let Some(will) = will {
                wills::publish(station, session, will);
            }
            clear(station, session);
        }
    }
}

/// Notes what the client has acknowledged, if that is more than the disk knows.
fn note(station: &Station, session: &Session) {
    let mut state = session.state.lock();
    let is_wanted = state.is_note_stale && state.connection != 0 && state.life.is_durable();
    if is_wanted && !state.outbound.is_note_on_its_way() {
        let (number, note) = state.outbound.take_note(station.routed(), session.uid);
        let noted = crate::store::submit_out(station, session, &note);
        if let Some(Ok(ticket)) = noted {
            state.is_note_stale = false;
            let then = crate::session::Then::Noted(number);
            state.appends.wait(spica_model::Lane::Normal, &ticket, then);
            drop(state);
            session.waker.wake();
        } else {
            state.outbound.note_failed(number);
        }
    }
}

/// Deletes what could not be deleted before.
fn retry(station: &Station) {
    let waiting = std::mem::take(&mut *station.unforgotten.lock());
    for client_id in waiting {
        // Somebody has come with this id meanwhile: what was kept is theirs now.
        if station.sessions.get(&client_id).is_none() {
            forget(station, &client_id);
        }
    }
}
