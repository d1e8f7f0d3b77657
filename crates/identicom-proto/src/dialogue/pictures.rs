//! Reading pictures, block by block.

use super::{Action, Dialogue, Expect, Oddity, PictureAnswer, Turn, Violation};
use crate::message::{PictureErrorCode, PictureHeader};

/// How far the pictures of a connection are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pictures {
    stage: Stage,
    /// The picture that is being read.
    header: Option<PictureHeader>,
    /// The first block of it that is not stored.
    next_block: u32,
    /// Blocks that were read on this connection.
    blocks_read: u16,
    /// Whether a picture was already read a second time on this connection.
    was_reread: bool,
    /// The last picture that the device deleted, or did not know any more.
    gone: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// The next picture is to be asked for.
    #[default]
    Next,
    /// The store is to be asked about the picture.
    Open,
    /// The next block is to be asked for.
    Read,
    /// The picture is stored, and can be deleted on the device.
    Delete,
    /// There is no picture left, or they are left for another connection.
    Done,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PictureStep {
    /// Ask for the next picture.
    Next,
    /// Ask the store what it has of a picture.
    Open { header: PictureHeader },
    /// Read a block.
    Read { picture: u32, block: u16 },
    /// Delete a picture.
    Delete { picture: u32 },
    /// Nothing.
    Done,
}

impl Pictures {
    pub(super) fn step(&self) -> PictureStep {
        let block = u16::try_from(self.next_block);
        match (self.stage, self.header, block) {
            (Stage::Next, ..) => PictureStep::Next,
            (Stage::Open, Some(header), _) => PictureStep::Open { header },
            (Stage::Read, Some(PictureHeader { picture, .. }), Ok(block)) => {
                PictureStep::Read { picture, block }
            }
            (Stage::Delete, Some(PictureHeader { picture, .. }), _) => {
                PictureStep::Delete { picture }
            }
            _ => PictureStep::Done,
        }
    }

    pub(super) const fn blocks_read(&self) -> u16 {
        self.blocks_read
    }

    /// Leaves what is left for another connection.
    pub(super) const fn leave(&mut self) {
        self.stage = Stage::Done;
    }

    /// Whether `picture` is the one in hand.
    fn is_current(&self, picture: u32) -> bool {
        self.header.is_some_and(|header| header.picture == picture)
    }

    const fn gone(&mut self, picture: u32) {
        self.gone = Some(picture);
        self.header = None;
        self.stage = Stage::Next;
    }
}

impl Dialogue {
    pub(super) fn header(&mut self, header: PictureHeader, turn: &mut Turn<'_, '_>) {
        self.log.other_answer();
        self.pictures.leave();
        if self.pictures.gone == Some(header.picture) && header.size > 0 {
            self.violation(Violation::PictureAgain, turn);
        } else if header.is_readable(self.profile.limits.picture_bytes) {
            self.pictures.header = Some(header);
            self.pictures.stage = Stage::Open;
        } else if header.size > 0 {
            (turn.emit)(Action::Count(Oddity::UnreadablePicture(header)));
        }
        self.proceed(turn);
    }

    pub(super) fn block<'a>(
        &mut self,
        picture: u32,
        block: u16,
        bytes: &'a [u8],
        turn: &mut Turn<'_, 'a>,
    ) {
        let header = self.pictures.header.filter(|h| h.picture == picture);
        let Some(header) = header.filter(|_| u32::from(block) == self.pictures.next_block) else {
            return self.violation(Violation::BlockMismatch, turn);
        };
        self.log.other_answer();
        if bytes.len() != header.block_bytes(block.into()) {
            self.violation(Violation::BlockLength, turn);
            self.pictures.leave();
            return self.proceed(turn);
        }
        self.pictures.blocks_read = self.pictures.blocks_read.saturating_add(1);
        self.wait_for_shell(Expect::Picture);
        (turn.emit)(Action::StoreBlock {
            picture,
            block,
            bytes,
        });
    }

    pub(super) fn picture_answer(&mut self, answer: PictureAnswer, turn: &mut Turn<'_, '_>) {
        let (Expect::Picture, Some(header)) = (self.expect, self.pictures.header) else {
            return;
        };
        match answer {
            PictureAnswer::ReadFrom { block } => self.read_from(header, block, turn),
            PictureAnswer::BlockStored => {
                self.read_from(header, self.pictures.next_block + 1, turn);
            }
            PictureAnswer::Complete => {
                self.pictures.stage = Stage::Delete;
                self.proceed(turn);
            }
            PictureAnswer::BadCrc => self.bad_crc(header, turn),
            PictureAnswer::Unavailable => {
                self.pictures.leave();
                self.proceed(turn);
            }
        }
    }

    /// Goes on with a picture whose blocks before `block` are stored.
    fn read_from(&mut self, header: PictureHeader, block: u32, turn: &mut Turn<'_, '_>) {
        self.pictures.next_block = block;
        if block >= header.blocks() {
            // Waits for the answer to this now.
            return (turn.emit)(Action::FinishPicture { header });
        }
        self.pictures.stage = Stage::Read;
        self.proceed(turn);
    }

    fn bad_crc(&mut self, header: PictureHeader, turn: &mut Turn<'_, '_>) {
        let picture = header.picture;
        (turn.emit)(Action::Count(Oddity::BadCrc { picture }));
        if self.pictures.was_reread {
            self.pictures.leave();
            return self.proceed(turn);
        }
        self.pictures.was_reread = true;
        self.read_from(header, 0, turn);
    }

    pub(super) fn picture_deleted(&mut self, picture: u32, turn: &mut Turn<'_, '_>) {
        if !self.pictures.is_current(picture) {
            return self.violation(Violation::PictureMismatch, turn);
        }
        self.log.other_answer();
        self.pictures.gone(picture);
        self.proceed(turn);
    }

    /// The device cannot do what was asked about a picture.
    pub(super) fn picture_error(
        &mut self,
        picture: u32,
        code: PictureErrorCode,
        turn: &mut Turn<'_, '_>,
    ) {
        let asks_next = self.expect == Expect::Header;
        if !asks_next && !self.pictures.is_current(picture) {
            return self.violation(Violation::PictureMismatch, turn);
        }
        self.log.other_answer();
        (turn.emit)(Action::Count(Oddity::PictureError(code)));
        if asks_next || code != PictureErrorCode::Unknown {
            self.pictures.leave();
        } else {
            if self.expect == Expect::Block {
                (turn.emit)(Action::ForgetPicture { picture });
            }
            self.pictures.gone(picture);
        }
        self.proceed(turn);
    }
}
