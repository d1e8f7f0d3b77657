//! Whole numbers of the wire: width and sign.

/// A whole number's width and sign; least-significant byte first, two's complement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Int {
    /// 8 bits, not negative.
    U8,
    /// 16 bits, not negative.
    U16,
    /// 32 bits, not negative.
    U32,
    /// 8 bits.
    I8,
    /// 16 bits.
    I16,
    /// 32 bits.
    I32,
}

impl Int {
    /// How many bytes it has: 1, 2 or 4.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 => 4,
        }
    }

    const fn is_signed(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32)
    }

    /// The least and the greatest value.
    #[must_use]
    pub const fn range(self) -> (i64, i64) {
        let bits = 8 * self.bytes();
        if self.is_signed() {
            (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        } else {
            (0, (1 << bits) - 1)
        }
    }

    /// Reads as many bytes as it has.
    pub(super) fn read(self, bytes: &[u8]) -> i64 {
        let bits = 8 * self.bytes();
        let raw = bytes
            .iter()
            .rev()
            .fold(0, |raw, byte| raw << 8 | i64::from(*byte));
        if self.is_signed() {
            // Moves the sign bit to the top and back: copies of it fill the rest.
            raw << (64 - bits) >> (64 - bits)
        } else {
            raw
        }
    }

    /// Appends `value`, if it is in range.
    pub(super) fn write(self, value: i64, out: &mut Vec<u8>) -> Option<()> {
        let (min, max) = self.range();
        if value < min || value > max {
            return None;
        }
        out.extend_from_slice(&value.to_le_bytes()[..self.bytes()]);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_at_the_ends_of_their_range() {
        for (int, min, max) in [
            (Int::U8, 0, 0xff),
            (Int::U16, 0, 0xffff),
            (Int::U32, 0, 0xffff_ffff),
            (Int::I8, -0x80, 0x7f),
            (Int::I16, -0x8000, 0x7fff),
            (Int::I32, -0x8000_0000, 0x7fff_ffff),
        ] {
            assert_eq!(int.range(), (min, max), "{int:?}");
            for value in [min, -1, 0, 1, max] {
                let mut bytes = Vec::new();
                let written = int.write(value, &mut bytes);
                assert_eq!(written.is_some(), value >= min);
                if written.is_some() {
                    assert_eq!((bytes.len(), int.read(&bytes)), (int.bytes(), value));
                }
            }
            assert_eq!(int.write(max + 1, &mut Vec::new()), None);
        }
    }
}
