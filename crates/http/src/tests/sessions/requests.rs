//! Sessions over server-sent events and long-poll.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::*;

/// A client that makes requests, one connection each.
struct Http<'a> {
    server: &'a Server,
    token: String,
}

impl Http<'_> {
    async fn begin(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        self.begin_on(socket, method, path, headers, body).await
    }

    async fn begin_on(
        &self,
        socket: TcpSocket,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> TcpStream {
        let mut stream = socket.connect(self.server.address()).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\
             Authorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = self.begin(method, path, "", body).await;
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    /// Opens a session: its path.
    async fn open(&self) -> String {
        let (status, opened) = self
            .ask("POST", "/v1/live/sessions", r#"{"t":"hello"}"#)
            .await;
        assert_eq!(status, 200, "{opened}");
        assert_eq!(opened["frames"][0]["t"], "welcome");
        assert_eq!(opened["frames"][0]["session"], opened["session"]);
        format!("/v1/live/sessions/{}", opened["session"].as_str().unwrap())
    }

    async fn post(&self, session: &str, frames: Value) -> u16 {
        self.ask("POST", session, &frames.to_string()).await.0
    }

    async fn poll(&self, session: &str, after: u64) -> (u16, Value) {
        let path = format!("{session}/poll?after={after}&timeout_ms=10000");
        self.ask("GET", &path, "").await
    }
}

/// Reads a stream until `text` has come; everything so far.
async fn until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        let byte = soon(stream.read_u8()).await.expect("the text");
        seen.push(byte);
    }
    String::from_utf8(seen).unwrap()
}

async fn client(node: &Node, server: &'static Server, role: Role) -> Http<'static> {
    Http {
        server,
        token: node.token(role).to_owned(),
    }
}

async fn listening(live: LiveSettings) -> (Node, &'static Server, Http<'static>) {
    let (node, server) = started_with(live).await;
    let server: &'static Server = Box::leak(Box::new(server));
    let http = client(&node, server, Role::Operator).await;
    (node, server, http)
}

#[tokio::test]
async fn a_poll_gives_what_was_not_acknowledged_again() {
    let (node, server, http) = listening(LiveSettings::default()).await;
    let session = http.open().await;
    let pings = json!([{"t": "ping", "id": 1}, {"t": "ping", "id": 2}]);
    assert_eq!(http.post(&session, pings).await, 202);
    for _ in 0..2 {
        let (status, page) = http.poll(&session, 0).await;
        assert_eq!((status, &page["next"]), (200, &json!(2)));
        assert_eq!(page["frames"][1]["id"], 2);
    }
    let call = json!([{"t": "call", "id": 3, "method": "GET", "path": "/v1/tree"}]);
    http.post(&session, call).await;
    let (_, page) = http.poll(&session, 2).await;
    assert_eq!(page["frames"][0]["t"], "result");
    assert_eq!(http.poll(&session, 1).await.0, 409, "it was acknowledged");
    let other = client(&node, server, Role::Reader).await;
    assert_eq!(other.poll(&session, 3).await.0, 404, "another's session");
    assert_eq!(http.post(&session, json!({"t": "ping"})).await, 400);
    assert_eq!(http.ask("DELETE", &session, "").await.0, 204);
    while http.poll(&session, 3).await.0 != 404 {}
    assert_eq!(node.app.parts.metrics.sessions.open_now(), 0);
}

#[tokio::test]
async fn events_go_on_after_the_last_one_that_was_seen() {
    let (_node, _server, http) = listening(LiveSettings::default()).await;
    let session = http.open().await;
    let events = format!("{session}/events");
    let mut stream = http.begin("GET", &events, "", "").await;
    http.post(&session, json!([{"t": "ping", "id": 1}])).await;
    let head = until(&mut stream, "\r\n\r\n").await;
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    let seen = until(&mut stream, "}\n\n").await;
    assert!(
        seen.contains("id: 1\ndata: {\"t\":\"pong\",\"id\":1"),
        "{seen}"
    );
    drop(stream);
    http.post(&session, json!([{"t": "ping", "id": 2}])).await;
    let mut stream = http.begin("GET", &events, "Last-Event-ID: 1\r\n", "").await;
    let seen = until(&mut stream, "}\n\n").await;
    assert!(
        seen.contains("id: 2\n") && !seen.contains("id: 1\n"),
        "{seen}"
    );
    // A second reader takes over: the first stream ends.
    let mut second = http.begin("GET", &events, "Last-Event-ID: 0\r\n", "").await;
    let seen = until(&mut second, "id: 2\n").await;
    assert!(seen.contains("id: 1\n"), "kept while there is room: {seen}");
    soon(stream.read_to_end(&mut Vec::new())).await.unwrap();
    let bye = r#"[{"t":"bye"}]"#;
    assert_eq!(http.ask("POST", &session, bye).await.0, 202);
    soon(second.read_to_end(&mut Vec::new())).await.unwrap();
    while http.ask("GET", &events, "").await.0 != 404 {}
}

#[tokio::test]
async fn a_session_that_nobody_reads_ends_and_one_that_is_read_does_not() {
    let (node, _server, http) = listening(LiveSettings {
        idle_session: Span::from_millis(150),
        ..lively()
    })
    .await;
    let session = http.open().await;
    let mut after = 0;
    for _ in 0..5 {
        let (status, page) = http.poll(&session, after).await;
        assert_eq!(status, 200);
        after = page["next"].as_u64().unwrap();
    }
    let sessions = &node.app.parts.metrics.sessions;
    while sessions.open_now() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &node.app.parts.registry).unwrap();
    assert!(
        text.contains(r#"live_sessions_ended_total{code="unread"} 1"#),
        "{text}"
    );
}

#[tokio::test]
async fn the_last_word_comes_in_the_stream() {
    let (node, server, http) = listening(LiveSettings::default()).await;
    let session = http.open().await;
    let mut stream = http
        .begin("GET", &format!("{session}/events"), "", "")
        .await;
    until(&mut stream, "\r\n\r\n").await;
    let stop = server.stop();
    let (dropped, text) = tokio::join!(stop, async {
        let mut text = String::new();
        soon(stream.read_to_string(&mut text)).await.unwrap();
        text
    });
    assert!(text.contains(r#""t":"bye","code":"stopping""#), "{text}");
    assert_eq!(dropped, 0);
    drop(node);
}

#[tokio::test]
async fn who_is_not_known_opens_nothing() {
    let (_node, server, http) = listening(LiveSettings::default()).await;
    let nobody = Http {
        server,
        token: "wrong".into(),
    };
    let hello = r#"{"t":"hello"}"#;
    assert_eq!(nobody.ask("POST", "/v1/live/sessions", hello).await.0, 401);
    for body in ["", "{}", r#"{"t":"ping","id":1}"#, "[]"] {
        let (status, problem) = http.ask("POST", "/v1/live/sessions", body).await;
        assert_eq!(status, 400, "{body}: {problem}");
    }
}

/// A payload of so many bytes with a number to tell it by.
fn payload(number: usize, bytes: usize) -> String {
    json!({"n": number, "text": "y".repeat(bytes)}).to_string()
}

/// Lets time pass: what is live comes in ticks.
async fn time_passes(node: &Node) {
    loop {
        node.clock.advance(Duration::from_millis(20));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Does it while time passes.
async fn in_time<T>(node: &Node, what: impl Future<Output = T>) -> T {
    tokio::select! {
        done = what => done,
        () = time_passes(node) => unreachable!("time does not end"),
    }
}

#[tokio::test]
async fn a_stream_that_is_not_read_holds_little_that_is_old() {
    const ROUNDS: usize = 120;
    const BYTES: usize = 16 << 10;
    let (node, _server, http) = listening(LiveSettings::default()).await;
    let session = http.open().await;
    let socket = TcpSocket::new_v4().unwrap();
    // What this end keeps is not what is asked here.
    socket.set_recv_buffer_size(8 << 10).unwrap();
    let events = format!("{session}/events");
    let mut stream = http.begin_on(socket, "GET", &events, "", "").await;
    let filter = "root/s1/level";
    let subscribe = json!([{"t": "subscribe", "sub": 1, "filter": filter, "delta": false}]);
    http.post(&session, subscribe).await;
    until(&mut stream, "\"ready\"").await;
    for round in 1..=ROUNDS {
        let payload = payload(round, BYTES);
        in_time(&node, node.publish("level?kind=state", &payload)).await;
    }
    let last = format!("\"n\":{ROUNDS},");
    let (mut read, mut piece) = (0, vec![0; 4 << 10]);
    let mut text = String::new();
    while !text.contains(&last) {
        let bytes = in_time(&node, soon(stream.read(&mut piece))).await.unwrap();
        assert!(bytes > 0, "the stream ended after {read} bytes");
        read += bytes;
        // What is looked for may begin in the piece before.
        text = text.split_off(text.len().saturating_sub(last.len()));
        text.push_str(&String::from_utf8_lossy(&piece[..bytes]));
    }
    // What both systems hold, and a piece or two before it; not what was published meanwhile.
    assert!(read < 384 << 10, "{read} of {}", ROUNDS * BYTES);
}

#[tokio::test]
async fn an_answer_to_a_poll_is_small_until_the_way_is_known() {
    const TOPICS: usize = 24;
    let (node, server, http) = listening(LiveSettings::default()).await;
    let session = http.open().await;
    let filter = "root/s1/level/+";
    let subscribe = json!([{"t": "subscribe", "sub": 1, "filter": filter, "delta": false}]);
    http.post(&session, subscribe).await;
    let mut after = 0;
    // Pages that only say that the session lives come in between.
    let mut poll = async || loop {
        let (status, page) = in_time(&node, http.poll(&session, after)).await;
        assert_eq!(status, 200, "{page}");
        let next = page["next"].as_u64().unwrap();
        assert!(next > after, "nothing came in time");
        after = next;
        let rows = page["frames"].as_array().unwrap().iter();
        let rows = rows.flat_map(|frame| frame["u"].as_array().cloned().unwrap_or_default());
        let numbers: Vec<u64> = rows.map(|row| row[11]["n"].as_u64().unwrap()).collect();
        if !numbers.is_empty() {
            return (page.to_string().len(), numbers);
        }
    };
    let publish = async |number: usize| {
        for topic in 0..TOPICS {
            let path = format!("level/{topic}?kind=state");
            node.publish(&path, &payload(number, 1 << 10)).await;
        }
    };
    // Who is told of the mark knows that the sessions know what was published before it.
    let mut mark = Client::open(&node, server, Role::Reader).await;
    let subscribe = json!({"t": "subscribe", "sub": 1, "filter": "root/s1/mark"});
    mark.say(subscribe).await;
    mark.frame("subscribed").await;
    mark.frame("ready").await;
    publish(1).await;
    let (bytes, old) = poll().await;
    assert!(bytes < 8 << 10, "{bytes}");
    publish(2).await;
    node.publish("mark?kind=state", "1").await;
    in_time(&node, mark.frame("data")).await;
    let mut new = 0;
    while new < TOPICS {
        let (_, numbers) = poll().await;
        assert!(numbers.iter().all(|number| *number == 2), "{numbers:?}");
        new += numbers.len();
    }
    assert!(old.len() < TOPICS);
}
