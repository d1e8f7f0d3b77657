//! Who is admitted, and how those who say nothing, or nonsense, end.

use spica_model::Lane;
use spica_settings::Span;
use spica_station_identicom::Settings;
use tokio::io::AsyncWriteExt;

use crate::support::{SERIAL, Station, page, soon};

/// A station whose patience with those who say nothing is short.
pub(crate) fn impatient(settings: &mut Settings) {
    settings.timeouts.identity_request = Some(Span::from_millis(50));
    settings.timeouts.idle = Some(Span::from_millis(200));
}

/// A station whose patience is short, but long enough for a device on a busy machine.
fn brisk(settings: &mut Settings) {
    settings.timeouts.identity_request = Some(Span::from_millis(600));
    settings.timeouts.idle = Some(Span::from_millis(700));
}

#[tokio::test]
async fn a_silent_connection_is_asked_once_and_then_closed() {
    let station = Station::start_with(impatient).await;
    let mut device = station.connect().await;
    device.expect(0x01, &[]).await;
    device.closed().await;
    let line = "admission_offences_total{reason=\"handshake_timeout\"}";
    assert_eq!(station.metric(line), 1.0);
}

#[tokio::test]
async fn one_byte_after_the_other_does_not_buy_time() {
    let station = Station::start_with(impatient).await;
    let mut device = station.connect().await;
    device.expect(0x01, &[]).await;
    let identity = crate::support::frame(0x81, &crate::support::identity(SERIAL, "1.2"));
    // Never the last byte: a device that would go on like this for ever.
    let drip = async {
        for byte in identity[..3].iter().chain(std::iter::repeat(&b'x')) {
            if device.stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    soon(drip).await;
    assert_eq!(station.metric("identicom_connections_open"), 0.0);
}

#[tokio::test]
async fn a_device_that_stops_answering_is_closed() {
    let station = Station::start_with(brisk).await;
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    device.closed().await;
    let line = "identicom_connections_closed_total{reason=\"idle-timeout\"}";
    assert_eq!(station.metric(line), 1.0);
    let offence = "admission_offences_total{reason=\"handshake_timeout\"}";
    assert_eq!(station.metric(offence), 0.0, "a weak radio is no offence");
}

#[tokio::test]
async fn waiting_for_the_journal_takes_no_time_from_the_device_and_gives_it_none() {
    let station = Station::start_with(brisk).await;
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    station.journal.hold(Lane::Normal);
    device.send(0x82, &page(0, &[(1, 1, 0x20, b"")])).await;
    // Longer than a device may take.
    for _ in 0..9 {
        device.answer_until_silent(&[]).await;
    }
    station.journal.release(Lane::Normal);
    device.expect(0x03, &1u32.to_le_bytes()).await;
    device.closed().await;
    let line = "identicom_connections_closed_total{reason=\"idle-timeout\"}";
    assert_eq!(station.metric(line), 1.0);
}

#[tokio::test]
async fn a_source_of_good_devices_is_forgiven_as_many_offences() {
    let station = Station::start_with(|settings| settings.admission.ban_offences = 1).await;
    station.dial(SERIAL).await.leave().await;
    for banned in [0.0, 1.0] {
        station.dial("stranger").await.closed().await;
        assert_eq!(station.metric("admission_banned_total"), banned);
    }
}

#[tokio::test]
async fn garbage_ends_a_connection_and_in_the_end_bans_its_source() {
    let station = Station::start_with(|settings| settings.admission.ban_offences = 3).await;
    for _ in 0..3 {
        let mut device = station.connect().await;
        device.write(&b"\x1e\x82a\x1d\x41\x1e".repeat(3)).await;
        device.closed().await;
    }
    let bad = "identicom_bad_frames_total{reason=\"bad-escape\"}";
    assert_eq!(station.metric(bad), 9.0);
    assert_eq!(station.metric("admission_banned_total"), 1.0);
    station.connect().await.closed().await;
    let refused = "identicom_connections_refused_total{reason=\"banned\"}";
    assert_eq!(station.metric(refused), 1.0);
}

#[tokio::test]
async fn a_port_scan_is_a_probe() {
    let station = Station::start().await;
    let mut probes = station.connect().await;
    probes.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    drop(probes);
    drop(station.connect().await);
    let probe = "admission_offences_total{reason=\"probe\"}";
    station.until(|station| station.metric(probe) == 2.0).await;
}

#[tokio::test]
async fn a_full_station_refuses_new_connections_and_keeps_those_it_has() {
    let station = Station::start_with(|settings| settings.admission.connections = 2).await;
    let mut first = station.dial(SERIAL).await;
    first.expect(0x02, &[0; 4]).await;
    let second = station.connect().await;
    station
        .until(|station| station.metric("identicom_connections_open") == 2.0)
        .await;
    station.connect().await.closed().await;
    let refused = "identicom_connections_refused_total{reason=\"full\"}";
    assert_eq!(station.metric(refused), 1.0);
    drop(second);
    station
        .until(|station| station.metric("admission_open") == 1.0)
        .await;
    station.dial(SERIAL).await.expect(0x02, &[0; 4]).await;
    first.send(0x82, &[0, 0, 0]).await;
    first.leave().await;
}

#[tokio::test]
async fn one_source_has_its_own_cap_and_rate() {
    let station = Station::start_with(|settings| {
        settings.admission.connections_per_source = 1;
        settings.admission.source_accepts_burst = 2;
        settings.admission.source_accepts_per_second = 1;
    })
    .await;
    let mut first = station.dial(SERIAL).await;
    first.expect(0x02, &[0; 4]).await;
    station.connect().await.closed().await;
    first.send(0x82, &[0, 0, 0]).await;
    first.leave().await;
    station.dial(SERIAL).await.expect(0x02, &[0; 4]).await;
    station
        .until(|station| station.metric("admission_open") == 0.0)
        .await;
    station.connect().await.closed().await;
    for reason in ["source_full", "source_rate"] {
        let line = format!("identicom_connections_refused_total{{reason=\"{reason}\"}}");
        assert_eq!(station.metric(&line), 1.0, "{line}");
    }
}

#[tokio::test]
async fn a_crowd_is_served_beside_those_who_say_nothing() {
    let station = Station::start().await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(station.connect().await);
    }
    let mut tasks = Vec::new();
    for index in 1..=100u32 {
        let mut device = station.dial(SERIAL).await;
        tasks.push(tokio::spawn(async move {
            device.hand_over(&[(index, index, 0x20, b"")]).await;
            device.leave().await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let taken = station.records(Lane::Normal, SERIAL, "events/");
    assert_eq!(taken.len(), 100);
    assert_eq!(station.metric("identicom_connections_open"), 100.0);
}
