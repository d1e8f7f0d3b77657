//! What a dialogue is told.

use super::PendingCommand;
use crate::frame::{BadFrame, Frame};

/// Something happened.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A frame came from the device.
    Frame(Frame<'a>),
    /// A bad frame came from the device.
    BadFrame(BadFrame),
    /// The time of [`next_deadline`](super::Dialogue::next_deadline) has come. Too early, it does
    /// nothing.
    Timeout,
    /// Whether the device may go on: answers [`Action::CheckIn`](super::Action::CheckIn). A refusal
    /// may also come later, when the registry changes, and then closes at once.
    Verdict(Verdict),
    /// All batches of [`Action::Append`](super::Action::Append) up to and with this one are durable,
    /// in both lanes.
    Durable {
        /// The number of the batch.
        batch: u32,
    },
    /// Answers the actions about pictures.
    Picture(PictureAnswer),
    /// Answers [`Action::TakeCommand`](super::Action::TakeCommand): the first pending command, whose
    /// state `sent` is durable by now, or `None` if none is pending.
    Command(Option<PendingCommand<'a>>),
    /// The pending commands of the device changed. May come at any time.
    CommandsChanged,
    /// The station stops: the log is still read, made durable and deleted, then goodbye.
    Stop,
    /// The journal does not take or commit records: nothing can be acknowledged any more.
    JournalFailed,
}

/// The registry's word about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is known and enabled, and its software version is allowed.
    Accepted,
    /// It is not: the connection is closed without an answer.
    Refused(Refusal),
}

/// Why a device is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No device has this serial number.
    Unknown,
    /// The device is disabled.
    Disabled,
    /// Its software version is not one of those allowed.
    VersionNotAllowed,
}

/// The store's word about a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureAnswer {
    /// To [`OpenPicture`](super::Action::OpenPicture): blocks before this one are stored. The number
    /// of blocks if all are.
    ReadFrom {
        /// The first block that is missing.
        block: u32,
    },
    /// To [`StoreBlock`](super::Action::StoreBlock): it is stored.
    BlockStored,
    /// To [`FinishPicture`](super::Action::FinishPicture), or to `OpenPicture` for one that was
    /// finished on an earlier connection: the picture is stored, its CRC is right, and its record is
    /// durable. The device may delete it.
    Complete,
    /// To `FinishPicture`: the CRC is wrong, and the stored blocks are thrown away.
    BadCrc,
    /// To any of them: the store does not work. Pictures are left for another connection.
    Unavailable,
}
