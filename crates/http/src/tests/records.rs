//! Publishing and reading single records.

use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use futures::future::join_all;
use serde_json::{Value, json};
use spica_journal::memory::{self, MemoryJournal};
use spica_journal::{CommitErrorKind, Journal};
use spica_model::{Lane, Seq};

use crate::config::Settings;
use crate::fixture::{Node, bytes, json};
use crate::token::Role;

pub(super) async fn put(
    node: &Node,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, Value) {
    let mut request = node.request(Role::Operator, "POST", path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = node
        .send(request.body(Body::from(body.to_owned())).unwrap())
        .await;
    (response.status(), json(response).await)
}

#[tokio::test]
async fn what_was_published_can_be_read_at_once() {
    let node = Node::new().await;
    let path = "/v1/topics/root/s1/w/wind?kind=event&class=critical&quality=uncertain\
                &source_time=2027-01-15T07:00:00Z";
    let headers = [("content-type", "application/json; charset=utf-8")];
    let (status, published) = put(&node, path, &headers, r#"{"speed": 1.50}"#).await;
    assert_eq!(status, StatusCode::CREATED, "{published}");
    assert_eq!(
        published,
        json!({ "position": "1/critical/1", "duplicate": false })
    );
    let (status, record) = node.get(Role::Reader, "/v1/topics/root/s1/w/wind").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(record["value"], json!({ "speed": 1.5 }));
    assert_eq!(
        (&record["kind"], &record["class"]),
        (&json!("event"), &json!("critical"))
    );
    assert_eq!(record["quality"], "uncertain");
    assert_eq!(record["source_time"], "2027-01-15T07:00:00.000000Z");
    assert_eq!(record["received"], "2027-01-15T08:00:00.000000Z");
    assert!(record["cause"].as_str().unwrap().starts_with("token:"));
    let request = node.request(Role::Reader, "GET", "/v1/topics/root/s1/w/wind?raw");
    let raw = node.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(raw.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(
        &bytes(raw).await[..],
        br#"{"speed": 1.50}"#,
        "as it was sent"
    );
}

#[tokio::test]
async fn a_publish_is_answered_only_when_it_is_durable() {
    let node = Node::build(Settings::default(), MemoryJournal::manual(), false).await;
    let mut publish = Box::pin(put(&node, "/v1/topics/root/s1/a", &[], "1"));
    let placed = async {
        while node.journal.status(Lane::Normal).last == node.journal.status(Lane::Normal).durable {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = &mut publish => panic!("answered before it was durable"),
        () = placed => {}
    }
    assert!(futures::poll!(&mut publish).is_pending());
    node.journal.commit();
    assert_eq!(publish.await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_repetition_makes_no_second_record() {
    let node = Node::new().await;
    let key = [("idempotency-key", "order 66")];
    let path = "/v1/topics/root/s1/a";
    let (first, published) = put(&node, path, &key, "1").await;
    let (second, again) = put(&node, path, &key, "1").await;
    assert_eq!((first, second), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(
        again,
        json!({ "position": published["position"], "duplicate": true })
    );
    let (status, _) = put(&node, "/v1/topics/root/s1/b", &key, "1").await;
    assert_eq!(status, StatusCode::CREATED, "another topic, another key");
    let request = node
        .request(Role::Admin, "POST", path)
        .header("idempotency-key", "order 66");
    let other = node.send(request.body(Body::from("1")).unwrap()).await;
    assert_eq!(
        other.status(),
        StatusCode::CREATED,
        "another client, another key"
    );
}

#[tokio::test]
async fn concurrent_repetitions_make_one_record() {
    let node = Node::new().await;
    let before = node.journal.status(Lane::Normal).last;
    let key = [("idempotency-key", "k")];
    let all = join_all((0..50).map(|_| put(&node, "/v1/topics/root/s1/a", &key, "1"))).await;
    let created = all
        .iter()
        .filter(|(status, _)| *status == StatusCode::CREATED)
        .count();
    let known = all
        .iter()
        .filter(|(status, _)| *status == StatusCode::OK)
        .count();
    assert_eq!((created, known), (1, 49));
    let positions: std::collections::HashSet<_> = all
        .iter()
        .map(|(_, body)| body["position"].to_string())
        .collect();
    assert_eq!(positions.len(), 1);
    assert_eq!(node.journal.status(Lane::Normal).last, before.next());
}

#[tokio::test]
async fn what_cannot_be_published_says_why() {
    let node = Node::new().await;
    let json_type = ("content-type", "application/json");
    for (path, headers, body, status, part) in [
        ("root/s1/a?kind=x", vec![], "", 400, "state, event"),
        ("root/s1/a?class=x", vec![], "", 400, "critical, normal"),
        (
            "root/s1/a?quality=x",
            vec![],
            "",
            400,
            "good, uncertain, bad",
        ),
        ("root/s1/a?source_time=now", vec![], "", 400, "source_time"),
        ("root/s1/a?colour=red", vec![], "", 400, "colour"),
        (
            "root/s1/a",
            vec![("content-type", "nonsense")],
            "",
            400,
            "Content-Type",
        ),
        (
            "root/s1/a",
            vec![("idempotency-key", "")],
            "",
            400,
            "Idempotency-Key",
        ),
        ("root/s1/a", vec![json_type], "{", 400, "application/json"),
        ("root/s1/%23", vec![], "", 400, "wildcards"),
        ("root/s1/a%00", vec![], "", 400, "control"),
        ("root/s2/a", vec![], "", 403, "only its owner"),
        (
            "root/s1/system/tokens/x",
            vec![],
            "",
            403,
            "written by the node",
        ),
        (
            "root/s1/devices/1/registration",
            vec![],
            "",
            403,
            "endpoints",
        ),
    ] {
        let (got, problem) = put(&node, &format!("/v1/topics/{path}"), &headers, body).await;
        assert_eq!(got, status, "{path}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(part),
            "{path}: {problem}"
        );
    }
    let long = "x".repeat(spica_model::limits::PAYLOAD_BYTES + 1);
    let (status, problem) = put(&node, "/v1/topics/root/s1/a", &[], &long).await;
    assert_eq!(
        (status, &problem["title"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("Too large"))
    );
}

#[tokio::test]
async fn a_full_journal_asks_to_come_back_and_a_failed_one_does_not() {
    let limits = memory::Limits {
        queue_bytes: 1,
        ..memory::Limits::default()
    };
    let node = Node::build(Settings::default(), MemoryJournal::with(limits), false).await;
    node.journal.hold(Lane::Normal);
    let mut stuck = Box::pin(put(&node, "/v1/topics/root/s1/a", &[], "1"));
    assert!(futures::poll!(&mut stuck).is_pending());
    let request = node.request(Role::Operator, "POST", "/v1/topics/root/s1/b");
    let full = node.send(request.body(Body::from("2")).unwrap()).await;
    assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(full.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(json(full).await["type"], "urn:spica:problem:journal-full");
    node.journal.fail(Lane::Normal, CommitErrorKind::Sync);
    let (status, problem) = stuck.await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["type"], "urn:spica:problem:journal-failed");
    let (_, problem) = put(&node, "/v1/topics/root/s1/c", &[], "3").await;
    assert_eq!(problem["type"], "urn:spica:problem:journal-failed");
    let (status, ready) = node.get(Role::Reader, "/health/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready["journal"][1]["ready"], false);
    assert!(ready["journal"][1]["failure"].is_string() && ready["journal"][0]["ready"] == true);
}

#[tokio::test(start_paused = true)]
async fn a_publish_without_an_outcome_says_so_in_time() {
    let node = Node::new().await;
    node.journal.hold(Lane::Normal);
    let (status, problem) = put(&node, "/v1/topics/root/s1/a", &[], "1").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["type"], "urn:spica:problem:timed-out");
    assert!(problem["detail"].as_str().unwrap().contains("same key"));
}

#[tokio::test]
async fn a_write_is_answered_even_if_the_views_never_show_it() {
    let settings = Settings {
        views_timeout: spica_settings::Span::from_millis(1),
        ..Settings::default()
    };
    let node = Node::with(settings).await;
    // Views that follow another journal never get there.
    let beyond = Seq(node.journal.status(Lane::Normal).durable.0 + 1_000);
    let shown = crate::commit::shown(&node.app, Lane::Normal, beyond);
    tokio::time::timeout(Duration::from_secs(5), shown)
        .await
        .unwrap();
    assert_eq!(node.app.parts.metrics.unapplied.get(), 1);
}
