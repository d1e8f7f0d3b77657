//! What operators see of the station, and what they may do to it.

use std::sync::Arc;

use spica_model::Lane;
use spica_mqtt_access::{ClientInfo, DroppedInfo, MqttControl, ReloadInfo, SessionInfo};
use spica_mqtt_proto::{Reason, Version};

use crate::leaving;
use crate::session::{Session, State};
use crate::station::Station;

/// The station, for operators.
pub(crate) struct Control(pub(crate) Arc<Station>);

impl MqttControl for Control {
    fn clients(&self, after: Option<&str>, limit: usize) -> Vec<ClientInfo> {
        let sessions = self.0.sessions.after(after, limit, Session::is_watched);
        sessions
            .iter()
            .filter_map(|it| self.connected(it))
            .collect()
    }

    fn client(&self, id: &str) -> Option<ClientInfo> {
        self.connected(&self.0.sessions.get(id)?)
    }

    fn kick(&self, id: &str) -> bool {
        let session = self.0.sessions.get(id);
        session.is_some_and(|session| cut_off(&session, &mut session.state.lock()))
    }

    fn sessions(&self, after: Option<&str>, limit: usize) -> Vec<SessionInfo> {
        let sessions = self.0.sessions.after(after, limit, |_| true);
        sessions
            .iter()
            .map(|it| self.session(it, &it.state.lock()))
            .collect()
    }

    fn has_session(&self, id: &str) -> bool {
        self.0.sessions.get(id).is_some()
    }

    fn end(&self, id: &str) -> bool {
        let Some(session) = self.0.sessions.get(id) else {
            return false;
        };
        session.state.lock().kicked = Some(Reason::AdministrativeAction);
        leaving::replaced(&self.0, &session);
        self.0.sessions.remove(&session);
        true
    }

    fn reload(&self) -> Result<ReloadInfo, Vec<String>> {
        self.0.access.reload()
    }

    fn roles(&self) -> Vec<String> {
        self.0.access.roles()
    }
}

impl Control {
    /// What is shown of a session's client; none if nobody is connected.
    fn connected(&self, session: &Arc<Session>) -> Option<ClientInfo> {
        let state = session.state.lock();
        let who = state.who.as_ref().filter(|_| state.connection != 0)?;
        let roles = who.grant.roles().iter();
        Some(ClientInfo {
            id: session.client_id.to_string(),
            user: who.user.as_deref().map(str::to_owned),
            roles: roles.map(|role| role.name.to_string()).collect(),
            serial: who.serial.as_deref().map(str::to_owned),
            address: who.remote.to_string(),
            version: version(state.version),
            keep_alive_s: session.keep_alive_secs(),
            since: state.since.to_string(),
            denied: state.denied.into(),
            session: self.session(session, &state),
        })
    }

    fn session(&self, session: &Session, state: &State) -> SessionInfo {
        let (queued, queued_bytes) = state.outbound.waiting();
        let dropped = state.outbound.dropped();
        let routes = self.0.routes.read();
        SessionInfo {
            id: session.client_id.to_string(),
            user: state.user.as_deref().map(str::to_owned),
            connected: state.connection != 0,
            since: state.since.to_string(),
            created: session.created.to_string(),
            expiry_s: state.life.expiry_secs(),
            subscriptions: routes.subscriptions(session.slot).count(),
            queued,
            queued_bytes: queued_bytes as u64,
            in_flight: state.outbound.in_flight(),
            behind: Lane::ALL.into_iter().any(|it| state.outbound.is_behind(it)),
            dropped: DroppedInfo {
                queue_full: dropped.full.into(),
                too_large: dropped.too_large.into(),
                expired: dropped.expired.into(),
            },
        }
    }
}

/// Has the connection of a session end; whether there was one.
fn cut_off(session: &Session, state: &mut State) -> bool {
    if state.connection == 0 {
        return false;
    }
    state.kicked = Some(Reason::AdministrativeAction);
    session.waker.wake();
    true
}

const fn version(version: Version) -> &'static str {
    match version {
        Version::V31 => "3.1",
        Version::V311 => "3.1.1",
        Version::V5 => "5",
    }
}
