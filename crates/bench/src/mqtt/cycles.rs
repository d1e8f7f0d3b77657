//! Connect, publish one message of QoS 1, disconnect; many at once.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::peers::{Came, Peer, Piece, Poll, check_ack};
use super::wire;

/// Those that are under way.
const AT_ONCE: usize = 128;

/// A client of one message.
struct Visit {
    peer: Peer,
    /// Acknowledgements it has got: of the connection, of its message.
    heard: usize,
}

/// Whole visits per second: each ends when the server has closed the connection.
pub(super) fn run(server: SocketAddr, size: usize, duration: Duration) -> Result<f64> {
    let mut poll = Poll::new()?;
    let publish = wire::publish("bench/cycles", Some(1), &vec![b'x'; size]);
    let mut number = 0_u32;
    let mut visit = |poll: &Poll, name: usize| -> Result<Visit> {
        number += 1;
        let hello = wire::connect(&format!("cycle-{number:08}"), true);
        let peer = Peer::open(server, &hello)?;
        poll.add(&peer, name)?;
        Ok(Visit { peer, heard: 0 })
    };
    let visits = (0..AT_ONCE).map(|name| visit(&poll, name));
    let mut visits: Vec<Visit> = visits.collect::<Result<_>>()?;
    let (mut piece, mut ready, mut done) = (Piece::new(), Vec::new(), 0_u64);
    let began = Instant::now();
    while began.elapsed() < duration {
        poll.wait(Duration::from_millis(100), &mut ready)?;
        for name in &ready {
            if visits[*name].step(&publish, &mut piece)? {
                done += 1;
                visits[*name] = visit(&poll, *name)?;
            }
        }
    }
    Ok((done as f64 / began.elapsed().as_secs_f64()).round())
}

impl Visit {
    /// Says the next thing. Gives whether the visit is over.
    fn step(&mut self, publish: &[u8], piece: &mut Piece) -> Result<bool> {
        let heard = self.heard;
        let came = self.peer.read(wire::ACK_BYTES, piece, |ack| {
            check_ack(
                ack,
                if heard == 0 {
                    wire::CONNACK
                } else {
                    wire::PUBACK
                },
            )
        })?;
        match came {
            Came::End => {
                ensure!(heard == 2, "the server has closed a connection early");
                return Ok(true);
            }
            Came::Packets(count) => self.heard += count,
        }
        match (heard, self.heard) {
            (0, 1) => self.peer.say(publish)?,
            (1, 2) => self.peer.say(&wire::DISCONNECT)?,
            (before, now) => ensure!(before == now, "the server answers what nobody asked"),
        }
        Ok(false)
    }
}
