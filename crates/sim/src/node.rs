//! A node: what survives on its machine, and the process that runs there, if one does.

use std::collections::VecDeque;

use spica_alerts::{NoticeId, Outcome};
use spica_model::{Epoch, Seq};
use spica_pair::follow::{Follower, Leader};
use spica_pair::{Config, Gate, Pair};

use crate::book::Book;
use crate::desk::Desk;
use crate::disk::Disk;
use crate::queue::Happens;
use crate::view::View;
use crate::words::{DESK_SPEED, Entry, Key, MS, Us, WALL_ORIGIN};

/// Who waits for a record to be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// A client's request.
    Client { client: u8, request: u32 },
    /// A device that gets the command once it is noted as sent.
    Device {
        client: u8,
        request: u32,
        command: u16,
    },
    /// The partner, for a fact that it had put aside.
    Partner { of: Key },
    /// This node, for a fact that it had put aside.
    Own { of: Key },
    /// The desk, for what it has decided.
    Desk,
}

/// A process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pair: Pair,
    pub(crate) gate: Gate,
    /// The epoch in which it takes records in.
    pub(crate) leads: Option<Epoch>,
    pub(crate) draining: bool,
    /// The journal's newest epoch, whether or not that is durable.
    pub(crate) epoch: u32,
    /// What is acknowledged, as far as it knows.
    pub(crate) committed: [u64; 2],
    /// The ends of its lanes when it began to lead: all of that may have been acknowledged before.
    pub(crate) inherited: [u64; 2],
    pub(crate) leader: Option<Leader>,
    /// Up to where each lane was sent on this link.
    pub(crate) sent: [u64; 2],
    pub(crate) follower: Option<Follower>,
    /// Where the active's lanes ended when this node began to follow.
    pub(crate) ends_of_active: [u64; 2],
    pub(crate) waiters: [VecDeque<(u64, Waiter)>; 2],
    /// Requests that wait for a take-over.
    pub(crate) parked: Vec<(u8, u32)>,
    pub(crate) view: View,
    /// The place of each key, 0 for none.
    places: Vec<u32>,
    /// How far the handler is.
    pub(crate) cursor: [u64; 2],
    /// When the core wants to be woken.
    pub(crate) tick_at: Us,
    /// Since when the oldest waiting record waits.
    pub(crate) waits_since: Option<Us>,
    /// When something came over the link.
    pub(crate) heard: Us,
    /// What the handler has taken and not yet worked on.
    pub(crate) taken: [u64; 2],
    /// What must be committed before a desk begins: what was placed when this node began to serve.
    pub(crate) desk_after: Option<[u64; 2]>,
    /// The desk, while it works.
    pub(crate) desk: Option<Box<Desk>>,
    /// What became of messages, and which requests of operators wait for the desk.
    pub(crate) answers: Vec<(NoticeId, Outcome)>,
    pub(crate) orders: Vec<(u8, u32)>,
}

impl Process {
    pub(crate) fn new(pair: Pair, disk: &Disk, book: &Book, now: Us) -> Self {
        let mut process = Self {
            pair,
            gate: Gate::Closed,
            leads: None,
            draining: false,
            epoch: disk.epoch,
            committed: [0; 2],
            inherited: [0; 2],
            leader: None,
            sent: [0; 2],
            follower: None,
            ends_of_active: [0; 2],
            waiters: Default::default(),
            parked: Vec::new(),
            view: View::default(),
            places: vec![0; book.len()],
            cursor: disk.cursor,
            tick_at: Us::MAX,
            waits_since: None,
            heard: now,
            taken: disk.cursor,
            desk_after: None,
            desk: None,
            answers: Vec::new(),
            orders: Vec::new(),
        };
        for lane in &disk.lanes {
            for (place, entry) in (1..).zip(&lane.entries) {
                process.note(*entry, place);
            }
        }
        process
    }

    /// Where the fact with this key stands in its lane.
    pub(crate) fn place_of(&self, key: Key) -> Option<u64> {
        let place = self.places.get(key as usize).copied().unwrap_or(0);
        (place > 0).then_some(u64::from(place))
    }

    /// Remembers where a fact stands.
    pub(crate) fn note(&mut self, entry: Entry, place: u64) {
        let key = entry.key as usize;
        if self.places.len() <= key {
            self.places.resize(key + 64, 0);
        }
        self.places[key] = u32::try_from(place).unwrap_or(u32::MAX);
    }

    /// Up to where records may be acknowledged by the gate, given what is flushed here. Nothing
    /// changes while it is closed.
    pub(crate) fn limit(&self, lane: usize, flushed: u64) -> u64 {
        let lane_name = spica_model::Lane::ALL[lane];
        match (self.gate, &self.leader) {
            (Gate::Solo, _) => flushed,
            (Gate::Pair, Some(leader)) => flushed.min(leader.has(lane_name).0),
            (Gate::Pair, None) | (Gate::Closed, _) => 0,
        }
    }

    /// The ends of all that may have been acknowledged: what was so in this reign, and whatever it
    /// began with.
    pub(crate) fn acknowledged(&self) -> [Seq; 2] {
        [0, 1].map(|lane| Seq(self.committed[lane].max(self.inherited[lane])))
    }
}

/// A node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) disk: Disk,
    pub(crate) process: Option<Process>,
    /// Number of the process's life.
    pub(crate) boot: u32,
    /// Whether the process stands still, and what it will find when it goes on.
    pub(crate) paused: bool,
    pub(crate) missed: Vec<Happens>,
    /// The wall clock against true time, in seconds as the desk counts them.
    pub(crate) wall: i64,
    /// Whether there is nothing that could refuse a connection: the machine is off.
    pub(crate) dark: bool,
    /// What operators were told.
    pub(crate) told: Vec<&'static str>,
}

impl Node {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            disk: Disk::new(),
            process: None,
            boot: 0,
            paused: false,
            missed: Vec::new(),
            wall: 0,
            dark: false,
            told: Vec::new(),
        }
    }

    /// The wall clock, in milliseconds from an origin long ago.
    pub(crate) fn wall_clock(&self, now: Us) -> u32 {
        let milliseconds = WALL_ORIGIN + (now / MS) as i64 + self.wall * 1_000 / DESK_SPEED;
        u32::try_from(milliseconds).unwrap_or(0)
    }
}
