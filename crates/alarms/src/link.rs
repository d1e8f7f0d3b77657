//! Links that let whoever got a message acknowledge its case, without an account.
//!
//! A link names the case, who got it and until when it holds, and is signed: who can read the message
//! can acknowledge, nobody else, and the audit trail says in whose name. It is no more secret than the
//! message that carries it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use spica_cases::CaseId;
use spica_model::Timestamp;

/// Bytes of the key that signs.
pub const KEY_BYTES: usize = 32;
/// Bytes of the signature: half of what the hash has, which is more than anyone can try.
const MAC_BYTES: usize = 16;
/// Longest link that is looked at, in characters.
const LINK_CHARS: usize = 1_024;
/// What the signature begins with, so that it can stand for nothing else.
const PURPOSE: &[u8] = b"spica acknowledge 1\0";

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The case.
    pub case: CaseId,
    /// Who got the message.
    pub person: String,
    /// Until when the link holds.
    pub until: Timestamp,
}

/// Why a link is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It was not made by this node, or was changed.
    #[error(
        "this link is not one of ours, or was cut off on its way: open it from the message itself"
    )]
    Forged,
    /// Its time is over.
    #[error(
        "this link held until {0}: acknowledge the case on the console, or by the newest message"
    )]
    Expired(Timestamp),
}

/// Signs links, and reads them back.
#[derive(Clone)]
pub struct Links {
    key: [u8; KEY_BYTES],
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links")
    }
}

impl Links {
    /// Links that are signed with `key`.
    #[must_use]
    pub const fn new(key: [u8; KEY_BYTES]) -> Self {
        Self { key }
    }

    /// The part of a link that says all.
    #[must_use]
    pub fn sign(&self, claim: &Claim) -> String {
        let Claim {
            case,
            person,
            until,
        } = claim;
        let text = format!("{case}|{}|{person}", until.as_micros() / 1_000_000);
        let mut bytes = self.mac(text.as_bytes()).to_vec();
        bytes.extend_from_slice(text.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What `token` says, if this key has signed it and it still holds at `now`.
    ///
    /// # Errors
    /// If it was not signed with this key, or its time is over.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<Claim, LinkError> {
        let claim = self.open(token).ok_or(LinkError::Forged)?;
        if claim.until < now {
            return Err(LinkError::Expired(claim.until));
        }
        Ok(claim)
    }

    fn open(&self, token: &str) -> Option<Claim> {
        if token.len() > LINK_CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (mac, text) = bytes.split_at_checked(MAC_BYTES)?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(mac, &self.mac(text)[..])) {
            return None;
        }
        let mut parts = std::str::from_utf8(text).ok()?.splitn(3, '|');
        let case = parts.next()?.parse().ok()?;
        let until: i64 = parts.next()?.parse().ok()?;
        Some(Claim {
            case,
            person: parts.next()?.to_owned(),
            until: Timestamp::from_micros(until.checked_mul(1_000_000)?),
        })
    }

    fn mac(&self, text: &[u8]) -> [u8; MAC_BYTES] {
        // HMAC takes keys of any length: it cannot fail.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return [0; MAC_BYTES];
        };
        let full = mac.chain_update(PURPOSE).chain_update(text).finalize();
        let mut short = [0; MAC_BYTES];
        short.copy_from_slice(&full.into_bytes()[..MAC_BYTES]);
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn claim() -> Claim {
        Claim {
            case: CaseId {
                epoch: 3,
                number: 17,
            },
            person: "alice | the first".into(),
            until: Timestamp::from_secs(2_000),
        }
    }

    #[test]
    fn a_link_reads_back_until_its_time_is_over() {
        let links = Links::new([7; KEY_BYTES]);
        let token = links.sign(&claim());
        assert_eq!(links.read(&token, NOW), Ok(claim()));
        let late = links.read(&token, Timestamp::from_secs(2_001));
        assert_eq!(late, Err(LinkError::Expired(Timestamp::from_secs(2_000))));
    }

    #[test]
    fn no_changed_link_is_followed() {
        let links = Links::new([7; KEY_BYTES]);
        let token = links.sign(&claim());
        assert_eq!(
            Links::new([8; KEY_BYTES]).read(&token, NOW),
            Err(LinkError::Forged)
        );
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_ne!(links.read(&changed, NOW), Ok(claim()), "{at}");
            assert!(links.read(&token[..at], NOW).is_err(), "{at}");
        }
        assert!(links.read(&"A".repeat(2_000), NOW).is_err());
    }
}
