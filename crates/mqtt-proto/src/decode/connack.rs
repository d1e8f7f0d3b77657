//! CONNACK.

use std::num::{NonZeroU16, NonZeroU32};

use super::Context;
use super::ack::reason;
use super::properties::{self, read};
use crate::allowed::CONNECTED;
use crate::read::{Read, Reader, fault};
use crate::{ConnAck, ConnAckProperties, QoS, Reason, Sensitive, Version, property as id};

impl Context<'_> {
    pub(super) fn connack<'a>(&self, body: &mut Reader<'a>) -> Read<ConnAck<'a>> {
        let flags = match (self.version, body.byte()?) {
            // It means nothing there.
            (Version::V31, _) => 0,
            (_, flags) => flags,
        };
        if flags > 1 {
            return Err(fault!("a reserved flag of CONNACK is set"));
        }
        let (reason, properties) = if self.version.is_v5() {
            (reason(body, CONNECTED)?, self.connack_properties(body)?)
        } else {
            let reason = Reason::of_connack_v3(body.byte()?);
            let reason = reason.ok_or(fault!("a return code that there is not"))?;
            (reason, ConnAckProperties::default())
        };
        let session_present = flags == 1;
        if session_present && reason != Reason::Success {
            return Err(fault!(ProtocolError, "a session of a refused connection"));
        }
        Ok(ConnAck {
            session_present,
            reason,
            properties,
        })
    }

    fn connack_properties<'a>(&self, body: &mut Reader<'a>) -> Read<ConnAckProperties<'a>> {
        let mut of = ConnAckProperties::default();
        let limit = self.limits.user_properties;
        let repeated = read(body, properties::CONNACK, limit, |id, value| match id {
            id::SESSION_EXPIRY => of.session_expiry = value.number(),
            id::RECEIVE_MAXIMUM => of.receive_maximum = value.short().and_then(NonZeroU16::new),
            id::QOS_MAXIMUM => of.qos_maximum = value.flag().map(qos_maximum),
            id::RETAIN_AVAILABLE => of.retain_available = value.flag(),
            id::PACKET_MAXIMUM => of.packet_maximum = value.number().and_then(NonZeroU32::new),
            id::ASSIGNED_CLIENT_ID => of.assigned_client_id = value.text(),
            id::TOPIC_ALIAS_MAXIMUM => of.topic_alias_maximum = value.short(),
            id::REASON_TEXT => of.reason_text = value.text(),
            id::WILDCARDS_AVAILABLE => of.wildcards_available = value.flag(),
            id::SUBSCRIPTION_IDS_AVAILABLE => of.subscription_ids_available = value.flag(),
            id::SHARED_AVAILABLE => of.shared_available = value.flag(),
            id::SERVER_KEEP_ALIVE => of.server_keep_alive = value.short(),
            id::RESPONSE_INFORMATION => of.response_information = value.text(),
            id::SERVER_REFERENCE => of.server_reference = value.text(),
            id::AUTHENTICATION_METHOD => of.authentication_method = value.text(),
            _ => of.authentication_data = value.binary().map(Sensitive),
        })?;
        of.user = repeated.user;
        Ok(of)
    }
}

const fn qos_maximum(at_least_once: bool) -> QoS {
    match at_least_once {
        true => QoS::AtLeastOnce,
        false => QoS::AtMostOnce,
    }
}
