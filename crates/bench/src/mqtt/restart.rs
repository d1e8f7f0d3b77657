//! Sessions that stay, each with messages that wait: how long a server takes to have them back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::peers::{Came, Peer, Piece, Poll, check_ack};
use super::wire;

const TOPIC: &str = "bench/queued";
/// Sessions that are made at once.
const AT_ONCE: usize = 64;
/// How long the server may take for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// Makes the sessions, and publishes what waits for them: 1,000 messages for 10,000 sessions are ten
/// million deliveries.
pub(super) fn prepare(server: SocketAddr, sessions: usize, messages: usize) -> Result<()> {
    let mut poll = Poll::new()?;
    let subscribe = wire::subscribe(TOPIC, 1);
    let (mut piece, mut ready, mut begun, mut done) = (Piece::new(), Vec::new(), 0, 0);
    let mut open: Vec<Option<Peer>> = Vec::with_capacity(sessions);
    while done < sessions {
        while begun < sessions && begun - done < AT_ONCE {
            let mut hello = wire::connect(&session(begun), false);
            hello.extend_from_slice(&subscribe);
            let peer = Peer::open(server, &hello)?;
            poll.add(&peer, begun)?;
            open.push(Some(peer));
            begun += 1;
        }
        poll.wait(PATIENCE, &mut ready)?;
        ensure!(
            !ready.is_empty(),
            "the server has made {done} of {sessions} sessions"
        );
        for name in &ready {
            let Some(peer) = &mut open[*name] else {
                continue;
            };
            // CONNACK and SUBACK are nine bytes; they may come by themselves.
            match peer.read(9, &mut piece, |_| Ok(()))? {
                Came::Packets(0) => {}
                Came::Packets(_) => {
                    peer.say(&wire::DISCONNECT)?;
                    open[*name] = None;
                    done += 1;
                }
                Came::End => bail!("the server has closed a connection early"),
            }
        }
    }
    publish(server, messages)
}

fn session(number: usize) -> String {
    format!("stays-{number:06}")
}

fn publish(server: SocketAddr, messages: usize) -> Result<()> {
    let mut peer = Peer::greeted(server, &wire::connect("publisher", true), &[])?;
    let mut piece = Piece::new();
    let packet = wire::publish(TOPIC, Some(1), &[b'x'; 128]);
    for _ in 0..messages {
        peer.say(&packet)?;
        let mut acked = 0;
        while acked == 0 {
            ensure!(peer.wait(PATIENCE)?, "the server does not acknowledge");
            match peer.read(wire::ACK_BYTES, &mut piece, |ack| {
                check_ack(ack, wire::PUBACK)
            })? {
                Came::Packets(count) => acked += count,
                Came::End => bail!("the server has closed the connection"),
            }
        }
    }
    peer.say(&wire::DISCONNECT)
}

/// Waits until the server has the last session back, and has sent its first message.
pub(super) fn come_back(server: SocketAddr, sessions: usize) -> Result<()> {
    let began = Instant::now();
    let hello = wire::connect(&session(sessions.saturating_sub(1)), false);
    let mut peer = Peer::open(server, &hello)?;
    let mut piece = Piece::new();
    let (mut present, mut message) = (false, false);
    let first = wire::publish(TOPIC, Some(1), &[b'x'; 128]).len();
    while !(present && message) {
        let left = PATIENCE.saturating_sub(began.elapsed());
        ensure!(
            peer.wait(left)?,
            "the server does not give the session back"
        );
        let length = if present { first } else { wire::ACK_BYTES };
        let mut seen = Vec::new();
        let came = peer.read(length, &mut piece, |packet| {
            seen.push(packet[0]);
            if packet[0] == wire::CONNACK {
                present = packet[2] == 1;
                ensure!(present && packet[3] == 0, "the session is lost: {packet:?}");
            }
            Ok(())
        })?;
        ensure!(came != Came::End, "the server has closed the connection");
        // What comes behind the CONNACK is its messages.
        message = seen.len() > 1 || seen.iter().any(|first| first & 0xF0 == 0x30);
    }
    Ok(())
}
