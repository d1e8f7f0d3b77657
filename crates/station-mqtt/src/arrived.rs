//! A publish that came in, as the record that it becomes.

use bytes::Bytes;
use spica_model::{ContentType, Key, Kind, LimitError, Op, Properties, Property, Topic, limits};
use spica_mqtt_proto::{Publish, QoS, Reason};

/// What is to be recorded of a publish, apart from its payload.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) topic: Topic,
    pub(crate) kind: Kind,
    pub(crate) op: Op,
    pub(crate) content_type: ContentType,
    pub(crate) properties: Option<Properties>,
    pub(crate) key: Option<Key>,
}

impl Arrived {
    /// Of a publish to the record topic `topic`, whose records are of kind `state` if `is_state`.
    ///
    /// # Errors
    /// Why it cannot be a record: too large, or its payload is not the text that it says it is.
    pub(crate) fn of(publish: &Publish<'_>, topic: Topic, is_state: bool) -> Result<Self, Reason> {
        if publish.payload.len() > limits::PAYLOAD_BYTES {
            return Err(Reason::PacketTooLarge);
        }
        let kind = if publish.retain || is_state {
            Kind::State
        } else {
            Kind::Event
        };
        let op = if publish.retain && publish.payload.is_empty() {
            Op::Delete
        } else {
            Op::Put
        };
        Ok(Self {
            topic,
            kind,
            op,
            content_type: content_type(publish)?,
            properties: properties(publish).map_err(|_| Reason::PacketTooLarge)?,
            key: None,
        })
    }
}

/// What Spica takes the payload for: what the sender calls it, if that is a media type, and otherwise
/// what it looks like.
fn content_type(publish: &Publish<'_>) -> Result<ContentType, Reason> {
    let properties = &publish.properties;
    if properties.payload_is_utf8 == Some(true) && std::str::from_utf8(publish.payload).is_err() {
        return Err(Reason::PayloadFormatInvalid);
    }
    let named = properties.content_type.filter(|name| name.contains('/'));
    if let Some(Ok(named)) = named.map(ContentType::parse) {
        return Ok(named);
    }
    Ok(guess(publish.payload))
}

/// What a payload looks like: JSON, text, or bytes. Numbers and words are JSON only if they are.
fn guess(payload: &[u8]) -> ContentType {
    let is_text = |bytes: &[u8]| {
        let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
        !bytes.iter().any(control) && std::str::from_utf8(bytes).is_ok()
    };
    if payload.is_empty() || !is_text(payload) {
        return ContentType::Bytes;
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(payload) {
        Ok(_) => ContentType::Json,
        Err(_) => ContentType::Text,
    }
}

fn properties(publish: &Publish<'_>) -> Result<Option<Properties>, LimitError> {
    let given = &publish.properties;
    let service = Property::Service {
        qos: publish.qos as u8,
        retain: publish.retain,
    };
    let user = given
        .user
        .iter()
        .map(|(name, value)| Property::User { name, value });
    let list = [Some(service)]
        .into_iter()
        .chain([
            given.response_topic.map(Property::ResponseTopic),
            given.correlation.map(Property::Correlation),
            given.expiry.map(Property::Expiry),
            (given.payload_is_utf8 == Some(true)).then_some(Property::Text),
            given.content_type.map(Property::ContentType),
        ])
        .flatten()
        .chain(user);
    plain(publish).map_or_else(|| Properties::new(list), |it| Ok(Some(it)))
}

/// The properties of a publish that has none: shared, since most are like that.
fn plain(publish: &Publish<'_>) -> Option<Properties> {
    static PLAIN: [[u8; 4]; 8] = {
        let mut plain = [[1, 0, 1, 0]; 8];
        let mut bits = 0;
        while bits < 8 {
            plain[bits][3] = bits as u8;
            bits += 1;
        }
        plain
    };
    if publish.properties != Default::default() {
        return None;
    }
    let bits = publish.qos as usize | usize::from(publish.retain) << 2;
    Properties::from_bytes(Bytes::from_static(&PLAIN[bits])).ok()
}

/// What a record's properties say of how it came by MQTT; none if it came another way.
pub(crate) fn service(properties: Option<&Properties>) -> Option<(QoS, bool)> {
    properties?.iter().find_map(|property| match property {
        Property::Service { qos, retain } => Some((QoS::try_from(qos).ok()?, retain)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_mqtt_proto::PublishProperties;

    fn publish<'a>(payload: &'a [u8], properties: PublishProperties<'a>) -> Publish<'a> {
        Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: "a",
            packet_id: None,
            properties,
            payload,
        }
    }

    fn arrived(publish: &Publish<'_>) -> Result<Arrived, Reason> {
        Arrived::of(publish, Topic::new("root/a").unwrap(), false)
    }

    #[test]
    fn payloads_are_taken_for_what_they_look_like() {
        for (payload, expected) in [
            (&b"21.5"[..], ContentType::Json),
            (br#"{"t":21.5}"#, ContentType::Json),
            (b"open", ContentType::Text),
            (b"two\nlines", ContentType::Text),
            (b"\x00\x01", ContentType::Bytes),
            (b"\xff", ContentType::Bytes),
            (b"", ContentType::Bytes),
        ] {
            let record = arrived(&publish(payload, PublishProperties::default())).unwrap();
            assert_eq!(record.content_type, expected, "{payload:?}");
        }
    }

    #[test]
    fn what_the_sender_says_is_kept() {
        let properties = PublishProperties {
            payload_is_utf8: Some(true),
            expiry: Some(60),
            response_topic: Some("answers"),
            correlation: Some(b"7"),
            content_type: Some("application/cbor"),
            ..PublishProperties::default()
        };
        let record = arrived(&publish(b"x", properties)).unwrap();
        assert_eq!(record.content_type, ContentType::Cbor);
        let kept = record.properties.unwrap();
        let expected = [
            Property::Service {
                qos: 1,
                retain: false,
            },
            Property::ResponseTopic("answers"),
            Property::Correlation(b"7"),
            Property::Expiry(60),
            Property::Text,
            Property::ContentType("application/cbor"),
        ];
        assert_eq!(kept.iter().collect::<Vec<_>>(), expected);
        assert_eq!(service(Some(&kept)), Some((QoS::AtLeastOnce, false)));
        let lie = publish(
            b"\xff",
            PublishProperties {
                payload_is_utf8: Some(true),
                ..PublishProperties::default()
            },
        );
        assert_eq!(arrived(&lie).unwrap_err(), Reason::PayloadFormatInvalid);
    }

    #[test]
    fn plain_publishes_share_their_properties() {
        for qos in QoS::ALL {
            for retain in [false, true] {
                let publish = Publish {
                    qos,
                    retain,
                    ..publish(b"x", PublishProperties::default())
                };
                let record = arrived(&publish).unwrap();
                assert_eq!(service(record.properties.as_ref()), Some((qos, retain)));
                assert_eq!(record.kind == Kind::State, retain);
            }
        }
    }

    #[test]
    fn an_empty_retained_publish_deletes() {
        let publish = Publish {
            retain: true,
            ..publish(b"", PublishProperties::default())
        };
        let record = arrived(&publish).unwrap();
        assert_eq!((record.op, record.kind), (Op::Delete, Kind::State));
    }
}
