//! Where a picture is stored: by the hash of its content.

use std::fmt;
use std::str::FromStr;

/// Below which path all pictures are.
const ROOT: &str = "pictures/";
/// Below which path the thumbnails of pictures are.
const THUMBNAILS: &str = "thumbnails/";
/// Hexadecimal digits of a SHA-256.
const HASH_DIGITS: usize = 64;

/// Address of a stored picture: `pictures/<first two digits>/<SHA-256 in hexadecimal>`. It names a
/// content, never a place outside of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(String);

/// A text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a picture's address looks like pictures/9f/9f86d081… with 64 lower-case hexadecimal digits"
)]
pub struct ParseAddressError;

impl Address {
    /// The address of a content by its SHA-256.
    pub(crate) fn of(sha256: &[u8; 32]) -> Self {
        let hash: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{ROOT}{}/{hash}", &hash[..2]))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the thumbnail of this picture is: `thumbnails/<first two digits>/<the picture's
    /// SHA-256>`. It is no address, since it does not name the thumbnail's content.
    pub(crate) fn thumbnail(&self) -> String {
        format!("{THUMBNAILS}{}", &self.0[ROOT.len()..])
    }

    /// The SHA-256 of the content, 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.0[self.0.len() - HASH_DIGITS..]
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (shard, hash) = text
            .strip_prefix(ROOT)
            .and_then(|below| below.split_once('/'))
            .ok_or(ParseAddressError)?;
        let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let sound = hash.len() == HASH_DIGITS && hash.bytes().all(digit);
        if !sound || &hash[..2] != shard {
            return Err(ParseAddressError);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_and_lead_nowhere_else() {
        let address = Address::of(&[0xab; 32]);
        assert_eq!(address.as_str(), format!("pictures/ab/{}", "ab".repeat(32)));
        assert_eq!(address.sha256(), "ab".repeat(32));
        assert_eq!(
            address.thumbnail(),
            format!("thumbnails/ab/{}", "ab".repeat(32))
        );
        assert_eq!(address.to_string().parse(), Ok(address));
        let hash = "ab".repeat(32);
        for bad in [
            String::new(),
            hash.clone(),
            format!("pictures/cd/{hash}"),
            format!("pictures/ab/{}", hash.to_uppercase()),
            format!("pictures/ab/{}", &hash[1..]),
            format!("pictures/ab/../ab/{hash}"),
            format!("/pictures/ab/{hash}"),
            format!("pictures/ab/{}é", &hash[2..]),
        ] {
            assert_eq!(bad.parse::<Address>(), Err(ParseAddressError), "{bad}");
        }
    }
}
