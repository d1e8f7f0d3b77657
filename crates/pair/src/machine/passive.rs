//! The passive: it notes when it is complete, and takes over when it is told to.

use spica_model::{Epoch, Lane, Seq};

use super::Pair;
use crate::epochs;
use crate::star::State;
use crate::{Durable, Message, Notice, Output, Reason};

impl Pair {
    /// Whether it holds everything that was acknowledged in the reign it follows.
    pub(super) fn is_complete(&self) -> bool {
        self.durable.authority() >= self.reign
    }

    /// The active waits for this node from here on.
    pub(super) fn promised(&mut self, epoch: Epoch, ends: [Seq; 2], out: &mut Vec<Output>) {
        if self.state == State::Passive && epoch >= self.reign {
            self.reign = epoch;
            self.promise = Some((epoch, ends));
            self.keep_promise(out);
        }
    }

    /// Notes that it is complete, once it has what was acknowledged without it.
    pub(super) fn keep_promise(&mut self, out: &mut Vec<Output>) {
        let Some((epoch, ends)) = self.promise else {
            return;
        };
        let reached = self.ends.iter().zip(ends).all(|(mine, end)| *mine >= end);
        if !reached || self.claim.is_some() {
            return;
        }
        self.promise = None;
        if epoch == self.reign {
            out.push(Output::Store(Durable {
                complete: epoch,
                ..self.durable
            }));
        }
    }

    pub(super) fn stored(&mut self, durable: Durable, out: &mut Vec<Output>) {
        self.durable = durable;
        if self.claim.is_some() {
            self.claim_stored(durable.led, out);
        } else if self.state == State::Active {
            self.adjust_gate(out);
        } else if self.state == State::Passive && durable.complete == self.reign {
            // Whatever it lacked or had lost has come from the active.
            self.sound = true;
            out.push(Output::Send(Message::Kept { epoch: self.reign }));
        }
    }

    /// The active has stopped serving for this node to take over.
    pub(super) fn take_over(&mut self, epoch: Epoch, out: &mut Vec<Output>) {
        if self.state != State::Passive || epoch != self.reign || !self.is_complete() {
            return;
        }
        self.begin_claim(epochs::next(self.config.side, self.seen), out);
        // It will not serve before it has started again.
        self.expiry = self.expiry.min(self.now);
    }

    pub(super) fn parted(&mut self, lane: Lane, common: Seq, out: &mut Vec<Output>) {
        out.push(Output::Tell(Notice::Parted { lane, common }));
        if self.state == State::Passive {
            self.restart(Reason::Parted { lane, common }, out);
        }
    }
}
