//! Which of two nodes a client ends up with.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::{Method, StatusCode};
use spica_fleet::{Call, Servers, ServersError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A node that gives these answers, the last one again and again.
struct Node {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

const PASSIVE: &str = "503 X\r\n\r\n{\"type\":\"urn:spica:problem:passive\"}";
const BUSY: &str = "503 X\r\n\r\n{\"type\":\"urn:spica:problem:busy\"}";

impl Node {
    async fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        let mut answers: VecDeque<String> = answers.iter().map(ToString::to_string).collect();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = [0; 4_096];
                let read = stream.read(&mut bytes).await.unwrap();
                log.lock()
                    .push(String::from_utf8_lossy(&bytes[..read]).into_owned());
                let answer = answers.pop_front().unwrap();
                if answers.is_empty() {
                    answers.push_back(answer.clone());
                }
                let answer = format!(
                    "HTTP/1.1 {}",
                    answer.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n")
                );
                // A client that has gone is no matter.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.lock().len()
    }
}

fn servers(addresses: &[&str]) -> Servers {
    Servers::new(addresses, Some("secret"), Duration::from_secs(20)).unwrap()
}

fn leads_to(node: &Node) -> String {
    format!("307 X\r\nlocation: {}/v1/x?y=1\r\n\r\n", node.address)
}

async fn gone() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

const GET: Call<'_> = Call::get("v1/x", &[("y", "1")]);

fn post() -> Call<'static> {
    Call {
        method: Method::POST,
        body: Some(("text/plain", "once".into())),
        ..GET
    }
}

#[tokio::test]
async fn the_next_one_is_asked_and_the_one_that_served_first_from_then_on() {
    let passive = Node::start(&[PASSIVE]).await;
    let active = Node::start(&["200 X\r\n\r\nhere"]).await;
    let servers = servers(&[&gone().await, &passive.address, &active.address]);
    for call in [post(), GET] {
        let answer = servers.ask(&call).await.unwrap();
        assert_eq!(
            (answer.status, &answer.body[..]),
            (StatusCode::OK, &b"here"[..])
        );
    }
    assert_eq!((passive.asked(), active.asked()), (1, 2));
}

#[tokio::test]
async fn a_passive_leads_to_the_active_with_the_token_and_the_body() {
    let active = Node::start(&["200 X\r\n\r\nhere"]).await;
    let passive = Node::start(&[&leads_to(&active)]).await;
    let servers = servers(&[&passive.address, &active.address]);
    let answer = servers.ask(&post()).await.unwrap();
    assert_eq!(answer.body, "here");
    let request = active.asked.lock()[0].to_lowercase();
    assert!(request.starts_with("post /v1/x?y=1 "), "{request}");
    assert!(
        request.contains("authorization: bearer secret"),
        "{request}"
    );
    assert!(request.ends_with("once"), "{request}");
    servers.ask(&GET).await.unwrap();
    assert_eq!(passive.asked(), 1, "the active is remembered");
}

#[tokio::test]
async fn a_pair_that_has_not_decided_is_asked_again_and_a_limit_is_not() {
    let one = Node::start(&[PASSIVE, PASSIVE, "200 X\r\n\r\nhere"]).await;
    let other = Node::start(&[&leads_to(&one)]).await;
    let answer = servers(&[&other.address, &one.address])
        .ask(&post())
        .await
        .unwrap();
    assert_eq!(answer.body, "here");
    let busy = Node::start(&[BUSY]).await;
    let answer = servers(&[&busy.address, &one.address])
        .ask(&GET)
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(busy.asked(), 1);
}

#[tokio::test]
async fn a_write_whose_outcome_is_not_known_is_not_repeated() {
    // An answer that breaks off.
    let broken = Node::start(&["200 X\r\ncontent-length: 9\r\n\r\nhe"]).await;
    let other = Node::start(&["200 X\r\n\r\nhere"]).await;
    let servers = servers(&[&broken.address, &other.address]);
    let error = servers.ask(&post()).await.unwrap_err();
    assert!(error.to_string().contains(&broken.address), "{error}");
    assert_eq!(other.asked(), 0);
    assert_eq!(servers.ask(&GET).await.unwrap().body, "here");
    assert!(self::servers(&[&gone().await]).ask(&GET).await.is_err());
}

#[test]
fn what_is_no_address_is_refused() {
    let new = |addresses: &[&str]| Servers::new(addresses, None, Duration::MAX).unwrap_err();
    assert_eq!(new(&[]), ServersError::None);
    assert_eq!(
        new(&["http://a", "nowhere"]),
        ServersError::Address("nowhere".into())
    );
}
