//! Flips single bits in the real segment files of a stopped node. Each must be found, said with
//! file and offset, and nothing altered may be served.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use spica_fixture::{Client, Launch};

const RECORDS: u64 = 300;

async fn publish(client: &Client) {
    let records: Vec<Value> = (0..RECORDS)
        .map(|n| json!({ "topic": "root/damage", "kind": "event", "value": content(n) }))
        .collect();
    for chunk in records.chunks(50) {
        client
            .write(Method::POST, "/v1/records", &json!(chunk))
            .await
            .unwrap();
    }
}

/// A value that cannot be altered unnoticed.
fn content(n: u64) -> Value {
    json!({ "n": n, "square": n * n, "text": format!("record number {n} of {RECORDS}") })
}

fn verify(launch: &Launch) -> (Option<i32>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_spica"))
        .args(["journal", "verify", "--json", "--config"])
        .arg(launch.config_file())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (
        output.status.code(),
        serde_json::from_str(&text).unwrap_or(Value::Null),
    )
}

/// The file of the normal lane that holds the records, and where in it they are.
fn find(dir: &Path) -> (PathBuf, Vec<u64>) {
    let needle = b"record number ";
    for entry in walk(dir) {
        let bytes = std::fs::read(&entry).unwrap();
        let hits: Vec<u64> = bytes
            .windows(needle.len())
            .enumerate()
            .filter(|(_, window)| window == needle)
            .map(|(at, _)| at as u64)
            .collect();
        if hits.len() as u64 >= RECORDS {
            return (entry, hits);
        }
    }
    panic!("no file in {} holds the records", dir.display());
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else if !path.to_string_lossy().contains("redb") {
            files.push(path);
        }
    }
    files
}

fn flip(file: &Path, offset: u64) {
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x04], offset).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_found_and_never_served() {
    let dir = tempfile::tempdir().unwrap();
    // Small segments: each of many verifications reads them whole.
    let launch = Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path()).config(
        "journal.normal.segment_bytes = \"256KiB\"\njournal.normal.commit_bytes_max = \"64KiB\"",
    );
    let hub = launch.start().unwrap();
    publish(&hub.client().unwrap()).await;
    assert_eq!(hub.stop().unwrap(), Some(0));
    assert_eq!(verify(&launch).0, Some(0));

    let (file, hits) = find(launch.data());
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    for hit in hits.iter().step_by(7) {
        for offset in [hit - 9, hit + 3, hit + 17] {
            flip(&file, offset);
            let (code, report) = verify(&launch);
            assert_eq!(code, Some(12), "bit at {offset}: {report}");
            let damage = &report["damaged"][0];
            assert!(
                damage["file"].as_str().unwrap().ends_with(&name),
                "{report}"
            );
            assert!(damage["offset"].as_u64().unwrap() <= offset, "{report}");
            flip(&file, offset);
        }
    }
    assert_eq!(verify(&launch).0, Some(0));

    for hit in [hits[10], hits[150], hits[299]] {
        flip(&file, hit + 5);
    }
    // What the checkpoint remembers must not hide what the journal lost.
    let hub = launch.start().unwrap();
    let served = hub
        .client()
        .unwrap()
        .json("/v1/history?topic=root/damage&limit=1000")
        .await
        .unwrap();
    assert_served_is_sound(&served);
    drop(hub);
}

fn assert_served_is_sound(served: &Value) {
    let records = served["records"].as_array().unwrap();
    let mut seen = BTreeSet::new();
    for record in records {
        let n = record["value"]["n"].as_u64().unwrap();
        assert_eq!(record["value"], content(n));
        assert!(seen.insert(n), "{n} twice");
    }
    let missing: Vec<u64> = (0..RECORDS).filter(|n| !seen.contains(n)).collect();
    assert_eq!(missing, [10, 150, 299]);
    let damaged = served["damaged"].as_array().unwrap();
    assert!(!damaged.is_empty(), "damage is never hidden: {served}");
}
