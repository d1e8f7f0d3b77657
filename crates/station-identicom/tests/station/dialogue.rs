//! Whole dialogues, and devices that are turned away.

use spica_devices::{CheckIn, Registration, Serial};
use spica_model::{ContentType, Kind, Lane, Timestamp};

use crate::support::{SERIAL, Station, identity, page};

#[tokio::test]
async fn a_dialogue_byte_by_byte_becomes_records() {
    let station = Station::start().await;
    let mut device = station.connect().await;
    device
        .write(b"\x1e\x810012345\0\0\x001.2\0\0\0\0\0\x1e")
        .await;
    device.expect(0x02, b"\0\0\0\0").await;
    // Two entries remain after this page of one: man down, with battery, position and text.
    let detail = b"\x01\x01\x50\x03\x08\x00\x46\xc3\x23\xff\xb9\x3c\xdc\x05\x02hi";
    let mut first = b"\x1e\x82\x02\x00\x01\x07\0\0\0\x00\x9c\x02\x6b\x3b".to_vec();
    first.push(detail.len() as u8);
    first.extend(detail);
    first.push(0x1e);
    device.write(&first).await;
    device.expect(0x02, b"\x08\0\0\0").await;
    let rest = page(
        0,
        &[
            (8, 1_795_333_121, 0x20, b""),
            (9, 1_795_333_122, 0x99, b"\x63\x02\xab\xcd"),
        ],
    );
    device.send(0x82, &rest).await;
    // Whatever the station asks before: it deletes up to the last entry.
    assert_eq!(device.answer(&[], 0x03).await, b"\x09\0\0\0");
    device.write(b"\x1e\x83\x03\x00\x1e").await;
    device.leave().await;

    let critical = station.records(Lane::Critical, SERIAL, "");
    assert_eq!(critical.len(), 1);
    let man_down = &critical[0];
    assert_eq!(
        man_down.topic.as_str(),
        "root/devices/0012345/events/man-down"
    );
    assert_eq!(man_down.kind, Kind::Event);
    assert_eq!(man_down.content_type, ContentType::Json);
    assert_eq!(
        man_down.source_time,
        Some(Timestamp::from_secs(0x6b02_9c00))
    );
    assert_eq!(
        station.payloads(Lane::Critical, SERIAL, ""),
        [
            r#"{"index":7,"code":59,"event":"man-down","detail":{"battery_percent":80,"location":{"latitude":60.0,"longitude":-60.0000001},"text":"hi"}}"#
        ]
    );
    assert_eq!(
        station.payloads(Lane::Normal, SERIAL, "events/"),
        [
            r#"{"index":8,"code":32,"event":"status-check","detail":{}}"#,
            r#"{"index":9,"code":153,"event":"unknown-0x99","detail":{"other":[{"tag":99,"hex":"abcd"}]}}"#,
        ]
    );
    let check_ins = station.records(Lane::Normal, SERIAL, "check-in");
    assert_eq!(check_ins.len(), 1);
    assert_eq!(check_ins[0].kind, Kind::State);
    let check_in = CheckIn::decode(&check_ins[0].payload).unwrap();
    assert_eq!(check_in.software_version, "1.2");
    assert_eq!(check_in.station, "identicom");
    assert!(check_in.remote.starts_with("127.0.0.1:"), "{check_in:?}");
    for (line, want) in [
        ("identicom_dialogues_total", 1.0),
        ("identicom_entries_total{lane=\"critical\"}", 1.0),
        ("identicom_entries_total{lane=\"normal\"}", 2.0),
        ("identicom_entries_unknown_total", 1.0),
        (
            "identicom_connections_closed_total{reason=\"finished\"}",
            1.0,
        ),
        ("identicom_durable_seconds_count{lane=\"critical\"}", 1.0),
        ("identicom_connections_open", 0.0),
        ("admission_open", 0.0),
    ] {
        assert_eq!(station.metric(line), want, "{line}");
    }
}

#[tokio::test]
async fn a_second_delivery_makes_no_second_record() {
    let station = Station::start().await;
    let entries = [(1, 1_000, 0x20, &b""[..]), (2, 1_001, 0x48, b"")];
    for _ in 0..2 {
        // The device did not hear the deletion: it dials in again with the same log.
        let mut device = station.dial(SERIAL).await;
        assert_eq!(device.answer(&entries, 0x03).await, 2u32.to_le_bytes());
        drop(device);
    }
    assert_eq!(station.records(Lane::Normal, SERIAL, "events/").len(), 1);
    assert_eq!(station.records(Lane::Critical, SERIAL, "events/").len(), 1);
    let repeated = "identicom_entries_duplicate_total{lane=\"critical\"}";
    assert_eq!(station.metric(repeated), 1.0);
    let gone = "identicom_connections_closed_total{reason=\"device-closed\"}";
    station.until(|station| station.metric(gone) == 2.0).await;
    let probe = "admission_offences_total{reason=\"probe\"}";
    assert_eq!(station.metric(probe), 0.0, "a lost network is no offence");
}

#[tokio::test]
async fn a_tag_that_comes_twice_loses_nothing() {
    let station = Station::start().await;
    let mut device = station.dial(SERIAL).await;
    let detail = b"\x01\x01\x50\x01\x01\x40\x02\x01\xa6\x04\x05short\x05";
    device.hand_over(&[(1, 1, 0x20, detail)]).await;
    device.leave().await;
    assert_eq!(
        station.payloads(Lane::Normal, SERIAL, "events/"),
        [
            r#"{"index":1,"code":32,"event":"status-check","detail":{"battery_percent":80,"signal_dbm":-90,"other":[{"tag":1,"hex":"40"},{"tag":4,"hex":"73686f7274"},{"tag":5,"hex":""}]}}"#
        ]
    );
}

#[tokio::test]
async fn frames_in_any_pieces_are_the_same_dialogue() {
    let station = Station::start().await;
    let mut device = station.connect().await;
    let mut wire = crate::support::frame(0x81, &identity(SERIAL, "1.2"));
    wire.extend(crate::support::frame(
        0x82,
        &page(0, &[(1, 30, 0x3b, b"\x05\x02\x1e\x1d")]),
    ));
    for byte in wire {
        device.write(&[byte]).await;
        tokio::task::yield_now().await;
    }
    let log = [(1, 30, 0x3b, &b"\x05\x02\x1e\x1d"[..])];
    assert_eq!(device.answer(&log, 0x03).await, 1u32.to_le_bytes());
    device.send(0x83, &[1, 0]).await;
    device.leave().await;
    assert_eq!(
        station.payloads(Lane::Critical, SERIAL, "events/man-down"),
        [r#"{"index":1,"code":59,"event":"man-down","detail":{"text":"\u001e\u001d"}}"#]
    );
}

#[tokio::test]
async fn who_may_not_talk_is_closed_without_an_answer() {
    let station = Station::start().await;
    let disabled = Registration {
        enabled: false,
        ..Registration::default()
    };
    let other_version = Registration {
        allowed_versions: vec!["2.0".into()],
        ..Registration::default()
    };
    station.register("off", disabled).await;
    station.register("old", other_version).await;
    for (serial, reason) in [
        ("stranger", "unknown-serial"),
        ("off", "disabled"),
        ("old", "version-not-allowed"),
    ] {
        station.dial(serial).await.closed().await;
        let line = format!("identicom_identities_refused_total{{reason=\"{reason}\"}}");
        assert_eq!(station.metric(&line), 1.0, "{line}");
        assert!(station.records(Lane::Normal, serial, "check-in").is_empty());
    }
    let mut device = station.connect().await;
    device.send(0x81, &identity("old", "2.0")).await;
    device.expect(0x02, &[0; 4]).await;
    let unknown = "admission_offences_total{reason=\"unknown_serial\"}";
    assert_eq!(station.metric(unknown), 1.0);
}

#[tokio::test]
async fn a_change_of_the_registry_reaches_open_connections_at_once() {
    let station = Station::start().await;
    let serial = Serial::new(SERIAL).unwrap();
    for removed in [false, true] {
        let mut device = station.dial(SERIAL).await;
        device.expect(0x02, &[0; 4]).await;
        if removed {
            station.devices.remove(&serial, "test").await.unwrap();
        } else {
            let disabled = station.devices.set_enabled(&serial, false, "test").await;
            assert!(!disabled.unwrap().registration.enabled);
        }
        device.closed().await;
        station.register(SERIAL, Registration::default()).await;
    }
    // Nobody is banned for what an operator did.
    assert_eq!(
        station.metric("admission_offences_total{reason=\"unknown_serial\"}"),
        0.0
    );
}
