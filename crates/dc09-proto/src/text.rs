//! The texts inside brackets.

use std::fmt;

/// Most characters of a message's data, and of the text of an extended field.
pub const TEXT_CHARS: usize = 1_024;

/// Text that can stand in brackets: at most [`TEXT_CHARS`] printable characters of one byte each
/// (up to U+00FF), without `[` and `]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Text(Box<str>);

/// A text that cannot stand in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Too long.
    #[error("a text in brackets has at most {TEXT_CHARS} characters; this one has {0}")]
    TooLong(usize),
    /// With something that would end the field, or that has no byte of its own.
    #[error("{0:?} cannot stand in a text in brackets")]
    Character(char),
}

impl Text {
    /// Takes a text as it is.
    ///
    /// # Errors
    /// If it is too long, or has a character that cannot stand there.
    pub fn new(text: &str) -> Result<Self, TextError> {
        let chars = text.chars().count();
        if chars > TEXT_CHARS {
            return Err(TextError::TooLong(chars));
        }
        match text.chars().find(|c| !is_allowed(*c)) {
            Some(found) => Err(TextError::Character(found)),
            None => Ok(Self(text.into())),
        }
    }

    /// Whatever somebody wrote, made so that every receiver can read it: ASCII, `ä` as `ae`, other
    /// foreign characters as `?`, brackets as parentheses, line ends as spaces; cut after `most`
    /// characters.
    #[must_use]
    pub fn ascii(text: &str, most: usize) -> Self {
        let most = most.min(TEXT_CHARS);
        let mut made = String::with_capacity(most.min(text.len()));
        for c in text.trim().chars() {
            let mut one = [0; 4];
            let piece = match c {
                'ä' => "ae",
                'ö' => "oe",
                'ü' => "ue",
                'Ä' => "Ae",
                'Ö' => "Oe",
                'Ü' => "Ue",
                'ß' => "ss",
                'à' | 'á' | 'â' => "a",
                'è' | 'é' | 'ê' | 'ë' => "e",
                'ç' => "c",
                'ì' | 'í' | 'î' | 'ï' => "i",
                'ò' | 'ó' | 'ô' => "o",
                'ù' | 'ú' | 'û' => "u",
                '[' => "(",
                ']' => ")",
                // These part fields inside the data.
                '|' | '^' | '"' => "'",
                ' '..='~' => c.encode_utf8(&mut one),
                _ if c.is_whitespace() => " ",
                _ => "?",
            };
            if made.len() + piece.len() > most {
                break;
            }
            made.push_str(piece);
        }
        Self(made.into())
    }

    /// Reads the bytes of a message. A byte above 127 is the character of that number, as in
    /// Latin-1; some senders write Windows-1252, whose letters are the same.
    pub(crate) fn from_wire(bytes: &[u8]) -> Result<Self, TextError> {
        let text: String = bytes.iter().copied().map(char::from).collect();
        Self::new(&text)
    }

    /// The bytes of a message: one for each character.
    pub(crate) fn to_wire(&self) -> impl Iterator<Item = u8> + '_ {
        // `new` has refused characters that have no byte.
        self.0.chars().filter_map(|c| u8::try_from(c).ok())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_allowed(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{80}'..='\u{ff}') && c != '[' && c != ']'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_would_break_its_brackets_is_refused() {
        assert_eq!(Text::new("a[b"), Err(TextError::Character('[')));
        assert_eq!(Text::new("a]b"), Err(TextError::Character(']')));
        assert_eq!(Text::new("a\rb"), Err(TextError::Character('\r')));
        assert_eq!(Text::new("a\u{7f}"), Err(TextError::Character('\u{7f}')));
        assert_eq!(Text::new("日"), Err(TextError::Character('日')));
        assert!(Text::new(&"é".repeat(TEXT_CHARS)).is_ok());
        let long = "x".repeat(TEXT_CHARS + 1);
        assert_eq!(Text::new(&long), Err(TextError::TooLong(TEXT_CHARS + 1)));
    }

    #[test]
    fn whatever_somebody_wrote_becomes_readable() {
        let made = |text: &str| Text::ascii(text, 40).to_string();
        assert_eq!(made(" Müller, Süd [2]\n"), "Mueller, Sued (2)");
        assert_eq!(made("a|b^c\td 日本"), "a'b'c d ??");
        assert_eq!(Text::ascii("aaaä", 4).as_str(), "aaa");
    }

    proptest::proptest! {
        #[test]
        fn what_was_made_readable_can_always_stand_there(text: String, most in 0usize..2_000) {
            let made = Text::ascii(&text, most);
            proptest::prop_assert!(made.as_str().is_ascii());
            proptest::prop_assert!(made.as_str().len() <= most);
            proptest::prop_assert_eq!(Text::new(made.as_str()), Ok(made));
        }
    }
}
