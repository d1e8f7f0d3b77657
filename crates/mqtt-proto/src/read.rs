//! Reads the data types of the protocol from a packet's bytes.

use std::num::NonZeroU16;

use crate::{PacketId, Reason};

/// What is wrong; a constant, so that results stay small.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) what: &'static str,
}

pub(crate) type Read<T> = Result<T, &'static Fault>;

/// A fault that is a malformed packet, or of another reason.
macro_rules! fault {
    ($what:literal) => {
        fault!(MalformedPacket, $what)
    };
    ($reason:ident, $what:literal) => {
        &$crate::read::Fault {
            reason: $crate::Reason::$reason,
            what: $what,
        }
    };
}
pub(crate) use fault;

/// What is still to be read of a packet.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Read<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(crate) fn short(&mut self) -> Read<u16> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn word(&mut self) -> Read<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A variable byte integer in its shortest form, up to 268,435,455.
    #[inline]
    pub(crate) fn varint(&mut self) -> Read<u32> {
        let first = self.byte()?;
        if first < 128 {
            return Ok(first.into());
        }
        let mut value = u32::from(first & 127);
        for shift in [7, 14, 21] {
            let byte = self.byte()?;
            value |= u32::from(byte & 127) << shift;
            match byte {
                0 => return Err(fault!("a number that is not written as short as can be")),
                1..128 => return Ok(value),
                _ => {}
            }
        }
        Err(fault!("a number of more than four bytes"))
    }

    /// Binary data.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Read<&'a [u8]> {
        let count = self.short()?;
        self.take(count.into())
    }

    /// A text: UTF-8 without U+0000. Surrogates are no UTF-8, a byte order mark is a character.
    #[inline]
    pub(crate) fn text(&mut self) -> Read<&'a str> {
        let bytes = self.bytes()?;
        if memchr::memchr(0, bytes).is_some() {
            return Err(NUL);
        }
        utf8(bytes)
    }

    /// The name of a topic: one character or more, without wildcards; or empty, which some may be.
    #[inline]
    pub(crate) fn topic_or_empty(&mut self) -> Read<&'a str> {
        let bytes = self.bytes()?;
        match memchr::memchr3(0, b'+', b'#', bytes).map(|at| bytes[at]) {
            None => utf8(bytes),
            Some(0) => Err(NUL),
            Some(_) => Err(fault!(TopicNameInvalid, "a topic with a wildcard")),
        }
    }

    #[inline]
    pub(crate) fn packet_id(&mut self) -> Read<PacketId> {
        let id = NonZeroU16::new(self.short()?);
        id.ok_or(fault!(ProtocolError, "the packet id 0"))
    }

    /// The bytes of a section whose length stands before it.
    #[inline]
    pub(crate) fn section(&mut self) -> Read<&'a [u8]> {
        let count = self.varint()?;
        // At most 268,435,455.
        self.take(count as usize)
    }

    /// Whether a zero came next: it is read then.
    #[inline]
    pub(crate) fn skip_zero(&mut self) -> bool {
        let Some(rest) = self.0.strip_prefix(&[0]) else {
            return false;
        };
        self.0 = rest;
        true
    }

    /// Nothing may follow.
    #[inline]
    pub(crate) fn finish(&self) -> Read<()> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(fault!("bytes after the end of what the packet holds"))
        }
    }
}

const SHORT: &Fault = fault!("the packet ends within a field");
const NUL: &Fault = fault!("a text with U+0000");

#[inline]
fn utf8(bytes: &[u8]) -> Read<&str> {
    std::str::from_utf8(bytes).map_err(|_| fault!("a text that is not UTF-8"))
}
