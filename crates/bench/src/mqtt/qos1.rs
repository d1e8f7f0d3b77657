//! Publishes of QoS 1: a window per connection that is always full.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::histogram::Histogram;
use super::peers::{Came, Peer, Piece, Poll, check_ack};
use super::wire;
use crate::figures::round;

/// How much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) connections: usize,
    pub(super) in_flight: u16,
    pub(super) size: usize,
    pub(super) duration: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) msgs_per_s: f64,
    pub(super) ack_us_p50: f64,
    pub(super) ack_us_p99: f64,
    /// Those that were not counted included.
    pub(super) acked: u64,
}

/// A connection: its packets stand behind each other, and are sent round and round.
struct Publisher {
    peer: Peer,
    ring: Vec<u8>,
    packet_bytes: usize,
    /// Where in the ring the next byte to write is, and how many are due.
    write_at: usize,
    due: usize,
    /// The oldest that is not acknowledged, and when each was due, in nanoseconds.
    oldest: usize,
    sent: Vec<u64>,
}

impl Publisher {
    fn new(server: SocketAddr, number: usize, load: Load) -> Result<Self> {
        let peer = Peer::greeted(
            server,
            &wire::connect(&format!("bench-{number:05}"), true),
            &[],
        )?;
        let topic = format!("bench/qos1/{number:05}");
        let payload = vec![b'x'; load.size];
        let packets = (1..=load.in_flight).map(|id| wire::publish(&topic, Some(id), &payload));
        let ring: Vec<u8> = packets.flatten().collect();
        let window = usize::from(load.in_flight);
        Ok(Self {
            peer,
            packet_bytes: ring.len() / window,
            due: ring.len(),
            ring,
            write_at: 0,
            oldest: 0,
            sent: vec![0; window],
        })
    }

    /// Writes what is due, as far as it goes.
    fn write(&mut self) -> Result<()> {
        while self.due > 0 {
            let end = self.ring.len().min(self.write_at + self.due);
            let written = self.peer.write(&self.ring[self.write_at..end])?;
            if written == 0 {
                return Ok(());
            }
            self.due -= written;
            self.write_at = (self.write_at + written) % self.ring.len();
        }
        Ok(())
    }

    /// Takes acknowledgements, and replaces what they are for.
    fn read(&mut self, now: u64, piece: &mut Piece, latencies: &mut Histogram) -> Result<usize> {
        let Self {
            peer, oldest, sent, ..
        } = self;
        let came = peer.read(wire::ACK_BYTES, piece, |ack| {
            check_ack(ack, wire::PUBACK)?;
            let id = usize::from(u16::from_be_bytes([ack[2], ack[3]]));
            ensure!(id == *oldest + 1, "acknowledgements out of order");
            latencies.add(now.saturating_sub(sent[*oldest]));
            sent[*oldest] = now;
            *oldest = (*oldest + 1) % sent.len();
            Ok(())
        })?;
        let Came::Packets(count) = came else {
            bail!("the server has closed a connection");
        };
        self.due += count * self.packet_bytes;
        self.write()?;
        Ok(count)
    }
}

/// Runs the load; the first fifth of the time is not counted.
pub(super) fn run(server: SocketAddr, load: Load) -> Result<Figures> {
    let mut poll = Poll::new()?;
    let publishers = (0..load.connections).map(|number| Publisher::new(server, number, load));
    let mut publishers: Vec<_> = publishers.collect::<Result<_>>().context("opening")?;
    for (name, publisher) in publishers.iter_mut().enumerate() {
        poll.add(&publisher.peer, name)?;
    }
    let began = Instant::now();
    let nanos = |at: Instant| at.duration_since(began).as_nanos() as u64;
    for publisher in &mut publishers {
        publisher.sent.fill(nanos(Instant::now()));
        publisher.write()?;
    }
    let (mut piece, mut ready, mut latencies) = (Piece::new(), Vec::new(), Histogram::new());
    let (mut acked, mut uncounted, mut counted_from) = (0, 0, None);
    loop {
        poll.wait(Duration::from_millis(100), &mut ready)?;
        let now = Instant::now();
        let took = now.duration_since(began);
        if counted_from.is_none() && took >= load.duration / 5 {
            latencies.clear();
            (acked, uncounted, counted_from) = (0, acked, Some(now));
        }
        if took >= load.duration {
            break;
        }
        for name in &ready {
            acked += publishers[*name].read(nanos(now), &mut piece, &mut latencies)? as u64;
        }
        for publisher in publishers.iter_mut().filter(|it| it.due > 0) {
            publisher.write()?;
        }
    }
    let took = counted_from.map_or(load.duration, |from| from.elapsed());
    Ok(Figures {
        msgs_per_s: (acked as f64 / took.as_secs_f64()).round(),
        ack_us_p50: round(latencies.micros(0.5)),
        ack_us_p99: round(latencies.micros(0.99)),
        acked: acked + uncounted,
    })
}
