//! The copying of records: the active's and the passive's side of the link.

use smallvec::SmallVec;
use spica_model::{Epoch, Lane, Seq};
use spica_pair::follow::{Accepted, Begin, Follower, Leader, Window};
use spica_pair::history::History;
use spica_pair::star::State;
use spica_pair::{Event, Gate};

use crate::disk::LaneDisk;
use crate::link::places;
use crate::net::Frame;
use crate::node::Waiter;
use crate::plant::Plant;
use crate::queue::Happens;
use crate::words::{Entry, NODES, Outcome};
use crate::world::World;

/// Most records of a batch.
const BATCH: u64 = 16;

/// What may be on the way: small, so that windows fill.
const WINDOW: Window = Window { bytes: 64 };

impl World {
    /// A passive that is linked and does not yet follow says where it stands.
    pub(crate) fn hello(&mut self, node: usize) {
        let at = &self.nodes[node];
        let Some(process) = &at.process else { return };
        let follows = process.follower.is_some() || process.leads.is_some();
        if follows || process.pair.status().state != State::Passive {
            return;
        }
        let flushed = |lane: &LaneDisk| lane.synced == lane.end();
        if !at.disk.lanes.iter().all(flushed) {
            // What it says that it has must be on its disk.
            return;
        }
        let histories = at.disk.lanes.each_ref().map(|lane| lane.history());
        self.send(node, Frame::Hello(Box::new(histories)));
    }

    /// The active compares the follower's histories with its own.
    pub(crate) fn compare(&mut self, node: usize, theirs: &[History; 2]) {
        let at = &mut self.nodes[node];
        let Some(process) = &mut at.process else {
            return;
        };
        if process.leads.is_none() {
            return;
        }
        let mine = at.disk.lanes.each_ref().map(|lane| lane.history());
        let mut begin = Leader::compare(&mine, theirs);
        if self.plant == Some(Plant::AssumeHistories) {
            begin = [0, 1].map(|lane| Begin::After(theirs[lane].last.min(mine[lane].last)));
        }
        let reign = Epoch(process.epoch);
        let ends = mine.each_ref().map(|history| history.last);
        process.leader = match begin {
            [Begin::After(critical), Begin::After(normal)] => {
                let mut leader = Leader::new([critical, normal], WINDOW);
                for lane in Lane::ALL {
                    leader.staged(lane, ends[lane.index()]);
                }
                process.sent = [critical.0, normal.0];
                Some(leader)
            }
            _ => None,
        };
        let lag = process.leader.as_ref().map(Leader::lag);
        self.send(node, Frame::Begin { reign, begin, ends });
        for lane in Lane::ALL {
            if let Begin::Parted { common } = begin[lane.index()] {
                self.event(node, Event::Parted { lane, common });
            }
        }
        self.event(node, Event::Lag(lag));
        self.advance(node);
        self.pump(node);
    }

    /// The passive hears where each lane begins.
    pub(crate) fn begins(&mut self, node: usize, reign: Epoch, begin: [Begin; 2], ends: [Seq; 2]) {
        let skip_check = self.plant == Some(Plant::SkipEpochCheck);
        let at = &mut self.nodes[node];
        let Some(process) = &mut at.process else {
            return;
        };
        if process.pair.status().state != State::Passive || process.leads.is_some() {
            return;
        }
        if reign.0 < process.epoch && !skip_check {
            return self.cut_link(node);
        }
        for lane in Lane::ALL {
            if let Begin::Parted { common } = begin[lane.index()] {
                return self.event(node, Event::Parted { lane, common });
            }
        }
        if let [Begin::After(critical), Begin::After(normal)] = begin {
            let own = [0, 1].map(|lane| Seq(at.disk.lanes[lane].end()));
            let assumes = self.plant == Some(Plant::AssumeHistories);
            if own == [critical, normal] || assumes {
                process.follower = Some(Follower::new(reign, own));
                process.ends_of_active = places(ends);
                self.repair(node);
                self.reenter(node);
            }
        }
    }

    /// Sends what may be sent.
    pub(crate) fn pump(&mut self, node: usize) {
        loop {
            let at = &mut self.nodes[node];
            let Some(process) = &mut at.process else {
                return;
            };
            let Some(leader) = &mut process.leader else {
                return;
            };
            let Some(lane) = leader.next() else { return };
            let index = lane.index();
            let entries = &at.disk.lanes[index].entries;
            let after = process.sent[index];
            let last = (after + BATCH).min(entries.len() as u64);
            if last <= after {
                return;
            }
            let batch = SmallVec::from_slice(&entries[after as usize..last as usize]);
            leader.sent(lane, Seq(last), batch.len());
            process.sent[index] = last;
            let frame = Frame::Batch {
                lane: index as u8,
                reign: Epoch(process.epoch),
                first: Seq(after + 1),
                entries: batch,
                committed: process.committed,
                cursor: at.disk.cursor,
            };
            self.send(node, frame);
        }
    }

    /// A batch has come to the passive.
    pub(crate) fn batch(
        &mut self,
        node: usize,
        lane: usize,
        reign: Epoch,
        first: Seq,
        entries: &[Entry],
    ) {
        let plant = self.plant;
        let at = &mut self.nodes[node];
        let wall = at.wall_clock(self.now);
        let Some(process) = &mut at.process else {
            return;
        };
        let takes_all = plant == Some(Plant::SkipEpochCheck);
        if takes_all && process.follower.is_none() {
            let ends = [0, 1].map(|lane| Seq(at.disk.lanes[lane].end()));
            process.follower = Some(Follower::new(Epoch(0), ends));
        }
        let Some(follower) = &mut process.follower else {
            return;
        };
        if at.disk.full {
            return self.cut_link(node);
        }
        let newest = if takes_all {
            Epoch(0)
        } else {
            Epoch(process.epoch)
        };
        let count = entries.len() as u32;
        match follower.accept(Lane::ALL[lane], reign, newest, first, count) {
            Ok(Accepted::Known) => return,
            Ok(Accepted::Place) => {}
            Err(refused) => {
                self.trace
                    .note(self.now, || format!("{}: {refused}", NODES[node]));
                return self.cut_link(node);
            }
        }
        let known = at.disk.lanes[lane].end() + 1 - first.0;
        for entry in &entries[known as usize..] {
            let mut entry = *entry;
            if plant == Some(Plant::OwnStamp) {
                entry.received = wall;
            }
            at.disk.lanes[lane].entries.push(entry);
            process.note(entry, at.disk.lanes[lane].end());
            process.epoch = process.epoch.max(entry.epoch);
        }
        self.flush(node, lane);
        if plant == Some(Plant::PassiveAcksStaged) {
            self.acknowledge(node);
        }
    }

    /// Flushes what a lane has written, if no flush is under way.
    pub(crate) fn flush(&mut self, node: usize, lane: usize) {
        let at = &mut self.nodes[node];
        let end = at.disk.lanes[lane].end();
        let idle = at.disk.lanes[lane].flushing.is_none();
        if !idle || at.disk.lanes[lane].synced >= end {
            return;
        }
        at.disk.lanes[lane].flushing = Some(end);
        let time = at.disk.flush_time(self.now, &mut self.chance);
        let flushed = Happens::Flushed {
            node: node as u8,
            disk: at.disk.life,
            lane: lane as u8,
        };
        self.queue.push(self.now + time, flushed);
    }

    /// The disk has flushed; the process may stand still meanwhile.
    pub(crate) fn flushed(&mut self, node: usize, disk: u32, lane: u8) {
        let at = &mut self.nodes[node];
        if at.disk.life != disk {
            return;
        }
        let on_disk = &mut at.disk.lanes[lane as usize];
        if let Some(end) = on_disk.flushing.take() {
            on_disk.synced = on_disk.synced.max(end.min(on_disk.end()));
        }
        let newest = on_disk.at(on_disk.synced).map_or(0, |entry| entry.epoch);
        at.disk.epoch = at.disk.epoch.max(newest);
        let synced = Happens::Synced {
            node: node as u8,
            boot: at.boot,
            lane,
        };
        if at.process.is_none() {
            return;
        }
        if at.paused {
            at.missed.push(synced);
        } else {
            self.synced(node, lane as usize);
        }
    }

    /// The process hears that a lane is flushed.
    pub(crate) fn synced(&mut self, node: usize, lane: usize) {
        self.flush(node, lane);
        let Some(process) = &self.nodes[node].process else {
            return;
        };
        if process.leads.is_some() {
            self.advance(node);
            // A node that leads follows nobody, unless a bug is planted.
            self.acknowledge(node);
        } else {
            self.alive(node);
            self.acknowledge(node);
            self.repair(node);
        }
    }

    /// Tells the core that the journal answers.
    pub(crate) fn alive(&mut self, node: usize) {
        let at = &self.nodes[node];
        let Some(process) = &at.process else { return };
        let answered = Event::Answered {
            ends: at.disk.whole(),
            epoch: Epoch(process.epoch),
        };
        self.event(node, answered);
    }

    /// The passive says what it has on its disk.
    fn acknowledge(&mut self, node: usize) {
        let at = &self.nodes[node];
        let staged = self.plant == Some(Plant::PassiveAcksStaged);
        let follows = at.process.as_ref().is_some_and(|p| p.follower.is_some());
        let ends = match staged {
            true => [0, 1].map(|lane| Seq(at.disk.lanes[lane].end())),
            false => at.disk.synced(),
        };
        if follows {
            self.send(node, Frame::Ack { ends });
        }
    }

    /// The active hears what the passive has on its disk.
    pub(crate) fn acked(&mut self, node: usize, ends: [Seq; 2]) {
        let Some(process) = &mut self.nodes[node].process else {
            return;
        };
        let Some(leader) = &mut process.leader else {
            return;
        };
        let known = Lane::ALL
            .iter()
            .all(|lane| leader.acked(*lane, ends[lane.index()]));
        let lag = leader.lag();
        if !known {
            return self.cut_link(node);
        }
        self.event(node, Event::Lag(Some(lag)));
        self.advance(node);
        self.pump(node);
    }

    /// The passive hears what is committed: its views may show it.
    pub(crate) fn committed(&mut self, node: usize, committed: [u64; 2], cursor: [u64; 2]) {
        let show_all = self.plant == Some(Plant::ShowUncommitted);
        let at = &mut self.nodes[node];
        let Some(process) = &mut at.process else {
            return;
        };
        if process.follower.is_none() {
            return;
        }
        for lane in [0, 1] {
            let own = at.disk.lanes[lane].synced;
            let limit = if show_all {
                own
            } else {
                own.min(committed[lane])
            };
            process.committed[lane] = process.committed[lane].max(limit);
            let safe = cursor[lane].min(process.committed[lane]);
            at.disk.cursor[lane] = at.disk.cursor[lane].max(safe);
        }
        self.show(node);
    }

    /// Folds what is committed into the node's view.
    fn show(&mut self, node: usize) {
        let at = &mut self.nodes[node];
        let Some(process) = &mut at.process else {
            return;
        };
        for lane in [0, 1] {
            while process.view.applied[lane] < process.committed[lane] {
                let place = process.view.applied[lane] + 1;
                let Some(entry) = at.disk.lanes[lane].at(place) else {
                    break;
                };
                process.view.apply(lane, entry, &self.book);
                self.oracle.shown(self.now, node, lane, place, entry);
            }
        }
    }

    /// Raises what is acknowledged as far as the gate lets it, and answers who waits for it.
    pub(crate) fn advance(&mut self, node: usize) {
        let plant = self.plant;
        let at = &mut self.nodes[node];
        let Some(process) = &mut at.process else {
            return;
        };
        let Some(reign) = process.leads else { return };
        let gate = process.gate;
        let before = process.committed;
        for lane in [0, 1] {
            let on_disk = &at.disk.lanes[lane];
            let flushed = match plant {
                Some(Plant::AckFromStaged) => on_disk.end(),
                _ => on_disk.synced,
            };
            let limit = match (plant, gate) {
                (Some(Plant::AckBeforePartner), Gate::Pair) => flushed,
                _ => process.limit(lane, flushed),
            };
            process.committed[lane] = before[lane].max(limit);
        }
        let after = process.committed;
        if before != after {
            process.waits_since = None;
            for lane in [0, 1] {
                self.acknowledged(node, reign, gate, lane, before[lane]..after[lane]);
            }
            self.show(node);
            self.answer_waiters(node);
        }
        self.drained(node);
    }

    fn drained(&mut self, node: usize) {
        let at = &self.nodes[node];
        let Some(process) = &at.process else { return };
        let all = (0..2).all(|lane| process.committed[lane] == at.disk.lanes[lane].end());
        if process.draining && process.gate == Gate::Pair && all {
            self.event(node, Event::Drained);
        }
    }

    pub(crate) fn answer_waiters(&mut self, node: usize) {
        for lane in [0, 1] {
            while let Some(waiter) = self.due_waiter(node, lane) {
                match waiter {
                    Waiter::Client { client, request } => {
                        self.reply(node, client, request, Outcome::Acknowledged);
                    }
                    Waiter::Device {
                        client,
                        request,
                        command,
                    } => self.reply(node, client, request, Outcome::Command(command)),
                    Waiter::Partner { of } => self.send(node, Frame::AgainKept { of }),
                    Waiter::Own { of } => self.again_kept(node, of),
                    Waiter::Desk => {}
                }
            }
        }
    }

    fn due_waiter(&mut self, node: usize, lane: usize) -> Option<Waiter> {
        let process = self.nodes[node].process.as_mut()?;
        let committed = process.committed[lane];
        let due = process.waiters[lane].pop_front_if(|(place, _)| *place <= committed);
        due.map(|(_, waiter)| waiter)
    }
}
