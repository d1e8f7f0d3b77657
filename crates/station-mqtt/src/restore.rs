//! The sessions as they were kept: put back before anybody is let in.

use std::sync::Arc;

use hashbrown::HashMap;
use spica_model::{Lane, Record};
use spica_mqtt::{InNote, Life, OutNote, Outbound, SessionRecord};

use crate::session::{Session, State};
use crate::station::Station;
use crate::store::{self, IN, OUT, SESSION};

/// What is kept of one session.
#[derive(Default)]
struct Kept {
    session: Option<SessionRecord>,
    inbound: [Option<InNote>; 2],
    outbound: Option<OutNote>,
}

/// Puts back all sessions that are kept. How many.
pub(crate) fn restore(station: &Arc<Station>) -> usize {
    let root = store::root(&station.mount);
    let mut kept: HashMap<String, Kept> = HashMap::new();
    station.views.visit(&root, |record| {
        let Some((name, part)) = record.topic.below(&root).and_then(|it| it.rsplit_once('/'))
        else {
            return;
        };
        kept.entry_ref(name).or_default().take(part, record);
    });
    let mut restored = 0;
    for kept in kept.into_values() {
        restored += usize::from(put_back(station, kept));
    }
    restored
}

impl Kept {
    fn take(&mut self, part: &str, record: &Record) {
        let read = match part {
            SESSION => SessionRecord::of_json(&record.payload).map(|it| self.session = Some(it)),
            OUT => OutNote::of_json(&record.payload).map(|it| self.outbound = Some(it)),
            _ => match IN.iter().position(|it| *it == part) {
                Some(lane) => {
                    InNote::of_json(&record.payload).map(|it| self.inbound[lane] = Some(it))
                }
                None => return,
            },
        };
        if let Err(error) = read {
            tracing::error!(topic = %record.topic, %error, "what was kept of an MQTT session is not used");
        }
    }
}

fn put_back(station: &Arc<Station>, kept: Kept) -> bool {
    let Some(record) = kept.session else {
        return false;
    };
    let uid = record.uid;
    let inbound = kept.inbound.each_ref().map(|note| {
        let note = note.as_ref();
        note.filter(|note| note.uid == uid)
    });
    let outbound = kept.outbound.filter(|note| note.uid == uid);
    let now = station.now();
    let client_id: Arc<str> = record.client_id.as_str().into();
    let (session, _) = station.sessions.insert(&client_id, |slot| {
        let mut state = State::new(&station.limits, now);
        state.inbound = spica_mqtt::Inbound::restore(inbound);
        let note = outbound.unwrap_or_else(|| beginning(station, &record));
        state.outbound = Outbound::restore(&station.limits, &note);
        state.life = Life::restore(&record, now);
        state.user = record.user.as_deref().map(Into::into);
        state.version = record.version;
        state.since = record.since;
        state.has_routes = true;
        Session::new(Arc::clone(&client_id), slot, uid, record.created, state)
    });
    let mut routes = station.routes.write();
    for kept in &record.subscriptions {
        let options = store::options_of(kept);
        if let Err(error) = routes.subscribe(session.slot, &kept.filter, &options) {
            tracing::error!(client = %client_id, filter = kept.filter, %error, "a subscription of an MQTT session is lost");
        }
    }
    true
}

/// The note of a session that never noted what it was sent: it has got nothing.
fn beginning(station: &Station, record: &SessionRecord) -> OutNote {
    let durable = Lane::ALL.map(|lane| station.journal.status(lane).durable.0);
    let earliest = |of: fn(&spica_mqtt::SubscriptionRecord) -> u64, otherwise: u64| {
        record
            .subscriptions
            .iter()
            .map(of)
            .min()
            .unwrap_or(otherwise)
    };
    OutNote {
        uid: record.uid,
        critical: earliest(|it| it.critical, durable[0]),
        normal: earliest(|it| it.normal, durable[1]),
        next_id: std::num::NonZeroU16::MIN,
        ids: Vec::new(),
    }
}
