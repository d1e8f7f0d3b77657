//! Fixed-width little-endian fields, read with bounds checks and written in order.

use crate::{FormatError, VERSION};
use spica_model::{Epoch, Lane, Seq, Timestamp};

/// Reads fields one after the other; `None` at the end of the bytes.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn seq(&mut self) -> Option<Seq> {
        self.u64().map(Seq)
    }

    pub(crate) fn epoch(&mut self) -> Option<Epoch> {
        self.u32().map(Epoch)
    }

    pub(crate) fn time(&mut self) -> Option<Timestamp> {
        self.array()
            .map(i64::from_le_bytes)
            .map(Timestamp::from_micros)
    }

    pub(crate) fn lane(&mut self) -> Option<Lane> {
        Lane::ALL.get(usize::from(self.u8()?)).copied()
    }

    /// A text with a one-byte length before it.
    pub(crate) fn short_text(&mut self) -> Option<String> {
        let len = self.u8()?;
        self.text(usize::from(len))
    }

    /// A text with a two-byte length before it.
    pub(crate) fn long_text(&mut self) -> Option<String> {
        let len = self.u16()?;
        self.text(usize::from(len))
    }

    fn text(&mut self, len: usize) -> Option<String> {
        let bytes = self.slice(len)?;
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }
}

/// Appends fields to a buffer, in the same widths as [`Fields`] reads them.
pub(crate) trait PutFields {
    fn put(&mut self, bytes: &[u8]) -> &mut Self;

    fn put_u8(&mut self, value: u8) -> &mut Self {
        self.put(&[value])
    }

    fn put_u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    fn put_u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    fn put_u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    fn put_time(&mut self, value: Timestamp) -> &mut Self {
        self.put(&value.as_micros().to_le_bytes())
    }

    /// At most 255 bytes of `text`, cut at a character.
    fn put_short_text(&mut self, text: &str) -> &mut Self {
        let text = cut(text, usize::from(u8::MAX));
        self.put_u8(text.len() as u8).put(text.as_bytes())
    }

    /// At most 65,535 bytes of `text`, cut at a character.
    fn put_long_text(&mut self, text: &str) -> &mut Self {
        let text = cut(text, usize::from(u16::MAX));
        self.put_u16(text.len() as u16).put(text.as_bytes())
    }
}

impl PutFields for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.extend_from_slice(bytes);
        self
    }
}

fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// Appends the checksum of everything from `from` on.
pub(crate) fn put_checksum(out: &mut Vec<u8>, from: usize) {
    let checksum = crc32c::crc32c(&out[from..]);
    out.put_u32(checksum);
}

/// The bytes before a checksum in the last four bytes, if it is theirs.
pub(crate) fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, checksum) = bytes.split_last_chunk::<4>()?;
    (crc32c::crc32c(body) == u32::from_le_bytes(*checksum)).then_some(body)
}

/// Reads a small file: magic, version, then what `read` takes, and the checksum of it all.
pub(crate) fn read_small_file<T>(
    bytes: &[u8],
    magic: [u8; 8],
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, FormatError> {
    let damaged = FormatError::Damaged("content");
    let mut fields = Fields::new(checked(bytes).ok_or(damaged)?);
    if fields.array() != Some(magic) {
        return Err(damaged);
    }
    let version = fields.u16().ok_or(damaged)?;
    if version > VERSION {
        return Err(FormatError::Newer { found: version });
    }
    read(&mut fields).ok_or(damaged)
}
