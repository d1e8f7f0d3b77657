//! A graceful stop: what is in hand is finished, what is not begun is closed, time has an end.

use std::time::Duration;

use spica_journal::Journal;
use spica_model::Lane;
use tokio::net::TcpStream;

use crate::support::{SERIAL, Station, page, soon};

#[tokio::test]
async fn a_device_in_hand_hands_its_log_over_and_a_silent_one_is_closed() {
    let mut station = Station::start().await;
    let silent = station.connect().await;
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    station
        .until(|station| station.metric("identicom_connections_open") == 2.0)
        .await;
    station.journal.hold(Lane::Normal);
    device.send(0x82, &page(0, &[(1, 1, 0x20, b"")])).await;
    let placed = station.journal.status(Lane::Normal).last;
    station
        .until(|station| station.journal.status(Lane::Normal).last >= placed)
        .await;
    let (server, address) = (station.server.take().unwrap(), station_address(&station));
    assert_eq!(address, None);
    let stopping = tokio::spawn(server.stop(Duration::from_secs(60)));
    silent.closed().await;
    station.journal.release(Lane::Normal);
    device.expect(0x03, &1u32.to_le_bytes()).await;
    device.send(0x83, &[1, 0]).await;
    // No pictures and no commands any more.
    device.expect(0x7f, &[]).await;
    device.closed().await;
    let stopped = soon(stopping).await.unwrap();
    assert_eq!((stopped.finished, stopped.cut), (2, 0));
}

fn station_address(station: &Station) -> Option<std::net::SocketAddr> {
    station.server.as_ref().map(|server| server.local_addr())
}

#[tokio::test]
async fn a_stop_ends_at_its_deadline_and_nobody_is_accepted_any_more() {
    let mut station = Station::start().await;
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    let address = station.address();
    let stopped = station
        .server
        .take()
        .unwrap()
        .stop(Duration::from_millis(20));
    let stopped = soon(stopped).await;
    assert_eq!((stopped.finished, stopped.cut), (0, 1));
    device.closed().await;
    assert!(TcpStream::connect(address).await.is_err());
    let cut = "identicom_connections_closed_total{reason=\"cut\"}";
    assert_eq!(station.metric(cut), 1.0);
}

#[tokio::test]
async fn a_server_that_is_dropped_lets_everyone_go() {
    let mut station = Station::start().await;
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    drop(station.server.take());
    device.closed().await;
}
