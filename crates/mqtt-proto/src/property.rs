//! Properties of MQTT 5: their numbers, their types, and how a section of them is walked.

use crate::read::{Read, Reader, fault};

pub(crate) const SUBSCRIPTION_ID: u8 = 0x0B;
pub(crate) const USER: u8 = 0x26;

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

fn entry<'a>(reader: &mut Reader<'a>) -> Read<Entry<'a>> {
    let all = reader.rest();
    let id = reader.byte()?;
    let value = match id {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2A => Value::Byte(reader.byte()?),
        0x13 | 0x21..=0x23 => Value::Short(reader.short()?),
        0x02 | 0x11 | 0x18 | 0x27 => Value::Word(reader.word()?),
        SUBSCRIPTION_ID => Value::Varint(reader.varint()?),
        0x03 | 0x08 | 0x12 | 0x15 | 0x1A | 0x1C | 0x1F => Value::Text(reader.text()?),
        0x09 | 0x16 => Value::Binary(reader.bytes()?),
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
