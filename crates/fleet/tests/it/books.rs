//! The comparison finds what was planted, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use spica_fleet::Shown;
use spica_fleet::books::{Audit, Bounds, Finding, Report};
use spica_fleet::device::Device;
use spica_fleet::event::{Detail, Event};
use spica_fleet::wire::{Frame, kind};
use spica_fleet::{DeviceBooks, Holes, Outcome};
use spica_model::Timestamp;

const START: u32 = 1_795_323_683;

fn at(secs: u32) -> Timestamp {
    Timestamp::from_secs(START + secs)
}

/// A device with a man-down and three status checks, of which the last is not told durable, two
/// pictures, and two commands.
fn books() -> DeviceBooks {
    let mut device = Device::new("0000001", "v1", 1, 9);
    let detail = Arc::new(Detail {
        battery_percent: Some(80),
        location: Some((1, -2)),
        ..Detail::default()
    });
    let answer = |device: &mut Device, kind, data: &[u8]| {
        device
            .answer(Frame { kind, data }, at(0), &mut Vec::new())
            .unwrap();
    };
    for event in [Event::STATUS_CHECK, Event::MAN_DOWN, Event::STATUS_CHECK] {
        device.record(event, Arc::clone(&detail), at(0));
    }
    device.take_picture(1, 2_000, at(0));
    device.take_picture(2, 3_000, at(0));
    answer(&mut device, kind::READ_LOG, &[0; 4]);
    answer(&mut device, kind::DELETE_LOG, &3_u32.to_le_bytes());
    answer(&mut device, kind::DELETE_PICTURE, &1_u32.to_le_bytes());
    answer(&mut device, kind::DELETE_PICTURE, &2_u32.to_le_bytes());
    answer(&mut device, kind::COMMAND, &[5, 0, 5, 0x3b]);
    answer(&mut device, kind::COMMAND, &[6, 0, 99]);
    answer(&mut device, kind::GOODBYE, &[]);
    device.record(Event::STATUS_CHECK, detail, at(1));
    device.into_books()
}

pub(crate) fn outcome() -> Outcome {
    Outcome {
        started: at(0),
        ended: at(60),
        devices: vec![books()],
        ..Outcome::default()
    }
}

fn shown(below: &str, class: &str, time: Option<u32>, value: Value) -> Shown {
    Shown {
        topic: format!("root/devices/0000001/{below}"),
        class: class.to_owned(),
        received: at(2).to_string(),
        source_time: time.map(|time| Timestamp::from_secs(time).to_string()),
        value,
    }
}

/// Everything as the hub should show it: events, pictures, commands.
pub(crate) fn honest(outcome: &Outcome) -> [Vec<Shown>; 3] {
    let books = &outcome.devices[0];
    let location = json!({"latitude": 0.000_000_1, "longitude": -0.000_000_2});
    let detail = json!({"battery_percent": 80, "location": location});
    let events = books.entries.iter().filter(|entry| entry.told).map(|entry| {
        let (event, class) = match entry.event {
            Event::MAN_DOWN => ("man-down", "critical"),
            _ => ("status-check", "normal"),
        };
        let value = json!({"index": entry.index, "code": entry.event.0, "event": event, "detail": detail});
        shown(&format!("events/{event}"), class, Some(entry.time), value)
    });
    let pictures = books.pictures.iter().map(|shot| {
        let crc32 = format!("{:08x}", shot.crc32);
        let address = format!("a/{}", shot.number);
        let value = json!({"picture": shot.number, "size": shot.size, "sha256": shot.sha256, "crc32": crc32, "address": address});
        shown("pictures", "normal", Some(shot.time), value)
    });
    let command = |id: u16, code: u8, state: &str, result: Option<u8>| {
        let value = json!({"id": id, "code": code, "state": state, "result": result});
        shown(&format!("commands/{id}"), "normal", None, value)
    };
    let commands = vec![
        command(5, 5, "queued", None),
        command(5, 5, "confirmed", Some(0)),
        command(6, 99, "sent", None),
        command(6, 99, "refused", Some(1)),
    ];
    [events.collect(), pictures.collect(), commands]
}

/// Compares after `spoil` has had its way with what the hub shows.
fn check(spoil: impl FnOnce(&mut [Vec<Shown>; 3])) -> Report {
    let outcome = outcome();
    let mut all = honest(&outcome);
    spoil(&mut all);
    let bounds = Bounds {
        critical: Duration::from_secs(5),
        ..Bounds::default()
    };
    let mut audit = Audit::new(&outcome, "root", bounds);
    all[0].iter().for_each(|shown| audit.event(shown));
    all[1].iter().for_each(|shown| audit.picture(shown));
    all[2].iter().for_each(|shown| audit.command(shown));
    audit.finish(Holes::default())
}

/// Lost, duplicated, altered, unexpected, late.
fn findings(report: &Report) -> [u64; 5] {
    [
        report.lost,
        report.duplicated,
        report.altered,
        report.unexpected,
        report.late,
    ]
}

#[test]
fn honest_books_pass() {
    let report = check(|_| {});
    assert!(report.passed, "{report}");
    assert_eq!(findings(&report), [0; 5], "{report}");
    let events = report.events;
    assert_eq!(
        (events.produced, events.told, events.shown, events.held),
        (4, 3, 3, 1)
    );
    assert_eq!((report.pictures.told, report.commands.told), (2, 2));
    assert_eq!(
        (report.critical_ms_p50, report.normal_ms_p99),
        (2_000.0, 2_000.0)
    );
}

#[test]
fn each_planted_fault_is_found_and_shown() {
    type Spoil = fn(&mut [Vec<Shown>; 3]);
    let cases: [(&str, Spoil, [u64; 5], &str); 16] = [
        (
            "an event gone",
            |all| drop(all[0].remove(1)),
            [1, 0, 0, 0, 0],
            "entry 2 of 0000001, man-down",
        ),
        (
            "a picture gone",
            |all| drop(all[1].remove(0)),
            [1, 0, 0, 0, 0],
            "picture 1 of 0000001",
        ),
        (
            "a command gone",
            |all| all[2].truncate(2),
            [1, 0, 0, 0, 0],
            "command 6",
        ),
        (
            "an event twice",
            |all| all[0].push(all[0][0].clone()),
            [0, 1, 0, 0, 0],
            "entry 1",
        ),
        (
            "a picture twice",
            |all| all[1].push(all[1][0].clone()),
            [0, 1, 0, 0, 0],
            "picture 1",
        ),
        (
            "another code",
            |all| all[0][0].value["code"] = json!(0x21),
            [0, 0, 1, 0, 0],
            "code 33",
        ),
        (
            "another name",
            |all| all[0][0].value["event"] = json!("man-down"),
            [0, 0, 1, 0, 0],
            "shown as",
        ),
        (
            "the wrong lane",
            |all| all[0][1].class = "normal".to_owned(),
            [0, 0, 1, 0, 0],
            "it is critical",
        ),
        (
            "another detail",
            |all| all[0][2].value["detail"]["battery_percent"] = json!(79),
            [0, 0, 1, 0, 0],
            "79",
        ),
        (
            "half a metre off",
            |all| all[0][2].value["detail"]["location"]["latitude"] = json!(0.000_005),
            [0, 0, 1, 0, 0],
            "50",
        ),
        (
            "another hash",
            |all| all[1][1].value["sha256"] = json!("00"),
            [0, 0, 1, 0, 0],
            "picture 2",
        ),
        (
            "another result",
            |all| all[2][3].value["result"] = json!(2),
            [0, 0, 1, 0, 0],
            "command 6",
        ),
        (
            "never settled",
            |all| drop(all[2].remove(1)),
            [0, 0, 1, 0, 0],
            "command 5",
        ),
        (
            "from nowhere",
            |all| all[0][0].value["index"] = json!(77),
            [1, 0, 0, 1, 0],
            "entry 1",
        ),
        (
            "too late",
            |all| all[0][1].received = at(6).to_string(),
            [0, 0, 0, 0, 1],
            "after 6",
        ),
        (
            "late, but not critical",
            |all| all[0][0].received = at(6).to_string(),
            [0; 5],
            "",
        ),
    ];
    for (name, spoil, expected, example) in cases {
        let report = check(spoil);
        assert_eq!(findings(&report), expected, "{name}: {report}");
        assert_eq!(report.passed, expected[..3] == [0; 3], "{name}");
        let first = report
            .examples
            .first()
            .map_or("", |example| &*example.detail);
        assert!(first.contains(example), "{name}: {first}");
    }
}

#[test]
fn other_devices_and_earlier_runs_are_left_out() {
    let report = check(|all| {
        let mut reset = all[0][0].clone();
        reset.value["index"] = json!(0);
        let mut stranger = all[0][0].clone();
        stranger.topic = "root/devices/0009999/events/status-check".to_owned();
        let mut earlier = all[0][0].clone();
        earlier.source_time = Some(Timestamp::from_secs(START - 1).to_string());
        all[0].extend([stranger, earlier, reset]);
    });
    assert_eq!(findings(&report), [0; 5], "{report}");
}

#[test]
fn pictures_are_compared_byte_for_byte_as_far_as_wanted() {
    let outcome = outcome();
    for (sha256, expected) in [(Some("11"), [0, 0, 1, 0, 0]), (None, [1, 0, 0, 0, 0])] {
        let bounds = Bounds {
            downloads: 1,
            ..Bounds::default()
        };
        let mut audit = Audit::new(&outcome, "root", bounds);
        let all = honest(&outcome);
        all.iter()
            .zip([Audit::event, Audit::picture, Audit::command])
            .for_each(|(records, take)| {
                records.iter().for_each(|shown| take(&mut audit, shown));
            });
        let downloads = audit.downloads();
        assert_eq!(downloads.len(), 1);
        audit.downloaded(&downloads[0], sha256);
        let report = audit.finish(Holes::default());
        assert_eq!(
            (findings(&report), report.pictures_downloaded),
            (expected, 1),
            "{report}"
        );
    }
}

#[test]
fn a_report_is_one_json_object_with_limited_examples() {
    let report = check(|all| all[0].extend(vec![all[0][0].clone(); 40]));
    assert_eq!((report.duplicated, report.examples.len()), (40, 5));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["passed"], json!(false));
    assert_eq!(json["examples"][0]["finding"], json!("duplicated"));
    assert_eq!(json["events"]["told"], json!(3));
    assert!(
        report
            .to_string()
            .ends_with("lost 0, duplicated 40, altered 0, unexpected 0, late 0: FAILED")
    );
    assert_eq!(report.examples[0].finding, Finding::Duplicated);
}
