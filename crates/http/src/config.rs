//! What an operator may set about the HTTP interface.

use std::net::SocketAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_admission::{BanRule, Limits, Rate};
use spica_settings::{ByteSize, Span};

use crate::sessions::LiveSettings;

/// The HTTP interface: publish, read, operate, watch. It speaks plain HTTP: put a proxy with TLS in
/// front of it before it listens on anything but loopback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Connections open at once. Each needs a file descriptor. Beyond it: 503 and closed.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: usize,
    /// Connections open at once from one source (an IPv4 address or an IPv6 /64).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections_per_source: u32,
    /// Requests in hand at once, live streams among them. Beyond it: 503 with Retry-After.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_requests: usize,
    /// Live streams open at once. Beyond it: 503 with Retry-After.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_streams: usize,
    /// Exports of history (NDJSON, CSV) at once. Beyond it: 503 with Retry-After.
    #[schemars(range(min = 0, max = 10_000))]
    pub max_exports: usize,
    /// A connection without a whole request head for this long is closed.
    pub idle_timeout: Span,
    /// A body must be there within this time. Beyond it: 408.
    pub body_timeout: Span,
    /// A request must have its answer's head within this time. Beyond it: 503 with Retry-After.
    pub request_timeout: Span,
    /// A client that takes nothing of its answer for this long is disconnected.
    pub write_timeout: Span,
    /// How long requests in hand may go on when the node stops.
    pub stop_timeout: Span,
    /// How long a durable write waits to be shown by the views before it is answered anyway.
    pub views_timeout: Span,
    /// Largest payload of one record. Never more than 1MiB.
    pub payload_limit: ByteSize,
    /// Largest body of a batch.
    pub batch_limit: ByteSize,
    /// Most records of a batch.
    #[schemars(range(min = 1, max = 100_000))]
    pub batch_records: usize,
    /// Largest CSV file of devices.
    pub import_limit: ByteSize,
    /// Memory that bodies of requests and answers may take, in all. Beyond it: 503 with Retry-After.
    pub bodies_limit: ByteSize,
    /// Most items of a page.
    #[schemars(range(min = 1, max = 10_000))]
    pub page_limit: usize,
    /// A page that has grown to this size is not filled further, and has a next one.
    pub page_bytes: ByteSize,
    /// Records that one request for a page of history reads; the page may be short then.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub scan_limit: usize,
    /// Reads of history from disk at once; others wait for their turn.
    #[schemars(range(min = 1, max = 64))]
    pub history_reads: usize,
    /// How often an idle live stream says that it is alive, and its token is looked at again.
    pub heartbeat: Span,
    /// How many records a live stream may be behind and still be given each of them; further back it
    /// is told of a gap and gets a snapshot.
    pub resume_limit: u64,
    /// How many durable records the views may be behind before the node says that it is not ready.
    pub ready_lag: u64,
    /// How live sessions are reached.
    pub live: LiveSettings,
    /// Nets without a limit per source that are never banned automatically, such as that of a proxy.
    #[schemars(with = "Vec<String>")]
    pub trusted: Vec<IpNet>,
    /// So many requests without a valid token within a minute ban their source from HTTP.
    #[schemars(range(min = 1, max = 100_000))]
    pub ban_after: u32,
    /// How long such a ban lasts.
    pub ban_time: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            max_connections: 4_096,
            max_connections_per_source: 2_048,
            max_requests: 4_096,
            max_streams: 256,
            max_exports: 8,
            idle_timeout: Span::from_secs(60),
            body_timeout: Span::from_secs(30),
            request_timeout: Span::from_secs(30),
            write_timeout: Span::from_secs(30),
            stop_timeout: Span::from_secs(5),
            views_timeout: Span::from_secs(5),
            payload_limit: ByteSize::mib(1),
            batch_limit: ByteSize::mib(8),
            batch_records: 10_000,
            import_limit: ByteSize::mib(16),
            bodies_limit: ByteSize::mib(256),
            page_limit: 1_000,
            page_bytes: ByteSize::mib(4),
            scan_limit: 50_000,
            history_reads: 4,
            heartbeat: Span::from_secs(15),
            resume_limit: 100_000,
            ready_lag: 1_000_000,
            live: LiveSettings::default(),
            trusted: loopback(),
            ban_after: 20,
            ban_time: Span::from_mins(10),
        }
    }
}

fn loopback() -> Vec<IpNet> {
    ["127.0.0.0/8", "::1/128"]
        .iter()
        .filter_map(|net| net.parse().ok())
        .collect()
}

impl Settings {
    /// Who may connect.
    pub(crate) fn admission(&self) -> Limits {
        // A source may open all its connections at once, and again a second later: the rate is
        // there against storms only.
        let per_second = self.max_connections_per_source;
        Limits {
            connections: self.max_connections,
            connections_per_source: self.max_connections_per_source,
            accepts: Rate {
                per_second: 20_000,
                burst: 20_000,
            },
            accepts_per_source: Rate {
                per_second,
                burst: per_second,
            },
            trusted: self.trusted.clone(),
            ban: BanRule {
                offences: self.ban_after,
                within: std::time::Duration::from_secs(60),
                lasts: self.ban_time.into(),
            },
            ..Limits::default()
        }
    }

    /// Largest payload that is taken.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.payload_limit
            .as_usize()
            .min(spica_model::limits::PAYLOAD_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_and_misspelt_ones_are_refused() {
        let json = serde_json::to_value(Settings::default()).unwrap();
        assert_eq!(json["idle_timeout"], "1min");
        assert_eq!(
            serde_json::from_value::<Settings>(json).unwrap(),
            Settings::default()
        );
        let error = serde_json::from_str::<Settings>(r#"{"listne":"x"}"#).unwrap_err();
        assert!(error.to_string().contains("listne"), "{error}");
    }

    #[test]
    fn by_default_only_loopback_can_connect_and_is_trusted() {
        let settings = Settings::default();
        assert!(settings.listen.ip().is_loopback());
        assert!(
            settings
                .trusted
                .iter()
                .any(|net| net.contains(&settings.listen.ip()))
        );
    }

    #[test]
    fn a_payload_never_exceeds_what_a_record_can_hold() {
        let settings = Settings {
            payload_limit: ByteSize::gib(1),
            ..Settings::default()
        };
        assert_eq!(settings.payload_bytes(), spica_model::limits::PAYLOAD_BYTES);
    }
}
