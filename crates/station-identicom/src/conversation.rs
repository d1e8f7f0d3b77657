//! The dialogue with everything that it asks for at once: bytes and events in, bytes out.

use std::sync::Arc;
use std::time::Instant;

use spica_devices::Command;
use spica_front::Connection;
use spica_identicom_proto::dialogue::{Dialogue, Input, PendingCommand, Verdict};
use spica_identicom_proto::frame::{Decoder, Direction};

use crate::jobs::Done;
use crate::shared::Shared;
use crate::work::{Reply, Work};

/// A dialogue, its frames and its work. It touches no socket.
pub(crate) struct Conversation {
    pub(crate) work: Work,
    decoder: Decoder,
    dialogue: Dialogue,
}

impl Conversation {
    /// The conversation over a connection that was opened at `opened` and from which nothing has
    /// been read yet.
    pub(crate) fn new(shared: Arc<Shared>, connection: Connection, opened: Instant) -> Self {
        let profile = Arc::clone(&shared.deps.profile);
        Self {
            work: Work::new(shared, connection),
            decoder: Decoder::new(Direction::FromDevice, profile.limits.data_from_device),
            dialogue: Dialogue::new(profile, opened),
        }
    }

    /// When [`Input::Timeout`] is due at the latest; none once it is over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.dialogue.next_deadline()
    }

    /// Whether more bytes may be read: neither is it over, nor do too many records wait for room.
    pub(crate) fn takes_bytes(&self) -> bool {
        !self.dialogue.is_closed() && !self.work.appends.is_full()
    }

    /// Takes bytes of the device, which are changed on the way.
    pub(crate) fn bytes(&mut self, now: Instant, mut bytes: &mut [u8], out: &mut Vec<u8>) {
        while let Some(next) = self.decoder.next(&mut bytes) {
            let input = match next {
                Ok(frame) => Input::Frame(frame),
                Err(bad) => Input::BadFrame(bad),
            };
            tell(&mut self.dialogue, &mut self.work, now, input, out);
        }
    }

    /// The device has closed its side: what it left unfinished is counted.
    pub(crate) fn end_of_bytes(&mut self, now: Instant, out: &mut Vec<u8>) {
        if let Some(torn) = self.decoder.end() {
            self.tell(now, Input::BadFrame(torn), out);
        }
    }

    /// Gives the dialogue an input, and the answers that are there at once.
    pub(crate) fn tell(&mut self, now: Instant, input: Input<'_>, out: &mut Vec<u8>) {
        tell(&mut self.dialogue, &mut self.work, now, input, out);
    }

    /// A job is done.
    pub(crate) fn job_done(&mut self, now: Instant, done: &Done, out: &mut Vec<u8>) {
        match done {
            Done::Picture(answer) => self.tell(now, Input::Picture(*answer), out),
            Done::Command(command) => {
                let pending = command.as_deref().map(pending);
                self.tell(now, Input::Command(pending), out);
            }
            Done::Nothing => {}
        }
    }

    /// The device's registration or commands have changed.
    pub(crate) fn device_changed(&mut self, now: Instant, out: &mut Vec<u8>) {
        match self.work.verdict_now() {
            Some(refused @ Verdict::Refused(_)) => self.tell(now, Input::Verdict(refused), out),
            _ => self.tell(now, Input::CommandsChanged, out),
        }
    }
}

fn tell(
    dialogue: &mut Dialogue,
    work: &mut Work,
    now: Instant,
    input: Input<'_>,
    out: &mut Vec<u8>,
) {
    dialogue.handle(now, input, out, |action| work.act(now, action));
    while let Some(reply) = work.reply() {
        let input = match reply {
            Reply::Verdict(verdict) => Input::Verdict(verdict),
            Reply::JournalFailed => Input::JournalFailed,
        };
        dialogue.handle(now, input, out, |action| work.act(now, action));
    }
}

fn pending(command: &Command) -> PendingCommand<'_> {
    PendingCommand {
        id: command.id,
        code: command.code,
        arguments: &command.arguments,
    }
}
