//! What a record's protocol says of it, as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use spica_model::{Properties, Property};
use utoipa::ToSchema;

/// What a message's protocol says of it beside topic and payload.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct PropertiesJson<'a> {
    /// The quality of service it was sent with: 0 at most once, 1 at least once, 2 exactly once.
    #[serde(skip_serializing_if = "Option::is_none")]
    qos: Option<u8>,
    /// Whether it was to be retained.
    #[serde(skip_serializing_if = "Option::is_none")]
    retain: Option<bool>,
    /// What the sender adds: names and values, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user: Vec<[&'a str; 2]>,
    /// Where an answer is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_topic: Option<&'a str>,
    /// What an answer is to carry (standard base64 with padding).
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<String>,
    /// For how many seconds after it was received it is of interest.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_s: Option<u32>,
    /// What the sender calls the payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    /// The payload is UTF-8 text.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    text: bool,
}

impl<'a> From<&'a Properties> for PropertiesJson<'a> {
    fn from(properties: &'a Properties) -> Self {
        let mut json = Self::default();
        for property in properties {
            match property {
                Property::Service { qos, retain } => {
                    (json.qos, json.retain) = (Some(qos), Some(retain));
                }
                Property::User { name, value } => json.user.push([name, value]),
                Property::ResponseTopic(topic) => json.response_topic = Some(topic),
                Property::Correlation(data) => json.correlation = Some(BASE64.encode(data)),
                Property::Expiry(seconds) => json.expiry_s = Some(seconds),
                Property::ContentType(name) => json.content_type = Some(name),
                Property::Text => json.text = true,
            }
        }
        json
    }
}
