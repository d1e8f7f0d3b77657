//! What protects people with a browser.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::fixture::{Node, bytes};

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

#[tokio::test]
async fn a_browser_keeps_the_files_of_the_console_and_asks_for_the_page() {
    let node = Node::new().await;
    let get = |path: &str, tag: &str| {
        let request = Request::get(path).header(header::IF_NONE_MATCH, tag);
        node.send(request.body(Body::empty()).unwrap())
    };
    let file = format!("/console/{}/app/main.js", spica_console::version());
    for (path, caching) in [("/", "no-cache"), (&*file, "immutable")] {
        let first = get(path, "\"another\"").await;
        assert_eq!(first.status(), StatusCode::OK, "{path}");
        let headers = first.headers().clone();
        let tag = headers[header::ETAG].to_str().unwrap();
        let kept = headers[header::CACHE_CONTROL].to_str().unwrap();
        assert!(kept.contains(caching), "{path}: {kept}");
        assert!(!bytes(first).await.is_empty());

        let again = get(path, &format!("\"x\", W/{tag}")).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert_eq!(again.headers()[header::ETAG], tag, "{path}");
        assert!(bytes(again).await.is_empty(), "{path}");
    }
    let script = get(&file, "").await;
    assert_eq!(
        script.headers()[header::CONTENT_TYPE],
        "text/javascript; charset=utf-8"
    );
    for none in [
        "/console/0123456789abcdef/app/main.js".to_owned(),
        format!("{file}x"),
    ] {
        assert_eq!(
            get(&none, "").await.status(),
            StatusCode::NOT_FOUND,
            "{none}"
        );
    }
}
