//! Connections that are opened and do nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::peers::{Came, Peer, Piece, Poll, check_ack};
use super::wire;

/// Connections whose CONNACK has not come: below every server's backlog.
const AT_ONCE: usize = 64;

/// Opens so many, and gives them with how many the server took per second.
pub(super) fn open(server: SocketAddr, count: usize, name: &str) -> Result<(Vec<Peer>, f64)> {
    let mut poll = Poll::new()?;
    let (mut piece, mut ready) = (Piece::new(), Vec::new());
    let mut peers = Vec::with_capacity(count);
    let mut greeted = 0;
    let began = Instant::now();
    while greeted < count {
        while peers.len() < count && peers.len() - greeted < AT_ONCE {
            let hello = wire::connect(&format!("{name}-{:05}", peers.len()), true);
            let peer = Peer::open(server, &hello)?;
            poll.add(&peer, peers.len())?;
            peers.push(peer);
        }
        poll.wait(Duration::from_secs(10), &mut ready)?;
        if ready.is_empty() {
            bail!("the server has greeted {greeted} of {count} and no more");
        }
        for name in &ready {
            let came = peers[*name].read(wire::ACK_BYTES, &mut piece, |ack| {
                check_ack(ack, wire::CONNACK)
            })?;
            match came {
                Came::Packets(more) => greeted += more,
                Came::End => bail!("the server has closed connection {name} of {count}"),
            }
        }
    }
    let per_s = (count as f64 / began.elapsed().as_secs_f64()).round();
    Ok((peers, per_s))
}
