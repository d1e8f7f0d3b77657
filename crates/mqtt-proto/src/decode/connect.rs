//! CONNECT.

use super::Context;
use super::properties::{self, read};
use super::publish::TOPIC_BEYOND;
use crate::read::{Fault, Read, Reader, fault};
use crate::{
    Connect, ConnectProperties, QoS, Sensitive, Version, Will, WillProperties, property as id,
};
use std::num::{NonZeroU16, NonZeroU32};

/// The version in which the sender of a CONNECT understands an answer; none if it is no CONNECT, or
/// nothing can be said yet.
pub(super) fn spoken(packet: &[u8]) -> Option<Version> {
    let (1, rest) = packet
        .split_first()
        .map(|(first, rest)| (first >> 4, rest))?
    else {
        return None;
    };
    let end = rest.iter().take(4).position(|byte| byte & 128 == 0)?;
    let mut body = Reader::new(&rest[end + 1..]);
    body.bytes().ok()?;
    // Some bridges set the highest bit.
    match body.byte().ok()? & 127 {
        0..=3 => Some(Version::V31),
        4 => Some(Version::V311),
        _ => Some(Version::V5),
    }
}

const FLAG_CLEAN: u8 = 2;
const FLAG_WILL: u8 = 4;
const FLAG_WILL_RETAIN: u8 = 32;
const FLAG_PASSWORD: u8 = 64;
const FLAG_USER: u8 = 128;
const BAD_ID: &Fault = fault!(
    ClientIdentifierNotValid,
    "a client id that is empty without a clean session, or too long"
);

impl Context<'_> {
    pub(super) fn connect<'a>(&self, body: &mut Reader<'a>) -> Read<Connect<'a>> {
        let version = version(body)?;
        let flags = body.byte()?;
        check_flags(flags, version)?;
        let keep_alive = body.short()?;
        let properties = if version.is_v5() {
            self.connect_properties(body)?
        } else {
            ConnectProperties::default()
        };
        let client_id = body.text()?;
        let clean_start = flags & FLAG_CLEAN != 0;
        self.check_client_id(client_id, version, clean_start)?;
        let will = match flags & FLAG_WILL {
            0 => None,
            _ => Some(self.will(body, flags, version)?),
        };
        // In MQTT 3.1 the length of the packet counts more than the flags.
        let is_there = |flag, body: &Reader<'_>| {
            flags & flag != 0 && !(version == Version::V31 && body.is_empty())
        };
        let user = match is_there(FLAG_USER, body) {
            true => Some(body.text()?),
            false => None,
        };
        let password = match is_there(FLAG_PASSWORD, body) {
            true => Some(Sensitive(body.bytes()?)),
            false => None,
        };
        Ok(Connect {
            version,
            clean_start,
            keep_alive,
            properties,
            client_id,
            will,
            user,
            password,
        })
    }

    fn check_client_id(&self, id: &str, version: Version, clean_start: bool) -> Read<()> {
        let (may_be_empty, limit) = match version {
            Version::V31 => (false, self.limits.client_id_bytes_v31),
            Version::V311 => (clean_start, self.limits.client_id_bytes),
            Version::V5 => (true, self.limits.client_id_bytes),
        };
        if id.len() > usize::from(limit) || id.is_empty() && !may_be_empty {
            return Err(BAD_ID);
        }
        Ok(())
    }

    fn will<'a>(&self, body: &mut Reader<'a>, flags: u8, version: Version) -> Read<Will<'a>> {
        let properties = if version.is_v5() {
            self.will_properties(body)?
        } else {
            WillProperties::default()
        };
        let topic = body.topic_or_empty()?;
        if topic.is_empty() {
            return Err(fault!(TopicNameInvalid, "a will without a topic"));
        }
        self.check_topic(topic, TOPIC_BEYOND)?;
        let payload = body.bytes()?;
        let qos = QoS::of(flags >> 3 & 3).ok_or(fault!("a will of QoS 3"))?;
        Ok(Will {
            qos,
            retain: flags & FLAG_WILL_RETAIN != 0,
            topic,
            payload,
            properties,
        })
    }

    fn connect_properties<'a>(&self, body: &mut Reader<'a>) -> Read<ConnectProperties<'a>> {
        let mut of = ConnectProperties::default();
        let limit = self.limits.user_properties;
        let repeated = read(body, properties::CONNECT, limit, |id, value| match id {
            id::SESSION_EXPIRY => of.session_expiry = value.number(),
            id::RECEIVE_MAXIMUM => of.receive_maximum = value.short().and_then(NonZeroU16::new),
            id::PACKET_MAXIMUM => of.packet_maximum = value.number().and_then(NonZeroU32::new),
            id::TOPIC_ALIAS_MAXIMUM => of.topic_alias_maximum = value.short(),
            id::REQUEST_RESPONSE => of.request_response_information = value.flag(),
            id::REQUEST_PROBLEM => of.request_problem_information = value.flag(),
            id::AUTHENTICATION_METHOD => of.authentication_method = value.text(),
            _ => of.authentication_data = value.binary().map(Sensitive),
        })?;
        of.user = repeated.user;
        if of.authentication_data.is_some() && of.authentication_method.is_none() {
            let fault = fault!(ProtocolError, "authentication data without a method");
            return Err(fault);
        }
        Ok(of)
    }

    fn will_properties<'a>(&self, body: &mut Reader<'a>) -> Read<WillProperties<'a>> {
        let mut of = WillProperties::default();
        let limit = self.limits.user_properties;
        let repeated = read(body, properties::WILL, limit, |id, value| match id {
            id::WILL_DELAY => of.delay = value.number(),
            id::PAYLOAD_FORMAT => of.payload_is_utf8 = value.flag(),
            id::MESSAGE_EXPIRY => of.expiry = value.number(),
            id::CONTENT_TYPE => of.content_type = value.text(),
            id::RESPONSE_TOPIC => of.response_topic = value.text(),
            _ => of.correlation = value.binary(),
        })?;
        of.user = repeated.user;
        Ok(of)
    }
}

fn version(body: &mut Reader<'_>) -> Read<Version> {
    let name = body.bytes()?;
    let level = body.byte()?;
    let known = Version::ALL
        .into_iter()
        .find(|version| *version as u8 == level && version.protocol_name().as_bytes() == name);
    known.ok_or(fault!(
        UnsupportedProtocolVersion,
        "neither MQTT 3.1 nor 3.1.1 nor 5"
    ))
}

fn check_flags(flags: u8, version: Version) -> Read<()> {
    if version != Version::V31 {
        if flags & 1 != 0 {
            return Err(fault!("the reserved flag of CONNECT is set"));
        }
        if flags & FLAG_WILL == 0 && flags & (FLAG_WILL_RETAIN | 24) != 0 {
            return Err(fault!("a will's QoS or retain flag without a will"));
        }
    }
    if flags & FLAG_PASSWORD != 0 && flags & FLAG_USER == 0 && !version.is_v5() {
        return Err(fault!("a password without a user name"));
    }
    if flags & FLAG_WILL != 0 && flags & 24 == 24 {
        return Err(fault!("a will of QoS 3"));
    }
    Ok(())
}
