//! Whole messages, read and written.

use spica_model::Timestamp;

use crate::extended::{Extended, ExtendedError};
use crate::frame::{self, FrameError};
use crate::key::{self, BLOCK_BYTES};
use crate::packet::{HeadError, split_at};
use crate::{Account, Head, Key, Number, Sequence, Text, TextError, Token, stamp};

/// Most extended fields of a message.
pub const MAX_EXTENDED: usize = 32;

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The frame is wrong. Such a message is not answered: whoever sent it repeats it.
    #[error(transparent)]
    Frame(FrameError),
    /// The head is wrong.
    #[error(transparent)]
    Head(HeadError),
    /// It is encrypted and there is no key.
    #[error("the message is encrypted, and no key is set for its account")]
    NoKey,
    /// What is encrypted is not whole blocks in hexadecimal digits.
    #[error(
        "the encrypted part of the message is not whole blocks of 16 bytes in hexadecimal digits"
    )]
    Cipher,
    /// What came out of the cipher is no message.
    #[error(
        "the encrypted part of the message makes no sense under the account's key: the two sides \
         have different keys"
    )]
    Undecipherable,
    /// An encrypted message without a time could be one of yesterday.
    #[error("the message is encrypted and says no time, which encrypted ones must")]
    NoTime,
    /// A bracket is not closed, or something follows that belongs to no field.
    #[error(
        "the fields behind the message's head do not end as they must: [data], [fields], _time"
    )]
    Form,
    /// The data cannot stand there.
    #[error("the message's data: {0}")]
    Data(TextError),
    /// An extended field cannot stand there.
    #[error("an extended field of the message: {0}")]
    Extended(ExtendedError),
    /// More extended fields than are read.
    #[error("the message has more than {MAX_EXTENDED} extended fields")]
    TooManyExtended,
    /// Behind `_` stands no time.
    #[error("the message's time is not HH:MM:SS,MM-DD-YYYY")]
    Time,
}

/// Why a message cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It has more bytes than a frame holds.
    #[error("the message has {bytes} bytes; a frame holds {max}", max = frame::MAX_BODY_BYTES)]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// More extended fields than are read.
    #[error("the message has more than {MAX_EXTENDED} extended fields")]
    TooManyExtended,
    /// It is to be encrypted and has no time.
    #[error("an encrypted message must say its time")]
    NoTime,
}

/// A message, or an answer to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What kind of message it is.
    pub token: Token,
    /// Its number.
    pub sequence: Sequence,
    /// The receiver's number, if it is said.
    pub receiver: Option<Number>,
    /// The line's number, also called the account's prefix, if it is said.
    pub line: Option<Number>,
    /// The account, if it is said.
    pub account: Option<Account>,
    /// What is in the first brackets; empty for `NULL` and for answers.
    pub data: Text,
    /// What is in further brackets, at most [`MAX_EXTENDED`].
    pub extended: Vec<Extended>,
    /// When it was sent, to the second.
    pub time: Option<Timestamp>,
}

/// What stands behind a head.
#[derive(Debug, Default)]
pub(crate) struct Content {
    data: Text,
    extended: Vec<Extended>,
    time: Option<Timestamp>,
}

impl Message {
    pub(crate) fn new(head: Head, content: Content) -> Self {
        Self {
            token: head.token,
            sequence: head.sequence,
            receiver: head.receiver,
            line: head.line,
            account: head.account,
            data: content.data,
            extended: content.extended,
            time: content.time,
        }
    }

    /// The frame of this message: encrypted if there is a key.
    ///
    /// # Errors
    /// If it is too long, has too many fields, or is to be encrypted and has no time.
    pub fn encode(&self, key: Option<&Key>) -> Result<Vec<u8>, EncodeError> {
        if self.extended.len() > MAX_EXTENDED {
            return Err(EncodeError::TooManyExtended);
        }
        let mut body = self.head(key.is_some()).into_bytes();
        let content = self.content();
        match key {
            None => body.extend(content),
            Some(key) => {
                let time = self.time.ok_or(EncodeError::NoTime)?;
                let mut plain = padded(&content, pad_seed(self.sequence, time));
                key.encrypt(&mut plain);
                key::push_hex(&mut body, &plain);
            }
        }
        frame::seal(&body).map_err(|_| EncodeError::TooLong { bytes: body.len() })
    }

    /// Up to the bracket before the data.
    fn head(&self, encrypted: bool) -> String {
        let star = if encrypted { "*" } else { "" };
        let mut head = format!("\"{star}{}\"{}", self.token, self.sequence);
        let fields = [('R', &self.receiver), ('L', &self.line)];
        for (mark, number) in fields {
            if let Some(number) = number {
                head.push(mark);
                head.push_str(number.as_str());
            }
        }
        match &self.account {
            Some(account) => {
                head.push('#');
                head.push_str(account.as_str());
            }
            None if self.token == Token::Nak => head.push_str("A0"),
            None => {}
        }
        head.push('[');
        head
    }

    /// From the data on.
    fn content(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.data.to_wire().collect();
        bytes.push(b']');
        for field in &self.extended {
            bytes.push(b'[');
            bytes.push(field.letter());
            bytes.extend(field.text().to_wire());
            bytes.push(b']');
        }
        if let Some(time) = self.time {
            bytes.push(b'_');
            bytes.extend(stamp::format(time).bytes());
        }
        bytes
    }
}

impl Content {
    /// Reads what stands behind the first bracket.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (data, mut rest) = split_at(bytes, b']').ok_or(DecodeError::Form)?;
        let data = Text::from_wire(data).map_err(DecodeError::Data)?;
        let mut extended = Vec::new();
        while let Some(field) = rest.strip_prefix(b"[") {
            if extended.len() == MAX_EXTENDED {
                return Err(DecodeError::TooManyExtended);
            }
            let (field, behind) = split_at(field, b']').ok_or(DecodeError::Form)?;
            extended.push(Extended::from_wire(field).map_err(DecodeError::Extended)?);
            rest = behind;
        }
        let time = match rest.split_first() {
            None => None,
            Some((b'_', time)) => Some(read_time(time).ok_or(DecodeError::Time)?),
            Some(_) => return Err(DecodeError::Form),
        };
        Ok(Self {
            data,
            extended,
            time,
        })
    }

    /// Reads what came out of the cipher: padding up to the first `|`, then as it is written plain.
    /// Some senders leave the `|` out when there is no data.
    pub(crate) fn of_padded(bytes: &[u8]) -> Result<Self, DecodeError> {
        let is_end = |byte: &u8| matches!(byte, b'|' | b']');
        let end = bytes.iter().position(is_end);
        let end = end.ok_or(DecodeError::Undecipherable)?;
        let content = match &bytes[end..] {
            [b'|', content @ ..] => content,
            content => content,
        };
        let content = Self::read(content).map_err(|_| DecodeError::Undecipherable)?;
        match content.time {
            Some(_) => Ok(content),
            None => Err(DecodeError::NoTime),
        }
    }
}

fn read_time(bytes: &[u8]) -> Option<Timestamp> {
    stamp::parse(std::str::from_utf8(bytes).ok()?)
}

/// Padding, `|` and the content: whole blocks, and always some padding.
fn padded(content: &[u8], seed: u64) -> Vec<u8> {
    let fill = BLOCK_BYTES - (content.len() + 1) % BLOCK_BYTES;
    let mut plain: Vec<u8> = pad(seed).take(fill).collect();
    plain.push(b'|');
    plain.extend_from_slice(content);
    plain
}

/// Repeated messages have another time, other messages another number.
fn pad_seed(sequence: Sequence, time: Timestamp) -> u64 {
    time.as_micros().unsigned_abs() << 14 | u64::from(sequence.get())
}

/// Letters and digits that differ from message to message (SplitMix64). They keep nothing secret.
fn pad(mut seed: u64) -> impl Iterator<Item = u8> {
    const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    std::iter::repeat_with(move || {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        SIGNS[(mixed >> 59) as usize]
    })
}

#[cfg(test)]
mod tests;
