//! An echo on the same socket as sessions, for the conformance suite: see `tests/autobahn`.

use spica_ws_proto::{Event, Opcode, accept_key, code};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::connection::Patient;
use crate::sessions::socket::{Socket, SocketError, Turn};

/// The suite's largest message.
const LIMIT: usize = 16 << 20;

async fn shake_hands(stream: &mut TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then_some(value)
    })?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_key(key)?
    );
    stream.write_all(answer.as_bytes()).await.ok()
}

async fn echo(socket: &mut Socket) -> Result<u16, SocketError> {
    loop {
        match socket.turn(socket.waiting() < 64).await? {
            Turn::Written => {}
            Turn::End => return Ok(code::NORMAL),
            Turn::Heard(Event::Text(text)) => socket.send(Opcode::Text, text),
            Turn::Heard(Event::Binary(bytes)) => socket.send(Opcode::Binary, bytes),
            Turn::Heard(Event::Ping(payload)) => socket.send(Opcode::Pong, payload),
            Turn::Heard(Event::Pong(_)) => {}
            Turn::Heard(Event::Close(said)) => return Ok(said.unwrap_or(code::NORMAL)),
        }
    }
}

async fn serve(mut stream: TcpStream) {
    if shake_hands(&mut stream).await.is_none() {
        return;
    }
    let mut socket = Socket::new(
        Patient::new(stream, std::sync::Arc::default(), LONG),
        bytes::Bytes::new(),
        LIMIT,
    );
    let code = match echo(&mut socket).await {
        Ok(code) => code,
        Err(SocketError::Violation(violation)) => violation.code(),
        Err(SocketError::Io(_)) => return,
    };
    socket.close(code, "");
    let _ = tokio::time::timeout(Duration::from_secs(1), socket.finish()).await;
}

#[tokio::test]
#[ignore = "serves the conformance suite until it is killed"]
async fn echo_for_the_conformance_suite() {
    let address = std::env::var("SPICA_ECHO").expect("SPICA_ECHO=address:port");
    let listener = TcpListener::bind(address).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(stream));
    }
}

#[tokio::test]
async fn what_is_sent_comes_back_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stream, client) = tokio::join!(
        async { listener.accept().await.unwrap().0 },
        TcpStream::connect(address)
    );
    tokio::spawn(serve(stream));
    let builder = ClientBuilder::new()
        .uri(&format!("ws://{address}/"))
        .unwrap();
    let (mut socket, _) = builder.connect_on(client.unwrap()).await.unwrap();
    let long = "x".repeat(3 << 20);
    socket.send(Message::binary(vec![7; 70_000])).await.unwrap();
    socket.send(Message::ping("there?")).await.unwrap();
    socket.send(Message::text(long.clone())).await.unwrap();
    let next =
        async |socket: &mut WebSocketStream<TcpStream>| soon(socket.next()).await.unwrap().unwrap();
    assert_eq!(
        next(&mut socket).await.as_payload()[..],
        vec![7; 70_000][..]
    );
    assert_eq!(next(&mut socket).await.as_payload()[..], b"there?"[..]);
    assert_eq!(next(&mut socket).await.as_text(), Some(&*long));
}
