//! What a receiver's answers do to a sender.

use super::Sender;
use super::link::{Connection, Pending, Work};
use super::words::{EventId, Ignored, Now, Output, Path, Refusal};
use crate::{Answer, Reply, Sequence};

/// How often a message is answered with `NAK` before it counts as a miss.
pub const MAX_NAKS: u32 = 3;

impl Sender {
    pub(super) fn received(&mut self, path: Path, bytes: &[u8], now: Now) {
        let Some(link) = self.links.get_mut(path as usize) else {
            return;
        };
        for frame in link.cutter.push(bytes) {
            if let Err(why) = self.answered(path, &frame, now) {
                self.counters.ignored += 1;
                self.outputs.push(Output::Ignored { path, why });
            }
        }
    }

    fn answered(&mut self, path: Path, frame: &[u8], now: Now) -> Result<(), Ignored> {
        let reply = Reply::read(frame, self.config.key.as_ref())?;
        if reply
            .account
            .as_ref()
            .is_some_and(|account| *account != self.config.account)
        {
            return Err(Ignored::OtherAccount);
        }
        let not_awaited = Ignored::NotAwaited(reply.sequence);
        let link = self.links.get_mut(path as usize);
        let link = link.ok_or_else(|| not_awaited.clone())?;
        // A refusal of the time may carry the number 0.
        let any = reply.answer == Answer::Nak && reply.sequence == Sequence::ZERO;
        let pending = link.pending;
        let pending = pending.filter(|pending| any || pending.sequence == reply.sequence);
        match (reply.answer, pending) {
            (Answer::Nak, None) => Err(not_awaited),
            (Answer::Nak, Some(pending)) => {
                if let Some(theirs) = reply.time {
                    link.correct(theirs, now.wall);
                }
                self.refused_time(path, pending, now);
                Ok(())
            }
            (answer, Some(pending)) => {
                link.pending = None;
                self.settle(path, pending.work, answer, now);
                Ok(())
            }
            // Too late for this path, but the event is still under way, by now on the other one.
            (answer, None) => {
                let id = self
                    .queue
                    .sent_as(path, reply.sequence)
                    .ok_or(not_awaited)?;
                self.withdraw(id, now);
                self.settle(path, Work::Event(id), answer, now);
                Ok(())
            }
        }
    }

    /// Nothing waits any more for an answer to this event.
    fn withdraw(&mut self, id: EventId, now: Now) {
        for link in &mut self.links {
            if link
                .pending
                .is_some_and(|pending| pending.work == Work::Event(id))
            {
                link.pending = None;
                if let Connection::Up { since } = &mut link.connection {
                    *since = now.steady;
                }
            }
        }
    }

    /// A receiver has taken a message, or cannot process it: either way the path works.
    fn settle(&mut self, path: Path, work: Work, answer: Answer, now: Now) {
        let Some(link) = self.links.get_mut(path as usize) else {
            return;
        };
        let was_failed = link.answered(now.steady);
        match work {
            Work::Poll => {
                link.poll_sequence = None;
                self.counters.polls += 1;
            }
            Work::Event(id) if answer == Answer::Duh => self.refuse(id, Refusal::Duh(path)),
            Work::Event(id) => {
                let entry = self.queue.get_mut(id);
                let sequence = entry.and_then(|entry| entry.sequence).unwrap_or(self.last);
                self.queue.remove(id);
                self.counters.delivered += 1;
                self.outputs.push(Output::Delivered { id, path, sequence });
            }
        }
        if was_failed {
            self.outputs.push(Output::PathRestored(path));
        }
    }

    /// A receiver said `NAK`: once more with the time corrected, but not for ever.
    fn refused_time(&mut self, path: Path, pending: Pending, now: Now) {
        if let Some(link) = self.links.get_mut(path as usize) {
            link.pending = None;
        }
        let naks = pending.naks + 1;
        if naks < MAX_NAKS {
            self.transmit(path, pending.work, naks, now);
            return;
        }
        let paths = self.links.len();
        if let Work::Event(id) = pending.work
            && let Some(entry) = self.queue.get_mut(id)
            && entry.mark_refused(path, paths)
        {
            self.refuse(id, Refusal::Nak);
        }
        self.miss(path, now);
    }
}
