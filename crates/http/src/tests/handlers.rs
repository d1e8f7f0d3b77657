//! Handlers and their dead letters.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::fixture::Node;
use crate::token::Role;

#[tokio::test]
async fn a_handler_is_paused_by_someone_for_a_reason_and_resumed() {
    let node = Node::new().await;
    let (status, list) = node.get(Role::Reader, "/v1/handlers").await;
    assert_eq!(
        (status, &list["handlers"][0]["state"]),
        (StatusCode::OK, &json!("running"))
    );
    let order = |verb: &str, why: Value| json!({ "do": verb, "why": why });
    let path = "/v1/handlers/history";
    let (status, _) = node
        .call(Role::Reader, "POST", path, order("pause", json!("x")))
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = node
        .call(Role::Operator, "POST", path, order("stop", json!("x")))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, paused) = node
        .call(Role::Operator, "POST", path, order("pause", json!("disk")))
        .await;
    assert_eq!(status, StatusCode::OK, "{paused}");
    assert_eq!(paused["handlers"][0]["paused"]["why"], "disk");
    let (_, resumed) = node
        .call(Role::Operator, "POST", path, order("resume", json!("done")))
        .await;
    assert_eq!(resumed["handlers"][0]["paused"], Value::Null);
    let other = "/v1/handlers/nothing";
    let (status, _) = node
        .call(Role::Operator, "POST", other, order("pause", json!("x")))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn dead_letters_are_replayed_by_operators_and_dropped_by_admins_only() {
    let node = Node::new().await;
    let path = "/v1/handlers/history/dead-letters";
    let (_, page) = node.get(Role::Reader, path).await;
    assert_eq!(
        (&page["letters"][0]["id"], &page["total"]),
        (&json!("normal-7"), &json!(1))
    );
    let replay = json!({ "do": "replay", "id": "normal-7" });
    let (status, done) = node.call(Role::Operator, "POST", path, replay).await;
    assert_eq!((status, &done["failed"]), (StatusCode::OK, &json!(1)));
    let drop = json!({ "do": "drop", "why": "nonsense" });
    let (status, _) = node.call(Role::Operator, "POST", path, drop.clone()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, done) = node.call(Role::Admin, "POST", path, drop).await;
    assert_eq!((status, &done["dropped"]), (StatusCode::OK, &json!(1)));
    let bad = json!({ "do": "replay", "id": "seven" });
    let (status, _) = node.call(Role::Operator, "POST", path, bad).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
