//! An open connection, by any of the ways.

use std::time::Duration;

use spica_live_proto::{ClientFrame, Encoding, Hello, Incoming, decode_server};

use super::http::HttpLink;
use super::ws::WsLink;
use crate::core::Way;

/// The longest frame of a server that is read.
pub(crate) const MAX_FRAME: usize = 16 << 20;

/// Why there is no connection, or no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkError {
    /// Nobody is at that address.
    Nobody,
    /// The connection broke off.
    Cut,
    /// What came makes no sense.
    Protocol,
    /// An HTTP status instead of a session.
    Status {
        /// The status.
        status: u16,
        /// When to come again.
        retry_after: Option<Duration>,
        /// Where to go instead.
        location: Option<String>,
    },
}

/// A frame and what it took on the wire.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) frame: Incoming,
    pub(crate) bytes: usize,
}

impl Received {
    /// Reads a frame.
    pub(crate) fn read(encoding: Encoding, bytes: &[u8]) -> Result<Self, LinkError> {
        let frame = decode_server(encoding, bytes).map_err(|_| LinkError::Protocol)?;
        Ok(Self {
            frame,
            bytes: bytes.len(),
        })
    }
}

/// An open connection on which hello was said.
pub(crate) enum Link {
    Ws(Box<WsLink>),
    Http(HttpLink),
}

impl Link {
    /// Connects and says hello.
    pub(crate) async fn open(
        way: Way,
        base: String,
        encoding: Encoding,
        hello: Hello,
    ) -> Result<Self, LinkError> {
        match way {
            Way::WebSocket => WsLink::open(&base, encoding, hello)
                .await
                .map(|link| Self::Ws(Box::new(link))),
            Way::Events | Way::Poll => HttpLink::open(base, way, hello).await.map(Self::Http),
        }
    }

    /// Sends frames.
    pub(crate) async fn send(&mut self, frames: &[ClientFrame]) -> Result<(), LinkError> {
        match self {
            Self::Ws(link) => link.send(frames).await,
            Self::Http(link) => link.send(frames).await,
        }
    }

    /// The next frame. Safe to cancel.
    pub(crate) async fn receive(&mut self) -> Result<Received, LinkError> {
        match self {
            Self::Ws(link) => link.receive().await,
            Self::Http(link) => link.receive().await,
        }
    }

    /// Whether the way is known to work.
    pub(crate) const fn proven(&self) -> bool {
        match self {
            Self::Ws(_) => true,
            Self::Http(link) => link.proven(),
        }
    }

    /// Ends the session.
    pub(crate) async fn close(self) {
        match self {
            Self::Ws(link) => link.close().await,
            Self::Http(link) => link.close().await,
        }
    }
}
