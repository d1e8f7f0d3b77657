//! What the core wants done.

use spica_journal::Journal as _;
use spica_journal_file::Acknowledge;
use spica_model::Lane;
use spica_pair::{Event, Gate, Message, Notice, Output, Reason};

use super::{Actor, Input};
use crate::handle::Restart;
use crate::reentry::Desk;

impl Actor {
    pub(super) fn output(&mut self, output: Output) {
        match output {
            Output::Send(message) => self.say(message),
            Output::Promise(epoch) => {
                let ends = Lane::ALL.map(|lane| self.parts.journal.durable_here(lane).durable());
                self.say(Message::Promise { epoch, ends });
            }
            Output::Store(durable) => self.parts.scribe.store(durable),
            Output::Ask(question) => self.parts.asker.ask(question),
            Output::BeginEpoch(epoch) => {
                // What the partner still sends is of a reign that is over, if this one begins.
                self.end_following();
                self.waiting.epoch = true;
                self.parts.scribe.begin(epoch);
            }
            Output::Lead(epoch) => {
                self.end_following();
                // A passive acknowledged what its active did; from here on the gate decides.
                self.set_gate(self.pair.status().gate);
                self.parts.journal.take_own(true);
                if let Some(link) = &self.link {
                    link.shared.set_reign(epoch);
                }
                self.leads = true;
                // Whoever is active enters what it had to put aside itself.
                self.enter_aside(Desk::Own(self.parts.link.counter.clone()));
            }
            Output::Follow => self.ask_to_follow(),
            Output::Gate(gate) => self.set_gate(gate),
            Output::Drain => self.drain(),
            Output::Restart(reason) => self.restart(reason),
            Output::Refuse(_) => self.leads = false,
            Output::Tell(notice) => self.tell(&notice),
        }
    }

    fn set_gate(&self, gate: Gate) {
        self.parts.journal.set_acknowledge(match gate {
            Gate::Closed => Acknowledge::Never,
            Gate::Pair => Acknowledge::Both,
            Gate::Solo => Acknowledge::Alone,
        });
    }

    pub(super) fn tell(&mut self, notice: &Notice) {
        let (status, now) = (self.pair.status(), self.parts.clock.wall());
        self.parts.notices.tell(notice, &status, now);
        if self.leads {
            // It may be its last word in this reign.
            self.parts.notices.record();
        }
    }

    /// An epoch of this node's has begun, or does not.
    pub(super) fn begun(&mut self, event: Option<Event>) {
        self.waiting.epoch = false;
        if let Some(event) = event {
            self.event(event);
        }
    }

    /// Takes nothing more in; says when all that was placed is acknowledged.
    fn drain(&mut self) {
        self.leads = false;
        self.parts.journal.take_own(false);
        let journal = std::sync::Arc::clone(&self.parts.journal);
        let inputs = self.parts.link.inputs.clone();
        tokio::spawn(async move {
            for lane in Lane::ALL {
                let last = journal.status(lane).last;
                if journal.watermark(lane).reached(last).await.is_err() {
                    return;
                }
            }
            // Without an actor nobody hands over any more.
            let _ = inputs.send(Input::Drained).await;
        });
    }

    fn restart(&mut self, reason: Reason) {
        self.leads = false;
        self.parts.journal.take_own(false);
        if reason == Reason::HandedOver
            && let Some((lane, common)) = self.damaged()
        {
            return self.cut_damage(lane, common);
        }
        let restart = match reason {
            Reason::Parted { lane, common } => Restart::Cut { lane, common },
            reason => Restart::Again(reason),
        };
        self.leave(restart);
    }

    pub(super) fn leave(&mut self, restart: Restart) {
        // Who gave the order looks at what is shown as soon as it is answered.
        self.show();
        self.look_at_orders();
        self.parts.restart.send_replace(Some(restart));
        self.ended = true;
    }
}
