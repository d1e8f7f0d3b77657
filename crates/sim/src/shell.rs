//! The shell around a pair's core: it gives events in, and carries the outputs out.

use spica_model::{Epoch, Lane};
use spica_pair::{Durable, Event, Facts, Gate, Message, Order, Output, Pair, Reason, Verdict};

use crate::net::Frame;
use crate::node::Process;
use crate::plant::Plant;
use crate::queue::Happens;
use crate::words::{MS, NODES, Us, duration, micros};
use crate::world::World;

impl World {
    /// Has a node's process started after a time.
    pub(crate) fn start_after(&mut self, node: usize, time: Us) {
        let boot = self.nodes[node].boot;
        let start = Happens::Start {
            node: node as u8,
            boot,
        };
        self.after(time, start);
    }

    pub(crate) fn start(&mut self, node: usize, boot: u32) {
        let (now, plant) = (self.now, self.plant);
        let at = &mut self.nodes[node];
        if at.boot != boot || at.process.is_some() {
            return;
        }
        at.dark = false;
        at.disk.recover();
        let sound = at.disk.is_sound() || plant == Some(Plant::DamageHidden);
        let mut durable = at.disk.facts;
        if plant == Some(Plant::StaleVote) {
            durable.complete = durable.complete.max(Epoch(at.disk.epoch));
        }
        let facts = Facts {
            durable,
            epoch: Epoch(at.disk.epoch),
            ends: at.disk.synced(),
            sound,
        };
        let pair = Pair::new(at.config, facts, duration(now));
        at.process = Some(Process::new(pair, &at.disk, &self.book, now));
        self.trace
            .note(now, || format!("{} starts: {facts:?}", NODES[node]));
        self.ping(node);
        let handle = Happens::Handle {
            node: node as u8,
            boot,
        };
        self.after(MS, handle);
        if self.center.is_some() {
            let node = node as u8;
            self.after(MS, Happens::Desk { node, boot });
        }
    }

    /// Gives an event to a node's core and carries out what it says.
    pub(crate) fn event(&mut self, node: usize, event: Event) {
        let now = duration(self.now);
        let mut out = self.list();
        if let Some(process) = &mut self.nodes[node].process {
            process.pair.step(now, event, &mut out);
        }
        self.carry_out(node, out);
    }

    /// A request's vote.
    pub(crate) fn vote(&mut self, node: usize) -> Verdict {
        let now = duration(self.now);
        let mut out = self.list();
        let Some(process) = &mut self.nodes[node].process else {
            return Verdict::Refuse;
        };
        let verdict = process.pair.vote(now, &mut out);
        self.carry_out(node, out);
        verdict
    }

    pub(crate) fn order(&mut self, node: usize, order: Order) {
        self.trace.note(self.now, || {
            format!("{} is ordered: {order:?}", NODES[node])
        });
        if order == Order::Promote {
            self.oracle.ordered = true;
        }
        self.event(node, Event::Order(order));
    }

    fn carry_out(&mut self, node: usize, mut outputs: Vec<Output>) {
        for output in outputs.drain(..) {
            self.output(node, output);
        }
        self.give_back(outputs);
        self.set_alarm(node);
    }

    fn set_alarm(&mut self, node: usize) {
        let boot = self.nodes[node].boot;
        let now = self.now;
        let Some(process) = &mut self.nodes[node].process else {
            return;
        };
        // Never now: a core that always wants more time would stop the world.
        let wanted = micros(process.pair.deadline()).max(now + 100);
        if wanted < process.tick_at || process.tick_at <= now {
            process.tick_at = wanted;
            let node = node as u8;
            self.queue.push(wanted, Happens::Tick { node, boot });
        }
    }

    pub(crate) fn tick(&mut self, node: usize) {
        let due = match &mut self.nodes[node].process {
            Some(process) if process.tick_at <= self.now => {
                process.tick_at = Us::MAX;
                true
            }
            _ => false,
        };
        if due {
            self.event(node, Event::Tick);
        }
    }

    fn output(&mut self, node: usize, output: Output) {
        if !matches!(output, Output::Send(Message::Beat(_))) {
            self.trace
                .note(self.now, || format!("{}: {output:?}", NODES[node]));
        }
        if self.plant == Some(Plant::SameEpochAlone) && self.goes_alone_at_once(node, &output) {
            return;
        }
        match output {
            Output::Send(message) => self.send(node, Frame::Say(message)),
            Output::Promise(epoch) => self.promise(node, epoch),
            Output::Store(durable) => self.store(node, durable),
            Output::Ask(question) => self.ask(node, question),
            Output::BeginEpoch(epoch) => self.begin_epoch(node, epoch),
            Output::Lead(epoch) => self.lead(node, epoch),
            Output::Follow => self.hello(node),
            Output::Gate(gate) => {
                if let Some(process) = &mut self.nodes[node].process {
                    process.gate = gate;
                    process.waits_since = None;
                }
                self.advance(node);
            }
            Output::Drain => {
                if let Some(process) = &mut self.nodes[node].process {
                    process.draining = true;
                    process.desk = None;
                    process.desk_after = None;
                }
                self.advance(node);
            }
            Output::Restart(reason) => self.restart(node, reason),
            Output::Tell(notice) => self.nodes[node].told.push(notice.name()),
            Output::Refuse(_) => {
                if let Some(process) = &mut self.nodes[node].process {
                    process.leads = None;
                    process.desk = None;
                    process.desk_after = None;
                }
            }
        }
    }

    /// The planted bug: an active that wants a new epoch to go alone goes without.
    fn goes_alone_at_once(&mut self, node: usize, output: &Output) -> bool {
        let Some(process) = &mut self.nodes[node].process else {
            return false;
        };
        let wants = matches!(output, Output::Store(_) | Output::Ask(_));
        if !wants || process.leads.is_none() || process.gate != Gate::Pair {
            return false;
        }
        process.gate = Gate::Solo;
        self.advance(node);
        true
    }

    /// A promise says up to where records may have been acknowledged without the partner.
    fn promise(&mut self, node: usize, epoch: Epoch) {
        let Some(process) = &self.nodes[node].process else {
            return;
        };
        let mut ends = process.acknowledged();
        if self.plant == Some(Plant::EmptyPromise) {
            ends = Default::default();
        }
        self.send(node, Frame::Say(Message::Promise { epoch, ends }));
    }

    fn store(&mut self, node: usize, durable: Durable) {
        if self.plant == Some(Plant::NeverStored) {
            return self.event(node, Event::Stored(durable));
        }
        let at = &mut self.nodes[node];
        let begins = at.disk.busy_until.max(self.now);
        let done = begins + at.disk.flush_time(begins, &mut self.chance);
        at.disk.busy_until = done;
        at.disk.storing.push_back(durable);
        let stored = Happens::Stored {
            node: node as u8,
            disk: at.disk.life,
            boot: at.boot,
        };
        self.queue.push(done, stored);
    }

    pub(crate) fn stored(&mut self, node: usize, disk: u32, boot: u32) {
        let at = &mut self.nodes[node];
        if at.disk.life != disk {
            return;
        }
        let Some(facts) = at.disk.storing.pop_front() else {
            return;
        };
        at.disk.facts = facts;
        if at.boot == boot && at.paused {
            // The disk is done; the process hears of it when it goes on.
            let heard = Happens::Stored {
                node: node as u8,
                disk,
                boot,
            };
            at.disk.storing.push_front(facts);
            at.missed.push(heard);
        } else if at.boot == boot {
            self.event(node, Event::Stored(facts));
        }
    }

    fn begin_epoch(&mut self, node: usize, epoch: Epoch) {
        let at = &mut self.nodes[node];
        let Some(process) = &mut at.process else {
            return;
        };
        let newest = Epoch(process.epoch);
        if epoch <= newest {
            return self.event(node, Event::EpochRefused { newest });
        }
        process.epoch = epoch.0;
        let begins = at.disk.busy_until.max(self.now);
        let done = begins + at.disk.flush_time(begins, &mut self.chance);
        at.disk.busy_until = done;
        let begun = Happens::Begun {
            node: node as u8,
            disk: at.disk.life,
            boot: at.boot,
            epoch,
        };
        self.queue.push(done, begun);
    }

    pub(crate) fn begun(&mut self, node: usize, disk: u32, boot: u32, epoch: Epoch) {
        let at = &mut self.nodes[node];
        if at.disk.life != disk {
            return;
        }
        at.disk.epoch = at.disk.epoch.max(epoch.0);
        if at.boot != boot {
            return;
        }
        if at.paused {
            at.missed.push(Happens::Begun {
                node: node as u8,
                disk,
                boot,
                epoch,
            });
            return;
        }
        // Records of the partner's may have brought a later epoch meanwhile.
        let newest = Epoch(at.process.as_ref().map_or(0, |process| process.epoch));
        let event = match newest > epoch {
            true => Event::EpochRefused { newest },
            false => Event::EpochBegun { epoch },
        };
        self.event(node, event);
    }

    fn lead(&mut self, node: usize, epoch: Epoch) {
        let at = &mut self.nodes[node];
        let ends = [0, 1].map(|lane| at.disk.lanes[lane].end());
        let Some(process) = &mut at.process else {
            return;
        };
        if process.leads.is_none() {
            process.inherited = ends;
        }
        // A hand-over that was called off leaves the reign as it was.
        let goes_on = process.leads == Some(epoch);
        process.leads = Some(epoch);
        process.draining = false;
        process.follower = None;
        process.desk = None;
        process.desk_after = None;
        let parked = std::mem::take(&mut process.parked);
        if !goes_on {
            self.leads(node, epoch);
        }
        for (client, request) in parked {
            self.arrive(node, client, request);
        }
        self.reenter(node);
        self.advance(node);
    }

    /// The process closes and begins again; a suffix that parted is put aside in between.
    fn restart(&mut self, node: usize, reason: Reason) {
        self.ends(node, true);
        if let Reason::Parted { lane, common } = reason {
            let lane: Lane = lane;
            let aside = Happens::PutAside {
                node: node as u8,
                disk: self.nodes[node].disk.life,
                lane: lane.index() as u8,
                common: u32::try_from(common.0).unwrap_or(u32::MAX),
            };
            let time = self.chance.between(MS, 4 * MS);
            self.after(time, aside);
        } else {
            let time = self.chance.between(MS, 20 * MS);
            self.start_after(node, time);
        }
    }

    /// A process ends, by itself or not. What it had said is on its way.
    pub(crate) fn ends(&mut self, node: usize, says_so: bool) {
        if says_so && self.nodes[node].process.is_some() {
            self.send(node, Frame::Closed);
        }
        let at = &mut self.nodes[node];
        at.process = None;
        at.boot += 1;
        at.paused = false;
        for missed in at.missed.drain(..) {
            // What came from outside finds the machine without the process.
            if matches!(missed.process(), Some((_, None))) {
                self.queue.push(self.now, missed);
            }
        }
        at.disk.process_ends(&mut self.chance);
        self.net.sides[node] = None;
    }

    /// The suffix of a lane that parted is put aside durably, and cut off.
    pub(crate) fn put_aside(&mut self, node: usize, disk: u32, lane: u8, common: u64) {
        let drop = self.plant == Some(Plant::DropSuffix);
        let at = &mut self.nodes[node];
        if at.disk.life != disk || at.process.is_some() {
            return;
        }
        let suffix = at.disk.lanes[lane as usize].cut_after(common);
        self.trace.note(self.now, || {
            format!("{} puts aside {suffix:?} after {common}", NODES[node])
        });
        at.disk.cursor[lane as usize] = at.disk.cursor[lane as usize].min(common);
        let keys = suffix.iter().map(|entry| entry.key);
        self.oracle.set_aside.extend(keys);
        if !drop {
            at.disk
                .aside
                .extend(suffix.into_iter().map(|entry| (lane, entry)));
        }
        self.start_after(node, MS);
    }
}
