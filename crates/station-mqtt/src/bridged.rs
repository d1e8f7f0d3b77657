//! Publishes that a bridge of another Spica brings: they say where they have been, and which record
//! they are (`docs/bridge.md`).

use sha2::{Digest as _, Sha256};
use spica_model::Key;
use spica_mqtt_proto::Publish;

/// The user property with the nodes that a message has come through, with commas between them.
const VIA: &str = "spica-via";
/// The user property with the node and the place of the record that a message says.
const RECORD: &str = "spica-record";

/// Whether a publish has been at `node` before: it is no news here, and would go round for ever.
pub(crate) fn is_circle(publish: &Publish<'_>, node: &str) -> bool {
    let Some(via) = user(publish, VIA) else {
        return false;
    };
    // As bridges name a node: a comma of its path is written as what no path has.
    via.split(',').any(|name| {
        let mut here = node.chars().map(|c| if c == ',' { '+' } else { c });
        name.chars().all(|c| here.next() == Some(c)) && here.next().is_none()
    })
}

/// What a record that comes twice is known by. Only of one client and topic: nobody takes the place
/// of somebody else's record.
pub(crate) fn key(publish: &Publish<'_>, client_id: &str, topic: &str) -> Option<Key> {
    let record = user(publish, RECORD)?;
    let mut hash = Sha256::new();
    for part in [client_id, topic, record] {
        // No text has this byte.
        hash.update(part.as_bytes());
        hash.update([0xFF]);
    }
    let mut key = b"bridged:".to_vec();
    key.extend(hash.finalize());
    Key::new(key).ok()
}

fn user<'a>(publish: &Publish<'a>, wanted: &str) -> Option<&'a str> {
    let mut user = publish.properties.user.iter();
    user.find_map(|(name, value)| (name == wanted).then_some(value))
}

#[cfg(test)]
mod tests {
    use spica_mqtt_proto::{PublishProperties, QoS, UserProperties};

    use super::*;

    fn with<T>(pairs: &[(&str, &str)], look: impl FnOnce(&Publish<'_>) -> T) -> T {
        let mut user = Vec::new();
        for (name, value) in pairs {
            UserProperties::push(&mut user, name, value).unwrap();
        }
        look(&Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: "a",
            packet_id: None,
            properties: PublishProperties {
                user: UserProperties::of(&user),
                ..PublishProperties::default()
            },
            payload: b"",
        })
    }

    #[test]
    fn a_message_that_has_been_here_is_known() {
        for (via, node, is) in [
            ("root/a,root/b", "root/a", true),
            ("root/a,root/b", "root/b", true),
            ("root/a,root/b", "root", false),
            ("root/a", "root/ab", false),
            ("root/a+b", "root/a,b", true),
            ("", "root/a", false),
        ] {
            let found = with(&[("x", "y"), (VIA, via)], |it| is_circle(it, node));
            assert_eq!(found, is, "{via} {node}");
        }
        assert!(!with(&[], |it| is_circle(it, "root/a")));
    }

    #[test]
    fn a_record_has_one_key_for_a_client_and_a_topic() {
        let of = |record: &str, client: &str, topic: &str| {
            with(&[(RECORD, record)], |it| key(it, client, topic).unwrap())
        };
        let first = of("root/a@1/normal/7", "c", "t");
        assert_eq!(of("root/a@1/normal/7", "c", "t"), first);
        for other in [
            ("root/a@1/normal/8", "c", "t"),
            ("root/a@1/normal/7", "d", "t"),
            ("root/a@1/normal/7", "c", "u"),
        ] {
            assert_ne!(of(other.0, other.1, other.2), first);
        }
        assert_eq!(with(&[], |it| key(it, "c", "t")), None);
    }
}
