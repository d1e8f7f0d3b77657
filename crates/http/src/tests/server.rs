//! The listener, over real sockets on loopback.

use std::time::Duration;

use spica_settings::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::Settings;
use crate::fixture::Node;
use crate::server::{Server, StartError};
use crate::token::Role;

fn settings() -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..Settings::default()
    }
}

async fn started(settings: Settings) -> (Node, Server) {
    let node = Node::new().await;
    let server = Server::start(settings, node.app.parts.clone())
        .await
        .unwrap();
    (node, server)
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).await.unwrap()
}

/// Everything until the other end closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes));
    // A reset is an end as well.
    let _ = read.await.expect("the other end closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn ask(server: &Server, head: &str) -> String {
    let mut stream = connect(server).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

#[tokio::test]
async fn it_serves_over_tcp_and_stops() {
    let (node, server) = started(settings()).await;
    let head = format!(
        "GET /v1/devices HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        node.token(Role::Reader)
    );
    let answer = ask(&server, &head).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(
        answer.ends_with(r#"{"devices":[],"next":null}"#),
        "{answer}"
    );
    // An idle connection does not hold up the stop.
    let mut idle = connect(&server).await;
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    idle.read_exact(&mut [0; 15]).await.unwrap();
    assert_eq!(server.stop().await, 0);
    server.ended().await;
    rest(&mut idle).await;
    assert!(TcpStream::connect(server.address()).await.is_err());
}

#[tokio::test]
async fn a_request_in_hand_is_finished_before_the_stop() {
    let (node, server) = started(settings()).await;
    node.journal.hold(spica_model::Lane::Normal);
    let mut stream = connect(&server).await;
    let head = format!(
        "POST /v1/topics/root/s1/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\
         Authorization: Bearer {}\r\n\r\n1",
        node.token(Role::Operator)
    );
    use spica_journal::Journal;
    let before = node.journal.status(spica_model::Lane::Normal).last;
    stream.write_all(head.as_bytes()).await.unwrap();
    while node.journal.status(spica_model::Lane::Normal).last == before {
        tokio::task::yield_now().await;
    }
    let stop = server.stop();
    let answer = async {
        node.journal.release(spica_model::Lane::Normal);
        rest(&mut stream).await
    };
    let (dropped, answer) = tokio::join!(stop, answer);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(dropped, 0);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_dropped() {
    let stop_timeout = Span::from_millis(1);
    let (node, server) = started(Settings {
        stop_timeout,
        ..settings()
    })
    .await;
    node.journal.hold(spica_model::Lane::Normal);
    let mut stream = connect(&server).await;
    let head = format!(
        "POST /v1/topics/root/s1/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\
         Authorization: Bearer {}\r\n\r\n1",
        node.token(Role::Operator)
    );
    use spica_journal::Journal;
    let before = node.journal.status(spica_model::Lane::Normal).last;
    stream.write_all(head.as_bytes()).await.unwrap();
    while node.journal.status(spica_model::Lane::Normal).last == before {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.stop().await, 1);
    assert_eq!(
        rest(&mut stream).await,
        "",
        "the connection is closed without an answer"
    );
}

#[tokio::test]
async fn beyond_its_connections_it_refuses_with_a_reason() {
    let settings = Settings {
        max_connections: 1,
        trusted: Vec::new(),
        ..settings()
    };
    let (node, server) = started(settings).await;
    let mut first = connect(&server).await;
    first
        .write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    first.read_exact(&mut [0; 15]).await.unwrap();
    let answer = rest(&mut connect(&server).await).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(
        answer.contains("Retry-After") && answer.contains("too many connections"),
        "{answer}"
    );
    drop(first);
    while node.app.parts.metrics.connections.get() > 0 {
        tokio::task::yield_now().await;
    }
    let head = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    // The place is given back right after the connection's count.
    while !ask(&server, head).await.starts_with("HTTP/1.1 200") {}
}

#[tokio::test]
async fn a_banned_source_is_told_so() {
    let (node, server) = started(Settings {
        trusted: Vec::new(),
        ..settings()
    })
    .await;
    let ban = r#"{"source":"127.0.0.0/8","for":"1h"}"#;
    let head = format!(
        "POST /v1/bans HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nConnection: close\r\n\
         Authorization: Bearer {}\r\n\r\n{ban}",
        ban.len(),
        node.token(Role::Operator)
    );
    let refused = ask(&server, &head).await;
    assert!(
        refused.starts_with("HTTP/1.1 409"),
        "nobody bans themselves: {refused}"
    );
    for _ in 0..Settings::default().ban_after {
        let head = "GET /v1/devices HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                    Authorization: Bearer spica_guess\r\n\r\n";
        assert!(ask(&server, head).await.starts_with("HTTP/1.1 401"));
    }
    let answer = rest(&mut connect(&server).await).await;
    assert!(
        answer.starts_with("HTTP/1.1 403") && answer.contains("banned"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let idle_timeout = Span::from_millis(20);
    let (_node, server) = started(Settings {
        idle_timeout,
        ..settings()
    })
    .await;
    let mut silent = connect(&server).await;
    rest(&mut silent).await;
    let mut slow = connect(&server).await;
    slow.write_all(b"GET / HT").await.unwrap();
    rest(&mut slow).await;
}

#[tokio::test]
async fn an_open_node_stays_on_loopback_and_an_address_can_be_taken() {
    let node = Node::open().await;
    let everywhere = Settings {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..Settings::default()
    };
    let refused = Server::start(everywhere, node.app.parts.clone())
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StartError::OpenNotLoopback(_)),
        "{refused}"
    );
    let (_node, server) = started(settings()).await;
    let taken = Settings {
        listen: server.address(),
        ..Settings::default()
    };
    let refused = Server::start(taken, node.app.parts.clone())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("http.listen"), "{refused}");
}
