//! The fields of a message's head: account, receiver and line numbers, sequence, token.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fewest and most digits of an account number.
const ACCOUNT_DIGITS: (usize, usize) = (3, 16);
/// Fewest and most digits of a receiver's or a line's number.
const NUMBER_DIGITS: (usize, usize) = (1, 6);
/// The longest token that is read.
const TOKEN_BYTES: usize = 16;

/// A text that is no number of hexadecimal digits of the right length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} has {min} to {max} hexadecimal digits (0-9, A-F); {text:?} does not")]
pub struct ParseDigitsError {
    what: &'static str,
    min: usize,
    max: usize,
    text: String,
}

/// Implements what texts of a configuration need, for a type with `FromStr` and `Display`.
macro_rules! serde_as_text {
    ($type:ident, $error:ident) => {
        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    };
}
pub(crate) use serde_as_text;

macro_rules! digits {
    ($(#[$doc:meta])* $type:ident, $what:literal, $limits:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $type(Box<str>);

        impl $type {
            /// The digits, in upper case.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = ParseDigitsError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let (min, max) = $limits;
                let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
                if is_hex && (min..=max).contains(&text.len()) {
                    return Ok(Self(text.to_ascii_uppercase().into()));
                }
                let text = text.chars().take(2 * max).collect();
                Err(ParseDigitsError { what: $what, min, max, text })
            }
        }

        serde_as_text!($type, ParseDigitsError);
    };
}

digits! {
    /// The account number under which a monitoring station knows a customer: 3 to 16 hexadecimal
    /// digits.
    Account, "an account number", ACCOUNT_DIGITS
}

digits! {
    /// The number of a receiver (`R`) or of a line (`L`, also called the account's prefix): 1 to 6
    /// hexadecimal digits.
    Number, "a receiver's or line's number", NUMBER_DIGITS
}

/// The number of a message, 0 to 9999. A sender counts from 1 to 9999 and begins again with 1; it
/// keeps the number when it repeats a message, and the answer says it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(u16);

impl Sequence {
    /// What a refusal carries that belongs to no message in particular.
    pub const ZERO: Self = Self(0);
    /// The last number before it begins again.
    pub const LAST: Self = Self(9_999);

    /// A number of at most 9999.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number <= Self::LAST.0 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The number of the next message: 1 after 9999, and never 0.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.0 >= Self::LAST.0 {
            Self(1)
        } else {
            Self(self.0 + 1)
        }
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// What kind of message it is. The `*` of encrypted ones is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Token {
    /// `SIA-DCS`: an event in codes of DC-03.
    SiaDcs,
    /// `ADM-CID`: an event in Contact ID, DC-05.
    AdmCid,
    /// `NULL`: nothing but that the line works.
    Null,
    /// `ACK`: the message was taken.
    Ack,
    /// `NAK`: the message's time was wrong, or the account is not known.
    Nak,
    /// `DUH`: the message was read, and nobody here can do anything with it.
    Duh,
    /// A kind that is not spoken here, of 1 to 16 of `A-Z`, `0-9` and `-`. Only
    /// [`Token::from_wire`] makes it.
    Other(Box<str>),
}

impl Token {
    /// The token as it stands in a message, without `*`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::SiaDcs => "SIA-DCS",
            Self::AdmCid => "ADM-CID",
            Self::Null => "NULL",
            Self::Ack => "ACK",
            Self::Nak => "NAK",
            Self::Duh => "DUH",
            Self::Other(text) => text,
        }
    }

    /// Reads a token, without `*`. None if it can be none.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        let is_token =
            |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'-';
        if bytes.is_empty() || bytes.len() > TOKEN_BYTES || !bytes.iter().all(is_token) {
            return None;
        }
        let known = [
            Self::SiaDcs,
            Self::AdmCid,
            Self::Null,
            Self::Ack,
            Self::Nak,
            Self::Duh,
        ];
        let found = known
            .into_iter()
            .find(|token| token.as_str().as_bytes() == bytes);
        found.or_else(|| Some(Self::Other(std::str::from_utf8(bytes).ok()?.into())))
    }

    /// Whether a receiver says it, and not a sender.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        matches!(self, Self::Ack | Self::Nak | Self::Duh)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_bounded_and_their_errors_say_what_is_allowed() {
        let account: Account = "12ab".parse().unwrap();
        assert_eq!(account.as_str(), "12AB");
        for text in ["12", "12G", "", "12345678901234567", "#123", "1 23"] {
            let error = text.parse::<Account>().unwrap_err().to_string();
            assert!(error.contains("3 to 16 hexadecimal digits"), "{error}");
        }
        assert!("1234567890123456".parse::<Account>().is_ok());
        assert!("0".parse::<Number>().is_ok());
        assert!("ABCDEF".parse::<Number>().is_ok());
        assert!("".parse::<Number>().is_err());
        assert!("ABCDEF0".parse::<Number>().is_err());
    }

    #[test]
    fn a_refused_text_is_quoted_no_longer_than_it_must() {
        let error = "x".repeat(10_000).parse::<Account>().unwrap_err();
        assert!(error.to_string().len() < 120, "{error}");
    }

    #[test]
    fn sequences_begin_again_with_one() {
        assert_eq!(Sequence::ZERO.next(), Sequence(1));
        assert_eq!(Sequence(1).next(), Sequence(2));
        assert_eq!(Sequence::LAST.next(), Sequence(1));
        assert_eq!(Sequence::new(9_999), Some(Sequence::LAST));
        assert_eq!(Sequence::new(10_000), None);
        assert_eq!(Sequence(7).to_string(), "0007");
    }

    #[test]
    fn tokens_read_as_they_are_written() {
        for text in ["SIA-DCS", "ADM-CID", "NULL", "ACK", "NAK", "DUH", "SCN-S8"] {
            let token = Token::from_wire(text.as_bytes()).unwrap();
            assert_eq!(token.to_string(), text);
            let is_other = matches!(token, Token::Other(_));
            assert_eq!(is_other, text == "SCN-S8");
        }
        for text in ["", "ack", "A\"", "AAAAAAAAAAAAAAAAA", "*ACK"] {
            assert_eq!(Token::from_wire(text.as_bytes()), None, "{text}");
        }
    }
}
