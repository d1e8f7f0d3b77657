//! What is known about a device's event log, and what comes next.

use super::Violation;
use crate::profile::DeleteArgument;

/// How often reading the log may start again on a connection.
const RESTARTS_MAX: u8 = 3;

/// How far the log is read, durable and deleted.
///
/// A page does not say which request it answers, and a device with an alarm sends one unasked. An
/// unasked page that crosses a request on the way passes for its answer; the real answer comes later,
/// and may bring entries that are older. If the log were deleted at once, those would be lost. So
/// after a page with an alarm the log is *doubtful* until the device has answered a request of
/// another kind: answers come in order, so that the real answer must have come before, and if it did,
/// it went backwards. The reading then starts again, when no answer is on its way any more.
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
    /// Pages since the last deletion.
    pages: u16,
    restarts: u8,
    /// Whether there may be entries from `next` on.
    is_unread: bool,
    /// Whether the last page may have been an unasked one.
    is_doubtful: bool,
    /// Whether answers to earlier reads may still be on their way.
    is_astray: bool,
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
    /// Nothing, before the device has answered a request of another kind.
    AwaitAnswer,
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
            pages: 0,
            restarts: 0,
            is_unread: true,
            is_doubtful: false,
            is_astray: false,
            is_checked: false,
            is_kept: false,
        }
    }
}

impl Log {
    /// What comes next. After `pages_per_turn` pages, what was read is deleted before more is read,
    /// so that a long log over a slow link gets shorter with each connection.
    pub(super) fn step(&self, argument: DeleteArgument, pages_per_turn: u16) -> LogStep {
        let read = LogStep::Read { from: self.next };
        if self.is_astray {
            return LogStep::AwaitAnswer;
        }
        let deletes_part = argument == DeleteArgument::LastIndex && !self.is_kept;
        let is_turn_over = deletes_part && self.last.is_some() && self.pages >= pages_per_turn;
        if self.is_unread && !is_turn_over {
            return read;
        }
        let Some(last) = self.last.filter(|_| !self.is_kept) else {
            return LogStep::Done;
        };
        match argument {
            DeleteArgument::LastIndex if self.is_doubtful => LogStep::AwaitAnswer,
            _ if self.durable != self.appended => LogStep::AwaitDurable,
            DeleteArgument::LastIndex => LogStep::Delete { last: Some(last) },
            // Such a device deletes all it has: look again, as late as can be. The empty page, which
            // is never unasked, also ends the doubt.
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
        if self.is_astray {
            return (true, None);
        }
        self.is_checked = page.greatest.is_none();
        let Some(greatest) = page.greatest else {
            self.is_unread = false;
            self.is_kept |= page.has_more;
            return (true, page.has_more.then_some(Violation::PageStuck));
        };
        // Nothing can be read behind the greatest number there is.
        let goes_on = greatest < u32::MAX;
        let is_sound = page.is_ascending && goes_on;
        self.last = Some(greatest);
        self.next = greatest.saturating_add(1);
        self.pages = self.pages.saturating_add(1);
        self.is_unread = page.has_more && goes_on;
        self.is_doubtful = page.has_alarm;
        self.is_kept |= !is_sound;
        (true, (!is_sound).then_some(Violation::PageOrder))
    }

    /// Takes note of a page that no request waits for. It says nothing about the entries before it,
    /// so reading goes on where it was; from the start, if the page shows that it went astray.
    pub(super) fn unasked(&mut self, page: PageFacts) -> Option<Violation> {
        if self.is_astray {
            // Reading starts from the first entry anyway.
            return None;
        }
        if page.first.is_some_and(|first| first < self.next) {
            self.restart();
            return Some(Violation::PageBackwards);
        }
        self.is_unread = true;
        self.is_checked = false;
        (!page.has_alarm).then_some(Violation::PageUnasked)
    }

    /// Takes note that the device answered a request of another kind: all answers to earlier reads
    /// are here.
    pub(super) const fn other_answer(&mut self) {
        self.is_doubtful = false;
        self.is_astray = false;
    }

    /// Takes note that the device deleted what it was told to. Reading, if there is anything to
    /// read, starts from the first entry again: a device may begin its numbers anew.
    pub(super) const fn deleted(&mut self) {
        self.other_answer();
        self.next = 0;
        self.last = None;
        self.pages = 0;
        self.is_checked = false;
    }

    /// Ends the reading, and deletes nothing more on this connection.
    pub(super) const fn leave(&mut self) {
        self.is_astray = false;
        self.is_unread = false;
        self.is_kept = true;
    }

    /// Reads all again. What was read so far proves nothing any more.
    fn restart(&mut self) {
        if self.restarts == RESTARTS_MAX {
            return self.leave();
        }
        self.restarts += 1;
        self.next = 0;
        self.last = None;
        self.is_astray = true;
        self.is_unread = true;
        self.is_checked = false;
    }
}
