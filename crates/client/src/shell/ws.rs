//! A WebSocket.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use reqwest::header::SEC_WEBSOCKET_PROTOCOL;
use spica_live_proto::{ClientFrame, Encoding, Hello, encode_client};
use tokio_websockets::{ClientBuilder, Error, Limits, Message, WebSocketStream, upgrade};

use super::link::{LinkError, MAX_FRAME, Received};
use super::recorded::{Head, Recorded};
use super::{Duplex, dial};

/// How long a close may take.
const CLOSE: Duration = Duration::from_secs(1);

/// A WebSocket on which hello was said.
pub(crate) struct WsLink {
    socket: WebSocketStream<Recorded<Box<dyn Duplex>>>,
    encoding: Encoding,
}

impl WsLink {
    pub(crate) async fn open(
        base: &str,
        encoding: Encoding,
        hello: Hello,
    ) -> Result<Self, LinkError> {
        let head = Head::default();
        let stream = dial(base).await.map_err(|_| LinkError::Nobody)?;
        let builder = builder(base, encoding).ok_or(LinkError::Nobody)?;
        let stream = Recorded::new(stream, head.clone());
        let (mut socket, response) = builder
            .connect_on(stream)
            .await
            .map_err(|error| refusal(&error, &head))?;
        socket.get_mut().stop();
        let chosen = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
        if chosen.is_none_or(|name| name != encoding.subprotocol()) {
            return Err(LinkError::Cut);
        }
        let mut link = Self { socket, encoding };
        link.send(&[ClientFrame::Hello(hello)]).await?;
        Ok(link)
    }

    pub(crate) async fn send(&mut self, frames: &[ClientFrame]) -> Result<(), LinkError> {
        for frame in frames {
            let message = message(self.encoding, frame);
            let fed = self.socket.feed(message).await;
            fed.map_err(|_| LinkError::Cut)?;
        }
        self.socket.flush().await.map_err(|_| LinkError::Cut)
    }

    pub(crate) async fn receive(&mut self) -> Result<Received, LinkError> {
        loop {
            let message = match self.socket.next().await {
                Some(Ok(message)) => message,
                Some(Err(Error::Protocol(_))) => return Err(LinkError::Protocol),
                Some(Err(_)) | None => return Err(LinkError::Cut),
            };
            let fits = match self.encoding {
                Encoding::Json => message.is_text(),
                Encoding::Cbor => message.is_binary(),
            };
            if fits {
                return Received::read(self.encoding, message.as_payload());
            }
            if message.is_text() || message.is_binary() {
                return Err(LinkError::Protocol);
            }
        }
    }

    pub(crate) async fn close(mut self) {
        let said = async {
            self.send(&[ClientFrame::Bye]).await?;
            self.socket.close().await.map_err(|_| LinkError::Cut)
        };
        // Whoever does not hear it finds the connection closed.
        let _ = tokio::time::timeout(CLOSE, said).await;
    }
}

/// A request for an upgrade.
pub(crate) fn builder(base: &str, encoding: Encoding) -> Option<ClientBuilder<'static>> {
    let uri = format!("ws{}/v1/live/ws", base.strip_prefix("http")?);
    let value = encoding.subprotocol().parse().ok()?;
    ClientBuilder::new()
        .uri(&uri)
        .ok()?
        .limits(Limits::default().max_payload_len(Some(MAX_FRAME)))
        .add_header(SEC_WEBSOCKET_PROTOCOL, value)
        .ok()
}

/// A frame as one message.
pub(crate) fn message(encoding: Encoding, frame: &ClientFrame) -> Message {
    let mut bytes = Vec::new();
    encode_client(encoding, frame, &mut bytes);
    match (encoding, String::from_utf8(bytes)) {
        (Encoding::Json, Ok(text)) => Message::text(text),
        (_, Ok(text)) => Message::binary(text.into_bytes()),
        (_, Err(error)) => Message::binary(error.into_bytes()),
    }
}

fn refusal(error: &Error, head: &Head) -> LinkError {
    match error {
        Error::Upgrade(upgrade::Error::DidNotSwitchProtocols(status)) => LinkError::Status {
            status: *status,
            retry_after: head.retry_after(),
            location: head.location(),
        },
        _ => LinkError::Cut,
    }
}
