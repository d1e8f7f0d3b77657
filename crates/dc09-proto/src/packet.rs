//! The head of a body: `"token"`, sequence, receiver, line, account; what follows stays closed.

use crate::frame::{self, FrameError};
use crate::key::{self, BLOCK_BYTES};
use crate::message::Content;
use crate::{Account, DecodeError, Key, Message, Number, Sequence, Token};

/// Which part of a head cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The token and its quotes.
    #[error("a message begins with its kind in quotes, such as \"SIA-DCS\"; this one does not")]
    Token,
    /// The four digits behind the token.
    #[error("the message's sequence number is four digits; this one's is not")]
    Sequence,
    /// Behind `R`.
    #[error("the number of the receiver (R) is 1 to 6 hexadecimal digits; this one is not")]
    Receiver,
    /// Behind `L`.
    #[error("the number of the line (L) is 1 to 6 hexadecimal digits; this one is not")]
    Line,
    /// Behind `#`.
    #[error("the account number (#) is 3 to 16 hexadecimal digits; this one is not")]
    Account,
    /// Something else, or nothing, where the data begins.
    #[error("behind the account of a message its data begins with [; in this one it does not")]
    Open,
}

/// What a message says of itself before its data, never encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What kind of message it is.
    pub token: Token,
    /// Whether what follows is encrypted.
    pub encrypted: bool,
    /// Its number.
    pub sequence: Sequence,
    /// The receiver's number, if it is said.
    pub receiver: Option<Number>,
    /// The line's number, also called the account's prefix, if it is said.
    pub line: Option<Number>,
    /// The account, if it is said.
    pub account: Option<Account>,
}

/// A frame whose length, check and head are right: enough to find the account's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it says of itself.
    pub head: Head,
    /// What follows the first bracket.
    content: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a frame's head.
    ///
    /// # Errors
    /// [`DecodeError::Frame`] or [`DecodeError::Head`], with what is wrong.
    pub fn read(frame: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(Self::of_body(frame::open(frame)?)?)
    }

    fn of_body(body: &'a [u8]) -> Result<Self, HeadError> {
        let quoted = body.strip_prefix(b"\"").ok_or(HeadError::Token)?;
        let starred = quoted.strip_prefix(b"*");
        let encrypted = starred.is_some();
        let (token, rest) = split_at(starred.unwrap_or(quoted), b'"').ok_or(HeadError::Token)?;
        let token = Token::from_wire(token).ok_or(HeadError::Token)?;
        let (sequence, rest) = sequence(rest).ok_or(HeadError::Sequence)?;
        let open = rest.iter().position(|byte| *byte == b'[');
        let (rest, content) = rest.split_at(open.ok_or(HeadError::Open)?);
        // A refusal of no message in particular names no account: `A0` stands in its place, which
        // would be digits of the line otherwise.
        let unnamed = rest.strip_suffix(b"A0");
        let unnamed = unnamed.filter(|rest| token == Token::Nak && !rest.contains(&b'#'));
        let rest = unnamed.unwrap_or(rest);
        // The standard has the receiver first; there are receivers that answer the other way round.
        let (mut receiver, rest) = field(rest, b'R', HeadError::Receiver)?;
        let (line, mut rest) = field(rest, b'L', HeadError::Line)?;
        if receiver.is_none() {
            (receiver, rest) = field(rest, b'R', HeadError::Receiver)?;
        }
        let (account, rest) = field(rest, b'#', HeadError::Account)?;
        if !rest.is_empty() {
            return Err(HeadError::Open);
        }
        // Behind the bracket that was found.
        let content = content.get(1..).unwrap_or_default();
        let head = Head {
            token,
            encrypted,
            sequence,
            receiver,
            line,
            account,
        };
        Ok(Self { head, content })
    }

    /// Reads the rest, which needs the account's key if it is encrypted; a key is not used if it is
    /// not.
    ///
    /// # Errors
    /// With what is wrong. With the wrong key it is [`DecodeError::Undecipherable`], but for one in
    /// millions.
    pub fn open(self, key: Option<&Key>) -> Result<Message, DecodeError> {
        let content = if self.head.encrypted {
            let mut plain = blocks(self.content).ok_or(DecodeError::Cipher)?;
            key.ok_or(DecodeError::NoKey)?.decrypt(&mut plain);
            Content::of_padded(&plain)?
        } else {
            Content::read(self.content)?
        };
        Ok(Message::new(self.head, content))
    }
}

/// The bytes of encrypted content: pairs of hexadecimal digits, whole blocks.
fn blocks(digits: &[u8]) -> Option<Vec<u8>> {
    let bytes = key::from_hex(digits)?;
    let whole = !bytes.is_empty() && bytes.len().is_multiple_of(BLOCK_BYTES);
    whole.then_some(bytes)
}

/// What stands before and behind the first `mark`.
pub(crate) fn split_at(bytes: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == mark)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn sequence(bytes: &[u8]) -> Option<(Sequence, &[u8])> {
    let (digits, rest) = bytes.split_first_chunk::<4>()?;
    let number = digits.iter().try_fold(0, |number: u16, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(number * 10 + u16::try_from(digit).ok()?)
    })?;
    Some((Sequence::new(number)?, rest))
}

/// A field that begins with `mark` and goes on with hexadecimal digits, if it is there.
fn field<T: std::str::FromStr>(
    bytes: &[u8],
    mark: u8,
    error: HeadError,
) -> Result<(Option<T>, &[u8]), HeadError> {
    let Some(rest) = bytes.strip_prefix(&[mark]) else {
        return Ok((None, bytes));
    };
    let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
    let end = rest.iter().position(|byte| !is_digit(byte));
    let (digits, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let text = std::str::from_utf8(digits).map_err(|_| error)?;
    let value = text.parse().map_err(|_| error)?;
    Ok((Some(value), rest))
}

impl From<FrameError> for DecodeError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<HeadError> for DecodeError {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}
