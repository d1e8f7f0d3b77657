//! How a frame stands on the wire.

/// One of the two forms of a frame. A session has one for its whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// A text message with a JSON object, without line breaks.
    Json,
    /// A binary message with the same object in CBOR (RFC 8949).
    Cbor,
}

impl Encoding {
    /// Both, as they are offered.
    pub const ALL: [Self; 2] = [Self::Json, Self::Cbor];

    /// The WebSocket subprotocol that stands for it.
    #[must_use]
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "spica.live.v1.json",
            Self::Cbor => "spica.live.v1.cbor",
        }
    }

    /// The encoding that a WebSocket subprotocol stands for; `None` if it is none of ours.
    #[must_use]
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|encoding| encoding.subprotocol() == name)
    }
}
