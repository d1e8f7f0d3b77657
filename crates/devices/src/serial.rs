//! The name of a device: its serial.

use std::fmt;
use std::str::FromStr;

/// Longest serial, in bytes: what the identity frame of a device has room for.
const BYTES: usize = 10;

/// A device's serial: 1 to 10 visible ASCII characters without `/`, `+` and `#`, so that it is one
/// level of a topic. Small and `Copy`; ordered as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
// Padded with NUL, which sorts before every allowed character: the derived order is that of text.
pub struct Serial([u8; BYTES]);

/// A text that is no serial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a serial is 1 to 10 visible ASCII characters without space, /, + and #")]
pub struct SerialError;

impl Serial {
    /// The last serial there is, one of the longest ones.
    pub const LONGEST: Self = Self([b'~'; BYTES]);

    /// A serial from text.
    ///
    /// # Errors
    /// If the text breaks the rule above.
    pub fn new(text: &str) -> Result<Self, SerialError> {
        Self::from_bytes(text.as_bytes())
    }

    /// A serial from the bytes of its characters, without padding.
    ///
    /// # Errors
    /// As [`Serial::new`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SerialError> {
        let allowed = |b: &u8| b.is_ascii_graphic() && !b"/+#".contains(b);
        if bytes.is_empty() || bytes.len() > BYTES || !bytes.iter().all(allowed) {
            return Err(SerialError);
        }
        let mut padded = [0; BYTES];
        padded[..bytes.len()].copy_from_slice(bytes);
        Ok(Self(padded))
    }

    /// The serial as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|b| *b == 0).unwrap_or(BYTES);
        // Checked to be ASCII when made.
        std::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_topic_level_of_visible_ascii_is_a_serial() {
        for good in ["0", "0012345", "A-b_9.~!?z"] {
            assert_eq!(Serial::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "12345678901",
            "a b",
            "a/b",
            "+",
            "#",
            "\u{e9}",
            "a\0",
            "a\n",
        ] {
            assert_eq!(Serial::new(bad), Err(SerialError), "{bad:?}");
        }
    }

    #[test]
    fn serials_sort_as_their_text() {
        let mut serials: Vec<_> = ["b", "ab", "a", "a!", "10", "9"]
            .map(|s| Serial::new(s).unwrap())
            .into();
        let mut texts: Vec<_> = serials.iter().map(ToString::to_string).collect();
        serials.sort_unstable();
        texts.sort_unstable();
        assert_eq!(
            serials.iter().map(Serial::as_str).collect::<Vec<_>>(),
            texts
        );
    }
}
