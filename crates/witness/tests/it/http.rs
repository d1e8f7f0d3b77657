//! The witness over HTTP, with our own server.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use spica_model::Epoch;
use spica_pair::witness::Answer;
use spica_witness::server::{OpenStoreError, Server};
use spica_witness::{LookError, Settings, Witness, contract};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::{client, hasty, open, patient};

const TOKEN: &str = "correct horse";

/// A server on a runtime of its own, so that it can be stopped in the middle of anything.
pub(crate) struct Own {
    runtime: Option<Runtime>,
    pub(crate) address: SocketAddr,
}

impl Own {
    pub(crate) async fn start(directory: &Path) -> Self {
        Self::start_at(directory, "127.0.0.1:0".parse().unwrap()).await
    }

    async fn start_at(directory: &Path, address: SocketAddr) -> Self {
        // The one that was stopped before lets go of its lock and its port in its own time.
        let server = loop {
            match Server::open(directory, &TOKEN.parse().unwrap()) {
                Ok(server) => break server,
                Err(OpenStoreError::InUse(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        };
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let (tell, told) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            let listener = loop {
                match TcpListener::bind(address).await {
                    Ok(listener) => break listener,
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            };
            tell.send(listener.local_addr().unwrap()).unwrap();
            server.run(listener, std::future::pending()).await
        });
        let address = told.await.unwrap();
        let runtime = Some(runtime);
        Self { runtime, address }
    }

    fn url(&self) -> String {
        format!("http://{}/v1/witness", self.address)
    }

    fn witness(&self) -> Arc<dyn Witness> {
        open(&with_token(patient(&self.url())))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(crate) fn with_token(mut settings: Settings) -> Settings {
    settings.token = Some(TOKEN.parse().unwrap());
    settings
}

#[tokio::test]
async fn it_answers_by_the_rule_and_remembers() {
    let directory = tempfile::tempdir().unwrap();
    let server = Own::start(directory.path()).await;
    let one = server.witness();
    contract::answers_by_the_rule(&*one, "root").await;
    contract::remembers(&*one, &*server.witness(), "root").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_one_of_two_wins() {
    let directory = tempfile::tempdir().unwrap();
    let server = Own::start(directory.path()).await;
    let (one, other) = (server.witness(), server.witness());
    contract::only_one_of_two_wins(one, other, "root", 300).await;
}

#[tokio::test]
async fn who_has_no_token_learns_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let server = Own::start(directory.path()).await;
    let mut wrong = patient(&server.url());
    for token in [None, Some("correct hors"), Some("correct horse!")] {
        wrong.token = token.map(|token| token.parse().unwrap());
        let stranger = open(&wrong);
        contract::is_unreachable(&*stranger, "root/s1").await;
        let error = stranger.recorded("root/s1").await.unwrap_err();
        assert!(matches!(error, LookError::Denied(_)), "{error}");
    }
    assert_eq!(server.witness().recorded("root/s1").await.unwrap(), None);
}

/// Stopped again and again while both ask, it comes back with everything that it has granted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_granted_survives_a_server_that_stops_in_the_middle() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Own::start(directory.path()).await;
    let address = server.address;
    let witness = server.witness();
    let mut granted = 0;
    for round in 0..10_u32 {
        let stop_after = Duration::from_micros(u64::from(round) * 700);
        let asking = async {
            for epoch in granted + 1.. {
                match witness
                    .ask("root/s1", contract::question(epoch, epoch - 1))
                    .await
                {
                    Answer::Granted => granted = epoch,
                    Answer::Unreachable => return,
                    Answer::Refused { recorded } => panic!("{recorded:?} stands before {epoch}"),
                }
            }
        };
        let stopping = async {
            tokio::time::sleep(stop_after).await;
            drop(server);
        };
        tokio::join!(asking, stopping);
        server = Own::start_at(directory.path(), address).await;
        let recorded = server.witness().recorded("root/s1").await.unwrap();
        // The question whose answer was lost may be recorded too, and is granted when it is repeated.
        let recorded = recorded.unwrap_or(Epoch(0)).0;
        assert!(
            (granted..=granted + 1).contains(&recorded),
            "{recorded} after {granted}"
        );
    }
    assert!(granted > 0, "nothing was granted at all");
}

#[tokio::test]
async fn damage_grants_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let server = Own::start(directory.path()).await;
    let http = client();
    for (pair, body) in [
        ("a", String::new()),
        ("b", "x".repeat(2_000)),
        ("c", "{}".to_owned()),
    ] {
        let put = http.put(format!("{}/root.{pair}", server.url()));
        let put = put
            .bearer_auth(TOKEN)
            .header("If-None-Match", "*")
            .body(body);
        assert_eq!(put.send().await.unwrap().status(), 204);
        contract::grants_nothing_when_damaged(&*server.witness(), &format!("root/{pair}")).await;
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let port = crate::process::free_port();
    let witness = open(&hasty(&format!("http://127.0.0.1:{port}/v1/witness")));
    contract::is_unreachable(&*witness, "root/s1").await;
}

#[tokio::test]
async fn the_server_refuses_what_it_is_not_for() {
    let directory = tempfile::tempdir().unwrap();
    let server = Own::start(directory.path()).await;
    let http = client();
    let put = |key: &str, body: Vec<u8>| {
        let put = http.put(format!("{}/{key}", server.url()));
        put.bearer_auth(TOKEN).body(body)
    };
    let absent = |put: reqwest::RequestBuilder| put.header("If-None-Match", "*");
    for (request, status) in [
        (put("k", b"x".to_vec()), 428),
        (
            put("k", b"x".to_vec()).header("If-None-Match", "\"a\""),
            428,
        ),
        (
            absent(put("k", b"x".to_vec())).header("If-Match", "\"a\""),
            428,
        ),
        (absent(put("k%20", b"x".to_vec())), 400),
        (absent(put(&"k".repeat(201), b"x".to_vec())), 400),
        (absent(put("k", vec![0xff])), 400),
        (absent(put("k", vec![b'x'; 2_049])), 413),
        (absent(put("k", vec![b'x'; 2_048])), 204),
        (absent(put("k", b"x".to_vec())), 412),
        (absent(put(&"k".repeat(200), b"x".to_vec())), 204),
    ] {
        assert_eq!(request.send().await.unwrap().status(), status);
    }
}
