//! Handing over commands.

use super::{Action, Dialogue, Expect, Oddity, Turn, Violation};
use crate::message::{COMMAND_HEAD_BYTES, ToDevice};

/// The status of a command that was never sent, because its arguments do not fit a frame.
pub const NOT_SENT: u8 = 0xff;

/// A command that is to go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingCommand<'a> {
    /// What its result will be known by.
    pub id: u16,
    /// The command's code.
    pub code: u8,
    /// Its arguments, laid out as the profile says.
    pub arguments: &'a [u8],
}

/// What is known about pending commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Commands {
    /// They are asked for when the pictures are done.
    #[default]
    Later,
    /// They are asked for before the next picture request.
    Now,
    /// There are none, as far as is known.
    None,
}

impl Commands {
    pub(super) const fn changed(&mut self) {
        *self = Self::Now;
    }

    /// Leaves what is pending for another connection, or until there is a change.
    pub(super) const fn leave(&mut self) {
        *self = Self::None;
    }

    pub(super) const fn are_due(self, later_is_now: bool) -> bool {
        match self {
            Self::Now => true,
            Self::Later => later_is_now,
            Self::None => false,
        }
    }
}

impl Dialogue {
    pub(super) fn take_command(&mut self, turn: &mut Turn<'_, '_>) {
        // A change that comes before the answer may or may not be in it: it asks again.
        self.commands = Commands::None;
        self.wait_for_shell(Expect::Command);
        (turn.emit)(Action::TakeCommand);
    }

    pub(super) fn command(&mut self, command: Option<PendingCommand<'_>>, turn: &mut Turn<'_, '_>) {
        if self.expect != Expect::Command {
            return;
        }
        let Some(PendingCommand {
            id,
            code,
            arguments,
        }) = command
        else {
            return self.proceed(turn);
        };
        self.commands = Commands::Now;
        let room = usize::from(self.profile.limits.data_to_device);
        if COMMAND_HEAD_BYTES + arguments.len() > room {
            (turn.emit)(Action::Count(Oddity::CommandTooLong { id }));
            (turn.emit)(Action::CommandSettled {
                id,
                status: NOT_SENT,
            });
            return self.proceed(turn);
        }
        let request = ToDevice::Command {
            id,
            code,
            arguments,
        };
        self.ask(&request, Expect::CommandResult { id }, turn);
    }

    pub(super) fn result(&mut self, id: u16, status: u8, turn: &mut Turn<'_, '_>) {
        if self.expect != (Expect::CommandResult { id }) {
            return self.violation(Violation::UnknownResult { id }, turn);
        }
        self.log.other_answer();
        (turn.emit)(Action::CommandSettled { id, status });
        self.proceed(turn);
    }
}
