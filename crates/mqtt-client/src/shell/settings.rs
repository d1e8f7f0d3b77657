//! What a client is told.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use spica_mqtt_proto::Version;
use spica_settings::Secret;

use crate::core::Backoff;

/// How a client connects, and how much it takes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The servers, as `host:port`, in the order in which they are tried.
    pub servers: Vec<String>,
    /// TLS, if the servers are to be reached by it.
    pub tls: Option<Arc<ClientConfig>>,
    /// Version of MQTT.
    pub version: Version,
    /// Client id; empty: one is made up.
    pub client_id: String,
    /// User name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Whether a session of before is dropped by the first connection. MQTT 3.1.1 drops it if, and
    /// only if, `session_expiry_secs` is 0.
    pub clean_start: bool,
    /// Seconds that the session outlives a connection; `u32::MAX`: for ever. MQTT 3.1.1 leaves it to
    /// the server unless it is 0.
    pub session_expiry_secs: u32,
    /// Seconds after which a silent connection is asked whether it lives; 0: never.
    pub keep_alive_secs: u16,
    /// Publishes of QoS 1 and 2 that may be unacknowledged.
    pub window: NonZeroU16,
    /// Messages of QoS 1 and 2 that the server may send before they are acknowledged (MQTT 5), and
    /// messages that wait in memory to be taken.
    pub receive_maximum: NonZeroU16,
    /// The largest packet that is taken.
    pub packet_bytes: NonZeroU32,
    /// Whether messages are acknowledged by [`crate::Client::acknowledge`], not when they are handed
    /// over.
    pub acknowledge_by_hand: bool,
    /// How long an attempt may take.
    pub patience: Duration,
    /// How a lost connection is made anew; none: it is not, and the first failure ends the client.
    pub reconnect: Option<Backoff>,
}

impl Default for Settings {
    fn default() -> Self {
        const WINDOW: NonZeroU16 = NonZeroU16::MIN.saturating_add(255);
        Self {
            servers: Vec::new(),
            tls: None,
            version: Version::V5,
            client_id: String::new(),
            user: None,
            password: None,
            clean_start: true,
            session_expiry_secs: 0,
            keep_alive_secs: 60,
            window: WINDOW,
            receive_maximum: WINDOW,
            packet_bytes: NonZeroU32::MIN.saturating_add((16 << 20) - 1),
            acknowledge_by_hand: false,
            patience: Duration::from_secs(10),
            reconnect: None,
        }
    }
}
