//! What is known about a device's event log, and what comes next.

use super::Violation;
use crate::profile::DeleteArgument;

/// How often reading the log may start again on a connection.
const RESTARTS_MAX: u8 = 3;

/// How far the log is read, durable and deleted.
///
/// A page does not say which request it answers, and a device with an alarm sends one unasked. An
/// unasked page that crosses a request on the way would pass for its answer, and the entries before
/// it, which the real answer still brings, would be deleted unread. So a page with an alarm is
/// doubtful: the log is read on behind it until a page is empty. The real answer then shows up
/// before that empty page, goes backwards, and makes the reading start again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log {
    /// The index to read on from: all entries before it were read.
    next: u32,
    /// The last entry that was read since the last deletion.
    last: Option<u32>,
    /// The number of the last batch that was appended.
    appended: u32,
    /// The number of the last batch that is durable.
    durable: u32,
    restarts: u8,
    /// Whether there may be entries from `next` on.
    is_unread: bool,
    /// Whether one of the pages may have been an unasked one.
    is_doubtful: bool,
    /// Whether the last page was empty.
    is_checked: bool,
    /// Whether nothing more is deleted on this connection.
    is_kept: bool,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogStep {
    /// Read from this index on.
    Read { from: u32 },
    /// Wait until all that was appended is durable.
    AwaitDurable,
    /// Delete up to this index, or all.
    Delete { last: Option<u32> },
    /// Nothing.
    Done,
}

/// What a page turned out to be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PageFacts {
    /// Its first index.
    pub(super) first: Option<u32>,
    /// Its greatest index.
    pub(super) greatest: Option<u32>,
    /// Whether each index is greater than the one before.
    pub(super) is_ascending: bool,
    /// Whether it has an event that a device may report unasked.
    pub(super) has_alarm: bool,
    /// Whether the device says that entries remain.
    pub(super) has_more: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            next: 0,
            last: None,
            appended: 0,
            durable: 0,
            restarts: 0,
            is_unread: true,
            is_doubtful: false,
            is_checked: false,
            is_kept: false,
        }
    }
}

impl Log {
    pub(super) const fn step(&self, argument: DeleteArgument) -> LogStep {
        let read = LogStep::Read { from: self.next };
        if self.is_unread {
            return read;
        }
        let Some(last) = self.last else {
            return LogStep::Done;
        };
        let is_durable = self.durable == self.appended;
        match argument {
            _ if self.is_kept => LogStep::Done,
            DeleteArgument::LastIndex if self.is_doubtful && !self.is_checked => read,
            _ if !is_durable => LogStep::AwaitDurable,
            DeleteArgument::LastIndex => LogStep::Delete { last: Some(last) },
            // Such a device deletes all it has: look again, as late as can be.
            DeleteArgument::None if !self.is_checked => read,
            DeleteArgument::None => LogStep::Delete { last: None },
        }
    }

    /// The number of the next batch.
    pub(super) const fn append(&mut self) -> u32 {
        self.appended = self.appended.wrapping_add(1);
        self.appended
    }

    /// Takes note that all batches up to this one are durable; true if that is all of them.
    pub(super) const fn durable(&mut self, batch: u32) -> bool {
        // Numbers that were never given, or come late, change nothing.
        if batch > self.durable && batch <= self.appended {
            self.durable = batch;
        }
        self.durable == self.appended
    }

    /// Takes note of a page while one from `from` on is waited for. True if it may be the answer.
    pub(super) fn answer(&mut self, from: u32, page: PageFacts) -> (bool, Option<Violation>) {
        if page.first.is_some_and(|first| first < from) {
            self.restart();
            return (false, Some(Violation::PageBackwards));
        }
        if self.next != from {
            // Reading starts again; this answer was still due from before.
            return (true, None);
        }
        let Some(greatest) = page.greatest else {
            self.is_unread = false;
            self.is_checked = true;
            self.is_kept |= page.has_more;
            return (true, page.has_more.then_some(Violation::PageStuck));
        };
        // Nothing can be read behind the greatest number there is, so nothing can be checked either.
        let goes_on = greatest < u32::MAX;
        let is_sound = page.is_ascending && goes_on;
        self.last = Some(greatest);
        self.next = greatest.saturating_add(1);
        self.is_unread = page.has_more && goes_on;
        self.is_checked = false;
        self.is_doubtful |= page.has_alarm;
        self.is_kept |= !is_sound;
        (true, (!is_sound).then_some(Violation::PageOrder))
    }

    /// Takes note of a page that no request waits for. It says nothing about the entries before it,
    /// so reading goes on where it was; from the start, if the page shows that it went astray.
    pub(super) fn unasked(&mut self, page: PageFacts) -> Option<Violation> {
        if page.first.is_some_and(|first| first < self.next) {
            self.restart();
            return Some(Violation::PageBackwards);
        }
        self.is_unread = true;
        self.is_checked = false;
        (!page.has_alarm).then_some(Violation::PageUnasked)
    }

    /// Takes note that the device deleted what it was told to. Reading, if there is anything to
    /// read, starts from the first entry again: a device may begin its numbers anew.
    pub(super) const fn deleted(&mut self) {
        self.next = 0;
        self.last = None;
        self.is_checked = false;
        self.is_doubtful = false;
    }

    /// Ends the reading, and deletes nothing more on this connection.
    pub(super) const fn leave(&mut self) {
        self.is_unread = false;
        self.is_kept = true;
    }

    fn restart(&mut self) {
        if self.restarts == RESTARTS_MAX {
            return self.leave();
        }
        self.restarts += 1;
        self.next = 0;
        // What was read so far proves nothing any more: an empty page alone must delete nothing.
        self.last = None;
        self.is_unread = true;
        self.is_checked = false;
    }
}
