//! The wire format of protobuf: fields in, fields out.

use crate::payload::DecodeError;

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// The fields of a message, with their numbers, up to the first that cannot be read.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Option<(u32, Field<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number > 0)?;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                let (bytes, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                Field::Bytes(bytes)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.fixed()?)),
            // Groups have been out of use for longer than there is Sparkplug.
            _ => return None,
        };
        Some((number, field))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Field<'a>), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or(DecodeError::Malformed))
    }
}

/// The text of a field.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a number.
pub(crate) fn put_number(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3);
    put_varint(out, value);
}

/// Appends bytes, a text or a message.
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        for value in [0, 127, 128, u64::from(u32::MAX), u64::MAX] {
            put_number(&mut out, 3, value);
        }
        put_bytes(&mut out, 1_000, b"abc");
        let fields: Result<Vec<_>, _> = Fields::new(&out).collect();
        let expected = [
            (3, Field::Varint(0)),
            (3, Field::Varint(127)),
            (3, Field::Varint(128)),
            (3, Field::Varint(u64::from(u32::MAX))),
            (3, Field::Varint(u64::MAX)),
            (1_000, Field::Bytes(b"abc")),
        ];
        assert_eq!(fields.unwrap(), expected);
    }

    #[test]
    fn what_is_cut_short_or_too_long_is_malformed() {
        for bad in [
            &[0x08][..],
            &[0x0a, 5, 1],
            &[0x0d, 1, 2, 3],
            &[0x09, 1, 2, 3, 4, 5, 6, 7],
            // A group, field number 0, a varint of eleven bytes and one of 65 bits.
            &[0x0b, 0x0c],
            &[0x00, 0x00],
            &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 129, 0],
            &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
        ] {
            let mut fields = Fields::new(bad);
            assert_eq!(fields.next(), Some(Err(DecodeError::Malformed)), "{bad:?}");
            assert_eq!(fields.next(), None, "it ends there");
        }
    }
}
