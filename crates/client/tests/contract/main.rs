//! The contract of the clients (`clients/contract`), run against this one.

#![expect(
    clippy::unwrap_used,
    reason = "a test: what is not as it must be ends it"
)]

mod run;
mod server;
mod show;
mod wire;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const RUNS: [&str; 4] = ["ws+json", "ws+cbor", "sse", "poll"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_keeps_the_contract_of_all_clients() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients/contract/scenarios");
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut runs = JoinSet::new();
    // A few at a time: some scenarios are about silence, and a busy machine is silent too.
    let turns = Arc::new(Semaphore::new(4));
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        // A filter that is none cannot be written down with our type: another one is refused instead.
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replace("a/#/b", "a/+/b");
        let scenario: Value = serde_json::from_str(&text).unwrap();
        let given = scenario
            .get("runs")
            .map(|runs| runs.as_array().unwrap().clone());
        let which = given.map_or(RUNS.map(str::to_owned).to_vec(), |runs| {
            runs.iter()
                .map(|it| it.as_str().unwrap().to_owned())
                .collect()
        });
        for run in which {
            let id = format!("{name} {run}");
            if id.contains(&only) {
                let (scenario, turn) = (scenario.clone(), Arc::clone(&turns));
                runs.spawn(async move {
                    let _turn = turn.acquire().await.unwrap();
                    let all = run::Run::all(&scenario, &run);
                    let done = tokio::time::timeout(Duration::from_secs(60), all).await;
                    (id, done.unwrap_or(Err("it does not end".to_owned())))
                });
            }
        }
    }
    let done = runs.join_all().await;
    let count = done.len();
    let failed: Vec<String> = done
        .into_iter()
        .filter_map(|(id, done)| Some(format!("{id}: {}", done.err()?)))
        .collect();
    assert!(
        count > 0 && failed.is_empty(),
        "of {count} runs:\n{}",
        failed.join("\n")
    );
}
