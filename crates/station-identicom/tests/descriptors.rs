//! A station whose process has no file descriptors left. A test of its own, since the limit is the
//! whole process's.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "station/support.rs"]
#[expect(dead_code, reason = "the other tests use what this one does not")]
mod support;

use std::fs::File;
use std::os::fd::AsRawFd;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{SERIAL, Station};

/// Sets the limit of descriptors; `None` for as many as are allowed.
fn limit(current: Option<u64>) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = current.or(maximum);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

#[tokio::test]
async fn without_descriptors_connections_are_closed_and_the_station_lives_on() {
    let station = Station::start().await;
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    let next = File::open("/dev/null").unwrap().as_raw_fd();
    // Room for the device's end of a connection, none for the station's.
    limit(Some(next as u64 + 1));
    for _ in 0..3 {
        station.connect().await.closed().await;
    }
    let refused = "identicom_connections_refused_total{reason=\"no-descriptors\"}";
    assert_eq!(station.metric(refused), 3.0);
    device.send(0x82, &[0, 0, 0]).await;
    device.leave().await;
    limit(None);
    station.dial(SERIAL).await.expect(0x02, &[0; 4]).await;
}
