//! Reads fields from the front of a message's data.

use super::MessageError;

/// What is left of the data of a message of type `kind`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(kind: u8, data: &'a [u8]) -> Self {
        Self { kind, rest: data }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], MessageError> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(MessageError::Short { kind: self.kind })?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        let (bytes, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(MessageError::Short { kind: self.kind })?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, MessageError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, MessageError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, MessageError> {
        self.array().map(u32::from_le_bytes)
    }

    /// All that is left.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Checks that nothing is left.
    pub(crate) const fn end(self) -> Result<(), MessageError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(MessageError::Long { kind: self.kind })
        }
    }
}
