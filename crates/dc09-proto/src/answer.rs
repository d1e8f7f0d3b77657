//! Answers: what a receiver says to a message, read and written.

use spica_model::Timestamp;

use crate::{Account, DecodeError, EncodeError, Head, Key, Message, Packet, Sequence, Text, Token};

/// What a receiver says to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It has taken the message.
    Ack,
    /// The message's time is wrong; the answer says the receiver's. Some receivers say it too when
    /// they do not know the account.
    Nak,
    /// It has read the message and can do nothing with it.
    Duh,
}

/// Writes an answer to a message with this head. `now` is the receiver's time; the key is that of
/// the account, and is used for the acknowledgement of an encrypted message only: a receiver that
/// cannot decipher must still be able to say so.
///
/// A refusal of the time carries the number 0 and no account, as receivers in the field write it:
/// `"NAK"0000R0L0A0[]_time`.
///
/// # Errors
/// [`AnswerError::NoKey`] for the acknowledgement of an encrypted message without a key; nothing else
/// for a head that was read.
pub fn answer(
    to: &Head,
    answer: Answer,
    now: Timestamp,
    key: Option<&Key>,
) -> Result<Vec<u8>, AnswerError> {
    let echo = |token| Message {
        token,
        sequence: to.sequence,
        receiver: to.receiver.clone(),
        line: to.line.clone(),
        account: to.account.clone(),
        data: Text::default(),
        extended: Vec::new(),
        time: None,
    };
    let zero = || "0".parse().ok();
    let encoded = match answer {
        Answer::Ack if to.encrypted => {
            let key = key.ok_or(AnswerError::NoKey)?;
            let ack = Message {
                time: Some(now),
                ..echo(Token::Ack)
            };
            ack.encode(Some(key))
        }
        Answer::Ack => echo(Token::Ack).encode(None),
        Answer::Duh => echo(Token::Duh).encode(None),
        Answer::Nak => {
            let nak = Message {
                sequence: Sequence::ZERO,
                receiver: zero(),
                line: zero(),
                account: None,
                time: Some(now),
                ..echo(Token::Nak)
            };
            nak.encode(None)
        }
    };
    Ok(encoded?)
}

/// Why an answer cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The acknowledgement of an encrypted message is encrypted.
    #[error("the message was encrypted, so its acknowledgement needs the account's key")]
    NoKey,
    /// It cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// An answer as its message's sender reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What is said.
    pub answer: Answer,
    /// Of which message; 0 may be any.
    pub sequence: Sequence,
    /// Of which account, if it is said.
    pub account: Option<Account>,
    /// The receiver's time, if it is said.
    pub time: Option<Timestamp>,
}

/// Why bytes are no answer to us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// They are no message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// They are a message that is no answer.
    #[error("a receiver has sent {0:?}, which is no answer")]
    NoAnswer(Token),
    /// An acknowledgement that anybody could have written.
    #[error(
        "the receiver acknowledged an encrypted message without encryption: anybody on the way could \
         have, so it does not count; the station's receiver must encrypt its acknowledgements"
    )]
    NotEncrypted,
}

impl Reply {
    /// Reads an answer. With a key, which means that our messages are encrypted, an acknowledgement
    /// must be encrypted too; refusals never are.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn read(frame: &[u8], key: Option<&Key>) -> Result<Self, ReplyError> {
        let packet = Packet::read(frame)?;
        let answer = match &packet.head.token {
            Token::Ack => Answer::Ack,
            Token::Nak => Answer::Nak,
            Token::Duh => Answer::Duh,
            other => return Err(ReplyError::NoAnswer(other.clone())),
        };
        if answer == Answer::Ack && key.is_some() && !packet.head.encrypted {
            return Err(ReplyError::NotEncrypted);
        }
        let message = packet.open(key)?;
        Ok(Self {
            answer,
            sequence: message.sequence,
            account: message.account,
            time: message.time,
        })
    }
}

#[cfg(test)]
mod tests;
