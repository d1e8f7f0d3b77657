//! Frames: line feed, check (4 digits), length (4 digits), body, carriage return; and cutting what
//! a connection brings into frames.
//!
//! Check and length are hexadecimal and cover the body, which begins with the quote of its token.

use crate::crc16;

/// Most bytes of a body: the length has three digits behind its leading zero.
pub const MAX_BODY_BYTES: usize = 0xFFF;
/// Most bytes of a frame.
pub const MAX_FRAME_BYTES: usize = MAX_BODY_BYTES + OVERHEAD_BYTES;

const START: u8 = b'\n';
const END: u8 = b'\r';
/// Start, check, length and end.
const OVERHEAD_BYTES: usize = 1 + 4 + 4 + 1;

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// More than any frame has.
    #[error(
        "a frame has at most {MAX_FRAME_BYTES} bytes, its body {MAX_BODY_BYTES}; this one is longer"
    )]
    TooLong,
    /// Fewer than any frame has.
    #[error("a frame has at least {OVERHEAD_BYTES} bytes; this one has {0}")]
    TooShort(usize),
    /// No line feed at the beginning, or no carriage return at the end.
    #[error("a frame begins with a line feed and ends with a carriage return; this one does not")]
    NoBounds,
    /// The check or the length is not written in four hexadecimal digits.
    #[error("the check and the length of a frame are four hexadecimal digits each; these are not")]
    NotHex,
    /// The body has another length.
    #[error(
        "the frame says that its body has {said} bytes, but it has {has}: bytes were lost or added"
    )]
    Length {
        /// What the frame says.
        said: u16,
        /// What there is.
        has: usize,
    },
    /// The body has another check.
    #[error(
        "the frame's check is {said:04X}, but that of its body is {computed:04X}: it was damaged"
    )]
    Check {
        /// What the frame says.
        said: u16,
        /// What the body gives.
        computed: u16,
    },
}

/// Makes the frame of a body.
///
/// # Errors
/// If the body has more than [`MAX_BODY_BYTES`].
pub fn seal(body: &[u8]) -> Result<Vec<u8>, FrameError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(FrameError::TooLong);
    }
    let mut frame = Vec::with_capacity(body.len() + OVERHEAD_BYTES);
    frame.push(START);
    frame.extend(format!("{:04X}{:04X}", crc16(body), body.len()).bytes());
    frame.extend_from_slice(body);
    frame.push(END);
    Ok(frame)
}

/// The body of a frame whose length and check are right.
///
/// # Errors
/// With what is wrong with it.
pub fn open(frame: &[u8]) -> Result<&[u8], FrameError> {
    if frame.len() > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong);
    }
    let [START, inner @ .., END] = frame else {
        return Err(match frame.len() {
            short if short < OVERHEAD_BYTES => FrameError::TooShort(short),
            _ => FrameError::NoBounds,
        });
    };
    let (check, rest) = number(inner, frame.len())?;
    let (length, body) = number(rest, frame.len())?;
    if usize::from(length) != body.len() {
        return Err(FrameError::Length {
            said: length,
            has: body.len(),
        });
    }
    let computed = crc16(body);
    if check != computed {
        return Err(FrameError::Check {
            said: check,
            computed,
        });
    }
    Ok(body)
}

/// A number of four hexadecimal digits, and what follows.
fn number(bytes: &[u8], frame_bytes: usize) -> Result<(u16, &[u8]), FrameError> {
    let (digits, rest) = bytes
        .split_first_chunk::<4>()
        .ok_or(FrameError::TooShort(frame_bytes))?;
    let digit = |value: u16, digit: &u8| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value << 4 | u16::try_from(digit).ok()?)
    };
    let value = digits.iter().try_fold(0, digit);
    value.map(|value| (value, rest)).ok_or(FrameError::NotHex)
}

/// Cuts what a connection brings into frames. It holds at most one frame, and begins anew at every
/// line feed, which stands in no frame but at its beginning: a torn frame costs only itself.
#[derive(Debug, Clone, Default)]
pub struct Cutter {
    /// From the line feed on; empty between frames.
    held: Vec<u8>,
    lost_bytes: u64,
}

impl Cutter {
    /// Takes bytes, and gives the frames that are whole now, to be [opened](open) each.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for byte in bytes.iter().copied() {
            if byte == START {
                self.lose();
            } else if self.held.is_empty() || self.held.len() >= MAX_FRAME_BYTES {
                self.lose();
                self.lost_bytes = self.lost_bytes.saturating_add(1);
                continue;
            }
            self.held.push(byte);
            if byte == END {
                frames.push(std::mem::take(&mut self.held));
            }
        }
        frames
    }

    /// Forgets what has begun, as a new connection begins anew.
    pub fn clear(&mut self) {
        self.lose();
    }

    /// How many bytes stood in no frame, were of a frame that never ended, or of one that was too
    /// long.
    #[must_use]
    pub const fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    fn lose(&mut self) {
        self.lost_bytes = self.lost_bytes.saturating_add(self.held.len() as u64);
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a panel and a receiver put them on the wire, from public logs.
    const SEEN: [&str; 5] = [
        "\n9331003B\"SIA-DCS\"1666L0#0000[#0000|Nri0/RP0000]_12:43:02,12-22-2021\r",
        "\n5BAD0012\"ACK\"1665L0#0000[]\r",
        "\n821F003A\"NULL\"0000R0L0#AAAB[#0000|0000 00 000]_18:25:49,07-05-2020\r",
        "\nE4410025\"NAK\"0000R0L0A0[]_16:20:01,09-24-2025\r",
        "\n1AE30075\"*SIA-DCS\"7549L0#CEA[94AB3AB77D5EE4E39548BDC102AD6DD92F48C787DC7891699F7C833465090CC329B1F4606246D45D3B615A4A0C52293F\r",
    ];

    #[test]
    fn frames_of_others_open_and_are_made_alike() {
        for frame in SEEN {
            let body = open(frame.as_bytes()).unwrap();
            assert_eq!(body[0], b'"');
            assert_eq!(seal(body).unwrap(), frame.as_bytes());
        }
    }

    #[test]
    fn an_error_says_what_is_wrong() {
        for (frame, error) in [
            ("", FrameError::TooShort(0)),
            ("\n\r", FrameError::TooShort(2)),
            ("\n5BAD001\r", FrameError::TooShort(9)),
            ("5BAD0012\"ACK\"1665L0#0000[]\r", FrameError::NoBounds),
            ("\n5BAD0012\"ACK\"1665L0#0000[]", FrameError::NoBounds),
            ("\n5BAX0012\"ACK\"1665L0#0000[]\r", FrameError::NotHex),
            ("\n5BAD+012\"ACK\"1665L0#0000[]\r", FrameError::NotHex),
            (
                "\n5BAD0012\"ACK\"1665L0#0000[\r",
                FrameError::Length { said: 18, has: 17 },
            ),
            (
                "\n5BAE0012\"ACK\"1665L0#0000[]\r",
                FrameError::Check {
                    said: 0x5BAE,
                    computed: 0x5BAD,
                },
            ),
        ] {
            assert_eq!(open(frame.as_bytes()), Err(error), "{frame:?}");
        }
    }

    #[test]
    fn the_longest_frame_opens_and_one_byte_more_does_not() {
        let body = vec![b'x'; MAX_BODY_BYTES];
        let frame = seal(&body).unwrap();
        assert_eq!(frame.len(), MAX_FRAME_BYTES);
        assert_eq!(open(&frame), Ok(&body[..]));
        assert_eq!(Cutter::default().push(&frame), [frame]);
        let longer = vec![b'x'; MAX_BODY_BYTES + 1];
        assert_eq!(seal(&longer), Err(FrameError::TooLong));
        let mut frame = seal(&longer[1..]).unwrap();
        frame.insert(9, b'x');
        assert_eq!(open(&frame), Err(FrameError::TooLong));
        let mut cutter = Cutter::default();
        assert!(cutter.push(&frame).is_empty());
        assert_eq!(cutter.lost_bytes(), frame.len() as u64);
    }

    #[test]
    fn what_stands_between_frames_is_lost_and_counted() {
        let mut cutter = Cutter::default();
        let torn = &SEEN[0].as_bytes()[..20];
        let stream = [
            b"abc",
            torn,
            SEEN[1].as_bytes(),
            b"\0\r",
            SEEN[2].as_bytes(),
        ]
        .concat();
        let frames = cutter.push(&stream);
        assert_eq!(frames, [SEEN[1].as_bytes(), SEEN[2].as_bytes()]);
        assert_eq!(cutter.lost_bytes(), 3 + 20 + 2);
        cutter.push(b"\nhalf");
        cutter.clear();
        assert!(cutter.push(b"\r").is_empty());
    }

    proptest! {
        #[test]
        fn pieces_do_not_change_the_frames(
            stream in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
            piece in 1usize..20,
        ) {
            let whole = Cutter::default().push(&stream);
            let mut cutter = Cutter::default();
            let pieces: Vec<_> = stream.chunks(piece).flat_map(|part| cutter.push(part)).collect();
            prop_assert_eq!(whole, pieces);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = open(&bytes);
        }

        #[test]
        fn a_flipped_bit_is_noticed(body in prop::collection::vec(any::<u8>(), 0..100), at: usize) {
            let mut frame = seal(&body).unwrap();
            let bit = at % (frame.len() * 8);
            // The case of the digits of check and length says nothing.
            prop_assume!(!(1..9).contains(&(bit / 8)) || bit % 8 != 5);
            frame[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(open(&frame).is_err());
        }
    }
}
