//! The sender itself.

use std::time::Duration;

use super::link::{Connection, Link, Work};
use super::queue::Queue;
use super::words::{
    Counters, EventId, Input, Now, Output, Path, PathStatus, QueueFull, Refusal, Status,
};
use super::{Config, ConfigError};
use crate::{Event, Sequence};

/// The sender of one account.
#[derive(Debug)]
pub struct Sender {
    pub(super) config: Config,
    /// The main path, then the backup if there is one.
    pub(super) links: Vec<Link>,
    pub(super) queue: Queue,
    pub(super) last: Sequence,
    pub(super) counters: Counters,
    pub(super) outputs: Vec<Output>,
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

    pub(super) fn link(&self, path: Path) -> Option<&Link> {
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

    pub(super) fn refuse(&mut self, id: EventId, reason: Refusal) {
        self.queue.remove(id);
        self.counters.refused += 1;
        self.outputs.push(Output::Refused { id, reason });
    }

    /// The path did not do what it should: it rests, and may count as failed.
    pub(super) fn miss(&mut self, path: Path, now: Now) {
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
}
