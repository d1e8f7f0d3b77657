//! One of a pair: devices are served by the node that is active, and told nothing by the other one.

use spica_journal::Journal;
use spica_model::Lane;
use spica_station_identicom::Settings;

use crate::connections::impatient;
use crate::support::{SERIAL, Station, frame, identity, page};

const ENTRY: (u32, u32, u8, &[u8]) = (1, 1, 0x20, b"");

#[tokio::test]
async fn a_device_that_calls_the_passive_is_closed_at_once_and_has_done_nothing_wrong() {
    let station = Station::start_with(|settings| settings.admission.ban_offences = 1).await;
    station.role.yield_to(Some("http://partner"));
    for _ in 0..3 {
        station.connect().await.closed().await;
    }
    assert_eq!(station.role.votes(), 3, "each is a vote");
    let passive = "identicom_connections_closed_total{reason=\"passive\"}";
    assert_eq!(station.metric(passive), 3.0);
    assert_eq!(station.metric("admission_banned_total"), 0.0);
    assert_eq!(station.metric("identicom_connections_open"), 0.0);
}

#[tokio::test]
async fn the_vote_that_makes_a_node_active_is_served() {
    let station = Station::start().await;
    station.role.hesitate();
    let mut device = station.dial(SERIAL).await;
    station.until(|station| station.role.votes() == 1).await;
    station.role.serve();
    device.hand_over(&[ENTRY]).await;
    device.leave().await;
}

#[tokio::test]
async fn a_pair_that_does_not_decide_is_waited_for_only_so_long() {
    let station = Station::start_with(impatient).await;
    station.role.hesitate();
    station.connect().await.closed().await;
    let offence = "admission_offences_total{reason=\"handshake_timeout\"}";
    assert_eq!(station.metric(offence), 0.0);
}

#[tokio::test]
async fn when_the_reign_ends_dialogues_are_cut_and_undurable_entries_stay_with_their_device() {
    let station = Station::start().await;
    let silent = station.connect().await;
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    station.journal.hold(Lane::Normal);
    let before = station.journal.status(Lane::Normal).last;
    device.send(0x82, &page(0, &[ENTRY])).await;
    station
        .until(|station| station.journal.status(Lane::Normal).last > before)
        .await;
    station.role.yield_to(None);
    // Not a byte more, above all no order to delete.
    device.closed().await;
    silent.closed().await;
    station.journal.release(Lane::Normal);
    let passive = "identicom_connections_closed_total{reason=\"passive\"}";
    assert_eq!(station.metric(passive), 2.0);
    station.connect().await.closed().await;

    station.role.serve();
    let mut device = station.dial(SERIAL).await;
    device.hand_over(&[ENTRY]).await;
    device.leave().await;
    let duplicate = "identicom_entries_duplicate_total{lane=\"normal\"}";
    assert_eq!(station.metric(duplicate), 1.0, "no second fact");
}

#[tokio::test]
async fn a_balancers_connection_is_a_vote_only_when_it_speaks_for_a_device() {
    let balanced = |settings: &mut Settings| {
        settings.proxy_protocol_from = vec!["127.0.0.0/8".parse().unwrap()];
    };
    let station = Station::start_with(balanced).await;
    station.role.yield_to(None);
    drop(station.connect().await);
    let gone = "identicom_connections_closed_total{reason=\"device-closed\"}";
    station.until(|station| station.metric(gone) == 1.0).await;
    assert_eq!(station.role.votes(), 0);
    let mut device = station.connect().await;
    let header = b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 5050\r\n".to_vec();
    let identity = frame(0x81, &identity(SERIAL, "1.2"));
    device.write(&[header, identity].concat()).await;
    device.closed().await;
    assert_eq!(station.role.votes(), 1);
}
