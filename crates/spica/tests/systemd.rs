//! What systemd hears from the real binary, and what the unit says of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use spica_fixture::Launch;
use spica_node::Exit;

/// The unit that packages install.
fn unit() -> String {
    from_root("packaging/systemd/spica.service")
}

fn from_root(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The value of a setting that the unit has once.
fn value<'a>(unit: &'a str, name: &str) -> &'a str {
    let settings = unit.lines().filter_map(|line| line.split_once('='));
    let mut values = settings.filter(|(key, _)| *key == name);
    let (_, value) = values.next().unwrap();
    assert_eq!(values.next(), None, "{name} stands twice");
    value
}

fn next(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn systemd_hears_ready_watchdog_and_stopping() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let hub = Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path())
        .environment("NOTIFY_SOCKET", path.to_str().unwrap())
        .environment("WATCHDOG_USEC", "200000")
        .start()
        .unwrap();
    let mut heard = String::new();
    while !(heard.contains("READY=1") && heard.contains("WATCHDOG=1")) {
        heard.push_str(&next(&socket));
    }
    assert_eq!(hub.stop().unwrap(), Some(0));
    while !heard.contains("STOPPING=1") {
        heard.push_str(&next(&socket));
    }
}

#[test]
fn the_unit_starts_the_program_as_it_wants_to_be_started() {
    let dir = tempfile::tempdir().unwrap();
    let unit = unit();
    let mut words = value(&unit, "ExecStart").split_whitespace();
    assert_eq!(words.next(), Some("/usr/bin/spica"));
    // Every path is one of an empty directory: the words are right, but there is no configuration.
    let elsewhere = |word: &str| match word.strip_prefix('/') {
        Some(path) => dir.path().join(path).into_os_string(),
        None => word.into(),
    };
    let output = Command::new(env!("CARGO_BIN_EXE_spica"))
        .args(words.map(elsewhere))
        .current_dir(dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(Exit::Config as i32), "{text}");
    assert!(text.contains("etc/spica/spica.toml"), "{text}");
    for (name, needed) in [
        ("Type", "notify"),
        ("Restart", "on-failure"),
        // Commits of the critical lane ask for it.
        ("LimitRTPRIO", "1"),
    ] {
        assert_eq!(value(&unit, name), needed, "{name}");
    }
    assert!(
        !unit.contains("RestrictRealtime="),
        "it would take that away"
    );
}

#[test]
fn the_unit_starts_nothing_again_that_a_person_has_to_look_at() {
    /// What clap ends with when it does not know a word.
    const USAGE: u8 = 2;
    let unit = unit();
    let codes = value(&unit, "RestartPreventExitStatus").split_whitespace();
    let prevented: BTreeSet<u8> = codes.map(|code| code.parse().unwrap()).collect();
    let a_person = [Exit::DiskFull, Exit::Damaged, Exit::Config].map(|exit| exit as u8);
    assert_eq!(prevented, a_person.into_iter().chain([USAGE]).collect());
    let manual = from_root("docs/operations.md");
    for code in prevented {
        assert!(manual.contains(&format!("\n| {code} |")), "{code}");
    }
}
