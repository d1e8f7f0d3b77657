//! Access tokens: their secret, what is kept of it, and what a role may do.
//!
//! A token is `spica_` and 32 random bytes in base64url. What is kept is their SHA-256, never the
//! token. The first eight bytes of the hash are the token's id, so that finding a token is one
//! look-up and says nothing to who measures it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

/// How every token begins.
pub(crate) const PREFIX: &str = "spica_";

/// What the holder of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Publish below its own device's `data` topic, nothing else.
    Device,
    /// Read everything but tokens.
    Reader,
    /// Read, publish, devices, commands.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Reader => "reader",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Whether this role may do what `needed` may do. A device may do nothing of what people may.
    #[must_use]
    pub const fn includes(self, needed: Self) -> bool {
        match (self, needed) {
            (Self::Device, _) | (_, Self::Device) => matches!(self, Self::Admin),
            _ => self as u8 >= needed as u8,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A token, as it is shown once. Not printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

/// A text that is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is {PREFIX} and 43 characters of base64url")]
pub struct ParseSecretError;

impl Secret {
    /// A new token.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash(Sha256::digest(self.0).into())
    }

    /// The token as its holder sends it. Nothing else prints it.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for Secret {
    type Err = ParseSecretError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let encoded = text.strip_prefix(PREFIX).ok_or(ParseSecretError)?;
        let bytes = URL_SAFE_NO_PAD
            .decode(encoded)
            .map_err(|_| ParseSecretError)?;
        bytes.try_into().map(Self).map_err(|_| ParseSecretError)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The SHA-256 of a token's bytes.
#[derive(Clone, Copy)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The token's id: 16 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&self.0[..8])
    }

    /// All of it, as 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// Whether `digits` are this hash; takes the same time whatever they are.
    #[must_use]
    pub fn is(&self, digits: &str) -> bool {
        self.hex().as_bytes().ct_eq(digits.as_bytes()).into()
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Whether `id` looks like a token's id.
#[must_use]
pub fn is_id(id: &str) -> bool {
    id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// What is kept of a token: the payload of its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredToken {
    /// A name for people.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// [`Hash::hex`].
    pub sha256: String,
    /// When it was made (RFC 3339).
    pub created: String,
    /// For [`Role::Device`]: whose device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_hides_itself() {
        let secret = Secret::generate().unwrap();
        assert_eq!(secret.reveal().len(), PREFIX.len() + 43);
        assert_eq!(secret.reveal().parse(), Ok(secret.clone()));
        assert_ne!(Secret::generate().unwrap(), secret);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        for bad in [
            "",
            "spica_",
            "spica_AAAA",
            &secret.reveal()[1..],
            &format!("{}=", secret.reveal()),
        ] {
            assert_eq!(bad.parse::<Secret>(), Err(ParseSecretError), "{bad}");
        }
    }

    #[test]
    fn the_hash_is_that_of_the_random_bytes() {
        // `printf '%032d' 0 | tr 0 '\0' | sha256sum`
        let hash = Secret([0; 32]).hash();
        assert_eq!(
            hash.hex(),
            "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
        );
        assert_eq!(hash.id(), "66687aadf862bd77");
        assert!(is_id(&hash.id()) && !is_id("66687AADF862BD77") && !is_id(""));
        assert!(hash.is(&hash.hex()));
        assert!(!hash.is(&hash.hex()[1..]) && !hash.is(&Secret([1; 32]).hash().hex()));
    }

    #[test]
    fn roles_include_each_other_but_for_devices() {
        use Role::{Admin, Device, Operator, Reader};
        for (has, needed, may) in [
            (Reader, Reader, true),
            (Reader, Operator, false),
            (Operator, Reader, true),
            (Operator, Admin, false),
            (Admin, Operator, true),
            (Admin, Device, true),
            (Operator, Device, false),
            (Device, Reader, false),
            (Device, Device, false),
        ] {
            assert_eq!(has.includes(needed), may, "{has} {needed}");
        }
    }
}
