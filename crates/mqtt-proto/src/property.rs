//! Properties of MQTT 5: their numbers, their types, and how a section of them is walked.

use crate::read::{Read, Reader, fault};

pub(crate) const PAYLOAD_FORMAT: u8 = 0x01;
pub(crate) const MESSAGE_EXPIRY: u8 = 0x02;
pub(crate) const CONTENT_TYPE: u8 = 0x03;
pub(crate) const RESPONSE_TOPIC: u8 = 0x08;
pub(crate) const CORRELATION: u8 = 0x09;
pub(crate) const SUBSCRIPTION_ID: u8 = 0x0B;
pub(crate) const SESSION_EXPIRY: u8 = 0x11;
pub(crate) const ASSIGNED_CLIENT_ID: u8 = 0x12;
pub(crate) const SERVER_KEEP_ALIVE: u8 = 0x13;
pub(crate) const AUTHENTICATION_METHOD: u8 = 0x15;
pub(crate) const AUTHENTICATION_DATA: u8 = 0x16;
pub(crate) const REQUEST_PROBLEM: u8 = 0x17;
pub(crate) const WILL_DELAY: u8 = 0x18;
pub(crate) const REQUEST_RESPONSE: u8 = 0x19;
pub(crate) const RESPONSE_INFORMATION: u8 = 0x1A;
pub(crate) const SERVER_REFERENCE: u8 = 0x1C;
pub(crate) const REASON_TEXT: u8 = 0x1F;
pub(crate) const RECEIVE_MAXIMUM: u8 = 0x21;
pub(crate) const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
pub(crate) const TOPIC_ALIAS: u8 = 0x23;
pub(crate) const QOS_MAXIMUM: u8 = 0x24;
pub(crate) const RETAIN_AVAILABLE: u8 = 0x25;
pub(crate) const USER: u8 = 0x26;
pub(crate) const PACKET_MAXIMUM: u8 = 0x27;
pub(crate) const WILDCARDS_AVAILABLE: u8 = 0x28;
pub(crate) const SUBSCRIPTION_IDS_AVAILABLE: u8 = 0x29;
pub(crate) const SHARED_AVAILABLE: u8 = 0x2A;

/// What stands after a property's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Byte(u8),
    Short(u16),
    Word(u32),
    Varint(u32),
    Text(&'a str),
    Binary(&'a [u8]),
    Pair,
}

impl<'a> Value<'a> {
    pub(crate) const fn flag(self) -> Option<bool> {
        match self {
            Self::Byte(byte) => Some(byte != 0),
            _ => None,
        }
    }

    pub(crate) const fn short(self) -> Option<u16> {
        match self {
            Self::Short(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) const fn number(self) -> Option<u32> {
        match self {
            Self::Word(number) | Self::Varint(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) const fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) const fn binary(self) -> Option<&'a [u8]> {
        match self {
            Self::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// One property.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) id: u8,
    pub(crate) value: Value<'a>,
    /// As it stands in the packet, its number included.
    pub(crate) bytes: &'a [u8],
}

/// Each property of a section; after a fault comes nothing.
pub(crate) fn entries(section: &[u8]) -> impl Iterator<Item = Read<Entry<'_>>> {
    let mut reader = Reader::new(section);
    std::iter::from_fn(move || {
        if reader.is_empty() {
            return None;
        }
        let entry = entry(&mut reader);
        if entry.is_err() {
            reader = Reader::new(&[]);
        }
        Some(entry)
    })
}

/// The number of the next property, and all of it, of a section that has been checked: texts are
/// not looked at.
#[inline]
pub(crate) fn skip<'a>(reader: &mut Reader<'a>) -> Read<(u8, &'a [u8])> {
    let all = reader.rest();
    let id = reader.byte()?;
    match id {
        USER => {
            reader.bytes()?;
            reader.bytes()?;
        }
        SUBSCRIPTION_ID => {
            reader.varint()?;
        }
        _ => {
            *reader = Reader::new(all);
            entry(reader)?;
        }
    }
    Ok((id, &all[..all.len() - reader.rest().len()]))
}

#[inline]
fn entry<'a>(reader: &mut Reader<'a>) -> Read<Entry<'a>> {
    let all = reader.rest();
    let id = reader.byte()?;
    let value = match id {
        PAYLOAD_FORMAT
        | REQUEST_PROBLEM
        | REQUEST_RESPONSE
        | QOS_MAXIMUM
        | RETAIN_AVAILABLE
        | WILDCARDS_AVAILABLE
        | SUBSCRIPTION_IDS_AVAILABLE
        | SHARED_AVAILABLE => Value::Byte(reader.byte()?),
        SERVER_KEEP_ALIVE | RECEIVE_MAXIMUM | TOPIC_ALIAS_MAXIMUM | TOPIC_ALIAS => {
            Value::Short(reader.short()?)
        }
        MESSAGE_EXPIRY | SESSION_EXPIRY | WILL_DELAY | PACKET_MAXIMUM => {
            Value::Word(reader.word()?)
        }
        SUBSCRIPTION_ID => Value::Varint(reader.varint()?),
        CONTENT_TYPE
        | RESPONSE_TOPIC
        | ASSIGNED_CLIENT_ID
        | AUTHENTICATION_METHOD
        | RESPONSE_INFORMATION
        | SERVER_REFERENCE
        | REASON_TEXT => Value::Text(reader.text()?),
        CORRELATION | AUTHENTICATION_DATA => Value::Binary(reader.bytes()?),
        USER => {
            reader.text()?;
            reader.text()?;
            Value::Pair
        }
        _ => return Err(fault!("a property that MQTT does not know")),
    };
    let bytes = &all[..all.len() - reader.rest().len()];
    Ok(Entry { id, value, bytes })
}
