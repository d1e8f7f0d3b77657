//! How fast records go through: `cargo run --release -p spica-cases --example throughput`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for people who measure, which needs the time"
)]

use std::time::Instant;

use bytes::Bytes;
use spica_cases::{Cases, EventRule, Filter, Output, Rules, Severity, Threshold};
use spica_devices::Registration;
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};

const DEVICES: u32 = 100_000;
const RECORDS: u64 = 4_000_000;

fn record(path: &str, payload: &Bytes) -> Record {
    Record {
        position: Position {
            epoch: Epoch(1),
            lane: Lane::Normal,
            seq: Seq(0),
        },
        topic: Topic::new(format!("root/s1/{path}")).unwrap(),
        kind: Kind::State,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::from_secs(0),
        source_time: None,
        content_type: ContentType::Json,
        payload: payload.clone(),
        key: None,
        cause: None,
        properties: None,
    }
}

fn cases(thresholds: usize) -> Cases {
    let raise = EventRule::Raise {
        condition: "man-down".to_owned(),
        severity: Severity::Emergency,
    };
    let threshold = |number| {
        let filter = Filter::new(format!("plant/{number}/+/level")).unwrap();
        let condition = "level-high";
        Threshold {
            above: Some(90.0),
            ..Threshold::new(filter, condition, Severity::High)
        }
    };
    let rules = Rules {
        events: [("man-down".to_owned(), raise)].into(),
        thresholds: (0..thresholds).map(threshold).collect(),
        ..Rules::default()
    };
    let mut cases = Cases::new(Topic::new("root/s1").unwrap(), rules);
    cases.begin(1);
    cases
}

/// Takes in the records again and again, four thousand of them in a millisecond of the node's time.
fn run(name: &str, cases: &mut Cases, records: &mut [Record]) {
    let mut out = Output::default();
    let begin = Instant::now();
    let len = records.len() as u64;
    for number in 0..RECORDS {
        let record = &mut records[usize::try_from(number % len).unwrap()];
        let now = Timestamp::from_micros(i64::try_from(number / 4).unwrap());
        record.position.seq = Seq(number + 1_000_000);
        record.received = now;
        cases.on_record(record, now, &mut out);
        if cases.next_due().is_some_and(|due| due <= now) {
            cases.on_time(now, &mut out);
        }
    }
    assert!(out.is_empty(), "nothing was to happen");
    let secs = begin.elapsed().as_secs_f64();
    println!(
        "{name}: {:.2} million records/s",
        RECORDS as f64 / secs / 1e6
    );
}

fn main() {
    let payload =
        Bytes::from_static(br#"{"index":1,"code":32,"event":"status-check","detail":{}}"#);
    let mut plain: Vec<_> = (0..1_000)
        .map(|number| {
            record(
                &format!("devices/{number:07}/events/status-check"),
                &payload,
            )
        })
        .collect();
    run("records without a rule", &mut cases(0), &mut plain);
    run(
        "records without a rule, beside 1,000 thresholds",
        &mut cases(1_000),
        &mut plain,
    );

    let number = Bytes::from_static(b"71.5");
    let mut values: Vec<_> = (0..1_000)
        .map(|number_of| record(&format!("plant/{number_of}/a/level"), &number))
        .collect();
    run(
        "values within their threshold, of 1,000",
        &mut cases(1_000),
        &mut values,
    );

    let mut fleet = cases(0);
    let mut out = Output::default();
    let registration = Registration::default()
        .encode(Timestamp::from_secs(0))
        .into();
    for number in 0..DEVICES {
        let record = record(&format!("devices/{number:07}/registration"), &registration);
        fleet.on_record(&record, record.received, &mut out);
    }
    let check_in = Bytes::from_static(br#"{"software_version":"1.0"}"#);
    // In an order that is not that of the serials.
    let mut check_ins: Vec<_> = (0..DEVICES)
        .map(|number| u64::from(number) * 7_919 % u64::from(DEVICES))
        .map(|number| record(&format!("devices/{number:07}/check-in"), &check_in))
        .collect();
    run("check-ins of 100,000 devices", &mut fleet, &mut check_ins);
}
