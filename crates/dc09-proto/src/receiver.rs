//! The receiving side: what to do with a frame.
//!
//! Two steps, so that a station can store an event before it acknowledges it: [`Receiver::take`]
//! says what was received, or what to answer to what was not; [`Taken::ack`] writes the
//! acknowledgement.

use std::collections::BTreeMap;
use std::time::Duration;

use spica_model::Timestamp;

use crate::payload::{Payload, PayloadError};
use crate::{Account, Answer, AnswerError, DecodeError, Head, Key, Message, Packet, answer};

/// How far the time of an encrypted message may be off: the usual 40 s behind and 20 s ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How old a message may be.
    pub behind: Duration,
    /// How far its sender's clock may be ahead.
    pub ahead: Duration,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            behind: Duration::from_secs(40),
            ahead: Duration::from_secs(20),
        }
    }
}

impl Window {
    fn holds(self, sent: Timestamp, now: Timestamp) -> bool {
        now.since(sent) <= self.behind && sent.since(now) <= self.ahead
    }
}

/// What a receiving station knows: its accounts, each with its key if it encrypts.
#[derive(Debug, Clone, Default)]
pub struct Receiver {
    /// The accounts that it takes messages of. One with a key takes encrypted messages only:
    /// anybody could write the others.
    pub accounts: BTreeMap<Account, Option<Key>>,
    /// How far the time of a message may be off, if it says one.
    pub window: Window,
}

/// What was received.
#[derive(Debug, Clone)]
pub struct Taken<'a> {
    /// What the message says of itself.
    pub head: Head,
    /// The whole message.
    pub message: Message,
    /// What its data says.
    pub payload: Payload,
    key: Option<&'a Key>,
}

/// Why nothing was received, and what to answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// Why.
    pub why: Why,
    /// The frame to send back; None to say nothing.
    pub answer: Option<Vec<u8>>,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It is of no account, or of one that is not known here.
    #[error("the message is of an account that is not known here")]
    Account,
    /// It should have been encrypted.
    #[error(
        "the message is not encrypted, and its account has a key: anybody could have written it"
    )]
    NotEncrypted,
    /// Its time is too far off.
    #[error("the message says that it was sent at {sent}, and it is {now}: that is too far off")]
    Time {
        /// What it says.
        sent: Timestamp,
        /// The receiver's time.
        now: Timestamp,
    },
    /// Nothing can be done with it.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

impl Receiver {
    /// Looks at a frame at the receiver's time `now`. What is damaged is not answered, so that it
    /// comes again; what is of an unknown account or says a wrong time is answered with `NAK`; what
    /// cannot be understood with `DUH`.
    ///
    /// # Errors
    /// With the reason, and the answer.
    pub fn take(&self, frame: &[u8], now: Timestamp) -> Result<Taken<'_>, Refused> {
        let packet = Packet::read(frame).map_err(|error| Refused {
            why: error.into(),
            answer: None,
        })?;
        let head = packet.head.clone();
        self.judge(packet, now).map_err(|why| {
            let says = match &why {
                Why::Account | Why::NotEncrypted | Why::Time { .. } => Answer::Nak,
                Why::Decode(_) | Why::Payload(_) => Answer::Duh,
            };
            // Neither needs a key, and a head that was read is never too long.
            let answer = answer(&head, says, now, None).ok();
            Refused { why, answer }
        })
    }

    fn judge(&self, packet: Packet<'_>, now: Timestamp) -> Result<Taken<'_>, Why> {
        let head = packet.head.clone();
        let known = head
            .account
            .as_ref()
            .and_then(|account| self.accounts.get(account));
        let key = known.ok_or(Why::Account)?.as_ref();
        if key.is_some() && !head.encrypted {
            return Err(Why::NotEncrypted);
        }
        let message = packet.open(key)?;
        match message.time {
            Some(sent) if !self.window.holds(sent, now) => return Err(Why::Time { sent, now }),
            _ => {}
        }
        let payload = Payload::parse(&message.token, &message.data)?;
        Ok(Taken {
            head,
            message,
            payload,
            key,
        })
    }
}

impl Taken<'_> {
    /// The acknowledgement. What it acknowledges must be stored.
    ///
    /// # Errors
    /// Never, for what was taken; the type says what [`answer()`] says.
    pub fn ack(&self, now: Timestamp) -> Result<Vec<u8>, AnswerError> {
        answer(&self.head, Answer::Ack, now, self.key)
    }
}

#[cfg(test)]
mod tests;
