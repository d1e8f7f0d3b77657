//! Nothing is acknowledged before it is durable, whatever the journal does.

use spica_journal::{CommitErrorKind, Journal};
use spica_model::Lane;
use tokio::io::AsyncWriteExt;

use crate::support::{SERIAL, SILENCE, Station, frame, page};

#[tokio::test]
async fn nothing_is_deleted_before_it_is_durable_in_both_lanes() {
    let station = Station::start().await;
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    for lane in Lane::ALL {
        station.journal.hold(lane);
    }
    let placed = Lane::ALL.map(|lane| station.journal.status(lane).last);
    let log = [(1, 1, 0x20, &b""[..]), (2, 2, 0x3b, b"")];
    device.send(0x82, &page(0, &log)).await;
    device.answer_until_silent(&log).await;
    let [critical, normal] = placed.map(|seq| seq.next());
    assert_eq!(station.journal.status(Lane::Critical).last, critical);
    assert_eq!(station.journal.status(Lane::Normal).last, normal);
    station.journal.commit_to(Lane::Normal, normal);
    // A deletion now would be a panic: the critical lane is not durable.
    device.answer_until_silent(&log).await;
    station.journal.commit_to(Lane::Critical, critical);
    device.expect(0x03, &2u32.to_le_bytes()).await;
}

#[tokio::test]
async fn a_repeated_entry_does_not_vouch_for_a_new_one() {
    let station = Station::start().await;
    let mut device = station.dial(SERIAL).await;
    assert_eq!(
        device.answer(&[(5, 1, 0x20, b"")], 0x03).await,
        [5, 0, 0, 0]
    );
    drop(device);
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    station.journal.hold(Lane::Normal);
    device.send(0x82, &page(1, &[(3, 1, 0x20, b"")])).await;
    device.expect(0x02, &4u32.to_le_bytes()).await;
    // Durable since the first connection; the one before it is not.
    device.send(0x82, &page(0, &[(5, 1, 0x20, b"")])).await;
    device.answer_until_silent(&[]).await;
    station.journal.release(Lane::Normal);
    device.expect(0x03, &5u32.to_le_bytes()).await;
}

#[tokio::test]
async fn an_alarm_is_taken_while_other_records_are_not_durable() {
    let station = Station::start().await;
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    station.journal.hold(Lane::Normal);
    let log = [(1, 1, 0x20, &b""[..]), (2, 2, 0x40, b"")];
    device.send(0x82, &page(0, &log[..1])).await;
    device.answer_until_silent(&log[..1]).await;
    device.send(0x82, &page(0, &log[1..])).await;
    device.answer_until_silent(&log).await;
    let alarms = station.records(Lane::Critical, SERIAL, "events/red-alert");
    assert_eq!(alarms.len(), 1);
    station.journal.release(Lane::Normal);
    assert_eq!(device.answer(&log, 0x03).await, 2u32.to_le_bytes());
}

#[tokio::test]
async fn a_full_journal_lets_the_device_wait_and_loses_nothing() {
    let station = Station::start_short().await;
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    station.journal.hold(Lane::Normal);
    // One entry after the other until the queue is full, and two more.
    let (mut index, mut more) = (0, 2);
    while more > 0 {
        more -= u32::from(station.metric("identicom_journal_full_total") > 0.0);
        index += 1;
        device.send(0x82, &page(1, &[(index, 1, 0x20, b"")])).await;
        device.expect(0x02, &(index + 1).to_le_bytes()).await;
    }
    // The critical lane has room.
    index += 1;
    device.send(0x82, &page(0, &[(index, 1, 0x3b, b"")])).await;
    device.answer_until_silent(&[]).await;
    assert_eq!(station.records(Lane::Critical, SERIAL, "").len(), 1);
    station.journal.release(Lane::Normal);
    device.expect(0x03, &index.to_le_bytes()).await;
    let taken = station.records(Lane::Normal, SERIAL, "events/").len();
    assert_eq!(taken, index as usize - 1);
}

#[tokio::test]
async fn a_device_that_floods_a_full_journal_is_not_read_from() {
    let station = Station::start_short().await;
    let mut device = station.dial(SERIAL).await;
    device.expect(0x02, &[0; 4]).await;
    station.journal.hold(Lane::Normal);
    let detail = [&[5, 200][..], &[b'x'; 200]].concat();
    let mut written = 0;
    for index in 1u32.. {
        let alarm = frame(0x82, &page(1, &[(index, 1, 0x41, &detail)]));
        let write = tokio::time::timeout(SILENCE, device.stream.write_all(&alarm));
        // What the kernel's buffers take is taken, and no more: the station has stopped reading.
        match write.await {
            Ok(result) => result.unwrap(),
            Err(_) => break,
        }
        written += alarm.len();
        assert!(written < 64 << 20, "{written} bytes were taken");
    }
    assert!(station.journal.status(Lane::Normal).last.0 < 20);
}

#[tokio::test]
async fn a_journal_that_fails_acknowledges_nothing_and_the_device_is_let_go() {
    let station = Station::start().await;
    for late in [false, true] {
        let mut device = station.dial(SERIAL).await;
        device.expect(0x02, &[0; 4]).await;
        if late {
            station.journal.fail(Lane::Normal, CommitErrorKind::Sync);
            device.send(0x82, &page(0, &[(2, 1, 0x20, b"")])).await;
        } else {
            station.journal.hold(Lane::Critical);
            device.send(0x82, &page(0, &[(1, 1, 0x3b, b"")])).await;
            device.answer_until_silent(&[]).await;
            station
                .journal
                .fail(Lane::Critical, CommitErrorKind::NoSpace);
        }
        device.closed().await;
    }
    let line = "identicom_connections_closed_total{reason=\"journal-failed\"}";
    assert_eq!(station.metric(line), 2.0);
}
