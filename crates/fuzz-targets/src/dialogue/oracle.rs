//! What a dialogue promises, whatever happens.

use std::collections::BTreeSet;

use spica_identicom_proto::dialogue::{Action, Input, NOT_SENT, PictureAnswer};
use spica_identicom_proto::frame::{Decoder, Direction, kind};
use spica_identicom_proto::message::ToDevice;

/// Watches that nothing is deleted before it is durable, that one request waits at a time, that
/// actions keep their order, and that nothing comes behind the close.
#[derive(Default)]
pub(super) struct Oracle {
    is_closed: bool,
    /// Batches that were appended, and that are durable.
    appended: u32,
    durable: u32,
    /// Indexes of entries that were appended since the last deletion.
    indexes: BTreeSet<u32>,
    /// The index that the log was last read from.
    from: u32,
    /// The type of the request that waits for its answer.
    waiting: Option<u8>,
    /// The picture that the shell was last asked about, and those that it said are complete.
    asked_picture: Option<u32>,
    complete: BTreeSet<u32>,
    command: Option<u16>,
}

impl Oracle {
    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(super) const fn from(&self) -> u32 {
        self.from
    }

    pub(super) const fn appended(&self) -> u32 {
        self.appended
    }

    pub(super) fn before(&mut self, input: &Input<'_>) {
        match input {
            Input::Frame(frame) if self.waiting.is_some_and(|w| answers(w, frame.kind)) => {
                self.waiting = None;
            }
            Input::Durable { batch } if *batch <= self.appended => {
                self.durable = self.durable.max(*batch);
            }
            Input::Picture(PictureAnswer::Complete) => self.complete.extend(self.asked_picture),
            _ => {}
        }
    }

    pub(super) fn action(&mut self, action: &Action<'_>) {
        assert!(!self.is_closed, "{action:?} behind the close");
        match action {
            Action::Append { batch, entries, .. } => {
                self.appended += 1;
                assert_eq!(*batch, self.appended, "batches are numbered in a row");
                assert!(entries.clone().next().is_some(), "an empty batch");
                self.indexes.extend(entries.clone().map(|e| e.index));
            }
            Action::OpenPicture { header } | Action::FinishPicture { header } => {
                assert!(header.is_readable(u32::MAX));
                self.asked_picture = Some(header.picture);
            }
            Action::StoreBlock { picture, bytes, .. } => {
                assert_eq!(Some(*picture), self.asked_picture);
                assert!(!bytes.is_empty());
            }
            Action::CommandSettled { id, status } if *status != NOT_SENT => {
                assert_eq!(self.command.take(), Some(*id), "settled, and not sent");
            }
            Action::Close(_) => self.is_closed = true,
            _ => {}
        }
    }

    /// Reads what goes to the device.
    pub(super) fn sent(&mut self, out: &mut [u8]) {
        let mut decoder = Decoder::new(Direction::ToDevice, 120);
        let mut input = out;
        while let Some(next) = decoder.next(&mut input) {
            let message = next.map(ToDevice::decode);
            assert!(
                matches!(message, Ok(Ok(_))),
                "the device cannot read {message:?}"
            );
            if let Ok(Ok(message)) = message {
                self.request(&message);
            }
        }
        assert_eq!(decoder.end(), None);
    }

    fn request(&mut self, message: &ToDevice<'_>) {
        match *message {
            ToDevice::Goodbye => return assert!(self.is_closed),
            ToDevice::DeleteLog { last } => {
                assert_eq!(self.durable, self.appended, "deleted before it is durable");
                assert!(last.is_none_or(|last| self.indexes.contains(&last)));
                assert!(!self.indexes.is_empty(), "deleted what was not read");
            }
            ToDevice::ReadLog { from } => self.from = from,
            ToDevice::DeletePicture { picture } => assert!(self.complete.contains(&picture)),
            ToDevice::Command { id, .. } => self.command = Some(id),
            _ => {}
        }
        assert_eq!(self.waiting, None, "two requests wait for their answers");
        self.waiting = Some(message.kind());
    }
}

/// Whether a message of type `answer` may answer a request of type `request`.
const fn answers(request: u8, answer: u8) -> bool {
    match request {
        kind::IDENTIFY => answer == kind::IDENTITY,
        kind::READ_LOG => answer == kind::LOG_PAGE,
        kind::DELETE_LOG => answer == kind::LOG_DELETED,
        kind::NEXT_PICTURE => matches!(answer, kind::PICTURE_HEADER | kind::PICTURE_ERROR),
        kind::READ_BLOCK => matches!(answer, kind::PICTURE_BLOCK | kind::PICTURE_ERROR),
        kind::DELETE_PICTURE => matches!(answer, kind::PICTURE_DELETED | kind::PICTURE_ERROR),
        kind::COMMAND => answer == kind::COMMAND_RESULT,
        _ => false,
    }
}
