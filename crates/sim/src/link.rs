//! The link between the two nodes: dialled, established, used and broken.

use spica_model::Seq;
use spica_pair::Event;

use crate::net::Frame;
use crate::queue::Happens;
use crate::words::{MS, Us};
use crate::world::World;

impl World {
    /// The backup dials while it has no connection.
    pub(crate) fn dial(&mut self) {
        let again = self.chance.between(MS, 6 * MS);
        self.after(again, Happens::Dial);
        let runs = |node: usize| {
            let node = &self.nodes[node];
            node.process.is_some() && !node.paused
        };
        if !runs(0) || !runs(1) || !self.net.is_linked() || self.net.sides[1].is_some() {
            return;
        }
        self.net.newest += 1;
        let connection = self.net.newest;
        let boots = [self.nodes[0].boot, self.nodes[1].boot];
        let time = 2 * self.net.travel(0, &mut self.chance) + self.net.travel(1, &mut self.chance);
        self.after(time, Happens::LinkUp { connection, boots });
    }

    pub(crate) fn link_up(&mut self, connection: u32, boots: [u32; 2]) {
        let alive = |node: usize| {
            self.nodes[node].boot == boots[node] && self.nodes[node].process.is_some()
        };
        let newest = connection == self.net.newest && self.net.sides[1].is_none();
        if !alive(0) || !alive(1) || !self.net.is_linked() || !newest {
            return;
        }
        self.trace
            .note(self.now, || format!("link {connection} is up"));
        for node in [0, 1] {
            if self.net.sides[node].is_some() {
                // The other side had given it up; this one hears of it now.
                self.net.sides[node] = None;
                self.link_closed(node);
            }
        }
        self.net.connected(connection);
        let now = self.now;
        for node in [0, 1] {
            if let Some(process) = &mut self.nodes[node].process {
                process.heard = now;
            }
            self.hello(node);
        }
    }

    /// Sends a frame to the partner, if there is a connection.
    pub(crate) fn send(&mut self, node: usize, frame: Frame) {
        let Some(connection) = self.net.sides[node] else {
            return;
        };
        let to = 1 - node;
        let arrives = self
            .net
            .send(self.now, to, connection, frame, &mut self.chance);
        if let Some(at) = arrives {
            let node = to as u8;
            self.queue.push(at, Happens::Deliver { node });
        }
    }

    /// The first packet to a node has arrived.
    pub(crate) fn deliver(&mut self, node: usize) {
        let Some((connection, frame, next)) = self.net.receive(node, self.now) else {
            return;
        };
        if let Some(at) = next {
            let node = node as u8;
            self.queue.push(at, Happens::Deliver { node });
        }
        if self.net.sides[node] != Some(connection) {
            // A connection that this side does not know: the sender is told.
            if self.net.sides[1 - node] == Some(connection) && self.net.is_linked() {
                let time = self.net.travel(1 - node, &mut self.chance);
                let node = 1 - node as u8;
                self.after(time, Happens::LinkBroken { node, connection });
            }
            return;
        }
        self.heard(node, frame);
    }

    pub(crate) fn link_broken(&mut self, node: usize, connection: u32) {
        if self.net.sides[node] == Some(connection) {
            self.net.sides[node] = None;
            self.link_closed(node);
        }
    }

    /// A node gives the connection up.
    pub(crate) fn cut_link(&mut self, node: usize) {
        self.send(node, Frame::Closed);
        self.net.sides[node] = None;
        self.link_closed(node);
    }

    fn link_closed(&mut self, node: usize) {
        let Some(process) = &mut self.nodes[node].process else {
            return;
        };
        process.leader = None;
        process.follower = None;
        if process.leads.is_some() {
            self.event(node, Event::Lag(None));
        }
    }

    /// Whether nothing has come over the link for too long.
    pub(crate) fn watch_link(&mut self, node: usize, patience: Us) {
        let silent = self.nodes[node]
            .process
            .as_ref()
            .is_some_and(|process| self.now - process.heard > patience);
        if silent && self.net.sides[node].is_some() {
            self.cut_link(node);
        }
    }

    fn heard(&mut self, node: usize, frame: Frame) {
        let now = self.now;
        let Some(process) = &mut self.nodes[node].process else {
            return;
        };
        process.heard = now;
        match frame {
            Frame::Say(message) => self.event(node, Event::Received(message)),
            Frame::Hello(theirs) => self.compare(node, &theirs),
            Frame::Begin { reign, begin, ends } => self.begins(node, reign, begin, ends),
            Frame::Batch {
                lane,
                reign,
                first,
                entries,
                committed,
                cursor,
            } => {
                self.batch(node, lane as usize, reign, first, &entries);
                self.committed(node, committed, cursor);
            }
            Frame::Committed { committed, cursor } => self.committed(node, committed, cursor),
            Frame::Ack { ends } => self.acked(node, ends),
            Frame::Again { key, of } => self.again(node, key, of),
            Frame::AgainKept { of } => self.again_kept(node, of),
            Frame::Fetch { lane, place } => self.fetch(node, lane, place),
            Frame::Fetched { lane, place, entry } => self.fetched(node, lane, place, entry),
            Frame::Closed => {
                self.net.sides[node] = None;
                self.link_closed(node);
            }
        }
    }
}

/// Places of both lanes as the link writes them.
pub(crate) fn places(of: [Seq; 2]) -> [u64; 2] {
    of.map(|seq| seq.0)
}
