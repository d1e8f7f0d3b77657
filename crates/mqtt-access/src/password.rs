//! Stored passwords: argon2id in the usual text form (PHC strings); or SHA-256, of those that were made
//! of random bytes.
//!
//! A slow hash makes guesses dear. What was made of [`RANDOM_BYTES`] random bytes cannot be guessed at
//! any price: who has stolen its hash would have to try half of 2^192 passwords. So it needs no slow
//! hash, and costs a microsecond. That only holds of passwords that no person has thought of, so such a
//! hash is made of the random bytes and of nothing else: see [`PasswordHash::of_random`].

use std::fmt;
use std::str::FromStr;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What a guess costs whoever makes it, and a check whoever has to make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// How often all of it is gone through.
    pub passes: u32,
    /// Lanes of it. They are computed one after the other here.
    pub lanes: u32,
}

impl Default for Cost {
    /// 19 MiB and two passes, as OWASP recommends: some tens of milliseconds of one core.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1_024,
            passes: 2,
            lanes: 1,
        }
    }
}

/// The dearest check that a stored hash may ask for: a file that is written by somebody else must not
/// make each connection cost seconds, or gigabytes.
const DEAREST: Cost = Cost {
    memory_kib: 256 * 1_024,
    passes: 10,
    lanes: 8,
};
/// The cheapest one: what is below is as good as no hash.
const CHEAPEST_MEMORY_KIB: u32 = 1_024;
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
const HASH_BYTES: std::ops::RangeInclusive<usize> = 16..=64;
/// Longest password, in bytes.
const PASSWORD_BYTES: usize = 1_024;
/// The random bytes of a password that is made here: 192 bits.
pub const RANDOM_BYTES: usize = 24;
/// How the stored form of such a password begins.
const RANDOM: &str = "$sha256-random$";

/// Why a text is no stored password, or a password cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Not the form.
    #[error(
        "this is no stored password; allowed is $argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$\
         <hash> or $sha256-random$<salt>$<hash>, as `spica mqtt password` prints it"
    )]
    Form,
    /// Its parameters are out of bounds.
    #[error(
        "the cost of this stored password is not allowed: allowed are {CHEAPEST_MEMORY_KIB} to {} \
         KiB of memory, up to {} passes and {} lanes",
        DEAREST.memory_kib, DEAREST.passes, DEAREST.lanes
    )]
    Cost,
    /// The salt or the hash is too short or too long.
    #[error("a salt has 8 to 64 bytes, a hash 16 to 64")]
    Length,
    /// The password is too long.
    #[error("a password has at most {PASSWORD_BYTES} bytes")]
    Password,
}

/// A stored password. Shown by neither `Debug` nor an error.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    /// None: the password was made of random bytes, and the hash is a plain one.
    cost: Option<Cost>,
    salt: Box<[u8]>,
    hash: Box<[u8]>,
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl Cost {
    fn check(self) -> Result<Self, PasswordError> {
        let is_fine = (CHEAPEST_MEMORY_KIB..=DEAREST.memory_kib).contains(&self.memory_kib)
            && (1..=DEAREST.passes).contains(&self.passes)
            && (1..=DEAREST.lanes).contains(&self.lanes);
        if is_fine {
            Ok(self)
        } else {
            Err(PasswordError::Cost)
        }
    }

    fn compute(self, password: &[u8], salt: &[u8], hash: &mut [u8]) -> Result<(), PasswordError> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(hash.len()))
            .map_err(|_| PasswordError::Cost)?;
        let mut memory = vec![Block::default(); params.block_count()];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(password, salt, hash, &mut memory)
            .map_err(|_| PasswordError::Cost)
    }
}

impl PasswordHash {
    /// Hashes a password. Takes as long as `cost` says, so not on a thread that others wait for. The
    /// salt is random, and its own for each password.
    ///
    /// # Errors
    /// If the cost is out of bounds, or the password or the salt too long.
    pub fn new(password: &[u8], salt: &[u8], cost: Cost) -> Result<Self, PasswordError> {
        cost.check()?;
        if password.len() > PASSWORD_BYTES {
            return Err(PasswordError::Password);
        }
        if !SALT_BYTES.contains(&salt.len()) {
            return Err(PasswordError::Length);
        }
        let mut hash = [0; 32];
        cost.compute(password, salt, &mut hash)?;
        Ok(Self {
            cost: Some(cost),
            salt: salt.into(),
            hash: hash.into(),
        })
    }

    /// A password made of random bytes, and what is stored of it. The salt is random, too.
    #[must_use]
    pub fn of_random(random: &[u8; RANDOM_BYTES], salt: &[u8; 16]) -> (String, Self) {
        let password = URL_SAFE_NO_PAD.encode(random);
        let stored = Self {
            cost: None,
            salt: salt.as_slice().into(),
            hash: plain(password.as_bytes(), salt).into(),
        };
        (password, stored)
    }

    /// Whether this is the password. Takes as long as the stored cost says (with the default some
    /// tens of milliseconds and 19 MiB), so not on a thread that others wait for, and not for many at
    /// once; without a cost, a microsecond.
    #[must_use]
    pub fn is(&self, password: &[u8]) -> bool {
        if password.len() > PASSWORD_BYTES {
            return false;
        }
        let Some(cost) = self.cost else {
            return plain(password, &self.salt)[..].ct_eq(&self.hash).into();
        };
        let mut hash = vec![0; self.hash.len()];
        let computed = cost.compute(password, &self.salt, &mut hash);
        computed.is_ok() && hash.ct_eq(&self.hash).into()
    }

    /// What a check costs; none if that is next to nothing, as the password was made of random bytes.
    #[must_use]
    pub const fn cost(&self) -> Option<Cost> {
        self.cost
    }

    /// The text that is stored.
    #[must_use]
    pub fn reveal(&self) -> String {
        let salt = STANDARD_NO_PAD.encode(&self.salt);
        let hash = STANDARD_NO_PAD.encode(&self.hash);
        match self.cost {
            None => format!("{RANDOM}{salt}${hash}"),
            Some(Cost {
                memory_kib,
                passes,
                lanes,
            }) => format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}"),
        }
    }
}

/// SHA-256 of the salt and a password.
fn plain(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(salt).chain_update(password);
    hash.finalize().into()
}

/// The bytes that a text stands for.
fn decode(text: &str, most: usize) -> Result<Vec<u8>, PasswordError> {
    if text.len() > most * 2 {
        return Err(PasswordError::Length);
    }
    let bytes = STANDARD_NO_PAD.decode(text);
    bytes.map_err(|_| PasswordError::Form)
}

/// The stored form of a password that was made of random bytes, after how it begins.
fn random(text: &str) -> Result<PasswordHash, PasswordError> {
    let (salt, hash) = text.split_once('$').ok_or(PasswordError::Form)?;
    let (salt, hash) = (decode(salt, 16)?, decode(hash, 32)?);
    if salt.len() != 16 || hash.len() != 32 {
        return Err(PasswordError::Length);
    }
    Ok(PasswordHash {
        cost: None,
        salt: salt.into(),
        hash: hash.into(),
    })
}

/// A whole number in its one spelling.
fn number(text: &str, name: &str) -> Option<u32> {
    let digits = text.strip_prefix(name)?;
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| is_plain)
}

impl FromStr for PasswordHash {
    type Err = PasswordError;

    fn from_str(text: &str) -> Result<Self, PasswordError> {
        if let Some(text) = text.strip_prefix(RANDOM) {
            return random(text);
        }
        let mut parts = text.split('$');
        let mut next = || parts.next().ok_or(PasswordError::Form);
        if (next()?, next()?, next()?) != ("", "argon2id", "v=19") {
            return Err(PasswordError::Form);
        }
        let (params, salt, hash) = (next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(PasswordError::Form);
        }
        let mut params = params.split(',');
        let mut next = |name| params.next().and_then(|it| number(it, name));
        let (Some(memory_kib), Some(passes), Some(lanes)) = (next("m="), next("t="), next("p="))
        else {
            return Err(PasswordError::Form);
        };
        if params.next().is_some() {
            return Err(PasswordError::Form);
        }
        let cost = Cost {
            memory_kib,
            passes,
            lanes,
        };
        let salt = decode(salt, *SALT_BYTES.end())?;
        let hash = decode(hash, *HASH_BYTES.end())?;
        if !SALT_BYTES.contains(&salt.len()) || !HASH_BYTES.contains(&hash.len()) {
            return Err(PasswordError::Length);
        }
        Ok(Self {
            cost: Some(cost.check()?),
            salt: salt.into(),
            hash: hash.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost {
        memory_kib: CHEAPEST_MEMORY_KIB,
        passes: 1,
        lanes: 1,
    };

    #[test]
    fn a_password_is_found_again_and_no_other_is() {
        let stored = PasswordHash::new(b"pencil", b"a salt of its own", CHEAP).unwrap();
        let text = stored.reveal();
        assert!(text.starts_with("$argon2id$v=19$m=1024,t=1,p=1$"), "{text}");
        let read: PasswordHash = text.parse().unwrap();
        assert_eq!(read, stored);
        assert!(read.is(b"pencil"));
        for wrong in [b"pencil ".as_slice(), b"", b"Pencil", &[b'x'; 2_000]] {
            assert!(!read.is(wrong));
        }
        assert_eq!(format!("{read:?}"), "PasswordHash(…)");
        let other = PasswordHash::new(b"pencil", b"another salt", CHEAP).unwrap();
        assert_ne!(other.reveal(), text);
    }

    /// `echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1`, from the reference's own tests.
    #[test]
    fn the_hash_is_that_of_the_reference_implementation() {
        let text = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                    CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let stored: PasswordHash = text.parse().unwrap();
        let cost = Cost {
            memory_kib: 65_536,
            passes: 2,
            lanes: 1,
        };
        assert_eq!(stored.cost(), Some(cost));
        assert!(stored.is(b"password"));
    }

    #[test]
    fn a_password_of_random_bytes_needs_no_slow_hash() {
        let (password, stored) = PasswordHash::of_random(&[7; RANDOM_BYTES], &[1; 16]);
        assert_eq!(password, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH");
        assert_eq!(stored.cost(), None);
        let read: PasswordHash = stored.reveal().parse().unwrap();
        assert_eq!(read, stored);
        assert!(read.is(password.as_bytes()));
        for wrong in [&password[1..], "", &password.to_lowercase()] {
            assert!(!read.is(wrong.as_bytes()), "{wrong}");
        }
        let (_, salted) = PasswordHash::of_random(&[7; RANDOM_BYTES], &[2; 16]);
        assert_ne!(salted.reveal(), stored.reveal());
        assert!(!stored.reveal().contains(&password));
        let (salt, hash) = ("AQEBAQEBAQEBAQEBAQEBAQ", "A".repeat(43));
        for (text, want) in [
            (format!("$sha256-random${salt}"), PasswordError::Form),
            (format!("$sha256-random${salt}$!"), PasswordError::Form),
            (format!("$sha256-random${salt}$AAAA"), PasswordError::Length),
            (format!("$sha256-random$AAAA${hash}"), PasswordError::Length),
            (
                format!("$sha256-random${salt}${hash}$"),
                PasswordError::Form,
            ),
            (format!("$sha256${salt}${hash}"), PasswordError::Form),
        ] {
            assert_eq!(text.parse::<PasswordHash>(), Err(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_stored_password_or_too_dear_is_refused() {
        let (salt, hash) = ("c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");
        let with = |params: &str| format!("$argon2id$v=19${params}${salt}${hash}");
        for (text, want) in [
            ("", PasswordError::Form),
            ("pencil", PasswordError::Form),
            (
                "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFh",
                PasswordError::Form,
            ),
            (&with("m=65536,t=2"), PasswordError::Form),
            (&with("m=65536,t=2,p=1,x=1"), PasswordError::Form),
            (&with("m=065536,t=2,p=1"), PasswordError::Form),
            (&with("m=99999999999,t=2,p=1"), PasswordError::Form),
            (&with("m=4000000,t=2,p=1"), PasswordError::Cost),
            (&with("m=8,t=2,p=1"), PasswordError::Cost),
            (&with("m=65536,t=1000,p=1"), PasswordError::Cost),
            (&with("m=65536,t=2,p=100"), PasswordError::Cost),
            (
                &format!("{}$x", with("m=65536,t=2,p=1")),
                PasswordError::Form,
            ),
            (
                &format!("$argon2id$v=19$m=65536,t=2,p=1$AAAA${hash}"),
                PasswordError::Length,
            ),
            (
                &format!("$argon2id$v=19$m=65536,t=2,p=1${salt}$AAAA"),
                PasswordError::Length,
            ),
            (
                &format!(
                    "$argon2id$v=19$m=65536,t=2,p=1${}${hash}",
                    "A".repeat(1_000)
                ),
                PasswordError::Length,
            ),
        ] {
            assert_eq!(text.parse::<PasswordHash>(), Err(want), "{text}");
        }
        let new = |password: &[u8], salt: &[u8], cost| PasswordHash::new(password, salt, cost);
        assert_eq!(
            new(&[0; 1_025], &[0; 16], CHEAP),
            Err(PasswordError::Password)
        );
        assert_eq!(new(b"x", &[0; 7], CHEAP), Err(PasswordError::Length));
        let dear = Cost {
            passes: 11,
            ..CHEAP
        };
        assert_eq!(new(b"x", &[0; 16], dear), Err(PasswordError::Cost));
    }
}
