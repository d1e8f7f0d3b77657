//! Publishing many records at once.

use axum::http::StatusCode;
use serde_json::{Value, json};
use spica_journal::{CommitErrorKind, Journal};
use spica_model::Lane;

use super::records::put;
use crate::fixture::Node;

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
