//! What the transports of live sessions count.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::metrics::Raised;

/// How a session is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// WebSocket.
    WebSocket,
    /// Server-sent events or long-poll.
    Http,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct By {
    transport: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: &'static str,
}

impl Transport {
    const fn by(self) -> By {
        let transport = match self {
            Self::WebSocket => "websocket",
            Self::Http => "http",
        };
        By { transport }
    }
}

/// Counters of the transports; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionMetrics {
    open: Family<By, Gauge>,
    opened: Family<By, Counter>,
    refused: Family<Reason, Counter>,
    ended: Family<Code, Counter>,
    /// Frames of clients.
    pub(crate) frames_in: Counter,
    /// Their bytes.
    pub(crate) bytes_in: Counter,
    /// Those that could not be read.
    pub(crate) bad_frames: Counter,
    /// Calls that were carried out.
    pub(crate) calls: Counter,
}

impl SessionMetrics {
    /// Makes them known to `registry`, with names that begin with `live_`.
    pub(crate) fn add_to(&self, registry: &mut Registry) {
        let to = registry.sub_registry_with_prefix("live");
        to.register("sessions", "Open live sessions", self.open.clone());
        let help = "Live sessions that were opened";
        to.register("sessions_opened", help, self.opened.clone());
        let help = "Live sessions refused before they began";
        to.register("sessions_refused", help, self.refused.clone());
        let help = "Live sessions that ended, and WebSockets that never became one, by reason";
        to.register("sessions_ended", help, self.ended.clone());
        let help = "Frames of clients of live sessions";
        to.register("frames_received", help, self.frames_in.clone());
        let help = "Bytes of frames of clients of live sessions";
        to.register("bytes_received", help, self.bytes_in.clone());
        let help = "Frames of clients of live sessions that could not be read";
        to.register("bad_frames", help, self.bad_frames.clone());
        let help = "Calls carried out for clients of live sessions";
        to.register("calls", help, self.calls.clone());
    }

    /// Counts a session, as open for as long as what comes back lives.
    pub(crate) fn opened(&self, transport: Transport) -> Raised {
        let by = transport.by();
        self.opened.get_or_create(&by).inc();
        Raised::new(&self.open.get_or_create(&by))
    }

    /// How many are open.
    pub(crate) fn open_now(&self) -> u64 {
        let by = [Transport::WebSocket, Transport::Http].map(Transport::by);
        let open = by.iter().map(|by| self.open.get_or_create(by).get());
        u64::try_from(open.sum::<i64>()).unwrap_or_default()
    }

    /// Counts one that was refused.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    /// Counts an end.
    pub(crate) fn ended(&self, code: &'static str) {
        self.ended.get_or_create(&Code { code }).inc();
    }
}
