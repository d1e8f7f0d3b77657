//! The names of sessions: secrets, where a session is reached by its name.

use std::fmt;
use std::str::FromStr;

use crate::problem::{Problem, ProblemKind};

/// 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 16]);

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub(crate) fn new() -> Result<Self, Problem> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| {
            Problem::new(ProblemKind::Internal, format!("no random bytes: {error}"))
        })?;
        Ok(Self(bytes))
    }

    /// A part of it that is no secret any more when it is used.
    pub(crate) const fn byte(&self) -> u8 {
        self.0[0]
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl FromStr for Key {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).map_err(drop)?;
        digits.then_some(Self(number.to_be_bytes())).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_shown_in_no_log() {
        let key = Key::new().unwrap();
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert_ne!(key, Key::new().unwrap());
        for other in ["", "0", &"g".repeat(32), "+0000000000000000000000000000001"] {
            assert_eq!(Key::from_str(other), Err(()), "{other}");
        }
    }
}
