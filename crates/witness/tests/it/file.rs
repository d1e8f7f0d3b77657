//! The witness in a directory.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use spica_witness::{Witness, contract};

use crate::{hasty, open, patient};

fn url(directory: &Path) -> String {
    format!("file://{}", directory.display())
}

fn witness(directory: &Path) -> Arc<dyn Witness> {
    open(&patient(&url(directory)))
}

#[tokio::test]
async fn it_answers_by_the_rule_and_remembers() {
    let directory = tempfile::tempdir().unwrap();
    let one = witness(directory.path());
    contract::answers_by_the_rule(&*one, "root").await;
    contract::remembers(&*one, &*witness(directory.path()), "root").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_one_of_two_wins() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (witness(directory.path()), witness(directory.path()));
    contract::only_one_of_two_wins(one, other, "root", 300).await;
}

#[tokio::test]
async fn a_directory_that_is_missing_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("not-mounted");
    let witness = open(&hasty(&url(&missing)));
    contract::is_unreachable(&*witness, "root/s1").await;
    let error = witness.recorded("root/s1").await.unwrap_err().to_string();
    assert!(error.contains("is it mounted?"), "{error}");
    assert!(!missing.exists());
    fs::write(&missing, "a file").unwrap();
    contract::is_unreachable(&*witness, "root/s1").await;
}

#[tokio::test]
async fn damage_grants_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let one = witness(directory.path());
    for (pair, harm) in [("root/a", 0), ("root/b", 1), ("root/c", 2)] {
        for epoch in [2, 3] {
            one.ask(pair, contract::question(epoch, epoch - 1)).await;
        }
        let folder = directory.path().join(pair.replace('/', "."));
        let newest = folder.join("entry-0000000002");
        let mut bytes = fs::read(&newest).unwrap();
        match harm {
            0 => bytes.clear(),
            1 => bytes.truncate(20),
            _ => {
                let text = String::from_utf8(bytes).unwrap();
                bytes = text.replace("\"epoch\":3", "\"epoch\":1").into_bytes();
            }
        }
        fs::write(&newest, bytes).unwrap();
        contract::grants_nothing_when_damaged(&*one, pair).await;
    }
}

/// A call on a mount whose server is gone hangs for ever. Here a named pipe without a writer does.
#[tokio::test]
async fn a_mount_that_hangs_is_unreachable() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("root.s1")).unwrap();
    let pipe = directory.path().join("root.s1/entry-0000000001");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let witness = open(&hasty(&url(directory.path())));
    contract::is_unreachable(&*witness, "root/s1").await;
    // The pipe's other end lets the thread go on, and the witness answers others again.
    fs::write(&pipe, "").unwrap();
    let patient = open(&patient(&url(directory.path())));
    contract::answers_by_the_rule(&*patient, "other").await;
}
