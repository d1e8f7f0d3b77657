//! Devices and their commands.

use axum::body::Body;
use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::fixture::{Node, json as body_of};
use crate::token::Role;

async fn operator(node: &Node, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
    node.call(Role::Operator, method, path, body).await
}

#[tokio::test]
async fn a_device_is_registered_changed_switched_and_removed() {
    let node = Node::new().await;
    let new = json!({ "serial": "0012", "name": "Anna", "check_in_minutes": 15 });
    let (status, device) = operator(&node, "POST", "/v1/devices", new.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{device}");
    assert_eq!(
        (&device["serial"], &device["enabled"]),
        (&json!("0012"), &json!(true))
    );
    assert_eq!(device["registered_at"], "2027-01-15T08:00:00.000000Z");
    let (status, _) = operator(&node, "POST", "/v1/devices", new).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, device) =
        operator(&node, "PUT", "/v1/devices/0012", json!({ "name": "Berta" })).await;
    assert_eq!(
        (status, &device["check_in_minutes"]),
        (StatusCode::OK, &json!(30)),
        "replaced"
    );
    let (status, _) = operator(&node, "PUT", "/v1/devices/0013", json!({})).await;
    assert_eq!(status, StatusCode::CREATED);
    for (verb, enabled) in [("disable", false), ("enable", true)] {
        let path = format!("/v1/devices/0012/{verb}");
        let (status, device) = operator(&node, "POST", &path, Value::Null).await;
        assert_eq!(
            (status, &device["enabled"]),
            (StatusCode::OK, &json!(enabled))
        );
    }
    let (_, device) = node.get(Role::Reader, "/v1/devices/0012").await;
    assert_eq!(device["name"], "Berta");
    let (status, _) = operator(&node, "DELETE", "/v1/devices/0012", Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    for method in ["GET", "DELETE"] {
        let gone = operator(&node, method, "/v1/devices/0012", Value::Null).await;
        assert_eq!(gone.0, StatusCode::NOT_FOUND);
    }
    let gone = operator(&node, "POST", "/v1/devices/0012/enable", Value::Null).await;
    assert_eq!(gone.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_created_device_says_where_it_is() {
    let node = Node::new().await;
    let request = node.request(Role::Operator, "POST", "/v1/devices");
    let new = Body::from(json!({ "serial": "a?%b" }).to_string());
    let response = node.send(request.body(new).unwrap()).await;
    let location = response.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(location, "/v1/devices/a%3F%25b");
    let (status, device) = node.get(Role::Reader, &location).await;
    assert_eq!(
        (status, &device["serial"]),
        (StatusCode::OK, &json!("a?%b"))
    );
}

#[tokio::test]
async fn what_is_no_registration_names_the_field() {
    let node = Node::new().await;
    for (body, field) in [
        (json!({ "check_in_minutes": 0 }), "check_in_minutes"),
        (json!({ "name": "" }), "name"),
        (
            json!({ "allowed_versions": ["123456789"] }),
            "allowed_versions",
        ),
    ] {
        let (status, problem) = operator(&node, "PUT", "/v1/devices/1", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    for body in [
        json!({ "colour": "red" }),
        json!([]),
        json!({ "enabled": "yes" }),
    ] {
        let (status, _) = operator(&node, "PUT", "/v1/devices/1", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    let (status, _) = operator(&node, "PUT", "/v1/devices/12345678901", json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, problem) = operator(
        &node,
        "POST",
        "/v1/devices",
        json!({ "serial": "1", "colour": 1 }),
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
}

async fn import(node: &Node, kind: &str, csv: &str) -> (StatusCode, Value) {
    let request = node.request(Role::Operator, "POST", "/v1/devices/import");
    let request = request.header(header::CONTENT_TYPE, kind);
    let response = node
        .send(request.body(Body::from(csv.to_owned())).unwrap())
        .await;
    (response.status(), body_of(response).await)
}

#[tokio::test]
async fn devices_come_from_csv_all_or_none() {
    let node = Node::new().await;
    let csv = "serial,name,enabled\n3,C,true\n1,\"A, a\",false\n2,B,\n";
    let (status, answer) = import(&node, "text/csv; charset=utf-8", csv).await;
    assert_eq!(
        (status, &answer["imported"]),
        (StatusCode::OK, &json!(3)),
        "{answer}"
    );
    let bad = "serial,enabled\n4,true\n5,maybe\n,true\n";
    let (status, problem) = import(&node, "text/csv", bad).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        (
            &problem["errors"][0]["index"],
            &problem["errors"][0]["field"]
        ),
        (&json!(3), &json!("enabled"))
    );
    assert_eq!(
        node.get(Role::Reader, "/v1/devices/4").await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        import(&node, "application/json", "{}").await.0,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let (_, page) = node.get(Role::Reader, "/v1/devices?limit=2").await;
    let serials: Vec<_> = page["devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["serial"])
        .collect();
    assert_eq!(
        (serials, &page["next"]),
        (vec![&json!("1"), &json!("2")], &json!("2"))
    );
    let (_, page) = node.get(Role::Reader, "/v1/devices?limit=2&after=2").await;
    assert_eq!(
        (&page["devices"][0]["serial"], &page["next"]),
        (&json!("3"), &Value::Null)
    );
}

#[tokio::test]
async fn a_check_in_says_when_the_next_is_missed() {
    let node = Node::new().await;
    operator(&node, "PUT", "/v1/devices/1", json!({})).await;
    let (_, device) = node.get(Role::Reader, "/v1/devices/1").await;
    assert_eq!(
        (&device["last_check_in"], &device["missed_at"]),
        (&Value::Null, &Value::Null)
    );
    let payload =
        json!({ "software_version": "1.2", "remote": "192.0.2.1:5", "station": "identicom" });
    node.submit("root/s1/devices/1/check-in", &payload).await;
    let (_, device) = node.get(Role::Reader, "/v1/devices/1").await;
    assert_eq!(device["last_check_in"], "2027-01-15T08:00:00.000000Z");
    assert_eq!(device["missed_at"], "2027-01-15T08:35:00.000000Z");
    assert_eq!(device["software_version"], "1.2");
}

#[tokio::test]
async fn a_command_is_queued_read_and_cancelled() {
    let node = Node::new().await;
    operator(&node, "PUT", "/v1/devices/1", json!({})).await;
    let commands = "/v1/devices/1/commands";
    let body = json!({ "name": "set-check-in-interval", "arguments": { "minutes": 15 }, "expires_in": "1h" });
    let (status, queued) = operator(&node, "POST", commands, body).await;
    assert_eq!(status, StatusCode::CREATED, "{queued}");
    assert_eq!(
        (&queued["state"], &queued["arguments"]),
        (&json!("queued"), &json!("0f00"))
    );
    assert_eq!(queued["expires_at"], "2027-01-15T09:00:00.000000Z");
    assert!(queued["by"].as_str().unwrap().starts_with("operator#"));
    let path = format!("{commands}/{}", queued["id"]);
    assert_eq!(node.get(Role::Reader, &path).await.1, queued);
    node.clock.advance(std::time::Duration::from_secs(1));
    let (status, second) = operator(&node, "POST", commands, json!({ "code": 2 })).await;
    assert_eq!(
        (status, &second["name"]),
        (StatusCode::CREATED, &json!("take-picture"))
    );
    assert_eq!(
        second["expires_at"], "2027-01-16T08:00:01.000000Z",
        "a day by default"
    );
    let (_, list) = node.get(Role::Reader, commands).await;
    let ids: Vec<_> = list["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["id"])
        .collect();
    assert_eq!(ids, [&second["id"], &queued["id"]], "newest first");
    let (status, cancelled) = operator(&node, "DELETE", &path, Value::Null).await;
    assert_eq!(
        (status, &cancelled["state"]),
        (StatusCode::OK, &json!("cancelled"))
    );
    let (status, problem) = operator(&node, "DELETE", &path, Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
}

#[tokio::test]
async fn what_is_no_command_says_what_there_is() {
    let node = Node::new().await;
    operator(&node, "PUT", "/v1/devices/1", json!({})).await;
    for (body, part) in [
        (json!({}), "exactly one of name and code"),
        (json!({ "name": "take-picture", "code": 2 }), "exactly one"),
        (json!({ "name": "explode" }), "take-picture"),
        (json!({ "name": "set-check-in-interval" }), "minutes"),
        (
            json!({ "name": "take-picture", "arguments": 7 }),
            "expected JSON",
        ),
        (
            json!({ "name": "take-picture", "expires_in": "1 day" }),
            "1 day",
        ),
        (
            json!({ "name": "take-picture", "expires_in": "0s" }),
            "expires_in",
        ),
        (json!({ "code": 256 }), "expected JSON"),
    ] {
        let (status, problem) =
            operator(&node, "POST", "/v1/devices/1/commands", body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(part),
            "{body}: {problem}"
        );
    }
    let body = json!({ "name": "take-picture" });
    let (status, _) = operator(&node, "POST", "/v1/devices/9/commands", body).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for path in ["/v1/devices/9/commands", "/v1/devices/1/commands/7"] {
        assert_eq!(node.get(Role::Reader, path).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(
        node.get(Role::Reader, "/v1/devices/1/commands/x").await.0,
        StatusCode::BAD_REQUEST
    );
}
