//! Amounts of bytes.

use std::fmt;
use std::str::FromStr;

use crate::quantity::{self, Problem, Unit};
use crate::text::text_type;

/// Binary units first: they say what both kinds could.
const UNITS: [Unit; 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

const ALLOWED: &str = "An amount of bytes: a whole number and one of B, KiB, MiB, GiB, TiB (powers of 1024), kB, MB, \
     GB, TB (powers of 1000), such as `64KiB` or `10GB`; or the number of bytes alone.";

/// An amount of bytes: `64KiB`, `1MiB`, `10GB`, or a bare number of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

/// A text that is no [`ByteSize`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseByteSizeError {
    /// Not a number with a unit, nor a number.
    #[error(
        "{0:?} is no amount of bytes; allowed is a whole number and one of B, KiB, MiB, GiB, TiB, \
         kB, MB, GB, TB, such as \"64KiB\" or \"10GB\", or the number of bytes alone"
    )]
    Form(String),
    /// More than 64 bits hold.
    #[error("{0:?} is too much; at most {max} bytes are allowed", max = u64::MAX)]
    TooMuch(String),
}

impl ByteSize {
    /// So many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many KiB (1,024 bytes), or as many as fit.
    #[must_use]
    pub const fn kib(kib: u64) -> Self {
        Self(kib.saturating_mul(1 << 10))
    }

    /// So many MiB (1,048,576 bytes), or as many as fit.
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(1 << 20))
    }

    /// So many GiB (1,073,741,824 bytes), or as many as fit.
    #[must_use]
    pub const fn gib(gib: u64) -> Self {
        Self(gib.saturating_mul(1 << 30))
    }

    /// The number of bytes.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The number of bytes, or as many as this machine can address.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteSize {
    /// With the unit that says it exactly and shortest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0B");
        }
        let (number, unit) = quantity::shortest(self.0, &UNITS, "B");
        write!(f, "{number}{unit}")
    }
}

impl fmt::Debug for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ByteSize {
    type Err = ParseByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let bytes = if bare {
            text.parse().map_err(|_| Problem::TooMuch)
        } else {
            quantity::parse(text, &UNITS)
        };
        bytes.map(Self).map_err(|problem| match problem {
            Problem::Form => ParseByteSizeError::Form(text.to_owned()),
            Problem::TooMuch => ParseByteSizeError::TooMuch(text.to_owned()),
        })
    }
}

text_type!(ByteSize, ToString::to_string, ALLOWED, {
    "type": ["string", "integer"],
    "format": "byte-size",
    "pattern": "^[0-9]+(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)?$",
    "minimum": 0,
});

struct Visitor;

impl serde::de::Visitor<'_> for Visitor {
    type Value = ByteSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount of bytes, such as \"64KiB\", \"10GB\" or 4096")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
        Ok(ByteSize(bytes))
    }

    fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
        let negative = serde::de::Unexpected::Signed(bytes);
        u64::try_from(bytes)
            .map(ByteSize)
            .map_err(|_| E::invalid_value(negative, &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_print() {
        for (text, bytes, printed) in [
            ("0", 0, "0B"),
            ("512", 512, "512B"),
            ("512B", 512, "512B"),
            ("64KiB", 65_536, "64KiB"),
            ("1MiB", 1_048_576, "1MiB"),
            ("3GiB", 3 << 30, "3GiB"),
            ("2TiB", 2 << 40, "2TiB"),
            ("10GB", 10_000_000_000, "10GB"),
            ("1500kB", 1_500_000, "1500kB"),
            ("5MB", 5_000_000, "5MB"),
            ("1TB", 1_000_000_000_000, "1TB"),
            ("1024", 1_024, "1KiB"),
            ("18446744073709551615", u64::MAX, "18446744073709551615B"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size.as_u64(), bytes, "{text}");
            assert_eq!(size.to_string(), printed);
        }
        assert_eq!(ByteSize::kib(64), ByteSize::new(65_536));
        assert_eq!(ByteSize::mib(1), ByteSize::kib(1_024));
        assert_eq!(ByteSize::gib(1), ByteSize::mib(1_024));
        assert_eq!(ByteSize::gib(u64::MAX).as_u64(), u64::MAX);
        assert_eq!(ByteSize::kib(1).as_usize(), 1_024);
    }

    #[test]
    fn what_is_no_size_is_told_what_is_allowed() {
        for text in ["", "KiB", "1 KiB", "1KB", "1K", "1.5MiB", "-1", "1kib"] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert_eq!(error, ParseByteSizeError::Form(text.to_owned()));
            assert!(
                error.to_string().contains("B, KiB, MiB, GiB, TiB"),
                "{error}"
            );
        }
        for text in ["18446744073709551616", "16777216TiB"] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert_eq!(error, ParseByteSizeError::TooMuch(text.to_owned()));
        }
    }

    proptest::proptest! {
        #[test]
        fn every_size_reads_back(bytes: u64) {
            let size = ByteSize(bytes);
            proptest::prop_assert_eq!(size.to_string().parse(), Ok(size));
        }
    }
}
