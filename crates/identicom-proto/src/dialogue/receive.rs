//! Taking what the device sends.

use super::{Action, CloseReason, Dialogue, Expect, Oddity, Turn, Violation};
use crate::frame::{Frame, kind};
use crate::message::{FromDevice, Identity, MessageError};

impl Dialogue {
    pub(super) fn frame<'a>(&mut self, frame: Frame<'a>, turn: &mut Turn<'_, 'a>) {
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

    pub(super) fn bad_frame(&mut self, oddity: Oddity, turn: &mut Turn<'_, '_>) {
        if self.is_closed() {
            return;
        }
        (turn.emit)(Action::Count(oddity));
        self.bad_frames = self.bad_frames.saturating_add(1);
        if self.bad_frames >= self.profile.limits.bad_frames {
            self.close(CloseReason::BadFrames, turn);
        }
    }

    pub(super) fn violation(&mut self, violation: Violation, turn: &mut Turn<'_, '_>) {
        if self.is_closed() {
            return;
        }
        (turn.emit)(Action::Count(Oddity::Violation(violation)));
        self.violations = self.violations.saturating_add(1);
        if self.violations >= self.profile.limits.violations {
            self.close(CloseReason::Violations, turn);
        }
    }
}
