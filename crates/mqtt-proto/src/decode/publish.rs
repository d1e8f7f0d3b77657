//! PUBLISH.

use super::Context;
use super::properties::{self, read};
use crate::read::{Fault, Read, Reader, fault};
use crate::{Publish, PublishProperties, QoS, Side, Version, property as id};

pub(super) const TOPIC_BEYOND: &Fault = fault!(
    TopicNameInvalid,
    "a topic with more bytes or levels than are taken"
);

impl Context<'_> {
    #[inline]
    pub(super) fn publish<'a>(&self, flags: u8, mut body: Reader<'a>) -> Read<Publish<'a>> {
        let Some(qos) = QoS::of(flags >> 1 & 3) else {
            return Err(fault!("QoS 3"));
        };
        let mut dup = flags & 8 != 0;
        if dup && qos == QoS::AtMostOnce {
            if self.version != Version::V31 {
                return Err(fault!("DUP with QoS 0"));
            }
            dup = false;
        }
        let topic = body.topic_or_empty()?;
        let packet_id = match qos {
            QoS::AtMostOnce => None,
            _ => Some(body.packet_id()?),
        };
        // Most have none: then nothing takes the address of it, and it stays in registers.
        let properties = if !self.version.is_v5() || body.skip_zero() {
            PublishProperties::default()
        } else {
            self.publish_properties(&mut body)?
        };
        if topic.is_empty() {
            if properties.alias.is_none() {
                return Err(fault!(ProtocolError, "neither a topic nor an alias of one"));
            }
        } else {
            self.check_topic(topic, TOPIC_BEYOND)?;
        }
        Ok(Publish {
            dup,
            qos,
            retain: flags & 1 != 0,
            topic,
            packet_id,
            properties,
            payload: body.rest(),
        })
    }

    #[inline(never)]
    fn publish_properties<'a>(&self, body: &mut Reader<'a>) -> Read<PublishProperties<'a>> {
        let mut of = PublishProperties::default();
        let limit = self.limits.user_properties;
        let repeated = read(body, properties::PUBLISH, limit, |id, value| match id {
            id::PAYLOAD_FORMAT => of.payload_is_utf8 = value.flag(),
            id::MESSAGE_EXPIRY => of.expiry = value.number(),
            id::TOPIC_ALIAS => of.alias = value.short(),
            id::RESPONSE_TOPIC => of.response_topic = value.text(),
            id::CORRELATION => of.correlation = value.binary(),
            _ => of.content_type = value.text(),
        })?;
        of.user = repeated.user;
        of.subscription_ids = repeated.subscription_ids;
        if self.side == Side::Server && !of.subscription_ids.is_empty() {
            let fault = fault!(ProtocolError, "a subscription identifier from a client");
            return Err(fault);
        }
        Ok(of)
    }
}
