//! One that publishes with QoS 0, many that subscribe to it.
//!
//! The age of a message counts from the moment at which it was due, in steps of a millisecond, which is
//! how exactly the generator wakes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;

use super::histogram::Histogram;
use super::peers::{Came, Peer, Piece, Poll};
use super::wire;
use crate::figures::round;

/// Messages per second, one step after the other.
const RATES: [f64; 10] = [
    50.0, 100.0, 200.0, 400.0, 800.0, 1_600.0, 3_200.0, 6_400.0, 12_800.0, 25_600.0,
];
/// The step whose latency is reported.
pub(super) const LATENCY_RATE: f64 = RATES[0];
/// A server that delivers less of what was offered is saturated.
const ENOUGH: f64 = 0.95;
/// How long nothing may come until a step is over, and how long it may go on.
const QUIET: Duration = Duration::from_millis(300);
const DRAIN: Duration = Duration::from_secs(10);

const TOPIC: &str = "bench/fan-out";

/// One rate.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Step {
    /// Messages per second that the server took.
    pub(super) published_per_s: f64,
    /// Messages per second that subscribers got while it lasted.
    pub(super) delivered_per_s: f64,
    /// Share of all that was published that came, to its end.
    pub(super) arrived: f64,
    /// Age, milliseconds.
    pub(super) ms_p50: f64,
    pub(super) ms_p99: f64,
}

struct FanOut {
    began: Instant,
    poll: Poll,
    publisher: Peer,
    subscribers: Vec<Peer>,
    packet: Vec<u8>,
    ages: Histogram,
    piece: Piece,
    ready: Vec<usize>,
    got: u64,
    /// What was written of a packet that did not go whole.
    begun: usize,
}

/// All steps up to the first beyond saturation.
pub(super) fn run(
    server: SocketAddr,
    subscribers: usize,
    size: usize,
    step: Duration,
) -> Result<Vec<Step>> {
    let mut fan_out = FanOut::open(server, subscribers, size)?;
    let mut steps = Vec::new();
    for rate in RATES {
        let done = fan_out.step(rate, step)?;
        steps.push(done);
        if done.delivered_per_s < ENOUGH * rate * subscribers as f64 {
            break;
        }
    }
    Ok(steps)
}

impl FanOut {
    fn open(server: SocketAddr, count: usize, size: usize) -> Result<Self> {
        let poll = Poll::new()?;
        let subscribe = wire::subscribe(TOPIC, 0);
        let mut subscribers = Vec::with_capacity(count);
        for name in 0..count {
            let hello = wire::connect(&format!("fan-{name:05}"), true);
            let peer = Peer::greeted(server, &hello, &[&subscribe])?;
            poll.add(&peer, name)?;
            subscribers.push(peer);
        }
        Ok(Self {
            began: Instant::now(),
            poll,
            publisher: Peer::greeted(server, &wire::connect("fan-publisher", true), &[])?,
            subscribers,
            packet: wire::publish(TOPIC, None, &vec![0; size.max(8)]),
            ages: Histogram::new(),
            piece: Piece::new(),
            ready: Vec::new(),
            got: 0,
            begun: 0,
        })
    }

    /// Where in a packet its time stands.
    fn stamp_at(&self) -> usize {
        let varint = if self.packet[1] & 128 == 0 { 1 } else { 2 };
        1 + varint + 2 + TOPIC.len()
    }

    fn step(&mut self, rate: f64, length: Duration) -> Result<Step> {
        self.ages.clear();
        self.got = 0;
        let began = Instant::now();
        let mut published = 0_u64;
        while began.elapsed() < length {
            let due = (began.elapsed().as_secs_f64() * rate) as u64;
            while published < due {
                let due_at = began + Duration::from_secs_f64(published as f64 / rate);
                if !self.publish(due_at)? {
                    break;
                }
                published += 1;
            }
            let next = Duration::from_secs_f64((published + 1) as f64 / rate);
            let wait = next.saturating_sub(began.elapsed());
            self.read(wait.clamp(Duration::from_millis(1), Duration::from_millis(10)))?;
        }
        let took = began.elapsed().as_secs_f64();
        let in_time = self.got;
        let ended = Instant::now();
        while self.read(QUIET)? && ended.elapsed() < DRAIN {}
        let all = published as f64 * self.subscribers.len() as f64;
        Ok(Step {
            published_per_s: round(published as f64 / took),
            delivered_per_s: (in_time as f64 / took).round(),
            arrived: (self.got as f64 / all.max(1.0) * 1_000.0).round() / 1_000.0,
            ms_p50: (self.ages.micros(0.5) / 10.0).round() / 100.0,
            ms_p99: (self.ages.micros(0.99) / 10.0).round() / 100.0,
        })
    }

    /// Publishes one; not if the server does not take it now.
    fn publish(&mut self, due_at: Instant) -> Result<bool> {
        if self.begun == 0 {
            let at = self.stamp_at();
            let nanos = due_at.duration_since(self.began).as_nanos() as u64;
            self.packet[at..at + 8].copy_from_slice(&nanos.to_be_bytes());
        }
        self.begun += self.publisher.write(&self.packet[self.begun..])?;
        if self.begun < self.packet.len() {
            return Ok(false);
        }
        self.begun = 0;
        Ok(true)
    }

    /// Reads what has come. Says whether there was any.
    fn read(&mut self, wait: Duration) -> Result<bool> {
        self.poll.wait(wait, &mut self.ready)?;
        let now = self.began.elapsed().as_nanos() as u64;
        let (length, at) = (self.packet.len(), self.stamp_at());
        for name in &self.ready {
            let ages = &mut self.ages;
            let came = self.subscribers[*name].read(length, &mut self.piece, |packet| {
                let mut stamp = [0; 8];
                stamp.copy_from_slice(&packet[at..at + 8]);
                if packet[0] != 0x30 {
                    bail!("the server sends something else");
                }
                ages.add(now.saturating_sub(u64::from_be_bytes(stamp)));
                Ok(())
            })?;
            match came {
                Came::Packets(count) => self.got += count as u64,
                Came::End => bail!("the server has closed the connection of a subscriber"),
            }
        }
        Ok(!self.ready.is_empty())
    }
}
