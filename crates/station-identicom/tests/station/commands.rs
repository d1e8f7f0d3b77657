//! Commands: sent durably, answered durably, handed over within an open connection.

use std::time::Duration;

use spica_devices::{Command, CommandState, Serial};
use spica_model::Lane;
use spica_views::CommandRequest;

use crate::support::{SERIAL, Station};

fn request(code: u8, arguments: &[u8]) -> CommandRequest {
    CommandRequest {
        code,
        name: format!("command-{code}"),
        arguments: arguments.to_vec(),
        expires_in: Duration::from_secs(60),
    }
}

impl Station {
    async fn queue(&self, code: u8, arguments: &[u8]) -> u16 {
        let serial = Serial::new(SERIAL).unwrap();
        let queued = self
            .devices
            .queue_command(&serial, request(code, arguments), "test");
        queued.await.unwrap().id
    }

    fn command(&self, id: u16) -> Command {
        let serial = Serial::new(SERIAL).unwrap();
        (*self.views.command(&serial, id).unwrap()).clone()
    }
}

fn wire(id: u16, code: u8, arguments: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes()[..], &[code], arguments].concat()
}

#[tokio::test]
async fn waiting_commands_go_out_alarms_first_and_their_answers_are_kept() {
    let station = Station::start().await;
    let show_text = station.queue(3, b"hello\x1e").await;
    let acknowledge = station.queue(5, &[0x3b]).await;
    let mut device = station.dial(SERIAL).await;
    device.hand_over(&[]).await;
    device.expect(0x40, &[]).await;
    device.send(0xc0, &[0; 18]).await;
    device.expect(0x10, &wire(acknowledge, 5, &[0x3b])).await;
    assert_eq!(station.command(acknowledge).state, CommandState::Sent);
    device
        .send(0x90, &[&acknowledge.to_le_bytes()[..], &[0]].concat())
        .await;
    device.expect(0x10, &wire(show_text, 3, b"hello\x1e")).await;
    assert_eq!(station.command(acknowledge).state, CommandState::Confirmed);
    device
        .send(0x90, &[&show_text.to_le_bytes()[..], &[4]].concat())
        .await;
    device.expect(0x7f, &[]).await;
    device.closed().await;
    let refused = station.command(show_text);
    assert_eq!(
        (refused.state, refused.result),
        (CommandState::Refused, Some(4))
    );
    assert_eq!(station.metric("identicom_commands_sent_total"), 2.0);
    assert_eq!(station.metric("identicom_commands_answered_total"), 2.0);
}

#[tokio::test]
async fn a_command_reaches_a_connection_that_is_open() {
    let station = Station::start().await;
    let mut device = station.dial(SERIAL).await;
    device.hand_over(&[]).await;
    device.expect(0x40, &[]).await;
    let id = station.queue(4, &[]).await;
    device.send(0xc0, &[0; 18]).await;
    device.expect(0x10, &wire(id, 4, &[])).await;
    device
        .send(0x90, &[&id.to_le_bytes()[..], &[0]].concat())
        .await;
    device.expect(0x7f, &[]).await;
    device.closed().await;
    assert_eq!(station.command(id).state, CommandState::Confirmed);
}

#[tokio::test]
async fn a_command_goes_on_the_wire_only_when_that_is_durable() {
    let station = Station::start().await;
    let id = station.queue(2, &[]).await;
    let mut device = station.dial(SERIAL).await;
    device.hand_over(&[]).await;
    device.expect(0x40, &[]).await;
    station.journal.hold(Lane::Normal);
    let placed = spica_journal::Journal::status(&*station.journal, Lane::Normal).last;
    device.send(0xc0, &[0; 18]).await;
    station
        .until(|station| {
            spica_journal::Journal::status(&*station.journal, Lane::Normal).last > placed
        })
        .await;
    assert_eq!(station.metric("identicom_commands_sent_total"), 0.0);
    station.journal.release(Lane::Normal);
    device.expect(0x10, &wire(id, 2, &[])).await;
}

#[tokio::test]
async fn a_full_journal_lets_commands_wait() {
    let station = Station::start_short().await;
    let id = station.queue(2, &[]).await;
    let mut device = station.dial(SERIAL).await;
    device.hand_over(&[]).await;
    device.expect(0x40, &[]).await;
    station.fill(Lane::Normal);
    device.send(0xc0, &[0; 18]).await;
    device.answer_until_silent(&[]).await;
    station.journal.release(Lane::Normal);
    device.expect(0x10, &wire(id, 2, &[])).await;
    station.fill(Lane::Normal);
    device
        .send(0x90, &[&id.to_le_bytes()[..], &[0]].concat())
        .await;
    device.answer_until_silent(&[]).await;
    station.journal.release(Lane::Normal);
    device.expect(0x7f, &[]).await;
    assert_eq!(station.command(id).state, CommandState::Confirmed);
}

#[tokio::test]
async fn an_unanswered_command_comes_again_and_an_answer_counts_though_the_device_is_gone() {
    let station = Station::start().await;
    let id = station.queue(2, &[]).await;
    for round in 0..2 {
        let mut device = station.dial(SERIAL).await;
        device.hand_over(&[]).await;
        device.expect(0x40, &[]).await;
        device.send(0xc0, &[0; 18]).await;
        device.expect(0x10, &wire(id, 2, &[])).await;
        assert_eq!(station.command(id).attempts, round + 1);
        if round == 1 {
            device
                .send(0x90, &[&id.to_le_bytes()[..], &[0]].concat())
                .await;
        }
        drop(device);
    }
    station
        .until(|station| station.command(id).state == CommandState::Confirmed)
        .await;
}

#[tokio::test]
async fn a_command_that_is_cancelled_meanwhile_is_not_sent() {
    let station = Station::start().await;
    let (first, second) = (station.queue(2, &[]).await, station.queue(4, &[]).await);
    let mut device = station.dial(SERIAL).await;
    device.hand_over(&[]).await;
    device.expect(0x40, &[]).await;
    let serial = Serial::new(SERIAL).unwrap();
    station
        .devices
        .cancel_command(&serial, first, "test")
        .await
        .unwrap();
    device.send(0xc0, &[0; 18]).await;
    device.expect(0x10, &wire(second, 4, &[])).await;
}
