//! A node whose views were thrown away, after retention has removed the records that first said what
//! they showed, and after kills in between.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use spica_fixture::{Client, Hub, Launch};

/// Small lanes, whose segments retire after a few requests.
const SMALL: &str = r#"
journal.cursor_interval = "10ms"
journal.normal.segment_bytes = "64KiB"
journal.normal.retention_bytes = "256KiB"
journal.critical.segment_bytes = "64KiB"
journal.critical.retention_bytes = "256KiB"
views.checkpoint_interval = "100ms"
"#;

/// The value of a counter, 0 while it is not shown.
async fn counter(client: &Client, name: &str) -> u64 {
    let metrics = client.text("/metrics").await.unwrap();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name));
    value.map_or(0, |value| value.trim().parse().unwrap())
}

/// Publishes events of a class until so many more segments of its lane are gone.
async fn fill(client: &Client, class: &str, segments: u64) {
    let retired = format!(r#"spica_journal_segments_retired_total{{lane="{class}"}}"#);
    let goal = counter(client, &retired).await + segments;
    let event = json!({
        "topic": "root/busy", "kind": "event", "class": class, "text": "x".repeat(300),
    });
    let lines = format!("{event}\n").repeat(200).into_bytes();
    while counter(client, &retired).await < goal {
        let (status, body) = client
            .send(
                Method::POST,
                "/v1/records",
                "application/x-ndjson",
                lines.clone(),
            )
            .await
            .unwrap();
        assert!(status.is_success(), "{status}: {body:?}");
    }
}

/// What the node is to know for ever; gives a token.
async fn teach(client: &Client) -> String {
    let device = json!({"name": "one"});
    let put = client.write(Method::PUT, "/v1/devices/42", &device);
    put.await.unwrap();
    for (topic, class) in [
        ("site/a", "normal"),
        ("site/b", "critical"),
        ("gone", "normal"),
    ] {
        let path = format!("/v1/topics/root/{topic}?class={class}");
        client
            .write(Method::POST, &path, &json!(topic))
            .await
            .unwrap();
    }
    let gone = client.send(Method::DELETE, "/v1/topics/root/gone", "", Vec::new());
    assert_eq!(gone.await.unwrap().0, StatusCode::OK);
    let token = json!({"name": "page", "role": "reader"});
    let made = client.write(Method::POST, "/v1/tokens", &token);
    made.await.unwrap()["token"].as_str().unwrap().to_owned()
}

/// What the node shows of it.
async fn known(hub: &Hub, token: &str) -> Vec<Value> {
    // With the token that was made: it works.
    let client = Client::new(hub.addresses().http, token.to_owned()).unwrap();
    let mut known = Vec::new();
    for path in [
        "/v1/devices/42",
        "/v1/topics/root/site/a",
        "/v1/topics/root/site/b",
    ] {
        known.push(client.json(path).await.unwrap());
    }
    let gone = client.send(Method::GET, "/v1/topics/root/gone", "", Vec::new());
    assert_eq!(gone.await.unwrap().0, StatusCode::NOT_FOUND);
    let tree = client.json("/v1/tree/root/site").await.unwrap();
    known.push(tree);
    known
}

#[tokio::test(flavor = "multi_thread")]
async fn views_that_are_lost_come_back_although_their_records_were_removed() {
    let dir = tempfile::tempdir().unwrap();
    let mut launch = Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path()).config(SMALL);
    let hub = launch.start().unwrap();
    let token = teach(&hub.client().unwrap()).await;
    let taught = known(&hub, &token).await;
    drop(hub);
    for round in 0..3 {
        let hub = launch.start().unwrap();
        let client = hub.client().unwrap();
        for lane in ["normal", "critical"] {
            fill(&client, lane, 6).await;
            // Until all of what was there is gone, copies included. How many segments that takes
            // depends on how far the slowest consumer was behind when the node was killed.
            let name = format!(r#"spica_views_restated_total{{lane="{lane}"}}"#);
            let mut more = 40;
            while counter(&client, &name).await == 0 {
                assert!(more > 0, "nothing of the {lane} lane was said again");
                fill(&client, lane, 1).await;
                more -= 1;
            }
        }
        assert_eq!(known(&hub, &token).await, taught);
        let shown = client.history("topic=root/site/%23").await.unwrap();
        assert!(shown.is_empty(), "a copy is no new fact: {shown:?}");
        // In its last round the node is stopped in order.
        launch = match round {
            2 => {
                let launch = hub.launch().clone();
                assert_eq!(hub.stop().unwrap(), Some(0));
                launch
            }
            _ => hub.kill().unwrap(),
        };
        std::fs::remove_file(launch.data().join("views.redb")).unwrap();
        let hub = launch.start().unwrap();
        assert_eq!(known(&hub, &token).await, taught, "round {round}");
        let ready = hub.client().unwrap().text("/health/ready").await;
        assert!(ready.is_ok(), "{ready:?}");
        launch = hub.kill().unwrap();
    }
}
