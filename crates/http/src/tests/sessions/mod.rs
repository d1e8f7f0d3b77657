//! Live sessions over real sockets on loopback. The clients are others' (`tokio-websockets`) or bytes.

mod calls;
mod echo;
mod hostile;
mod requests;
mod websocket;

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use spica_settings::Span;
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

use crate::config::Settings;
use crate::fixture::Node;
use crate::server::Server;
use crate::sessions::LiveSettings;
use crate::token::Role;

/// How long anything may take.
const LONG: Duration = Duration::from_secs(20);

fn settings(live: LiveSettings) -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        live,
        ..Settings::default()
    }
}

/// A node that listens, whose sessions beat fast.
async fn started() -> (Node, Server) {
    started_with(LiveSettings::default()).await
}

async fn started_with(live: LiveSettings) -> (Node, Server) {
    let node = Node::new().await;
    let server = Server::start(settings(live), node.app.parts.clone())
        .await
        .unwrap();
    (node, server)
}

/// Settings with a heartbeat that tests can wait for.
fn lively() -> LiveSettings {
    LiveSettings {
        heartbeat: Span::from_millis(100),
        ..LiveSettings::default()
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, what).await.expect("in time")
}

/// A client that speaks JSON.
struct Client {
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let builder = ClientBuilder::new()
            .uri(&format!("ws://{address}/v1/live/ws"))
            .unwrap()
            .add_header(
                "sec-websocket-protocol".parse().unwrap(),
                "spica.live.v1.json".parse().unwrap(),
            )
            .unwrap();
        let (socket, response) = builder.connect_on(stream).await.unwrap();
        assert_eq!(response.status(), 101);
        assert_eq!(
            response.headers()["sec-websocket-protocol"],
            "spica.live.v1.json"
        );
        Self { socket }
    }

    /// A session of the role, past its welcome.
    async fn open(node: &Node, server: &Server, role: Role) -> Self {
        let mut client = Self::connect(server.address()).await;
        client
            .say(json!({"t": "hello", "token": node.token(role)}))
            .await;
        let welcome = client.frame("welcome").await;
        assert_eq!(welcome["role"], role.as_str());
        client
    }

    async fn say(&mut self, frame: Value) {
        self.send(Message::text(frame.to_string())).await;
    }

    async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// The next frame of the type, past heartbeats.
    async fn frame(&mut self, t: &str) -> Value {
        loop {
            let message = soon(self.socket.next()).await.expect("a frame").unwrap();
            let Some(text) = message.as_text() else {
                assert!(message.is_ping(), "{message:?}");
                continue;
            };
            let frame: Value = serde_json::from_str(text).unwrap();
            if frame["t"] != "beat" || t == "beat" {
                assert_eq!(frame["t"], t, "{frame}");
                return frame;
            }
        }
    }

    /// The code of the bye, and that of the close frame.
    async fn end(&mut self) -> (String, u16) {
        let bye = self.frame("bye").await;
        let close = soon(self.socket.next()).await.expect("a close").unwrap();
        let (code, _) = close.as_close().expect("a close");
        (bye["code"].as_str().unwrap().to_owned(), code.into())
    }
}
