//! What a client is made with.

use std::time::Duration;

use spica_live_proto::Encoding;

/// A way to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// A WebSocket.
    WebSocket,
    /// Server-sent events, and a POST for what the client says.
    Events,
    /// Long-poll.
    Poll,
}

impl Way {
    /// All, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::WebSocket, Self::Events, Self::Poll];
}

/// What a client is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Addresses of the nodes, `http(s)://host:port`, in the order in which they are tried.
    pub endpoints: Vec<String>,
    /// The token.
    pub token: Option<String>,
    /// A name for operators, at most 64 bytes.
    pub name: String,
    /// How frames are written over a WebSocket.
    pub encoding: Encoding,
    /// The ways that may be used.
    pub ways: Vec<Way>,
    /// Bytes of data that may wait in this process; at least 1.
    pub credit: u64,
    /// Bytes per second of a session; 0: unlimited.
    pub bytes_per_s: u64,
    /// The longest pause of its own between two attempts.
    pub max_pause: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl Settings {
    /// The defaults, for these addresses.
    #[must_use]
    pub fn new(endpoints: Vec<String>, token: Option<String>) -> Self {
        Self {
            endpoints,
            token,
            name: "spica-client".to_owned(),
            encoding: Encoding::Cbor,
            ways: Way::ALL.to_vec(),
            credit: 1 << 20,
            bytes_per_s: 0,
            max_pause: Duration::from_secs(30),
            timeout: Duration::from_secs(30),
        }
    }
}
