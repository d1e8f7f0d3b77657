//! Live streams: snapshot, updates, resuming, gaps, ends.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::StatusCode;
use futures::StreamExt;
use serde_json::{Value, json};
use spica_journal::memory::MemoryJournal;
use spica_model::{Lane, Seq};

use crate::config::Settings;
use crate::fixture::Node;
use crate::token::Role;

/// One event.
#[derive(Debug, PartialEq)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

/// A stream as a client reads it.
struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(node: &Node, query: &str, last: Option<&str>) -> Self {
        let mut request = node.request(Role::Reader, "GET", &format!("/v1/live{query}"));
        if let Some(id) = last {
            request = request.header("last-event-id", id);
        }
        let response = node.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next block of lines; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let piece = tokio::time::timeout(Duration::from_secs(20), self.body.next());
            let piece = piece
                .await
                .expect("an event, a heartbeat or the end")?
                .unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// The next event, past heartbeats.
    async fn event(&mut self) -> Event {
        loop {
            let block = self.block().await.expect("an event");
            let field = |name: &str| {
                let mut lines = block.lines();
                lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
            };
            if let Some(name) = field("event:") {
                let data = serde_json::from_str(&field("data:").unwrap()).unwrap();
                return Event {
                    name,
                    id: field("id:"),
                    data,
                };
            }
        }
    }

    /// Events up to and with `ready`.
    async fn until_ready(&mut self) -> (Vec<Event>, String) {
        let mut before = Vec::new();
        loop {
            let event = self.event().await;
            if event.name == "ready" {
                return (before, event.id.unwrap());
            }
            before.push(event);
        }
    }
}

fn values(events: &[Event]) -> Vec<&Value> {
    events.iter().map(|event| &event.data["value"]).collect()
}

#[tokio::test]
async fn a_snapshot_then_each_update() {
    let node = Node::new().await;
    node.publish("live/a", "1").await;
    node.publish("live/a", "2").await;
    node.publish("live/e?kind=event", "3").await;
    node.publish("other", "4").await;
    let mut stream = Stream::open(&node, "?topic=root/s1/live/%23", None).await;
    let (snapshot, _) = stream.until_ready().await;
    assert_eq!(
        values(&snapshot),
        [&json!(2)],
        "the last value of each state topic, no event"
    );
    assert_eq!(snapshot[0].id, None);
    node.publish("other", "5").await;
    node.publish("live/e?kind=event&class=critical", "6").await;
    node.publish("live/a", "7").await;
    let (first, second) = (stream.event().await, stream.event().await);
    let mut both = [first, second];
    both.sort_by_key(|event| event.data["value"].as_u64());
    assert_eq!(values(&both), [&json!(6), &json!(7)]);
    assert!(
        both.iter()
            .all(|event| event.name == "record" && event.id.is_some())
    );
    assert_eq!(both[0].data["class"], "critical");
}

#[tokio::test]
async fn a_large_snapshot_is_whole() {
    let node = Node::new().await;
    let text = "x".repeat(1_000);
    let record = |n: usize| json!({ "topic": format!("root/s1/live/{n}"), "text": text });
    let body: Vec<Value> = (0..700).map(record).collect();
    let (status, _) = node
        .call(Role::Operator, "POST", "/v1/records", body.into())
        .await;
    assert_eq!(status, StatusCode::OK);
    let mut stream = Stream::open(&node, "?topic=root/s1/live/%23", None).await;
    let (snapshot, _) = stream.until_ready().await;
    let topics: std::collections::HashSet<String> = snapshot
        .iter()
        .map(|event| event.data["topic"].to_string())
        .collect();
    assert_eq!((snapshot.len(), topics.len()), (700, 700));
}

#[tokio::test]
async fn a_stream_without_a_snapshot_begins_now() {
    let node = Node::new().await;
    node.publish("live/a", "1").await;
    let mut stream = Stream::open(&node, "?topic=root/s1/live/%23&snapshot=false", None).await;
    assert!(stream.until_ready().await.0.is_empty());
    node.publish("live/a", "2").await;
    assert_eq!(stream.event().await.data["value"], 2);
}

#[tokio::test]
async fn a_large_batch_comes_in_pieces() {
    let node = Node::new().await;
    let mut stream = Stream::open(&node, "?topic=root/s1/live/%23", None).await;
    stream.until_ready().await;
    let text = "x".repeat(10_000);
    let record = json!({ "topic": "root/s1/live/a", "kind": "event", "text": text });
    let body = Value::from(vec![record; 40]);
    let (status, _) = node.call(Role::Operator, "POST", "/v1/records", body).await;
    assert_eq!(status, StatusCode::OK);
    let (mut events, mut pieces) = (0, 0);
    while events < 40 {
        let piece = stream.body.next().await.unwrap().unwrap();
        assert!(piece.len() < 80_000, "a piece of {} bytes", piece.len());
        events += std::str::from_utf8(&piece)
            .unwrap()
            .matches("event: record")
            .count();
        pieces += 1;
    }
    assert!(pieces >= 6, "{pieces} pieces");
}

#[tokio::test]
async fn a_restated_record_is_no_new_fact() {
    use spica_journal::Journal;
    let node = Node::new().await;
    node.publish("live/a", "1").await;
    let query = "?topic=root/s1/live/%23";
    let mut stream = Stream::open(&node, query, None).await;
    let (_, seen) = stream.until_ready().await;
    let original = node
        .app
        .parts
        .views
        .last(&"root/s1/live/a".parse().unwrap());
    let original = original.unwrap();
    let copy = node.journal.submit(Lane::Normal, &[original.restated()]);
    node.publish("live/a", "2").await;
    assert_eq!(stream.event().await.data["value"], 2, "as it happens");
    let mut resumed = Stream::open(&node, query, Some(&seen)).await;
    let (missed, _) = resumed.until_ready().await;
    assert_eq!(values(&missed), [&json!(2)], "when it is replayed");
    let history = "/v1/history?topic=root/s1/live/a";
    let (_, page) = node.get(Role::Reader, history).await;
    let records = page["records"].as_array().unwrap();
    assert_eq!(records.len(), 2);
    let copy = copy.unwrap().only().position.to_string();
    assert!(records.iter().all(|record| record["position"] != *copy));
}

#[tokio::test]
async fn a_resumed_stream_gets_exactly_what_it_missed() {
    let node = Node::new().await;
    let mut stream = Stream::open(&node, "?topic=root/s1/live/%23", None).await;
    stream.until_ready().await;
    node.publish("live/a", "1").await;
    let seen = stream.event().await.id.unwrap();
    drop(stream);
    for n in 2..6 {
        let class = if n % 2 == 0 { "critical" } else { "normal" };
        node.clock.advance(Duration::from_secs(1));
        node.publish(&format!("live/a?class={class}"), &n.to_string())
            .await;
        node.publish("other", "0").await;
    }
    let mut stream = Stream::open(&node, "?topic=root/s1/live/%23", Some(&seen)).await;
    let (missed, ready) = stream.until_ready().await;
    assert_eq!(
        values(&missed),
        [&json!(2), &json!(3), &json!(4), &json!(5)]
    );
    node.publish("live/a", "6").await;
    assert_eq!(stream.event().await.data["value"], 6);
    let middle = missed[1].id.clone().unwrap();
    let mut again = Stream::open(&node, "?topic=root/s1/live/%23", Some(&middle)).await;
    let (missed, _) = again.until_ready().await;
    assert_eq!(values(&missed), [&json!(4), &json!(5), &json!(6)]);
    let mut nothing = Stream::open(&node, "?topic=root/s1/nothing", Some(&ready)).await;
    assert!(nothing.until_ready().await.0.is_empty());
}

#[tokio::test]
async fn who_is_too_far_behind_is_told_of_the_gap_and_gets_a_snapshot() {
    let node = Node::with(Settings {
        resume_limit: 3,
        ..Settings::default()
    })
    .await;
    let mut stream = Stream::open(&node, "?topic=root/s1/live/%23", None).await;
    let (_, seen) = stream.until_ready().await;
    let first = node.journal_last() + 1;
    for n in 0..5 {
        node.publish("live/a", &n.to_string()).await;
    }
    let mut late = Stream::open(&node, "?topic=root/s1/live/%23", Some(&seen)).await;
    let (events, _) = late.until_ready().await;
    assert_eq!(events[0].name, "gap");
    assert_eq!(
        events[0].data,
        json!({ "class": "normal", "from": first, "to": first + 4 })
    );
    assert_eq!(values(&events[1..]), [&json!(4)]);
}

#[tokio::test]
async fn a_place_of_another_history_is_a_gap_not_a_guess() {
    let node = Node::new().await;
    node.publish("live/a", "1").await;
    for foreign in ["critical:9/0,normal:1/1", "critical:1/0,normal:1/99999"] {
        let mut stream = Stream::open(&node, "?topic=root/s1/live/%23", Some(foreign)).await;
        let (events, _) = stream.until_ready().await;
        assert_eq!(
            values(&events[events.len() - 1..]),
            [&json!(1)],
            "a snapshot: {events:?}"
        );
    }
    let request = node
        .request(Role::Reader, "GET", "/v1/live")
        .header("last-event-id", "nonsense");
    let refused = node.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_retention_removed_is_a_gap_within_the_replay() {
    use spica_journal::Journal;
    let node = Node::new().await;
    let mut stream = Stream::open(&node, "?topic=root/s1/live/%23", None).await;
    let (_, seen) = stream.until_ready().await;
    drop(stream);
    let before = node.journal_last();
    for n in 0..4 {
        node.publish("live/a", &n.to_string()).await;
    }
    let last = Seq(node.journal_last());
    for cursor in node.journal.cursors() {
        node.journal
            .advance_cursor(&cursor.name, cursor.lane, last)
            .ok();
    }
    node.journal.trim(Lane::Normal, Seq(before + 2));
    node.journal
        .damage(Lane::Normal, Seq(before + 3), Seq(before + 3));
    let mut stream = Stream::open(&node, "?topic=root/s1/live/%23", Some(&seen)).await;
    let (events, _) = stream.until_ready().await;
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["gap", "damaged", "record"]);
    assert_eq!(
        events[0].data,
        json!({ "class": "normal", "from": before + 1, "to": before + 2 })
    );
    assert_eq!(events[2].data["value"], 3);
}

/// Views whose queue for live streams holds two batches.
async fn narrow() -> Node {
    let live_batches = 2;
    Node::build_with_views(
        Settings::default(),
        spica_views::Settings {
            live_batches,
            ..Default::default()
        },
        MemoryJournal::new(),
    )
    .await
}

#[tokio::test]
async fn a_slow_stream_goes_on_from_the_journal_without_a_hole() {
    let node = narrow().await;
    let mut stream = Stream::open(&node, "?topic=root/s1/live/%23", None).await;
    stream.until_ready().await;
    // Nobody reads the stream meanwhile: its queue of two batches runs over.
    for n in 0..50 {
        node.publish("live/a?kind=event", &n.to_string()).await;
    }
    let mut seen = Vec::new();
    while seen.len() < 50 {
        let event = stream.event().await;
        assert_ne!(event.name, "gap");
        if event.name == "record" {
            seen.push(event.data["value"].as_u64().unwrap());
        }
    }
    assert_eq!(seen, (0..50).collect::<Vec<_>>());
    assert!(node.app.parts.metrics.stream_catch_ups.get() > 0);
    assert_eq!(node.app.parts.metrics.stream_gaps.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_says_that_it_is_alive_and_ends_with_its_token() {
    let node = Node::new().await;
    let mut stream = Stream::open(&node, "?topic=root/s1/live/%23", None).await;
    stream.until_ready().await;
    assert_eq!(stream.block().await.unwrap(), ": heartbeat");
    let token = crate::token_store::all(&node.app.parts.views);
    let (id, _) = token
        .into_iter()
        .find(|(_, token)| token.role == Role::Reader)
        .unwrap();
    let path = format!("/v1/tokens/{id}");
    node.call(Role::Admin, "DELETE", &path, Value::Null).await;
    while stream.block().await.is_some() {}
}

#[tokio::test]
async fn streams_end_when_the_node_stops() {
    let node = Node::new().await;
    let mut stream = Stream::open(&node, "", None).await;
    stream.until_ready().await;
    node.stopping.cancel();
    while stream.block().await.is_some() {}
    let (status, ready) = node.get(Role::Reader, "/health/ready").await;
    assert_eq!(
        (status, &ready["stopping"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!(true))
    );
}

#[tokio::test]
async fn beyond_the_limit_a_stream_is_refused_and_closing_one_makes_room() {
    let node = Node::with(Settings {
        max_streams: 1,
        ..Settings::default()
    })
    .await;
    let stream = Stream::open(&node, "", None).await;
    let open = || {
        node.send(
            node.request(Role::Reader, "GET", "/v1/live")
                .body(Body::empty())
                .unwrap(),
        )
    };
    let refused = open().await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(node.app.parts.metrics.streams.get(), 1);
    drop(stream);
    assert_eq!(open().await.status(), StatusCode::OK);
}
