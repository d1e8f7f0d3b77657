//! The active: how far its partner is, and whether it may go on without.

use spica_model::Epoch;

use super::Pair;
use crate::star::State;
use crate::witness::{Answer, Question};
use crate::{Notice, Output, Phase, Reason, Solo, Sync, Time};

/// How far the partner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Partner {
    /// It does not follow.
    #[default]
    Absent,
    /// It follows, and lacks so many records.
    CatchingUp(u64),
    /// It was told that the active waits for it.
    Promised {
        /// The link was cut since: it may not have heard.
        again: bool,
    },
    /// It has noted that it is complete.
    Complete,
}

/// What the active knows of its reign.
#[derive(Debug, Clone, Default)]
pub(super) struct Lead {
    partner: Partner,
    /// The newest epoch that the witness, or an operator, has granted.
    pub(super) granted: Option<Epoch>,
    /// When to ask the witness about the present epoch, and the basis of it.
    ask: Option<(Time, Epoch)>,
    /// Whether somebody waits for the acknowledgement of a record.
    awaited: bool,
    /// Whether the partner is gone for which this node waits, and nobody has wanted anything since:
    /// it may be that clients reach only the partner, to whom the witness's word belongs then.
    deserted: bool,
    /// Whether the journal has found damage while it ran.
    damaged: bool,
    /// What the operator was last told about that: whether the partner takes over.
    damage_told: Option<bool>,
}

impl Lead {
    pub(super) const fn begin(&mut self) {
        self.partner = Partner::Absent;
        self.ask = None;
        self.awaited = false;
        self.deserted = false;
    }

    /// The partner is heard again.
    pub(super) const fn is_heard(&mut self) {
        self.deserted = false;
    }

    pub(super) const fn is_deserted(&self) -> bool {
        self.deserted
    }

    pub(super) const fn waits_for_partner(&self) -> bool {
        matches!(self.partner, Partner::Promised { .. } | Partner::Complete)
    }

    pub(super) const fn is_complete(&self) -> bool {
        matches!(self.partner, Partner::Complete)
    }

    pub(super) const fn sync(&self) -> Sync {
        match self.partner {
            Partner::Absent => Sync::Absent,
            Partner::CatchingUp(behind) => Sync::CatchingUp { behind },
            Partner::Promised { .. } => Sync::CatchingUp { behind: 0 },
            Partner::Complete => Sync::Complete,
        }
    }

    /// Whether an answer about `epoch` is about the present reign.
    pub(super) fn asks(&self, epoch: Epoch, reign: Epoch) -> bool {
        self.ask.is_some() && epoch == reign
    }

    pub(super) const fn ask_at(&self) -> Option<Time> {
        match self.ask {
            Some((at, _)) => Some(at),
            None => None,
        }
    }
}

impl Pair {
    /// The partner's place has changed.
    pub(super) fn lag(&mut self, lag: Option<[u64; 2]>, out: &mut Vec<Output>) {
        if self.state != State::Active {
            return;
        }
        let Some(lag) = lag else {
            match &mut self.lead.partner {
                Partner::Promised { again } => *again = true,
                // It may come back before its time is over: what it had, it has.
                Partner::Complete => {}
                other => *other = Partner::Absent,
            }
            return;
        };
        let behind = lag[0].saturating_add(lag[1]);
        match self.lead.partner {
            Partner::Complete | Partner::Promised { again: false } => {}
            Partner::Promised { again: true } => self.promise(out),
            Partner::Absent | Partner::CatchingUp(_) => {
                self.lead.partner = Partner::CatchingUp(behind);
                if behind <= self.config.join_within && self.phase == Phase::Settled {
                    self.promise(out);
                }
            }
        }
    }

    /// From here on nothing is acknowledged that the partner does not have; then it is told so.
    fn promise(&mut self, out: &mut Vec<Output>) {
        if self.claim.is_some() || self.expired() {
            return;
        }
        self.lead.partner = Partner::Promised { again: false };
        self.adjust_gate(out);
        out.push(Output::Promise(self.reign));
    }

    pub(super) fn kept(&mut self, epoch: Epoch, out: &mut Vec<Output>) {
        let promised = matches!(self.lead.partner, Partner::Promised { .. });
        if self.state == State::Active && epoch == self.reign && promised {
            self.lead.partner = Partner::Complete;
            out.push(Output::Tell(Notice::Complete));
            self.adjust_gate(out);
        }
    }

    /// The partner's heartbeats are gone. For all others than the active that waits for it, a vote
    /// decides.
    pub(super) fn partner_gone(&mut self, out: &mut Vec<Output>) {
        if self.state != State::Active {
            return;
        }
        if self.lead.waits_for_partner() {
            self.go_on_alone(out);
        } else {
            self.lead.partner = Partner::Absent;
        }
    }

    /// The partner lives, but takes nothing: an operator who forbids to go on alone lets everyone
    /// wait for it.
    pub(super) fn partner_stuck(&mut self, out: &mut Vec<Output>) {
        if self.state == State::Active && self.lead.waits_for_partner() {
            self.go_on_alone(out);
        }
    }

    fn go_on_alone(&mut self, out: &mut Vec<Output>) {
        // A hand-over that has lost its partner is none.
        if self.phase == Phase::HandingOver {
            self.phase = Phase::Settled;
            out.push(Output::Lead(self.reign));
        }
        if !self.config.witness && self.config.solo == Solo::Refuse {
            self.refuse_for(Notice::Silent, out);
            return;
        }
        // The witness gives its word once. A partner that lives may have the clients.
        if self.config.witness && self.expired() && !self.lead.awaited {
            self.lead.deserted = true;
            return;
        }
        self.claim_alone(out);
    }

    /// Somebody waits for an acknowledgement, or nobody does.
    pub(super) fn awaited(&mut self, awaited: bool, out: &mut Vec<Output>) {
        self.lead.awaited = awaited && self.state == State::Active;
        if self.lead.awaited && self.lead.deserted {
            self.lead.deserted = false;
            self.claim_alone(out);
        }
    }

    /// Records of this node are damaged, and only the partner can make them good.
    pub(super) const fn damaged(&mut self) {
        self.sound = false;
        self.lead.damaged = true;
    }

    /// An active with damage lets a partner take over that holds everything, as soon as there is one.
    pub(super) fn give_up_damaged(&mut self, out: &mut Vec<Output>) {
        let leads = self.state == State::Active && self.phase == Phase::Settled;
        if !self.lead.damaged || !leads {
            return;
        }
        let sound = self.peer.is_some_and(|(beat, _)| beat.sound);
        let hands_over = sound && self.may_hand_over();
        if self.lead.damage_told != Some(hands_over) {
            self.lead.damage_told = Some(hands_over);
            out.push(Output::Tell(Notice::Damaged { hands_over }));
        }
        if hands_over {
            self.switch_over(out);
        }
    }

    /// An active without permission, whose partner is not complete, asks for it from time to time.
    pub(super) fn ask_for_reign(&mut self, out: &mut Vec<Output>) {
        let wants = self.state == State::Active
            && self.claim.is_none()
            && self.config.witness
            && !self.lead.waits_for_partner()
            && self.lead.granted != Some(self.reign);
        if !wants {
            self.lead.ask = None;
            return;
        }
        let basis = self.lead.ask.map_or(self.basis, |(_, basis)| basis);
        if self.lead.ask.is_some_and(|(at, _)| self.now < at) {
            return;
        }
        self.lead.ask = Some((self.now + self.config.ask_again, basis));
        let epoch = self.reign;
        out.push(Output::Ask(Question { epoch, basis }));
    }

    pub(super) fn reign_answered(&mut self, answer: Answer, out: &mut Vec<Output>) {
        match answer {
            Answer::Granted => {
                self.lead.granted = Some(self.reign);
                self.lead.ask = None;
                self.adjust_gate(out);
            }
            Answer::Refused { recorded } if self.is_own(recorded) => {
                // Of an earlier life; see `Pair::is_own`.
                self.lead.ask = Some((self.now, recorded));
                self.ask_for_reign(out);
            }
            // With its partner it goes on; alone it would have no permission.
            Answer::Refused { recorded } if self.is_partners_unused(recorded) => {}
            Answer::Refused { recorded } => {
                self.seen = self.seen.max(recorded);
                self.restart(Reason::WitnessRefused { recorded }, out);
            }
            Answer::Unreachable => {}
        }
    }
}
