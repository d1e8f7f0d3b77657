//! What operators see of a running station, and what they may do to it.

use serde::Serialize;

/// A client that is connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientInfo {
    /// Its client identifier.
    pub id: String,
    /// Who it is; none without a name.
    pub user: Option<String>,
    /// Its roles.
    pub roles: Vec<String>,
    /// The serial number, if it is a device.
    pub serial: Option<String>,
    /// Where it connects from.
    pub address: String,
    /// The protocol: `3.1`, `3.1.1` or `5`.
    pub version: &'static str,
    /// Seconds of keep-alive; 0 is none.
    pub keep_alive_s: u32,
    /// Since when it is connected: RFC 3339.
    pub since: String,
    /// Its session.
    pub session: SessionInfo,
    /// What it wanted to do and may not.
    pub denied: u64,
}

/// A session, connected or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionInfo {
    /// The client identifier.
    pub id: String,
    /// Whose it is; none without a name.
    pub user: Option<String>,
    /// Whether a client is connected.
    pub connected: bool,
    /// Since when it is so: RFC 3339.
    pub since: String,
    /// When it was created: RFC 3339.
    pub created: String,
    /// Seconds that it outlives its connection; 4,294,967,295 is for ever.
    pub expiry_s: u32,
    /// Its subscriptions.
    pub subscriptions: usize,
    /// Messages that wait in memory.
    pub queued: u32,
    /// Bytes of them.
    pub queued_bytes: u64,
    /// Messages that it was sent and has not acknowledged.
    pub in_flight: usize,
    /// Whether it is fed from the journal, as it could not keep up or was away.
    pub behind: bool,
    /// Messages that were dropped: QoS 0 with the queue full, too large for the client, expired.
    pub dropped: DroppedInfo,
}

/// Messages that a session was not given, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DroppedInfo {
    /// Of QoS 0, since the queue was full or the client away.
    pub queue_full: u64,
    /// Larger than the client takes.
    pub too_large: u64,
    /// Too old.
    pub expired: u64,
}

/// What a reload of the settings and the access file came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReloadInfo {
    /// Roles there are, with those built in.
    pub roles: usize,
    /// Users of the access file.
    pub users: usize,
    /// The keys of the configuration that have other values than when the node was started, and are
    /// taken up by a restart only.
    pub needs_restart: Vec<String>,
}

/// What operators see of a running station, and what they may do to it.
pub trait MqttControl: Send + Sync + 'static {
    /// The clients that are connected after the identifier `after`, in the order of these; at most
    /// `limit`.
    fn clients(&self, after: Option<&str>, limit: usize) -> Vec<ClientInfo>;

    /// One client, if it is connected.
    fn client(&self, id: &str) -> Option<ClientInfo>;

    /// Cuts a client off (reason 0x98); whether it was connected. Its session stays.
    fn kick(&self, id: &str) -> bool;

    /// The sessions after the identifier `after`, in the order of these; at most `limit`.
    fn sessions(&self, after: Option<&str>, limit: usize) -> Vec<SessionInfo>;

    /// Whether there is a session of this identifier.
    fn has_session(&self, id: &str) -> bool;

    /// Ends a session, and cuts off its client; whether there was one.
    fn end(&self, id: &str) -> bool;

    /// Reads the settings of access and the access file again.
    ///
    /// # Errors
    /// What is wrong with them, and where; what was before holds on.
    fn reload(&self) -> Result<ReloadInfo, Vec<String>>;

    /// The names of the roles that users may have.
    fn roles(&self) -> Vec<String>;
}
