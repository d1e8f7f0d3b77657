//! What operators order.

use super::Pair;
use crate::epochs;
use crate::star::State;
use crate::{Gate, Message, Order, Output, Phase, Reason};

impl Pair {
    pub(super) fn ordered(&mut self, order: Order, out: &mut Vec<Output>) {
        match order {
            Order::SwitchOver => self.switch_over(out),
            Order::Promote => self.promote(out),
        }
    }

    /// Whether the partner can take over now.
    pub(super) fn may_hand_over(&self) -> bool {
        self.state == State::Active
            && self.phase == Phase::Settled
            && self.claim.is_none()
            && self.lead.is_complete()
            // Else what it took in waits for the disk to note that it leads.
            && self.gate == Gate::Pair
            && !self.expired()
    }

    pub(super) fn switch_over(&mut self, out: &mut Vec<Output>) {
        if self.may_hand_over() {
            self.phase = Phase::HandingOver;
            out.push(Output::Drain);
        }
    }

    pub(super) fn drained(&mut self, out: &mut Vec<Output>) {
        if self.phase != Phase::HandingOver || self.claim.is_some() {
            return;
        }
        // First the gate: after these words nothing is acknowledged here.
        self.close(out);
        out.push(Output::Send(Message::Handover { epoch: self.reign }));
        self.restart(Reason::HandedOver, out);
    }

    fn promote(&mut self, out: &mut Vec<Output>) {
        if self.state == State::Active && self.may_go_alone() {
            return;
        }
        if matches!(self.phase, Phase::Refused(_)) {
            self.phase = Phase::Settled;
        }
        let epoch = epochs::promoted(self.config.side, self.seen);
        self.claim_ordered(epoch, out);
    }
}
