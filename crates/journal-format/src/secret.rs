//! The random value of a journal, and what is derived from it.

use std::fmt;

use siphasher::sip::SipHasher24;
use siphasher::sip128::SipHasher13;
use spica_model::{Lane, Seq};

/// Random bytes that a journal draws when it is created. They seed what must not be guessed: the
/// salts of segments, the masks of record checksums and the hashes of idempotency keys.
///
/// Whoever writes a payload could otherwise hide bytes in it that look like records of this journal,
/// or choose keys that collide.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; 16]);

/// The 128-bit keyed hash of an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(pub u64, pub u64);

/// What the bytes of one segment are checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentKeys {
    /// Begins every batch of the segment: tells them from the bytes of a former life of a recycled
    /// file, and from anything in a payload.
    pub salt: u64,
    /// See [`Secret::lane_key`].
    pub lane_key: u64,
}

impl Secret {
    /// The value that is mixed with a record's place to mask its checksum.
    #[must_use]
    pub fn lane_key(&self, lane: Lane) -> u64 {
        self.derive(b"mask", lane, 0)
    }

    /// What the bytes of segment `number` of `lane` are checked against.
    #[must_use]
    pub fn segment_keys(&self, lane: Lane, number: u64) -> SegmentKeys {
        SegmentKeys {
            salt: self.derive(b"salt", lane, number),
            lane_key: self.lane_key(lane),
        }
    }

    /// The hash under which an idempotency key is remembered.
    #[must_use]
    pub fn hash_key(&self, key: &[u8]) -> KeyHash {
        let (low, high) = SipHasher13::new_with_key(&self.0).hash(key).as_u64();
        KeyHash(low, high)
    }

    fn derive(&self, what: &[u8; 4], lane: Lane, number: u64) -> u64 {
        let mut input = [0; 13];
        input[..4].copy_from_slice(what);
        input[4] = lane.index() as u8;
        input[5..].copy_from_slice(&number.to_le_bytes());
        SipHasher24::new_with_key(&self.0).hash(&input)
    }
}

impl fmt::Debug for Secret {
    /// Says nothing of the value: reports and logs are read by many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Spreads 64 bits over 64 bits (the finaliser of SplitMix64).
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// What a record's checksum is combined with, so that it holds in one place of one lane only.
pub(crate) const fn record_mask(lane_key: u64, seq: Seq) -> u32 {
    mix(lane_key.wrapping_add(seq.0)) as u32
}

/// What a batch header's checksum starts from, so that it holds at one offset only.
pub(crate) const fn offset_seed(offset: u64) -> u32 {
    mix(offset) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_derived_differs_by_lane_number_and_journal() {
        let (one, two) = (Secret([1; 16]), Secret([2; 16]));
        let keys = one.segment_keys(Lane::Normal, 7);
        assert_eq!(keys, one.segment_keys(Lane::Normal, 7));
        for other in [
            one.segment_keys(Lane::Normal, 8),
            one.segment_keys(Lane::Critical, 7),
            two.segment_keys(Lane::Normal, 7),
        ] {
            assert_ne!(keys.salt, other.salt);
        }
        assert_ne!(one.lane_key(Lane::Normal), one.lane_key(Lane::Critical));
        assert_ne!(one.hash_key(b"k"), two.hash_key(b"k"));
        assert_eq!(format!("{one:?}"), "Secret(…)");
    }
}
