//! What systemd hears from the real binary: ready, alive, stopping.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use spica_fixture::Launch;

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
