//! The idempotency key of a QoS 2 message.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};
use spica_model::Lane;
use spica_mqtt_proto::PacketId;

use crate::Uid;

/// The key of a QoS 2 message: its session, lane, number in the lane, packet id, and a hash of topic
/// and payload.
///
/// A message that was stored shortly before a crash, but not the note of its id, comes again: it is
/// given the same number then, and so is the same fact. The hash is no protection (a client can
/// only harm itself): it tells apart what a client that has lost its memory sends with the same id.
#[must_use]
pub fn publish_key(
    uid: Uid,
    lane: Lane,
    n: u64,
    id: PacketId,
    topic: &str,
    payload: &[u8],
) -> [u8; 44] {
    let mut hasher = SipHasher13::new();
    hasher.write(topic.as_bytes());
    // Not part of any UTF-8 text, so the end of the topic.
    hasher.write_u8(0xFF);
    hasher.write(payload);
    let hash = hasher.finish128();
    let mut key = [0; 44];
    key[..1].copy_from_slice(b"m");
    key[1] = u8::from(lane == Lane::Normal);
    key[2..18].copy_from_slice(&uid.0);
    key[18..26].copy_from_slice(&n.to_be_bytes());
    key[26..28].copy_from_slice(&id.get().to_be_bytes());
    key[28..36].copy_from_slice(&hash.h1.to_be_bytes());
    key[36..].copy_from_slice(&hash.h2.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_key_counts() {
        let (one, two) = (PacketId::new(1).unwrap(), PacketId::new(2).unwrap());
        let (uid, lane) = (Uid([1; 16]), Lane::Normal);
        let keys = [
            publish_key(uid, lane, 1, one, "a", b"b"),
            publish_key(Uid([2; 16]), lane, 1, one, "a", b"b"),
            publish_key(uid, Lane::Critical, 1, one, "a", b"b"),
            publish_key(uid, lane, 2, one, "a", b"b"),
            publish_key(uid, lane, 1, two, "a", b"b"),
            publish_key(uid, lane, 1, one, "ab", b""),
            publish_key(uid, lane, 1, one, "", b"ab"),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|other| other == key), Some(at));
        }
    }
}
