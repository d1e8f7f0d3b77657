//! Writes the data types of the protocol.

use crate::EncodeError;

/// The highest number that a variable byte integer holds.
pub(crate) const VARINT_MAX: u32 = 268_435_455;

/// Where a packet is written to: first a count of its bytes, then a buffer.
pub(crate) trait Sink {
    /// Whether nothing is written: then values are checked, which need not be done twice.
    const COUNTS: bool;

    fn put(&mut self, bytes: &[u8]);

    /// So many bytes, which were counted elsewhere.
    fn skip(&mut self, bytes: usize);

    #[inline]
    fn byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    #[inline]
    fn short(&mut self, number: u16) {
        self.put(&number.to_be_bytes());
    }

    #[inline]
    fn word(&mut self, number: u32) {
        self.put(&number.to_be_bytes());
    }
}

impl Sink for Vec<u8> {
    const COUNTS: bool = false;

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn skip(&mut self, _: usize) {}
}

/// Counts what would be written.
#[derive(Default)]
pub(crate) struct Count(pub(crate) usize);

impl Sink for Count {
    const COUNTS: bool = true;

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    #[inline]
    fn skip(&mut self, bytes: usize) {
        self.0 += bytes;
    }
}

/// A variable byte integer; up to [`VARINT_MAX`].
#[inline]
pub(crate) fn varint(sink: &mut impl Sink, mut number: u32) {
    while number >= 128 {
        sink.byte(number.to_le_bytes()[0] | 128);
        number >>= 7;
    }
    sink.byte(number.to_le_bytes()[0]);
}

/// Bytes of a variable byte integer.
pub(crate) const fn varint_bytes(number: u32) -> usize {
    match number {
        0..128 => 1,
        128..16_384 => 2,
        16_384..2_097_152 => 3,
        _ => 4,
    }
}

#[inline]
pub(crate) fn binary(sink: &mut impl Sink, bytes: &[u8]) -> Result<(), EncodeError> {
    let count =
        u16::try_from(bytes.len()).map_err(|_| EncodeError::TooLong { bytes: bytes.len() })?;
    sink.short(count);
    sink.put(bytes);
    Ok(())
}

#[inline]
pub(crate) fn text<S: Sink>(sink: &mut S, text: &str) -> Result<(), EncodeError> {
    if S::COUNTS && memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(EncodeError::Nul);
    }
    binary(sink, text.as_bytes())
}

/// A text that nobody has counted before.
pub(crate) fn checked_text(buffer: &mut Vec<u8>, value: &str) -> Result<(), EncodeError> {
    text(&mut Count::default(), value)?;
    text(buffer, value)
}
