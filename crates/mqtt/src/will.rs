//! Wills: what is published when a client is lost.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use spica_mqtt_proto as proto;
use spica_mqtt_proto::{QoS, UserProperties};

use crate::record::{base64_bytes, qos_number};

/// What is published when the client is lost: its own copy, as it is kept in the session's record.
///
/// Its size is bounded by that of the CONNECT it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Will {
    /// Topic.
    pub topic: String,
    /// Payload; base64 in the record.
    #[serde(with = "base64_bytes")]
    pub payload: Bytes,
    /// Quality of service: 0, 1 or 2 in the record.
    #[serde(with = "qos_number")]
    pub qos: QoS,
    /// Whether it is retained.
    #[serde(default, skip_serializing_if = "is_false")]
    pub retain: bool,
    /// Seconds it waits for the client to come back.
    #[serde(default)]
    pub delay_secs: u32,
    /// Whether the payload says of itself that it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_is_utf8: Option<bool>,
    /// Seconds after which it is no longer delivered, from its publication on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_secs: Option<u32>,
    /// Content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Topic for an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_topic: Option<String>,
    /// What an answer carries; base64 in the record.
    #[serde(
        default,
        with = "base64_bytes::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub correlation: Option<Bytes>,
    /// User properties, in their order: name and value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: Vec<(String, String)>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Will {
    /// The will of a CONNECT.
    #[must_use]
    pub fn of(will: &proto::Will<'_>) -> Self {
        let properties = &will.properties;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            topic: will.topic.to_owned(),
            payload: Bytes::copy_from_slice(will.payload),
            qos: will.qos,
            retain: will.retain,
            delay_secs: properties.delay.unwrap_or(0),
            payload_is_utf8: properties.payload_is_utf8,
            expiry_secs: properties.expiry,
            content_type: owned(properties.content_type),
            response_topic: owned(properties.response_topic),
            correlation: properties.correlation.map(Bytes::copy_from_slice),
            user: UserProperties::iter(&properties.user).map(pair).collect(),
        }
    }
}
