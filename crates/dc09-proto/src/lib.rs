//! SIA DC-09: alarms to monitoring stations, as pure codecs and state machines.
//!
//! A sender packs an event into a [`Message`], in the codes of DC-03 (`SIA-DCS`) or of Contact ID
//! (`ADM-CID`, DC-05), and repeats it under the same [`Sequence`] until a receiver answers. The parts,
//! from the wire up:
//!
//! - [`frame`]: line feed, check, length, body, carriage return; and cutting a stream into frames;
//! - [`Packet`], [`Message`]: the body's fields, plain or encrypted under a [`Key`];
//! - [`Reply`], [`answer()`]: what a receiver says, read and written;
//! - [`payload`]: events inside a message's data;
//! - [`Codes`], [`Alarm`]: from a condition's name to codes, as data that each customer may change;
//! - [`sender`]: one account's queue, its receivers, their supervision;
//! - [`Receiver`]: what a receiving station has to decide about a frame.
//!
//! What is not here: sockets, clocks, files, chance. Time is an argument; what pads an encrypted
//! message comes from its number and its time. Nor is there the receiver's memory of what it has
//! already taken: a repeated message has the account, the number and the data of the first one.
//!
//! `docs/dc09.md` says what was checked against what.

mod alarm;
mod answer;
pub mod codes;
mod crc;
mod extended;
pub mod frame;
mod key;
mod message;
mod packet;
pub mod payload;
mod receiver;
pub mod sender;
mod stamp;
mod text;
mod words;

pub use alarm::{ALARM_TEXT_CHARS, Alarm, Event, Form, Layout};
pub use answer::{Answer, AnswerError, Reply, ReplyError, answer};
pub use codes::{Code, Codes};
pub use crc::crc16;
pub use extended::{Extended, ExtendedError};
pub use key::{Key, ParseKeyError};
pub use message::{DecodeError, EncodeError, MAX_EXTENDED, Message};
pub use packet::{Head, HeadError, Packet};
pub use receiver::{Receiver, Refused, Taken, Why, Window};
pub use text::{TEXT_CHARS, Text, TextError};
pub use words::{Account, Number, ParseDigitsError, Sequence, Token};
