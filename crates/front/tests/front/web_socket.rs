//! Bytes in WebSocket frames.

use futures::{SinkExt as _, StreamExt as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_websockets::{ClientBuilder, Message};

use crate::support::{FRAME_BYTES, World, dial, soon};
use crate::tls::Keys;

/// A request as browsers write them.
pub(crate) const REQUEST: &str = "GET /echo?x=1 HTTP/1.1\r\nHost: hub\r\nUpgrade: WebSocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: other, mqtt\r\n\r\n";

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        long @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A client whose WebSocket is open.
struct Client<S>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Opens it and hears who has come.
    async fn open(stream: S) -> (Self, String) {
        let mut client = Self(stream);
        client.write(REQUEST.as_bytes()).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(head.contains("\r\nSec-WebSocket-Protocol: mqtt\r\n"));
        let (opcode, hello) = client.frame().await;
        assert_eq!(opcode, 0x82);
        (client, String::from_utf8(hello).unwrap())
    }

    async fn write(&mut self, bytes: &[u8]) {
        soon(self.0.write_all(bytes)).await.unwrap();
        soon(self.0.flush()).await.unwrap();
    }

    /// An answer's head.
    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(self.0.read_u8()).await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    /// The next frame: its first byte and its payload.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        soon(async {
            let first = self.0.read_u8().await.unwrap();
            let length = match self.0.read_u8().await.unwrap() {
                126 => usize::from(self.0.read_u16().await.unwrap()),
                127 => usize::try_from(self.0.read_u64().await.unwrap()).unwrap(),
                short => usize::from(short),
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.unwrap();
            (first, payload)
        })
        .await
    }

    /// What comes in binary frames, up to so many bytes.
    async fn bytes(&mut self, wanted: usize) -> Vec<u8> {
        let mut got = Vec::new();
        while got.len() < wanted {
            let (opcode, payload) = self.frame().await;
            assert_eq!(opcode, 0x82);
            got.extend(payload);
        }
        got
    }

    /// The code of the close frame that comes next, and the end behind it.
    async fn closed(mut self) -> u16 {
        let (opcode, payload) = self.frame().await;
        assert_eq!(opcode, 0x88);
        assert_eq!(soon(self.0.read(&mut [0])).await.unwrap_or(0), 0);
        u16::from_be_bytes([payload[0], payload[1]])
    }
}

#[tokio::test]
async fn messages_in_any_pieces_are_one_stream_of_bytes() {
    let world = World::new();
    let address = world.listen(None, true);
    let wire = [
        frame(0x82, b"one"),
        frame(0x82, b""),
        frame(0x02, b"tw"),
        frame(0x00, b"o"),
        frame(0x8a, b"unasked"),
        frame(0x80, b"three"),
        frame(0x82, &[b'x'; 300]),
    ]
    .concat();
    let said = [&b"onetwothree"[..], &[b'x'; 300]].concat();
    for piece in [1, 2, 3, 7, 11, wire.len()] {
        let (mut client, _) = Client::open(dial(address).await).await;
        for part in wire.chunks(piece) {
            client.write(part).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.bytes(said.len()).await, said, "pieces of {piece}");
    }
}

#[tokio::test]
async fn a_message_that_is_longer_than_what_is_read_at_once_comes_whole() {
    let world = World::new();
    let (mut client, _) = Client::open(dial(world.listen(None, true)).await).await;
    let payload: Vec<u8> = (0..FRAME_BYTES).map(|n| (n >> 5) as u8).collect();
    let wire = [frame(0x82, &payload), frame(0x82, b"after")].concat();
    client.write(&wire).await;
    let got = client.bytes(payload.len() + 5).await;
    assert!(got == [&payload[..], b"after"].concat(), "not the same");
}

#[tokio::test]
async fn a_client_of_others_making_is_understood() {
    let world = World::new();
    let address = world.listen(None, true);
    let (name, value) = ("sec-websocket-protocol", "mqtt");
    let builder = ClientBuilder::new()
        .uri(&format!("ws://{address}/echo"))
        .unwrap()
        .add_header(name.parse().unwrap(), value.parse().unwrap())
        .unwrap();
    let connected = builder.connect_on(dial(address).await);
    let (mut socket, response) = soon(connected).await.unwrap();
    assert_eq!(response.headers()[name], value);
    let hello = soon(socket.next()).await.unwrap().unwrap();
    assert!(hello.is_binary());
    let sent: Vec<u8> = (0..150_000u32).map(|n| (n >> 4) as u8).collect();
    for part in sent.chunks(40_000) {
        socket.send(Message::binary(part.to_vec())).await.unwrap();
        socket.send(Message::ping("?")).await.unwrap();
    }
    let (mut got, mut pongs) = (Vec::new(), 0);
    while got.len() < sent.len() || pongs < 4 {
        let message = soon(socket.next()).await.unwrap().unwrap();
        pongs += usize::from(message.is_pong());
        if message.is_binary() {
            got.extend_from_slice(message.as_payload());
        }
    }
    assert!(got == sent, "not the same bytes");
    soon(socket.close()).await.unwrap();
}

#[tokio::test]
async fn what_has_come_of_a_message_is_given_to_the_station_at_once() {
    let world = World::new();
    let (mut client, _) = Client::open(dial(world.listen(None, true)).await).await;
    let wire = frame(0x82, b"begun, and never ended");
    client.write(&wire[..wire.len() - 12]).await;
    assert_eq!(client.bytes(10).await, b"begun, and");
    let text = frame(0x81, b"a text that goes on and on");
    let (mut client, _) = Client::open(dial(world.listen(None, true)).await).await;
    client.write(&text[..10]).await;
    assert_eq!(client.closed().await, 1003);
}

#[tokio::test]
async fn pings_are_answered_between_the_parts_of_a_message() {
    let world = World::new();
    let (mut client, _) = Client::open(dial(world.listen(None, true)).await).await;
    let wire = [frame(0x02, b"a"), frame(0x89, b"?"), frame(0x80, b"b")].concat();
    client.write(&wire).await;
    assert_eq!(client.frame().await, (0x8a, b"?".to_vec()));
    assert_eq!(client.bytes(2).await, b"ab");
}

#[tokio::test]
async fn whoever_breaks_the_rules_is_told_how_once_what_came_before_was_taken() {
    let world = World::new();
    let address = world.listen(None, true);
    let mut unmasked = vec![0x82, 1, b'x'];
    unmasked.extend(frame(0x82, b"never"));
    for (wrong, code) in [
        (frame(0x81, b"text"), 1003),
        (unmasked, 1002),
        (frame(0x82, &vec![0; FRAME_BYTES + 1])[..64].to_vec(), 1009),
        (frame(0x88, &4_000u16.to_be_bytes()), 4_000),
        (frame(0x88, b""), 1000),
    ] {
        let (mut client, _) = Client::open(dial(address).await).await;
        client
            .write(&[frame(0x82, b"before"), wrong].concat())
            .await;
        assert_eq!(client.bytes(6).await, b"before");
        assert_eq!(client.closed().await, code);
    }
    world.until("echo_connections_open", 0.0).await;
    let broken = world.metric("echo_connections_closed_total{reason=\"broken\"}");
    let closed = world.metric("echo_connections_closed_total{reason=\"client-closed\"}");
    assert_eq!((broken, closed), (3.0, 2.0));
}

#[tokio::test]
async fn a_client_that_does_not_wait_for_the_answer_loses_nothing() {
    let world = World::new();
    let mut client = Client(dial(world.listen(None, true)).await);
    let early = [
        REQUEST.as_bytes(),
        &frame(0x82, b"ear"),
        &frame(0x82, b"ly")[..3],
    ]
    .concat();
    client.write(&early).await;
    client.head().await;
    let (_, hello) = client.frame().await;
    assert!(hello.starts_with(b"echo "));
    client.write(&frame(0x82, b"ly")[3..]).await;
    assert_eq!(client.bytes(5).await, b"early");
}

#[tokio::test]
async fn balancer_tls_certificate_and_web_socket_go_together() {
    let world = World::with(|_, rules| rules.balancers = vec!["127.0.0.1/32".parse().unwrap()]);
    let keys = Keys::new();
    let address = world.listen(Some(keys.files(Some(true))), true);
    let mut stream = dial(address).await;
    let header = b"PROXY TCP6 2001:db8::7 ::1 4000 8884\r\n";
    stream.write_all(header).await.unwrap();
    let shown: (CertificateDer<'static>, PrivateKeyDer<'static>) = keys.client(1);
    let stream = keys.connect(stream, Some(shown)).await.unwrap();
    let (mut client, hello) = Client::open(stream).await;
    assert!(
        hello.starts_with("echo [2001:db8::7]:4000 Some(\"gate-7\")"),
        "{hello}"
    );
    let payload = vec![9; 70_000];
    client.write(&frame(0x82, &payload)).await;
    assert!(client.bytes(payload.len()).await == payload);
    client.write(&frame(0x88, &1_001u16.to_be_bytes())).await;
    assert_eq!(client.closed().await, 1_001);
}
