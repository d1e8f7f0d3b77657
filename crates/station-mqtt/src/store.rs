//! What is kept of sessions: state records below `<node>/mqtt/sessions`.

use std::fmt::Write as _;

use spica_journal::{SubmitError, Ticket};
use spica_model::{Lane, Topic};
use spica_mqtt::{InNote, OutNote, SessionRecord, SubscriptionRecord};
use spica_mqtt_proto::{QoS, RetainHandling, SubscribeOptions};
use spica_mqtt_routes::Options;

use crate::entry::{Entry, submit};
use crate::mount::Mount;
use crate::session::{Session, State};
use crate::station::Station;

/// Below the node.
const ROOT: &str = "mqtt/sessions";
/// The parts of a session.
pub(crate) const SESSION: &str = "session";
pub(crate) const IN: [&str; 2] = ["in-critical", "in-normal"];
pub(crate) const OUT: &str = "out";

/// Where sessions are kept.
pub(crate) fn root(mount: &Mount) -> String {
    format!("{}/{ROOT}", mount.node())
}

/// Whether a session with this id can be kept.
pub(crate) fn is_keepable(mount: &Mount, client_id: &str) -> bool {
    topic(mount, client_id, IN[0]).is_some()
}

/// The topic of a part of a session. What is none of `A-Z a-z 0-9 . _ -` in the id is written as `%`
/// and two hexadecimal digits.
fn topic(mount: &Mount, client_id: &str, part: &str) -> Option<Topic> {
    let mut name = format!("{ROOT}/");
    for byte in client_id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            name.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(name, "%{byte:02x}");
        }
    }
    name.push('/');
    name.push_str(part);
    mount.inward(&name).ok()
}

/// The note of what a lane owes the client.
pub(crate) fn in_note(
    station: &Station,
    session: &Session,
    lane: Lane,
    note: &InNote,
) -> Option<Entry<'static>> {
    let topic = topic(&station.mount, &session.client_id, IN[lane.index()])?;
    let json = note.to_json().inspect_err(cannot).ok()?;
    Some(Entry::<'static>::kept(topic, Some(json), station.now()))
}

/// Submits the note of what the client has; in the normal lane.
pub(crate) fn submit_out(
    station: &Station,
    session: &Session,
    note: &OutNote,
) -> Option<Result<Ticket, SubmitError>> {
    let topic = topic(&station.mount, &session.client_id, OUT)?;
    let json = note.to_json().inspect_err(cannot).ok()?;
    let entry = Entry::<'static>::kept(topic, Some(json), station.now());
    Some(submit(&*station.journal, Lane::Normal, &[entry]))
}

/// The session's record as it is now.
pub(crate) fn record(station: &Station, session: &Session, state: &State) -> SessionRecord {
    let mut subscriptions: Vec<_> = station
        .routes
        .read()
        .subscriptions(session.slot)
        .map(|it| SubscriptionRecord {
            filter: it.filter.to_owned(),
            options: options_byte(&it.options),
            id: it.options.id,
            critical: it.options.since[0],
            normal: it.options.since[1],
        })
        .collect();
    subscriptions.sort_unstable_by(|one, other| one.filter.cmp(&other.filter));
    SessionRecord {
        uid: session.uid,
        client_id: session.client_id.to_string(),
        user: state.user.as_deref().map(str::to_owned),
        created: session.created,
        version: state.version,
        expiry_secs: state.life.expiry_secs(),
        is_connected: state.connection != 0,
        since: state.since,
        will: state.life.will().cloned(),
        subscriptions,
    }
}

/// Submits the session's record; in the critical lane.
pub(crate) fn submit_session(
    station: &Station,
    session: &Session,
    record: &SessionRecord,
) -> Option<Result<Ticket, SubmitError>> {
    let topic = topic(&station.mount, &session.client_id, SESSION)?;
    let json = record.to_json().inspect_err(cannot).ok()?;
    let entry = Entry::<'static>::kept(topic, Some(json), station.now());
    Some(submit(&*station.journal, Lane::Critical, &[entry]))
}

/// Deletes all that is kept of a session.
///
/// # Errors
/// If the journal takes nothing now.
pub(crate) fn submit_end(station: &Station, client_id: &str) -> Result<(), SubmitError> {
    let now = station.now();
    let end = |part| {
        Some(Entry::<'static>::kept(
            topic(&station.mount, client_id, part)?,
            None,
            now,
        ))
    };
    for (lane, parts) in [
        (Lane::Critical, [SESSION, IN[0]]),
        (Lane::Normal, [IN[1], OUT]),
    ] {
        let entries: Vec<_> = parts.into_iter().filter_map(end).collect();
        if !entries.is_empty() {
            submit(&*station.journal, lane, &entries)?;
        }
    }
    Ok(())
}

fn cannot(error: &spica_mqtt::RecordError) {
    tracing::error!(%error, "what is kept of an MQTT session cannot be written");
}

fn options_byte(options: &Options) -> u8 {
    SubscribeOptions {
        qos: QoS::try_from(options.qos).unwrap_or(QoS::ExactlyOnce),
        no_local: options.no_local,
        retain_as_published: options.retain_as_published,
        retain_handling: RetainHandling::Send,
    }
    .byte()
}

/// The options of a kept subscription.
pub(crate) fn options_of(kept: &SubscriptionRecord) -> Options {
    let options = SubscribeOptions::of(kept.options).unwrap_or_default();
    Options {
        qos: options.qos as u8,
        no_local: options.no_local,
        retain_as_published: options.retain_as_published,
        id: kept.id,
        since: [kept.critical, kept.normal],
    }
}
