//! What a station asks for, and what it must not do.

use crate::wire::{Fields, Frame, WireError, kind};

/// What a station must not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It broke the framing.
    #[error("the station broke the framing: {0}")]
    Wire(#[from] WireError),
    /// It sent a frame that no device knows.
    #[error("the station sent the unknown frame type {0:02x}")]
    Type(u8),
    /// The data of a frame has the wrong length.
    #[error("the station sent frame {kind:02x} with {len} data bytes")]
    Length {
        /// The frame's type.
        kind: u8,
        /// Its data bytes.
        len: usize,
    },
    /// It had entries deleted that it was never given.
    #[error(
        "the station deleted the log up to {deleted}, but was only given entries up to {sent:?}"
    )]
    DeletedUnsent {
        /// What it deleted.
        deleted: u32,
        /// What it was given.
        sent: Option<u32>,
    },
}

/// What a station asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request<'a> {
    Identify,
    ReadLog {
        from: u32,
    },
    DeleteLog {
        upto: u32,
    },
    NextPicture,
    PictureBlock {
        number: u32,
        block: u16,
    },
    DeletePicture {
        number: u32,
    },
    Command {
        id: u16,
        code: u8,
        arguments: &'a [u8],
    },
    Goodbye,
}

impl<'a> Request<'a> {
    pub(super) fn read(frame: Frame<'a>) -> Result<Self, Violation> {
        let (kind, mut fields) = (frame.kind, Fields(frame.data));
        let wrong = || Violation::Length {
            kind,
            len: frame.data.len(),
        };
        let request = match kind {
            kind::IDENTIFY => Self::Identify,
            kind::READ_LOG => Self::ReadLog {
                from: fields.u32().ok_or_else(wrong)?,
            },
            // Without an argument the whole log goes.
            kind::DELETE_LOG if frame.data.is_empty() => Self::DeleteLog { upto: u32::MAX },
            kind::DELETE_LOG => Self::DeleteLog {
                upto: fields.u32().ok_or_else(wrong)?,
            },
            kind::NEXT_PICTURE => Self::NextPicture,
            kind::PICTURE_BLOCK => {
                let (number, block) = fields.u32().zip(fields.u16()).ok_or_else(wrong)?;
                Self::PictureBlock { number, block }
            }
            kind::DELETE_PICTURE => Self::DeletePicture {
                number: fields.u32().ok_or_else(wrong)?,
            },
            kind::COMMAND => {
                let (id, code) = fields.u16().zip(fields.u8()).ok_or_else(wrong)?;
                let arguments = std::mem::take(&mut fields.0);
                Self::Command {
                    id,
                    code,
                    arguments,
                }
            }
            kind::GOODBYE => Self::Goodbye,
            other => return Err(Violation::Type(other)),
        };
        if fields.0.is_empty() {
            Ok(request)
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_the_page_says() {
        let read = |kind, data: &'static [u8]| Request::read(Frame { kind, data });
        assert_eq!(read(0x01, &[]), Ok(Request::Identify));
        assert_eq!(
            read(0x02, &[1, 2, 0, 0]),
            Ok(Request::ReadLog { from: 513 })
        );
        assert_eq!(
            read(0x03, &[5, 0, 0, 0]),
            Ok(Request::DeleteLog { upto: 5 })
        );
        assert_eq!(read(0x03, &[]), Ok(Request::DeleteLog { upto: u32::MAX }));
        assert_eq!(
            read(0x41, &[7, 0, 0, 0, 2, 1]),
            Ok(Request::PictureBlock {
                number: 7,
                block: 258
            })
        );
        assert_eq!(
            read(0x42, &[7, 0, 0, 0]),
            Ok(Request::DeletePicture { number: 7 })
        );
        assert_eq!(
            read(0x10, &[3, 0, 1, 15, 0]),
            Ok(Request::Command {
                id: 3,
                code: 1,
                arguments: &[15, 0]
            })
        );
        assert_eq!(read(0x7f, &[]), Ok(Request::Goodbye));
    }

    #[test]
    fn what_a_station_must_not_send_is_named() {
        let read = |kind, data: &'static [u8]| Request::read(Frame { kind, data });
        assert_eq!(read(0x05, &[]), Err(Violation::Type(0x05)));
        for (kind, data) in [
            (0x02, &[1, 2, 3][..]),
            (0x03, &[1, 2, 3, 4, 5]),
            (0x40, &[0]),
            (0x41, &[1, 0, 0, 0, 2]),
            (0x10, &[1, 0]),
            (0x7f, &[0]),
        ] {
            assert_eq!(
                read(kind, data),
                Err(Violation::Length {
                    kind,
                    len: data.len()
                })
            );
        }
    }
}
