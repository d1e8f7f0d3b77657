//! CONNECT and CONNACK.

use super::properties::{Written, section};
use crate::allowed::CONNECTED;
use crate::write::{Sink, binary, text};
use crate::{ConnAck, Connect, EncodeError, Reason, Version, Will, check_topic_name};

pub(super) fn connect(connect: &Connect<'_>, sink: &mut impl Sink) -> Written {
    let version = connect.version;
    check(connect)?;
    text(sink, version.protocol_name())?;
    sink.byte(version as u8);
    sink.byte(flags(connect));
    sink.short(connect.keep_alive);
    if version.is_v5() {
        section(sink, &connect.properties)?;
    }
    text(sink, connect.client_id)?;
    if let Some(will) = &connect.will {
        put_will(will, version, sink)?;
    }
    if let Some(user) = connect.user {
        text(sink, user)?;
    }
    if let Some(password) = connect.password {
        binary(sink, password.0)?;
    }
    Ok(())
}

fn check(connect: &Connect<'_>) -> Written {
    let wrong = |what| Err(EncodeError::Contradiction(what));
    let may_be_empty = match connect.version {
        Version::V31 => false,
        Version::V311 => connect.clean_start,
        Version::V5 => true,
    };
    if connect.client_id.is_empty() && !may_be_empty {
        return wrong("an empty client id, which this version has not or only without a session");
    }
    if connect.password.is_some() && connect.user.is_none() && !connect.version.is_v5() {
        return wrong("a password without a user name");
    }
    Ok(())
}

fn flags(connect: &Connect<'_>) -> u8 {
    let will = connect.will.map_or(0, |will| {
        4 | (will.qos as u8) << 3 | u8::from(will.retain) << 5
    });
    u8::from(connect.clean_start) << 1
        | will
        | u8::from(connect.password.is_some()) << 6
        | u8::from(connect.user.is_some()) << 7
}

fn put_will(will: &Will<'_>, version: Version, sink: &mut impl Sink) -> Written {
    if check_topic_name(will.topic).is_err() {
        return Err(EncodeError::Contradiction("a will's topic that is none"));
    }
    if version.is_v5() {
        section(sink, &will.properties)?;
    }
    text(sink, will.topic)?;
    binary(sink, will.payload)
}

pub(super) fn connack(connack: &ConnAck<'_>, version: Version, sink: &mut impl Sink) -> Written {
    let wrong = |what| Err(EncodeError::Contradiction(what));
    if connack.session_present && connack.reason != Reason::Success {
        return wrong("a session of a refused connection");
    }
    // Before MQTT 3.1.1 the flag is reserved.
    let flag = connack.session_present && version != Version::V31;
    sink.byte(flag.into());
    if version.is_v5() {
        if !CONNECTED.contains(&connack.reason) {
            return wrong("a reason that CONNACK does not have");
        }
        sink.byte(connack.reason.code());
        return section(sink, &connack.properties);
    }
    let Some(code) = connack.reason.connack_v3() else {
        return wrong("a reason that a CONNACK of MQTT 3 does not have: close without one");
    };
    sink.byte(code);
    Ok(())
}
