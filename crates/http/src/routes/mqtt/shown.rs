//! How clients and sessions look in answers.

use serde::Serialize;
use spica_mqtt_access::{ClientInfo, DroppedInfo, ReloadInfo, SessionInfo};
use utoipa::ToSchema;

use crate::schemas::TimeText;

/// A client that is connected.
#[derive(Serialize, ToSchema)]
#[schema(as = MqttClient)]
pub(crate) struct ClientBody {
    /// Its client identifier.
    pub(crate) id: String,
    /// Who it is; `null` without a name.
    user: Option<String>,
    /// Its roles.
    roles: Vec<String>,
    /// The serial number, if it is a device.
    serial: Option<String>,
    /// Where it connects from.
    address: String,
    /// The protocol: `3.1`, `3.1.1` or `5`.
    version: &'static str,
    /// Seconds of keep-alive; 0 is none.
    keep_alive_s: u32,
    /// Since when it is connected.
    #[schema(value_type = TimeText)]
    since: String,
    /// Publishes and subscriptions that were refused since then.
    denied: u64,
    /// Its session.
    session: SessionBody,
}

/// A session, connected or not.
#[derive(Serialize, ToSchema)]
#[schema(as = MqttSession)]
pub(crate) struct SessionBody {
    /// The client identifier.
    pub(crate) id: String,
    /// Whose it is; `null` without a name.
    user: Option<String>,
    /// Whether a client is connected.
    connected: bool,
    /// Since when it is so.
    #[schema(value_type = TimeText)]
    since: String,
    /// When it was created.
    #[schema(value_type = TimeText)]
    created: String,
    /// Seconds that it outlives its connection; 4,294,967,295 is for ever.
    expiry_s: u32,
    /// Its subscriptions.
    subscriptions: usize,
    /// Messages that wait in memory.
    queued: u32,
    /// Bytes of them.
    queued_bytes: u64,
    /// Messages that it was sent and has not acknowledged.
    in_flight: usize,
    /// Whether it is fed from the journal: it was away, or could not keep up.
    behind: bool,
    /// Messages that it was not given.
    dropped: DroppedBody,
}

/// Messages that a session was not given, by reason.
#[derive(Serialize, ToSchema)]
#[schema(as = MqttDropped)]
pub(crate) struct DroppedBody {
    /// Of QoS 0, with its queue full or its client away.
    queue_full: u64,
    /// Larger than the client takes.
    too_large: u64,
    /// Too old.
    expired: u64,
}

/// Clients that are connected.
#[derive(Serialize, ToSchema)]
#[schema(as = MqttClientPage)]
pub(crate) struct ClientPageBody {
    /// In the order of their identifiers.
    clients: Vec<ClientBody>,
    /// The `after` of the next page; `null` on the last one.
    next: Option<String>,
}

/// Sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = MqttSessionPage)]
pub(crate) struct SessionPageBody {
    /// In the order of their identifiers.
    sessions: Vec<SessionBody>,
    /// The `after` of the next page; `null` on the last one.
    next: Option<String>,
}

/// What the access file says now.
#[derive(Serialize, ToSchema)]
#[schema(as = MqttReload)]
pub(crate) struct ReloadBody {
    /// Roles, with those built in.
    roles: usize,
    /// Users of the file.
    users: usize,
    /// Keys of the configuration that have other values than when the node was started, and need a
    /// restart.
    needs_restart: Vec<String>,
}

impl From<ClientInfo> for ClientBody {
    fn from(client: ClientInfo) -> Self {
        Self {
            id: client.id,
            user: client.user,
            roles: client.roles,
            serial: client.serial,
            address: client.address,
            version: client.version,
            keep_alive_s: client.keep_alive_s,
            since: client.since,
            denied: client.denied,
            session: client.session.into(),
        }
    }
}

impl From<SessionInfo> for SessionBody {
    fn from(session: SessionInfo) -> Self {
        Self {
            id: session.id,
            user: session.user,
            connected: session.connected,
            since: session.since,
            created: session.created,
            expiry_s: session.expiry_s,
            subscriptions: session.subscriptions,
            queued: session.queued,
            queued_bytes: session.queued_bytes,
            in_flight: session.in_flight,
            behind: session.behind,
            dropped: session.dropped.into(),
        }
    }
}

impl From<DroppedInfo> for DroppedBody {
    fn from(dropped: DroppedInfo) -> Self {
        Self {
            queue_full: dropped.queue_full,
            too_large: dropped.too_large,
            expired: dropped.expired,
        }
    }
}

impl From<ReloadInfo> for ReloadBody {
    fn from(info: ReloadInfo) -> Self {
        Self {
            roles: info.roles,
            users: info.users,
            needs_restart: info.needs_restart,
        }
    }
}
