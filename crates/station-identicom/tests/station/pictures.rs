//! Pictures: over several connections, through a restart, with wrong content.

use spica_model::{Kind, Lane, Timestamp};
use spica_objects::Address;
use tokio::net::TcpStream;

use crate::support::{Device, SERIAL, Station};

const BLOCK_BYTES: usize = 1_000;

fn picture(bytes: usize) -> Vec<u8> {
    let mut content = vec![0xff, 0xd8, 0xff];
    content.extend((3..bytes).map(|n| n as u8));
    content
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn header(number: u32, content: &[u8], crc32: u32) -> Vec<u8> {
    let mut data = number.to_le_bytes().to_vec();
    data.extend((content.len() as u32).to_le_bytes());
    data.extend((BLOCK_BYTES as u16).to_le_bytes());
    data.extend(1_000_000u32.to_le_bytes());
    data.extend(crc32.to_le_bytes());
    data
}

fn request(number: u32, block: u16) -> Vec<u8> {
    [&number.to_le_bytes()[..], &block.to_le_bytes()].concat()
}

impl Device<TcpStream> {
    /// Waits for the request for `block`, and sends it.
    async fn give(&mut self, number: u32, content: &[u8], block: u16) {
        self.expect(0x41, &request(number, block)).await;
        let from = usize::from(block) * BLOCK_BYTES;
        let to = (from + BLOCK_BYTES).min(content.len());
        let data = [&request(number, block)[..], &content[from..to]].concat();
        self.send(0xc1, &data).await;
    }

    async fn offer(&mut self, number: u32, content: &[u8], crc32: u32) {
        self.hand_over(&[]).await;
        self.expect(0x40, &[]).await;
        self.send(0xc0, &header(number, content, crc32)).await;
    }
}

#[tokio::test]
async fn a_picture_comes_over_three_connections_and_a_restart() {
    let mut station = Station::start().await;
    let content = picture(2_500);
    let crc = crc32(&content);
    for block in 0..2 {
        let mut device = station.dial(SERIAL).await;
        device.offer(7, &content, crc).await;
        device.give(7, &content, block).await;
        // The next request says that the block is stored. Then the network is gone.
        device.expect(0x41, &request(7, block + 1)).await;
        drop(device);
        station.restart().await;
    }
    let mut device = station.dial(SERIAL).await;
    device.offer(7, &content, crc).await;
    device.give(7, &content, 2).await;
    device.expect(0x42, &7u32.to_le_bytes()).await;
    let records = station.records(Lane::Normal, SERIAL, "pictures");
    assert_eq!(records.len(), 1, "recorded before it is deleted");
    device.send(0xc2, &7u32.to_le_bytes()).await;
    device.leave().await;

    assert_eq!(records[0].kind, Kind::Event);
    assert_eq!(
        records[0].source_time,
        Some(Timestamp::from_secs(1_000_000))
    );
    let payload = &station.payloads(Lane::Normal, SERIAL, "pictures")[0];
    let address: Address = payload
        .split('"')
        .find(|text| text.starts_with("pictures/"))
        .and_then(|text| text.parse().ok())
        .unwrap();
    let (hash, crc) = (address.sha256(), format!("{crc:08x}"));
    assert_eq!(
        *payload,
        format!(
            r#"{{"picture":7,"size":2500,"sha256":"{hash}","address":"{address}","crc32":"{crc}","content_type":"image/jpeg"}}"#
        )
    );
    assert_eq!(station.pictures.read(&address).await.unwrap(), content);
    assert_eq!(station.metric("identicom_pictures_total"), 1.0);
}

#[tokio::test]
async fn a_picture_is_recorded_durably_before_it_is_deleted() {
    let station = Station::start().await;
    let content = picture(10);
    let mut device = station.dial(SERIAL).await;
    device.offer(1, &content, crc32(&content)).await;
    device.expect(0x41, &request(1, 0)).await;
    station.journal.hold(Lane::Normal);
    let placed = spica_journal::Journal::status(&*station.journal, Lane::Normal).last;
    let data = [&request(1, 0)[..], &content].concat();
    device.send(0xc1, &data).await;
    station
        .until(|station| {
            spica_journal::Journal::status(&*station.journal, Lane::Normal).last > placed
        })
        .await;
    assert_eq!(station.metric("identicom_pictures_total"), 0.0);
    station.journal.release(Lane::Normal);
    device.expect(0x42, &1u32.to_le_bytes()).await;
}

#[tokio::test]
async fn a_full_journal_lets_a_picture_wait() {
    let station = Station::start_short().await;
    let content = picture(10);
    let mut device = station.dial(SERIAL).await;
    device.offer(1, &content, crc32(&content)).await;
    device.expect(0x41, &request(1, 0)).await;
    station.fill(Lane::Normal);
    let data = [&request(1, 0)[..], &content].concat();
    device.send(0xc1, &data).await;
    device.answer_until_silent(&[]).await;
    station.journal.release(Lane::Normal);
    device.expect(0x42, &1u32.to_le_bytes()).await;
    let records = station.records(Lane::Normal, SERIAL, "pictures");
    assert_eq!(records.len(), 1);
}

#[tokio::test]
async fn a_picture_with_a_wrong_crc_is_read_again_and_then_left() {
    let station = Station::start().await;
    let content = picture(1_200);
    let mut device = station.dial(SERIAL).await;
    device.offer(3, &content, 0xdead_beef).await;
    for _ in 0..2 {
        device.give(3, &content, 0).await;
        device.give(3, &content, 1).await;
    }
    device.expect(0x7f, &[]).await;
    device.closed().await;
    assert!(station.records(Lane::Normal, SERIAL, "pictures").is_empty());
    let line = "identicom_picture_errors_total{reason=\"picture-crc\"}";
    assert_eq!(station.metric(line), 2.0);
    assert_eq!(station.pictures.incoming_status().pictures, 0);
}

#[tokio::test]
async fn a_picture_that_the_device_no_longer_has_is_forgotten() {
    let station = Station::start().await;
    let content = picture(2_000);
    let mut device = station.dial(SERIAL).await;
    device.offer(3, &content, crc32(&content)).await;
    device.give(3, &content, 0).await;
    device.expect(0x41, &request(3, 1)).await;
    assert_eq!(station.pictures.incoming_status().pictures, 1);
    device.send(0xc3, &[3, 0, 0, 0, 1]).await;
    device.leave().await;
    assert_eq!(station.pictures.incoming_status().pictures, 0);
}

#[tokio::test]
async fn a_picture_that_finds_no_room_stays_on_its_device() {
    let station = Station::start().await;
    let mut device = station.dial(SERIAL).await;
    device.hand_over(&[]).await;
    device.expect(0x40, &[]).await;
    // Larger than the profile allows.
    let mut huge = header(1, &[0; 4], 0);
    huge[4..8].copy_from_slice(&(17u32 << 20).to_le_bytes());
    device.send(0xc0, &huge).await;
    device.expect(0x7f, &[]).await;
    device.closed().await;
    let line = "identicom_picture_errors_total{reason=\"unreadable-picture\"}";
    assert_eq!(station.metric(line), 1.0);
}
