//! HTTP servers that are no witness: each is found out and grants nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use spica_witness::{LookError, contract};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{hasty, open, patient};

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/w")
}

/// A server that says the same to everybody, byte for byte.
async fn say(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut head = [0; 1_024];
                // Whoever gave up meanwhile needs no answer.
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer).await;
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    format!("http://{address}/w")
}

async fn trouble(url: &str) -> LookError {
    let witness = open(&patient(url));
    contract::is_unreachable(&*witness, "root/s1").await;
    witness.recorded("root/s1").await.unwrap_err()
}

#[tokio::test]
async fn one_that_ignores_conditions_is_unfit() {
    let url = serve(Router::new().route("/w/{key}", get("x").put(StatusCode::OK))).await;
    let error = trouble(&url).await;
    assert!(matches!(error, LookError::Unfit(_)), "{error}");
    assert!(
        error.to_string().contains("ignores If-None-Match"),
        "{error}"
    );
}

#[tokio::test]
async fn one_that_knows_only_one_of_the_conditions_is_unfit() {
    let created = Arc::new(AtomicBool::new(false));
    let put = |State(created): State<Arc<AtomicBool>>, headers: HeaderMap| async move {
        let again = headers.contains_key("if-none-match") && created.swap(true, Ordering::Relaxed);
        if again {
            StatusCode::PRECONDITION_FAILED
        } else {
            StatusCode::OK
        }
    };
    let router = Router::new().route("/w/{key}", get("x").put(put));
    let error = trouble(&serve(router.with_state(created)).await).await;
    assert!(error.to_string().contains("ignores If-Match"), "{error}");
}

#[tokio::test]
async fn one_with_weak_tags_or_none_is_unfit() {
    for tag in [Some("W/\"1\""), None] {
        let read = move || async move {
            let tag = tag.map(|tag| [("etag", tag)]);
            tag.map_or_else(|| "x".into_response(), |tag| (tag, "x").into_response())
        };
        let put = get(read).put(StatusCode::PRECONDITION_FAILED);
        let error = trouble(&serve(Router::new().route("/w/{key}", put)).await).await;
        assert!(error.to_string().contains("no strong ETag"), "{error}");
    }
}

#[tokio::test]
async fn redirects_errors_and_garbage_are_no_answers() {
    for answer in [
        b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
            .as_slice(),
        b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"SSH-2.0-OpenSSH\r\n",
    ] {
        let error = trouble(&say(answer).await).await;
        assert!(matches!(error, LookError::Failed(_)), "{error:?}");
    }
}

#[tokio::test]
async fn one_that_says_nothing_is_unreachable() {
    let url = say(b"").await;
    let witness = open(&hasty(&url));
    contract::is_unreachable(&*witness, "root/s1").await;
    let error = witness.recorded("root/s1").await.unwrap_err();
    assert!(matches!(error, LookError::Late(_)), "{error}");
    let etcd = open(&hasty(&url.replace("http", "etcd")));
    contract::is_unreachable(&*etcd, "root/s1").await;
    #[cfg(feature = "nats")]
    {
        let nats = open(&hasty(&url.replace("http", "nats")));
        contract::is_unreachable(&*nats, "root/s1").await;
    }
}
