//! Who gets a session over WebSocket, and how it ends.

use axum::body::Body;
use axum::http::Request;
use spica_role::Standing;

use super::*;
use crate::fixture::json as body_of;

#[tokio::test]
async fn a_session_says_who_it_is_and_answers() {
    let (node, server) = started().await;
    let mut client = Client::connect(server.address()).await;
    client
        .say(json!({"t": "hello", "token": node.token(Role::Operator), "client": "test"}))
        .await;
    let welcome = client.frame("welcome").await;
    assert_eq!(welcome["role"], "operator");
    assert_eq!(welcome["node"], "root/s1");
    assert_eq!(welcome["heartbeat_ms"], 15_000);
    assert_eq!(welcome["max_frame"], 65_536);
    assert_eq!(welcome["session"].as_str().unwrap().len(), 32);
    client.say(json!({"t": "ping", "id": 7})).await;
    let pong = client.frame("pong").await;
    assert_eq!((&pong["id"], pong["time"].is_i64()), (&json!(7), true));
    client.say(json!({"t": "fantasy", "id": 8})).await;
    assert_eq!(client.frame("refused").await["code"], "bad_frame");
    assert_eq!(node.app.parts.metrics.sessions.open_now(), 1);
    client.say(json!({"t": "bye"})).await;
    let close = soon(client.socket.next()).await.unwrap().unwrap();
    assert_eq!(u16::from(close.as_close().unwrap().0), 1000);
    assert!(soon(client.socket.next()).await.is_none());
    assert_eq!(server.stop().await, 0);
    assert_eq!(node.app.parts.metrics.sessions.open_now(), 0);
}

#[tokio::test]
async fn a_session_lives_beyond_the_limits_of_requests() {
    let node = Node::new().await;
    let settings = Settings {
        idle_timeout: Span::from_millis(50),
        request_timeout: Span::from_millis(50),
        max_requests: 1,
        ..settings(lively())
    };
    let server = Server::start(settings, node.app.parts.clone())
        .await
        .unwrap();
    let mut first = Client::open(&node, &server, Role::Reader).await;
    let mut second = Client::open(&node, &server, Role::Reader).await;
    second.say(json!({"t": "ping", "id": 1})).await;
    second.frame("pong").await;
    for _ in 0..3 {
        first.frame("beat").await;
    }
    assert_eq!(node.app.parts.metrics.in_flight.get(), 0);
}

#[tokio::test]
async fn a_token_may_come_with_the_request_and_a_wrong_one_opens_nothing() {
    let (node, server) = started().await;
    let upgrade = |authorization: Option<String>| async {
        let builder = ClientBuilder::new()
            .uri(&format!("ws://{}/v1/live/ws", server.address()))
            .unwrap()
            .add_header(
                "sec-websocket-protocol".parse().unwrap(),
                "spica.live.v1.json".parse().unwrap(),
            )
            .unwrap();
        let builder = match authorization {
            Some(value) => builder
                .add_header("authorization".parse().unwrap(), value.parse().unwrap())
                .unwrap(),
            None => builder,
        };
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let socket = builder.connect_on(stream).await.ok()?.0;
        Some(Client { socket })
    };
    let bearer = format!("Bearer {}", node.token(Role::Admin));
    let mut client = upgrade(Some(bearer)).await.unwrap();
    client.say(json!({"t": "hello"})).await;
    assert_eq!(client.frame("welcome").await["role"], "admin");

    let bad = &node.app.parts.metrics.bad_tokens;
    assert!(upgrade(Some("Bearer wrong".into())).await.is_none());
    assert_eq!(bad.get(), 1);
    for (hello, counted) in [
        (json!({"t": "hello"}), 1),
        (json!({"t": "hello", "token": "wrong"}), 2),
    ] {
        let mut client = upgrade(None).await.unwrap();
        client.say(hello).await;
        assert_eq!(client.end().await, ("unauthorized".into(), 1008));
        assert_eq!(bad.get(), counted);
    }
    let device = node.make_token(Role::Device, Some("1")).await;
    let mut client = upgrade(None).await.unwrap();
    client.say(json!({"t": "hello", "token": device})).await;
    assert_eq!(client.end().await, ("unauthorized".into(), 1008));
}

#[tokio::test]
async fn who_says_no_hello_in_time_or_something_else_first_is_sent_away() {
    let (node, server) = started_with(LiveSettings {
        hello_timeout: Span::from_millis(100),
        ..LiveSettings::default()
    })
    .await;
    let mut silent = Client::connect(server.address()).await;
    assert_eq!(silent.end().await, ("timeout".into(), 1008));
    let mut hasty = Client::connect(server.address()).await;
    hasty.say(json!({"t": "ping", "id": 1})).await;
    assert_eq!(hasty.end().await, ("protocol".into(), 1002));
    let mut twice = Client::open(&node, &server, Role::Reader).await;
    twice.say(json!({"t": "hello"})).await;
    assert_eq!(twice.end().await, ("protocol".into(), 1002));
}

#[tokio::test]
async fn a_revoked_token_ends_its_session_at_the_next_beat() {
    let (node, server) = started_with(lively()).await;
    let mut client = Client::open(&node, &server, Role::Reader).await;
    client.frame("beat").await;
    let tokens = crate::token_store::all(&node.app.parts.views);
    let (id, _) = tokens
        .into_iter()
        .find(|(_, token)| token.role == Role::Reader)
        .unwrap();
    let path = format!("/v1/tokens/{id}");
    node.call(Role::Admin, "DELETE", &path, Value::Null).await;
    assert_eq!(client.end().await, ("unauthorized".into(), 1008));
}

#[tokio::test]
async fn when_the_node_stops_sessions_are_told_when_to_come_again() {
    let (node, server) = started().await;
    let mut client = Client::open(&node, &server, Role::Reader).await;
    let mut guest = Client::connect(server.address()).await;
    let (dropped, bye) = tokio::join!(server.stop(), async {
        let bye = client.frame("bye").await;
        soon(client.socket.next()).await;
        soon(client.socket.next()).await;
        assert_eq!(guest.end().await, ("stopping".into(), 1001));
        soon(guest.socket.next()).await;
        bye
    });
    assert_eq!(dropped, 0);
    assert_eq!(
        (&bye["code"], &bye["retry_after_ms"]),
        (&json!("stopping"), &json!(1_000))
    );
}

fn standing(partner: &str) -> Standing {
    Standing {
        side: "primary",
        state: "passive",
        phase: "settled",
        epoch: spica_model::Epoch::FIRST,
        authority: spica_model::Epoch::FIRST,
        gate: "closed",
        sync: "complete",
        behind: 0,
        partner_alive: true,
        partner_state: None,
        partner_http: Some(partner.into()),
        partner_heard_ms: None,
        sound: true,
        notices: Vec::new(),
    }
}

#[tokio::test]
async fn when_the_node_serves_no_more_sessions_are_told_who_does() {
    let (node, server) = started().await;
    let mut client = Client::open(&node, &server, Role::Reader).await;
    node.role.stand(standing("http://partner:8080"));
    node.role.yield_to(Some("http://partner:8080"));
    let bye = client.frame("bye").await;
    assert_eq!(bye["code"], "not_active");
    assert_eq!(bye["active"], "http://partner:8080");
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_taken_for_dead() {
    let (node, server) = started_with(lively()).await;
    let mut silent = hostile::Raw::open(&server, node.token(Role::Reader)).await;
    // It reads everything but says nothing, not even what WebSockets say by themselves.
    let all = silent.rest().await;
    let text = String::from_utf8_lossy(&all);
    assert!(text.contains("\"timeout\""), "{text}");
    let mut lively = Client::open(&node, &server, Role::Reader).await;
    for _ in 0..6 {
        lively.frame("beat").await;
    }
}

#[tokio::test]
async fn where_there_is_no_room_clients_are_refused_before_they_begin() {
    let node = Node::new().await;
    let hub = &node.app.parts.live;
    let opening = || spica_live_hub::Opening {
        encoding: spica_live_hub::Encoding::Json,
        hidden: None,
        credit: None,
        bytes_per_s: 0,
    };
    let mut all: Vec<_> = (0..hub.settings().max_sessions)
        .map(|_| hub.open(opening()).unwrap())
        .collect();
    let request = |path: &str, method: &str| {
        node.request(Role::Reader, method, path)
            .header("upgrade", "websocket")
            .header("connection", "upgrade")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", "spica.live.v1.json")
            .body(Body::empty())
            .unwrap()
    };
    for (method, path) in [("GET", "/v1/live/ws"), ("POST", "/v1/live/sessions")] {
        let refused = node.send(request(path, method)).await;
        assert_eq!(refused.status(), 503, "{path}");
        assert_eq!(refused.headers()["retry-after"], "10");
    }
    let (_, ready) = node.get(Role::Reader, "/health/ready").await;
    assert_eq!(ready["live"]["room"], false);
    all.pop();
    let (_, ready) = node.get(Role::Reader, "/health/ready").await;
    assert_eq!(ready["live"]["room"], true);
    // There is room at once: what is missing now is a connection.
    let answer = node.send(request("/v1/live/ws", "GET")).await;
    assert_eq!(answer.status(), 500);
}

#[tokio::test]
async fn who_is_let_in_and_finds_no_room_is_told_when_to_come_again_and_others_go_on() {
    let (node, server) = started().await;
    let mut established = Client::open(&node, &server, Role::Reader).await;
    let mut late = Client::connect(server.address()).await;
    // There was room when the WebSocket was opened, and is none at the hello.
    let hub = &node.app.parts.live;
    let opening = || spica_live_hub::Opening {
        encoding: spica_live_hub::Encoding::Json,
        hidden: None,
        credit: None,
        bytes_per_s: 0,
    };
    let all: Vec<_> = std::iter::from_fn(|| hub.open(opening()).ok()).collect();
    assert_eq!(all.len(), hub.settings().max_sessions - 1);
    late.say(json!({"t": "hello", "token": node.token(Role::Reader)}))
        .await;
    let bye = late.frame("bye").await;
    assert_eq!(bye["code"], "overloaded");
    assert_eq!(bye["retry_after_ms"], 10_000);
    let close = soon(late.socket.next()).await.unwrap().unwrap();
    assert_eq!(u16::from(close.as_close().unwrap().0), 1013);
    established.say(json!({"t": "ping", "id": 1})).await;
    established.frame("pong").await;
    drop(all);
    Client::open(&node, &server, Role::Reader).await;
}

#[tokio::test]
async fn pages_from_elsewhere_open_no_session() {
    let node = Node::new().await;
    for (origin, status) in [("http://spica.example", 426), ("http://evil.example", 403)] {
        let request = Request::get("/v1/live/ws")
            .header(
                "authorization",
                format!("Bearer {}", node.token(Role::Admin)),
            )
            .header("host", "spica.example")
            .header("origin", origin);
        let answer = node.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), status, "{origin}");
        assert_eq!(body_of(answer).await["status"], status);
    }
}
