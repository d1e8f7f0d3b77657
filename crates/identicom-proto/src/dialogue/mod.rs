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
mod page;
mod pictures;
mod violation;

use std::sync::Arc;
use std::time::Instant;

pub use action::{Action, CloseReason};
pub use batch::EntryBatch;
pub use commands::{NOT_SENT, PendingCommand};
pub use input::{Input, PictureAnswer, Refusal, Verdict};
pub use violation::{Oddity, Violation};

use self::commands::Commands;
use self::log::{Log, LogStep};
use self::pictures::{PictureStep, Pictures};
use crate::frame::{Frame, kind};
use crate::message::{FromDevice, Identity, MessageError, ToDevice};
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

    fn frame<'a>(&mut self, frame: Frame<'a>, turn: &mut Turn<'_, 'a>) {
        if matches!(self.expect, Expect::Identity { .. }) {
            return self.first_frame(frame, turn);
        }
        match FromDevice::decode(frame) {
            Ok(message) => self.message(message, turn),
            Err(error) => self.bad_message(frame.kind, error, turn),
        }
    }

    fn first_frame(&mut self, frame: Frame<'_>, turn: &mut Turn<'_, '_>) {
        match FromDevice::decode(frame) {
            Ok(FromDevice::Identity(identity)) => {
                self.identity = Some(identity);
                self.wait_for_shell(Expect::Verdict);
                (turn.emit)(Action::CheckIn { identity });
            }
            Err(error @ MessageError::Identity(_)) => {
                (turn.emit)(Action::Count(Oddity::BadMessage(error)));
                self.close(CloseReason::NoIdentity, turn);
            }
            _ => self.close(CloseReason::NoIdentity, turn),
        }
    }

    fn message<'a>(&mut self, message: FromDevice<'a>, turn: &mut Turn<'_, 'a>) {
        match (self.expect, message) {
            // Nothing of a device is taken before it is known; its log can be read again.
            (Expect::Verdict, _) => self.unexpected(message.kind(), turn),
            (_, FromDevice::LogPage(page)) => self.page(page, turn),
            (_, FromDevice::Identity(identity)) => self.identity_again(identity, turn),
            (Expect::LogDeleted, FromDevice::LogDeleted { .. }) => {
                self.log.deleted();
                self.proceed(turn);
            }
            (Expect::Header, FromDevice::PictureHeader(header)) => self.header(header, turn),
            (Expect::AnyAnswer, FromDevice::PictureHeader(_) | FromDevice::PictureError { .. }) => {
                self.log.other_answer();
                self.proceed(turn);
            }
            (
                Expect::Block,
                FromDevice::PictureBlock {
                    picture,
                    block,
                    bytes,
                },
            ) => self.block(picture, block, bytes, turn),
            (Expect::PictureDeleted, FromDevice::PictureDeleted { picture }) => {
                self.picture_deleted(picture, turn);
            }
            (
                Expect::Header | Expect::Block | Expect::PictureDeleted,
                FromDevice::PictureError { picture, code },
            ) => self.picture_error(picture, code, turn),
            (_, FromDevice::CommandResult { id, status }) => self.result(id, status, turn),
            _ => self.unexpected(message.kind(), turn),
        }
    }

    fn identity_again(&mut self, identity: Identity, turn: &mut Turn<'_, '_>) {
        if self.identity == Some(identity) {
            self.violation(Violation::IdentityAgain, turn);
        } else {
            self.close(CloseReason::IdentityChanged, turn);
        }
    }

    fn unexpected(&mut self, kind: u8, turn: &mut Turn<'_, '_>) {
        self.violation(Violation::Unexpected { kind }, turn);
    }

    /// A message that cannot be read. If it was to be the answer, there will be no better one: what
    /// was asked is left for the next connection.
    fn bad_message(&mut self, kind: u8, error: MessageError, turn: &mut Turn<'_, '_>) {
        self.bad_frame(Oddity::BadMessage(error), turn);
        match (self.expect, kind) {
            (Expect::Page { .. }, kind::LOG_PAGE) => self.log.leave(),
            (Expect::LogDeleted, kind::LOG_DELETED) => self.log.deleted(),
            (Expect::Header | Expect::AnyAnswer, kind::PICTURE_HEADER | kind::PICTURE_ERROR)
            | (Expect::Block, kind::PICTURE_BLOCK | kind::PICTURE_ERROR)
            | (Expect::PictureDeleted, kind::PICTURE_DELETED | kind::PICTURE_ERROR) => {
                self.pictures.leave();
            }
            (Expect::CommandResult { .. }, kind::COMMAND_RESULT) => self.commands.leave(),
            _ => return,
        }
        if kind != kind::LOG_PAGE {
            self.log.other_answer();
        }
        self.proceed(turn);
    }

    fn bad_frame(&mut self, oddity: Oddity, turn: &mut Turn<'_, '_>) {
        if self.is_closed() {
            return;
        }
        (turn.emit)(Action::Count(oddity));
        self.bad_frames = self.bad_frames.saturating_add(1);
        if self.bad_frames >= self.profile.limits.bad_frames {
            self.close(CloseReason::BadFrames, turn);
        }
    }

    fn violation(&mut self, violation: Violation, turn: &mut Turn<'_, '_>) {
        if self.is_closed() {
            return;
        }
        (turn.emit)(Action::Count(Oddity::Violation(violation)));
        self.violations = self.violations.saturating_add(1);
        if self.violations >= self.profile.limits.violations {
            self.close(CloseReason::Violations, turn);
        }
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

    /// Does the next thing there is to do, now that nothing is waited for.
    fn proceed(&mut self, turn: &mut Turn<'_, '_>) {
        if self.is_closed() {
            return;
        }
        match self.log_step() {
            LogStep::Read { from } => {
                self.ask(&ToDevice::ReadLog { from }, Expect::Page { from }, turn);
            }
            LogStep::AwaitDurable => self.wait_for_shell(Expect::Durable),
            LogStep::Delete { last } => {
                self.ask(&ToDevice::DeleteLog { last }, Expect::LogDeleted, turn);
            }
            LogStep::AwaitAnswer | LogStep::Done if self.is_stopping => self.finish(turn),
            LogStep::AwaitAnswer | LogStep::Done => self.proceed_behind_log(turn),
        }
    }

    /// Does the next thing there is to do besides the log.
    fn proceed_behind_log(&mut self, turn: &mut Turn<'_, '_>) {
        let blocks_per_turn = self.profile.limits.picture_blocks_per_turn;
        let turn_is_over = self.pictures.blocks_read() >= blocks_per_turn;
        if self.commands.are_due(turn_is_over) {
            return self.take_command(turn);
        }
        match self.pictures.step() {
            PictureStep::Next => self.ask(&ToDevice::NextPicture, Expect::Header, turn),
            PictureStep::Open { header } => {
                self.wait_for_shell(Expect::Picture);
                (turn.emit)(Action::OpenPicture { header });
            }
            PictureStep::Read { picture, block } => {
                self.ask(&ToDevice::ReadBlock { picture, block }, Expect::Block, turn);
            }
            PictureStep::Delete { picture } => {
                let request = ToDevice::DeletePicture { picture };
                self.ask(&request, Expect::PictureDeleted, turn);
            }
            PictureStep::Done if self.commands.are_due(true) => self.take_command(turn),
            PictureStep::Done => self.finish(turn),
        }
    }

    /// Says goodbye, unless the log still waits for an answer: then the harmless question for the
    /// next picture gets one.
    fn finish(&mut self, turn: &mut Turn<'_, '_>) {
        if self.log_step() == LogStep::AwaitAnswer {
            return self.ask(&ToDevice::NextPicture, Expect::AnyAnswer, turn);
        }
        let reason = if self.is_stopping {
            CloseReason::Stopped
        } else {
            CloseReason::Finished
        };
        self.say_goodbye(reason, turn);
    }

    fn log_step(&self) -> LogStep {
        let profile = &self.profile;
        self.log
            .step(profile.delete_argument, profile.limits.log_pages_per_turn)
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
