//! SMPP: the contract, and what is special about a standing session.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use rusmpp::pdus::{BindTransceiverResp, SubmitSmResp};
use rusmpp::tokio_codec::CommandCodec;
use rusmpp::{Command, CommandStatus, Pdu};
use spica_notify::contract::{self, Does, Harness as _, message};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::Framed;

use crate::other_side::{OtherSide, Script};
use crate::{patient_and_hasty, started};

fn serve(stream: TcpStream, script: Arc<Script>) -> BoxFuture<'static, ()> {
    let served = async move {
        let mut stream = Framed::new(stream, CommandCodec::new());
        while let Some(Ok(command)) = stream.next().await {
            let (status, pdu) = match command.pdu() {
                Some(Pdu::BindTransceiver(_)) => (
                    CommandStatus::EsmeRok,
                    BindTransceiverResp::default().into(),
                ),
                Some(Pdu::SubmitSm(submit)) => {
                    let identity = format!("{:?}", submit.short_message());
                    let status = match script.came(identity) {
                        Does::Take => CommandStatus::EsmeRok,
                        Does::BeBusy => CommandStatus::EsmeRthrottled,
                        Does::Refuse => CommandStatus::EsmeRinvdstadr,
                        Does::BreakOff => return,
                        // This message alone gets no answer; the session goes on.
                        Does::Hang => continue,
                    };
                    let response = SubmitSmResp::builder().message_id("17".parse().unwrap());
                    (status, response.build().into())
                }
                Some(Pdu::Unbind) => (CommandStatus::EsmeRok, Pdu::UnbindResp),
                _ => (CommandStatus::EsmeRok, Pdu::EnquireLinkResp),
            };
            let answer = Command::new(status, command.sequence_number, pdu);
            if stream.send(answer).await.is_err() {
                return;
            }
        }
    };
    served.boxed()
}

fn table(port: u16) -> String {
    format!(
        "host = \"127.0.0.1\"\nport = {port}\nsystem_id = \"hub\"\npassword = \"secret\"\n\
         receipts = false\nreceipt_wait = \"0s\""
    )
}

#[tokio::test]
async fn smpp_keeps_the_contract() {
    let open = |port| patient_and_hasty("smpp", &table(port));
    contract::all(&OtherSide::new(serve, "+41791234567", open).await).await;
}

#[tokio::test]
async fn messages_without_an_answer_fill_the_window_and_no_more() {
    let open = |port| {
        let narrow = format!("{}\nwindow = 2\nparallel = 8", table(port));
        patient_and_hasty("smpp", &narrow)
    };
    let centre = OtherSide::new(serve, "+41791234567", open).await;
    centre.ready().await;
    centre.next(&[Does::Hang; 8]);
    let messages: Vec<_> = (1..=5).map(|number| message(number, 1)).collect();
    let channel = centre.patient();
    let sends = messages.iter().map(|message| channel.send(message));
    let mut sends = Box::pin(futures::future::join_all(sends));
    tokio::select! {
        outcomes = &mut sends => panic!("nobody answers, and yet: {outcomes:?}"),
        () = centre.received(2) => {}
    }
    let third = async { timeout(Duration::from_millis(200), centre.received(3)).await };
    tokio::select! {
        outcomes = &mut sends => panic!("nobody answers, and yet: {outcomes:?}"),
        third = third => assert!(third.is_err(), "a third left while two had no answer"),
    }
    // Who gives up makes room, and what nobody waits for any more does not leave.
    drop(sends);
    let (sixth, before) = (message(6, 1), centre.identities().len());
    let mut last = channel.send(&sixth);
    tokio::select! {
        outcome = &mut last => panic!("nobody answers, and yet: {outcome:?}"),
        () = centre.received(before + 1) => {}
    }
    assert_eq!(centre.identities().len(), 3);
}

#[tokio::test]
async fn a_channel_that_is_not_started_or_stopped_sends_nothing_and_says_so() {
    let centre = OtherSide::new(serve, "+41791234567", |port| {
        patient_and_hasty("smpp", &table(port))
    })
    .await;
    centre.ready().await;
    let channel = centre.patient();
    channel.stop().await;
    assert_eq!(channel.send(&message(1, 1)).await.as_str(), "retry");
    assert!(channel.health().paths.is_empty());
    channel.start(spica_notify::EventSink::nobody());
    assert_eq!(channel.send(&message(1, 2)).await.as_str(), "delivered");
    channel.stop().await;
}

#[tokio::test]
async fn while_the_centre_is_away_nobody_waits() {
    // A port that nobody listens on any more.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let channel = started("smpp", &format!("timeout = \"60s\"\n{}", table(port)));
    let outcome = channel.send(&message(1, 1)).await;
    assert_eq!(outcome.as_str(), "retry", "{outcome:?}");
    assert!(
        outcome.answer().starts_with("no connection: "),
        "{outcome:?}"
    );
    assert_eq!(channel.health().paths[0].up, Some(false));
}
