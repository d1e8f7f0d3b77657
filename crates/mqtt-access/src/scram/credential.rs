//! What a server keeps of a password.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::message::{HASH_BYTES, decode, encode};

/// How often a password is hashed unless something else is asked for: four times what RFC 7677 asks
/// for at least, some milliseconds for a client.
pub const DEFAULT_ITERATIONS: u32 = 16_384;
/// What RFC 7677 asks for at least.
const LEAST: u32 = 4_096;
/// More would only tire small clients.
const MOST: u32 = 1_000_000;
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;

type Hash = [u8; HASH_BYTES];

/// What a server keeps of a password: enough to check a proof, not enough to make one. Shown by neither
/// `Debug` nor an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    pub(super) iterations: u32,
    pub(super) salt: Box<[u8]>,
    pub(super) stored_key: Hash,
    pub(super) server_key: Hash,
}

/// Why a text is no credential, or none can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not the form.
    #[error(
        "this is no SCRAM credential; allowed is \
         SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>, as `spica mqtt password` \
         prints it"
    )]
    Form,
    /// Too few or too many iterations.
    #[error("a SCRAM credential has {LEAST} to {MOST} iterations")]
    Iterations,
    /// Too short or too long a salt.
    #[error("the salt of a SCRAM credential has 8 to 64 bytes")]
    Salt,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
pub(super) fn hmac(key: &[u8], text: &[u8]) -> Hash {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

pub(super) fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

pub(super) fn xor(one: &Hash, other: &Hash) -> Hash {
    std::array::from_fn(|at| one[at] ^ other[at])
}

/// `Hi` of RFC 5802, which is PBKDF2 with one block.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
pub(super) fn salted(password: &[u8], salt: &[u8], iterations: u32) -> Hash {
    let keyed = Hmac::<Sha256>::new_from_slice(password).expect("any length");
    let of = |text: &[&[u8]]| -> Hash {
        let mut mac = keyed.clone();
        text.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    };
    let mut last = of(&[salt, &1_u32.to_be_bytes()]);
    let mut all = last;
    for _ in 1..iterations {
        last = of(&[&last]);
        all = xor(&all, &last);
    }
    all
}

pub(super) fn check(iterations: u32, salt: &[u8]) -> Result<(), CredentialError> {
    if !(LEAST..=MOST).contains(&iterations) {
        return Err(CredentialError::Iterations);
    }
    if !SALT_BYTES.contains(&salt.len()) {
        return Err(CredentialError::Salt);
    }
    Ok(())
}

impl Credential {
    /// What is kept of a password. Takes as long as `iterations` say: some milliseconds with
    /// [`DEFAULT_ITERATIONS`]. The salt is random, and its own for each password.
    ///
    /// # Errors
    /// If there are too few or too many iterations, or the salt is too short or too long.
    pub fn new(password: &str, salt: &[u8], iterations: u32) -> Result<Self, CredentialError> {
        check(iterations, salt)?;
        let salted = salted(password.as_bytes(), salt, iterations);
        Ok(Self {
            iterations,
            salt: salt.into(),
            stored_key: hash(&hmac(&salted, b"Client Key")),
            server_key: hmac(&salted, b"Server Key"),
        })
    }

    /// What an unknown user is asked with: always the same for a name, so that nobody learns which
    /// names there are, and no password fits. `secret` is one of the server's own, and stays.
    #[must_use]
    pub fn decoy(user: &str, secret: &[u8; 32]) -> Self {
        let derive = |what: &str| hmac(secret, format!("{what}:{user}").as_bytes());
        Self {
            iterations: DEFAULT_ITERATIONS,
            salt: derive("salt")[..16].into(),
            stored_key: derive("stored"),
            server_key: derive("server"),
        }
    }

    /// The text that is stored, in the form that PostgreSQL uses.
    #[must_use]
    pub fn reveal(&self) -> String {
        let Self {
            iterations,
            salt,
            stored_key,
            server_key,
        } = self;
        let (salt, stored, server) = (encode(salt), encode(stored_key), encode(server_key));
        format!("SCRAM-SHA-256${iterations}:{salt}${stored}:{server}")
    }
}

impl FromStr for Credential {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        let parts = || {
            let rest = text.strip_prefix("SCRAM-SHA-256$")?;
            let (first, keys) = rest.split_once('$')?;
            let (iterations, salt) = first.split_once(':')?;
            let (stored, server) = keys.split_once(':')?;
            let key = |text| Hash::try_from(decode(text).ok()?).ok();
            let is_plain = iterations.bytes().all(|b| b.is_ascii_digit());
            Some(Self {
                iterations: iterations.parse().ok().filter(|_| is_plain)?,
                salt: decode(salt).ok()?.into(),
                stored_key: key(stored)?,
                server_key: key(server)?,
            })
        };
        if text.len() > 1_000 {
            return Err(CredentialError::Form);
        }
        let read = parts().ok_or(CredentialError::Form)?;
        check(read.iterations, &read.salt)?;
        Ok(read)
    }
}
