//! Kills the real binary at random moments under load, again and again. Every record it
//! acknowledged must be there, once, in order.
//!
//! `SPICA_KILLS=200 cargo test --release --test crash` for a long run.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use spica_fixture::{Client, Launch};
use tokio::task::JoinSet;

const WORKERS: u64 = 8;

/// A seeded source of random numbers (splitmix64), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Publishes counting numbers until the node is gone; gives the first number that was not
/// acknowledged.
async fn publish(client: Client, worker: u64, first: u64, acked: Arc<AtomicU64>) -> u64 {
    let class = if worker.is_multiple_of(2) {
        "critical"
    } else {
        "normal"
    };
    let path = format!("/v1/topics/root/crash/{worker}?kind=event&class={class}");
    for number in first.. {
        let sent = client
            .publish_once(&path, &format!("{worker}-{number}"), number)
            .await;
        match sent {
            Ok(StatusCode::CREATED | StatusCode::OK) => acked.fetch_add(1, Ordering::SeqCst),
            Ok(other) => panic!("the node answered {other}"),
            Err(_) => return number,
        };
    }
    unreachable!("numbers do not end")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let kills: u64 = std::env::var("SPICA_KILLS").map_or(10, |text| text.parse().unwrap());
    let seed: u64 = std::env::var("SPICA_SEED").map_or(1, |text| text.parse().unwrap());
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut launch = Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path());
    // What each worker sends next: everything before was acknowledged. The one that was on its way
    // when the node died is sent again with the same key.
    let mut next: BTreeMap<u64, u64> = (0..WORKERS).map(|worker| (worker, 0)).collect();
    for kill in 0..kills {
        let hub = launch.start().unwrap();
        let acked = Arc::new(AtomicU64::new(0));
        let mut workers = JoinSet::new();
        for (&worker, &first) in &next {
            let work = publish(hub.client().unwrap(), worker, first, Arc::clone(&acked));
            workers.spawn(async move { (worker, work.await) });
        }
        let until = 1 + random.below(400);
        while acked.load(Ordering::SeqCst) < until {
            tokio::task::yield_now().await;
        }
        launch = hub.kill().unwrap();
        while let Some(ended) = workers.join_next().await {
            let (worker, unacknowledged) = ended.unwrap();
            next.insert(worker, unacknowledged);
        }
        println!("kill {kill} after {until} acknowledgements: {next:?}");
    }
    let hub = launch.start().unwrap();
    let client = hub.client().unwrap();
    for (&worker, &unacknowledged) in &next {
        check(&client, worker, unacknowledged).await;
    }
    assert_eq!(hub.stop().unwrap(), Some(0));
    verify(&launch);
}

/// All acknowledged numbers once and in order, then at most the one that was on its way.
async fn check(client: &Client, worker: u64, unacknowledged: u64) {
    let records = client
        .history(&format!("topic=root/crash/{worker}"))
        .await
        .unwrap();
    let numbers: Vec<u64> = records.iter().filter_map(|r| r["value"].as_u64()).collect();
    let certain: Vec<u64> = (0..unacknowledged).collect();
    let possible: Vec<u64> = (0..=unacknowledged).collect();
    assert!(
        numbers == certain || numbers == possible,
        "worker {worker}: {numbers:?}"
    );
}

fn verify(launch: &Launch) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_spica"))
        .args(["journal", "verify", "--json", "--config"])
        .arg(launch.config_file())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        report["damaged"].as_array().map(Vec::len),
        Some(0),
        "{text}"
    );
}

/// Publishing with a key, on top of the fixture's client.
trait Publish {
    async fn publish_once(&self, path: &str, key: &str, n: u64) -> anyhow::Result<StatusCode>;
}

impl Publish for Client {
    async fn publish_once(&self, path: &str, key: &str, n: u64) -> anyhow::Result<StatusCode> {
        let body = n.to_string().into_bytes();
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        Ok(self.send_with(Method::POST, path, &headers, body).await?.0)
    }
}
