//! How a sender puts something on a path: the connection, the number, the frame.

use super::Sender;
use super::link::{Connection, Pending, Work};
use super::words::{Now, Output, Path, Refusal};
use crate::{EncodeError, Event, Message, Sequence};

impl Sender {
    /// Begins something on a free path: connects first, if it must. Whether the event was given up,
    /// so that the path is still free.
    pub(super) fn begin(&mut self, path: Path, work: Work, now: Now) -> bool {
        let until = now.steady + self.config.connect_within;
        match self.links.get_mut(path as usize) {
            Some(link) if link.connection == Connection::Down => {
                link.connection = Connection::Connecting { until };
                self.outputs.push(Output::Connect(path));
                false
            }
            Some(_) => self.transmit(path, work, 0, now),
            None => false,
        }
    }

    /// Sends something; whether the event was given up instead.
    pub(super) fn transmit(&mut self, path: Path, work: Work, naks: u32, now: Now) -> bool {
        let Some((sequence, event)) = self.numbered(path, work) else {
            return false;
        };
        match self.encode(path, sequence, event, now) {
            Ok(bytes) => {
                self.counters.sent += 1;
                let event = match work {
                    Work::Event(id) => Some(id),
                    Work::Poll => None,
                };
                let until = now.steady + self.config.answer_within;
                if let Some(link) = self.links.get_mut(path as usize) {
                    link.pending = Some(Pending {
                        work,
                        sequence,
                        until,
                        naks,
                    });
                }
                self.outputs.push(Output::Send {
                    path,
                    sequence,
                    event,
                    bytes,
                });
                false
            }
            Err(error) => {
                match work {
                    Work::Event(id) => self.refuse(id, Refusal::Encode(error)),
                    // Nothing of a poll can be too long; if it were, it must not be tried at once.
                    Work::Poll => self.miss(path, now),
                }
                true
            }
        }
    }

    /// The number of what is sent, which it keeps, and its content.
    fn numbered(&mut self, path: Path, work: Work) -> Option<(Sequence, Event)> {
        let next = self.free_sequence();
        let (sequence, event) = match work {
            Work::Poll => {
                let link = self.links.get_mut(path as usize)?;
                (*link.poll_sequence.get_or_insert(next), Event::null())
            }
            Work::Event(id) => {
                let entry = self.queue.get_mut(id)?;
                entry.mark_sent(path);
                (*entry.sequence.get_or_insert(next), entry.event.clone())
            }
        };
        if sequence == next {
            self.last = next;
        }
        Some((sequence, event))
    }

    /// The next number that nothing under way has.
    fn free_sequence(&self) -> Sequence {
        let polls = |sequence| {
            let mut links = self.links.iter();
            links.any(|link| link.poll_sequence == Some(sequence))
        };
        let mut next = self.last.next();
        // Two polls and whatever of the queue was sent have numbers.
        for _ in 0..self.config.queue.saturating_add(2) {
            if !self.queue.uses(next) && !polls(next) {
                break;
            }
            next = next.next();
        }
        next
    }

    fn encode(
        &self,
        path: Path,
        sequence: Sequence,
        event: Event,
        now: Now,
    ) -> Result<Vec<u8>, EncodeError> {
        let time = self.link(path).map(|link| link.stamp(now.wall));
        let message = Message {
            token: event.token,
            sequence,
            receiver: self.config.receiver.clone(),
            line: self.config.line.clone(),
            account: Some(self.config.account.clone()),
            data: event.data,
            extended: event.extended,
            time,
        };
        message.encode(self.config.key.as_ref())
    }
}
