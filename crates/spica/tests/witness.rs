//! `spica witness serve`, killed with what it has recorded.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const SPICA: &str = env!("CARGO_BIN_EXE_spica");

/// The server, which is killed by its pid when this is dropped.
struct Witness {
    child: Child,
    url: String,
}

impl Witness {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(SPICA);
        command.args(["witness", "serve", "--listen", "127.0.0.1:0", "--dir"]);
        command
            .arg(dir.join("state"))
            .arg("--token-file")
            .arg(dir.join("token"));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        Self { child, url }
    }

    fn show(&self, dir: &Path, pair: &str) -> Output {
        let mut command = Command::new(SPICA);
        command.args(["witness", "show", pair, "--json", "--url", &self.url]);
        command
            .arg("--token-file")
            .arg(dir.join("token"))
            .output()
            .unwrap()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn with_token() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), "correct horse\n").unwrap();
    dir
}

fn settings(url: &str) -> spica_witness::Settings {
    let mut settings = spica_witness::Settings::new(url.parse().unwrap());
    settings.token = Some("correct horse".parse().unwrap());
    settings.timeout = "20s".parse().unwrap();
    settings
}

#[tokio::test]
async fn what_it_has_granted_survives_its_death() {
    let dir = with_token();
    for epoch in 1..=5 {
        // The one before was killed without warning.
        let server = Witness::start(dir.path());
        let witness = spica_witness::open(&settings(&server.url)).unwrap();
        let recorded = witness.recorded("root/s1").await.unwrap();
        assert_eq!(recorded.map_or(0, |epoch| epoch.0), epoch - 1);
        let question = spica_witness::contract::question(epoch, epoch - 1);
        let granted = spica_pair::witness::Answer::Granted;
        assert_eq!(witness.ask("root/s1", question).await, granted);
    }
    let server = Witness::start(dir.path());
    let shown = String::from_utf8(server.show(dir.path(), "root/s1").stdout).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown, serde_json::json!({ "pair": "root/s1", "epoch": 5 }));
}

#[test]
fn a_second_one_on_the_same_directory_and_damage_are_refused() {
    let dir = with_token();
    let first = Witness::start(dir.path());
    let serve = || {
        let mut command = Command::new(SPICA);
        command.args(["witness", "serve", "--listen", "127.0.0.1:0", "--dir"]);
        command
            .arg(dir.path().join("state"))
            .arg("--token-file")
            .arg(dir.path().join("token"));
        let ended = command.output().unwrap();
        assert!(!ended.status.success());
        String::from_utf8(ended.stderr).unwrap()
    };
    let said = serve();
    assert!(said.contains("another process serves"), "{said}");
    drop(first);
    std::fs::write(dir.path().join("state/witness.state"), "{}").unwrap();
    let said = serve();
    assert!(said.contains("is damaged"), "{said}");
}

#[test]
fn a_witness_that_is_gone_is_told_to_the_operator() {
    let dir = with_token();
    let mut server = Witness::start(dir.path());
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let shown = server.show(dir.path(), "root/s1");
    assert!(!shown.status.success());
    let said = String::from_utf8(shown.stderr).unwrap();
    assert!(
        said.contains("refused") || said.contains("connect"),
        "{said}"
    );
}
