//! Listing and deleting topics.

use axum::http::StatusCode;
use serde_json::{Value, json};
use spica_journal::Journal;
use spica_model::Lane;

use crate::config::Settings;
use crate::fixture::Node;
use crate::token::Role;

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
