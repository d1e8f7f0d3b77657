//! Choosing what to do next.

use super::log::LogStep;
use super::pictures::PictureStep;
use super::{Action, CloseReason, Dialogue, Expect, Turn};
use crate::message::ToDevice;

impl Dialogue {
    /// Does the next thing there is to do, now that nothing is waited for.
    pub(super) fn proceed(&mut self, turn: &mut Turn<'_, '_>) {
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
}
