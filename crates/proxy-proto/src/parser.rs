//! The parser: takes bytes as they come, of either version.

use crate::v2::{self, Fixed};
use crate::{Header, ParseError, V1_BYTES_MAX, V2_FIXED_BYTES, v1};

/// How far the parser has come after a [`Parser::push`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All bytes were taken; the header goes on.
    More,
    /// The header is complete.
    Done {
        /// What it says.
        header: Header,
        /// How many of the bytes just pushed belong to it; the rest is the client's.
        taken: usize,
    },
}

/// An incremental parser of one header. Its size is fixed: what it does not need it does not keep.
#[derive(Debug, Clone)]
pub struct Parser {
    kept: [u8; V1_BYTES_MAX],
    len: u8,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing or a part of either version's first bytes.
    Start,
    /// A line that has not ended.
    Line,
    /// Version 2: fixed part and addresses are being kept.
    Binary,
    /// Version 2: the header is known, this many bytes of fields are skipped.
    Skip(Header, u16),
    /// Complete, or failed.
    Over,
}

impl Default for Parser {
    fn default() -> Self {
        Self {
            kept: [0; V1_BYTES_MAX],
            len: 0,
            state: State::Start,
        }
    }
}

impl Parser {
    /// Takes the next bytes of the connection.
    ///
    /// # Errors
    /// If they are no PROXY header. Nothing can follow then; pushing on gives
    /// [`ParseError::Signature`], as it does after the header is complete.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Progress, ParseError> {
        let outcome = self.advance(bytes);
        if !matches!(outcome, Ok(Progress::More)) {
            self.state = State::Over;
        }
        outcome
    }

    fn advance(&mut self, bytes: &[u8]) -> Result<Progress, ParseError> {
        let mut taken = 0;
        loop {
            if let State::Skip(header, left) = self.state {
                return Ok(self.skip(header, left, bytes.len() - taken, taken));
            }
            let Some(byte) = bytes.get(taken) else {
                return Ok(Progress::More);
            };
            taken += 1;
            self.keep(*byte)?;
            if let Some(header) = self.look()? {
                return Ok(Progress::Done { header, taken });
            }
        }
    }

    /// Skips what is there of the `left` bytes of fields.
    fn skip(&mut self, header: Header, left: u16, there: usize, taken: usize) -> Progress {
        let now = usize::from(left).min(there);
        if now == usize::from(left) {
            return Progress::Done {
                header,
                taken: taken + now,
            };
        }
        // Less than `left`, which is a u16.
        self.state = State::Skip(header, left - now as u16);
        Progress::More
    }

    /// Keeps one more byte. Only a line can fill the buffer: the addresses that are kept of a
    /// binary header are shorter.
    fn keep(&mut self, byte: u8) -> Result<(), ParseError> {
        let slot = self.kept.get_mut(usize::from(self.len));
        *slot.ok_or(ParseError::LineTooLong)? = byte;
        self.len += 1;
        Ok(())
    }

    /// What the bytes so far amount to, after each new one.
    fn look(&mut self) -> Result<Option<Header>, ParseError> {
        let kept = &self.kept[..usize::from(self.len)];
        match self.state {
            State::Start if v1::PREFIX.starts_with(kept) => {
                if kept.len() == v1::PREFIX.len() {
                    self.state = State::Line;
                }
                Ok(None)
            }
            State::Start if v2::SIGNATURE.starts_with(kept) => {
                if kept.len() == v2::SIGNATURE.len() {
                    self.state = State::Binary;
                }
                Ok(None)
            }
            State::Start | State::Over => Err(ParseError::Signature),
            State::Line => match kept {
                [line @ .., b'\r', b'\n'] => v1::parse(line).map(Some),
                _ if kept.len() == V1_BYTES_MAX => Err(ParseError::LineTooLong),
                _ => Ok(None),
            },
            State::Binary => {
                if let Some((header, skip)) = look_binary(kept)? {
                    self.state = State::Skip(header, skip);
                }
                Ok(None)
            }
            State::Skip(header, _) => Ok(Some(header)),
        }
    }
}

/// The header and the bytes left to skip, once fixed part and addresses are there.
fn look_binary(kept: &[u8]) -> Result<Option<(Header, u16)>, ParseError> {
    let Some((fixed, rest)) = kept.split_first_chunk::<V2_FIXED_BYTES>() else {
        return Ok(None);
    };
    let fixed = Fixed::parse(fixed)?;
    Ok(fixed
        .header(rest)
        .map(|header| (header, fixed.skipped_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::V2_REST_BYTES_MAX;

    /// Pushes `bytes` in pieces of `piece`; what the parser said last, and how much it took in all.
    fn feed(bytes: &[u8], piece: usize) -> (Result<Progress, ParseError>, usize) {
        let mut parser = Parser::default();
        let mut before = 0;
        for part in bytes.chunks(piece) {
            match parser.push(part) {
                Ok(Progress::More) => before += part.len(),
                Ok(Progress::Done { header, taken }) => {
                    return (Ok(Progress::Done { header, taken }), before + taken);
                }
                Err(error) => return (Err(error), before),
            }
        }
        (Ok(Progress::More), before)
    }

    fn check(bytes: &[u8], want: Result<Header, ParseError>) {
        for piece in [1, 2, 7, bytes.len().max(1)] {
            let got = match feed(bytes, piece).0 {
                Ok(Progress::Done { header, .. }) => Ok(header),
                Ok(Progress::More) => panic!("{bytes:?} in pieces of {piece} is not complete"),
                Err(error) => Err(error),
            };
            assert_eq!(got, want, "{bytes:?} in pieces of {piece}");
        }
    }

    fn proxied(source: &str, destination: &str) -> Result<Header, ParseError> {
        Ok(Header::Proxied {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
        })
    }

    #[test]
    fn lines_that_are_right() {
        check(
            b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 5050\r\n",
            proxied("192.0.2.1:40000", "192.0.2.2:5050"),
        );
        check(
            b"PROXY TCP6 2001:db8::1 ::1 0 65535\r\n",
            proxied("[2001:db8::1]:0", "[::1]:65535"),
        );
        check(b"PROXY UNKNOWN\r\n", Ok(Header::Unknown));
        check(b"PROXY UNKNOWN what ever 1 2\r\n", Ok(Header::Unknown));
    }

    #[test]
    fn lines_that_are_wrong() {
        for (line, want) in [
            (
                &b"PROXY TCP4 192.0.2.1 192.0.2.2 40000\r\n"[..],
                ParseError::Line,
            ),
            (b"PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n", ParseError::Line),
            (
                b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
                ParseError::Line,
            ),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n", ParseError::Line),
            (b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", ParseError::Line),
            (b"PROXY UNKNOWNS\r\n", ParseError::Line),
            (b"PROXY \xff\r\n", ParseError::Line),
            (b"PROXY TCP4 192.0.2.1 ::1 1 2\r\n", ParseError::Address),
            (
                b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
                ParseError::Address,
            ),
            (
                b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
                ParseError::Address,
            ),
            (
                b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
                ParseError::Port,
            ),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", ParseError::Port),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 02\r\n", ParseError::Port),
            (
                b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
                ParseError::Signature,
            ),
            (b"GET / HTTP/1.1\r\n\r\n", ParseError::Signature),
            (b"\x1e\x8112345", ParseError::Signature),
        ] {
            check(line, Err(want));
        }
    }

    #[test]
    fn a_line_is_no_longer_than_its_limit() {
        let line = |bytes: usize| {
            let mut line = b"PROXY UNKNOWN ".to_vec();
            line.resize(bytes - 2, b'x');
            line.extend(b"\r\n");
            line
        };
        check(&line(V1_BYTES_MAX), Ok(Header::Unknown));
        check(&line(V1_BYTES_MAX + 1), Err(ParseError::LineTooLong));
    }

    fn binary(command: u8, family: u8, announced: u16, rest: &[u8]) -> Vec<u8> {
        let mut bytes = v2::SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend(announced.to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn binary_headers_of_each_kind() {
        let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0x9c, 0x40, 0x13, 0xba];
        let both = proxied("192.0.2.1:40000", "192.0.2.2:5050");
        check(&binary(0x21, 0x11, 12, &v4), both);
        let fields = [&v4[..], &[4, 0, 2, 9, 9]].concat();
        check(&binary(0x21, 0x11, 17, &fields), both);
        check(&binary(0x20, 0, 0, &[]), Ok(Header::Local));
        check(&binary(0x20, 0xff, 3, &[1, 2, 3]), Ok(Header::Local));
        check(&binary(0x21, 0, 0, &[]), Ok(Header::Unknown));
        check(&binary(0x21, 0x31, 216, &[b'u'; 216]), Ok(Header::Unknown));
        let v6 = [&[0; 15][..], &[1], &[0; 15], &[2, 0, 7, 0, 8]].concat();
        check(&binary(0x21, 0x21, 36, &v6), proxied("[::1]:7", "[::2]:8"));
    }

    #[test]
    fn binary_headers_that_are_wrong() {
        for (header, want) in [
            (binary(0x11, 0x11, 12, &[0; 12]), ParseError::Version(1)),
            (binary(0x22, 0x11, 12, &[0; 12]), ParseError::Command(2)),
            (binary(0x21, 0x12, 12, &[0; 12]), ParseError::Family(0x12)),
            (binary(0x21, 0x41, 12, &[0; 12]), ParseError::Family(0x41)),
            (binary(0x21, 0x11, 11, &[0; 12]), ParseError::TooShort(11)),
            (binary(0x21, 0x21, 35, &[0; 36]), ParseError::TooShort(35)),
            (binary(0x21, 0x31, 215, &[0; 36]), ParseError::TooShort(215)),
            (binary(0x20, 0, 4_097, &[]), ParseError::TooLong(4_097)),
        ] {
            check(&header, Err(want));
        }
    }

    #[test]
    fn the_longest_binary_header_is_taken_and_no_byte_of_the_client() {
        let rest = vec![7; V2_REST_BYTES_MAX];
        let mut bytes = binary(0x20, 0, 4_096, &rest);
        let header_bytes = bytes.len();
        bytes.extend(b"\x1e\x81");
        for piece in [1, 100, bytes.len()] {
            let (progress, taken) = feed(&bytes, piece);
            assert!(matches!(progress, Ok(Progress::Done { .. })));
            assert_eq!(taken, header_bytes);
        }
    }

    #[test]
    fn nothing_follows_the_end() {
        let mut parser = Parser::default();
        assert!(matches!(
            parser.push(b"PROXY UNKNOWN\r\nrest"),
            Ok(Progress::Done { taken: 15, .. })
        ));
        assert_eq!(parser.push(b"P"), Err(ParseError::Signature));
        let mut failed = Parser::default();
        assert!(failed.push(b"x").is_err());
        assert_eq!(failed.push(b"PROXY"), Err(ParseError::Signature));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_one_answer(bytes in proptest::collection::vec(0u8.., 0..300), piece in 1usize..40) {
            for start in [&b""[..], v1::PREFIX, v2::SIGNATURE, b"PROXY TCP4 1.2.3.4 "] {
                let input = [start, &bytes].concat();
                let (whole, pieces) = (feed(&input, input.len().max(1)), feed(&input, piece));
                match (whole.0, pieces.0) {
                    (Ok(Progress::Done { header, .. }), Ok(Progress::Done { header: other, .. })) => {
                        proptest::prop_assert_eq!(header, other);
                        proptest::prop_assert_eq!(whole.1, pieces.1);
                    }
                    (a, b) => proptest::prop_assert_eq!(a, b),
                }
            }
        }
    }
}
