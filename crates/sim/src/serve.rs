//! What a node does for those outside: it takes records in, answers devices, and looks after what
//! waits.

use spica_model::{Lane, Seq};
use spica_pair::follow::Leader;
use spica_pair::{Event, Gate, Verdict};

use crate::client::Wants;
use crate::net::Frame;
use crate::node::Waiter;
use crate::plant::Plant;
use crate::queue::Happens;
use crate::view::Step;
use crate::words::{Entry, Key, MS, NODES, Outcome, Us, micros};
use crate::world::World;

/// Most requests that wait for a take-over.
const PARKED: usize = 8;

/// Most facts that were put aside and are taken in again at a time.
const AGAIN: usize = 16;

impl World {
    /// A request has reached a node.
    pub(crate) fn arrive(&mut self, node: usize, client: u8, request: u32) {
        let at = &mut self.nodes[node];
        if at.process.is_none() {
            if !at.dark {
                // Nobody listens: the connection is refused.
                self.reply(node, client, request, Outcome::Refused);
            }
            return;
        }
        match self.vote(node) {
            Verdict::Serve => self.serve(node, client, request),
            Verdict::Refuse => self.reply(node, client, request, Outcome::Refused),
            Verdict::Wait => {
                let process = self.nodes[node].process.as_mut();
                match process {
                    Some(process) if process.parked.len() < PARKED => {
                        process.parked.push((client, request));
                    }
                    _ => self.reply(node, client, request, Outcome::Refused),
                }
            }
        }
    }

    fn serve(&mut self, node: usize, client: u8, request: u32) {
        let waiter = Waiter::Client { client, request };
        let kept = match self.clients[client as usize].wants(request) {
            // The client has given this attempt up.
            None => return,
            Some(Wants::Keep(key)) => self.submit(node, key, waiter),
            Some(Wants::Command) => self.next_command(node, client, request),
            Some(Wants::Care) => self.wants_to_care(node, client, request),
        };
        if !kept {
            self.reply(node, client, request, Outcome::Refused);
        }
    }

    /// A device asks what it has to do. A command is noted as sent before it is given out.
    fn next_command(&mut self, node: usize, client: u8, request: u32) -> bool {
        let Some(process) = &self.nodes[node].process else {
            return false;
        };
        let Some((command, step)) = process.view.open_command() else {
            self.reply(node, client, request, Outcome::Nothing);
            return true;
        };
        if step == Step::Sent {
            self.reply(node, client, request, Outcome::Command(command));
            return true;
        }
        let sent = self.book.commands[command as usize][1];
        let waiter = Waiter::Device {
            client,
            request,
            command,
        };
        self.submit(node, sent, waiter)
    }

    /// Takes a fact in, or finds it by its key; false if the node takes nothing in.
    pub(crate) fn submit(&mut self, node: usize, key: Key, waiter: Waiter) -> bool {
        let lane = self.book.fact(key).lane as usize;
        let forget = self.plant == Some(Plant::ForgetKeys);
        let at = &mut self.nodes[node];
        let received = at.wall_clock(self.now);
        let Some(process) = &mut at.process else {
            return false;
        };
        if process.leads.is_none() || process.draining {
            return false;
        }
        let known = process.place_of(key).filter(|_| !forget);
        if known.is_none() && at.disk.full {
            return false;
        }
        let place = known.unwrap_or_else(|| {
            let entry = Entry {
                key,
                epoch: process.epoch,
                received,
            };
            let on_disk = &mut at.disk.lanes[lane];
            on_disk.entries.push(entry);
            let place = on_disk.end();
            process.note(entry, place);
            if let Some(leader) = &mut process.leader {
                leader.staged(Lane::ALL[lane], Seq(place));
            }
            place
        });
        process.waiters[lane].push_back((place, waiter));
        if known.is_none() {
            self.flush(node, lane);
            self.pump(node);
        }
        self.answer_waiters(node);
        true
    }

    /// Answers a client, if it hears the node.
    pub(crate) fn reply(&mut self, node: usize, client: u8, request: u32, outcome: Outcome) {
        let half = client as usize % 2;
        if self.net.clients[half][node][1] > 0 {
            return;
        }
        let time = self.net.travel(node, &mut self.chance);
        let reply = Happens::Reply {
            client,
            request,
            outcome,
        };
        self.after(time, reply);
    }

    /// Facts that were put aside are taken in again: by this node if it leads, else by its partner.
    pub(crate) fn reenter(&mut self, node: usize) {
        if self.nodes[node].disk.aside.is_empty() {
            return;
        }
        let keys: Vec<Key> = self.nodes[node]
            .disk
            .aside
            .iter()
            .map(|(_, entry)| entry.key)
            .collect();
        let Some(process) = &self.nodes[node].process else {
            return;
        };
        let (leads, follows) = (process.leads.is_some(), process.follower.is_some());
        let keyless = self.plant == Some(Plant::ReentryWithoutKey);
        for of in keys.into_iter().take(AGAIN) {
            let key = match keyless {
                true => self.book.another(of),
                false => of,
            };
            if leads {
                self.submit(node, key, Waiter::Own { of });
            } else if follows {
                self.send(node, Frame::Again { key, of });
            }
        }
    }

    pub(crate) fn again(&mut self, node: usize, key: Key, of: Key) {
        self.submit(node, key, Waiter::Partner { of });
    }

    pub(crate) fn again_kept(&mut self, node: usize, of: Key) {
        let aside = &mut self.nodes[node].disk.aside;
        aside.retain(|(_, entry)| entry.key != of);
    }

    /// A damaged node that follows has its records made good by its partner.
    pub(crate) fn repair(&mut self, node: usize) {
        let at = &mut self.nodes[node];
        let Some(process) = &at.process else { return };
        if process.follower.is_none() || at.disk.is_sound() {
            return;
        }
        for (lane, on_disk) in (0..).zip(&at.disk.lanes) {
            if let Some(place) = on_disk.damaged.first() {
                let place = *place;
                return self.send(node, Frame::Fetch { lane, place });
            }
        }
        let caught_up =
            (0..2).all(|lane| at.disk.lanes[lane].synced >= process.ends_of_active[lane]);
        if caught_up {
            for lane in &mut at.disk.lanes {
                lane.mark = 0;
            }
            self.trace
                .note(self.now, || format!("{} is whole again", NODES[node]));
        }
    }

    pub(crate) fn fetch(&mut self, node: usize, lane: u8, place: u64) {
        let on_disk = &self.nodes[node].disk.lanes[lane as usize];
        if let Some(entry) = on_disk.at(place) {
            self.send(node, Frame::Fetched { lane, place, entry });
        }
    }

    pub(crate) fn fetched(&mut self, node: usize, lane: u8, place: u64, entry: Entry) {
        let on_disk = &mut self.nodes[node].disk.lanes[lane as usize];
        if on_disk.at(place).is_some() {
            on_disk.entries[place as usize - 1] = entry;
            on_disk.damaged.retain(|at| *at != place);
            self.repair(node);
        }
    }

    /// The node asks its own parts whether they live, and looks after what has waited for long.
    pub(crate) fn ping(&mut self, node: usize) {
        let boot = self.nodes[node].boot;
        let heartbeat = micros(self.nodes[node].config.heartbeat);
        let dead_after = micros(self.nodes[node].config.dead_after);
        let again = Happens::Ping {
            node: node as u8,
            boot,
        };
        self.after(heartbeat / 2, again);
        if !self.journal_hangs(node) {
            self.alive(node);
        }
        self.watch_link(node, 3 * dead_after);
        self.watch_partner(node, 4 * dead_after);
        self.hello(node);
        self.reenter(node);
        let at = &self.nodes[node];
        let Some(process) = &at.process else { return };
        if process.leads.is_some() {
            let awaited = process.waiters.iter().any(|lane| !lane.is_empty());
            let found = at.disk.found;
            let (committed, cursor) = (process.committed, at.disk.cursor);
            if let Some(lag) = process.leader.as_ref().map(Leader::lag) {
                self.event(node, Event::Lag(Some(lag)));
            }
            self.send(node, Frame::Committed { committed, cursor });
            self.event(node, Event::Awaited(awaited));
            if found {
                self.event(node, Event::Damaged);
            }
        } else {
            self.repair(node);
        }
    }

    /// A flush that takes far too long means that the journal does not answer; unless it is stuck in
    /// a way that nobody notices.
    fn journal_hangs(&self, node: usize) -> bool {
        let disk = &self.nodes[node].disk;
        let flushing = disk.lanes.iter().any(|lane| lane.flushing.is_some());
        flushing && disk.slow.is_some_and(|slow| slow > 50 * MS)
    }

    /// A partner that lives but takes nothing may hold everyone up for so long, and no longer.
    fn watch_partner(&mut self, node: usize, patience: Us) {
        let now = self.now;
        let at = &mut self.nodes[node];
        let Some(process) = &mut at.process else {
            return;
        };
        let waits = process.leads.is_some()
            && process.gate == Gate::Pair
            && (0..2).any(|lane| process.committed[lane] < at.disk.lanes[lane].synced);
        let since = *process.waits_since.get_or_insert(now);
        if !waits {
            process.waits_since = None;
        } else if now - since > patience {
            process.waits_since = None;
            self.event(node, Event::PartnerStuck);
        }
    }
}
