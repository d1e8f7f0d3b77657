//! Finding by time, as narrow as the index can tell, and errors that are said.
#![expect(clippy::unwrap_used, reason = "tests fail by it")]

mod common;

use std::time::Duration;

use common::{Bench, LANE, settings};
use futures::executor::block_on;
use spica_journal::{FollowError, Journal, Window};
use spica_model::{ContentType, Kind, NewRecord, Op, Quality, Seq, Timestamp, Topic};
use spica_settings::ByteSize;
use spica_storage::Fault;

const BEGIN: Timestamp = Timestamp::from_secs(1_000_000);

fn at(secs: u64) -> Timestamp {
    BEGIN.saturating_add(Duration::from_secs(secs))
}

/// One commit for each, of 10,000 bytes.
fn append(bench: &Bench, received: impl IntoIterator<Item = Timestamp>) {
    let topic = Topic::new("root/windows").unwrap();
    for received in received {
        let record = NewRecord {
            topic: &topic,
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received,
            source_time: None,
            content_type: &ContentType::Bytes,
            payload: &[7; 10_000],
            key: None,
            cause: None,
            properties: None,
        };
        let ticket = bench.journal().submit(LANE, &[record]).unwrap();
        block_on(ticket.durable()).unwrap();
    }
}

fn window(bench: &Bench, from: u64, until: u64) -> (u64, u64) {
    let Window { after, through } = bench
        .journal()
        .window(LANE, Some(at(from)), Some(at(until)))
        .unwrap();
    (after.0, through.0)
}

/// Of segments of a megabyte, an entry of the index for every seventh record.
fn bench() -> Bench {
    let mut settings = settings();
    settings.normal.segment_bytes = ByteSize::mib(1);
    settings.normal.prepared_segments = 2;
    let mut bench = Bench::new(settings);
    bench.open();
    bench
}

#[test]
fn a_window_is_as_narrow_as_the_index_before_and_after_sealing_and_a_crash() {
    let mut bench = bench();
    append(&bench, (1..=250).map(at));
    let check = |bench: &Bench, what: &str| {
        for seq in [1, 2, 60, 99, 120, 180, 249, 250] {
            let (after, through) = window(bench, seq, seq + 1);
            assert!((after + 1..=through).contains(&seq), "{what}: {seq}");
            assert!(through - after <= 7, "{what}: {after} to {through}");
        }
        assert_eq!(window(bench, 251, 999), (250, 250), "{what}");
    };
    check(&bench, "running");
    bench.journal().settle(LANE);
    check(&bench, "sealed");
    bench.crash();
    bench.open();
    check(&bench, "scanned");
    bench.close();
    bench.open();
    check(&bench, "closed");
}

/// The clock runs ahead by a day for a while in the midst, and is set back by an hour later.
#[test]
fn a_clock_that_steps_widens_the_windows_it_must_and_loses_nothing() {
    let bench = bench();
    let day = 86_400;
    append(&bench, (1..=100).map(at));
    append(&bench, (101..=110).map(|n| at(n + day)));
    append(&bench, (111..=150).map(at));
    append(&bench, (151..=200).map(|n| at(n + 7_200 - 3_600)));
    // It ends before the records of the future.
    let (after, through) = window(&bench, 60, 61);
    assert!((53..60).contains(&after) && (60..67).contains(&through));
    let (after, through) = window(&bench, day, 2 * day);
    assert!((93..=100).contains(&after) && (110..=117).contains(&through));
    let (after, through) = window(&bench, 3_751, 3_800);
    // A part of the index that spans a step has times on both sides of this.
    assert!(
        (93..=110).contains(&after) && through == 200,
        "{after} {through}"
    );
    // What is later than both is not far: it begins with the future.
    let open_end = bench.journal().window(LANE, Some(at(3_751)), None).unwrap();
    assert!((93..=100).contains(&open_end.after.0));
}

#[test]
fn a_disk_that_cannot_be_read_is_an_error_and_no_wide_window() {
    let mut bench = bench();
    append(&bench, (1..=150).map(at));
    // Then the index of the sealed segment is in its footer only.
    bench.close();
    bench.open();
    bench.disk().set_chance(Fault::ReadError, 1.0);
    let error = bench.journal().window(LANE, Some(at(3)), None).unwrap_err();
    assert!(matches!(error, FollowError::Read { .. }), "{error}");
    bench.disk().calm();
    assert!(window(&bench, 3, 4).0 < 3);
    assert_eq!(bench.journal().status(LANE).durable, Seq(150));
}
