//! The world: two nodes, what is between them, and who wants something of them.

use std::time::Duration;

use spica_model::Epoch;
use spica_pair::{Config, Output, Side};

use crate::book::Book;
use crate::chance::Chance;
use crate::client::Client;
use crate::desk::Center;
use crate::net::Net;
use crate::node::Node;
use crate::oracle::Oracle;
use crate::plan::Plan;
use crate::plant::Plant;
use crate::profile::Profile;
use crate::queue::{Happens, Queue};
use crate::trace::Trace;
use crate::words::{MS, SECOND, Us};

/// For how long the world may take to recover after all faults are over.
pub(crate) const RECOVERY: Us = 15 * SECOND;

/// The world.
pub(crate) struct World {
    pub(crate) now: Us,
    pub(crate) queue: Queue,
    pub(crate) chance: Chance,
    pub(crate) profile: Profile,
    pub(crate) plant: Option<Plant>,
    pub(crate) plan: Plan,
    pub(crate) nodes: [Node; 2],
    pub(crate) net: Net,
    /// What the witness has recorded, and by how many faults it is gone.
    pub(crate) witness: (Option<Epoch>, u32),
    pub(crate) book: Book,
    pub(crate) clients: Vec<Client>,
    pub(crate) oracle: Oracle,
    pub(crate) trace: Trace,
    /// Who is told of alarms, if there are any in this world.
    pub(crate) center: Option<Box<Center>>,
    /// How many faults hold at present.
    pub(crate) holding: u32,
    /// How many faults of the plan have not begun.
    pub(crate) to_come: usize,
    /// When all faults are over.
    pub(crate) healed_at: Option<Us>,
    /// Since when the pair has looked complete.
    pub(crate) calm_since: Option<Us>,
    /// Whether somebody else says when it is over.
    pub(crate) scripted: bool,
    pub(crate) events: u64,
    /// Lists that are used again and again.
    spare: Vec<Vec<Output>>,
}

/// What differs from run to run besides the faults.
pub(crate) fn config(chance: &mut Chance, profile: &Profile) -> Config {
    let heartbeat = [20, 20, 50, 100][chance.below(4) as usize];
    Config {
        heartbeat: Duration::from_millis(heartbeat),
        dead_after: Duration::from_millis(heartbeat * chance.between(2, 4)),
        witness: profile.witness,
        solo: profile.solo,
        ask_again: Duration::from_millis(2 * heartbeat),
        join_within: [0, 2, 8, 4_096][chance.below(4) as usize],
        side: Side::Primary,
    }
}

impl World {
    /// A world in which nothing has happened yet.
    pub(crate) fn new(
        mut chance: Chance,
        config: Config,
        profile: Profile,
        plan: Plan,
        plant: Option<Plant>,
        trace: Trace,
    ) -> Self {
        let nodes = [Side::Primary, Side::Backup].map(|side| Node::new(Config { side, ..config }));
        let net = Net::new(&mut chance);
        Self {
            now: 0,
            queue: Queue::with_capacity(256),
            chance,
            profile,
            plant,
            to_come: plan.faults.len(),
            plan,
            nodes,
            net,
            witness: (None, 0),
            book: Book::default(),
            clients: Vec::new(),
            oracle: Oracle::new(profile),
            trace,
            center: None,
            holding: 0,
            healed_at: None,
            calm_since: None,
            scripted: false,
            events: 0,
            spare: Vec::new(),
        }
    }

    /// Lets the nodes start, the clients begin and the faults of the plan come.
    pub(crate) fn begin(&mut self, both: [bool; 2]) {
        for node in [0, 1].into_iter().filter(|node| both[*node]) {
            let at = self.chance.below(100 * MS);
            self.start_after(node, at);
        }
        self.after(MS, Happens::Dial);
        self.after(50 * MS, Happens::Look);
        for (index, fault) in (0..).zip(&self.plan.faults) {
            let begins = Happens::Fault { index, ends: false };
            self.queue.push(fault.at, begins);
        }
    }

    /// Runs until the world is at rest, an invariant breaks, or `until`.
    pub(crate) fn run(&mut self, until: Us) -> bool {
        while self.oracle.broken.is_none() {
            let Some((at, happens)) = self.queue.pop() else {
                return true;
            };
            if at > until {
                self.queue.push(at, happens);
                self.now = until;
                return false;
            }
            self.now = at;
            self.events += 1;
            self.dispatch(happens);
            if self.oracle.finished {
                return true;
            }
        }
        true
    }

    /// Foresees something.
    pub(crate) fn after(&mut self, time: Us, happens: Happens) {
        self.queue.push(self.now + time, happens);
    }

    fn dispatch(&mut self, happens: Happens) {
        if let Some((node, boot)) = happens.process() {
            let at = &mut self.nodes[node];
            if boot.is_some_and(|boot| boot != at.boot) {
                return;
            }
            if at.paused {
                at.missed.push(happens);
                return;
            }
        }
        self.happen(happens);
    }

    fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::Fault { index, ends: false } => self.fault_begins(index),
            Happens::Fault { index, ends: true } => self.fault_ends(index),
            Happens::Start { node, boot } => self.start(node as usize, boot),
            Happens::Tick { node, .. } => self.tick(node as usize),
            Happens::Ping { node, .. } => self.ping(node as usize),
            Happens::Flushed { node, disk, lane } => self.flushed(node as usize, disk, lane),
            Happens::Synced { node, lane, .. } => self.synced(node as usize, lane as usize),
            Happens::Stored { node, disk, boot } => self.stored(node as usize, disk, boot),
            Happens::Begun {
                node,
                disk,
                boot,
                epoch,
            } => self.begun(node as usize, disk, boot, epoch),
            Happens::Handle { node, .. } => self.handle(node as usize),
            Happens::CursorSaved {
                node, lane, place, ..
            } => self.cursor_saved(node as usize, lane as usize, u64::from(place)),
            Happens::PutAside {
                node,
                disk,
                lane,
                common,
            } => self.put_aside(node as usize, disk, lane, u64::from(common)),
            Happens::Deliver { node } => self.deliver(node as usize),
            Happens::LinkBroken { node, connection } => {
                self.link_broken(node as usize, connection);
            }
            Happens::Dial => self.dial(),
            Happens::LinkUp { connection, boots } => self.link_up(connection, boots),
            Happens::Arrive {
                node,
                client,
                request,
            } => self.arrive(node as usize, client, request),
            Happens::Reply {
                client,
                request,
                outcome,
            } => self.replied(client, request, outcome),
            Happens::TimedOut { client, request } => self.timed_out(client, request),
            Happens::Next { client, request } => self.next(client, request),
            Happens::Asked {
                node,
                boot,
                epoch,
                basis,
            } => self.asked(node as usize, boot, epoch, basis),
            Happens::Answered {
                node,
                epoch,
                answer,
                ..
            } => self.answered(node as usize, epoch, answer),
            Happens::Desk { node, .. } => self.desk(node as usize),
            Happens::Told { node, answer, .. } => self.told(node as usize, answer),
            Happens::Look => self.look(),
        }
    }

    /// A list for outputs.
    pub(crate) fn list(&mut self) -> Vec<Output> {
        self.spare.pop().unwrap_or_default()
    }

    /// Gives a list back.
    pub(crate) fn give_back(&mut self, mut list: Vec<Output>) {
        list.clear();
        self.spare.push(list);
    }
}
