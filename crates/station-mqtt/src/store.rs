//! What is kept of sessions: state records below `<node>/mqtt/sessions`.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use spica_journal::{SubmitError, Ticket};
use spica_model::{Lane, Seq, Topic};
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

/// Below the node: how far shared groups are.
const SHARES: &str = "mqtt/shares";

/// How far a shared group is: everything up to these records is delivered.
#[derive(Debug, Serialize, Deserialize)]
struct ShareNote {
    /// Its filter, with `$share/<name>/`.
    filter: String,
    critical: u64,
    normal: u64,
}

/// Writes down how far a shared group is; whether that could be begun.
pub(crate) fn note_share(station: &Station, filter: &str, low: [Seq; 2]) -> bool {
    let note = ShareNote {
        filter: filter.to_owned(),
        critical: low[0].0,
        normal: low[1].0,
    };
    put_share(station, filter, serde_json::to_vec(&note).ok())
}

/// Deletes it, if it is there.
pub(crate) fn forget_share(station: &Station, filter: &str) {
    let topic = share_topic(station, filter);
    if topic.is_some_and(|topic| station.views.get(&topic).is_some()) {
        put_share(station, filter, None);
    }
}

fn put_share(station: &Station, filter: &str, json: Option<Vec<u8>>) -> bool {
    let Some(topic) = share_topic(station, filter) else {
        return false;
    };
    let entry = Entry::<'static>::kept(topic, json, station.now());
    submit(&*station.journal, Lane::Normal, &[entry]).is_ok()
}

fn share_topic(station: &Station, filter: &str) -> Option<Topic> {
    let name = escaped(filter);
    station.mount.inward(&format!("{SHARES}/{name}")).ok()
}

/// Shows how far each shared group is that was noted.
pub(crate) fn visit_shares(station: &Station, mut visit: impl FnMut(&str, [Seq; 2])) {
    let root = format!("{}/{SHARES}", station.mount.node());
    let mut notes = Vec::new();
    station.views.visit(&root, |record| {
        notes.extend(serde_json::from_slice::<ShareNote>(&record.payload).ok());
    });
    for note in notes {
        visit(&note.filter, [Seq(note.critical), Seq(note.normal)]);
    }
}

/// Where sessions are kept.
pub(crate) fn root(mount: &Mount) -> String {
    format!("{}/{ROOT}", mount.node())
}

/// Whether a session with this id can be kept.
pub(crate) fn is_keepable(mount: &Mount, client_id: &str) -> bool {
    topic(mount, client_id, IN[0]).is_some()
}

/// The topic of a part of a session.
fn topic(mount: &Mount, client_id: &str, part: &str) -> Option<Topic> {
    let name = escaped(client_id);
    mount.inward(&format!("{ROOT}/{name}/{part}")).ok()
}

/// What is none of `A-Z a-z 0-9 . _ -` is written as `%` and two hexadecimal digits.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(escaped, "%{byte:02x}");
        }
    }
    escaped
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
