//! Tokens: the first, making, revoking, guessing; and what is hidden.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use spica_journal::memory::MemoryJournal;

use crate::auth::Peer;
use crate::config::Settings;
use crate::fixture::{Node, bytes, json};
use crate::token::{Role, Secret};
use crate::token_store::bootstrap;

fn with_token(token: &str, path: &str) -> Request<Body> {
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
async fn a_source_that_guesses_is_banned_from_http_only() {
    let settings = Settings {
        ban_after: 3,
        ..Settings::default()
    };
    let node = Node::with(settings).await;
    let source = "198.51.100.9:5000".parse().unwrap();
    for _ in 0..3 {
        let guess = Secret::generate().unwrap().reveal();
        let mut request = with_token(&guess, "/v1/devices");
        request.extensions_mut().insert(Peer(source));
        let refused = node.send(request).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert!(
            !json(refused).await.to_string().contains(&guess),
            "no token in an answer"
        );
    }
    let now = node.app.monotonic();
    assert!(node.app.admission.lock().admit(now, source.ip()).is_err());
    let slot = node.app.parts.stations.lock().admit(now, source.ip());
    assert!(slot.is_ok(), "devices behind the same address go on");
    let (_, list) = node.get(Role::Reader, "/v1/bans").await;
    assert_eq!(list["bans"][0]["source"], "198.51.100.9");
    assert_eq!(
        (&list["bans"][0]["from"], &list["bans"][0]["automatic"]),
        (&json!(["http"]), &json!(true))
    );
    let lifted = node
        .call(
            Role::Operator,
            "DELETE",
            "/v1/bans/198.51.100.9",
            Value::Null,
        )
        .await;
    assert_eq!(lifted.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn bans_hold_everywhere_and_never_against_oneself() {
    let node = Node::new().await;
    let ban = |source: &str| json!({ "source": source, "for": "10min", "reason": "scans" });
    let (status, made) = node
        .call(Role::Operator, "POST", "/v1/bans", ban("192.0.2.7/24"))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["source"], "192.0.2.0/24");
    let banned = "192.0.2.99".parse().unwrap();
    let now = node.app.monotonic();
    assert!(node.app.admission.lock().admit(now, banned).is_err());
    assert!(node.app.parts.stations.lock().admit(now, banned).is_err());
    let (_, list) = node.get(Role::Reader, "/v1/bans").await;
    assert_eq!(
        list["bans"].as_array().unwrap().len(),
        1,
        "one ban, in two places: {list}"
    );
    assert_eq!(list["bans"][0]["from"], json!(["stations", "http"]));
    let own = ban("10.0.0.0/8").to_string();
    let request = node.request(Role::Operator, "POST", "/v1/bans");
    let mut request = request.body(Body::from(own)).unwrap();
    request
        .extensions_mut()
        .insert(Peer("10.1.2.3:5".parse().unwrap()));
    assert_eq!(node.send(request).await.status(), StatusCode::CONFLICT);
    for (body, status) in [
        (json!({ "source": "everyone", "for": "1h" }), 400),
        (json!({ "source": "192.0.2.1", "for": "0s" }), 400),
        (json!({ "source": "192.0.2.1", "for": "1 hour" }), 400),
        (
            json!({ "source": "192.0.2.1", "for": "1h", "reason": "x".repeat(201) }),
            400,
        ),
    ] {
        let (got, problem) = node.call(Role::Operator, "POST", "/v1/bans", body).await;
        assert_eq!(got, status, "{problem}");
    }
    let none = node
        .call(
            Role::Operator,
            "DELETE",
            "/v1/bans/203.0.113.1",
            Value::Null,
        )
        .await;
    assert_eq!(none.0, StatusCode::NOT_FOUND);
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

#[tokio::test]
async fn an_open_node_needs_no_token_but_its_own_page() {
    let node = Node::open().await;
    let get = |host: &str, origin: Option<&str>| {
        let mut request = Request::get("/v1/tokens").header(header::HOST, host);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        node.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(get("127.0.0.1:8080", None).await.status(), StatusCode::OK);
    assert_eq!(
        get("rebound.example", None).await.status(),
        StatusCode::FORBIDDEN
    );
    let foreign = get("127.0.0.1:8080", Some("https://evil.example")).await;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect() {
    let node = Node::new().await;
    for path in ["/", "/health/live", "/v1/devices", "/fantasy"] {
        let request = Request::get(path)
            .header("x-request-id", "abc-1")
            .body(Body::empty());
        let response = node.send(request.unwrap()).await;
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-request-id"], "abc-1", "a decent id is kept");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert_eq!(policy.contains("sandbox"), path != "/");
    }
    let request = Request::get("/health/live")
        .header("x-request-id", "a b")
        .body(Body::empty());
    let response = node.send(request.unwrap()).await;
    assert_eq!(
        response.headers()["x-request-id"].len(),
        16,
        "another one gets a new one"
    );
    let page = bytes(
        node.send(Request::get("/").body(Body::empty()).unwrap())
            .await,
    )
    .await;
    assert!(page.starts_with(b"<!doctype html>"));
}
