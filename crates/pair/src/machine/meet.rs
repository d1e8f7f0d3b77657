//! Meeting the partner.

use super::Pair;
use crate::epochs;
use crate::standing::{Compared, Standing, compare};
use crate::star::{Move, RoleError, Seen, State, decide};
use crate::{Beat, Message, Notice, Output, Phase, Reason, Side};

impl Pair {
    pub(super) fn received(&mut self, message: Message, out: &mut Vec<Output>) {
        match message {
            Message::Beat(beat) => self.meet(beat, out),
            Message::Promise { epoch, ends } => self.promised(epoch, ends, out),
            Message::Kept { epoch } => self.kept(epoch, out),
            Message::Handover { epoch } => self.take_over(epoch, out),
            Message::Farewell => self.expiry = self.expiry.min(self.now),
        }
    }

    fn meet(&mut self, beat: Beat, out: &mut Vec<Output>) {
        // Before the rules, as the pattern's reactor does it.
        self.expiry = self.now + self.config.dead_after;
        self.seen = self.seen.max(beat.epoch).max(beat.authority);
        if self.peer.replace((beat, self.now)).is_some() && self.lost {
            out.push(Output::Tell(Notice::PartnerBack));
        }
        self.lost = false;
        self.lead.is_heard();
        if beat.side == self.config.side {
            let error = match beat.side {
                Side::Primary => RoleError::DualPrimary,
                Side::Backup => RoleError::DualBackup,
            };
            return self.refuse(error, out);
        }
        if let Phase::Refused(_) = self.phase {
            self.phase = Phase::Settled;
        }
        match (self.state, beat.state) {
            (State::Active, State::Active) => self.meet_rival(beat, out),
            (State::Active, _) => self.meet_follower(beat, out),
            (_, State::Active) => self.meet_active(beat, out),
            (mine, theirs) => self.meet_idle(beat, decide(mine, Seen::Peer(theirs)), out),
        }
    }

    /// Both serve, after a time in which they did not see each other. The younger reign stays, unless
    /// it began without permission and has acknowledged nothing yet: then its authority is the older.
    fn meet_rival(&mut self, beat: Beat, out: &mut Vec<Output>) {
        let mine = (self.durable.authority(), self.reign);
        if (beat.authority, beat.epoch) > mine {
            out.push(Output::Tell(Notice::Role(RoleError::DualActive)));
            self.restart(Reason::Outranked { by: beat.epoch }, out);
        } else {
            self.outrank(beat, out);
        }
    }

    /// A partner that knows a later epoch takes nothing in an older one.
    fn outrank(&mut self, beat: Beat, out: &mut Vec<Output>) {
        if beat.epoch > self.reign && self.config.witness {
            self.claim_alone(out);
        }
    }

    /// A partner that was complete and no longer knows it has lost what it had.
    fn meet_follower(&mut self, beat: Beat, out: &mut Vec<Output>) {
        let forgot = beat.authority < self.reign || !beat.sound;
        if forgot && self.lead.is_complete() {
            self.partner_stuck(out);
        }
        self.outrank(beat, out);
    }

    fn meet_active(&mut self, beat: Beat, out: &mut Vec<Output>) {
        if self.claim.is_some() {
            // What it asked for decides: a later epoch ends the partner's reign.
            return;
        }
        if beat.authority < self.durable.authority() && self.sound {
            // It serves, and lacks what was acknowledged in a reign that this node knows.
            self.begin_claim(epochs::next(self.config.side, self.seen), out);
            return;
        }
        self.reign = self.reign.max(beat.epoch);
        self.refused_for = None;
        if self.state != State::Passive {
            self.state = State::Passive;
            out.push(Output::Follow);
            self.beat_now(out);
        }
    }

    /// Neither serves: who holds everything does; if both do, the pattern says who.
    fn meet_idle(&mut self, beat: Beat, says: Move, out: &mut Vec<Output>) {
        let compared = compare(self.standing(), Standing::of(&beat));
        let activate = match (compared, says) {
            (Compared::Equal, _) if self.has_unused() => true,
            (Compared::Better, _) | (Compared::Equal, Move::Activate) => true,
            (Compared::Equal, Move::Error(RoleError::DualPassive)) => {
                out.push(Output::Tell(Notice::Role(RoleError::DualPassive)));
                return self.restart(Reason::DualPassive, out);
            }
            (Compared::Neither, _) => {
                self.refuse_for(Notice::Undecided, out);
                false
            }
            (Compared::Worse | Compared::Equal, _) => false,
        };
        if activate {
            self.begin_claim(epochs::next(self.config.side, self.seen), out);
        }
    }
}
