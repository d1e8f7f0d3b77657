//! Texts that nobody may see.

use std::fmt;
use std::str::FromStr;

use crate::text::text_type;

/// Longest secret, in bytes.
const BYTES: usize = 4_096;

const ALLOWED: &str = "A secret: 1 to 4096 bytes of text. It is never printed or logged.";

/// A password, token or key. Neither [`Debug`](fmt::Debug) nor [`Display`](fmt::Display) nor an
/// error of this type shows it; only [`expose`](Self::expose) and serialisation do, and its schema
/// is marked `writeOnly` so that whoever shows a configuration to people knows what to hide.
///
/// It can be compared, to notice that a configuration has changed. That comparison takes longer the
/// more is right, so it is not one to check a password with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A text that can be no [`Secret`]; it does not say which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret has 1 to {BYTES} bytes; this one has {bytes}")]
pub struct ParseSecretError {
    /// How many bytes it has.
    pub bytes: usize,
}

impl Secret {
    /// The text itself. Do not let it into a log, a message or a panic.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Secret {
    /// The same for every secret: not even its length shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

impl FromStr for Secret {
    type Err = ParseSecretError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > BYTES {
            return Err(ParseSecretError { bytes: text.len() });
        }
        Ok(Self(text.to_owned()))
    }
}

text_type!(Secret, |secret| secret.0.clone(), ALLOWED, {
    "type": "string",
    "format": "password",
    "writeOnly": true,
    "minLength": 1,
    "maxLength": BYTES,
    "pattern": "^[\\s\\S]+$",
});

struct Visitor;

/// What stands in the place of a secret but is none: serde's own errors would quote it.
macro_rules! refuse_unseen {
    ($($visit:ident($type:ty)),+) => {
        $(fn $visit<E: serde::de::Error>(self, _: $type) -> Result<Secret, E> {
            Err(E::custom("a secret is a text in quotes"))
        })+
    };
}

impl serde::de::Visitor<'_> for Visitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret, as a text in quotes")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
        text.parse().map_err(E::custom)
    }

    refuse_unseen!(
        visit_bool(bool),
        visit_i64(i64),
        visit_u64(u64),
        visit_f64(f64)
    );
    refuse_unseen!(visit_i128(i128), visit_u128(u128), visit_bytes(&[u8]));
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "correct horse";

    #[test]
    fn a_secret_shows_nowhere() {
        let secret: Secret = TEXT.parse().unwrap();
        assert_eq!(secret.expose(), TEXT);
        for shown in [
            format!("{secret}"),
            format!("{secret:?}"),
            format!("{secret:#?}"),
        ] {
            assert_eq!(shown, "<redacted>");
        }
    }

    #[test]
    fn secrets_are_bounded_and_their_errors_silent() {
        assert_eq!("".parse::<Secret>(), Err(ParseSecretError { bytes: 0 }));
        assert!("x".repeat(BYTES).parse::<Secret>().is_ok());
        let error = "x".repeat(BYTES + 1).parse::<Secret>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "a secret has 1 to 4096 bytes; this one has 4097"
        );
    }

    #[test]
    fn a_secret_of_the_wrong_type_is_not_quoted() {
        for json in ["8613275", "-8613275", "8613275.5", "true"] {
            let error = serde_json::from_str::<Secret>(json)
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("a secret is a text in quotes"), "{error}");
            assert!(!error.contains(json), "{error}");
        }
    }
}
