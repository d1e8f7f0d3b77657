//! PROXY headers: wanted from balancers, from nobody else.

use spica_devices::CheckIn;
use spica_model::Lane;
use spica_station_identicom::Settings;

use crate::support::{SERIAL, Station, frame, identity};

fn behind_a_balancer(settings: &mut Settings) {
    settings.proxy_protocol_from = vec!["127.0.0.0/8".parse().unwrap()];
    settings.admission.connections_per_source = 1;
}

fn remotes(station: &Station) -> Vec<String> {
    let check_ins = station.records(Lane::Normal, SERIAL, "check-in");
    let remote = |payload: &[u8]| CheckIn::decode(payload).unwrap().remote;
    check_ins
        .iter()
        .map(|record| remote(&record.payload))
        .collect()
}

const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

#[tokio::test]
async fn a_balancer_speaks_for_the_device_in_either_version() {
    let station = Station::start_with(behind_a_balancer).await;
    let v1 = b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 5050\r\n".to_vec();
    let addresses = [192, 0, 2, 8, 192, 0, 2, 1, 0x0f, 0xa1, 0x13, 0xba];
    let v2 = [V2_SIGNATURE, &[0x21, 0x11, 0, 15], &addresses, &[4, 0, 0]].concat();
    for (header, at_once) in [(v1, true), (v2, false)] {
        let mut device = station.connect().await;
        let identity = frame(0x81, &identity(SERIAL, "1.2"));
        if at_once {
            device.write(&[header, identity].concat()).await;
        } else {
            for byte in header {
                device.write(&[byte]).await;
                tokio::task::yield_now().await;
            }
            device.write(&identity).await;
        }
        device.hand_over(&[]).await;
        device.leave().await;
    }
    assert_eq!(remotes(&station), ["192.0.2.7:4000", "192.0.2.8:4001"]);
}

#[tokio::test]
async fn the_cap_counts_the_clients_and_not_the_balancer() {
    let station = Station::start_with(behind_a_balancer).await;
    let mut open = Vec::new();
    for client in ["192.0.2.7", "192.0.2.8", "192.0.2.7"] {
        let mut device = station.connect().await;
        let header = format!("PROXY TCP4 {client} 192.0.2.1 4000 5050\r\n");
        device.write(header.as_bytes()).await;
        device.identify(SERIAL).await;
        if open.len() == 2 {
            device.closed().await;
        } else {
            device.expect(0x02, &[0; 4]).await;
            open.push(device);
        }
    }
    let refused = "identicom_connections_refused_total{reason=\"source_full\"}";
    assert_eq!(station.metric(refused), 1.0);
}

#[tokio::test]
async fn a_balancers_own_connection_is_no_offence() {
    let station = Station::start_with(behind_a_balancer).await;
    let mut check = station.connect().await;
    check
        .write(&[V2_SIGNATURE, &[0x20, 0, 0, 0]].concat())
        .await;
    drop(check);
    drop(station.connect().await);
    let gone = "identicom_connections_closed_total{reason=\"device-closed\"}";
    station.until(|station| station.metric(gone) == 2.0).await;
    assert_eq!(
        station.metric("admission_offences_total{reason=\"probe\"}"),
        0.0
    );
}

#[tokio::test]
async fn a_balancer_without_a_header_is_closed() {
    let station = Station::start_with(behind_a_balancer).await;
    let device = station.dial(SERIAL).await;
    device.closed().await;
    assert_eq!(station.metric("identicom_proxy_errors_total"), 1.0);
    assert!(remotes(&station).is_empty());
}

#[tokio::test]
async fn a_balancer_that_says_nothing_is_closed_in_time() {
    let station = Station::start_with(|settings| {
        behind_a_balancer(settings);
        crate::connections::impatient(settings);
    })
    .await;
    let mut device = station.connect().await;
    device.write(b"PROXY TCP4 ").await;
    device.closed().await;
    let late = "identicom_connections_closed_total{reason=\"handshake-timeout\"}";
    assert_eq!(station.metric(late), 1.0);
}

#[tokio::test]
async fn nobody_else_may_claim_an_address() {
    let station = Station::start_with(|settings| {
        settings.proxy_protocol_from = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let mut device = station.connect().await;
    device
        .write(b"PROXY TCP4 203.0.113.9 192.0.2.1 4000 5050\r\n")
        .await;
    device.identify(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    // The line is noise before the first frame, and the address the real one.
    assert!(remotes(&station)[0].starts_with("127.0.0.1:"));
    assert_eq!(
        station.metric("identicom_bad_frames_total{reason=\"noise\"}"),
        1.0
    );
}
