//! What an operator may set about the station.

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};

mod admission;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_mqtt::SessionLimits;
use spica_mqtt_access::AccessSettings;
use spica_settings::{ByteSize, FilePath, Span};

pub use self::admission::AdmissionSettings;

/// The MQTT station: without this section there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "MqttSettings")]
pub struct Settings {
    /// Where clients dial in over TCP, such as `127.0.0.1:1883`.
    pub listen: Option<SocketAddr>,
    /// Where clients dial in with TLS.
    pub tls: Option<TlsSettings>,
    /// Where browsers dial in over WebSocket; the path is `/mqtt`.
    pub websocket: Option<SocketAddr>,
    /// Networks of balancers, such as `10.0.0.0/8`. Connections from there must begin with a PROXY
    /// protocol header (version 1 or 2), all others must not.
    #[schemars(with = "Vec<String>")]
    pub proxy_protocol_from: Vec<IpNet>,
    /// What each session may have.
    pub sessions: SessionSettings,
    /// What clients that are devices have.
    pub devices: DeviceSettings,
    /// Who may connect, before anything is known of them.
    pub admission: AdmissionSettings,
    /// Who may do what, and how much of it.
    pub access: AccessSettings,
}

/// The TLS listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MqttTlsSettings")]
pub struct TlsSettings {
    /// Where clients dial in with TLS, such as `0.0.0.0:8883`.
    pub listen: SocketAddr,
    /// A PEM file with the certificate and those that signed it. A new one is taken up by a restart.
    pub certificate: FilePath,
    /// A PEM file with the certificate's private key.
    pub key: FilePath,
    /// A PEM file with the certificates that sign those of clients. With it a client may show one.
    pub client_roots: Option<FilePath>,
    /// Whether a client must show a certificate.
    #[serde(default)]
    pub client_certificate_required: bool,
}

/// Clients that are devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "MqttDeviceSettings")]
pub struct DeviceSettings {
    /// How often what a connected device publishes is recorded as its check-in. A new connection
    /// always is.
    #[schemars(extend("x-least" = "1s", "x-most" = "45s"))]
    pub check_in_every: Span,
}

impl Default for DeviceSettings {
    fn default() -> Self {
        Self {
            check_in_every: Span::from_secs(30),
        }
    }
}

impl DeviceSettings {
    /// The same in milliseconds.
    pub(crate) fn check_in_every_ms(&self) -> u64 {
        let every = self.check_in_every.as_duration().as_millis();
        u64::try_from(every).unwrap_or(u64::MAX)
    }
}

/// What each session may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "MqttSessionSettings")]
pub struct SessionSettings {
    /// The longest a session outlives its connection.
    pub expiry_max: Span,
    /// How long a session of MQTT 3.1 and 3.1.1 that is not clean outlives its connection.
    pub expiry_v3: Span,
    /// The longest keep-alive; a client of MQTT 5 that wants a longer one, or none, is told this one.
    pub keep_alive_max: Span,
    /// QoS 1 and 2 messages that are taken from a client at once.
    pub receive_maximum: NonZeroU16,
    /// QoS 1 and 2 messages that are in flight to a client.
    pub window: NonZeroU16,
    /// The largest packet that is taken.
    pub packet_max: ByteSize,
    /// Messages that wait in memory for a client; what is beyond waits in the journal.
    pub queue_messages: NonZeroU32,
    /// Bytes of messages that wait in memory for a client.
    pub queue_bytes: ByteSize,
}

impl Default for SessionSettings {
    fn default() -> Self {
        let limits = SessionLimits::default();
        let secs = |secs: u32| Span::from_secs(u64::from(secs));
        Self {
            expiry_max: secs(limits.session_expiry_secs),
            expiry_v3: secs(limits.session_expiry_v3_secs),
            keep_alive_max: secs(u32::from(limits.keep_alive_secs)),
            receive_maximum: limits.receive_maximum,
            window: limits.window,
            packet_max: ByteSize::new(u64::from(limits.packet_bytes.get())),
            queue_messages: NonZeroU32::new(limits.queue_messages).unwrap_or(NonZeroU32::MIN),
            queue_bytes: ByteSize::new(u64::from(limits.queue_bytes)),
        }
    }
}

impl SessionSettings {
    /// The same for the sessions.
    #[must_use]
    pub fn limits(&self) -> SessionLimits {
        let secs = |span: Span| u32::try_from(span.as_duration().as_secs()).unwrap_or(u32::MAX);
        let bytes = |size: ByteSize| u32::try_from(size.as_u64()).unwrap_or(u32::MAX);
        SessionLimits {
            session_expiry_secs: secs(self.expiry_max),
            session_expiry_v3_secs: secs(self.expiry_v3),
            keep_alive_secs: u16::try_from(secs(self.keep_alive_max)).unwrap_or(u16::MAX),
            receive_maximum: self.receive_maximum,
            window: self.window,
            packet_bytes: NonZeroU32::new(bytes(self.packet_max)).unwrap_or(NonZeroU32::MIN),
            queue_messages: self.queue_messages.get(),
            queue_bytes: bytes(self.queue_bytes),
            ..SessionLimits::default()
        }
    }
}
