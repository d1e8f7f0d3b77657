//! Live sessions of the real binary, as `spica watch` and those who measure use them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use spica_client::lean::Lean;
use spica_client::{Item, Publish, Settings, Subscription, Way};
use spica_fixture::{Client, Hub, Launch, Plan};
use spica_live_proto::{
    Deliver, Encoding, Hello, Incoming, Recovery, ServerFrame, SubId, Subscribe,
};
use spica_model::{Kind, Topic, TopicFilter};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(30);

fn launch(dir: &tempfile::TempDir) -> Launch {
    Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path())
}

fn watch(hub: &Hub, args: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_spica"))
        .arg("watch")
        .args(args)
        .env("SPICA_SERVER", format!("http://{}", hub.addresses().http))
        .env("SPICA_TOKEN", hub.token().unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = timeout(DEADLINE, lines.next_line()).await.unwrap();
    line.unwrap().unwrap()
}

async fn publish(client: &Client, topic: &str, value: &Value) {
    let path = format!("/v1/topics/{topic}?kind=event");
    client.write(Method::POST, &path, value).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_goes_on_after_the_node_was_killed_and_shows_each_event_once() {
    let dir = tempfile::tempdir().unwrap();
    let hub = launch(&dir).start().unwrap();
    let address = hub.addresses().http;
    let (child, mut lines) = watch(&hub, &["root/w/#", "--each", "--json"]);
    let ready: Value = serde_json::from_str(&line(&mut lines).await).unwrap();
    assert!(ready["ready"].is_string(), "{ready}");
    let client = hub.client().unwrap();
    for n in 0..5 {
        publish(&client, "root/w/a", &json!(n)).await;
    }
    let mut seen = Vec::new();
    while seen.len() < 3 {
        note(&line(&mut lines).await, &mut seen);
    }
    let again = hub.kill().unwrap();
    let hub = again
        .config(&format!("http.listen = \"{address}\""))
        .start()
        .unwrap();
    for n in 5..10 {
        publish(&client, "root/w/a", &json!(n)).await;
    }
    while seen.last() != Some(&9) {
        note(&line(&mut lines).await, &mut seen);
    }
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
    let output = timeout(DEADLINE, child.wait_with_output()).await.unwrap();
    assert!(output.unwrap().status.success(), "Ctrl-C is a good end");
    assert_eq!(hub.stop().unwrap(), Some(0));
}

/// Notes the value of a line; a gap would be a lie, as nothing is missing.
fn note(line: &str, seen: &mut Vec<u64>) {
    let line: Value = serde_json::from_str(line).unwrap();
    assert!(line["gap"].is_null() && line["reset"].is_null(), "{line}");
    seen.extend(line["value"].as_u64());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_shown_with_their_age_and_quality_and_windows_are_computed() {
    let dir = tempfile::tempdir().unwrap();
    let hub = launch(&dir).start().unwrap();
    let client = hub.client().unwrap();
    let path = "/v1/topics/root/w/a?quality=uncertain";
    let published = client.write(Method::POST, path, &json!({"n": 7})).await;
    published.unwrap();
    let (_child, mut lines) = watch(&hub, &["root/w/+", "--count", "1"]);
    let shown = line(&mut lines).await;
    let words: Vec<&str> = shown.split_whitespace().collect();
    assert_eq!(words[1..], ["s", "uncertain", "root/w/a", r#"{"n":7}"#]);
    let (_child, mut lines) = watch(
        &hub,
        &["root/e", "--window", "mean,count:tumbling:2", "--json"],
    );
    assert!(line(&mut lines).await.contains("ready"));
    for n in [1, 2] {
        let sent = client
            .write(Method::POST, "/v1/topics/root/e", &json!(n))
            .await;
        sent.unwrap();
    }
    let shown: Value = serde_json::from_str(&line(&mut lines).await).unwrap();
    assert_eq!(shown["results"], json!({"mean": 1.5, "count": 2.0}));
    assert_eq!(hub.stop().unwrap(), Some(0));
}

fn settings(addresses: &[SocketAddr], token: &str, way: Way, encoding: Encoding) -> Settings {
    let urls = addresses.iter().map(|address| format!("http://{address}"));
    let mut settings = Settings::new(urls.collect(), Some(token.to_owned()));
    settings.ways = vec![way];
    settings.encoding = encoding;
    settings.max_pause = Duration::from_millis(100);
    settings
}

fn each(recovery: Recovery) -> Subscribe {
    let mut wanted = spica_client::wanted(TopicFilter::new("root/w/#").unwrap());
    wanted.deliver = Deliver::Each;
    wanted.recovery = Some(recovery);
    wanted
}

/// Takes values until `last`; a gap or a reset would be a lie, as nothing is missing.
async fn take(subscription: &mut Subscription, last: u64, seen: &mut Vec<u64>) {
    while seen.last() != Some(&last) {
        let item = timeout(DEADLINE, subscription.next()).await;
        match item.unwrap().unwrap() {
            Item::Value(value) => seen.extend(value.json().unwrap().get().parse::<u64>()),
            Item::Ready(_) => {}
            other => panic!("{other:?} after {seen:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_goes_on_after_the_node_was_killed_without_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let hub = launch(&dir).start().unwrap();
    let address = hub.addresses().http;
    let mut sessions = Vec::new();
    for (way, encoding) in [
        (Way::WebSocket, Encoding::Json),
        (Way::WebSocket, Encoding::Cbor),
        (Way::Events, Encoding::Json),
        (Way::Poll, Encoding::Json),
    ] {
        let client =
            spica_client::Client::new(settings(&[address], &hub.token().unwrap(), way, encoding))
                .unwrap();
        let subscription = client.subscribe(each(Recovery::Precise)).await.unwrap();
        sessions.push((client, subscription, Vec::new()));
    }
    for (_, subscription, _) in &mut sessions {
        let ready = timeout(DEADLINE, subscription.next()).await.unwrap();
        assert!(matches!(ready, Some(Item::Ready(_))), "{ready:?}");
    }
    let client = hub.client().unwrap();
    for n in 0..10 {
        publish(&client, "root/w/a", &json!(n)).await;
    }
    for (_, subscription, seen) in &mut sessions {
        take(subscription, 5, seen).await;
    }
    let again = hub.kill().unwrap();
    let again = again.config(&format!("http.listen = \"{address}\""));
    let hub = again.start().unwrap();
    for n in 10..20 {
        publish(&client, "root/w/a", &json!(n)).await;
    }
    for (client, subscription, seen) in &mut sessions {
        take(subscription, 19, seen).await;
        assert_eq!(*seen, (0..20).collect::<Vec<_>>());
        assert!(!subscription.is_stale());
        assert!(client.stats().await.unwrap().sent >= 10);
        client.close().await;
    }
    assert_eq!(hub.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_over_of_a_pair_is_no_gap_and_nothing_is_published_twice() {
    let dir = tempfile::tempdir().unwrap();
    let config = "pair.heartbeat = \"50ms\"\npair.dead_after = \"600ms\"";
    let plan = Plan::new(env!("CARGO_BIN_EXE_spica"), dir.path()).config(config);
    let mut pair = plan.start().await.unwrap();
    let active = pair.complete().await.unwrap();
    // The passive is asked first; it says where the active is.
    let addresses = [active.other(), active].map(|side| pair.http(side));
    let token = pair.token().unwrap();
    let settings = settings(&addresses, &token, Way::WebSocket, Encoding::Cbor);
    let client = spica_client::Client::new(settings).unwrap();
    let mut subscription = client.subscribe(each(Recovery::Precise)).await.unwrap();
    let mut seen = Vec::new();
    for n in 0..10 {
        say(&client, n).await;
    }
    take(&mut subscription, 9, &mut seen).await;
    pair.kill(active).unwrap();
    for n in 10..20 {
        say(&client, n).await;
    }
    take(&mut subscription, 19, &mut seen).await;
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
    client.close().await;
}

/// Publishes an event, with the same key until it is taken.
async fn say(client: &spica_client::Client, n: u64) {
    let mut record = Publish::json(Topic::new("root/w/a").unwrap(), json!(n));
    record.kind = Kind::Event;
    record.key = Some(format!("say {n}"));
    let taken = async {
        loop {
            match client.publish(record.clone()).await {
                Ok(answer) if answer.status < 300 => return,
                Ok(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
                Err(error) => panic!("{error}"),
            }
        }
    };
    timeout(DEADLINE, taken).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn lean_sessions_count_the_rows_that_come() {
    let dir = tempfile::tempdir().unwrap();
    let hub = launch(&dir).start().unwrap();
    let base = format!("http://{}", hub.addresses().http);
    let mut wanted = Subscribe::new(SubId(1), TopicFilter::new("root/w/#").unwrap());
    wanted.deliver = Deliver::Each;
    let mut sessions = Vec::new();
    for encoding in Encoding::ALL.into_iter().cycle().take(20) {
        let hello = Hello {
            token: Some(hub.token().unwrap()),
            ..Hello::default()
        };
        let mut lean = Lean::open(&base, encoding, hello).await.unwrap();
        lean.subscribe(wanted.clone()).await.unwrap();
        while !is_ready(&lean.next().await.unwrap().read().unwrap()) {}
        sessions.push(lean);
    }
    let client = hub.client().unwrap();
    for n in 0..10 {
        publish(&client, "root/w/a", &json!({ "n": n })).await;
    }
    for lean in &mut sessions {
        let mut rows = 0;
        while rows < 10 {
            let glance = timeout(DEADLINE, lean.next()).await.unwrap().unwrap();
            let (sub, count) = glance.data.unwrap_or((SubId(1), 0));
            assert_eq!(sub, SubId(1));
            if let Incoming::Data { rows, .. } = glance.read().unwrap() {
                assert_eq!(rows.len(), count, "what was counted is what is there");
            }
            rows += count;
        }
        assert_eq!(rows, 10);
    }
    let refused = Lean::open(&base, Encoding::Json, Hello::default()).await;
    let mut refused = refused.unwrap();
    let said = timeout(DEADLINE, refused.next()).await.unwrap().unwrap();
    let said = said.read().unwrap();
    assert!(
        matches!(said, Incoming::Frame(ServerFrame::Bye(_))),
        "{said:?}"
    );
    assert_eq!(hub.stop().unwrap(), Some(0));
}

fn is_ready(frame: &Incoming) -> bool {
    matches!(frame, Incoming::Frame(ServerFrame::Ready { .. }))
}
