//! Getting a new epoch: by the witness if there is one, then by the journal.

use spica_model::Epoch;

use super::Pair;
use crate::standing::{Compared, Standing, compare};
use crate::star::State;
use crate::witness::{Answer, Question};
use crate::{Durable, Gate, Notice, Output, Reason, Solo, Time, epochs};

/// An epoch that is on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    epoch: Epoch,
    /// The newest epoch up to which this node holds everything.
    basis: Epoch,
    stage: Stage,
    /// Whether this node was passive under an active partner.
    took_over: bool,
    /// Whether an operator ordered it: then nobody else is asked.
    ordered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The witness has been asked; it is asked again at this time.
    Asking { again: Time },
    /// That this node leads is being stored. Before the journal begins the epoch: a node that is
    /// stopped in between would else know of an epoch that nobody led, and take itself for stale.
    Storing,
    /// The journal begins the epoch.
    Beginning,
}

impl Claim {
    pub(super) const fn ask_at(&self) -> Option<Time> {
        match self.stage {
            Stage::Asking { again } => Some(again),
            _ => None,
        }
    }
}

impl Pair {
    /// Wants to lead in `epoch`. Whether it may then acknowledge alone is the witness's business.
    pub(super) fn begin_claim(&mut self, epoch: Epoch, out: &mut Vec<Output>) {
        if self.claim.is_some() {
            return;
        }
        let stage = if self.config.witness {
            let basis = self.durable.authority();
            out.push(Output::Ask(Question { epoch, basis }));
            Stage::Asking {
                again: self.now + self.config.ask_again,
            }
        } else {
            out.push(self.store_led(epoch));
            Stage::Storing
        };
        self.claim = Some(self.claim_at(epoch, stage, false));
    }

    /// Leads by order of an operator, which outranks the witness and what else is on its way.
    pub(super) fn claim_ordered(&mut self, epoch: Epoch, out: &mut Vec<Output>) {
        out.push(self.store_led(epoch));
        self.claim = Some(self.claim_at(epoch, Stage::Storing, true));
    }

    fn claim_at(&mut self, epoch: Epoch, stage: Stage, ordered: bool) -> Claim {
        self.basis = self.durable.authority();
        Claim {
            epoch,
            basis: self.basis,
            stage,
            took_over: self.state == State::Passive,
            ordered,
        }
    }

    /// Asks the witness once more, if it is time.
    pub(super) fn ask_again(&mut self, out: &mut Vec<Output>) {
        let (now, pause) = (self.now, self.config.ask_again);
        if let Some(Claim {
            epoch,
            basis,
            stage: Stage::Asking { again },
            ..
        }) = &mut self.claim
            && now >= *again
        {
            *again = now + pause;
            let (epoch, basis) = (*epoch, *basis);
            out.push(Output::Ask(Question { epoch, basis }));
        }
    }

    pub(super) fn witness_says(&mut self, epoch: Epoch, answer: Answer, out: &mut Vec<Output>) {
        if self.lead.asks(epoch, self.reign) {
            return self.reign_answered(answer, out);
        }
        let Some(claim) = &mut self.claim else { return };
        if claim.epoch != epoch || !matches!(claim.stage, Stage::Asking { .. }) {
            return;
        }
        match answer {
            Answer::Granted => {
                claim.stage = Stage::Storing;
                self.lead.granted = Some(epoch);
                out.push(self.store_led(epoch));
            }
            Answer::Refused { recorded } => self.claim_refused(recorded, out),
            Answer::Unreachable => self.claim_unanswered(out),
        }
    }

    /// Somebody else has gone on alone since this node held everything; unless it was this node
    /// itself that had asked, and was stopped before it could store that it leads.
    fn claim_refused(&mut self, recorded: Epoch, out: &mut Vec<Output>) {
        if self.is_own(recorded)
            && let Some(claim) = &mut self.claim
            && claim.basis < recorded
        {
            claim.basis = recorded;
            claim.stage = Stage::Asking { again: self.now };
            return self.ask_again(out);
        }
        self.claim = None;
        self.seen = self.seen.max(recorded);
        if self.state == State::Active {
            self.restart(Reason::WitnessRefused { recorded }, out);
            return;
        }
        if self.is_partners_unused(recorded) {
            // This node can get no other one, but both together hold everything.
            let epoch = epochs::next(self.config.side, self.seen);
            self.claim = Some(self.claim_at(epoch, Stage::Asking { again: self.now }, false));
            return self.claim_unanswered(out);
        }
        // So the partner hears of it with the next heartbeat: it may be its own, unused.
        self.reign = self.seen;
        let authority = self.durable.authority();
        let newest = self.seen;
        self.refuse_for(Notice::Stale { authority, newest }, out);
    }

    /// Without an answer a node may still lead a partner that is there and holds no more than it;
    /// alone it waits. That it led is stored when that begins to count: see [`Pair::adjust_gate`].
    fn claim_unanswered(&mut self, out: &mut Vec<Output>) {
        let with_partner = self.state != State::Active && self.may_lead_partner();
        if let Some(claim) = &mut self.claim
            && with_partner
        {
            claim.stage = Stage::Beginning;
            out.push(Output::BeginEpoch(claim.epoch));
        } else if self.has_active_partner() {
            // It came back while the witness was asked: it is followed.
            self.claim = None;
        } else {
            self.refuse_for(Notice::Silent, out);
        }
    }

    fn has_active_partner(&self) -> bool {
        let serves = |(beat, _): (crate::Beat, Time)| beat.state == State::Active;
        self.state != State::Active && !self.expired() && self.peer.is_some_and(serves)
    }

    /// Whether a partner is there that does not serve, and holds no more than this node.
    fn may_lead_partner(&self) -> bool {
        let own = self.standing();
        let led = |(beat, _): (crate::Beat, Time)| {
            let compared = compare(own, Standing::of(&beat));
            beat.state != State::Active && matches!(compared, Compared::Better | Compared::Equal)
        };
        !self.expired() && self.peer.is_some_and(led)
    }

    /// Whether what the witness has recorded is the partner's, who is there and never led in it.
    pub(super) fn is_partners_unused(&self, recorded: Epoch) -> bool {
        let partners = epochs::side_of(recorded) == Some(self.config.side.other());
        let unused = self.peer.is_some_and(|(beat, _)| beat.authority < recorded);
        partners && unused && self.may_lead_partner()
    }

    /// Whether an epoch can only be this node's. Up to such a one it holds everything: what was
    /// acknowledged in it, this node acknowledged; and it was recorded when nobody else had gone on
    /// alone. If it never led in it, it was stopped before it heard that it may.
    pub(super) fn is_own(&self, epoch: Epoch) -> bool {
        epochs::side_of(epoch) == Some(self.config.side)
    }

    /// Whether the newest epoch is one of this node's own that it does not know to have led: as long
    /// as it stands at the witness, nobody else gets another one.
    pub(super) fn has_unused(&self) -> bool {
        let unused = self.seen > self.durable.authority();
        self.config.witness && unused && self.is_own(self.seen)
    }

    fn store_led(&self, led: Epoch) -> Output {
        Output::Store(Durable {
            led,
            ..self.durable
        })
    }

    pub(super) fn claim_stored(&mut self, led: Epoch, out: &mut Vec<Output>) {
        if let Some(claim) = &mut self.claim
            && claim.epoch == led
            && claim.stage == Stage::Storing
        {
            claim.stage = Stage::Beginning;
            out.push(Output::BeginEpoch(led));
        }
    }

    /// The partner reigns in a later epoch than the one that was to begin.
    pub(super) fn epoch_refused(&mut self, newest: Epoch) {
        self.seen = self.seen.max(newest);
        self.claim = None;
    }

    /// The epoch is durable here, and at the witness if there is one: the node leads.
    pub(super) fn epoch_begun(&mut self, epoch: Epoch, out: &mut Vec<Output>) {
        let Some(claim) = self.claim else { return };
        if claim.epoch != epoch || claim.stage != Stage::Beginning {
            return;
        }
        self.claim = None;
        let was_active = self.state == State::Active;
        self.state = State::Active;
        self.seen = self.seen.max(epoch);
        self.reign = epoch;
        self.refused_for = None;
        self.lead.begin();
        if claim.ordered {
            self.lead.granted = Some(epoch);
            out.push(Output::Tell(Notice::Promoted { epoch }));
        }
        out.push(Output::Lead(epoch));
        if !was_active {
            let took_over = claim.took_over;
            out.push(Output::Tell(Notice::Active { epoch, took_over }));
        }
        self.adjust_gate(out);
        self.beat_now(out);
    }

    /// The next epoch for a reign that goes on alone.
    pub(super) fn claim_alone(&mut self, out: &mut Vec<Output>) {
        self.begin_claim(epochs::next(self.config.side, self.seen), out);
    }

    /// Whether records may be acknowledged that only this node has.
    pub(super) fn may_go_alone(&self) -> bool {
        let granted = self.lead.granted == Some(self.reign);
        granted || (!self.config.witness && self.config.solo == Solo::Accept)
    }

    /// Whether the reign is one up to which this node holds everything. One that began without the
    /// witness becomes that when the partner has noted that it is complete in it: before, the partner
    /// may have got the witness's word for a reign of its own, and what it followed may be long ago.
    fn counts(&self) -> bool {
        let permitted = self.lead.granted == Some(self.reign);
        permitted || self.durable.led >= self.reign || self.lead.is_complete()
    }

    pub(super) fn adjust_gate(&mut self, out: &mut Vec<Output>) {
        if self.state != State::Active || self.phase != crate::Phase::Settled {
            return;
        }
        let gate = if self.lead.waits_for_partner() && self.counts() {
            Gate::Pair
        } else if self.lead.waits_for_partner() {
            Gate::Closed
        } else if self.may_go_alone() {
            Gate::Solo
        } else {
            Gate::Closed
        };
        if gate != Gate::Closed && self.durable.led < self.reign {
            // A reign that began without the witness counts from here on.
            out.push(self.store_led(self.reign));
            return;
        }
        let before = self.gate;
        self.set_gate(gate, out);
        if before != gate {
            match gate {
                Gate::Solo => out.push(Output::Tell(Notice::Alone {
                    epoch: self.reign,
                    witnessed: self.config.witness,
                })),
                Gate::Closed => self.refuse_for(Notice::Silent, out),
                Gate::Pair => {}
            }
        }
    }
}
