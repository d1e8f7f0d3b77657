//! Cases, from a device's event to their close. The cases themselves are tested in `spica-cases`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::fixture::Node;
use crate::token::Role;

/// A node whose desk works, with one man-down of device 1; the case's id.
async fn with_case() -> (Node, String) {
    let node = Node::new().await;
    node.desk.serve();
    let event =
        json!({ "index": 1, "code": 0x3b, "event": "man-down", "detail": { "battery": 12 } });
    node.submit("root/s1/devices/1/events/man-down", &event)
        .await;
    let id = loop {
        let (status, page) = node.get(Role::Reader, "/v1/cases").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        if let Some(id) = page["cases"][0]["id"].as_str() {
            break id.to_owned();
        }
        tokio::task::yield_now().await;
    };
    (node, id)
}

async fn act(node: &Node, id: &str, body: Value) -> (StatusCode, Value) {
    let path = format!("/v1/cases/{id}/steps");
    node.call(Role::Operator, "POST", &path, body).await
}

#[tokio::test]
async fn a_man_down_is_acknowledged_cleared_and_closed_by_people_with_names() {
    let (node, id) = with_case().await;
    let (status, case) = node.get(Role::Reader, &format!("/v1/cases/{id}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(case["severity"], "emergency");
    assert_eq!(case["source"], "devices/1");
    assert_eq!(case["detail"]["battery"], 12);
    let (status, refused) = act(&node, &id, json!({ "do": "close", "why": "false alarm" })).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    let (status, case) = act(&node, &id, json!({ "do": "acknowledge" })).await;
    assert_eq!(
        (status, &case["state"]),
        (StatusCode::OK, &json!("acknowledged"))
    );
    let by = case["acknowledged"]["by"].as_str().unwrap();
    assert!(by.starts_with("operator:operator#"), "{by}");
    let (status, _) = act(&node, &id, json!({ "do": "clear" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "clearing wants a reason");
    let (_, case) = act(&node, &id, json!({ "do": "clear", "why": "spoke to her" })).await;
    assert_eq!(case["active"], false);
    let (_, case) = act(&node, &id, json!({ "do": "close", "why": "false alarm" })).await;
    assert_eq!(
        (&case["state"], &case["closed"]["why"]),
        (&json!("closed"), &json!("false alarm"))
    );
    let (_, open) = node.get(Role::Reader, "/v1/cases").await;
    assert_eq!(open["cases"], json!([]));
    let (_, all) = node.get(Role::Reader, "/v1/cases?state=all&device=1").await;
    assert_eq!(all["cases"][0]["id"], json!(id));
    let (_, steps) = node
        .get(Role::Reader, &format!("/v1/cases/{id}/steps"))
        .await;
    let what: Vec<_> = steps["steps"].as_array().unwrap().iter().collect();
    let what: Vec<_> = what
        .iter()
        .map(|step| step["value"]["what"].as_str().unwrap())
        .collect();
    assert_eq!(what, ["raised", "acknowledged", "cleared", "closed"]);
}

#[tokio::test]
async fn a_condition_is_shelved_for_a_time_and_shown_as_such() {
    let (node, _) = with_case().await;
    let order = |verb: &str, time: Value| json!({ "do": verb, "source": "devices/1", "condition": "man-down", "for": time });
    let path = "/v1/conditions";
    let (status, refused) = node
        .call(Role::Operator, "POST", path, order("shelve", json!("9h")))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    let (status, done) = node
        .call(
            Role::Operator,
            "POST",
            path,
            order("shelve", json!("10min")),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{done}");
    let (_, quiet) = node.get(Role::Reader, "/v1/conditions?quiet=true").await;
    assert_eq!(quiet["conditions"][0]["condition"], "man-down");
    let (status, _) = node
        .call(Role::Operator, "POST", path, order("unshelve", Value::Null))
        .await;
    assert_eq!(status, StatusCode::OK);
    let (_, quiet) = node.get(Role::Reader, "/v1/conditions?quiet=true").await;
    assert_eq!(quiet["conditions"], json!([]));
}

#[tokio::test]
async fn nonsense_is_refused_with_what_is_allowed() {
    let node = Node::new().await;
    for (path, said) in [
        ("/v1/cases?state=lost", "cleared-unacknowledged"),
        ("/v1/cases?severity=bad", "emergency"),
        ("/v1/cases?before=x", "before"),
        ("/v1/cases/17", "case"),
    ] {
        let (status, problem) = node.get(Role::Reader, path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert!(
            problem["detail"].as_str().unwrap().contains(said),
            "{problem}"
        );
    }
    let (status, _) = node.get(Role::Reader, "/v1/cases/1-17").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, problem) = act(&node, "1-17", json!({ "do": "acknowledge" })).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    let (status, problem) = act(&node, "1-17", json!({ "do": "acknowledge", "to": "x" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
}

#[tokio::test]
async fn only_the_link_of_a_message_acknowledges_without_a_token() {
    let (node, _) = with_case().await;
    let (status, _) = node.get(Role::Reader, "/acknowledge/AAAA").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}
