//! The station's side of one connection, from the first byte to the goodbye.
//!
//! A [`Dialogue`] is told what happened ([`Input`]) and says what to do: bytes for the device, which
//! may be written as soon as [`Dialogue::handle`] returns, and [`Action`]s for the shell around it.
//! It reads no clock, no socket and no store. At most one request waits for the device's answer at
//! any time, because the devices are simple.
//!
//! The order of work, from the top again whenever something is done with:
//!
//! 1. identity, verdict;
//! 2. the event log: read what has not been read, wait until all of it is durable, delete it. A log
//!    whose last page has an alarm is only deleted after the next answer to another question;
//! 3. commands that arrived since the last were handed over, or that waited for long behind pictures;
//! 4. pictures, one block at a time;
//! 5. commands, the first time;
//! 6. goodbye.
//!
//! Invariants: nothing is deleted on the device before the shell said that it is durable, nor what
//! this connection has not read from its beginning; no input makes it panic; it holds no copy of
//! entries, blocks or arguments.

mod action;
mod batch;
mod commands;
mod input;
mod log;
mod next;
mod page;
mod pictures;
mod receive;
mod violation;

use std::sync::Arc;
use std::time::Instant;

pub use action::{Action, CloseReason};
pub use batch::EntryBatch;
pub use commands::{NOT_SENT, PendingCommand};
pub use input::{Input, PictureAnswer, Refusal, Verdict};
pub use violation::{Oddity, Violation};

use self::commands::Commands;
use self::log::Log;
use self::pictures::Pictures;
use crate::message::{Identity, ToDevice};
use crate::profile::Profile;

/// The station's side of one connection.
#[derive(Debug)]
pub struct Dialogue {
    profile: Arc<Profile>,
    expect: Expect,
    session_ends: Instant,
    /// When the device is too late with what is expected of it; `None` while the shell is to answer.
    answer_due: Option<Instant>,
    identity: Option<Identity>,
    log: Log,
    pictures: Pictures,
    commands: Commands,
    bad_frames: u8,
    violations: u8,
    is_stopping: bool,
}

/// What the dialogue waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// The device's identity; whether it was asked for.
    Identity { asked: bool },
    /// The shell's verdict about it.
    Verdict,
    /// A log page from this index on.
    Page { from: u32 },
    /// The shell's word that all entries are durable.
    Durable,
    /// The device's word that it deleted its log.
    LogDeleted,
    /// The next picture's header.
    Header,
    /// The shell's word about a picture: where to read on, that it is complete, …
    Picture,
    /// A block of a picture.
    Block,
    /// The device's word that it deleted a picture.
    PictureDeleted,
    /// Any answer about pictures: only that it comes matters.
    AnyAnswer,
    /// A command from the shell, or none.
    Command,
    /// The result of the command with this identifier.
    CommandResult { id: u16 },
    /// Nothing any more.
    Nothing,
}

/// Where an input's consequences go.
struct Turn<'t, 'a> {
    now: Instant,
    out: &'t mut Vec<u8>,
    emit: &'t mut dyn FnMut(Action<'a>),
}

impl Dialogue {
    /// The dialogue of a connection that was opened at `now`. It waits for the device's identity.
    #[must_use]
    pub fn new(profile: Arc<Profile>, now: Instant) -> Self {
        let timeouts = profile.timeouts;
        Self {
            // A request that would come with or after the end of the wait is never sent.
            expect: Expect::Identity {
                asked: timeouts.identity_request >= timeouts.idle,
            },
            session_ends: now + timeouts.session,
            answer_due: Some(now + timeouts.identity_request.min(timeouts.idle)),
            identity: None,
            log: Log::default(),
            pictures: Pictures::default(),
            commands: Commands::default(),
            bad_frames: 0,
            violations: 0,
            is_stopping: false,
            profile,
        }
    }

    /// Takes one input. Frames for the device are appended to `out`; write them as soon as this
    /// returns. `emit` gets the actions, which are carried out in their order.
    pub fn handle<'a>(
        &mut self,
        now: Instant,
        input: Input<'a>,
        out: &mut Vec<u8>,
        mut emit: impl FnMut(Action<'a>),
    ) {
        if self.is_closed() {
            return;
        }
        let mut turn = Turn {
            now,
            out,
            emit: &mut emit,
        };
        match input {
            Input::Frame(frame) => self.frame(frame, &mut turn),
            Input::BadFrame(bad) => self.bad_frame(Oddity::BadFrame(bad), &mut turn),
            Input::Timeout => self.timeout(&mut turn),
            Input::Verdict(verdict) => self.verdict(verdict, &mut turn),
            Input::Durable { batch } => self.durable(batch, &mut turn),
            Input::Picture(answer) => self.picture_answer(answer, &mut turn),
            Input::Command(command) => self.command(command, &mut turn),
            Input::CommandsChanged => self.commands.changed(),
            Input::Stop => self.stop(&mut turn),
            Input::JournalFailed => self.close(CloseReason::JournalFailed, &mut turn),
        }
    }

    /// When [`Input::Timeout`] is due at the latest; `None` once the connection is to be closed.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.is_closed() {
            return None;
        }
        let session = self.session_ends;
        Some(self.answer_due.map_or(session, |due| due.min(session)))
    }

    /// Who the device said it is, once it has.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Whether [`Action::Close`] was emitted.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.expect == Expect::Nothing
    }

    fn timeout(&mut self, turn: &mut Turn<'_, '_>) {
        if turn.now >= self.session_ends {
            return self.say_goodbye(CloseReason::SessionTimeout, turn);
        }
        if self.answer_due.is_none_or(|due| turn.now < due) {
            return;
        }
        match self.expect {
            Expect::Identity { asked: false } => {
                let timeouts = self.profile.timeouts;
                ToDevice::Identify.encode(turn.out);
                self.expect = Expect::Identity { asked: true };
                self.answer_due = Some(turn.now + (timeouts.idle - timeouts.identity_request));
            }
            _ => self.close(CloseReason::IdleTimeout, turn),
        }
    }

    fn verdict(&mut self, verdict: Verdict, turn: &mut Turn<'_, '_>) {
        match verdict {
            Verdict::Refused(refusal) => self.close(CloseReason::Refused(refusal), turn),
            Verdict::Accepted if self.expect == Expect::Verdict => self.proceed(turn),
            Verdict::Accepted => {}
        }
    }

    fn stop(&mut self, turn: &mut Turn<'_, '_>) {
        self.is_stopping = true;
        if matches!(self.expect, Expect::Identity { .. } | Expect::Verdict) {
            self.close(CloseReason::Stopped, turn);
        }
    }

    fn ask(&mut self, request: &ToDevice<'_>, expect: Expect, turn: &mut Turn<'_, '_>) {
        request.encode(turn.out);
        self.expect = expect;
        self.answer_due = Some(turn.now + self.profile.timeouts.idle);
    }

    fn wait_for_shell(&mut self, expect: Expect) {
        self.expect = expect;
        self.answer_due = None;
    }

    fn say_goodbye(&mut self, reason: CloseReason, turn: &mut Turn<'_, '_>) {
        ToDevice::Goodbye.encode(turn.out);
        self.close(reason, turn);
    }

    fn close(&mut self, reason: CloseReason, turn: &mut Turn<'_, '_>) {
        if !self.is_closed() {
            self.wait_for_shell(Expect::Nothing);
            (turn.emit)(Action::Close(reason));
        }
    }
}

#[cfg(test)]
mod tests;
