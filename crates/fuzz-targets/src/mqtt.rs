//! Fuzz target: MQTT packets. The first byte says who reads them, in which version and within what
//! limits; the rest is what has come, one packet after another.

use spica_mqtt_proto::{
    Ack, Connect, Decoded, Filters, Limits, Packet, Publish, QoS, Side, SubAck, Topics,
    UserProperties, Version, check_filter, check_topic_name, decode, split_share,
};

/// Runs the target on one input.
///
/// # Panics
/// If a packet is read that must not be, is read otherwise in parts, or cannot be written and read
/// again.
pub fn run(data: &[u8]) {
    let [how, bytes @ ..] = data else { return };
    let reader = Reader::of(*how);
    let mut version = reader.version;
    let mut rest = bytes;
    while let Some((packet, length)) = (Reader { version, ..reader }).next(rest) {
        let reader = Reader { version, ..reader };
        reader.check_parts(&rest[..length]);
        reader.check_packet(&packet, length);
        // What follows is of the version that was agreed on.
        if let Packet::Connect(connect) = packet {
            version = connect.version;
        }
        rest = &rest[length..];
    }
}

#[derive(Clone, Copy)]
struct Reader {
    side: Side,
    version: Version,
    limits: Limits,
}

impl Reader {
    fn of(how: u8) -> Self {
        let side = if how & 1 == 0 {
            Side::Server
        } else {
            Side::Client
        };
        let version = Version::ALL[usize::from(how >> 1) % 3];
        let limits = match how & 128 {
            0 => Limits::default(),
            _ => Limits {
                packet_bytes: 200,
                connect_bytes: 100,
                client_id_bytes: 30,
                client_id_bytes_v31: 30,
                topic_bytes: 40,
                topic_levels: 4,
                filters: 3,
                user_properties: 2,
            },
        };
        Self {
            side,
            version,
            limits,
        }
    }

    /// The next packet, and its bytes.
    fn next(self, bytes: &[u8]) -> Option<(Packet<'_>, usize)> {
        match decode(bytes, self.side, self.version, &self.limits) {
            Ok(Decoded::Packet { packet, length }) => {
                assert!(length <= bytes.len() && length <= self.limits.packet_bytes as usize);
                Some((packet, length))
            }
            Ok(Decoded::Incomplete { at_least }) => {
                assert!(at_least > bytes.len(), "nothing would be waited for");
                None
            }
            Err(error) => {
                assert!(error.reason.is_failure() && !error.what.is_empty());
                None
            }
        }
    }

    /// A packet is the same whatever follows, and its beginnings are incomplete.
    fn check_parts(self, bytes: &[u8]) {
        assert_eq!(
            self.next(bytes).map(|(_, length)| length),
            Some(bytes.len())
        );
        let step = (bytes.len() / 64).max(1);
        for end in (0..bytes.len()).step_by(step) {
            let part = decode(&bytes[..end], self.side, self.version, &self.limits);
            let is_incomplete =
                matches!(part, Ok(Decoded::Incomplete { at_least }) if at_least <= bytes.len());
            assert!(is_incomplete, "{end} of {} bytes: {part:?}", bytes.len());
        }
    }

    fn check_packet(self, packet: &Packet<'_>, length: usize) {
        let mut written = Vec::new();
        let encoded = packet.encode(self.version, &mut written);
        assert_eq!(encoded, Ok(()), "{packet:?}");
        assert!(written.len() <= length, "never longer than it came");
        assert_eq!(packet.encoded_len(self.version), Ok(written.len()));
        assert_eq!(self.next(&written), Some((*packet, written.len())));
        match packet {
            Packet::Connect(connect) => self.check_connect(connect),
            Packet::Publish(publish) => self.check_publish(publish),
            Packet::PubAck(ack) | Packet::PubRec(ack) => self.check_ack(ack),
            Packet::PubRel(ack) | Packet::PubComp(ack) => self.check_ack(ack),
            Packet::Subscribe(subscribe) => self.check_filters(subscribe.filters),
            Packet::Unsubscribe(unsubscribe) => self.check_topics(unsubscribe.filters),
            Packet::SubAck(answer) | Packet::UnsubAck(answer) => self.check_answer(answer),
            _ => {}
        }
    }

    fn check_connect(self, connect: &Connect<'_>) {
        assert_eq!(self.side, Side::Server);
        assert!(!connect.client_id.contains('\0'));
        assert!(connect.client_id.len() <= usize::from(self.limits.client_id_bytes));
        self.check_user(connect.properties.user);
        if let Some(will) = connect.will {
            assert_eq!(check_topic_name(will.topic), Ok(()));
            self.check_user(will.properties.user);
        }
        if connect.version < Version::V5 {
            assert_eq!(connect.properties, Default::default());
            assert!(connect.password.is_none() || connect.user.is_some());
        }
    }

    fn check_publish(self, publish: &Publish<'_>) {
        let properties = &publish.properties;
        assert_eq!(publish.packet_id.is_some(), publish.qos != QoS::AtMostOnce);
        assert!(!publish.dup || publish.packet_id.is_some());
        match publish.topic {
            "" => assert!(properties.alias.is_some_and(|alias| alias != 0)),
            topic => assert_eq!(check_topic_name(topic), Ok(())),
        }
        if let Some(topic) = properties.response_topic {
            assert_eq!(check_topic_name(topic), Ok(()));
        }
        let mut ids = properties.subscription_ids.iter();
        assert!(ids.all(|id| (1..1 << 28).contains(&id)));
        assert!(self.side == Side::Client || properties.subscription_ids.is_empty());
        self.check_user(properties.user);
    }

    fn check_ack(self, ack: &Ack<'_>) {
        self.check_user(ack.properties.user);
        if self.version < Version::V5 {
            assert!(!ack.reason.is_failure());
        }
    }

    fn check_filters(self, filters: Filters<'_>) {
        let mut count = 0;
        for (filter, options) in filters.iter() {
            count += 1;
            assert_eq!(check_filter(filter), Ok(()));
            assert!(!options.no_local || split_share(filter).is_none());
            assert!(self.version == Version::V5 || options.byte() < 3);
        }
        assert!((1..=self.limits.filters).contains(&count));
    }

    fn check_topics(self, filters: Topics<'_>) {
        let count = filters.iter().count();
        assert!((1..=self.limits.filters as usize).contains(&count));
        assert!(filters.iter().all(|filter| check_filter(filter).is_ok()));
    }

    fn check_answer(self, answer: &SubAck<'_>) {
        self.check_user(answer.properties.user);
        assert_eq!(answer.reasons.len(), answer.reasons.iter().count());
    }

    fn check_user(self, user: UserProperties<'_>) {
        let count = user.iter().count();
        assert!(count <= self.limits.user_properties as usize);
        assert_eq!(count == 0, user.is_empty());
        assert!(
            user.iter()
                .all(|(name, value)| !name.contains('\0') && !value.contains('\0'))
        );
    }
}
