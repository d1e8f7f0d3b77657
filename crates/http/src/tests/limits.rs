//! What happens at each limit.

use axum::body::Body;
use axum::http::{StatusCode, header};
use bytes::Bytes;
use futures::stream;
use spica_settings::{ByteSize, Span};

use crate::config::Settings;
use crate::fixture::{Node, bytes, json};
use crate::problem::ProblemKind;
use crate::token::Role;

fn kind(problem: &serde_json::Value) -> &str {
    problem["type"]
        .as_str()
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap()
}

#[tokio::test]
async fn requests_beyond_the_limit_are_refused_but_not_health() {
    let node = Node::with(Settings {
        max_requests: 1,
        ..Settings::default()
    })
    .await;
    let held = node.send(
        node.request(Role::Reader, "GET", "/v1/live")
            .body(Body::empty())
            .unwrap(),
    );
    let held = held.await;
    assert_eq!(held.status(), StatusCode::OK);
    let request = node.request(Role::Reader, "GET", "/v1/devices");
    let refused = node.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(kind(&json(refused).await), ProblemKind::Busy.slug());
    assert_eq!(
        node.get(Role::Reader, "/health/live").await.0,
        StatusCode::OK
    );
    drop(held);
    assert_eq!(
        node.get(Role::Reader, "/v1/devices").await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn bodies_have_a_length_a_memory_and_a_time() {
    let settings = Settings {
        payload_limit: ByteSize::kib(4),
        bodies_limit: ByteSize::kib(6),
        body_timeout: Span::from_millis(1),
        ..Settings::default()
    };
    let node = Node::with(settings).await;
    let request = || node.request(Role::Operator, "POST", "/v1/topics/root/s1/a");
    let announced = request()
        .header(header::CONTENT_LENGTH, "5000")
        .body(Body::empty())
        .unwrap();
    assert_eq!(
        node.send(announced).await.status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let pieces =
        stream::iter((0..5).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 1_000]))));
    let unannounced = request().body(Body::from_stream(pieces)).unwrap();
    assert_eq!(
        node.send(unannounced).await.status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let endless = || Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let slow = node.send(request().body(endless()).unwrap()).await;
    assert_eq!(slow.status(), StatusCode::REQUEST_TIMEOUT);
    let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))]);
    let broken = node
        .send(request().body(Body::from_stream(broken)).unwrap())
        .await;
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    let _held = node.app.buffers.reserve(4_096).unwrap();
    let refused = node.send(request().body(endless()).unwrap()).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(kind(&json(refused).await), ProblemKind::Busy.slug());
}

#[tokio::test]
async fn exports_beyond_the_limit_are_refused() {
    let node = Node::with(Settings {
        max_exports: 1,
        ..Settings::default()
    })
    .await;
    let export = || {
        let request = node.request(Role::Reader, "GET", "/v1/history?format=csv");
        node.send(request.body(Body::empty()).unwrap())
    };
    let held = export().await;
    assert_eq!(held.status(), StatusCode::OK);
    assert_eq!(export().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    bytes(held).await;
    assert_eq!(export().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_batch_has_a_length_and_a_count() {
    let settings = Settings {
        batch_limit: ByteSize::kib(1),
        batch_records: 2,
        ..Settings::default()
    };
    let node = Node::with(settings).await;
    let one = serde_json::json!({ "topic": "root/s1/a", "value": 1 });
    let batch = |n: usize| {
        node.call(
            Role::Operator,
            "POST",
            "/v1/records",
            vec![one.clone(); n].into(),
        )
    };
    assert_eq!(batch(2).await.0, StatusCode::OK);
    let (status, problem) = batch(3).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(problem["detail"].as_str().unwrap().contains("at most 2"));
    assert_eq!(batch(100).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn what_is_refused_is_counted_and_shown() {
    let node = Node::with(Settings {
        max_exports: 0,
        ..Settings::default()
    })
    .await;
    let request = node.request(Role::Reader, "GET", "/v1/history?format=ndjson");
    let refused = node.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(refused);
    let request = node
        .request(Role::Reader, "GET", "/metrics")
        .body(Body::empty())
        .unwrap();
    let response = node.send(request).await;
    assert!(
        response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .contains("openmetrics")
    );
    let text = String::from_utf8(bytes(response).await.to_vec()).unwrap();
    for line in [
        r#"spica_http_refused_total{reason="exports"} 1"#,
        r#"spica_http_requests_total{method="GET",route="/v1/history",status="503"} 1"#,
        "spica_http_requests_in_flight 1",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let node = Node::new().await;
    let router = axum::Router::new()
        .route(
            "/boom",
            axum::routing::get(|| async { panic!("boom") as () }),
        )
        .layer(axum::middleware::from_fn_with_state(
            node.app.clone(),
            crate::guard::guard,
        ));
    let request = axum::http::Request::get("/boom")
        .body(Body::empty())
        .unwrap();
    let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    drop(response);
    let free = node.app.requests.available_permits();
    assert_eq!(
        free, node.app.settings.max_requests,
        "its place is free again"
    );
    assert_eq!(node.app.parts.metrics.in_flight.get(), 0);
}
