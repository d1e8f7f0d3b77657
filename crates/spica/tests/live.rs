//! Live sessions of the real binary: killed, handed over, cut by a proxy and not read. Whatever
//! happens, whoever follows precisely has seen each record once, in order, and what was acknowledged
//! is among them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod live {
    pub(crate) mod follower;
    pub(crate) mod proxy;
}

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use spica_fixture::{Ack, Launch, Pair, Pirate, Plan, Side, Traffic, address, free_ports};
use tokio::net::TcpSocket;

use self::live::follower::{Client, Follower, Seen, topics};
use self::live::proxy::Proxy;

/// Generous times: what is proved here must not depend on how busy the machine is.
const SLOW: &str = "pair.heartbeat = \"50ms\"\npair.dead_after = \"600ms\"";

/// A node that listens at the same address each time it is started.
fn node(dir: &std::path::Path) -> (Launch, SocketAddr) {
    let [http] = free_ports(address()).unwrap();
    let launch = Launch::new(env!("CARGO_BIN_EXE_spica"), dir);
    (launch.config(&format!("http.listen = \"{http}\"")), http)
}

/// Everything that was acknowledged was seen, each topic's records once and in order.
async fn all_was_seen(follower: &Follower, acked: &[Ack]) -> Seen {
    assert!(!acked.is_empty());
    let acknowledged = topics(acked.iter().map(|ack| ack.key.as_str()));
    let whole = |seen: &Seen| {
        let all = acknowledged.iter();
        all.clone().all(|(topic, count)| {
            seen.keys
                .get(topic)
                .is_some_and(|keys| keys.len() >= *count)
        })
    };
    let seen = follower.until("everything", whole).await;
    for (topic, keys) in &seen.keys {
        let expected: Vec<String> = (0..keys.len()).map(|n| format!("{topic}/{n}")).collect();
        assert_eq!(keys, &expected, "each once and in order");
        // What was on its way when the clients stopped may be there, too.
        assert!(keys.len() <= acknowledged[topic] + 1);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_seen_and_calls_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let (launch, http) = node(dir.path());
    let hub = launch.start().unwrap();
    let token = hub.token().unwrap();
    let mut client = Client::open(http, &token).await.unwrap();
    client
        .say(&json!({"t": "subscribe", "sub": 1, "filter": "root/seen/#"}))
        .await
        .unwrap();
    assert_eq!(client.frame("subscribed").await["resumed"], false);
    client.frame("ready").await;
    let publish = json!({"t": "call", "id": 1, "method": "POST", "path": "/v1/topics/root/seen/a",
        "body": {"n": 1}});
    client.say(&publish).await.unwrap();
    let mut frames = [client.next().await.unwrap(), client.next().await.unwrap()];
    frames.sort_by_key(|frame| frame["t"].to_string());
    let [data, result] = frames;
    assert_eq!(
        (&data["t"], &result["t"]),
        (&json!("data"), &json!("result"))
    );
    assert_eq!(result["status"], 201);
    assert_eq!(data["u"][0][2], "root/seen/a");
    assert_eq!(data["u"][0][11], json!({"n": 1}));
    // A second client gets it as the state.
    let mut late = Client::open(http, &token).await.unwrap();
    late.say(&json!({"t": "subscribe", "sub": 9, "filter": "root/seen/+"}))
        .await
        .unwrap();
    late.frame("subscribed").await;
    assert_eq!(late.frame("data").await["u"][0][11], json!({"n": 1}));
    assert_eq!(late.frame("ready").await["sub"], 9);
    late.say(&json!({"t": "stats", "id": 3})).await.unwrap();
    assert_eq!(late.frame("stats").await["sent"], 1);
    assert_eq!(hub.stop().unwrap(), Some(0));
    assert_eq!(late.frame("bye").await["code"], "stopping");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_a_node_that_is_killed_again_and_again_misses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (launch, http) = node(dir.path());
    let mut hub = launch.start().unwrap();
    let token = hub.token().unwrap();
    let follower = Follower::start(vec![http], &token, "root/kills/#");
    follower.until("the begin", |seen| seen.sessions >= 1).await;
    let pirate = Pirate::new(&[http], token).unwrap();
    let mut load = Traffic::start(&pirate, "kills", 4, None);
    for kill in 1..=3 {
        load.goes_on(100).await.unwrap();
        hub = hub.kill().unwrap().start().unwrap();
        follower
            .until("the session after a kill", |seen| seen.sessions > kill)
            .await;
    }
    load.goes_on(50).await.unwrap();
    all_was_seen(&follower, &load.finish().await.unwrap()).await;
    hub.stop().unwrap();
}

/// Where both listen, as they say themselves.
fn addresses(pair: &Pair) -> Vec<SocketAddr> {
    let of = |side| {
        let file = pair.launch(side).data().join("run.json");
        let run: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        run["http"].as_str().unwrap().parse().unwrap()
    };
    [Side::Primary, Side::Backup].map(of).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_a_pair_misses_nothing_when_it_is_handed_over_or_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan::new(env!("CARGO_BIN_EXE_spica"), dir.path()).config(SLOW);
    let mut pair = plan.start().await.unwrap();
    let active = pair.complete().await.unwrap();
    let nodes = addresses(&pair);
    let token = pair.token().unwrap();
    let follower = Follower::start(nodes, &token, "root/over/#");
    follower.until("the begin", |seen| seen.sessions >= 1).await;
    let mut load = Traffic::start(&pair.pirate().unwrap(), "over", 4, None);
    load.goes_on(100).await.unwrap();
    pair.switch_over().await.unwrap();
    load.goes_on(100).await.unwrap();
    let seen = follower
        .until("the session after the hand-over", |seen| seen.sessions >= 2)
        .await;
    assert!(
        seen.byes.contains(&"not_active".to_owned()),
        "{:?}",
        seen.byes
    );
    pair.complete().await.unwrap();
    let sessions = seen.sessions;
    pair.kill(active.other()).unwrap();
    load.goes_on(100).await.unwrap();
    follower
        .until("the session after the take-over", |seen| {
            seen.sessions > sessions
        })
        .await;
    load.goes_on(50).await.unwrap();
    all_was_seen(&follower, &load.finish().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_through_a_proxy_that_cuts_misses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (launch, http) = node(dir.path());
    let hub = launch.start().unwrap();
    let token = hub.token().unwrap();
    let proxy = Proxy::start(http).await.unwrap();
    let follower = Follower::start(vec![proxy.address()], &token, "root/cuts/#");
    follower.until("the begin", |seen| seen.sessions >= 1).await;
    let pirate = Pirate::new(&[http], token).unwrap();
    let mut load = Traffic::start(&pirate, "cuts", 4, None);
    for cut in 1..=8_usize {
        proxy.cut_after(cut * 777);
        load.goes_on(40).await.unwrap();
        follower
            .until("the session after a cut", |seen| seen.sessions > cut)
            .await;
    }
    proxy.cut_after(usize::MAX);
    all_was_seen(&follower, &load.finish().await.unwrap()).await;
    hub.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_to_read_is_cut_and_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (launch, http) = node(dir.path());
    let hub = launch
        .config("http.write_timeout = \"1s\"")
        .start()
        .unwrap();
    let (token, api) = (hub.token().unwrap(), hub.client().unwrap());
    let follower = Follower::start(vec![http], &token, "root/flood/#");
    follower.until("the begin", |seen| seen.sessions >= 1).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(http).await.unwrap();
    let mut stuck = Client::open_on(stream, http, &token).await.unwrap();
    let all = json!({"t": "subscribe", "sub": 1, "filter": "root/flood/#", "snapshot": false});
    stuck.say(&all).await.unwrap();
    stuck.frame("subscribed").await;
    // From here on it reads nothing. More than the system holds for it:
    let filling = "x".repeat(200_000);
    for number in 0..60 {
        let topic = "/v1/topics/root/flood/0?kind=event";
        let key = format!("flood/0/{number}");
        let body = json!({"key": key, "filling": filling});
        api.write(Method::POST, topic, &body).await.unwrap();
    }
    let seen = follower
        .until("everything", |seen| {
            seen.keys
                .get("flood/0")
                .is_some_and(|keys| keys.len() == 60)
        })
        .await;
    assert_eq!(seen.sessions, 1, "nobody else was cut");
    let cut = async {
        let broken = r#"spica_http_live_sessions_ended_total{code="broken"} 1"#;
        while !api.text("/metrics").await.unwrap().contains(broken) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), cut)
        .await
        .expect("it is cut");
    let ready: Value = api.json("/health/ready").await.unwrap();
    assert_eq!(ready["live"]["sessions"], 1);
    drop(stuck);
    hub.stop().unwrap();
}
