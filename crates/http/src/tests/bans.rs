//! Bans, by hand and by rule.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::access::with_token;
use crate::auth::Peer;
use crate::config::Settings;
use crate::fixture::{Node, json};
use crate::token::{Role, Secret};

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
