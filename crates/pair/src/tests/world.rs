//! Two halves, their stored facts, a witness, and the lists of epochs that stand for their journals.

use std::collections::VecDeque;
use std::time::Duration;

use spica_model::{Epoch, Seq};

use crate::witness::{Answer, judge};
use crate::{
    Config, Durable, Event, Facts, Gate, Message, Notice, Output, Pair, Reason, Side, Status,
    Verdict,
};

pub(super) const MS: Duration = Duration::from_millis(1);

/// One node: what survives it, and what does not.
pub(super) struct Node {
    pub(super) config: Config,
    pub(super) durable: Durable,
    /// The epoch of each record; the journal's newest epoch stands beside it.
    pub(super) journal: Vec<u32>,
    pub(super) epoch: Epoch,
    pub(super) sound: bool,
    pub(super) pair: Option<Pair>,
    pub(super) gate: Gate,
    /// Whether it takes records in.
    pub(super) leads: Option<Epoch>,
    pub(super) notices: Vec<Notice>,
    pub(super) restarts: Vec<Reason>,
    draining: bool,
    /// Whether a client waits for an acknowledgement.
    pub(super) awaited: bool,
}

/// Both of them, and what is between them.
pub(super) struct World {
    pub(super) now: Duration,
    pub(super) nodes: [Node; 2],
    pub(super) linked: bool,
    wires: [VecDeque<Message>; 2],
    /// What a witness has recorded, if there is one that can be reached.
    pub(super) witness: Option<Epoch>,
    pub(super) witness_reachable: bool,
    /// Every acknowledged record: its place and its epoch.
    pub(super) acked: Vec<(usize, u32)>,
}

impl World {
    pub(super) fn new(set: impl Fn(&mut Config)) -> Self {
        let node = |side| {
            let mut config = Config::new(side);
            set(&mut config);
            Node {
                config,
                durable: Durable::default(),
                journal: Vec::new(),
                epoch: Epoch(1),
                sound: true,
                pair: None,
                gate: Gate::Closed,
                leads: None,
                notices: Vec::new(),
                restarts: Vec::new(),
                draining: false,
                awaited: false,
            }
        };
        Self {
            now: Duration::from_secs(1),
            nodes: [node(Side::Primary), node(Side::Backup)],
            linked: true,
            wires: Default::default(),
            witness: None,
            witness_reachable: true,
            acked: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, at: usize) {
        let now = self.now;
        let node = &mut self.nodes[at];
        let facts = Facts {
            durable: node.durable,
            epoch: node.epoch,
            ends: node.ends(),
            sound: node.sound,
        };
        node.pair = Some(Pair::new(node.config, facts, now));
    }

    pub(super) fn kill(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.pair = None;
        node.gate = Gate::Closed;
        node.leads = None;
        node.draining = false;
        node.awaited = false;
        self.wires = Default::default();
    }

    pub(super) fn cut(&mut self) {
        self.linked = false;
        self.wires = Default::default();
    }

    pub(super) fn status(&self, at: usize) -> Status {
        self.nodes[at].pair.as_ref().unwrap().status()
    }

    pub(super) fn event(&mut self, at: usize, event: Event) {
        let now = self.now;
        let mut out = Vec::new();
        if let Some(pair) = &mut self.nodes[at].pair {
            pair.step(now, event, &mut out);
        }
        self.carry_out(at, out);
    }

    pub(super) fn request(&mut self, at: usize) -> Verdict {
        let now = self.now;
        let mut out = Vec::new();
        let Some(pair) = &mut self.nodes[at].pair else {
            return Verdict::Refuse;
        };
        let verdict = pair.vote(now, &mut out);
        self.carry_out(at, out);
        verdict
    }

    fn carry_out(&mut self, at: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(message) => self.send(at, message),
                Output::Promise(epoch) => {
                    // What may have been acknowledged: everything that this one has.
                    let ends = self.nodes[at].ends();
                    self.send(at, Message::Promise { epoch, ends });
                }
                Output::Store(durable) => {
                    self.nodes[at].durable = durable;
                    self.event(at, Event::Stored(durable));
                }
                Output::Ask(question) => {
                    let mut answer = Answer::Unreachable;
                    if self.witness_reachable {
                        answer = judge(self.witness, question);
                        if answer == Answer::Granted {
                            self.witness = Some(question.epoch);
                        }
                    }
                    let epoch = question.epoch;
                    self.event(at, Event::Witness { epoch, answer });
                }
                Output::BeginEpoch(epoch) => {
                    let newest = self.nodes[at].epoch;
                    if epoch <= newest {
                        self.event(at, Event::EpochRefused { newest });
                        continue;
                    }
                    self.nodes[at].epoch = epoch;
                    self.event(at, Event::EpochBegun { epoch });
                }
                Output::Lead(epoch) => {
                    self.nodes[at].leads = Some(epoch);
                    self.nodes[at].draining = false;
                }
                Output::Gate(gate) => self.nodes[at].gate = gate,
                Output::Drain => self.nodes[at].draining = true,
                Output::Restart(reason) => self.restart(at, reason),
                Output::Tell(notice) => self.nodes[at].notices.push(notice),
                Output::Refuse(_) => self.nodes[at].leads = None,
                Output::Follow => {}
            }
        }
    }

    fn restart(&mut self, at: usize, reason: Reason) {
        if let Reason::Parted { common, .. } = reason {
            self.nodes[at].journal.truncate(common.0 as usize);
        }
        self.nodes[at].restarts.push(reason);
        let said = std::mem::take(&mut self.wires[1 - at]);
        self.kill(at);
        // What it said before it went is on its way.
        self.wires[1 - at] = said;
        self.start(at);
    }

    fn send(&mut self, at: usize, message: Message) {
        if self.linked && self.nodes[1 - at].pair.is_some() {
            self.wires[1 - at].push_back(message);
        }
    }

    /// Time passes, a millisecond at a time; each node's journal answers; what was said arrives; the
    /// passive copies some records.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += MS;
            for at in [0, 1] {
                let (ends, epoch) = (self.nodes[at].ends(), self.nodes[at].epoch);
                self.event(at, Event::Answered { ends, epoch });
                self.event(at, Event::Awaited(self.nodes[at].awaited));
                while let Some(message) = self.wires[at].pop_front() {
                    self.event(at, Event::Received(message));
                }
            }
            self.replicate(3);
            for at in [0, 1] {
                if self.nodes[at].draining && self.nodes[0].journal == self.nodes[1].journal {
                    self.event(at, Event::Drained);
                }
            }
        }
    }

    /// The passive gets the next records of the active; a journal that is no beginning of the
    /// active's is found out.
    fn replicate(&mut self, records: usize) {
        let Some(active) = (0..2).find(|at| self.nodes[*at].leads.is_some()) else {
            return;
        };
        let passive = 1 - active;
        let follows = self.nodes[passive]
            .pair
            .as_ref()
            .is_some_and(|pair| pair.status().state == crate::star::State::Passive);
        if !self.linked || !follows || self.nodes[passive].leads.is_some() {
            return self.event(active, Event::Lag(None));
        }
        let [mine, theirs] = [active, passive].map(|at| self.nodes[at].journal.clone());
        let common = mine.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
        if common < theirs.len() {
            let parted = Event::Parted {
                lane: spica_model::Lane::Normal,
                common: Seq(common as u64),
            };
            self.event(active, parted);
            return self.event(passive, parted);
        }
        if self.nodes[passive].epoch > self.nodes[active].epoch {
            // Fenced: the follower has begun a later epoch.
            return;
        }
        let end = mine.len().min(common + records);
        self.nodes[passive].journal = mine[..end].to_vec();
        self.nodes[passive].epoch = self.nodes[active].epoch;
        self.event(active, Event::Lag(Some([0, (mine.len() - end) as u64])));
    }

    /// A client brings a record to a node; whether it was acknowledged.
    pub(super) fn publish(&mut self, at: usize) -> bool {
        if self.request(at) != Verdict::Serve || self.nodes[at].draining {
            return false;
        }
        let Some(epoch) = self.nodes[at].leads else {
            return false;
        };
        self.nodes[at].journal.push(epoch.0);
        let place = self.nodes[at].journal.len() - 1;
        self.replicate(usize::MAX >> 1);
        let held = |node: &Node| node.journal.get(place) == Some(&epoch.0);
        let acked = match self.nodes[at].gate {
            Gate::Solo => true,
            Gate::Pair => held(&self.nodes[1 - at]),
            Gate::Closed => false,
        } && held(&self.nodes[at]);
        self.nodes[at].awaited = !acked;
        if acked {
            self.acked.push((place, epoch.0));
        }
        acked
    }

    /// Records that were acknowledged and that the node that leads does not have.
    pub(super) fn missing(&self) -> Vec<(usize, u32)> {
        let Some(leader) = self
            .nodes
            .iter()
            .filter(|node| node.leads.is_some())
            .max_by_key(|n| n.leads)
        else {
            return Vec::new();
        };
        let mut missing = self.acked.clone();
        missing.retain(|(place, epoch)| leader.journal.get(*place) != Some(epoch));
        missing
    }

    pub(super) fn leaders(&self) -> usize {
        self.nodes
            .iter()
            .filter(|node| node.leads.is_some() && node.gate != Gate::Closed)
            .count()
    }
}

impl Node {
    pub(super) fn ends(&self) -> [Seq; 2] {
        [Seq::ZERO, Seq(self.journal.len() as u64)]
    }

    pub(super) fn was_told(&self, name: &str) -> bool {
        self.notices.iter().any(|notice| notice.name() == name)
    }
}
