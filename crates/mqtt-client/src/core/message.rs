//! Messages, as they are published and received.

use bytes::Bytes;
use spica_mqtt_proto::{
    EncodeError, PacketId, Publish, PublishProperties, PublishStamp, QoS, Reason, UserProperties,
    Version, encode_publish,
};

/// Properties of a message; MQTT 3.1.1 leaves them out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageProperties {
    /// Whether the payload says of itself that it is UTF-8.
    pub payload_is_utf8: Option<bool>,
    /// Seconds after which it is no longer delivered.
    pub expiry: Option<u32>,
    /// What the payload is.
    pub content_type: Option<String>,
    /// Topic for an answer.
    pub response_topic: Option<String>,
    /// What an answer carries.
    pub correlation: Option<Bytes>,
    /// Pairs of name and value.
    pub user: Vec<(String, String)>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// Quality of service.
    pub qos: QoS,
    /// To the server: it is kept as the topic's last. From it: it was kept.
    pub retain: bool,
    /// Properties.
    pub properties: MessageProperties,
}

impl Message {
    /// A message of QoS 1 without properties.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos: QoS::AtLeastOnce,
            ..Self::default()
        }
    }

    /// Writes it as a PUBLISH at the end of `out`.
    pub(crate) fn encode(
        &self,
        id: Option<PacketId>,
        version: Version,
        out: &mut Vec<u8>,
    ) -> Result<PublishStamp, EncodeError> {
        let properties = &self.properties;
        let mut user = Vec::new();
        for (name, value) in &properties.user {
            UserProperties::push(&mut user, name, value)?;
        }
        let publish = Publish {
            dup: false,
            qos: self.qos,
            retain: self.retain,
            topic: &self.topic,
            packet_id: id,
            properties: PublishProperties {
                payload_is_utf8: properties.payload_is_utf8,
                expiry: properties.expiry,
                content_type: properties.content_type.as_deref(),
                response_topic: properties.response_topic.as_deref(),
                correlation: properties.correlation.as_deref(),
                user: UserProperties::of(&user),
                ..PublishProperties::default()
            },
            payload: &self.payload,
        };
        encode_publish(&publish, version, out)
    }

    /// Of a PUBLISH, copied.
    pub(crate) fn of(publish: &Publish<'_>) -> Self {
        let properties = &publish.properties;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            topic: publish.topic.to_owned(),
            payload: Bytes::copy_from_slice(publish.payload),
            qos: publish.qos,
            retain: publish.retain,
            properties: MessageProperties {
                payload_is_utf8: properties.payload_is_utf8,
                expiry: properties.expiry,
                content_type: owned(properties.content_type),
                response_topic: owned(properties.response_topic),
                correlation: properties.correlation.map(Bytes::copy_from_slice),
                user: properties.user.iter().map(pair).collect(),
            },
        }
    }
}

/// What acknowledges a received message: it is good for as long as the server has the session that
/// brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptOf {
    pub(crate) id: PacketId,
    pub(crate) qos: QoS,
    pub(crate) number: u64,
}

/// A message that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The message.
    pub message: Message,
    /// Whether it may have come before.
    pub dup: bool,
    /// Identifiers of the subscriptions that it is for.
    pub subscriptions: Vec<u32>,
    /// With QoS 1 and 2: what [`crate::Client::acknowledge`] wants, if that is done by hand.
    pub receipt: Option<ReceiptOf>,
}

/// What became of a message that was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Success, or that nobody subscribes to it; QoS 0 is success when it was handed to the socket.
    pub reason: Reason,
}
