//! Tokens: the first, making, revoking, guessing; and what is hidden.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use spica_journal::memory::MemoryJournal;

use crate::config::Settings;
use crate::fixture::Node;
use crate::token::Role;
use crate::token_store::bootstrap;

pub(super) fn with_token(token: &str, path: &str) -> Request<Body> {
    Request::get(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn the_first_start_makes_an_admin_and_the_second_does_not() {
    let node = Node::build(Settings::default(), MemoryJournal::new(), false).await;
    for (id, token) in crate::token_store::all(&node.app.parts.views) {
        if token.role == Role::Admin {
            let path = format!("/v1/tokens/{id}");
            let refused = node.call(Role::Admin, "DELETE", &path, Value::Null).await;
            assert_eq!(refused.0, StatusCode::CONFLICT, "the last admin stays");
        }
    }
    let parts = &node.app.parts;
    let none = bootstrap(&*parts.journal, &parts.views, &*parts.clock)
        .await
        .unwrap();
    assert!(none.is_none(), "there is an admin already");
}

#[tokio::test]
async fn a_fresh_node_gets_exactly_one_admin() {
    let node = Node::new().await;
    // A node of its own without any token.
    let directory = tempfile::tempdir().unwrap();
    let journal = MemoryJournal::new();
    let views = spica_views::Views::start(
        journal.clone(),
        "root/s2".parse().unwrap(),
        spica_views::Settings::default(),
        &directory.path().join("views.redb"),
        node.clock.clone(),
    )
    .unwrap();
    let secret = bootstrap(&*journal, &views, &*node.clock)
        .await
        .unwrap()
        .unwrap();
    let tokens = crate::token_store::all(&views);
    assert_eq!(tokens.len(), 1);
    assert_eq!(
        (tokens[0].0.clone(), tokens[0].1.role),
        (secret.hash().id(), Role::Admin)
    );
    assert!(
        bootstrap(&*journal, &views, &*node.clock)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_token_is_shown_once_works_at_once_and_stops_at_once() {
    let node = Node::new().await;
    let body = json!({ "name": "alice", "role": "reader" });
    let (status, made) = node.call(Role::Admin, "POST", "/v1/tokens", body).await;
    assert_eq!(status, StatusCode::CREATED);
    let token = made["token"].as_str().unwrap();
    assert_eq!(
        node.send(with_token(token, "/v1/devices")).await.status(),
        StatusCode::OK
    );
    let (_, list) = node.get(Role::Admin, "/v1/tokens").await;
    let alice = list["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "alice")
        .unwrap();
    assert_eq!(
        (&alice["role"], &alice["id"]),
        (&json!("reader"), &made["id"])
    );
    assert!(!list.to_string().contains("sha256") && !list.to_string().contains(token));
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    let (status, _) = node.call(Role::Admin, "DELETE", &path, Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let refused = node.send(with_token(token, "/v1/devices")).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let (status, _) = node.call(Role::Admin, "DELETE", &path, Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_no_token_is_refused_when_it_is_made() {
    let node = Node::new().await;
    for (body, part) in [
        (json!({ "name": "", "role": "reader" }), "name"),
        (json!({ "name": "x".repeat(65), "role": "reader" }), "name"),
        (json!({ "name": "a", "role": "king" }), "king"),
        (json!({ "name": "a", "role": "device" }), "serial"),
        (
            json!({ "name": "a", "role": "device", "serial": "a/b" }),
            "serial",
        ),
        (
            json!({ "name": "a", "role": "reader", "serial": "1" }),
            "serial",
        ),
        (
            json!({ "name": "a", "role": "reader", "colour": "red" }),
            "colour",
        ),
    ] {
        let (status, problem) = node
            .call(Role::Admin, "POST", "/v1/tokens", body.clone())
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(
            problem["detail"].as_str().unwrap().contains(part),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn tokens_are_hidden_from_all_but_admins() {
    let node = Node::new().await;
    for (role, sees) in [
        (Role::Reader, false),
        (Role::Operator, false),
        (Role::Admin, true),
    ] {
        for path in [
            "/v1/tree",
            "/v1/tree/root/s1/system",
            "/v1/history?topic=%23",
        ] {
            let (status, page) = node.get(role, path).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(
                page.to_string().contains("system/tokens"),
                sees,
                "{role} {path}: {page}"
            );
        }
        let id = crate::token_store::all(&node.app.parts.views)[0].0.clone();
        let (status, _) = node
            .get(role, &format!("/v1/topics/root/s1/system/tokens/{id}"))
            .await;
        assert_eq!(status == StatusCode::OK, sees, "{role}");
    }
}

#[tokio::test]
async fn every_operator_change_leaves_an_audit_record() {
    let node = Node::new().await;
    let position = node.publish("weather", "1").await;
    assert!(position.starts_with("1/normal/"));
    let token = json!({ "name": "bob", "role": "reader" });
    let (_, made) = node.call(Role::Admin, "POST", "/v1/tokens", token).await;
    let ban = json!({ "source": "192.0.2.0/24", "for": "10min", "reason": "test" });
    for (role, method, path, body) in [
        (
            Role::Admin,
            "DELETE",
            &*format!("/v1/tokens/{}", made["id"].as_str().unwrap()),
            Value::Null,
        ),
        (Role::Operator, "POST", "/v1/bans", ban),
        (
            Role::Operator,
            "DELETE",
            "/v1/bans/192.0.2.0/24",
            Value::Null,
        ),
        (
            Role::Operator,
            "DELETE",
            "/v1/topics/root/s1/weather",
            Value::Null,
        ),
        (Role::Operator, "PUT", "/v1/devices/1", json!({})),
        (Role::Operator, "DELETE", "/v1/devices/1", Value::Null),
    ] {
        let (status, answer) = node.call(role, method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {answer}");
    }
    let (_, page) = node
        .get(Role::Reader, "/v1/history?topic=root/s1/audit/%2B")
        .await;
    let records = page["records"].as_array().unwrap();
    let actions: Vec<&str> = records
        .iter()
        .filter_map(|record| record["value"]["action"].as_str())
        .collect();
    for action in [
        "token.add",
        "token.remove",
        "ban.add",
        "ban.remove",
        "topic.delete",
        "device.put",
        "device.remove",
    ] {
        assert!(
            actions.contains(&action),
            "{action} is missing in {actions:?}"
        );
    }
    let by = records.last().unwrap()["value"]["by"].as_str().unwrap();
    assert!(by.starts_with("operator#"), "{by}");
}

#[tokio::test]
async fn a_device_publishes_its_own_data_only_while_it_is_enabled() {
    let node = Node::new().await;
    let token = node.make_token(Role::Device, Some("77")).await;
    let publish = |topic: &str| {
        let request = Request::post(format!("/v1/topics/{topic}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        node.send(request.body(Body::from("x")).unwrap())
    };
    let own = "root/s1/devices/77/data/temperature";
    assert_eq!(
        publish(own).await.status(),
        StatusCode::FORBIDDEN,
        "not registered"
    );
    node.call(Role::Operator, "PUT", "/v1/devices/77", json!({}))
        .await;
    assert_eq!(publish(own).await.status(), StatusCode::CREATED);
    for other in [
        "root/s1/devices/78/data/x",
        "root/s1/weather",
        "root/s1/devices/77/registration",
    ] {
        assert_eq!(
            publish(other).await.status(),
            StatusCode::FORBIDDEN,
            "{other}"
        );
    }
    node.call(
        Role::Operator,
        "POST",
        "/v1/devices/77/disable",
        Value::Null,
    )
    .await;
    assert_eq!(
        publish(own).await.status(),
        StatusCode::FORBIDDEN,
        "disabled"
    );
}
