//! Another side that never stops talking and never says anything.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join};
use spica_notify::contract::{Harness as _, message};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::other_side::{OtherSide, Script};
use crate::{patient_and_hasty, started};

/// Sends a byte of something that could become an answer, again and again.
fn serve(mut stream: TcpStream, _: Arc<Script>) -> BoxFuture<'static, ()> {
    let served = async move {
        let mut head: &[u8] = b"HTTP/1.1 200 OK\r\nX-Long: ";
        loop {
            let (byte, rest) = head.split_first().unwrap_or((&b'x', b""));
            head = rest;
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    served.boxed()
}

#[tokio::test]
async fn a_trickle_is_cut_off_by_the_time_out() {
    let open = |port: u16| {
        let webhook = format!("timeout = \"300ms\"\nurl = \"http://127.0.0.1:{port}/\"");
        let email = format!(
            "timeout = \"300ms\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
             from = \"alarm@example.org\""
        );
        [started("webhook", &webhook), started("email", &email)]
    };
    let other_side = OtherSide::new(serve, "", open).await;
    let mut message = message(1, 1);
    message.address = "anna@example.org".to_owned();
    let (webhook, email) = (other_side.patient(), other_side.hasty());
    let (one, other) = join(webhook.send(&message), email.send(&message)).await;
    assert_eq!(
        (one.as_str(), other.as_str()),
        ("retry", "retry"),
        "{one:?} {other:?}"
    );
}

#[tokio::test]
async fn whoever_finds_all_places_taken_is_told() {
    let open = |port| {
        let one = format!("parallel = 1\nurl = \"http://127.0.0.1:{port}/\"");
        patient_and_hasty("webhook", &one)
    };
    let other_side = OtherSide::new(serve, "", open).await;
    let channel = other_side.hasty();
    // The first gives up after its second; the second then has its own.
    let (first, second) = (message(1, 1), message(2, 1));
    let (one, other) = join(channel.send(&first), channel.send(&second)).await;
    assert_eq!(
        (one.as_str(), other.as_str()),
        ("retry", "retry"),
        "{one:?} {other:?}"
    );
    assert_eq!(channel.health().retries, 2);
}
