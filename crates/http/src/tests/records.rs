//! Publishing, reading, listing, deleting.

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

async fn put(node: &Node, path: &str, headers: &[(&str, &str)], body: &str) -> (StatusCode, Value) {
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

async fn batch(node: &Node, content_type: &str, body: String) -> (StatusCode, Value) {
    put(
        node,
        "/v1/records",
        &[("content-type", content_type)],
        &body,
    )
    .await
}

#[tokio::test]
async fn a_batch_goes_to_both_lanes_and_answers_in_order() {
    let node = Node::new().await;
    let before = node.journal.status(Lane::Normal).last.0;
    let body = json!([
        { "topic": "root/s1/a", "value": 1, "key": "1" },
        { "topic": "root/s1/b", "text": "man down", "class": "critical", "kind": "event" },
        { "topic": "root/s1/a", "value": 1, "key": "1" },
        { "topic": "root/s1/c", "base64": "AQI=" },
    ]);
    let (status, answer) = batch(&node, "application/json", body.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let normal = |n| format!("1/normal/{}", before + n);
    assert_eq!(
        answer["results"],
        json!([
            { "position": normal(1), "duplicate": false },
            { "position": "1/critical/1", "duplicate": false },
            { "position": normal(1), "duplicate": true },
            { "position": normal(2), "duplicate": false },
        ])
    );
    let lines = "{\"topic\":\"root/s1/d\",\"value\":1}\n{\"topic\":\"root/s1/e\",\"value\":2}\n";
    let (status, answer) = batch(&node, "application/x-ndjson", lines.into()).await;
    assert_eq!(
        (status, answer["results"].as_array().unwrap().len()),
        (StatusCode::OK, 2)
    );
}

#[tokio::test]
async fn a_batch_with_a_mistake_changes_nothing() {
    let node = Node::new().await;
    let before = node.journal.status(Lane::Normal).last;
    for (body, index, field) in [
        (
            json!([{ "topic": "root/s1/a", "value": 1 }, { "topic": "root/s1/a" }]),
            1,
            Value::Null,
        ),
        (
            json!([{ "topic": "root/s1/a", "value": 1, "class": "x" }]),
            0,
            json!("class"),
        ),
    ] {
        let (status, problem) = batch(&node, "application/json", body.to_string()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(
            (
                &problem["errors"][0]["index"],
                &problem["errors"][0]["field"]
            ),
            (&json!(index), &field)
        );
    }
    let foreign =
        json!([{ "topic": "root/s1/a", "value": 1 }, { "topic": "root/s9/a", "value": 1 }]);
    let (status, problem) = batch(&node, "application/json", foreign.to_string()).await;
    assert_eq!(
        (status, &problem["errors"][0]["index"]),
        (StatusCode::FORBIDDEN, &json!(1))
    );
    let (status, _) = batch(&node, "text/csv", "a,b".into()).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(node.journal.status(Lane::Normal).last, before);
}

#[tokio::test]
async fn a_batch_that_one_lane_refuses_says_what_was_taken() {
    let node = Node::new().await;
    node.journal.fail(Lane::Critical, CommitErrorKind::NoSpace);
    let body = json!([
        { "topic": "root/s1/a", "value": 1, "class": "critical" },
        { "topic": "root/s1/b", "value": 1 },
    ]);
    let (status, answer) = batch(&node, "application/json", body.to_string()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer["results"][0], Value::Null);
    assert_eq!(answer["results"][1]["duplicate"], false);
}

#[tokio::test]
async fn the_tree_comes_in_pages_that_miss_nothing() {
    let node = Node::new().await;
    for n in 0..25 {
        node.publish(&format!("t/{n:02}"), &n.to_string()).await;
    }
    let (mut topics, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/tree/root/s1/t?limit=10{after}");
        let (status, page) = node.get(Role::Reader, &path).await;
        assert_eq!(status, StatusCode::OK);
        let records = page["records"].as_array().unwrap();
        assert!(records.len() <= 10 && !records.is_empty());
        topics.extend(
            records
                .iter()
                .map(|record| record["topic"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let all: Vec<String> = (0..25).map(|n| format!("root/s1/t/{n:02}")).collect();
    assert_eq!(topics, all);
    let (status, _) = node.get(Role::Reader, "/v1/tree?limit=1001").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_page_is_bounded_in_bytes_too() {
    let page_bytes = spica_settings::ByteSize::kib(1);
    let node = Node::with(Settings {
        page_bytes,
        ..Settings::default()
    })
    .await;
    let text = format!("\"{}\"", "x".repeat(2_000));
    node.publish("t/1", &text).await;
    node.publish("t/2", &text).await;
    let (_, page) = node.get(Role::Reader, "/v1/tree/root/s1/t").await;
    assert_eq!(page["records"].as_array().unwrap().len(), 1);
    assert_eq!(page["next"], "root/s1/t/1");
    let (_, page) = node
        .get(Role::Reader, "/v1/history?topic=root/s1/t/%2B")
        .await;
    assert_eq!(page["records"].as_array().unwrap().len(), 1);
    assert!(page["next"].is_string());
}

#[tokio::test]
async fn a_deleted_topic_is_gone_but_its_history_is_not() {
    let node = Node::new().await;
    for class in ["normal", "critical"] {
        let path = format!("/v1/topics/root/s1/{class}");
        node.publish(&format!("{class}?class={class}"), "1").await;
        let (status, deleted) = node
            .call(Role::Operator, "DELETE", &path, Value::Null)
            .await;
        assert_eq!(status, StatusCode::OK, "{deleted}");
        assert!(
            deleted["position"].as_str().unwrap().contains(class),
            "the lane of its value"
        );
        assert_eq!(node.get(Role::Reader, &path).await.0, StatusCode::NOT_FOUND);
        let again = node
            .call(Role::Operator, "DELETE", &path, Value::Null)
            .await;
        assert_eq!(again.0, StatusCode::NOT_FOUND);
        let history = format!("/v1/history?topic=root/s1/{class}");
        let (_, page) = node.get(Role::Reader, &history).await;
        let ops: Vec<_> = page["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| &r["op"])
            .collect();
        assert_eq!(ops, [&json!("put"), &json!("delete")]);
    }
    let refused = "/v1/topics/root/s1/audit/topics";
    let (status, _) = node.call(Role::Admin, "DELETE", refused, Value::Null).await;
    assert_eq!(
        status,
        StatusCode::FORBIDDEN,
        "nobody deletes the audit trail"
    );
}

#[tokio::test]
async fn a_full_state_tree_takes_known_topics_only() {
    let node = Node::new().await;
    let held = node.app.parts.views.topics();
    let settings = spica_views::Settings {
        max_topics: held + 1,
        ..Default::default()
    };
    let directory = tempfile::tempdir().unwrap();
    let small = spica_views::Views::start(
        node.journal.clone(),
        "root/s1".parse().unwrap(),
        settings,
        &directory.path().join("small.redb"),
        node.clock.clone(),
    )
    .unwrap();
    let parts = crate::Parts {
        views: small.clone(),
        ..node.app.parts.clone()
    };
    let (app, _) = crate::server::assemble(Settings::default(), parts, node.stopping.clone());
    let topic = |text: &str| text.parse::<spica_model::Topic>().unwrap();
    let (one, two) = (topic("root/s1/one"), topic("root/s1/two"));
    crate::commit::room_for(&app, &[&one, &one]).unwrap();
    let refused = crate::commit::room_for(&app, &[&one, &two]).unwrap_err();
    assert!(refused.detail().contains("views.max_topics"));
    node.publish("one", "1").await;
    small
        .applied(Lane::Normal, node.journal.status(Lane::Normal).durable)
        .await;
    crate::commit::room_for(&app, &[&one]).unwrap();
    crate::commit::room_for(&app, &[&two]).unwrap_err();
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
