//! Fills the disk under the real binary. It must stop acknowledging at once, end with the exit code
//! of a full disk, and have lost nothing when it is started again with space.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::Command;

use reqwest::{Method, StatusCode};
use spica_fixture::{Client, Launch};

/// A small file system in memory. Needs root.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(at: &Path, size: &str) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={size}");
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "spica-test"])
            .arg(at));
        Self(at.to_owned())
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        run(Command::new("mount").args(["-o", &options]).arg(&self.0));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

const CONFIG: &str = r#"
journal.normal.segment_bytes = "1MiB"
journal.critical.segment_bytes = "1MiB"
"#;

/// Publishes counting numbers with 4 KiB of padding until one is not acknowledged; gives the count
/// of those that were.
async fn fill(client: &Client) -> u64 {
    let padding = "x".repeat(4_096);
    for number in 0.. {
        let body = format!("{{\"n\":{number},\"padding\":\"{padding}\"}}").into_bytes();
        let path = "/v1/topics/root/full?kind=event";
        let sent = client
            .send(Method::POST, path, "application/json", body)
            .await;
        if !matches!(sent, Ok((StatusCode::CREATED, _))) {
            return number;
        }
    }
    unreachable!("numbers do not end")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can mount a small file system");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(&dir.path().join("disk"), "24m");
    let launch = Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path().join("work"))
        .data_dir(dir.path().join("disk/data"))
        .config(CONFIG);
    let hub = launch.start().unwrap();
    let acknowledged = fill(&hub.client().unwrap()).await;
    assert!(acknowledged > 100, "only {acknowledged} fit");
    assert_eq!(hub.wait().unwrap(), Some(10), "{}", launch.log());
    assert!(launch.log().contains("disk is full"), "{}", launch.log());

    disk.grow("64m");
    let hub = launch.start().unwrap();
    let records = hub
        .client()
        .unwrap()
        .history("topic=root/full")
        .await
        .unwrap();
    let numbers: Vec<u64> = records
        .iter()
        .filter_map(|r| r["value"]["n"].as_u64())
        .collect();
    let certain: Vec<u64> = (0..acknowledged).collect();
    let possible: Vec<u64> = (0..=acknowledged).collect();
    assert!(
        numbers == certain || numbers == possible,
        "{} of {acknowledged}",
        numbers.len()
    );
    assert_eq!(hub.stop().unwrap(), Some(0));
}
