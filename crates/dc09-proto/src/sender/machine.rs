//! The sender itself.

use std::time::Duration;

use super::link::{Connection, Link, Pending, Work};
use super::queue::Queue;
use super::words::{
    Counters, EventId, Ignored, Input, Now, Output, Path, PathStatus, QueueFull, Refusal, Status,
};
use super::{Config, ConfigError};
use crate::{Answer, EncodeError, Event, Message, Reply, Sequence};

/// How often a message is answered with `NAK` before it counts as a miss.
pub const MAX_NAKS: u32 = 3;

/// The sender of one account.
#[derive(Debug)]
pub struct Sender {
    config: Config,
    /// The main path, then the backup if there is one.
    links: Vec<Link>,
    queue: Queue,
    last: Sequence,
    counters: Counters,
    outputs: Vec<Output>,
}

impl Sender {
    /// A sender that goes on behind the number `last`, the last one that was sent before this
    /// start; [`Sequence::ZERO`] if there was none.
    ///
    /// # Errors
    /// If the setup cannot work.
    pub fn new(config: Config, last: Sequence) -> Result<Self, ConfigError> {
        config.validate()?;
        let intervals = std::iter::once(config.main_poll).chain(config.backup_poll);
        Ok(Self {
            links: intervals.map(Link::new).collect(),
            config,
            queue: Queue::default(),
            last,
            counters: Counters::default(),
            outputs: Vec::new(),
        })
    }

    /// Queues an event; urgent ones go before others. `sequence` is the number under which it was
    /// sent before this start, if it was. An event that waits already is not queued twice.
    ///
    /// # Errors
    /// If too many wait: the event is not taken.
    pub fn push(
        &mut self,
        id: EventId,
        event: Event,
        urgent: bool,
        sequence: Option<Sequence>,
        now: Now,
    ) -> Result<Vec<Output>, QueueFull> {
        if !self.queue.holds(id) {
            let limit = self.config.queue;
            if self.queue.len() >= limit {
                self.counters.full += 1;
                return Err(QueueFull { limit });
            }
            self.queue.push(id, event, sequence, urgent);
        }
        Ok(self.drive(now))
    }

    /// Takes what has happened, and gives what to do.
    pub fn handle(&mut self, input: Input<'_>, now: Now) -> Vec<Output> {
        match input {
            Input::Connected(path) => self.connected(path, now),
            Input::Disconnected(path) => self.disconnected(path, now),
            Input::Bytes(path, bytes) => self.received(path, bytes, now),
            Input::Tick => {}
        }
        self.drive(now)
    }

    /// When [`Input::Tick`] is due, in steady time.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        let linger = self.config.linger;
        let links = self.links.iter().map(|link| link.deadline(linger));
        let deadline = links.min().unwrap_or(Duration::MAX);
        let path = self.choose();
        // Besides what the paths themselves wait for, an event waits until its path has rested.
        match self.link(path) {
            Some(link) if self.waiting().is_some() && link.is_free(link.retry_at) => {
                deadline.min(link.retry_at)
            }
            _ => deadline,
        }
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let paths = Path::ALL.into_iter().zip(&self.links);
        let status = |(path, link): (Path, &Link)| PathStatus {
            path,
            connected: matches!(link.connection, Connection::Up { .. }),
            failed: link.failed,
            misses: link.misses,
            offset_micros: link.offset_micros,
        };
        Status {
            queued: self.queue.len(),
            paths: paths.map(status).collect(),
            last_sequence: self.last,
            counters: self.counters,
        }
    }

    fn link(&self, path: Path) -> Option<&Link> {
        self.links.get(path as usize)
    }

    fn connected(&mut self, path: Path, now: Now) {
        let Some(link) = self.links.get_mut(path as usize) else {
            return;
        };
        match link.connection {
            Connection::Connecting { .. } => {
                link.connection = Connection::Up { since: now.steady };
                link.cutter.clear();
            }
            Connection::Up { .. } => {}
            // It came too late: the shell may not have heard yet that nobody wants it.
            Connection::Down => self.outputs.push(Output::Close(path)),
        }
    }

    fn disconnected(&mut self, path: Path, now: Now) {
        let Some(link) = self.links.get_mut(path as usize) else {
            return;
        };
        let before = std::mem::replace(&mut link.connection, Connection::Down);
        let awaited = matches!(before, Connection::Connecting { .. }) || link.pending.is_some();
        if awaited {
            self.miss(path, now);
        }
    }

    fn received(&mut self, path: Path, bytes: &[u8], now: Now) {
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

    fn refuse(&mut self, id: EventId, reason: Refusal) {
        self.queue.remove(id);
        self.counters.refused += 1;
        self.outputs.push(Output::Refused { id, reason });
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

    /// The path did not do what it should: it rests, and may count as failed.
    fn miss(&mut self, path: Path, now: Now) {
        let Some(link) = self.links.get_mut(path as usize) else {
            return;
        };
        link.pending = None;
        link.misses = link.misses.saturating_add(1);
        link.retry_at = now.steady + self.config.pause(link.misses);
        // Whatever was missed, the next thing is to find out whether the path works.
        link.poll_at = link.retry_at;
        self.counters.missed += 1;
        if link.connection != Connection::Down {
            link.connection = Connection::Down;
            self.outputs.push(Output::Close(path));
        }
        if link.misses >= self.config.fail_after && !link.failed {
            link.failed = true;
            self.outputs.push(Output::PathFailed(path));
        }
    }

    /// Does whatever is due, and gives what to do.
    fn drive(&mut self, now: Now) -> Vec<Output> {
        let paths = || Path::ALL.into_iter();
        for path in paths() {
            if self
                .link(path)
                .is_some_and(|link| link.is_overdue(now.steady))
            {
                self.miss(path, now);
            }
        }
        while let Some(id) = self.waiting() {
            let path = self.choose();
            let is_free = |link: &Link| link.is_free(now.steady);
            // An event that fits into no frame is given up at once, and the next one has its turn.
            if !self.link(path).is_some_and(is_free) || !self.begin(path, Work::Event(id), now) {
                break;
            }
        }
        for path in paths() {
            if self
                .link(path)
                .is_some_and(|link| link.poll_is_due(now.steady))
            {
                self.begin(path, Work::Poll, now);
            }
            self.close_idle(path, now);
        }
        std::mem::take(&mut self.outputs)
    }

    fn close_idle(&mut self, path: Path, now: Now) {
        let linger = self.config.linger;
        if let Some(link) = self.links.get_mut(path as usize)
            && link.is_idle(now.steady, linger)
        {
            link.connection = Connection::Down;
            self.outputs.push(Output::Close(path));
        }
    }

    /// The event whose turn it is, unless one is under way.
    fn waiting(&self) -> Option<EventId> {
        let is_event = |link: &Link| {
            let pending = link.pending;
            pending.is_some_and(|pending| matches!(pending.work, Work::Event(_)))
        };
        match self.links.iter().any(is_event) {
            true => None,
            false => self.queue.front(),
        }
    }

    /// By which path the next event goes.
    fn choose(&self) -> Path {
        let [main, backup] = &self.links[..] else {
            return Path::Main;
        };
        let works = |link: &Link| link.misses < self.config.switch_after;
        let refused = |path| self.queue.front_is_refused(path);
        match (works(main), works(backup)) {
            // What one receiver has refused, the other one may take.
            (true, true) if refused(Path::Main) && !refused(Path::Backup) => Path::Backup,
            (true, _) => Path::Main,
            (false, true) => Path::Backup,
            (false, false) if backup.retry_at < main.retry_at => Path::Backup,
            (false, false) => Path::Main,
        }
    }

    /// Begins something on a free path: connects first, if it must. Whether the event was given up,
    /// so that the path is still free.
    fn begin(&mut self, path: Path, work: Work, now: Now) -> bool {
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
    fn transmit(&mut self, path: Path, work: Work, naks: u32, now: Now) -> bool {
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
