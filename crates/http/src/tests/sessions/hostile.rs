//! Clients that break the rules, or take nothing.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A client of bytes.
pub(super) struct Raw {
    stream: TcpStream,
}

impl Raw {
    async fn connect(server: &Server) -> Self {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let head = "GET /v1/live/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\
                    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                    Sec-WebSocket-Protocol: spica.live.v1.json\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(soon(stream.read_u8()).await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
        Self { stream }
    }

    /// A session, past its welcome.
    pub(super) async fn open(server: &Server, token: &str) -> Self {
        let mut raw = Self::connect(server).await;
        let hello = json!({"t": "hello", "token": token}).to_string();
        raw.send(&frame(0x81, hello.as_bytes())).await;
        let (first, welcome) = raw.message().await;
        assert_eq!(first, 0x81);
        assert!(String::from_utf8(welcome).unwrap().contains("\"welcome\""));
        raw
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The first byte of a frame, and its payload.
    async fn message(&mut self) -> (u8, Vec<u8>) {
        let first = soon(self.stream.read_u8()).await.unwrap();
        let len = match self.stream.read_u8().await.unwrap() {
            126 => usize::from(self.stream.read_u16().await.unwrap()),
            short => usize::from(short),
        };
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).await.unwrap();
        (first, payload)
    }

    /// Everything until the other end closes.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset is an end as well.
        let _ = soon(self.stream.read_to_end(&mut bytes)).await;
        bytes
    }

    /// The code of the bye, and that of the close frame behind it.
    async fn end(&mut self) -> (String, u16) {
        let (_, bye) = self.message().await;
        let bye: Value = serde_json::from_slice(&bye).unwrap();
        assert_eq!(bye["t"], "bye");
        let (first, close) = self.message().await;
        assert_eq!(first, 0x88);
        let code = u16::from_be_bytes([close[0], close[1]]);
        (bye["code"].as_str().unwrap().to_owned(), code)
    }
}

/// A masked frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut bytes = vec![first];
    if payload.len() < 126 {
        bytes.push(0x80 | u8::try_from(payload.len()).unwrap());
    } else {
        bytes.extend([0xff]);
        bytes.extend((payload.len() as u64).to_be_bytes());
        if let Ok(short) = u16::try_from(payload.len()) {
            bytes.truncate(1);
            bytes.push(0xfe);
            bytes.extend(short.to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    bytes
}

#[tokio::test]
async fn broken_rules_end_the_session_with_the_code_of_the_rfc() {
    let (node, server) = started().await;
    let huge = [&[0x81, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat();
    let cases: [(&str, Vec<u8>, u16); 9] = [
        ("unmasked", vec![0x81, 0x01, b'a'], 1002),
        ("reserved bit", frame(0xc1, b"{}"), 1002),
        ("reserved opcode", frame(0x83, b"{}"), 1002),
        ("fragmented ping", frame(0x09, b"a"), 1002),
        ("long ping", frame(0x89, &[0; 126]), 1002),
        ("bad close", frame(0x88, &[0x03, 0xed]), 1002),
        ("bad UTF-8", frame(0x81, b"\"\xff\""), 1007),
        ("oversize", huge, 1009),
        ("binary in a JSON session", frame(0x82, b"{}"), 1002),
    ];
    for (what, bytes, code) in cases {
        let mut raw = Raw::open(&server, node.token(Role::Reader)).await;
        raw.send(&bytes).await;
        assert_eq!(raw.end().await, ("protocol".to_owned(), code), "{what}");
        assert!(raw.rest().await.is_empty(), "{what}");
    }
    let mut early = Raw::connect(&server).await;
    early.send(&[0x81, 0x01, b'a']).await;
    assert_eq!(early.end().await, ("protocol".to_owned(), 1002));
}

#[tokio::test]
async fn the_limit_of_a_frame_is_what_the_settings_say() {
    let (node, server) = started_with(LiveSettings {
        client_frame: spica_settings::ByteSize::kib(1),
        ..LiveSettings::default()
    })
    .await;
    let mut raw = Raw::open(&server, node.token(Role::Reader)).await;
    let mut fits = br#"{"t":"ping","id":1}"#.to_vec();
    fits.resize(1024, b' ');
    raw.send(&frame(0x81, &fits)).await;
    assert!(
        String::from_utf8(raw.message().await.1)
            .unwrap()
            .contains("pong")
    );
    fits.push(b' ');
    raw.send(&frame(0x81, &fits)).await;
    assert_eq!(raw.end().await, ("protocol".to_owned(), 1009));
}

#[tokio::test]
async fn frames_come_in_any_pieces_and_control_frames_between_them() {
    let (node, server) = started().await;
    let mut raw = Raw::open(&server, node.token(Role::Reader)).await;
    let bytes = [
        frame(0x01, br#"{"t":"ping","#),
        frame(0x89, b"there?"),
        frame(0x80, br#""id":3}"#),
        frame(0x88, &[0x03, 0xe8]),
    ]
    .concat();
    for byte in bytes {
        raw.send(&[byte]).await;
    }
    assert_eq!(raw.message().await, (0x8a, b"there?".to_vec()));
    let (_, pong) = raw.message().await;
    assert!(String::from_utf8(pong).unwrap().contains(r#""id":3"#));
    assert_eq!(raw.message().await, (0x88, b"\x03\xe8left".to_vec()));
    assert!(raw.rest().await.is_empty());
}

#[tokio::test]
async fn who_asks_much_and_takes_nothing_is_heard_no_more_and_cut() {
    let node = Node::new().await;
    let settings = Settings {
        write_timeout: Span::from_millis(200),
        ..settings(LiveSettings::default())
    };
    let server = Server::start(settings, node.app.parts.clone())
        .await
        .unwrap();
    let mut greedy = Raw::open(&server, node.token(Role::Reader)).await;
    let mut other = Client::open(&node, &server, Role::Reader).await;
    // Each small question has a larger answer. Nothing is read: the answers fill what the system
    // holds, the session listens no more, what is asked fills that as well, and writing ends.
    let question = frame(0x81, br#"{"t":"nothing"}"#).repeat(100);
    let asked = tokio::time::timeout(LONG, async {
        while greedy.stream.write_all(&question).await.is_ok() {}
    });
    asked.await.expect("the session is cut");
    other.say(json!({"t": "ping", "id": 1})).await;
    other.frame("pong").await;
    let sessions = &node.app.parts.metrics.sessions;
    while sessions.open_now() > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
