//! The languages that people are written to in.

use std::fmt;
use std::str::FromStr;

/// A language by its two letters of ISO 639-1, such as `en`. English and German have texts built in;
/// any other one has those of the plan file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language([u8; 2]);

/// A text that names no language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no language; allowed are the two small letters of ISO 639-1, such as \"en\" or \"de\""
)]
pub struct ParseLanguageError(String);

impl Language {
    /// `en`.
    pub const ENGLISH: Self = Self(*b"en");
    /// `de`.
    pub const GERMAN: Self = Self(*b"de");

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Two ASCII letters, checked when made.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Default for Language {
    fn default() -> Self {
        Self::ENGLISH
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = ParseLanguageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match *text.as_bytes() {
            [a @ b'a'..=b'z', b @ b'a'..=b'z'] => Ok(Self([a, b])),
            _ => Err(ParseLanguageError(text.chars().take(40).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_two_small_letters() {
        assert_eq!("de".parse(), Ok(Language::GERMAN));
        assert_eq!(Language::ENGLISH.to_string(), "en");
        for bad in ["", "d", "DE", "deu", "ä", "de-CH"] {
            assert!(bad.parse::<Language>().is_err(), "{bad}");
        }
    }
}
