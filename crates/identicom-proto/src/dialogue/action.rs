//! What a dialogue wants done.

use spica_model::Lane;

use super::{EntryBatch, Oddity, Refusal};
use crate::message::{Identity, PictureHeader};

/// Something for the shell to do. Actions are carried out in the order in which they are emitted.
/// Those that name an answer get exactly one, as a later [`Input`](super::Input); frames and other
/// inputs may come before it.
#[derive(Debug, Clone)]
pub enum Action<'a> {
    /// Look the device up. Answer: [`Input::Verdict`](super::Input::Verdict), before any other frame
    /// is handed in, or that frame is refused. An accepted device's check-in is a record; nothing
    /// waits for it.
    CheckIn {
        /// Who it says it is.
        identity: Identity,
    },
    /// Append these entries to this lane, each with its key
    /// ([`entry_key`](crate::message::entry_key)), and start the commit at once. Critical entries
    /// come one by one as they are decoded, before the others of their page. Answer:
    /// [`Input::Durable`](super::Input::Durable), once all of this batch *and of all batches before
    /// it* is durable; later batches may be submitted meanwhile, and one answer for the highest
    /// number suffices. The device deletes nothing before. If the journal refuses:
    /// [`Input::JournalFailed`](super::Input::JournalFailed).
    Append {
        /// The number of the batch on this connection, from 1.
        batch: u32,
        /// The lane of all its entries.
        lane: Lane,
        /// The entries, at least one.
        entries: EntryBatch<'a>,
    },
    /// Find out what is stored of a picture. Answer: [`Input::Picture`](super::Input::Picture) with
    /// `ReadFrom`, `Complete` (an identical picture is stored already) or `Unavailable`.
    OpenPicture {
        /// The picture.
        header: PictureHeader,
    },
    /// Store a block behind those stored before, so that a later connection can go on behind it.
    /// Answer: `BlockStored` or `Unavailable`; the next block is asked for only then.
    StoreBlock {
        /// The picture.
        picture: u32,
        /// The number of the block.
        block: u16,
        /// The block; all blocks but the last have the size that the header says.
        bytes: &'a [u8],
    },
    /// All blocks are stored: check the CRC, make the picture durable, then append its record and
    /// wait until that is durable too. Answer: `Complete` only after all of that; `BadCrc` after the
    /// blocks were thrown away; or `Unavailable`. The device deletes the picture after `Complete`.
    FinishPicture {
        /// The picture.
        header: PictureHeader,
    },
    /// The device no longer has this picture: throw its stored blocks away. No answer.
    ForgetPicture {
        /// The picture.
        picture: u32,
    },
    /// Choose the first pending command (urgent ones first, then the oldest; expired ones never) and
    /// make its state `sent` durable: its frame goes out as soon as the answer is handed in. Answer:
    /// [`Input::Command`](super::Input::Command).
    TakeCommand,
    /// A command is settled: 0 is confirmed, anything else refused with that code. Record it before
    /// the next `TakeCommand` is answered, or the same command would be chosen again. No answer.
    CommandSettled {
        /// The command.
        id: u16,
        /// What the device said, or [`NOT_SENT`](super::NOT_SENT).
        status: u8,
    },
    /// Count this. No answer.
    Count(Oddity),
    /// Write what is in the output, close the connection, and drop the dialogue. The last action. A
    /// command that was sent and is not settled stays `sent`.
    Close(CloseReason),
}

/// Why a station closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// Nothing was left to do; the goodbye is in the output.
    Finished,
    /// The device may not use this station.
    Refused(Refusal),
    /// The first frame was no identity.
    NoIdentity,
    /// A second identity was not the same as the first.
    IdentityChanged,
    /// The device did not answer in time.
    IdleTimeout,
    /// The connection took too long; the goodbye is in the output.
    SessionTimeout,
    /// Too many bad frames.
    BadFrames,
    /// Too many breaches of the dialogue.
    Violations,
    /// The journal failed.
    JournalFailed,
    /// The station stops.
    Stopped,
}

impl CloseReason {
    /// The name of the reason, as metrics show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Refused(refusal) => refusal.as_str(),
            Self::NoIdentity => "no-identity",
            Self::IdentityChanged => "identity-changed",
            Self::IdleTimeout => "idle-timeout",
            Self::SessionTimeout => "session-timeout",
            Self::BadFrames => "bad-frames",
            Self::Violations => "violations",
            Self::JournalFailed => "journal-failed",
            Self::Stopped => "stopped",
        }
    }
}

impl Refusal {
    /// The name of the reason, as metrics show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown-serial",
            Self::Disabled => "disabled",
            Self::VersionNotAllowed => "version-not-allowed",
        }
    }
}
