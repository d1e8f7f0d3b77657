//! From bytes to things that happen.

use std::time::Duration;

use spica_identicom_proto::dialogue::{Input, PendingCommand, PictureAnswer, Refusal, Verdict};
use spica_identicom_proto::frame::{BadFrame, Frame, kind};
use spica_identicom_proto::message::LogEntry;

const KINDS: [u8; 9] = [
    kind::IDENTITY,
    kind::LOG_PAGE,
    kind::LOG_DELETED,
    kind::COMMAND_RESULT,
    kind::PICTURE_HEADER,
    kind::PICTURE_BLOCK,
    kind::PICTURE_DELETED,
    kind::PICTURE_ERROR,
    kind::GOODBYE,
];
const EVENTS: [u8; 6] = [0x20, 0x20, 0x30, 0x31, 0x3b, 0x99];

/// What is left of the input, and what the dialogue is at: most things that happen fit that, or no
/// input would get far.
pub(super) struct Script<'a> {
    rest: &'a [u8],
    /// The index that the log was last read from.
    pub(super) from: u32,
    /// The number of the last batch.
    pub(super) appended: u32,
}

impl<'a> Script<'a> {
    pub(super) const fn new(rest: &'a [u8]) -> Self {
        Self {
            rest,
            from: 0,
            appended: 0,
        }
    }

    /// The next thing that happens, and the time before it. `page` lends its space to a page.
    pub(super) fn next<'p>(&mut self, page: &'p mut Vec<u8>) -> Option<(Duration, Input<'p>)>
    where
        'a: 'p,
    {
        let mut wait = Duration::ZERO;
        let input = match self.byte()? % 16 {
            0 => {
                let kind = KINDS[usize::from(self.byte()?) % KINDS.len()];
                let length = usize::from(self.byte()?);
                let data = self.bytes(length);
                Input::Frame(Frame { kind, data })
            }
            1 | 2 => self.page(page)?,
            3 => self.header(page)?,
            4 => self.block(page)?,
            5 => self.short(page)?,
            6 => Input::BadFrame(BadFrame::ALL[usize::from(self.byte()?) % BadFrame::ALL.len()]),
            7 => {
                wait = Duration::from_millis(20 * u64::from(self.byte()?));
                Input::Timeout
            }
            8 => Input::Verdict(Verdict::Accepted),
            9 => Input::Durable {
                batch: match self.byte()? {
                    fits @ 32.. => self.appended.saturating_sub(u32::from(fits % 2)),
                    any => any.into(),
                },
            },
            10 => Input::Picture(PictureAnswer::ReadFrom {
                block: (self.byte()? % 4).into(),
            }),
            11 | 12 => Input::Picture(match self.byte()? % 8 {
                0..=4 => PictureAnswer::BlockStored,
                5 => PictureAnswer::Complete,
                6 => PictureAnswer::BadCrc,
                _ => PictureAnswer::Unavailable,
            }),
            13 => Input::Command(None),
            14 => {
                let (id, length) = (u16::from(self.byte()? % 4), usize::from(self.byte()?));
                Input::Command(Some(PendingCommand {
                    id,
                    code: 3,
                    arguments: self.bytes(length),
                }))
            }
            // What ends the connection is rare.
            _ => match self.byte()? {
                255 => Input::JournalFailed,
                254 => Input::Stop,
                253 => Input::Verdict(Verdict::Refused(Refusal::Disabled)),
                _ => Input::CommandsChanged,
            },
        };
        Some((wait, input))
    }

    /// A page that is laid out well: how many remain, the first index, and the events.
    fn page<'p>(&mut self, page: &'p mut Vec<u8>) -> Option<Input<'p>> {
        let (remaining, first, count) = (self.byte()?, self.byte()?, self.byte()? % 8);
        let (remaining, first) = (
            remaining & remaining >> 4,
            match first {
                fits @ 64.. => self.from.saturating_add(u32::from(fits % 2)),
                any => any.into(),
            },
        );
        page.clear();
        page.extend_from_slice(&[remaining, 0, count]);
        for offset in 0..count {
            let event = EVENTS[usize::from(self.byte()?) % EVENTS.len()];
            let entry = LogEntry {
                index: first.saturating_add(offset.into()),
                time: 0,
                event,
                detail: b"",
            };
            entry.write(page).ok()?;
        }
        let kind = kind::LOG_PAGE;
        Some(Input::Frame(Frame { kind, data: page }))
    }

    /// A picture of up to 25 bytes in blocks of 10, or none.
    fn header<'p>(&mut self, data: &'p mut Vec<u8>) -> Option<Input<'p>> {
        let (picture, size) = (self.byte()? % 4, self.byte()? % 26);
        data.clear();
        data.extend_from_slice(&[picture, 0, 0, 0, size, 0, 0, 0, 10, 0]);
        data.extend_from_slice(&[0; 8]);
        let kind = kind::PICTURE_HEADER;
        Some(Input::Frame(Frame { kind, data }))
    }

    fn block<'p>(&mut self, data: &'p mut Vec<u8>) -> Option<Input<'p>> {
        let (picture, block, length) = (self.byte()? % 4, self.byte()? % 4, self.byte()? % 12);
        data.clear();
        data.extend_from_slice(&[picture, 0, 0, 0, block, 0]);
        data.resize(6 + usize::from(length), 0xff);
        let kind = kind::PICTURE_BLOCK;
        Some(Input::Frame(Frame { kind, data }))
    }

    /// One of the short messages, about small numbers.
    fn short<'p>(&mut self, data: &'p mut Vec<u8>) -> Option<Input<'p>> {
        let (number, code) = (self.byte()? % 4, self.byte()? % 4);
        let (kind, length) = match self.byte()? % 4 {
            0 => (kind::LOG_DELETED, 2),
            1 => (kind::COMMAND_RESULT, 3),
            2 => (kind::PICTURE_DELETED, 4),
            _ => (kind::PICTURE_ERROR, 5),
        };
        data.clear();
        data.extend_from_slice(&[number, 0, 0, 0, 0]);
        data.truncate(length);
        if matches!(kind, kind::COMMAND_RESULT | kind::PICTURE_ERROR) {
            data[length - 1] = code;
        }
        Some(Input::Frame(Frame { kind, data }))
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// As many bytes, or all that are left.
    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        bytes
    }
}
