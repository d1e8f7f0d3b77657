//! Faults begin and end; and the world is looked at: has it recovered?

use spica_pair::star::State;
use spica_pair::{Gate, Order, Sync};

use crate::chance::Chance;
use crate::disk::LaneDisk;
use crate::invariants;
use crate::plan::What;
use crate::queue::Happens;
use crate::words::{MS, NODES, Us, micros};
use crate::world::{RECOVERY, World};

/// For how long clients go on with new facts when all faults are over.
const AFTERMATH: Us = 200 * MS;

impl World {
    pub(crate) fn fault_begins(&mut self, index: u16) {
        let Some(fault) = self.plan.faults.get(index as usize).copied() else {
            return;
        };
        let one = self.profile.one_at_a_time;
        let settled = 4 * micros(self.nodes[0].config.dead_after);
        let calm = self
            .calm_since
            .is_some_and(|since| self.now - since > settled);
        let calm = calm && self.complete().is_some();
        if one && (self.holding > 0 || !calm) && self.now < self.plan.heal_at {
            return self.after(20 * MS, Happens::Fault { index, ends: false });
        }
        let hands_over = self.nodes.iter().any(|node| node.disk.found);
        if hands_over && self.now < self.plan.heal_at {
            // Damage and the loss of the other node at once are for an operator to decide.
            return self.after(20 * MS, Happens::Fault { index, ends: false });
        }
        self.to_come -= 1;
        if one && self.now >= self.plan.heal_at {
            return;
        }
        self.holding += 1;
        self.trace
            .note(self.now, || format!("FAULT {}", fault.what));
        let lasts = self.inflict(fault.what);
        self.after(lasts, Happens::Fault { index, ends: true });
    }

    /// Lets a fault happen; says for how long it holds.
    pub(crate) fn inflict(&mut self, what: What) -> Us {
        match what {
            What::Kill { node, down } => {
                self.ends(node, true);
                return down;
            }
            What::Power { nodes, down } => {
                for node in (0..2).filter(|node| nodes[*node]) {
                    self.ends(node, false);
                    self.nodes[node].disk.power_loss(&mut self.chance);
                    self.nodes[node].dark = true;
                }
                return down;
            }
            What::FlushError { node, down } => {
                self.ends(node, true);
                self.nodes[node].disk.power_loss(&mut self.chance);
                return down;
            }
            What::FoundRot => {
                if let Some(active) = self.undisturbed() {
                    let disk = &mut self.nodes[active].disk;
                    damage(what, &mut disk.lanes, &mut self.chance);
                    disk.found = !disk.is_sound();
                }
            }
            What::Rot { node, down } | What::LostTail { node, down } => {
                if self.undisturbed().is_none() {
                    return 0;
                }
                self.ends(node, true);
                damage(what, &mut self.nodes[node].disk.lanes, &mut self.chance);
                return down;
            }
            What::Pause { node, .. } => {
                let at = &mut self.nodes[node];
                at.paused = at.process.is_some();
            }
            What::WallJump { node, seconds } => self.nodes[node].wall += i64::from(seconds),
            What::SwitchOver => {
                let active = (0..2).find(|node| self.leads_now(*node));
                if let Some(active) = active.filter(|node| !self.nodes[*node].paused) {
                    self.order(active, Order::SwitchOver);
                }
            }
            What::Promote { node } if !self.nodes[node].paused => self.order(node, Order::Promote),
            What::Promote { .. } => {}
            other => self.hold(other, true),
        }
        what.time().unwrap_or(0)
    }

    /// The active of a pair that is complete and whole, and that nothing has troubled for a while.
    fn undisturbed(&self) -> Option<usize> {
        let whole = self.nodes.iter().all(|node| node.disk.is_sound());
        let settled = 4 * micros(self.nodes[0].config.dead_after);
        let calm = self
            .calm_since
            .is_some_and(|since| self.now - since > settled);
        let undisturbed = self.holding == 1 && calm && whole;
        self.complete().filter(|_| undisturbed)
    }

    /// What holds for a while and is only counted or set.
    fn hold(&mut self, what: What, begins: bool) {
        let count = |counter: &mut u32, counts: bool| {
            if counts {
                *counter = if begins {
                    *counter + 1
                } else {
                    counter.saturating_sub(1)
                };
            }
        };
        match what {
            What::CutLink { to, .. } => {
                for node in [0, 1] {
                    count(&mut self.net.ways[node].cut, to[node]);
                    if !begins && to[node] {
                        self.mended(node);
                    }
                }
            }
            What::Isolate { node, time } => {
                let to = [true, true];
                self.hold(What::CutLink { to, time }, begins);
                for clients in &mut self.net.clients {
                    clients[node].iter_mut().for_each(|way| count(way, true));
                }
            }
            What::CutClients {
                half,
                node,
                there,
                back,
                ..
            } => {
                count(&mut self.net.clients[half][node][0], there);
                count(&mut self.net.clients[half][node][1], back);
            }
            What::CutWitness {
                node, back_only, ..
            } => {
                count(&mut self.net.witness[node][0], !back_only);
                count(&mut self.net.witness[node][1], back_only);
            }
            What::WitnessDown { .. } => count(&mut self.witness.1, true),
            What::Lossy { percent, .. } => {
                let loss = self.net.loss;
                self.net.loss = if begins {
                    loss + percent
                } else {
                    loss.saturating_sub(percent)
                };
            }
            What::Delay { more, .. } => {
                let delay = self.net.delay;
                self.net.delay = if begins {
                    delay + more
                } else {
                    delay.saturating_sub(more)
                };
            }
            What::SlowDisk { node, flush, .. } => {
                self.nodes[node].disk.slow = begins.then_some(flush);
            }
            What::FullDisk { node, .. } => self.nodes[node].disk.full = begins,
            What::Stuck { node, time } if begins => {
                self.nodes[node].disk.stuck_until = self.now + time;
            }
            _ => {}
        }
    }

    pub(crate) fn mended(&mut self, node: usize) {
        if let Some(at) = self.net.mended(node, self.now, &mut self.chance) {
            let node = node as u8;
            self.queue.push(at, Happens::Deliver { node });
        }
    }

    pub(crate) fn fault_ends(&mut self, index: u16) {
        let Some(fault) = self.plan.faults.get(index as usize).copied() else {
            return;
        };
        self.holding -= 1;
        self.relieve(fault.what);
        if fault.what.time().is_some() {
            self.trace.note(self.now, || format!("OVER {}", fault.what));
        }
    }

    /// Puts right what a fault did.
    pub(crate) fn relieve(&mut self, what: What) {
        match what {
            What::Kill { node, .. }
            | What::FlushError { node, .. }
            | What::Rot { node, .. }
            | What::LostTail { node, .. } => self.start_after(node, 0),
            What::Power { nodes, .. } => {
                for node in (0..2).filter(|node| nodes[*node]) {
                    self.start_after(node, 0);
                }
            }
            What::Pause { node, .. } => {
                let boot = self.nodes[node].boot;
                self.resume(node, boot);
            }
            other => self.hold(other, false),
        }
    }

    /// A paused process goes on: what it missed comes now, its own timers first or last.
    pub(crate) fn resume(&mut self, node: usize, boot: u32) {
        let at = &mut self.nodes[node];
        if !at.paused || at.boot != boot {
            return;
        }
        at.paused = false;
        let missed = std::mem::take(&mut at.missed);
        let timers_first = self.chance.one_in(2);
        let (first, then): (Vec<_>, Vec<_>) = missed
            .into_iter()
            .partition(|happens| happens.is_timer() == timers_first);
        for happens in first.into_iter().chain(then) {
            self.queue.push(self.now, happens);
        }
    }

    /// Whether a node takes records in.
    pub(crate) fn leads_now(&self, node: usize) -> bool {
        let process = self.nodes[node].process.as_ref();
        process.is_some_and(|process| {
            process.leads.is_some() && process.pair.status().state == State::Active
        })
    }

    /// The active of a complete pair, if the pair is complete.
    pub(crate) fn complete(&self) -> Option<usize> {
        let is_complete = |node: usize| {
            let active = self.nodes[node].process.as_ref()?;
            let passive = self.nodes[1 - node].process.as_ref()?;
            let (mine, theirs) = (active.pair.status(), passive.pair.status());
            let whole = active.gate == Gate::Pair
                && mine.sync == Sync::Complete
                && theirs.state == State::Passive
                && passive.follower.is_some()
                && theirs.authority >= mine.epoch
                && mine.sound
                && theirs.sound
                && mine.partner_alive
                && theirs.partner_alive
                && mine.authority == mine.epoch;
            (self.leads_now(node) && whole).then_some(node)
        };
        is_complete(0).or_else(|| is_complete(1))
    }

    /// Looks at the world from time to time.
    pub(crate) fn look(&mut self) {
        self.after(20 * MS, Happens::Look);
        self.calm_since = match self.complete() {
            Some(_) => self.calm_since.or(Some(self.now)),
            None => None,
        };
        if self.scripted || self.to_come > 0 || self.holding > 0 {
            return;
        }
        let healed_at = *self.healed_at.get_or_insert(self.now);
        self.oracle.closing = self.now >= healed_at + AFTERMATH;
        if !self.oracle.closing {
            return;
        }
        match self.unrest() {
            None => {
                self.oracle.finished = true;
                invariants::at_the_end(self);
            }
            Some(why) if self.now > healed_at + RECOVERY => {
                self.oracle.breaks(invariants::LIVENESS, self.now, || why);
            }
            Some(_) => {}
        }
    }

    /// Why the world has not converged; nothing if it has.
    pub(crate) fn unrest(&self) -> Option<String> {
        let Some(active) = self.complete() else {
            let states = self.nodes.each_ref().map(|node| {
                let status = node.process.as_ref().map(|process| process.pair.status());
                format!("{status:?}")
            });
            return Some(format!("the pair is not complete: {states:?}"));
        };
        if let Some(client) = self
            .clients
            .iter()
            .find(|client| client.is_waiting() && !client.tied)
        {
            return Some(format!("a client waits: {client:?}"));
        }
        let node = &self.nodes[active];
        if let Some((at, _)) = (0..)
            .zip(&self.nodes)
            .find(|(_, n)| !n.disk.aside.is_empty())
        {
            return Some(format!("{} has facts put aside", NODES[at]));
        }
        let [mine, theirs] = [active, 1 - active].map(|at| self.nodes[at].process.as_ref());
        let (mine, theirs) = (mine?, theirs?);
        if mine.view.open_command().is_some() {
            return Some("a command is not confirmed".to_owned());
        }
        if let Some(why) = self.desk_unrest(active) {
            return Some(why);
        }
        let ends = node.disk.lanes.each_ref().map(LaneDisk::end);
        let told = [ends, mine.committed, theirs.committed, mine.cursor];
        let settled = told.iter().all(|places| *places == ends);
        (!settled).then(|| format!("ends, committed here and there, cursor: {told:?}"))
    }
}

/// Damages the disk of a node: a record in the middle, or the end of a lane.
fn damage(what: What, lanes: &mut [LaneDisk; 2], chance: &mut Chance) {
    let lane = &mut lanes[chance.node()];
    let end = lane.end();
    if end == 0 {
        return;
    }
    if matches!(what, What::Rot { .. } | What::FoundRot) {
        lane.damaged.push(chance.between(1, end));
    } else {
        let keep = end - chance.between(1, end.min(5));
        lane.entries.truncate(keep as usize);
        lane.synced = keep;
        lane.mark = end;
    }
}
