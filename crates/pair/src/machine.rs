//! The machine: what is remembered, and how events are given to the rules.

mod claim;
mod lead;
mod meet;
mod order;
mod passive;

use spica_model::{Epoch, Seq};

use self::claim::Claim;
use crate::epochs;
use crate::standing::{self, Standing};
use crate::star::{Move, RoleError, Seen, State, decide};
use crate::{
    Beat, Config, Durable, Event, Facts, Gate, Message, Notice, Output, Phase, Reason, Side, Solo,
    Status, Sync, Time, Verdict,
};

/// One node's half of a pair. See the crate's page.
#[derive(Debug, Clone)]
pub struct Pair {
    config: Config,
    now: Time,
    state: State,
    phase: Phase,
    /// What is stored, or about to be.
    durable: Durable,
    /// The newest epoch that is known.
    seen: Epoch,
    /// The epoch in which this node is active or which it follows.
    reign: Epoch,
    ends: [Seq; 2],
    sound: bool,
    gate: Gate,
    claim: Option<Claim>,
    /// A promise of the active, until this node has everything up to its ends.
    promise: Option<(Epoch, [Seq; 2])>,
    /// The newest epoch up to which this node held everything when it last claimed one.
    basis: Epoch,
    lead: lead::Lead,
    peer: Option<(Beat, Time)>,
    /// When the partner counts as gone.
    expiry: Time,
    /// Whether the operator was told that the partner is gone.
    lost: bool,
    /// When the node's own journal answered last.
    answered: Option<Time>,
    next_beat: Time,
    /// The last notice about why a request was refused: said once.
    refused_for: Option<Notice>,
}

impl Pair {
    /// A half that has just been started, with what it found out about itself.
    #[must_use]
    pub fn new(config: Config, facts: Facts, now: Time) -> Self {
        let Facts {
            durable,
            epoch,
            ends,
            sound,
        } = facts;
        let seen = epoch.max(durable.authority());
        Self {
            config,
            now,
            state: match config.side {
                Side::Primary => State::Primary,
                Side::Backup => State::Backup,
            },
            phase: Phase::Settled,
            durable,
            seen,
            reign: seen,
            ends,
            sound,
            gate: Gate::Closed,
            claim: None,
            promise: None,
            basis: durable.authority(),
            lead: lead::Lead::default(),
            peer: None,
            expiry: now + config.dead_after,
            lost: false,
            answered: None,
            next_beat: now,
            refused_for: None,
        }
    }

    /// Takes an event in at `now`, which never goes back; appends what is to be done.
    pub fn step(&mut self, now: Time, event: Event, out: &mut Vec<Output>) {
        self.go_on_at(now);
        if self.phase == Phase::Leaving {
            return;
        }
        match event {
            Event::Tick => {}
            Event::Answered { ends, epoch } => {
                self.answered = Some(self.now);
                self.ends = ends;
                self.seen = self.seen.max(epoch);
                self.keep_promise(out);
            }
            Event::Received(message) => self.received(message, out),
            Event::Request => {
                self.request(out);
            }
            Event::Witness { epoch, answer } => self.witness_says(epoch, answer, out),
            Event::EpochBegun { epoch } => self.epoch_begun(epoch, out),
            Event::EpochRefused { newest } => self.epoch_refused(newest),
            Event::Stored(durable) => self.stored(durable, out),
            Event::Lag(lag) => self.lag(lag, out),
            Event::PartnerStuck => self.partner_stuck(out),
            Event::Awaited(awaited) => self.awaited(awaited, out),
            Event::Damaged => self.damaged(),
            Event::Parted { lane, common } => self.parted(lane, common, out),
            Event::Order(order) => self.ordered(order, out),
            Event::Drained => self.drained(out),
            Event::Stop => out.push(Output::Send(Message::Farewell)),
        }
        self.pass_time(out);
    }

    /// A request: a vote, and what becomes of it. The same as [`Event::Request`], with an answer.
    pub fn vote(&mut self, now: Time, out: &mut Vec<Output>) -> Verdict {
        self.go_on_at(now);
        if self.phase == Phase::Leaving {
            return Verdict::Refuse;
        }
        let verdict = self.request(out);
        self.pass_time(out);
        verdict
    }

    /// Time has passed. A node that did not run for a while, and thus did not listen, knows nothing of
    /// its partner: it gives it the time to be heard, or it would find it gone, go on alone in a later
    /// epoch, and end the reign of one that had rightly taken over.
    fn go_on_at(&mut self, now: Time) {
        let (heard, now) = (!self.expired(), now.max(self.now));
        if heard && now - self.now > self.config.dead_after / 2 {
            self.expiry = self.expiry.max(now + self.config.dead_after);
        }
        self.now = now;
    }

    /// When the next [`Event::Tick`] is wanted, at the latest. A node to which none comes for half of
    /// the time after which its partner counts as gone takes itself for one that did not run.
    #[must_use]
    pub fn deadline(&self) -> Time {
        let expiry = (!self.expired()).then_some(self.expiry);
        let ask = self.claim.as_ref().and_then(Claim::ask_at);
        [expiry, ask, self.lead.ask_at()]
            .into_iter()
            .flatten()
            .fold(self.next_beat, Time::min)
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            side: self.config.side,
            state: self.state,
            phase: match self.phase {
                // An active that gets a new epoch goes on serving meanwhile.
                Phase::Settled if self.claim.is_some() && self.state != State::Active => {
                    Phase::Claiming
                }
                phase => phase,
            },
            epoch: self.reign,
            authority: self.durable.authority(),
            gate: self.gate,
            sync: self.sync(),
            partner_alive: !self.expired(),
            partner: self.peer.map(|(beat, at)| (beat, self.now - at)),
            sound: self.sound,
        }
    }

    fn sync(&self) -> Sync {
        match self.state {
            State::Active if self.lead.is_deserted() => Sync::Absent,
            State::Active => self.lead.sync(),
            State::Passive if self.is_complete() => Sync::Complete,
            State::Passive if !self.expired() => Sync::CatchingUp { behind: 0 },
            _ if self.may_lack() => Sync::Stale,
            _ => Sync::Absent,
        }
    }

    /// What time alone brings about: heartbeats, the partner's death, another question.
    fn pass_time(&mut self, out: &mut Vec<Output>) {
        if self.phase == Phase::Leaving {
            return;
        }
        if self.expired() && !self.lost {
            self.lost = true;
            if self.peer.is_some() {
                out.push(Output::Tell(Notice::PartnerLost));
            }
            self.partner_gone(out);
        }
        self.ask_again(out);
        self.ask_for_reign(out);
        self.give_up_damaged(out);
        self.beat(out);
    }

    /// Says that this node lives, if its journal does.
    fn beat(&mut self, out: &mut Vec<Output>) {
        if self.now < self.next_beat {
            return;
        }
        self.next_beat = self.now + self.config.heartbeat;
        let alive = self
            .answered
            .is_some_and(|at| self.now - at < self.config.dead_after);
        if alive && !matches!(self.phase, Phase::Refused(_)) {
            out.push(Output::Send(Message::Beat(self.own_beat())));
        }
    }

    fn own_beat(&self) -> Beat {
        Beat {
            side: self.config.side,
            state: self.state,
            epoch: self.reign,
            authority: self.durable.authority(),
            sound: self.sound,
            ends: self.ends,
        }
    }

    fn expired(&self) -> bool {
        self.now >= self.expiry
    }

    /// Whether a reign is known of which this node may lack records. A journal that has never been
    /// one of a pair is in the first epoch.
    fn may_lack(&self) -> bool {
        self.durable.authority().max(Epoch::FIRST) < self.seen
    }

    fn standing(&self) -> Standing {
        Standing {
            authority: self.durable.authority(),
            sound: self.sound,
            records: standing::holds_any(self.ends),
        }
    }

    /// A node that serves, or is about to, tells its partner at once.
    fn beat_now(&mut self, out: &mut Vec<Output>) {
        self.next_beat = self.now;
        self.beat(out);
    }

    fn restart(&mut self, reason: Reason, out: &mut Vec<Output>) {
        self.close(out);
        self.claim = None;
        self.phase = Phase::Leaving;
        out.push(Output::Restart(reason));
    }

    fn refuse(&mut self, error: RoleError, out: &mut Vec<Output>) {
        if self.phase == Phase::Refused(error) {
            return;
        }
        self.close(out);
        self.claim = None;
        self.phase = Phase::Refused(error);
        out.extend([Output::Refuse(error), Output::Tell(Notice::Role(error))]);
    }

    fn close(&mut self, out: &mut Vec<Output>) {
        self.set_gate(Gate::Closed, out);
    }

    fn set_gate(&mut self, gate: Gate, out: &mut Vec<Output>) {
        if self.gate != gate {
            self.gate = gate;
            out.push(Output::Gate(gate));
        }
    }

    /// Says why a request is refused, once for each reason.
    fn refuse_for(&mut self, notice: Notice, out: &mut Vec<Output>) {
        if self.refused_for != Some(notice) {
            self.refused_for = Some(notice);
            out.push(Output::Tell(notice));
        }
    }

    fn request(&mut self, out: &mut Vec<Output>) -> Verdict {
        if matches!(self.phase, Phase::Refused(_)) {
            return Verdict::Refuse;
        }
        if self.phase == Phase::HandingOver {
            return Verdict::Refuse;
        }
        if self.claim.is_some() && self.state != State::Active {
            return Verdict::Wait;
        }
        let expired = self.expired();
        match decide(self.state, Seen::Request { expired }) {
            Move::Accept => Verdict::Serve,
            Move::Activate => self.activate_by_vote(out),
            _ => {
                if expired && self.state == State::Backup {
                    self.refuse_for(Notice::UnhealthyStart, out);
                }
                Verdict::Refuse
            }
        }
    }

    /// The two conditions hold. The third is that nothing acknowledged is missing here.
    fn activate_by_vote(&mut self, out: &mut Vec<Output>) -> Verdict {
        let authority = self.durable.authority();
        if !self.sound || (self.may_lack() && !self.has_unused()) {
            let newest = self.seen;
            self.refuse_for(Notice::Stale { authority, newest }, out);
            return Verdict::Refuse;
        }
        if !self.config.witness && self.config.solo == Solo::Refuse {
            self.refuse_for(Notice::Silent, out);
            return Verdict::Refuse;
        }
        self.begin_claim(epochs::next(self.config.side, self.seen), out);
        Verdict::Wait
    }
}
