//! The network: one ordered connection between the two nodes, and paths to clients and the witness.
//!
//! Loss, duplication and reordering happen below the connection and show as delays and as
//! connections that break. What a cut holds back arrives when it heals, unless somebody has given
//! the connection up by then.

use std::collections::VecDeque;

use smallvec::SmallVec;
use spica_model::{Epoch, Seq};
use spica_pair::Message;
use spica_pair::follow::Begin;
use spica_pair::history::History;

use crate::chance::Chance;
use crate::words::{Entry, Key, MS, Us};

/// What goes over the link.
#[derive(Debug, Clone)]
pub(crate) enum Frame {
    /// What the cores say to each other.
    Say(Message),
    /// The passive: I want to follow; so stand my lanes.
    Hello(Box<[History; 2]>),
    /// The active: so each lane begins; up to there I have records.
    Begin {
        reign: Epoch,
        begin: [Begin; 2],
        ends: [Seq; 2],
    },
    /// Records.
    Batch {
        lane: u8,
        reign: Epoch,
        first: Seq,
        entries: SmallVec<[Entry; 4]>,
        committed: [u64; 2],
        cursor: [u64; 2],
    },
    /// So much is committed, and so far is the handler.
    Committed {
        committed: [u64; 2],
        cursor: [u64; 2],
    },
    /// The passive: on my disk up to there.
    Ack { ends: [Seq; 2] },
    /// The passive: take this fact in again, which I had put aside.
    Again { key: Key, of: Key },
    /// The active: it is kept.
    AgainKept { of: Key },
    /// The passive: my copy of this record is damaged.
    Fetch { lane: u8, place: u64 },
    /// The active: here it is.
    Fetched { lane: u8, place: u64, entry: Entry },
    /// The process at the other end has closed.
    Closed,
}

#[derive(Debug)]
struct Packet {
    at: Us,
    connection: u32,
    frame: Frame,
}

/// One direction of the link, named by who receives.
#[derive(Debug, Default)]
pub(crate) struct Way {
    packets: VecDeque<Packet>,
    /// Whether the arrival of the first packet is foreseen.
    pub(crate) armed: bool,
    /// How many faults cut it.
    pub(crate) cut: u32,
}

/// The network.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) ways: [Way; 2],
    /// Number of the newest connection.
    pub(crate) newest: u32,
    /// The connection each side believes in.
    pub(crate) sides: [Option<u32>; 2],
    /// For each half of the clients and each node: faults that lose requests, and replies.
    pub(crate) clients: [[[u32; 2]; 2]; 2],
    /// For each node: faults that lose questions to the witness, and answers.
    pub(crate) witness: [[u32; 2]; 2],
    /// Percent of the packets that are lost once, in the sum of the faults.
    pub(crate) loss: u64,
    /// What every packet takes longer.
    pub(crate) delay: Us,
    /// The least time of a packet, per receiver.
    pub(crate) base: [Us; 2],
}

impl Net {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        Self {
            ways: Default::default(),
            newest: 0,
            sides: [None; 2],
            clients: Default::default(),
            witness: Default::default(),
            loss: 0,
            delay: 0,
            base: [0, 1].map(|_| chance.between(30, 400)),
        }
    }

    /// How long a packet takes to a node, or from it: the delay and, when it is lost, the time until
    /// it is sent again.
    pub(crate) fn travel(&self, node: usize, chance: &mut Chance) -> Us {
        let mut time = self.base[node] + chance.below(self.base[node]) + self.delay;
        let mut again = 40 * MS;
        while self.loss > 0 && again < 500 * MS && chance.percent(self.loss) {
            time += again;
            again *= 2;
        }
        time
    }

    pub(crate) fn is_linked(&self) -> bool {
        self.ways.iter().all(|way| way.cut == 0)
    }

    /// Puts a frame on its way to `to`; says when it arrives, if nothing is before it.
    pub(crate) fn send(
        &mut self,
        now: Us,
        to: usize,
        connection: u32,
        frame: Frame,
        chance: &mut Chance,
    ) -> Option<Us> {
        let travel = self.travel(to, chance);
        let way = &mut self.ways[to];
        let before = way.packets.back().map_or(0, |packet| packet.at);
        let at = before.max(now + travel);
        way.packets.push_back(Packet {
            at,
            connection,
            frame,
        });
        if way.armed || way.cut > 0 {
            return None;
        }
        way.armed = true;
        Some(at)
    }

    /// The first packet of a way has arrived: its connection and frame, and when the next one does.
    pub(crate) fn receive(&mut self, to: usize, now: Us) -> Option<(u32, Frame, Option<Us>)> {
        let way = &mut self.ways[to];
        way.armed = false;
        if way.cut > 0 {
            return None;
        }
        let packet = way.packets.pop_front()?;
        let next = way.packets.front().map(|packet| packet.at.max(now));
        way.armed = next.is_some();
        Some((packet.connection, packet.frame, next))
    }

    /// A way is no longer cut: when its first packet arrives.
    pub(crate) fn mended(&mut self, to: usize, now: Us, chance: &mut Chance) -> Option<Us> {
        let way = &mut self.ways[to];
        if way.cut > 0 || way.armed || way.packets.is_empty() {
            return None;
        }
        way.armed = true;
        // When the sender tries next.
        Some(now + chance.between(1, 100 * MS))
    }

    /// A new connection: what was on older ones never arrives.
    pub(crate) fn connected(&mut self, connection: u32) {
        self.sides = [Some(connection); 2];
        for way in &mut self.ways {
            way.packets.retain(|packet| packet.connection == connection);
        }
    }
}
